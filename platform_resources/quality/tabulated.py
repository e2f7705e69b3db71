"""The figures of a history as an array of versions × figures, on the scale on which they are compared. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import get_args

import numpy as np

from platform_resources.quality.anomalies import Observed
from platform_resources.quality.features import Feature, Kind, figures_of, has_news, scaled, share_at_most
from platform_resources.quality.windows import Array, Flags, counted

MOST_FIGURES = 500  # that are judged

_OFTEN = 28  # versions: a value of a mix is watched that more than half of them list
_NEW = 56  # versions: a value that none of them has is new
_TELLING: tuple[Kind, ...] = get_args(Kind)  # the figures of the table first, then nulls, distinct values, ...


@dataclass(frozen=True)
class Tabulated:
    """`told`: NaN where a profile has none. `values`: the same, each day of the data once."""

    features: list[Feature]
    told: Array
    values: Array
    watched: Flags


def tabulated(history: Sequence[Observed], first: int) -> Tabulated:
    """Without the figures that are watched in no version from `first` on."""
    features, told, listed = _told(history)
    watched = _watched(features, listed)
    ever = watched[first:].any(axis=0)
    features = [feature for feature, kept in zip(features, ever, strict=True) if kept]
    told = told[:, ever]
    return Tabulated(features, told, _each_day_once(features, told, history), watched[:, ever])


def _told(history: Sequence[Observed]) -> tuple[list[Feature], Array, Flags]:
    """(features, values, which of them a profile lists itself: what is rare in a mix is known without that)."""
    rows = [dict(figures_of(one.profile)) for one in history]
    for row, new in zip(rows, _new_values(history), strict=True):
        row.update(new)
    found = Counter(feature for row in rows for feature in row)
    features = [feature for feature, times in found.items() if feature.kind != "mix" or times > _OFTEN // 2]
    features = sorted(features, key=lambda one: _rank(one, rows[-1]))[:MOST_FIGURES]
    places = {feature: index for index, feature in enumerate(features)}
    values = np.full((len(rows), len(features)), np.nan)
    listed = np.zeros(values.shape, dtype=bool)
    for at, row in enumerate(rows):
        known = [feature for feature in row if feature in places]
        which = [places[feature] for feature in known]
        values[at, which] = [scaled(feature, row[feature]) for feature in known]
        listed[at, which] = True
    for index, feature in enumerate(features):
        if feature.kind == "mix":
            for at in (~listed[:, index]).nonzero()[0]:
                values[at, index] = _rare(feature, history[at])
    return features, values, listed


def _rank(feature: Feature, newest: Mapping[Feature, float]) -> tuple[bool, int]:
    """First those that the newest version has, of the table before those of columns, which tell less the later."""
    return feature not in newest and feature.kind != "mix", _TELLING.index(feature.kind)


def _rare(feature: Feature, one: Observed) -> float:
    """The share of a value that is not among the most frequent ones."""
    column = one.profile.columns.get(feature.column or "")
    if column is None or not column.mix:
        return float("nan")
    return scaled(feature, column.mix.get(feature.of or "", share_at_most(column)))


def _new_values(history: Sequence[Observed]) -> Iterator[Mapping[Feature, float]]:
    """Of each version and column with a mix: the share of values that no version of the last weeks had."""
    seen: dict[tuple[str, str], int] = {}
    for at, one in enumerate(history):
        found = {}
        for name, column in one.profile.columns.items():
            if column.mix is not None and has_news(column):
                fresh = [s for value, s in column.mix.items() if at - seen.get((name, value), -_NEW) >= _NEW]
                found[Feature("new values", name)] = sum(fresh)
                seen.update({(name, value): at for value in column.mix})
        yield found


def _watched(features: Sequence[Feature], listed: Flags) -> Flags:
    """A value of a mix when most of the last versions list it; those that come and go tell nothing so."""
    mixes = np.array([feature.kind == "mix" for feature in features], dtype=bool)
    return np.where(mixes, counted(listed, _OFTEN) > _OFTEN // 2, True)


def _each_day_once(features: Sequence[Feature], told: Array, history: Sequence[Observed]) -> Array:
    """What several versions tell of the same day of the data is told by the last of them."""
    values, of_day = told.copy(), np.array([feature.kind not in ("rows", "age") for feature in features], dtype=bool)
    for at, (one, following) in enumerate(pairwise(history)):
        if one.profile.day is not None and one.profile.day == following.profile.day:
            values[at, of_day] = np.nan
    return values
