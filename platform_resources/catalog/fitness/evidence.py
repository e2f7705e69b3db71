"""What a verdict rests on, and how figures are told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import floor
from typing import Any, Literal

from platform_resources.contracts.wording import counted

Verdict = Literal["yes", "no", "unknown"]
# What keeps a need from being met now: what is asked for is not in the product at all, or a role would open it.
Lack = Literal["content", "access"]

_ORDER: Mapping[Verdict, int] = {"yes": 0, "unknown": 1, "no": 2}


@dataclass(frozen=True)
class Evidence:
    """One need, and whether it is met. `lacks` is set of a `yes` too: of one that takes a grant which isn't held."""

    need: str
    verdict: Verdict
    promised: Any
    measured: Any
    says: str
    lacks: Lack | None = None


def verdict_of(evidence: Iterable[Evidence]) -> Verdict:
    """`no` when one need is not met; `unknown` when one can't be told.

    >>> verdict_of([])
    'yes'
    """
    return max((one.verdict for one in evidence), key=_ORDER.__getitem__, default="yes")


def nearness(evidence: Collection[Evidence]) -> tuple[int, int, int, int]:
    """To list products in an order that helps who looks for one; smaller is nearer.

    What fits comes first, then what can't be told. Of the rest a product that has what is asked for, masked or not good
    enough, comes before one that has nothing of it, which no role and no time mends; then the one that lacks least.
    """
    verdicts = [one.verdict for one in evidence]
    absent = sum(one.lacks == "content" for one in evidence)
    return _ORDER[verdict_of(evidence)], absent, verdicts.count("no"), verdicts.count("unknown")


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
            parts.append(counted(count, name))
        if parts and len(parts) == 2:
            break
    return " ".join(parts) or "0 seconds"


def seconds(value: timedelta | None) -> float | None:
    return None if value is None else round(value.total_seconds(), 1)


def floored(value: float, digits: int = 2) -> str:
    """Never rounded up: what is not 98 is not told as 98."""
    return f"{floor(round(value * 10**digits, 6)) / 10**digits:g}"
