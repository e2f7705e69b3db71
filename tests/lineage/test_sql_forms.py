"""A law of lineage over all that SQL can say: where another value of an input changes a column, an edge tells of it."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_resources.lineage.building import Built, lineage_by_sql
from platform_resources.lineage.model import from_record
from platform_resources.lineage.sql import query_lineage

TABLES = {"t": ("a", "b", "c"), "u": ("a", "d", "e")}
KNOWN = {("x", "y", table): [(name, "BIGINT") for name in columns] for table, columns in TABLES.items()}
ALL = [(table, column) for table, columns in TABLES.items() for column in columns]

# Each makes of a query {q} with the columns c0 and c1 another one with the columns c0 and c1.
VALUES = (
    *("q.c0", "c1", "c0 * 2 + q.c1", "q.c0 + 1", "coalesce(nullif(c0, 1), c1)", "(q).c1", "case c0 when 1 then c1 end"),
    *("(hash(q) % 97)::bigint", "(hash(to_json(q)::varchar) % 97)::bigint", "(hash(row(q.c1, c0)) % 97)::bigint"),
    *("struct_pack(m := q.c0).m", "{'m': c0, 'n': c1}['n']", "struct_extract(q, 'c1')", "unnest([c0, c1])"),
    *("list_sum([z + c1 for z in [c0, 2] if z > 1])::bigint", "list_sum(list_transform([c0], z -> z + c1))::bigint"),
    *("list_sum(list_filter([1, 2, 3], lambda z: z > c0))::bigint", "row_number() over (partition by c0 order by c1)"),
    *("rank() over w", "(sum(c1) over w)::bigint", "rank() over (v order by c1)", "lag(c0, 1, 0) over (w)"),
    "(sum(c0) over (order by c1 range between 1 preceding and current row))::bigint",
    *("(select max(k.d) from x.y.u k where k.e = q.c0)", "exists (select 1 from x.y.u k where k.d = q.c0)::bigint"),
    *("(c0 in (select e from x.y.u))::bigint", "(c1 > all (select e from x.y.u where d > 1))::bigint"),
    *("(select count(*) from x.y.u where d > c1)", "list_sum(array(select e from x.y.u k where k.d = c1))::bigint"),
    "(select k.d from x.y.u k order by k.e + q.c1, k.d limit 1)",
)
ENDS = (
    *("", "where c0 > 1", "where q.c1 in (select d from x.y.u where e > 1)", "where exists (from x.y.u where d = c0)"),
    *("qualify rank() over (order by q.c1) <= 2", "qualify row_number() over w = 1", "order by all limit 3"),
    *(
        "order by all limit (select max(d) % 4 from x.y.u)",
        "order by all limit 2 offset (select min(e) % 2 from x.y.u)",
    ),
    "qualify rank() over (v order by (select min(e) from x.y.u where d > c0)) < 3",
)
WRAPPERS = (
    *("select * from ({q}) q", "select q.* from ({q}) q", "from ({q})", "select q.c1 as c0, q.c0 as c1 from ({q}) q"),
    *("select k.z as c0, k.w as c1 from ({q}) as k(z, w)", "with k(z, w) as ({q}) select w as c0, z as c1 from k"),
    *("select * exclude (c0), c0 + c1 as c0 from ({q})", "select * replace (c0 + c1 as c1) from ({q})"),
    *("select * rename (c0 as c1, c1 as c0) from ({q})", "(select * from ({q}) order by c0 + c1, c0) limit 2"),
    "with k as (select *, c0 as c0 from ({q})) select c0, c1 from k",
)
GROUPS = (
    *(
        "select c0, count(distinct q) as c1 from ({q}) q group by all",
        "select c0, max(c1) as c1 from ({q}) group by c0",
    ),
    *("select c1 as c0, count(*) as c1 from ({q}) group by c0, c1", "select distinct c1 as c0, c0 as c1 from ({q})"),
    "select c0, sum(c1)::bigint as c1 from ({q}) q group by 1 having count(q.c1) > (select min(d) % 2 from x.y.u)",
    "select c0, count(*) as c1 from ({q}) group by rollup (c0) having max(c1) > 1",
    "select max(c0) filter (c1 > 1) as c0, arg_max(c0, c1 + c0) as c1 from ({q})",
    "select len(list(q)) as c0, (hash(list(q order by q)) % 97)::bigint as c1 from ({q}) q",
    "select distinct on (c0) c0, min(c1) over (partition by c0) as c1 from ({q})",
)
JOINS = (
    *("select c0, d as c1 from ({q}) q, x.y.u k where k.e = q.c1", "select c0, c1 from ({q}) q, x.y.u k"),
    *("select c0, c1 from ({q}) {kind} join ({r}) r using (c0, c1)", "select * from ({q}) natural {kind} join ({r}) r"),
    "select q.c0, c1 from ({q}) q {kind} join (select c0 from ({r})) r using (c0)",
    "select q.c0, r.c1 from ({q}) q {kind} join ({r}) r on q.c0 = r.c1",
    "select q.* from ({q}) q positional join ({r}) r",
    "select * from ({q}) q semi join ({r}) r using (c0)",
    "select c0, c1 from ({q}) q anti join ({r}) r on q.c0 = r.c1",
    "select q.c0, r.c1 from ({q}) q asof join (select c0, max(c1) as c1 from ({r}) group by 1) r on q.c0 >= r.c0",
    "select l.m as c0, q.c1 from ({q}) q, lateral (select max(d) + q.c0 as m from x.y.u where e > q.c1) l",
    "select l.m as c0, c1 from ({q}) q join lateral (select d as m from x.y.u where e = q.c0) as l(m) on m > c1",
    *("select c0, z as c1 from ({q}) q, unnest([q.c0, q.c1]) as k(z)", "select c0, c1 from ({q}) q, range(c0) k(z)"),
    "select c0, z as c1 from ({q}) q, range(q.c1) as k(z)",
    "select q.c0, k.c1 from (({q}) q join ({r}) r on q.c0 = r.c0) join ({r}) k on k.c1 = r.c1",
    *("({q}) union ({r})", "({q}) union all by name (select c1, c0 from ({r}))", "({q}) except ({r})"),
    *("({q}) intersect all ({r})", "({q}) union by name select c0, 1 as c1 from ({r}) order by c0, c1 limit 3"),
    "with recursive k(z, w) as ({q} union select w, z from k) select z as c0, w as c1 from k",
    "with recursive k as (select c0, c1 from ({q}) union all select r.c1, k.c0 from k, ({r}) r where k.c0 = r.c0 and "
    "k.c1 > k.c0) select * from k",
)  # fmt: skip


def shown(values: tuple[str, str], end: str, q: str) -> str:
    filters, later = ("", end) if end.startswith(("qualify", "order")) else (end, "")
    windows = "window v as (partition by c0), w as (v order by q.c1, q.c0)"
    return f"select {values[0]} as c0, {values[1]} as c1 from ({q}) q {filters} {windows} {later}"


@st.composite
def composed(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    if draw(st.booleans()):
        values = draw(st.tuples(st.sampled_from(VALUES), st.sampled_from(VALUES)))
        return shown(values, draw(st.sampled_from(ENDS)), draw(inner))
    form = draw(st.sampled_from((*WRAPPERS, *GROUPS, *JOINS)))
    return form.format(q=draw(inner), r=draw(inner) if "{r}" in form else "", kind=draw(st.sampled_from(KINDS)))


KINDS = ("", "left", "right", "full")
BASES = (
    "select a as c0, b as c1 from x.y.t",
    "select c as c0, b as c1 from x.y.t",
    "select d as c0, e as c1 from x.y.u",
    "select t.b as c0, u.d as c1 from x.y.t natural join x.y.u",
)
QUERIES = st.recursive(
    st.sampled_from(BASES),
    composed,
    max_leaves=3,
)  # fmt: skip


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables in `x`, and in `x0`, `x1`, ... again, each with other values in one of `ALL`."""
    with duckdb.connect() as made:
        made.execute("SET threads = 1")
        for lake, changed in [("x", None), *((f"x{n}", source) for n, source in enumerate(ALL))]:
            made.execute(f"ATTACH ':memory:' AS {lake}; CREATE SCHEMA {lake}.y")
            for table, columns in TABLES.items():
                values = (
                    f"(i * {2 + n} + 3 * {int((table, name) == changed)}) % 7 AS {name}"
                    for n, name in enumerate(columns, len(table))
                )
                made.execute(f"CREATE TABLE {lake}.y.{table} AS SELECT {', '.join(values)} FROM range(1, 6) r(i)")
        yield made


