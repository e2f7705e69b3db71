"""The tables of the shipped products as of each day: the domains' own SQL over what has landed by then."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import duckdb
import jinja2

from benchmarks.anomalies.faults import Fault, NoFault
from benchmarks.anomalies.year import landed_at
from domains.inventory.stock import inventory_levels_sql

MODELS = Path(__file__).resolve().parents[2] / "dbt_project" / "models"
PRODUCTS = ("sales.bookings", "finance.revenue", "crm.customer_360", "inventory.inventory_levels")
_NAMES = {
    ("internal", "receipts"): "new_receipts",
    ("internal", "products"): "landed_products",
    ("internal", "customers"): "landed_customers",
    ("internal", "campaign_contacts"): "landed_contacts",
    ("bookings", "v1"): "sales.internal.bookings",
}
_ALWAYS = "0 AS _load_id, TIMESTAMPTZ '2000-01-01' AS _landed_at"


def model_sql(name: str) -> str:
    """A dbt model, rendered as dbt would for its first run; by day, for the days that new loads touch."""

    def nothing(*_: object, **__: object) -> str:
        return ""

    template = jinja2.Environment(autoescape=False).from_string((MODELS / f"{name}.sql").read_text("utf-8"))
    return template.render(
        config=nothing,
        source=lambda *names: _NAMES[names],
        ref=lambda _: "crm.internal.customer_days",
        is_incremental=lambda: False,
        where_day_is_touched=lambda _: "where business_date in (select business_date from touched)",
    )


@dataclass
class Products:
    """The four products in an in-memory database, built on from day to day as their models are in the mesh."""

    con: duckdb.DuckDBPyConnection
    built: frozenset[str] = frozenset(PRODUCTS)
    _sql: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for domain in ("sales", "finance", "crm", "inventory"):
            self.con.execute(f"ATTACH ':memory:' AS {domain}; CREATE SCHEMA {domain}.internal")
        self.con.execute("CREATE SCHEMA kept")
        self._view("landed_policies", f"SELECT *, {_ALWAYS} FROM landed.stock_policies")
        models = ("sales/bookings", "finance/revenue", "crm/customer_days", "crm/customer_360")
        self._sql = {name.partition("/")[2]: model_sql(name) for name in models}

    def advance(self, day: date, number: int, feed: Fault | NoFault) -> None:
        """Land a day and build all on."""
        loaded = f"{number}::BIGINT AS _load_id, TIMESTAMPTZ '{landed_at(day).isoformat()}' AS _landed_at"
        self._view("new_receipts", f"SELECT *, {loaded} FROM ({feed.receipts(day)})")
        sold = f"SELECT *, {_ALWAYS} FROM landed.products SEMI JOIN new_receipts USING (product_id)"
        self._view("landed_products", sold)  # those of the day: the model ranks all 92,331 else
        self._append("sales.internal.bookings", self._sql["bookings"])
        self.con.execute(
            "CREATE OR REPLACE TEMP TABLE touched AS SELECT DISTINCT business_date FROM sales.internal.bookings "
            f"WHERE load_id = {number}"
        )
        if "finance.revenue" in self.built:
            self._touched("finance.internal.revenue", self._sql["revenue"])
        if "crm.customer_360" in self.built:
            self._touched("crm.internal.customer_days", self._sql["customer_days"])
            self._contacts(day, feed)
            self.con.execute(f"CREATE OR REPLACE TABLE crm.internal.customer_360 AS {self._sql['customer_360']}")
        if "inventory.inventory_levels" in self.built:
            self._append("inventory.internal.stock_movements", f"SELECT *, {loaded} FROM ({feed.movements(day)})")
            levels = inventory_levels_sql("inventory.internal.stock_movements", "landed_policies")
            self.con.execute(f"CREATE OR REPLACE TABLE inventory.internal.inventory_levels AS {levels}")

    def keep(self) -> None:
        """Remember the tables, to go back to any day of them."""
        for name in self._grown():
            self.con.execute(f"CREATE OR REPLACE TABLE kept.{name.rpartition('.')[2]} AS FROM {name}")

    def back_to(self, day: date, number: int) -> None:
        """As it was before a day of landing was built; what a day's first half showed is built anew with the next."""
        for name, kind in self._grown().items():
            since = {
                "load": f"load_id < {number}",
                "_load": f"_load_id < {number}",
                "day": f"business_date < DATE '{day - timedelta(days=1)}'",
            }[kind]
            self.con.execute(f"CREATE OR REPLACE TABLE {name} AS FROM kept.{name.rpartition('.')[2]} WHERE {since}")

    def _grown(self) -> dict[str, str]:
        found = {"sales.internal.bookings": "load"}
        if "finance.revenue" in self.built:
            found["finance.internal.revenue"] = "day"
        if "crm.customer_360" in self.built:
            found["crm.internal.customer_days"] = "day"
        if "inventory.inventory_levels" in self.built:
            found["inventory.internal.stock_movements"] = "_load"
        return found

    def _contacts(self, day: date, feed: Fault | NoFault) -> None:
        self._view("landed_customers", f"SELECT *, 0 AS _load_id FROM ({feed.customers(day)})")
        self._view("landed_contacts", "FROM landed.campaign_contacts")

    def _touched(self, table: str, query: str) -> None:
        if self._exists(table):
            self.con.execute(f"DELETE FROM {table} WHERE business_date IN (FROM touched)")
        self._append(table, query)

    def _append(self, table: str, query: str) -> None:
        if not self._exists(table):
            self.con.execute(f"CREATE TABLE {table} AS {query}")
        else:
            self.con.execute(f"INSERT INTO {table} {query}")

    def _exists(self, table: str) -> bool:
        domain, _, name = table.split(".")
        found = self.con.execute(
            "SELECT count(*) FROM duckdb_tables() WHERE database_name = ? AND table_name = ?", [domain, name]
        ).fetchone()
        return bool(found and found[0])

    def _view(self, name: str, query: str) -> None:
        self.con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {query}")
