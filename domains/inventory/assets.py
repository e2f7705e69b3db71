"""Python models of the Inventory domain: thin over the SQL beside them."""

from __future__ import annotations

import duckdb

from domains.inventory.stock import inventory_levels_sql
from platform_resources.orchestration import python_model

MOVEMENTS = "inventory.internal.stock_movements"
POLICIES = "inventory.internal.stock_policies"


@python_model("inventory_levels", reads=[MOVEMENTS, POLICIES])
def inventory_levels(lake: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """Current stock per store and product, *derived* from the warehouse's movements."""
    return lake.sql(inventory_levels_sql(MOVEMENTS, POLICIES))
