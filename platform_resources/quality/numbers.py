"""Numbers of a contract, against columns whose numbers are exact: whole ones and DECIMAL. Pure.

Such a type is a grid: limits and steps are moved onto it, and are then compared in the column's own type. DuckDB would
look for a type that holds both sides, and there may be none (DECIMAL(38,30) and 1e12), or only DOUBLE, which rounds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, lcm

from platform_resources.contracts.options import INTEGER_FORMATS

_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_BITS = {"TINYINT": "8", "SMALLINT": "16", "INTEGER": "32", "BIGINT": "64", "HUGEINT": "128"}


@dataclass(frozen=True)
class Grid:
    """The numbers that a type holds: the whole numbers from `low` to `high`, each divided by 10 to the `scale`."""

    type: str
    low: int
    high: int
    scale: int = 0

    @property
    def unit(self) -> Fraction:
        return Fraction(1, 10**self.scale)

    def literal(self, steps: int) -> str:
        """A number of the grid, in SQL."""
        digits = str(abs(steps)).rjust(self.scale + 1, "0")
        point = len(digits) - self.scale
        text = f"{'-' if steps < 0 else ''}{digits[:point]}{'.' if self.scale else ''}{digits[point:]}"
        return f"CAST('{text}' AS {self.type})"

    def exactly(self, number: Fraction) -> str | None:
        """The number in SQL; None when no value of the type is equal to it."""
        steps = number / self.unit
        return self.literal(int(steps)) if steps.denominator == 1 and self.low <= steps <= self.high else None

    def beyond(self, sign: str, limit: Fraction) -> bool | str:
        """Which values are `<`, `<=`, `>` or `>=` the limit: all, none, or the other half of a comparison in SQL."""
        steps = limit / self.unit
        nearest = ceil(steps) if sign in ("<", ">=") else floor(steps)
        upward = sign.startswith(">")
        if nearest < self.low or (nearest == self.low and sign == ">="):
            return upward
        if nearest > self.high or (nearest == self.high and sign == "<="):
            return not upward
        return f"{sign} {self.literal(nearest)}"

    def no_multiple(self, step: Fraction) -> bool | str:
        """Which values are no multiple of the step: none, or the other half of a comparison in SQL."""
        steps = lcm(step.numerator * 10**self.scale, step.denominator) // step.denominator  # of the grid's multiples
        if steps == 1:
            return False
        return f"% {self.literal(steps)} <> 0" if steps <= self.high else "<> 0"


def grid_of(type_: str) -> Grid | None:
    """The grid of a type of DuckDB; None when its numbers are not exact."""
    if decimal := _DECIMAL.fullmatch(type_):
        width, scale = map(int, decimal.groups())
        return Grid(type_, 1 - 10**width, 10**width - 1, scale)
    unsigned = type_.startswith("U") and type_[1:] in _BITS
    bits = _BITS.get(type_[1:] if unsigned else type_)
    return None if bits is None else Grid(type_, *INTEGER_FORMATS[f"{'u' if unsigned else 'i'}{bits}"])
