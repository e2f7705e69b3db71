"""How much a household is worth: net sales so far plus net sales expected in the next 92 days, honestly backtested.

Model: the square root of a household's net sales in the coming 92 days is regressed on the square roots of its rates
over the last 28, 91 and 273 days (ordinary least squares over several past cuts, rescaled so that the training total is
met). The square root keeps the few big spenders from ruling the fit. No window is longer than 273 days, so that a
forecast never contains the same season of the year before. A fourth window of 182 days makes the fit unstable: at the
training cuts of a first year it is nearly the same as the longest (on one of 140 as-of days the error jumps by 11 %).

Everything here is a pure function from values to values. `SpendHistory.until(cut)` is the only way to look at the past
as it was known then; `forecast` gets nothing else, so the backtest cannot see what it has to predict.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa

HORIZON_DAYS = 92
WINDOWS = (28, 91, 273)  # days; whole weeks, so that each window holds every weekday equally often
TRAINING_CUTS = 6  # as-of days that the regression learns from, newest first
TRAINING_STEP = 28  # days between two training cuts
MIN_HISTORY_DAYS = 120  # days that must lie before a training cut
MIN_DAYS = MIN_HISTORY_DAYS + 2 * HORIZON_DAYS  # 304: one training cut, its outcome, and the backtest's outcome
BUSINESS_ZONE = ZoneInfo("America/New_York")
MODEL_VERSION = "sqrt-rates-1"

_SEGMENTS = ((0.05, "top"), (0.20, "high"), (0.50, "medium"), (1.00, "low"))  # upper bounds of the rank share
_MONEY = pd.ArrowDtype(pa.decimal128(18, 2))
_DATE = pd.ArrowDtype(pa.date32())


@dataclass(frozen=True)
class SpendHistory:
    """Net sales in USD per household (rows, ascending id) and local business date (columns, gap-free)."""

    households: np.ndarray  # int64, shape (households,)
    first_date: date
    net_sales: np.ndarray  # float64, shape (households, days)
    first_purchase: np.ndarray  # int64 day index of the first purchase, shape (households,)

    @property
    def days(self) -> int:
        return self.net_sales.shape[1]

    @property
    def last_date(self) -> date:
        return self.first_date + timedelta(days=self.days - 1)

    @property
    def known(self) -> np.ndarray:
        """Which households had bought by the last day: only of these can anything be foretold."""
        return self.first_purchase < self.days

    def until(self, days: int) -> SpendHistory:
        """The first `days` days, as they were known then."""
        return SpendHistory(self.households, self.first_date, self.net_sales[:, :days], self.first_purchase)

    def total(self, start: int, stop: int) -> np.ndarray:
        """Net sales per household of the day indices ``start <= day < stop``."""
        return self.net_sales[:, max(start, 0) : stop].sum(axis=1)

    def rate(self, window: int) -> np.ndarray:
        """Net sales of the last `window` days (or of all days, when there are fewer) scaled to the horizon."""
        return self.total(self.days - window, self.days) * (HORIZON_DAYS / min(window, self.days))


def last_complete_date(landed_at: datetime) -> date:
    """The last local business date that is certainly over and in the data.

    `landed_at` is the extraction time of the newest landed batch: everything that happened before it is in the data,
    so the local day in which it falls may still be under way and the day before is complete.
    """
    if landed_at.tzinfo is None:
        raise ValueError(f"landed_at must carry a time zone, got {landed_at!r}")
    return landed_at.astimezone(BUSINESS_ZONE).date() - timedelta(days=1)


def spend_history(days: pd.DataFrame, through: date) -> SpendHistory:
    """Rows of `crm.internal.customer_days` (household_id, business_date, net_sales) as a matrix up to `through`.

    Days without business stay zero. Raises ValueError when fewer than `MIN_DAYS` days are covered.
    """
    last_day = np.datetime64(through, "D")
    dates = pd.to_datetime(days["business_date"]).to_numpy().astype("datetime64[D]")
    inside = dates <= last_day
    dates = dates[inside]
    length = int((last_day - dates.min()).astype(np.int64)) + 1 if len(dates) else 0
    if length < MIN_DAYS:
        raise ValueError(
            f"customer_lifetime_value needs {MIN_DAYS} days of bookings up to {through} to train and to backtest, "
            f"but crm.internal.customer_days covers {length}: land more history, then run it again"
        )
    ids = days["household_id"].to_numpy(dtype=np.int64)[inside]
    households, row = np.unique(ids, return_inverse=True)
    column = (dates - dates.min()).astype(np.int64)
    net_sales = np.zeros((len(households), length))
    np.add.at(net_sales, (row, column), days["net_sales"].to_numpy(dtype=np.float64)[inside])
    first_purchase = np.full(len(households), length, dtype=np.int64)
    np.minimum.at(first_purchase, row, column)
    return SpendHistory(households, dates.min().item(), net_sales, first_purchase)


def features(history: SpendHistory) -> np.ndarray:
    """Square roots of the rates at the end of the history, and a constant; shape (households, len(WINDOWS) + 1)."""
    rates = [np.sqrt(np.maximum(history.rate(window), 0.0)) for window in WINDOWS]
    return np.stack([*rates, np.ones(len(history.households))], axis=1)


def forecast(history: SpendHistory) -> np.ndarray:
    """Expected net sales per household in the `HORIZON_DAYS` after the history's last day, USD, never negative."""
    newest_cut = history.days - HORIZON_DAYS
    cuts = [newest_cut - TRAINING_STEP * k for k in range(TRAINING_CUTS)]
    inputs, outcomes = [], []
    for cut in (c for c in cuts if c >= MIN_HISTORY_DAYS):
        past = history.until(cut)
        inputs.append(features(past)[past.known])
        outcomes.append(history.total(cut, cut + HORIZON_DAYS)[past.known])
    known_inputs, known_outcomes = np.concatenate(inputs), np.concatenate(outcomes)
    weights, *_ = np.linalg.lstsq(known_inputs, np.sqrt(np.maximum(known_outcomes, 0.0)), rcond=None)

    def expected(of: np.ndarray) -> np.ndarray:
        return np.square(np.maximum(of @ weights, 0.0))

    # E[x²] > E[x]²: without this factor the forecast would be too low by the residual variance.
    scale = known_outcomes.sum() / max(expected(known_inputs).sum(), 1e-9)
    return expected(features(history)) * scale


