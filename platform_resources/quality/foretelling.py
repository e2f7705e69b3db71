"""Each figure of each version, foretold from the versions before it, and which of them are too far off. Pure; numpy.

The way is told in `anomalies`. All versions are judged in one go: an array of versions × figures, and windows over it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import NormalDist
from typing import TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from platform_resources.quality.anomalies import NEEDED, Anomaly, Observed, Point
from platform_resources.quality.anomaly_texts import says, schema_says
from platform_resources.quality.features import (
    Feature,
    Kind,
    figures_of,
    has_news,
    least_scale,
    scaled,
    share_at_most,
    unscaled,
)
from platform_resources.quality.profile import Profile

PLOTTED = 42
MOST_FIGURES = 500  # that are judged
LASTING = 5  # versions: what is off in most of them is off by more than one alone could tell

_LEVEL, _LEAST_LEVEL = 14, 7  # versions
_WEEKS, _LEAST_WEEKS = 8, 3  # versions of the same weekday
_COMPARED = 28  # forecasts by which it is chosen how to foretell
_BETTER = 0.9  # what is less simple must foretell clearly better
_ERRORS, _LEAST_ERRORS = 56, 7  # forecasts whose errors tell what is usual
_OUTLYING = 8.0  # normal deviations
_FALSE = 0.01  # alarms a version by chance alone, if errors were normal ...
_TAILS = 1.4  # ... which they are not: how much further out an alarm begins
_MAD, _Q90 = 1.4826, 1 / 1.645  # normal deviation per median absolute error, and per its 90 % quantile

_TELLING: tuple[Kind, ...] = get_args(Kind)  # the figures of the table first, then nulls, distinct values, ...

_Array: TypeAlias = NDArray[np.float64]


class Walk:
    """Every version of a history, judged by those before it alone: of each, what `judge` said when it was the last.

    (As far as the windows reach: the first versions of a longer history are not known to `judge`.)
    """

    def __init__(self, history: Sequence[Observed], last: int | None = None) -> None:
        """`last`: how many of the newest versions are judged; by default all."""
        self.history = history
        first = 0 if last is None else max(0, len(history) - last)
        features, values, listed = _tabulated(history)
        active = _active(features, listed)
        ever = active[first:].any(axis=0)
        self._features = [feature for feature, kept in zip(features, ever, strict=True) if kept]
        self._all_told = values[:, ever]
        self._values = _each_day_once(self._features, self._all_told, history)
        self._foretold = _foretold(self._features, self._values, active[:, ever], history, first)

    def watched(self, at: int) -> int:
        return int(self._foretold.now.judged[at].sum())

    def anomalies(self, at: int) -> Iterator[Anomaly]:
        """Of one version: the strongest of each group of features, the most unusual first."""
        found: dict[tuple[str, str | None], int] = {}
        for index in sorted(self._alarmed(at), key=lambda one: -self._deviations(at, one)):
            found.setdefault(self._features[index].group, index)
        if (changed := self._schema_changed(at)) is not None:
            yield changed
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
        alarms, told_again = self._foretold.alarms, np.isnan(self._values) & np.isfinite(self._all_told)
        first = one = at
        while one > 0 and (alarms[one - 1, index] or told_again[one - 1, index]):
            one -= 1
            if alarms[one, index] or self._was_off(index, one):
                first = one
        return first

    def _was_off(self, index: int, at: int) -> bool:
        """Whether by itself, by what it told of its day."""
        now, error = self._foretold.now, self._all_told[at, index] - self._foretold.expected[at, index]
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

    errors: _Array
    scale: _Array  # the usual deviation
    judged: NDArray[np.bool_]
    limit: _Array  # how many usual deviations an alarm begins at

    @cached_property
    def strength(self) -> _Array:
        """In usual deviations."""
        return np.where(self.judged, np.abs(self.errors) / self.scale, 0.0)

    @cached_property
    def alarms(self) -> NDArray[np.bool_]:
        return self.strength > self.limit


@dataclass(frozen=True)
class _Foretold:
    """`now`: each version by itself. `lasting`: the median of the last five, of what is off by little but stays."""

    expected: _Array
    weekday: NDArray[np.bool_]  # foretold by weekday
    now: _Off
    lasting: _Off

    @cached_property
    def alarms(self) -> NDArray[np.bool_]:
        return self.now.alarms | self.lasting.alarms

    def told(self, at: int, index: int) -> _Off:
        """By which of them a figure is unusual."""
        return self.now if self.now.alarms[at, index] else self.lasting


def _schema(profile: Profile) -> dict[str, str]:
    return {name: column.type for name, column in profile.columns.items()}


def _tabulated(history: Sequence[Observed]) -> tuple[list[Feature], _Array, NDArray[np.bool_]]:
    """The figures of every version, on their scale, NaN where a profile has none; and which of them it lists itself."""
    rows = [dict(figures_of(one.profile)) for one in history]
    for row, new in zip(rows, _new_values(history), strict=True):
        row.update(new)
    found = Counter(feature for row in rows for feature in row)
    features = [feature for feature, times in found.items() if feature.kind != "mix" or times > _COMPARED // 2]
    features = sorted(features, key=lambda one: _rank(one, rows[-1]))[:MOST_FIGURES]
    values = np.full((len(rows), len(features)), np.nan)
    listed = np.array([[feature in row for feature in features] for row in rows], dtype=bool).reshape(values.shape)
    for at, (row, one) in enumerate(zip(rows, history, strict=True)):
        for index, feature in enumerate(features):
            if feature in row:
                values[at, index] = scaled(feature, row[feature])
            elif feature.kind == "mix" and (column := one.profile.columns.get(feature.column or "")) and column.mix:
                values[at, index] = share_at_most(column)
    return features, values, listed


def _rank(feature: Feature, newest: Mapping[Feature, float]) -> tuple[bool, int]:
    """First those that the newest version has, of the table before those of columns, which tell less the later."""
    return feature not in newest and feature.kind != "mix", _TELLING.index(feature.kind)


def _each_day_once(features: Sequence[Feature], values: _Array, history: Sequence[Observed]) -> _Array:
    """What several versions tell of the same day of the data is told by the last of them."""
    values, of_day = values.copy(), np.array([feature.kind not in ("rows", "age") for feature in features], dtype=bool)
    for at, (one, following) in enumerate(pairwise(history)):
        if one.profile.day is not None and one.profile.day == following.profile.day:
            values[at, of_day] = np.nan
    return values


def _new_values(history: Sequence[Observed]) -> Iterator[Mapping[Feature, float]]:
    """Of each version and column with a mix: the share of values that no version of the last weeks had."""
    seen: dict[tuple[str, str], int] = {}
    for at, one in enumerate(history):
        found = {}
        for name, column in one.profile.columns.items():
            if column.mix is not None and has_news(column):
                fresh = [s for value, s in column.mix.items() if at - seen.get((name, value), -_ERRORS) >= _ERRORS]
                found[Feature("new values", name)] = sum(fresh)
                seen.update({(name, value): at for value in column.mix})
        yield found


def _foretold(
    features: Sequence[Feature],
    values: _Array,
    active: NDArray[np.bool_],
    history: Sequence[Observed],
    first: int,
) -> _Foretold:
    """The versions from `first` on; of those before it only what they are judged by."""
    weekdays = np.array([one.day.weekday() for one in history])
    level = _before(values, _LEVEL, _LEAST_LEVEL)
    off = values - level
    growth = _before(off, _LEVEL, _LEAST_LEVEL)
    season = np.full_like(values, np.nan)
    for weekday in range(7):
        which = weekdays == weekday
        season[which] = _before(off[which], _WEEKS, _LEAST_WEEKS)
    # Without its season a median stays where it is until half of what it looks at has moved.
    ways = [level, level + growth, _before(values - season, _LEVEL, _LEAST_LEVEL) + season]
    begin = max(0, first - 2 * _ERRORS - LASTING)  # from here on errors count
    expected, missed, scale = ways[0], _missed(values, ways[0], begin), _usual(values - ways[0], first)
    weekday = np.zeros(values.shape, dtype=bool)
    for way in ways[1:]:
        lately = _missed(values, way, begin)
        better = lately < _BETTER * np.where(np.isfinite(missed), missed, np.inf)
        expected, missed = np.where(better, way, expected), np.where(better, lately, missed)
        scale = np.where(better, _usual(values - way, first), scale)
        weekday = np.where(better, way is ways[2], weekday)
    floors, errors = _floors(features, expected, history, first), values - expected
    lasting = _before(np.vstack([errors, errors[-1:]]), LASTING, LASTING - 1)[1:]
    lasting = np.where(np.isfinite(errors), lasting, np.nan)  # of what a version no longer has nothing lasts
    now = _off(features, errors, np.maximum(scale, floors), active)
    stays = _off(features, lasting, np.maximum(_usual(lasting, first), floors / np.sqrt(LASTING)), active)
    return _Foretold(expected, weekday, now, stays)


def _off(features: Sequence[Feature], errors: _Array, scale: _Array, active: NDArray[np.bool_]) -> _Off:
    """Half of the false alarms that are allowed are for the few figures of the table, half for those of its columns."""
    upward = np.array([feature.upward_only for feature in features], dtype=bool)
    judged = np.isfinite(errors) & np.isfinite(scale) & active
    limit = np.empty(errors.shape)
    of_table = np.array([feature.column is None for feature in features], dtype=bool)
    for part in (of_table, ~of_table):
        watched = np.maximum(judged[:, part].sum(axis=1), 1)
        by_version = [_TAILS * NormalDist().inv_cdf(1 - _FALSE / (8 * int(count))) for count in watched]
        limit[:, part] = np.array(by_version)[:, None]
    return _Off(np.where(upward & (errors < 0), 0.0, errors), scale, judged, limit)


def _missed(values: _Array, way: _Array, since: int) -> _Array:
    """How far off a way to foretell was lately."""
    return _before(np.abs(values - way), _COMPARED, _LEAST_ERRORS, since=since)


def _usual(errors: _Array, since: int) -> _Array:
    """The usual deviation of each version's forecast, by the errors of those before it; more, when they are few.

    What was far out already is no measure of what is usual: a shift is an alarm for as long as it is new.
    """
    sizes = np.abs(errors)
    middle = _before(sizes, _ERRORS, _LEAST_ERRORS, since=max(0, since - _ERRORS)) * _MAD
    outlying = np.isfinite(middle) & (sizes > _OUTLYING * middle) & (middle > 0)
    far = _before(np.where(outlying, np.nan, sizes), _ERRORS, _LEAST_ERRORS, 0.9, since) * _Q90
    count = _counted(np.isfinite(errors), _ERRORS)
    return np.fmax(middle, far) * (1 + _LEAST_ERRORS / np.maximum(count, 1) / 2)


def _floors(features: Sequence[Feature], expected: _Array, history: Sequence[Observed], since: int) -> _Array:
    found = np.full(expected.shape, np.nan)
    for at in range(since, len(history)):
        line, profile = np.nan_to_num(expected[at]), history[at].profile
        found[at] = [least_scale(one, float(value), profile) for one, value in zip(features, line, strict=True)]
    return found


def _active(features: Sequence[Feature], listed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A value of a mix is watched when most of the last versions have it; those that come and go tell nothing so."""
    mixes = np.array([feature.kind == "mix" for feature in features], dtype=bool)
    found = _counted(listed, _COMPARED) > _COMPARED // 2
    return np.where(mixes, found, True)


