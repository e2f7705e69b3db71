"""One meaning per term: glossaries of the domains, and the fields that are bound to their terms."""

from __future__ import annotations

from collections.abc import Mapping

from platform_resources.contracts import Mesh
from platform_resources.governance.model import Council, Judgement, PublishedPort


def judge_glossaries(
    mesh: Mesh, council: Council, published: Mapping[str, PublishedPort], *, domain: str | None = None
) -> list[Judgement]:
    return []
