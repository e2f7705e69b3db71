"""How the quality of a port went over its last publications: scores, completeness, accuracy, and where they lead. Pure.

The trend is Theil and Sen's, the median of the slopes between any two publications: one bad version doesn't bend it. It
is told where Kendall's test sees an order in time that chance makes in one case of twenty; else the series is steady.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from statistics import median
from typing import Any, Literal

from platform_resources.catalog.fitness.evidence import length
from platform_resources.contracts.wording import counted
from platform_resources.lake.publications import SHARES, Publication

LAST = 60  # publications that are looked at: as many as a line has room for

_BARS = "▁▂▃▄▅▆▇█"
_USUAL = 95.0  # where a line begins, unless it goes deeper: most scores are above
_FEWEST = 5  # publications that can have a trend
_CERTAIN = 1.96  # standard deviations: one case of twenty
_LEAST_CHANGE = 0.05  # of 100; less is told as steady
_WEEKS_FROM = timedelta(days=14)  # over less time a change is told as it was, and not by week
_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Trend:
    """Where a series leads. `change` is over its whole time, `per_week` by week; points of a score, or percent."""

    direction: Literal["rising", "falling", "steady"]
    change: float
    per_week: float
    says: str


@dataclass(frozen=True)
class Series:
    """A figure of each publication, 0-100, oldest first; None where it was not measured. `trend`: None of too few."""

    name: str  # "score", a dimension as "score/accuracy", "completeness" or "accuracy"
    values: tuple[float | None, ...]
    trend: Trend | None


@dataclass(frozen=True)
class ScoreHistory:
    """The series of a port over `publications` (number, moment), oldest first."""

    publications: tuple[tuple[int, datetime], ...] = ()
    series: tuple[Series, ...] = ()

    def of(self, name: str) -> Series | None:
        return next((series for series in self.series if series.name == name), None)

    @property
    def bottom(self) -> float:
        """Where the lines of all series begin, so that they can be compared."""
        return min([_USUAL, *(value for series in self.series for value in series.values if value is not None)])

    @property
    def says(self) -> str:
        """What the series are over, for people."""
        if not self.publications:
            return "no publication"
        span = _span([at for _, at in self.publications])
        told = counted(len(self.publications), "publication")
        return told if len(self.publications) == 1 else f"{told} in {length(span)}"


def score_history(log: Iterable[Publication]) -> ScoreHistory:
    """The series of a port, of the newest `LAST` rows of its log (newest first) in which data was published."""
    shown = [row for row in log if row.kind != "retire"][:LAST][::-1]
    measured = [_measured(row) for row in shown]
    times = [row.published_at for row in shown]
    names = dict.fromkeys(name for found in measured for name in found)
    order = sorted(names, key=lambda name: (name != "score", name in SHARES, name))
    return ScoreHistory(
        tuple((row.number, row.published_at) for row in shown),
        tuple(_series(name, times, [found.get(name) for found in measured]) for name in order),
    )


def share_of(audit: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Completeness or accuracy as an audit found it; None where it says nothing, as in an older log."""
    found = audit.get(name)
    return found if isinstance(found, Mapping) and isinstance(found.get("percent"), int | float) else None


def trend_of(times: Sequence[datetime], values: Sequence[float | None]) -> Trend | None:
    """The trend of a series; None of fewer than five values or at one moment only."""
    known = [(at, value) for at, value in zip(times, values, strict=True) if value is not None]
    span = _span([at for at, _ in known])
    if len(known) < _FEWEST or not span:
        return None
    if len({value for _, value in known}) == 1:
        return Trend("steady", 0.0, 0.0, "steady")
    pairs = [(later - earlier, after - before) for (earlier, before), (later, after) in combinations(known, 2)]
    slope = median(rise / (time / span) for time, rise in pairs if time)
    change = round(slope, 4) + 0.0  # no minus before a zero
    if abs(change) < _LEAST_CHANGE or not _is_ordered([value for _, value in known], pairs):
        return Trend("steady", change, round(change / (span / _WEEK), 4), "steady")
    direction: Literal["rising", "falling"] = "rising" if change > 0 else "falling"
    per_week = change / (span / _WEEK)
    told = f"{_plain(per_week)} a week" if span >= _WEEKS_FROM else f"{_plain(change)} in {length(span)}"
    return Trend(direction, change, round(per_week, 4), f"{direction} {told}")


def _plain(change: float) -> str:
    """Its size in two digits that count, without an exponent."""
    return f"{float(f'{abs(change):.2g}'):f}".rstrip("0").rstrip(".")


def line_of(values: Sequence[float | None], bottom: float) -> str:
    """One bar for each value from `bottom` to 100; only what is 100 fills its place.

    >>> line_of([95.0, None, 99.9, 100.0], 95.0)
    '▁ ▇█'
    """
    return "".join(" " if value is None else _bar(value, bottom) for value in values)


def _bar(value: float, bottom: float) -> str:
    if value >= 100:
        return _BARS[-1]
    share = max(value - bottom, 0) / (100 - bottom)
    return _BARS[min(int(share * (len(_BARS) - 1)), len(_BARS) - 2)]


def _span(times: Sequence[datetime]) -> timedelta:
    """The time that is told of; a clock that was put back may have the newest first."""
    return max(times, default=datetime.max) - min(times, default=datetime.max)


def _measured(row: Publication) -> dict[str, float]:
    scores = {f"score/{name}": value for name, value in row.figures.scores.items()}
    return {"score": row.score, **scores, **row.figures.shares}


def _series(name: str, times: Sequence[datetime], values: Sequence[float | None]) -> Series:
    return Series(name, tuple(values), trend_of(times, values))


def _is_ordered(values: Sequence[float], pairs: Sequence[tuple[timedelta, float]]) -> bool:
    """Kendall's test for a trend, with its correction for equal values."""
    rises = sum((rise > 0) - (rise < 0) for _, rise in pairs)
    variance = (_spread(len(values)) - sum(_spread(count) for count in Counter(values).values())) / 18
    return variance > 0 and max(abs(rises) - 1, 0) / math.sqrt(variance) >= _CERTAIN


def _spread(count: int) -> int:
    return count * (count - 1) * (2 * count + 5)
