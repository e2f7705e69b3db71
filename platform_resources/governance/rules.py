"""The council's rules applied to the documents of the mesh."""

from __future__ import annotations

from datetime import datetime

from platform_resources.contracts import Mesh
from platform_resources.governance.model import Candidate, Council, Judgement


def judge_rules(
    mesh: Mesh, council: Council, now: datetime, *, domain: str | None = None, candidate: Candidate | None = None
) -> list[Judgement]:
    return []
