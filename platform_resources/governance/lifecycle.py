"""draft -> active -> deprecated -> retired: what each state lets happen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from platform_resources.contracts import Mesh
from platform_resources.governance.model import Judgement, PublishedPort


def judge_lifecycle(
    mesh: Mesh, published: Mapping[str, PublishedPort], now: datetime, *, domain: str | None = None
) -> list[Judgement]:
    return []
