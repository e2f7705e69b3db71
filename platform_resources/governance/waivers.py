"""Waivers: a rule does not block one product until a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from platform_resources.governance.model import Judgement, Waiver


def waive(judgements: Iterable[Judgement], waivers: Sequence[Waiver], now: datetime) -> list[Judgement]:
    return list(judgements)
