"""Lineage of columns read from SQL."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from platform_resources.lineage.building import Built, lineage_by_sql
from platform_resources.lineage.model import from_record
from platform_resources.lineage.sql import QueryLineage, UnreadableQueryError, Use, query_lineage

LINES, PRODUCTS = ("sales", "internal", "lines"), ("sales", "internal", "products")
TABLES = {
    LINES: [("basket", "BIGINT"), ("product", "BIGINT"), ("amount", "DECIMAL(10,2)"), ("discount", "DECIMAL(10,2)")],
    PRODUCTS: [("product", "BIGINT"), ("department", "VARCHAR")],
}
AMOUNT = {"amount": {"identity l.amount"}}


def short(uses: frozenset[Use]) -> set[str]:
    return {f"{use.subtype.lower()} {use.table[2][0]}.{use.column}" for use in uses}


def lineage(sql: str) -> tuple[dict[str, set[str]], set[str]]:
    """Output column -> {"kind l.column"}, and the same of the rows; l: lines, p: products."""
    found = query_lineage(sql, TABLES)
    return {name: short(uses) for name, uses in found.columns.items()}, short(found.rows)


@pytest.mark.parametrize(
    ("sql", "columns", "rows"),
    [
        pytest.param(
            "select basket, amount - discount as net from sales.internal.lines",
            {"basket": {"identity l.basket"}, "net": {"transformation l.amount", "transformation l.discount"}},
            set(),
            id="expression",
        ),
        pytest.param(
            "select l.basket, product, p.department from sales.internal.lines l join sales.internal.products p "
            "using (product)",
            {
                "basket": {"identity l.basket"},
                "product": {"identity l.product"},
                "department": {"identity p.department"},
            },
            {"join l.product", "join p.product"},
            id="join",
        ),
        pytest.param(
            "select * from sales.internal.lines full join sales.internal.products using (product)",
            {
                "product": {"identity l.product", "identity p.product"},
                **{name: {f"identity l.{name}"} for name in ("basket", "amount", "discount")},
                "department": {"identity p.department"},
            },
            {"join l.product", "join p.product"},
            id="full join",
        ),
        pytest.param(
            "with net as (select product, amount - discount as net from sales.internal.lines where basket > 1), "
            "by_product as (select product, sum(net) as total, max(basket) as unused from net, sales.internal.lines x "
            "group by 1) select total::varchar as revenue from by_product",
            {"revenue": {"aggregation l.amount", "aggregation l.discount"}},
            {"filter l.basket", "group_by l.product"},
            id="cte over cte",
        ),
        pytest.param(
            "select department, sum(amount) filter (where discount > 0) as amount, count(*) as lines "
            "from sales.internal.lines l join sales.internal.products p on l.product = p.product group by all "
            "having count(distinct basket) > 1 order by 2",
            {
                "department": {"identity p.department"},
                "amount": {"aggregation l.amount", "conditional l.discount"},
                "lines": set(),
            },
            {
                *("join l.product", "join p.product", "group_by p.department", "filter l.basket"),
                *("sort l.amount", "conditional l.discount"),
            },
            id="aggregate",
        ),
        pytest.param(
            "select basket as id from sales.internal.lines union all select product from sales.internal.products",
            {"id": {"identity l.basket", "identity p.product"}},
            set(),
            id="union all",
        ),
        pytest.param(
            "select basket as id from sales.internal.lines union select product from sales.internal.products",
            {"id": {"identity l.basket", "identity p.product"}},
            {"group_by l.basket", "group_by p.product"},
            id="union",
        ),
        pytest.param(
            "select product from sales.internal.lines except select product from sales.internal.products",
            {"product": {"identity l.product"}},
            {"filter l.product", "filter p.product"},
            id="except",
        ),
        pytest.param(
            "select amount, sum(discount) over (partition by product order by basket) as n from sales.internal.lines "
            "qualify row_number() over (partition by product order by basket) = 1",
            {
                "amount": {"identity l.amount"},
                "n": {"aggregation l.discount", "window l.product", "window l.basket"},
            },
            {"window l.product", "window l.basket"},
            id="window",
        ),
        pytest.param(
            "select case when amount > 5 then discount else 0 end as d, if(basket > 1, amount, null) as a, "
            "coalesce(amount, discount) as c, arg_max(discount, basket) as last, list(amount order by basket) as all_ "
            "from sales.internal.lines",
            {
                "d": {"conditional l.amount", "transformation l.discount"},
                "a": {"conditional l.basket", "transformation l.amount"},
                "c": {"transformation l.amount", "transformation l.discount"},
                "last": {"aggregation l.discount", "conditional l.basket"},
                "all_": {"aggregation l.amount", "sort l.basket"},
            },
            set(),
            id="what only decides",
        ),
        pytest.param(
            "select (select max(department) from sales.internal.products p where p.product = l.product) as d "
            "from sales.internal.lines l "
            "where exists (select 1 from sales.internal.products q where q.product = l.basket)",
            {"d": {"aggregation p.department", "filter p.product", "filter l.product"}},
            {"filter p.product", "filter l.basket"},
            id="subqueries",
        ),
        pytest.param(
            "with recursive up as (select product, 1 as depth from sales.internal.products union all "
            "select l.basket, depth + 1 from up join sales.internal.lines l on l.product = up.product) "
            "select * from up",
            {"product": {"identity p.product", "identity l.basket"}, "depth": set()},
            {"join l.product", "join p.product", "join l.basket"},
            id="recursion",
        ),
        pytest.param(
            "select u.x, mode(amount) as m from sales.internal.lines, unnest([basket, product]) as u(x) group by 1",
            {"x": {"transformation l.basket", "transformation l.product"}, "m": {"aggregation l.amount"}},
            {"group_by l.basket", "group_by l.product", "join l.basket", "join l.product"},
            id="unnest",
        ),
        pytest.param(
            "from sales.internal.products",
            {"product": {"identity p.product"}, "department": {"identity p.department"}},
            set(),
            id="from first",
        ),
        pytest.param("create table x as select amount from sales.internal.lines", AMOUNT, set(), id="create as"),
        pytest.param(
            "insert into x with a as (from sales.internal.lines) select amount from a", AMOUNT, set(), id="insert"
        ),
        pytest.param("select 1 as one", {"one": set()}, set(), id="constant"),
    ],
)
def test_a_column_names_what_it_is_made_of_and_what_decides(
    sql: str, columns: dict[str, set[str]], rows: set[str]
) -> None:
    assert lineage(sql) == (columns, rows)


def test_names_are_found_in_any_case() -> None:
    assert lineage('SELECT Basket AS "Basket Id" FROM Sales.Internal.LINES')[0] == {"basket id": {"identity l.basket"}}


def test_what_a_star_passes_by_is_not_read() -> None:
    found = query_lineage("select amount from (select * from sales.internal.lines) where basket > 1", TABLES)
    assert found.reads == {(LINES, "amount"), (LINES, "basket")}


def test_tables_are_told_also_when_only_their_rows_are_counted() -> None:
    found = query_lineage("select count(*) as n from sales.internal.lines, read_csv('x.csv') f, cached c", TABLES)
    assert found == QueryLineage(
        {"n": frozenset()}, frozenset(), frozenset({LINES}), frozenset({"READ_CSV('x.csv') AS f", "cached AS c"})
    )


@pytest.mark.parametrize(
    "sql",
    [
        *("this is no sql", "", "select basket from (", "insert into x values (1)", "drop table x"),
        "pivot sales.internal.products on department",
        *("select columns('a.*') from sales.internal.lines", "select * like 'a%' from sales.internal.lines"),
        *("select s.* from (select {'a': amount} as s from sales.internal.lines)", "from query_table('sales.x')"),
        "select " + "(" * 3000 + "1" + ")" * 3000,
    ],
    ids=range(11),
)
def test_what_can_not_be_followed_is_refused_in_words(sql: str) -> None:
    """Lineage is shown, never relied on: a query that only DuckDB understands must not fail its build."""
    with pytest.raises(UnreadableQueryError):
        query_lineage(sql, TABLES)


def test_what_stands_for_no_known_column_makes_its_tables_vague() -> None:
    found = query_lineage("select basket, rowid as r from sales.internal.lines, sales.internal.products", TABLES)
    assert (found.vague, found.reads) == ({LINES, PRODUCTS}, None)


BUILT = Built(SimpleNamespace(name="x"), "made", ["n"], ["crm.people.v1"], {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sql", "sources"),
    [
        ("select max(amount) + max(rowid) as n from sales.internal.lines", {"sales.internal.lines"}),
        (
            "select count(*) as n from sales.internal.lines, read_csv('x.csv')",
            {"sales.internal.lines", "crm.people.v1"},
        ),
        ("select max(amount) as n from sales.internal.lines", set()),
    ],
)
def test_a_table_is_told_as_a_whole_where_not_each_use_of_it_is_known(sql: str, sources: set[str]) -> None:
    found = lineage_by_sql(BUILT, query_lineage(sql, TABLES))
    assert {edge.source for edge in from_record(found.edges) if edge.known_from == "input"} == sources
    assert (found.reads is None) == bool(sources)  # what was read is not judged where it is not known


def test_a_column_that_the_query_was_not_seen_to_make_is_not_passed_over() -> None:
    with pytest.raises(UnreadableQueryError, match="nobody knows what n of"):
        lineage_by_sql(BUILT, query_lineage("select amount from sales.internal.lines", TABLES))