def answers(con: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    return [sorted(map(repr, column)) for column in zip(*con.execute(sql).fetchall(), strict=True)]


def hold(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Change each input column in turn, and look whether the columns that then differ are told of."""
    names = [name for name, *_ in con.execute(f"DESCRIBE {sql}").fetchall()]
    before = answers(con, sql)
    built = Built(SimpleNamespace(name="x"), "made", names, [], {})  # type: ignore[arg-type]
    query = query_lineage(sql, KNOWN)
    assert not query.vague, sql
    told = {(edge.source, edge.target) for edge in from_record(lineage_by_sql(built, query).edges)}
    for n, (table, column) in enumerate(ALL):
        after = answers(con, sql.replace("x.y.", f"x{n}.y."))
        sources, whole = (f"x.y.{table}.{column}", f"x.y.{table}"), "x.internal.made"
        for at, name in enumerate(names):
            ways = {(source, target) for source in sources for target in (whole, f"{whole}.{name}")}
            assert before[at : at + 1] == after[at : at + 1] or ways & told, (sql, table, column, name)


def test_each_form_tells_what_it_uses(con: duckdb.DuckDBPyConnection) -> None:
    q, _, r, _ = BASES
    for value in VALUES:
        hold(con, shown((value, "c1"), "", q))
    for end in ENDS:
        hold(con, shown(("c0", "c0 + 0"), end, q))
    for form in (*WRAPPERS, *GROUPS, *JOINS):
        for kind in KINDS if "{kind}" in form else ("",):
            hold(con, form.format(q=q, r=r, kind=kind))


@settings(max_examples=40, deadline=None)
@given(QUERIES)
def test_so_do_forms_of_forms(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    try:
        con.execute(f"DESCRIBE {sql}")
    except duckdb.Error:  # some forms don't fit into each other: a recursion of a query that is sorted
        return
    hold(con, sql)