def _before(values: _Array, window: int, least: int, share: float = 0.5, since: int = 0) -> _Array:
    """By row and column: the median (or another quantile) of the rows before it; NaN when fewer than `least` have one.

    Rows before `since` are not asked for.
    Sorted by hand: numpy's own `nanquantile` warns of columns without a value, and takes ten times as long.
    """
    if not len(values):
        return values.copy()
    found = np.full(values.shape, np.nan)
    ordered = np.sort(_windows(values, window)[since:], axis=-1)  # NaN come last
    count = np.isfinite(ordered).sum(axis=-1)
    place = share * np.maximum(count - 1, 0)
    low, high = np.floor(place).astype(int), np.ceil(place).astype(int)
    lower = np.take_along_axis(ordered, low[..., None], axis=-1)[..., 0]
    upper = np.take_along_axis(ordered, high[..., None], axis=-1)[..., 0]
    found[since:] = np.where(count >= least, lower + (upper - lower) * (place - low), np.nan)
    return found


def _counted(flags: NDArray[np.bool_], window: int) -> _Array:
    """How many of the rows before each have it."""
    return _windows(flags.astype(float), window, 0.0).sum(axis=-1) if len(flags) else np.zeros(flags.shape)


def _windows(values: _Array, window: int, missing: float = float("nan")) -> _Array:
    """By row and column: the `window` rows before it."""
    above = np.full((window, values.shape[1]), missing)
    return np.lib.stride_tricks.sliding_window_view(np.vstack([above, values[:-1]]), window, axis=0)
