"""`mesh query`: ports and nothing but ports, masked whatever the query does with the values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from platform_resources.access import Access, AccessError
from platform_resources.access.callers.personas import DEFAULT_PERSONA, persona_token
from platform_resources.lake import MeshSettings
from tests.cli.conftest import Mesh

SECRETS = ("ada@", "bob@", "cleo@", "555-01", "gold", "blue", "1970", "1980", "1990")


def ask(mesh: Mesh, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query, asked in this process: the command line is tested by itself."""
    with Access(MeshSettings(home=mesh.home, project=mesh.project)) as access:
        analyst = access.authenticate(persona_token(access.settings, DEFAULT_PERSONA))
        with access.sql.run(analyst, sql) as reading:
            return list(zip(*(column.to_pylist() for column in reading.table().columns), strict=True))


def refusal(mesh: Mesh, sql: str) -> str:
    with pytest.raises(AccessError) as refused:
        ask(mesh, sql)
    return str(refused.value)


def test_json_names_the_publication_the_masked_columns_and_the_rows(built: Mesh) -> None:
    done = built("query", "select order_id, customer, amount from shop.orders.v1 order by order_id", "--json")
    assert done.code == 0
    assert done.json["publications"] == {"shop.orders.v1": 1}
    assert done.json["masked"] == {"shop.orders.v1": ["customer"]}
    assert done.json["rows"] == [
        {"order_id": 1, "customer": "a***@mail.example", "amount": "10.00"},
        {"order_id": 2, "customer": "b***@mail.example", "amount": "20.50"},
        {"order_id": 3, "customer": "c***@post.example", "amount": "0.25"},
    ]


def test_rows_for_people_come_with_a_note_on_masks_and_limit(built: Mesh) -> None:
    done = built("query", "select order_id, customer from shop.orders.v1 order by 1", "--limit", "2")
    assert done.code == 0
    assert "b***@mail.example" in done.out
    assert "c***@post.example" not in done.out
    assert "2 of 3 rows" in done.err
    assert "masked in shop.orders.v1: customer" in done.err


def test_every_value_of_a_masked_column_is_masked_by_its_strategy(built: Mesh) -> None:
    rows = ask(built, "select * from shop.orders.v1 order by order_id")
    assert not [secret for secret in SECRETS if secret in str(rows)]
    (_, customer, phone, segment, birth_year, *_rest) = rows[0]
    assert (customer, segment, birth_year) == ("a***@mail.example", "***", None)
    assert len(phone) == 64  # a keyed hash: equal values stay equal, and nobody can try out numbers without the key
    assert len({row[2] for row in rows}) == 3


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("select count(*) from shop.orders.v1 where customer = 'ada@mail.example'", 0),
        ("select count(*) from shop.orders.v1 where customer like 'ad%'", 0),
        ("select count(*) from shop.orders.v1 where customer = 'a***@mail.example'", 1),
        ("select count(*) from shop.orders.v1 where birth_year = 1970 or birth_year between 1900 and 2100", 0),
        ("select count(*) from shop.orders.v1 where segment = 'gold'", 0),
        ("select count(*) from shop.orders.v1 where phone = '+1-555-0101'", 0),
        ("select count(*) from shop.orders.v1 where phone = sha256('+1-555-0101')", 0),
        ("select count(distinct segment) from shop.orders.v1", 1),
        ("select count(*) from shop.orders.v1 a join shop.orders.v1 b on a.birth_year = b.birth_year", 0),
        ("select count(*) from shop.orders.v1 where customer in (select 'ada@mail.example')", 0),
        ("with v as (select customer as c from shop.orders.v1) select count(*) from v where c = 'ada@mail.example'", 0),
        ("select count(*) from shop.orders.v1 o join (values ('ada@mail.example')) g(guess) on o.customer = guess", 0),
    ],
)
def test_filters_and_joins_compare_masked_values(built: Mesh, sql: str, rows: int) -> None:
    assert ask(built, sql) == [(rows,)]


def test_a_sort_by_a_masked_column_tells_no_order_of_what_it_hides(built: Mesh) -> None:
    by_phone = [row[1] for row in ask(built, "select order_id, phone from shop.orders.v1 order by phone")]
    assert by_phone == sorted(by_phone)
    values = ask(built, "select min(birth_year), max(birth_year), avg(birth_year), max(segment) from shop.orders.v1")
    assert values == [(None, None, None, "***")]


