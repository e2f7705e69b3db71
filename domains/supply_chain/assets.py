"""Python models of the Supply Chain domain: thin over the pure functions beside them."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from domains.supply_chain.demand import read_demand
from domains.supply_chain.replenishment import demand_forecast_rows
from platform_resources.orchestration import python_model


@python_model("demand_forecast")
def demand_forecast(lake: duckdb.DuckDBPyConnection) -> pa.Table:
    """Demand for every stocked product of every store in the next two weeks, with a quarter of backtest.

    Reads the ports `sales.bookings.v1` and `inventory.inventory_levels.v1` only.
    """
    return demand_forecast_rows(read_demand(lake))
