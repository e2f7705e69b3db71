"""Column lineage read from SQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_resources.orchestration.lineage import cached_lineage, column_lineage, merge_tables

LINES, PRODUCTS = ("sales", "internal", "lines"), ("sales", "internal", "products")
TABLES = {
    LINES: [("basket", "BIGINT"), ("product", "BIGINT"), ("amount", "DECIMAL(10,2)"), ("discount", "DECIMAL(10,2)")],
    PRODUCTS: [("product", "BIGINT"), ("department", "VARCHAR")],
}


def lineage(sql: str) -> dict[str, set[tuple[str, str]]]:
    """Output column -> {(table, column)}, for tables of sales.internal."""
    return {
        name: {(table[-1], column) for table, column in found} for name, found in column_lineage(sql, TABLES).items()
    }


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param(
            "select basket, amount - discount as net from sales.internal.lines",
            {"basket": {("lines", "basket")}, "net": {("lines", "amount"), ("lines", "discount")}},
            id="expression",
        ),
        pytest.param(
            "select l.basket, p.department from sales.internal.lines l join sales.internal.products p using (product)",
            {"basket": {("lines", "basket")}, "department": {("products", "department")}},
            id="join",
        ),
        pytest.param(
            "select * from sales.internal.products",
            {"product": {("products", "product")}, "department": {("products", "department")}},
            id="star",
        ),
        pytest.param(
            "with net as (select product, amount - discount as net from sales.internal.lines), "
            "by_product as (select product, sum(net) as total from net group by 1) "
            "select total as revenue from by_product",
            {"revenue": {("lines", "amount"), ("lines", "discount")}},
            id="cte over cte",
        ),
        pytest.param(
            "select department, sum(amount) as amount, count(*) as lines "
            "from sales.internal.lines l join sales.internal.products p on l.product = p.product group by department",
            {"department": {("products", "department")}, "amount": {("lines", "amount")}, "lines": set()},
            id="aggregate",
        ),
        pytest.param(
            "select basket as id from sales.internal.lines union all select product from sales.internal.products",
            {"id": {("lines", "basket"), ("products", "product")}},
            id="union",
        ),
        pytest.param(
            "select amount, row_number() over (partition by product order by basket) as n from sales.internal.lines",
            {"amount": {("lines", "amount")}, "n": {("lines", "product"), ("lines", "basket")}},
            id="window",
        ),
        pytest.param(
            "select x.amount from (select amount from sales.internal.lines where basket > 1) x",
            {"amount": {("lines", "amount")}},
            id="subquery",
        ),
        pytest.param("select 1 as one", {"one": set()}, id="constant"),
    ],
)
def test_an_output_column_names_what_it_is_computed_from(sql: str, expected: dict[str, set[tuple[str, str]]]) -> None:
    assert lineage(sql) == expected


@pytest.mark.parametrize(
    "sql", ["this is no sql", "select", "", "select basket from (", "insert into x values (1)", "drop table x"]
)
def test_what_can_not_be_followed_has_no_lineage(sql: str) -> None:
    """Lineage is shown, never relied on: a query that only DuckDB understands must not fail its build."""
    assert column_lineage(sql, TABLES) == {}


def test_lineage_is_kept_by_content(tmp_path: Path) -> None:
    cache = tmp_path / "deep" / "lineage.json"
    sql = "select amount from sales.internal.lines"
    first = cached_lineage(sql, TABLES, cache)
    assert first == {"amount": [(LINES, "amount")]}
    cache.write_text(cache.read_text().replace('"amount"', '"kept"'))
    assert cached_lineage(sql, TABLES, cache) == {"kept": [(LINES, "kept")]}  # read from the file
    assert cached_lineage(sql + " ", TABLES, cache) == first  # another text is followed anew
    assert cached_lineage("not sql", TABLES, cache) == {}


def test_a_damaged_cache_is_made_anew(tmp_path: Path) -> None:
    cache = tmp_path / "lineage.json"
    cache.write_text('{"half')
    assert cached_lineage("select amount from sales.internal.lines", TABLES, cache) == {"amount": [(LINES, "amount")]}


def test_columns_of_a_catalog_are_grouped_by_table_in_their_order() -> None:
    rows = [("d", "s", "t", "b", "BIGINT"), ("d", "s", "u", "x", "DATE"), ("d", "s", "t", "a", "VARCHAR")]
    assert merge_tables(rows) == {
        ("d", "s", "t"): [("b", "BIGINT"), ("a", "VARCHAR")],
        ("d", "s", "u"): [("x", "DATE")],
    }