def test_an_error_of_a_query_shows_masked_values_only(built: Mesh) -> None:
    for sql in (
        "select cast(customer as integer) from shop.orders.v1",
        "select cast(phone as date) from shop.orders.v1",
        "select 1 // cast(segment as integer) from shop.orders.v1",
    ):
        message = refusal(built, sql)
        assert not [secret for secret in SECRETS if secret in message], message
    done = built("query", "select cast(customer as integer) from shop.orders.v1")
    assert (done.code, done.out) == (1, "")
    assert "'…'" in done.err  # no value stands in an error, not even a masked one


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("select amount, x from shop.orders.v1 as o(x, amount) where false", []),
        ("select amount from shop.orders.v1 as o(amount) order by amount", [(1,), (2,), (3,)]),
        ("select o.amount, o from shop.orders.v1 o where o.order_id = 1", None),
        ("select count(*) from shop.orders.v1", [(3,)]),
        ("select 1 from shop.orders.v1", [(1,), (1,), (1,)]),
        ("select order_id from shop.orders.v1 where amount > (select avg(amount) from shop.orders.v1)", [(2,)]),
        ("select AMOUNT from shop.orders.v1 where Order_Id = 3", [(0.25,)]),
        ("select order_id from shop.orders.v1 natural join (select 2 as order_id) two", [(2,)]),
        ("select order_id from shop.orders.v1 join (select 2 as order_id) two using (order_id)", [(2,)]),
        ("select orders, order_id from ledger.totals.v1, shop.orders.v1 where order_id = orders", [(3, 3)]),
        ("select max(order_id) from shop.orders.v1 union all select orders from ledger.totals.v1", [(3,), (3,)]),
    ],
)  # fmt: skip
def test_a_query_means_what_it_means_in_duckdb(built: Mesh, sql: str, rows: Sequence[tuple[Any, ...]] | None) -> None:
    """Only the columns that a query names are copied; that must not change what it says."""
    found = ask(built, sql)
    if rows is None:
        assert set(found[0][1]) >= {"order_id", "customer", "amount", "load_id"}
    else:
        assert [tuple(float(v) for v in row) for row in found] == [tuple(float(v) for v in row) for row in rows]


@pytest.mark.parametrize(
    "sql",
    [
        "insert into shop.orders.v1 values (1)",
        "update shop.orders.v1 set amount = 0",
        "delete from shop.orders.v1",
        "drop view shop.orders.v1",
        "create table mine as select * from shop.orders.v1",
        "copy (select * from shop.orders.v1) to '/tmp/stolen.csv'",
        "attach '/tmp/x.db'",
        "pragma database_list",
        "set memory_limit = '1TB'",
        "load httpfs",
        "call duckdb_settings()",
        "export database '/tmp/x'",
        "describe shop.orders.v1",
        "select 1; select 2",
        "select * from shop.orders.v1; drop view shop.orders.v1",
        "selec 1",
        "",
    ],
)
def test_only_one_select_is_answered(built: Mesh, sql: str) -> None:
    assert "the query is refused" in refusal(built, sql)


@pytest.mark.parametrize(
    "source",
    [
        "read_csv('/etc/passwd')",
        "read_text('/etc/passwd')",
        "read_parquet('{home}/landing/till/order_lines/*.parquet')",
        "'{home}/landing/till/order_lines/order_lines_20260302T120000Z.parquet'",
        "glob('/*')",
        "duckdb_settings()",
        "duckdb_secrets()",
        "sqlite_scan('{home}/lakes/shop/catalog.sqlite', 'ducklake_data_file')",
        "query('select 1')",
        "query_table('shop.internal.order_lines')",
        "shop.internal.order_lines",
        "shop.internal.orders",
        "shop.mesh.publications",
        "shop.mesh.contracts",
        "__ducklake_metadata_shop.main.ducklake_data_file",
        "information_schema.tables",
        "pg_catalog.pg_tables",
        "duckdb_tables",
        "sqlite_master",
        "shop.orders.v1 at (version => 1)",
        "order_lines",
    ],
)
def test_nothing_but_ports_is_read(built: Mesh, source: str) -> None:
    source = source.format(home=built.home)
    for sql in (
        f"select * from {source}",
        f"select * from shop.orders.v1, {source}",
        f"with x as (from {source}) from x",
    ):
        assert "the query is refused" in refusal(built, sql)


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("select no_such_column from shop.orders.v1", "no_such_column"),
        ("select * from shop.orders.v2", "there is no port shop.orders.v2"),
        ("select * from shop.nothing.v1", "there is no port shop.nothing.v1"),
        ("select * from nowhere.nothing.v1", "nowhere"),
        ("select 1", "reads no port"),
        ("select * from shop.internal.order_lines", "refused"),
        ("select * from read_csv('/etc/passwd')", "refused"),
    ],
)
def test_a_query_that_can_not_be_answered_says_why(built: Mesh, sql: str, told: str) -> None:
    done = built("query", sql, "--json")
    assert (done.code, done.out) == (1, "")
    assert told in done.err
