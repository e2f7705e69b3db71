"""The figures of profiles that are watched, each with the scale on which it is compared. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Literal, NamedTuple

from platform_resources.quality.profile import KEPT_VALUES, ColumnProfile, Profile

Kind = Literal[
    "rows",
    "rows of the day",
    "age",
    "gap",
    "nulls",
    "distinct",
    "quantile",
    "mix",
    "new values",
    "gone values",
    "schema",
]

WATCHED_VALUES = 24  # of a mix, the most frequent ones, each by its share
_QUARTILE_NAMES = ("lower quartile", "median", "upper quartile")
_DAY = 86_400.0
_NOTHING = 1e-9  # so that what never changed is divided by something
_HIGHEST = 700.0  # whose exponential is a float


class Feature(NamedTuple):
    """`of`: which quartile, or which value of a mix. A tuple, for to judge a version 100,000 of them are looked up."""

    kind: Kind
    column: str | None = None
    of: str | None = None

    @property
    def is_share(self) -> bool:
        return self.kind in ("nulls", "distinct", "mix", "new values", "gone values")

    @property
    def upward_only(self) -> bool:
        """Less of it is no bad sign."""
        return self.kind in ("age", "gap", "new values")

    @property
    def group(self) -> tuple[str, str | None]:
        """What is told as one, by the strongest: all of a column but what is gone from it."""
        return ("" if self.column is not None and self.kind != "gone values" else self.kind), self.column

    @property
    def subject(self) -> str:
        """The same without a value of the data: `mix of currency_code`."""
        return self.title if self.kind != "mix" else f"mix of {self.column}"

    @property
    def title(self) -> str:
        """As a person calls it: `median of net_sales`."""
        return {
            "rows": "rows",
            "rows of the day": "rows of the last whole day",
            "age": "age of the newest row",
            "gap": "days between the last two days that have rows",
            "nulls": f"share of nulls in {self.column}",
            "distinct": f"share of distinct values in {self.column}",
            "quantile": f"{self.of} of {self.column}",
            "mix": f"share of {self.of!r} in {self.column}",
            "new values": f"share of new values in {self.column}",
            "gone values": f"values gone from {self.column}",
            "schema": "columns and types",
        }[self.kind]


def figures_of(profile: Profile) -> Iterator[tuple[Feature, float]]:
    """Every figure of one profile but the values that are new: those are so by what was before."""
    yield Feature("rows"), profile.rows
    if profile.age_seconds is not None:
        yield Feature("age"), profile.age_seconds / _DAY
    if profile.day_rows is not None and profile.gap_days is not None:
        yield Feature("rows of the day"), profile.day_rows
        yield Feature("gap"), profile.gap_days
    for name, column in profile.columns.items():
        if column.nulls is not None:
            yield Feature("nulls", name), column.nulls
        if column.distinct is not None and not _is_whole(column):
            yield Feature("distinct", name), column.distinct
        for told, quartile in zip(_QUARTILE_NAMES, column.quartiles or (), strict=False):
            if column.mix is None:
                yield Feature("quantile", name, told), quartile
        for value, share in islice((column.mix or {}).items(), WATCHED_VALUES):
            yield Feature("mix", name, value), share


def has_news(column: ColumnProfile) -> bool:
    """Whether a value that was never there tells something: of few texts, all of which are known."""
    return _is_whole(column) and column.type == "VARCHAR"


def share_at_most(column: ColumnProfile) -> float:
    """Of a value that is not in its mix: none where the mix is whole, else as much as the least frequent one in it."""
    return 0.0 if _is_whole(column) or not column.mix else min(column.mix.values())


def _is_whole(column: ColumnProfile) -> bool:
    """Whether its mix has every value."""
    return column.mix is not None and len(column.mix) < KEPT_VALUES


def scaled(feature: Feature, value: float) -> float:
    """Where counts are compared by ratios; `unscaled` is the way back."""
    if feature.kind in ("rows", "rows of the day"):
        return math.log1p(value)
    if feature.kind == "distinct":
        return math.log(max(value, 1e-6))
    return value


def unscaled(feature: Feature, value: float) -> float:
    if feature.kind in ("rows", "rows of the day"):
        return math.expm1(min(value, _HIGHEST))
    if feature.kind == "distinct":
        return min(math.exp(value), 1.0)
    if feature.kind in ("age", "gap"):
        return max(value, 0.0)
    return min(max(value, 0.0), 1.0) if feature.is_share else value


def least_scale(feature: Feature, expected: float, profile: Profile) -> float:
    """The least usual deviation that is believed, on the scale of comparison.

    Of shares, twice what chance does to a sample of so many rows, for rows come in groups (the lines of a receipt).
    """
    if feature.kind == "rows":
        return 0.01
    if feature.kind == "rows of the day":
        return 0.03 + 1 / math.sqrt(max(math.expm1(min(max(expected, 0.0), _HIGHEST)), 1.0))
    if feature.kind in ("age", "gap"):
        return 0.12
    column = profile.columns.get(feature.column or "", ColumnProfile(""))
    rows = max(profile.looked_at, 1)
    filled = max(rows * (1 - (column.nulls or 0.0)), 1.0)
    if feature.kind == "distinct":
        return 0.02 + 1 / math.sqrt(filled) + 0.5 / max(math.exp(min(expected, 0.0)) * filled, 1.0)
    if feature.kind == "quantile":
        return (0.02 + 0.5 / math.sqrt(filled)) * (column.spread or 0.0) + 0.002 * abs(expected) + _NOTHING
    share = min(max(expected, 1 / rows), 0.5)
    return 0.001 + 2 * math.sqrt(share * (1 - share) / rows)
