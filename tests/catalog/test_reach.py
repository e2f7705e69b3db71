"""How far back data goes: which columns tell it, and that a default date is no history."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from platform_resources.catalog.fitness import Dated, dating, history
from platform_resources.catalog.reach import read_reach
from platform_resources.lake import PortAddress

PORT = PortAddress("a", "x", 1)
YEAR = timedelta(days=365)


@pytest.fixture
def con(tmp_path: Path) -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    made.execute("ATTACH ':memory:' AS a; CREATE SCHEMA a.x")
    return made


def reach(con: duckdb.DuckDBPyConnection, values: str) -> date | None:
    con.execute(f"CREATE OR REPLACE TABLE a.x.v1 AS SELECT * FROM ({values}) t(day)")
    found = read_reach(con, PORT, ["day"])
    return found["day"].date() if "day" in found else None


DAYS = "SELECT DATE '2026-01-01' + CAST(i AS INTEGER) FROM range({}) t(i)"


@pytest.mark.parametrize("default", ["1900-01-01", "0001-01-01", "-infinity"])
def test_a_default_date_is_no_history(con: duckdb.DuckDBPyConnection, default: str) -> None:
    rows = f"{DAYS.format(10)} UNION ALL SELECT DATE '{default}'"
    assert reach(con, rows) == date(2026, 1, 2 if default == "-infinity" else 1)
    many = f"SELECT DATE '2026-01-01' FROM range(10000) UNION ALL SELECT DATE '{default}' FROM range(10)"
    assert reach(con, many) == date(2026, 1, 1)


def test_what_holds_too_few_dates_tells_nothing(con: duckdb.DuckDBPyConnection) -> None:
    assert reach(con, "SELECT NULL::DATE") is None
    assert reach(con, "SELECT DATE '2020-01-01'") is None
    assert reach(con, "SELECT DATE '2020-01-01' WHERE false") is None
    assert reach(con, DAYS.format(2)) == date(2026, 1, 2)


def test_only_what_dates_rows_is_asked() -> None:
    facts = [Dated("store_opened_on"), Dated("date_of_birth"), Dated("valid_until"), Dated("first_purchase_date")]
    assert dating(facts) == ()
    assert dating([*facts, Dated("business_date", is_typed=True)]) == ("business_date",)
    assert dating([*facts, Dated("sold_at", is_kept=True), Dated("business_date", is_typed=True)]) == ("sold_at",)
    assert dating([*facts, Dated("day", in_key=True), Dated("sold_at", is_kept=True)]) == ("day",)


@pytest.mark.parametrize(("kept", "verdict"), [(None, "unknown"), (3 * YEAR, "unknown"), (YEAR / 2, "no")])
def test_rows_without_a_time_have_no_history(kept: timedelta | None, verdict: str) -> None:
    found = history(YEAR, None, kept, is_dated=False)
    assert found.verdict == verdict
    assert "a date in the key would" in found.says
