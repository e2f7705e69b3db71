"""The shipped year as it would have landed: every morning at six, what happened since the morning before."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from operational_systems import Replay

BEGUN = datetime(2026, 11, 22, 12, tzinfo=UTC)  # the replay's first start, so that every run has the same dates
DAYS = 365
_RECEIPTS, _MOVEMENTS = "point_of_sale/receipts", "warehouse/stock_movements"
_WHOLE = ("point_of_sale/products", "crm_system/customers", "crm_system/campaign_contacts", "warehouse/stock_policies")


def land_year(con: duckdb.DuckDBPyConnection, home: Path) -> date:
    """Make the tables `landed.<feed>`, each row with the day that it landed on; the first of these days.

    `home` is a folder for the files that the operational systems land.
    """
    Replay(home).land_due(BEGUN)
    con.execute("CREATE SCHEMA landed")
    first = _landed(con, home, _RECEIPTS, "transaction_timestamp")
    _landed(con, home, _MOVEMENTS, "moved_at")
    con.execute("UPDATE landed.stock_movements SET landed_on = ? WHERE landed_on < ?", [first, first])  # opening stock
    for feed in _WHOLE:
        con.execute(f"CREATE TABLE landed.{feed.partition('/')[2]} AS FROM read_parquet('{_files(home, feed)}')")
    return first


def landed_at(day: date) -> datetime:
    """Six in the morning in New York, in winter."""
    return datetime(day.year, day.month, day.day, 11, tzinfo=UTC)


def _landed(con: duckdb.DuckDBPyConnection, home: Path, feed: str, moment: str) -> date:
    """The zone of distinct moments only: of 1.5 M lines 155,000 are."""
    name = feed.partition("/")[2]
    con.execute(
        f"""
        CREATE TABLE landed.{name} AS
        WITH lines AS (FROM read_parquet('{_files(home, feed)}')),
        days AS (
            SELECT {moment}, CAST(timezone('America/New_York', timezone('UTC', {moment})) + INTERVAL 18 HOUR AS DATE)
                AS landed_on
            FROM (SELECT DISTINCT {moment} FROM lines)
        )
        SELECT lines.*, landed_on FROM lines JOIN days USING ({moment}) ORDER BY landed_on, {moment}
        """
    )
    found = con.execute(f"SELECT min(landed_on) FROM landed.{name}").fetchone()
    assert found is not None
    first: date = found[0]
    con.execute(f"DELETE FROM landed.{name} WHERE landed_on >= ?", [first + timedelta(days=DAYS)])
    return first


def _files(home: Path, feed: str) -> Path:
    return home / "landing" / feed / "*.parquet"
