"""What a verdict rests on, and how figures are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import floor
from typing import Any, Literal

Verdict = Literal["yes", "no", "unknown"]

_ORDER: Mapping[Verdict, int] = {"yes": 0, "unknown": 1, "no": 2}


@dataclass(frozen=True)
class Evidence:
    """One need, and whether it is met."""

    need: str
    verdict: Verdict
    promised: Any
    measured: Any
    says: str


def verdict_of(evidence: Iterable[Evidence]) -> Verdict:
    """`no` when one need is not met; `unknown` when one can't be told.

    >>> verdict_of([])
    'yes'
    """
    return max((one.verdict for one in evidence), key=_ORDER.__getitem__, default="yes")


def rank(verdict: Verdict) -> int:
    """To list what fits first."""
    return _ORDER[verdict]


_UNITS = (("year", 365 * 86_400), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def length(value: timedelta) -> str:
    """A length of time in words, its two largest units.

    >>> length(timedelta(minutes=90))
    '1 hour 30 minutes'
    """
    left, parts = int(value.total_seconds()), []
    for name, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count:,} {name}{'s' if count != 1 else ''}")
        if parts and len(parts) == 2:
            break
    return " ".join(parts) or "0 seconds"


def seconds(value: timedelta | None) -> float | None:
    return None if value is None else round(value.total_seconds(), 1)


def floored(value: float, digits: int = 2) -> str:
    """Never rounded up: what is not 98 is not told as 98."""
    return f"{floor(round(value * 10**digits, 6)) / 10**digits:g}"