def segments(value: np.ndarray) -> list[str]:
    """Segment by rank: top (best 5 %), high (next 15 %), medium (next 30 %), low (the rest); ties as given."""
    rank = np.empty(len(value), dtype=np.int64)
    rank[np.argsort(-value, kind="stable")] = np.arange(len(value))
    share = (rank + 1) / max(len(value), 1)
    return [next(name for bound, name in _SEGMENTS if s <= bound + 1e-12) for s in share]


def customer_lifetime_values(days: pd.DataFrame, landed_at: datetime, load_id: int) -> pd.DataFrame:
    """The whole product: one row per household that has bought, in the column order and types of the contract.

    `days` has the columns household_id, business_date and net_sales; `landed_at` and `load_id` say how far the data
    reach. The backtest stands `HORIZON_DAYS` before the last complete date; its columns are null for households that
    had not bought by then.
    """
    history = spend_history(days, last_complete_date(landed_at))
    then = history.until(history.days - HORIZON_DAYS)
    historic, predicted = _cents(history.total(0, history.days)), _cents(forecast(history))
    lifetime = historic + predicted
    known = then.known
    count = len(history.households)
    frame = {
        "household_id": history.households,
        "as_of_date": _dates(history.last_date, count),
        "horizon_days": np.full(count, HORIZON_DAYS, dtype=np.int32),
        "currency_code": ["USD"] * count,
        "historic_net_sales": _money(historic),
        "predicted_net_sales": _money(predicted),
        "run_rate_net_sales": _money(_cents(history.rate(max(WINDOWS)))),
        "lifetime_value": _money(lifetime),
        "value_segment": segments(lifetime),
        "backtest_as_of_date": _dates(then.last_date, count),
        "backtest_predicted_net_sales": _money(_cents(forecast(then)), known),
        "backtest_run_rate_net_sales": _money(_cents(then.rate(max(WINDOWS))), known),
        "backtest_last_quarter_net_sales": _money(_cents(then.total(then.days - HORIZON_DAYS, then.days)), known),
        "backtest_actual_net_sales": _money(_cents(history.total(then.days, history.days)), known),
        "model_version": [MODEL_VERSION] * count,
        "data_as_of": pd.Series([landed_at] * count, dtype="datetime64[us, UTC]"),
        "bookings_load_id": np.full(count, load_id, dtype=np.int64),
    }
    return pd.DataFrame(frame)


def _cents(value: np.ndarray) -> np.ndarray:
    return np.rint(value * 100).astype(np.int64)


def _money(cents: np.ndarray, where: np.ndarray | None = None) -> pd.Series:
    shown = np.ones(len(cents), dtype=bool) if where is None else where
    values = [Decimal(int(c)).scaleb(-2) if s else None for c, s in zip(cents, shown, strict=True)]
    return pd.Series(pd.array(values, dtype=_MONEY))


def _dates(value: date, count: int) -> pd.Series:
    return pd.Series(pd.array([value] * count, dtype=_DATE))
