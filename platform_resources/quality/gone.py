"""Values that a column had in nearly every version and no longer has: a shop whose tills are not read any more. Pure.

By their share alone they are not found: one of 457 shops has one or two percent of a day's lines, and so much a day
differs. But each sells something on nearly every day. A value is gone when so many versions in a row without it come by
chance once in 100,000 times, by how often it was missing in the versions before. Missing is what is not in the mix.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from platform_resources.quality.anomalies import NEEDED, PLOTTED, Anomaly, Observed, Point
from platform_resources.quality.anomaly_texts import gone_says
from platform_resources.quality.features import Feature

_BEFORE = 56  # versions that tell how often a value is missing
_LONGEST = 14  # versions: what is gone for longer is usual by now
_CHANCE = 1e-5
_CLEAR = 0.01  # share of the rows: what has less comes and goes

_Mix = Mapping[str, float]


@dataclass(frozen=True)
class _Gone:
    value: str
    share: float  # median of the versions before
    versions: int  # in a row without it


def gone_values(history: Sequence[Observed]) -> Iterator[Anomaly]:
    """Of the last version: for each column those that are gone, as one anomaly. Versions of the same day count once."""
    days = list({one.day: one for one in history}.values())[-_BEFORE - _LONGEST - 1 :]
    by_day = days[-1].profile.day is not None
    for name, column in days[-1].profile.columns.items():
        if column.mix is None or not (by_day or column.type == "VARCHAR"):
            continue  # numbers that are told of the same rows again and again grow out of their values
        known = [one for one in days if _mix(one, name) is not None]
        found = _gone_of([_mix(one, name) or {} for one in known])
        if found:
            yield _anomaly(name, found, known)


def _mix(one: Observed, name: str) -> _Mix | None:
    column = one.profile.columns.get(name)
    return None if column is None else column.mix


def _gone_of(mixes: Sequence[_Mix]) -> list[_Gone]:
    """By their share, the greatest first."""
    found = []
    for value in set().union(*mixes) - mixes[-1].keys():
        versions = next(at for at, mix in enumerate(reversed(mixes)) if value in mix)
        before = [mix.get(value, 0.0) for mix in mixes[:-versions]][-_BEFORE:]
        share = median(before)
        if versions <= _LONGEST and len(before) >= NEEDED and share >= _CLEAR:
            missing = sum(not one for one in before)
            if ((missing + 1) / (len(before) + 2)) ** versions < _CHANCE:
                found.append(_Gone(value, share, versions))
    return sorted(found, key=lambda one: (-one.share, one.value))


def _anomaly(name: str, gone: Sequence[_Gone], known: Sequence[Observed]) -> Anomaly:
    """Drawn as what they had together, on what they had before."""
    versions = gone[0].versions
    shares = [sum((_mix(one, name) or {}).get(lost.value, 0.0) for lost in gone) for one in known]
    before = shares[:-versions]
    low, middle, high = min(before), median(before), max(before)
    first = len(known) - versions
    points = [
        Point(one.number, one.day, share, middle, low, high, unusual=at >= first)
        for at, (one, share) in enumerate(zip(known, shares, strict=True))
    ]
    return Anomaly(
        feature=Feature("gone values", name),
        since=known[first].number,
        since_at=known[first].at,
        versions=versions,
        says=gone_says(name, {one.value: one.share for one in gone}, versions),
        seen=shares[-1],
        expected=middle,
        low=low,
        high=high,
        points=tuple(points[-PLOTTED:]),
    )
