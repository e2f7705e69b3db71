"""The rows of `supply_chain.demand_forecast`: forecasts with their backtest, and what they mean for the stock."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from domains.supply_chain.demand import Demand, NoDemandError
from domains.supply_chain.forecast import Forecast, rolling_forecasts

SERVICE_LEVEL = 0.9  # the upper quantity is to hold in nine weeks of ten
LONGEST_COVER_DAYS = 365.0  # beyond a year, days of cover say «hardly sells» and nothing more

SCHEMA = pa.schema(
    [
        ("store_id", pa.int64()),
        ("product_id", pa.int64()),
        ("forecast_origin", pa.date32()),
        ("horizon_weeks", pa.int64()),
        ("period_start", pa.date32()),
        ("period_end", pa.date32()),
        ("is_backtest", pa.bool_()),
        ("department", pa.string()),
        ("unit_of_measure", pa.string()),
        ("forecast_quantity", pa.float64()),
        ("forecast_upper_quantity", pa.int64()),
        ("naive_quantity", pa.int64()),
        ("actual_quantity", pa.int64()),
        ("quantity_on_hand", pa.int64()),
        ("stock_as_of", pa.timestamp("us", "UTC")),
        ("days_of_cover", pa.float64()),
        ("suggested_order_quantity", pa.int64()),
        ("landed_at", pa.timestamp("us", "UTC")),
        ("load_id", pa.int64()),
    ]
)


def demand_forecast_rows(demand: Demand) -> pa.Table:
    """One row per stock, origin and horizon, in the columns and types of `SCHEMA`.

    Raises
    ------
    NoDemandError
        when the history is too short to forecast from.
    """
    stores, _ = pd.factorize(demand.stocks["store_id"])
    parts = [_rows(demand, forecast) for forecast in rolling_forecasts(demand.weekly, stores, SERVICE_LEVEL)]
    if not parts:
        raise NoDemandError(f"{demand.weekly.shape[1]} weeks of bookings are too few to forecast from")
    return pa.concat_tables(parts)


def _rows(demand: Demand, forecast: Forecast) -> pa.Table:
    count = len(demand.stocks)
    origin = demand.origin - timedelta(weeks=forecast.weeks_before)
    period_start = origin + timedelta(days=7 * forecast.horizon - 6)
    columns = {
        "store_id": demand.stocks["store_id"],
        "product_id": demand.stocks["product_id"],
        "department": demand.stocks["department"],
        "forecast_quantity": forecast.expected.round(3),
        "forecast_upper_quantity": forecast.upper,
        "naive_quantity": forecast.naive,
        "actual_quantity": forecast.actual,
        **_cover(demand, forecast),
    }
    constants = {
        "forecast_origin": origin,
        "horizon_weeks": forecast.horizon,
        "period_start": period_start,
        "period_end": period_start + timedelta(days=6),
        "is_backtest": forecast.actual is not None,
        "unit_of_measure": "each",
        "landed_at": demand.landed_at,
        "load_id": demand.load_id,
    }
    arrays = [
        pa.repeat(pa.scalar(constants[field.name], field.type), count)
        if field.name in constants
        else _array(columns[field.name], field.type, count)
        for field in SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _array(values: pd.Series | np.ndarray | None, type_: pa.DataType, count: int) -> pa.Array:
    return pa.nulls(count, type_) if values is None else pa.array(values, type_)


def _cover(demand: Demand, forecast: Forecast) -> dict[str, pd.Series | np.ndarray | None]:
    """What the next week's demand means for the stock; later weeks and the past have no stock to compare with."""
    if forecast.actual is not None or forecast.horizon != 1:
        return dict.fromkeys(("quantity_on_hand", "stock_as_of", "days_of_cover", "suggested_order_quantity"))
    on_hand = demand.stocks["quantity_on_hand"].to_numpy()
    a_day = np.maximum(forecast.expected / 7, 1e-9)
    return {
        "quantity_on_hand": on_hand,
        "stock_as_of": demand.stocks["stock_as_of"],
        "days_of_cover": np.clip(on_hand / a_day, 0, LONGEST_COVER_DAYS).round(1),
        "suggested_order_quantity": np.maximum(forecast.upper - on_hand, 0),
    }
