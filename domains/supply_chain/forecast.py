"""Forecast of weekly demand and its rolling-origin backtest: pure functions over matrices, no storage.

Demand is a matrix of pieces, one row per store and product, one column per week of seven days, oldest first. The last
column ends on the forecast's origin, the latest business date that is complete. Weeks are counted back from there, so
each has every weekday once and a forecast that is made on a Thursday is as good as one made on a Monday.

The method was chosen on the data (809 stocks, every third day of a year as origin): a mean that forgets a fifth a
week, times the trend of the store. Its WAPE is 0.66 to 0.79, that of the naive forecast (last week again) 0.81 to
1.00; trends per product or category, medians, and longer or shorter memories come within 0.02 of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

HORIZONS = (1, 2)  # weeks ahead: until the next replenishment, and until the one after it
BACKTEST_WEEKS = 13  # a quarter: the last 13 complete weeks were each forecast as they would have been
MEMORY_WEEKS = 26
SHORTEST_HISTORY = 4  # weeks; below that there is no forecast worth a comparison
HISTORY_WEEKS = MEMORY_WEEKS + BACKTEST_WEEKS + max(HORIZONS) - 1

_FORGETTING = 0.2
_TREND_FORGETTING = 0.4
_TREND_SHRINKAGE = 5.0  # pieces a week: the trend of a store that sells little is no trend
_LARGEST_QUANTILE = 10_000


@dataclass(frozen=True)
class Forecast:
    """What was, or would have been, said at one origin for one horizon. Arrays have one entry per row of the demand."""

    weeks_before: int  # how many weeks before the latest origin it was made; 0 is today's forecast
    horizon: int
    expected: FloatArray  # pieces in the seven days of the horizon's week
    upper: IntArray  # pieces that demand stays at or below in `service_level` of the cases
    naive: IntArray  # the last known week again
    actual: IntArray | None  # None while the week is not over


def rolling_forecasts(weekly: IntArray, stores: IntArray, service_level: float) -> Iterator[Forecast]:
    """Today's forecasts (no actual) and then the backtest, each made from nothing but the columns before its origin.

    `stores` numbers the store of each row from 0. Yields nothing when there are fewer than `SHORTEST_HISTORY` weeks.
    """
    known = weekly.shape[1]
    for weeks_before in range(BACKTEST_WEEKS + max(HORIZONS)):
        seen = known - weeks_before
        if seen < SHORTEST_HISTORY:
            return
        history = weekly[:, :seen]
        expected = expected_demand(history, stores)
        upper = demand_quantile(expected, dispersion(history), service_level)
        for horizon in HORIZONS:
            if weeks_before == 0:
                yield Forecast(0, horizon, expected, upper, history[:, -1], None)
            elif horizon <= weeks_before < horizon + BACKTEST_WEEKS:
                actual = weekly[:, seen + horizon - 1]
                yield Forecast(weeks_before, horizon, expected, upper, history[:, -1], actual)


def expected_demand(weekly: IntArray, stores: IntArray) -> FloatArray:
    """Pieces a week to expect per row: an exponentially weighted mean, moved by the recent trend of its store."""
    recent = weekly[:, -MEMORY_WEEKS:]
    level = _weighted_mean(recent, _FORGETTING)
    now = np.bincount(stores, _weighted_mean(recent, _TREND_FORGETTING))
    before = np.bincount(stores, level)
    return level * ((now + _TREND_SHRINKAGE) / (before + _TREND_SHRINKAGE))[stores]


def _weighted_mean(weekly: IntArray, forgetting: float) -> FloatArray:
    weights = (1 - forgetting) ** np.arange(weekly.shape[1])[::-1]
    return weekly @ (weights / weights.sum())


def dispersion(weekly: IntArray) -> float:
    """How much more than a Poisson process demand varies: `a` in variance = mean + a * mean², pooled over the rows."""
    recent = weekly[:, -MEMORY_WEEKS:]
    mean = recent.mean(axis=1)
    squares = float((mean**2).sum())
    if squares == 0 or recent.shape[1] < 2:
        return 0.0
    return max(float((recent.var(axis=1, ddof=1) - mean).sum()) / squares, 0.0)


def demand_quantile(mean: FloatArray, dispersion: float, level: float) -> IntArray:
    """Smallest number of pieces that a negative binomial demand stays at or below with probability `level`.

    A dispersion of 0 is a Poisson demand. All rows go on together, one more piece a step.
    """
    if dispersion > 1e-9:
        size = 1 / dispersion
        odds = mean / (size + mean)  # p(k+1) = p(k) * odds * (k + size) / (k + 1)
        probability = (1 - odds) ** size
    else:
        size, odds = np.inf, mean
        probability = np.exp(-mean)
    quantile = np.zeros(len(mean), dtype=np.int64)
    covered = probability.copy()
    for pieces in range(_LARGEST_QUANTILE):
        short = covered < level
        if not short.any():
            break
        quantile[short] = pieces + 1
        probability = probability * odds * ((pieces + size) if np.isfinite(size) else 1.0) / (pieces + 1)
        covered = covered + probability
    return quantile


def wape(forecast: npt.ArrayLike, actual: npt.ArrayLike) -> float:
    """Sum of the absolute errors over the sum of what was sold; nan when nothing was sold."""
    sold = float(np.sum(actual))
    return float(np.abs(np.asarray(forecast) - np.asarray(actual)).sum()) / sold if sold else float("nan")
