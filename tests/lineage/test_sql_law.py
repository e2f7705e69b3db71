"""A law of lineage: a changed input shows in no column that doesn't name it; and every source is found, no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_resources.lineage.sql import query_lineage

Source = tuple[str, str]  # table, column
TABLES = {"t": ("a", "b", "c"), "u": ("d", "e")}
KNOWN = {("x", "y", table): [(name, "BIGINT") for name in columns] for table, columns in TABLES.items()}
ALL = [(table, column) for table, columns in TABLES.items() for column in columns]


@dataclass(frozen=True)
class Query:
    """SQL, and by its construction what each of its columns c0, c1, ... is made of."""

    sql: str
    sources: tuple[frozenset[Source], ...]


def base(table: str) -> Query:
    columns = TABLES[table]
    named = ", ".join(f"{name} as c{i}" for i, name in enumerate(columns))
    return Query(f"select {named} from x.y.{table}", tuple(frozenset({(table, name)}) for name in columns))


@st.composite
def projected(draw: st.DrawFn, inner: st.SearchStrategy[Query]) -> Query:
    of = draw(inner)
    shown, sources = [], []
    for _ in range(draw(st.integers(1, 3))):
        i, j = (draw(st.integers(0, len(of.sources) - 1)) for _ in range(2))
        form, both = draw(
            st.sampled_from([("q.c{i}", False), ("q.c{i} * 2 + q.c{j}", True), ("greatest(q.c{i}, q.c{j})", True)])
        )
        shown.append(f"{form.format(i=i, j=j)} as c{len(shown)}")
        sources.append(of.sources[i] | (of.sources[j] if both else frozenset()))
    where = draw(st.sampled_from(["", f" where q.c{draw(st.integers(0, len(of.sources) - 1))} > 2"]))
    form = draw(
        st.sampled_from(["select {shown} from ({sql}) q{where}", "with q as ({sql}) select {shown} from q{where}"])
    )
    return Query(form.format(shown=", ".join(shown), sql=of.sql, where=where), tuple(sources))


@st.composite
def grouped(draw: st.DrawFn, inner: st.SearchStrategy[Query]) -> Query:
    of = draw(inner)
    key, value = (draw(st.integers(0, len(of.sources) - 1)) for _ in range(2))
    form = draw(st.sampled_from(["sum(c{v})", "max(c{v}) + 1", "count(distinct c{v})"])).format(v=value)
    by = draw(st.sampled_from(["1", "all", f"c{key}"]))
    sql = f"select c{key} as k, {form} as s from ({of.sql}) group by {by}"
    return Query(f"select k as c0, s as c1 from ({sql})", (of.sources[key], of.sources[value]))


@st.composite
def joined(draw: st.DrawFn, inner: st.SearchStrategy[Query]) -> Query:
    left, right = draw(inner), draw(inner)
    kind = draw(st.sampled_from(["join", "left join"]))
    shown = [f"l.c{i} as c{i}" for i in range(len(left.sources))]
    shown += [f"r.c{i} as c{len(left.sources) + i}" for i in range(len(right.sources))]
    sql = f"select {', '.join(shown)} from ({left.sql}) l {kind} ({right.sql}) r on l.c0 = r.c0"
    return Query(sql, (*left.sources, *right.sources))


@st.composite
def united(draw: st.DrawFn, inner: st.SearchStrategy[Query]) -> Query:
    one, other = draw(inner), draw(inner)
    width = min(len(one.sources), len(other.sources))
    names = ", ".join(f"c{i}" for i in range(width))
    kind = draw(st.sampled_from(["union all", "union"]))
    sources = tuple(one.sources[i] | other.sources[i] for i in range(width))
    return Query(f"select {names} from ({one.sql}) {kind} select {names} from ({other.sql})", sources)


QUERIES = st.recursive(
    st.sampled_from(["t", "u"]).map(base),
    lambda inner: st.one_of(projected(inner), grouped(inner), joined(inner), united(inner)),
    max_leaves=4,
)


@cache
def database() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("ATTACH ':memory:' AS x; CREATE SCHEMA x.y")
    return con


@pytest.fixture(scope="module", autouse=True)
def closed() -> Iterator[None]:
    yield
    database().close()
    database.cache_clear()


def answers(sql: str, changed: Source | None = None) -> list[list[int | None]]:
    """The values of each column, sorted; `changed` has other values in that column."""
    con = database()
    for table, columns in TABLES.items():
        shown = (
            f"CAST((i * {3 + n} + 7 * {int((table, name) == changed)}) % 5 AS BIGINT) AS {name}"
            for n, name in enumerate(columns)
        )
        con.execute(f"CREATE OR REPLACE VIEW x.y.{table} AS SELECT {', '.join(shown)} FROM range(1, 6) r(i)")
    rows = con.execute(sql).fetchall()
    return [sorted(column, key=lambda value: (value is None, value or 0)) for column in zip(*rows, strict=True)]


@settings(max_examples=60, deadline=None)
@given(QUERIES)
def test_sources_are_those_that_a_query_was_made_of_and_explain_every_change(query: Query) -> None:
    found = query_lineage(query.sql, KNOWN)
    direct = [{(u.table[2], u.column) for u in uses if u.type == "DIRECT"} for uses in found.columns.values()]
    assert direct == [set(sources) for sources in query.sources]
    before = answers(query.sql)
    named = [{(u.table[2], u.column) for u in uses | found.rows} for uses in found.columns.values()]
    for source in ALL:
        after = answers(query.sql, source)
        if source not in set().union(*named):
            assert before == after, source
            continue
        for column, (old, new) in enumerate(zip(before, after, strict=False)):
            assert old == new or source in named[column], (source, column)
