"""What the forecast is made from, read from the two input ports and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb
import numpy as np
import pandas as pd

from domains.supply_chain.forecast import HISTORY_WEEKS, IntArray

BOOKINGS = "sales.bookings.v1"
INVENTORY_LEVELS = "inventory.inventory_levels.v1"


class NoDemandError(ValueError):
    """There is nothing to forecast, or nothing to forecast it from."""


@dataclass(frozen=True)
class Demand:
    """Weekly demand for what the stores stock, up to the latest complete business date."""

    stocks: pd.DataFrame  # store_id, product_id, quantity_on_hand, stock_as_of, department; one row per stock, sorted
    weekly: IntArray  # pieces: one row per stock, one column per seven days, oldest first; the last ends on `origin`
    origin: date  # latest complete business date
    landed_at: datetime  # how far the bookings reach
    load_id: int  # the newest load of bookings that is in here


@dataclass(frozen=True)
class _Reach:
    origin: date
    weeks: int
    landed_at: datetime
    load_id: int


def read_demand(lake: duckdb.DuckDBPyConnection, bookings: str = BOOKINGS, levels: str = INVENTORY_LEVELS) -> Demand:
    """Weekly pieces per stock. Fuel is left out: its bookings have gallons and no pieces.

    The bookings are read twice (how far they reach, then the weeks). The second read stops at the load that the first
    one saw, so that a publication in between changes nothing.

    Raises
    ------
    NoDemandError
        when a port has no rows, or the bookings don't cover a whole week.
    """
    reach = _reach(lake, bookings)
    stocks = lake.execute(
        f"""
        select store_id, product_id, quantity_on_hand, max(landed_at) over () as stock_as_of
        from {levels} where unit_of_measure = 'each' order by store_id, product_id
        """
    ).to_arrow_table()
    if stocks.num_rows == 0:
        raise NoDemandError(f"{levels} has no stocks that are counted in pieces: nothing to forecast")
    # Dates as literals, which let the lake skip files; parameters don't.
    first = reach.origin - timedelta(weeks=reach.weeks) + timedelta(days=1)
    sold = lake.execute(
        f"""
        select
            store_id, product_id, (date '{reach.origin}' - business_date) // 7 as weeks_before,
            sum(quantity)::bigint as quantity, max(department) as department
        from {bookings}
        semi join (select store_id, product_id from {levels}) using (store_id, product_id)
        where business_date between date '{first}' and date '{reach.origin}'
            and unit_of_measure = 'each' and load_id <= {reach.load_id}
        group by all
        """
    ).to_arrow_table()
    known, weekly = _as_matrix(stocks.to_pandas(), sold.to_pandas(), reach.weeks)
    return Demand(known, weekly, reach.origin, reach.landed_at, reach.load_id)


def _reach(lake: duckdb.DuckDBPyConnection, bookings: str) -> _Reach:
    """How far the bookings reach. A business date is complete when something was extracted after its midnight."""
    origin, first, landed_at, load_id = lake.execute(
        f"""
        select
            cast(timezone('America/New_York', max(landed_at)) as date) - 1, min(business_date),
            max(landed_at), max(load_id)
        from {bookings}
        """
    ).fetchone()
    if landed_at is None:
        raise NoDemandError(f"{bookings} has no rows: nothing to forecast from")
    weeks = min(((origin - first).days + 1) // 7, HISTORY_WEEKS)
    if weeks < 1:
        raise NoDemandError(f"{bookings} covers no whole week yet ({first} to {origin}): nothing to forecast from")
    return _Reach(origin, weeks, landed_at, load_id)


def _as_matrix(stocks: pd.DataFrame, sold: pd.DataFrame, weeks: int) -> tuple[pd.DataFrame, IntArray]:
    """The stocks with their department, and the matrix in the same order; weeks without a sale are 0."""
    keys = ["store_id", "product_id"]
    rows = pd.MultiIndex.from_frame(stocks[keys])
    weekly = np.zeros((len(stocks), weeks), dtype=np.int64)
    row = rows.get_indexer(pd.MultiIndex.from_frame(sold[keys]))
    weekly[row, weeks - 1 - sold["weeks_before"].to_numpy()] = sold["quantity"]
    departments = sold.sort_values("weeks_before").drop_duplicates(keys)[[*keys, "department"]]
    known = stocks.merge(departments, how="left", on=keys, validate="one_to_one")
    return known.assign(department=known["department"].fillna("UNKNOWN")), weekly
