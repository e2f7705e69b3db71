"""Which of two masks hides more: where several hold, the most restrictive wins, and a change says what it loosens."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from platform_resources.contracts.masking import exact

# In rising strength. A hash tells which values are the same and nothing of them; what is generalised tells roughly
# what they are; a part tells a piece of each.
STRENGTH = ("none", "partial", "generalise", "hash", "redact", "null")
_ORDER = {"day": 0, "month": 1, "quarter": 2, "year": 3}

Options = Mapping[str, Any]


def coarsest(one: Options, other: Options) -> dict[str, Any] | None:
    """Options of `generalise` that tell no more than either of two does; None when nothing would be left to tell.

    >>> coarsest({"bucket": 10}, {"bucket": 15})
    {'bucket': 30}
    >>> coarsest({"bands": [10, 25, 50]}, {"bucket": 25})
    {'bands': [25, 50]}
    >>> coarsest({"unit": "week"}, {"unit": "month"})  # a week can lie in two months
    """
    if "unit" in one and "unit" in other:
        return _coarser_unit(one["unit"], other["unit"])
    if "bucket" in one and "bucket" in other:
        return {"bucket": _number(_least_common_multiple(exact(one["bucket"]), exact(other["bucket"])))}
    if "bands" in one and "bands" in other:
        kept = {exact(bound) for bound in other["bands"]}
        return _bands([bound for bound in one["bands"] if exact(bound) in kept])
    if "bands" in other:
        one, other = other, one
    if "bands" in one and "bucket" in other:
        step = exact(other["bucket"])
        return _bands([bound for bound in one["bands"] if (exact(bound) / step).denominator == 1])
    return None


def hides_as_much(one: Options, other: Options) -> bool:
    """Whether `one` (options of `generalise`) tells nothing that `other` hides."""
    merged = coarsest(one, other)
    return merged is not None and _canonical(merged) == _canonical(one)


def _coarser_unit(one: str, other: str) -> dict[str, Any] | None:
    for fine, coarse in ((one, other), (other, one)):
        if fine == coarse or fine == "day":
            return {"unit": coarse}
    if "week" in (one, other):
        return None
    return {"unit": max(one, other, key=lambda unit: _ORDER.get(unit, 0))}


def _least_common_multiple(one: Fraction, other: Fraction) -> Fraction:
    denominator = math.lcm(one.denominator, other.denominator)
    return Fraction(math.lcm(int(one * denominator), int(other * denominator)), denominator)


def _bands(bounds: list[Any]) -> dict[str, Any] | None:
    return {"bands": bounds} if bounds else None


def _number(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)


def _canonical(options: Options) -> tuple[Any, ...]:
    if "bands" in options:
        return ("bands", *map(exact, options["bands"]))
    return ("bucket", exact(options["bucket"])) if "bucket" in options else ("unit", options.get("unit"))
