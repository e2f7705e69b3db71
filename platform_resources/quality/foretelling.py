"""Each figure of each version, foretold from the versions before it, and which of them are too far off. Pure.

The way is told in `anomalies`. All versions are judged in one go: an array of versions × figures, and windows over it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from platform_resources.quality.anomalies import NEEDED, PLOTTED, Anomaly, Observed, Point
from platform_resources.quality.anomaly_texts import says, schema_says
from platform_resources.quality.features import Feature, least_scale, unscaled
from platform_resources.quality.gone import gone_values
from platform_resources.quality.profile import Profile
from platform_resources.quality.tabulated import tabulated
from platform_resources.quality.windows import Array, Flags, before, before_in_group, counted

LASTING = 5  # versions: what is off in most of them is off by more than one alone could tell

_LEVEL, _LEAST_LEVEL = 14, 7  # versions
_WEEKS, _LEAST_WEEKS = 8, 3  # versions of the same weekday
_COMPARED = 28  # forecasts by which it is chosen how to foretell
_BY_WEEKDAY = 2  # the third way
_BETTER = 0.9  # what is less simple must foretell clearly better
_ERRORS, _LEAST_ERRORS = 56, 7  # forecasts whose errors tell what is usual
_FALSE = 0.01  # alarms a version by chance alone, if errors were normal ...
_TAILS = 1.4  # ... which they are not: how much further out an alarm begins
_OUTLYING = 8.0  # normal deviations
_MAD, _Q90 = 1.4826, 1 / 1.645  # normal deviation per median absolute error, and per its 90 % quantile


class Walk:
    """Every version of a history, judged by those before it alone: of each, what `judge` said when it was the last.

    (As far as the windows reach: the first versions of a longer history are not known to `judge`.)
    """

    def __init__(self, history: Sequence[Observed], last: int | None = None) -> None:
        """`last`: how many of the newest versions are judged; by default all."""
        self.history = history
        first = 0 if last is None else max(0, len(history) - last)
        table = tabulated(history, first)
        self._features, self._told, self._values = table.features, table.told, table.values
        self._foretold = _foretold(table.features, table.values, table.watched, history, first)

    def watched(self, at: int) -> int:
        return int(self._foretold.now.judged[at].sum())

    def anomalies(self, at: int) -> Iterator[Anomaly]:
        """Of one version: the strongest of each group of features, the most unusual first."""
        found: dict[tuple[str, str | None], int] = {}
        for index in sorted(self._alarmed(at), key=lambda one: -self._deviations(at, one)):
            found.setdefault(self._features[index].group, index)
        if (changed := self._schema_changed(at)) is not None:
            yield changed
        if at >= NEEDED:
            yield from gone_values(self.history[: at + 1])
        for index in found.values():
            yield self._anomaly(index, at)

    def _alarmed(self, at: int) -> list[int]:
        return [int(index) for index in self._foretold.alarms[at].nonzero()[0]]

    def _deviations(self, at: int, index: int) -> float:
        return float(self._foretold.told(at, index).strength[at, index])

    def _anomaly(self, index: int, at: int) -> Anomaly:
        feature, told = self._features[index], self._foretold
        first = self._since(index, at)
        lasting = not told.now.alarms[at, index]
        point = self._point(index, at, told.told(at, index), lasting=lasting)
        found = self.history[first]
        weekday = bool(told.weekday[at, index])
        return Anomaly(
            feature=feature,
            since=found.number,
            since_at=found.at,
            versions=at - first + 1,
            says=says(feature, point, weekday, LASTING if lasting else 1),
            deviations=round(self._deviations(at, index), 1),
            seen=point.seen,
            expected=point.expected,
            low=point.low,
            high=point.high,
            weekday=weekday,
            points=tuple(self._point(index, one, told.now) for one in range(max(0, at + 1 - PLOTTED), at + 1)),
        )

    def _since(self, index: int, at: int) -> int:
        """The first version in a row that was so. One whose day was told again later breaks no row."""
        alarms, told_again = self._foretold.alarms, np.isnan(self._values) & np.isfinite(self._told)
        first = one = at
        while one > 0 and (alarms[one - 1, index] or told_again[one - 1, index]):
            one -= 1
            if alarms[one, index] or self._was_off(index, one):
                first = one
        return first

    def _was_off(self, index: int, at: int) -> bool:
        """Whether by itself, by what it told of its day."""
        now, error = self._foretold.now, self._told[at, index] - self._foretold.expected[at, index]
        size = max(error, 0.0) if self._features[index].upward_only else abs(error)
        return bool(size > now.scale[at, index] * now.limit[at, index])

    def _point(self, index: int, at: int, off: _Off, *, lasting: bool = False) -> Point:
        """`lasting`: as if the version were as far off as the last ones are."""
        feature, told = self._features[index], self._foretold
        limit = off.scale[at, index] * off.limit[at, index]
        middle = told.expected[at, index]
        seen = middle + off.errors[at, index] if lasting else self._values[at, index]
        values = (seen, middle, middle - limit, middle + limit)
        plain = [float(value) if np.isfinite(value) else None for value in values]
        seen, expected, low, high = (None if value is None else unscaled(feature, value) for value in plain)
        one = self.history[at]
        return Point(one.number, one.day, seen, expected, low, high, bool(told.alarms[at, index]))

    def _schema_changed(self, at: int) -> Anomaly | None:
        """Columns that appeared, went or changed their type though the contract is the same."""
        schemas = [_schema(one.profile) for one in self.history[: at + 1]]
        contract = self.history[at].contract_sha256
        before = [
            schema
            for schema, one in list(zip(schemas, self.history, strict=False))[max(0, at - _LEVEL) : at]
            if one.contract_sha256 == contract
        ]
        if at < NEEDED or not before:
            return None
        usual = Counter(frozenset(schema.items()) for schema in before).most_common(1)[0][0]
        if frozenset(schemas[at].items()) == usual:
            return None
        first = at
        while first > 0 and schemas[first - 1] == schemas[at]:
            first -= 1
        found, changed = self.history[first], schema_says(dict(usual), schemas[at])
        return Anomaly(Feature("schema"), found.number, found.at, at - first + 1, changed)


@dataclass(frozen=True)
class _Off:
    """How far off each version is, as an array of versions × figures, on the scale of comparison."""

    errors: Array
    scale: Array  # the usual deviation
    judged: Flags
    limit: Array  # how many usual deviations an alarm begins at

    @cached_property
    def strength(self) -> Array:
        """In usual deviations."""
        return np.where(self.judged, np.abs(self.errors) / self.scale, 0.0)

    @cached_property
    def alarms(self) -> Flags:
        return self.strength > self.limit


@dataclass(frozen=True)
class _Foretold:
    """`now`: each version by itself. `lasting`: the median of the last five, of what is off by little but stays."""

    expected: Array
    weekday: Flags  # foretold by weekday
    now: _Off
    lasting: _Off

    @cached_property
    def alarms(self) -> Flags:
        return self.now.alarms | self.lasting.alarms

    def told(self, at: int, index: int) -> _Off:
        """By which of them a figure is unusual."""
        return self.now if self.now.alarms[at, index] else self.lasting


def _schema(profile: Profile) -> dict[str, str]:
    return {name: column.type for name, column in profile.columns.items()}


def _foretold(
    features: Sequence[Feature],
    values: Array,
    watched: Flags,
    history: Sequence[Observed],
    first: int,
) -> _Foretold:
    """The versions from `first` on; of those before it only what they are judged by."""
    level = before(values, _LEVEL, _LEAST_LEVEL)
    off = values - level
    growth = before(off, _LEVEL, _LEAST_LEVEL)
    season = before_in_group(off, [one.day.weekday() for one in history], _WEEKS, _LEAST_WEEKS)
    # Without its season a median stays where it is until half of what it looks at has moved.
    ways = [level, level + growth, before(values - season, _LEVEL, _LEAST_LEVEL) + season]
    chosen = _chosen(values, ways, since=max(0, first - 2 * _ERRORS - LASTING))  # from here on errors count
    expected = np.choose(chosen, ways)
    floors, errors = _floors(features, expected, history, first), values - expected
    by_day = np.array([one.profile.day is not None for one in history])[:, None]
    lasting = np.where(by_day, _lasting(errors), np.nan)  # rows that are seen again are one witness, and not five
    now = _off(features, errors, np.maximum(_usual(errors, by_day, first), floors), watched)
    stays = _off(features, lasting, np.maximum(_usual(lasting, by_day, first), floors / np.sqrt(LASTING)), watched)
    return _Foretold(expected, chosen == _BY_WEEKDAY, now, stays)


def _lasting(errors: Array) -> Array:
    """How far off the last versions were, by their median; of what a version no longer has nothing lasts."""
    found = before(np.vstack([errors, errors[-1:]]), LASTING, LASTING - 1)[1:]
    return np.where(np.isfinite(errors), found, np.nan)


def _off(features: Sequence[Feature], errors: Array, scale: Array, watched: Flags) -> _Off:
    """Half of the false alarms that are allowed are for the few figures of the table, half for those of its columns."""
    upward = np.array([feature.upward_only for feature in features], dtype=bool)
    judged = np.isfinite(errors) & np.isfinite(scale) & watched
    limit = np.empty(errors.shape)
    of_table = np.array([feature.column is None for feature in features], dtype=bool)
    for part in (of_table, ~of_table):
        figures = np.maximum(judged[:, part].sum(axis=1), 1)
        by_version = [_TAILS * NormalDist().inv_cdf(1 - _FALSE / (8 * int(count))) for count in figures]
        limit[:, part] = np.array(by_version)[:, None]
    return _Off(np.where(upward & (errors < 0), 0.0, errors), scale, judged, limit)


def _chosen(values: Array, ways: Sequence[Array], since: int) -> NDArray[np.intp]:
    """Which way of foretelling: the simplest that none after it foretold clearly better than lately."""
    chosen = np.zeros(values.shape, dtype=np.intp)
    best = np.full(values.shape, np.inf)
    for at, way in enumerate(ways):
        missed = before(np.abs(values - way), _COMPARED, _LEAST_ERRORS, since=since)
        better = missed < best * _BETTER
        chosen, best = np.where(better, at, chosen), np.where(better, missed, best)
    return chosen


def _usual(errors: Array, by_day: Flags, since: int) -> Array:
    """The usual deviation of each version's forecast, by the errors of those before it; more, when they are few.

    What was far out already is no measure of what is usual: a shift is an alarm for as long as it is new, and the next
    one is an alarm, too. But rows that are seen again in each version move in steps, and those count.
    """
    sizes = np.abs(errors)
    middle = before(sizes, _ERRORS, _LEAST_ERRORS, since=max(0, since - _ERRORS)) * _MAD
    outlying = by_day & np.isfinite(middle) & (sizes > _OUTLYING * middle) & (middle > 0)
    far = before(np.where(outlying, np.nan, sizes), _ERRORS, _LEAST_ERRORS, 0.9, since) * _Q90
    count = counted(np.isfinite(errors), _ERRORS)
    return np.fmax(middle, far) * (1 + _LEAST_ERRORS / np.maximum(count, 1) / 2)


def _floors(features: Sequence[Feature], expected: Array, history: Sequence[Observed], since: int) -> Array:
    found = np.full(expected.shape, np.nan)
    for at in range(since, len(history)):
        line, profile = np.nan_to_num(expected[at]), history[at].profile
        found[at] = [least_scale(one, float(value), profile) for one, value in zip(features, line, strict=True)]
    return found
