"""The floor makes the six products of the shipped year: a floor that computed less would flatter nobody."""

from collections.abc import Iterator
from decimal import Decimal

import duckdb
import pytest

from benchmarks.floor import FILES, PRODUCTS, build, data_folder

ROWS = {
    "sales.bookings": 1_469_307,
    "finance.revenue": 207_096,
    "crm.customer_360": 2_469,
    "crm.customer_lifetime_value": 2_469,
}
NET, SPEND = Decimal("4596039.58"), Decimal("4569679.68")


@pytest.fixture(scope="module")
def floor() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        assert set(build(con, data_folder())) == set(FILES)
        yield con


def one(con: duckdb.DuckDBPyConnection, sql: str) -> tuple:
    return con.execute(sql).fetchone()


def test_every_product_of_the_mesh_has_a_floor_with_rows(floor: duckdb.DuckDBPyConnection) -> None:
    rows = {product: one(floor, f"SELECT count(*) FROM {table}")[0] for product, table in PRODUCTS.items()}
    assert {product: rows[product] for product in ROWS} == ROWS
    assert all(rows.values())


@pytest.mark.parametrize(("table", "net"), [("bookings", "net_sales"), ("revenue", "net_revenue")])
def test_both_bridges_close_to_the_cent(floor: duckdb.DuckDBPyConnection, table: str, net: str) -> None:
    sums = one(
        floor,
        f"SELECT sum(gross_bookings), sum(loyalty_discount), sum(retailer_coupon_match), sum({net}), "
        f"sum(manufacturer_coupon), sum(customer_spend) FROM {table}",
    )
    assert sums == (Decimal("5392232.87"), Decimal("791650.64"), Decimal("4542.65"), NET, Decimal("26359.90"), SPEND)


def test_business_days_are_local_days(floor: duckdb.DuckDBPyConnection) -> None:
    days = one(
        floor, "SELECT count(DISTINCT business_date), min(business_date)::text, max(business_date)::text FROM revenue"
    )
    assert days == (364, "2017-01-01", "2017-12-31")


def test_customers_spent_what_was_booked_and_their_value_is_backtested(floor: duckdb.DuckDBPyConnection) -> None:
    assert one(floor, "SELECT sum(net_sales), sum(customer_spend) FROM floor_crm_customer_360") == (NET, SPEND)
    historic, actual, forecast = one(
        floor,
        "SELECT sum(historic_net_sales), sum(backtest_actual_net_sales), sum(backtest_predicted_net_sales) "
        "FROM floor_crm_customer_lifetime_value",
    )
    assert historic == NET
    assert abs(forecast / actual - 1) < Decimal("0.1")


def test_stock_is_what_came_in_less_what_was_sold(floor: duckdb.DuckDBPyConnection) -> None:
    events, wrong, below_zero = one(
        floor,
        "SELECT sum(movement_count), count_if(quantity_on_hand <> opening_quantity + coalesce(replenished_quantity, 0) "
        "- coalesce(sold_quantity, 0)), sum(below_zero_movement_count) / sum(movement_count) "
        "FROM floor_inventory_levels",
    )
    assert (wrong, events) == (0, 96_990)
    assert 0.005 < below_zero < 0.01


def test_the_forecast_beats_the_naive_one(floor: duckdb.DuckDBPyConnection) -> None:
    ours, naive = one(
        floor,
        "SELECT sum(abs(forecast_quantity - actual_quantity)) / sum(actual_quantity), "
        "sum(abs(naive_quantity - actual_quantity)) / sum(actual_quantity) "
        "FROM floor_supply_chain_forecast WHERE is_backtest AND horizon_weeks = 1",
    )
    assert ours < naive
