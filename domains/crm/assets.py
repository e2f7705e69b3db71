"""Python models of the CRM domain: thin over the pure functions beside them."""

from __future__ import annotations

from datetime import UTC

import duckdb
import pandas as pd
import pyarrow.compute as pc

from domains.crm.lifetime_value import customer_lifetime_values
from platform_resources.orchestration import python_model


@python_model("customer_lifetime_value", reads=["crm.internal.customer_days"])
def customer_lifetime_value(lake: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Lifetime value per household from the domain's own daily totals (127,431 rows a year, read whole)."""
    # One statement, so that the rows and how far they reach come from the same snapshot.
    days = lake.execute(
        """
        select household_id, business_date, cast(net_sales as double) as net_sales, landed_at, load_id
        from crm.internal.customer_days
        """
    ).to_arrow_table()
    if days.num_rows == 0:
        raise ValueError("crm.internal.customer_days is empty: build crm.customer_360 first")
    landed_at = pc.max(days["landed_at"]).as_py().astimezone(UTC)
    load_id = pc.max(days["load_id"]).as_py()
    spend = days.select(["household_id", "business_date", "net_sales"]).to_pandas(date_as_object=False)
    return customer_lifetime_values(spend, landed_at, load_id)
