"""What a model really reads of the lake, by DuckDB's own log of its queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from platform_resources.lake import MeshSettings, connect
from platform_resources.lineage.sql import columns_seen
from platform_resources.lineage.watching import columns_read, watched

Act = Callable[[duckdb.DuckDBPyConnection], object]


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The lake of `crm` with a table, and a port of `sales` as `guarded_inputs` shows it: a view of another name."""
    folder = tmp_path_factory.mktemp("watched")
    with connect(MeshSettings(home=folder, project=Path.cwd()), own="crm") as made:
        made.execute("CREATE TABLE crm.internal.days AS SELECT range AS day, range * 2 AS amount FROM range(9)")
        made.execute("ATTACH ':memory:' AS sales; CREATE SCHEMA sales.bookings")
        made.execute("CREATE VIEW sales.bookings.v1 AS SELECT range AS id, 'x' AS name, 1.5 AS net FROM range(5)")
        yield made


def read(con: duckdb.DuckDBPyConnection, act: Act) -> set[str] | None:
    with watched(con) as watch:
        act(con)
    found = watch.reads(columns_seen(con))
    return None if found is None else set(found)


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda c: c.execute("select id from sales.bookings.v1 where net > 1").fetchall(), {"id", "net"}),
        (lambda c: c.sql("from sales.bookings.v1").project("id").fetchall(), {"id"}),
        (lambda c: c.sql("from sales.bookings.v1").filter("net > 1").max("name").fetchall(), {"name", "net"}),
        (lambda c: c.cursor().execute("select name from sales.bookings.v1").fetchall(), {"name"}),
        (lambda c: c.execute("create or replace temp table t as select id from sales.bookings.v1; from t"), {"id"}),
        (lambda c: c.sql("from sales.bookings.v1 join (select 1 as id) using (id)").fetchall(), {"id", "name", "net"}),
        (lambda c: c.sql("select id from sales.bookings.v1"), set()),  # never run
        (lambda c: c.execute("select 1; set threads = 2; begin; commit; create temp table z (i int)"), set()),
        (lambda c: c.sql("from sales.bookings.v1").create_view("v"), None),  # DuckDB logs no text of it
        (lambda c: c.execute("summarize sales.bookings.v1").fetchall(), None),
        (lambda c: c.execute("call disable_logging()"), None),
    ],
    ids=range(11),
)  # fmt: skip
def test_columns_that_were_read_are_known_or_it_is_said_that_they_are_not(
    con: duckdb.DuckDBPyConnection, act: Act, expected: set[str] | None
) -> None:
    assert read(con, act) == (None if expected is None else {f"sales.bookings.v1.{name}" for name in expected})


def test_tables_of_the_own_lake_are_told_and_what_the_lake_asks_of_itself_is_not(
    con: duckdb.DuckDBPyConnection,
) -> None:
    assert read(con, lambda c: c.execute("select amount from crm.internal.days").fetchall()) == {
        "crm.internal.days.amount"
    }
    assert con.execute("SELECT count(*) FROM duckdb_logs").fetchall() == [(0,)]  # nothing is left behind


def test_the_error_of_a_model_comes_through(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(KeyError, match="mine"), watched(con):
        raise KeyError("mine")
    with pytest.raises(duckdb.CatalogException), watched(con):
        con.execute("select * from sales.bookings.v9")
    assert read(con, lambda c: c.execute("select id from sales.bookings.v1")) == {"sales.bookings.v1.id"}


def test_a_statement_that_can_not_be_followed_is_not_guessed_at() -> None:
    tables = {("a", "b", "c"): [("d", "INT")]}
    assert columns_read(["select d from a.b.c", "select from where"], tables) is None
    assert columns_read(["explain select d from a.b.c", "copy (select d from a.b.c) to 'x.csv'"], tables) == {"a.b.c.d"}
