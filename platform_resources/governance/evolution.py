"""What changed against the published promise, whom it breaks, and who consented."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from platform_resources.contracts import Mesh
from platform_resources.governance.model import Judgement, PublishedPort


def judge_changes(
    mesh: Mesh, published: Mapping[str, PublishedPort], now: datetime, *, domain: str | None = None
) -> list[Judgement]:
    return []
