"""Law: an audit that builds on the last publication finds what an audit of all rows finds, whatever happened since."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from platform_resources.contracts.model import Contract
from platform_resources.lake import MeshSettings, PortAddress, Publication, connect, current_snapshot
from platform_resources.pipeline.proofs import Standing, stands
from platform_resources.quality import Audit, Plan, evaluate, plan_for
from platform_resources.quality.carried import Carried
from tests.postgres import HAS_POSTGRES, postgres_server
from tests.quality.building import NOW, Counting, column, contract, library, relationship, sla, sql

TYPES = {"id": "BIGINT", "s": "SMALLINT", "d": "DECIMAL(18,2)", "f": "DOUBLE", "t": "VARCHAR", "moment": "TIMESTAMPTZ"}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "s": st.one_of(st.none(), st.integers(0, 4)),
    "d": st.sampled_from([None, Decimal("0.01"), Decimal("5.00"), Decimal("-1.00")]),
    "f": st.sampled_from([None, 0.0, -0.0, 1.5, math.nan, math.inf]),
    "t": st.sampled_from([None, "", "a", "ab", "ä" * 5, "zz"]),
    "moment": st.sampled_from([None, NOW - timedelta(hours=3), NOW - timedelta(hours=1), NOW + timedelta(hours=9)]),
}
ROWS = st.lists(st.fixed_dictionaries(VALUES), min_size=1, max_size=9)
APPEND = st.tuples(st.just("append"), ROWS)
REPEAT = st.tuples(st.just("repeat"), st.integers(0, 3))  # rows that are there already, once more
TOUCH = st.sampled_from(
    [
        ("sql", "DELETE FROM {table} WHERE id % 5 = 1"),
        ("sql", "UPDATE {table} SET t = 'b' WHERE id % 7 = 2"),
        ("sql", "DELETE FROM {table} WHERE id = 2; INSERT INTO {table} (id, s) VALUES (-9, 1)"),
        ("sql", "CREATE OR REPLACE TABLE {table} AS SELECT id + 1 AS id, * EXCLUDE (id) FROM {table}"),
        ("sql", "ALTER TABLE {table} ADD COLUMN n INTEGER DEFAULT 3"),
        ("sql", "DELETE FROM {parents} WHERE k = 3"),
        ("sql", "UPDATE {parents} SET k = 9 WHERE k = 2"),
        ("sql", "INSERT INTO {parents} VALUES (4), (NULL)"),
        ("sql", "CALL ducklake_rewrite_data_files('{domain}', delete_threshold => 0)"),
        ("back", None),
        ("expire", None),
        ("change", None),
    ]
)
KEEP = st.sampled_from(
    [
        ("sql", "CALL ducklake_merge_adjacent_files('{domain}')"),
        ("sql", "CALL ducklake_flush_inlined_data('{domain}')"),
        ("thin", None),
        ("nothing", None),
    ]
)
numbers = count()


def promise_of(table: str, parents: str, low: str = "0") -> Contract:
    """A contract with a rule of each kind that can be carried, and of some that can't."""
    columns = [
        column("id", required=True, primary_key_position=1),
        column("s", required=True),
        column("d", options={"minimum": low}),
        column("f", unique=True, options={"minimum": 0}),
        column("t", enum=("a", "ab", ""), options={"maxLength": 3, "pattern": "^[a-z]*$"}),
        column("moment", required=True),
    ]
    rules = [
        library("missing", "missingValues", "t", arguments={"missingValues": ["", "zz"]}, mustBe=0),
        library("nulls", "nullValues", "s", "percent", mustBeLessOrEqualTo=25),
        library("pairs", "duplicateValues", arguments={"properties": ["id", "t"]}, mustBe=0),
        library("some", "rowCount", mustBeGreaterThan=4),
        sql("negative", "SELECT count(*) FROM {table} WHERE d < 0", mustBe=0),
        sql("texts", "SELECT count(t) FROM {table}", mustBeGreaterThan=2),
        sql("mean", "SELECT avg(d) FROM {table}", mustBeLessThan=4),
        sql("share", "SELECT 100.0 * count_if(t = 'a') / count(*) FROM {table}", mustBeLessThan=50),
        sql("total", "SELECT sum(d) - sum(s) FROM {table} WHERE id % 3 > 0", mustBeLessThan=9),
        sql("inexact", "SELECT sum(f) FROM {table} WHERE isfinite(f)", mustBeLessThan=9),
        sql("highest", "SELECT max(s) FROM {table}", mustBeLessThan=4),
        sql("future", "SELECT count(*) FROM {table} WHERE moment > now()", mustBe=0),
        sql(
            "lonely", f"SELECT count(*) FROM {{table}} WHERE s NOT IN (SELECT k FROM crm.internal.{parents})", mustBe=0
        ),
    ]
    relations = [relationship(["s"], parents, ["k"]), relationship(["id"], "people", ["id"])]
    made = contract(
        columns, rules, relations, [sla("completeness", 50, "people.d"), sla("freshness", 1, "people.moment", "d")]
    )
    return replace(made, table=replace(made.table, physical_name=table))


@dataclass
class History:
    """A table of a lake, what was published of it, and audits of it both ways."""

    con: duckdb.DuckDBPyConnection
    settings: MeshSettings
    number: int
    log: list[Publication] = field(default_factory=list)
    low: str = "0"
    ids: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.names = {"table": f"crm.internal.people_{self.number}", "parents": f"crm.internal.parents_{self.number}"}
        columns = ", ".join(f"{name} {type_}" for name, type_ in TYPES.items())
        self.con.execute(f"CREATE TABLE {self.names['table']} ({columns})")
        self.con.execute(f"CREATE TABLE {self.names['parents']} (k SMALLINT)")
        self.con.execute(f"INSERT INTO {self.names['parents']} VALUES (0), (1), (2), (3)")

    @property
    def promise(self) -> Contract:
        return promise_of(f"people_{self.number}", f"parents_{self.number}", self.low)

    def do(self, what: str, detail: Any) -> None:
        if what == "append":
            self.append(detail)
        elif what == "repeat":
            self.con.execute(f"INSERT INTO {self.names['table']} FROM {self.names['table']} WHERE id % 9 = {detail}")
        elif what == "sql" and not ("ADD COLUMN" in detail and "n" in self.columns()):
            self.tidy(detail) if detail.startswith("CALL") else self.con.execute(detail.format(**self.names))
        elif what == "back" and self.log:
            self.log.append(self.log[0])
        elif what == "change":
            self.low = "-5" if self.low == "0" else "0"
        elif what == "thin" and self.log:
            since, now = self.log[-1].snapshot, current_snapshot(self.con, "crm")
            between = f"SELECT list(snapshot_id) FROM ducklake_snapshots('crm') WHERE snapshot_id > {since}"
            gone = self.con.execute(f"{between} AND snapshot_id < {now}").fetchone()[0]
            if gone:
                self.con.execute(f"CALL ducklake_expire_snapshots('crm', versions => {gone})")
                self.tidy("CALL ducklake_merge_adjacent_files('{domain}')")
        elif what == "expire" and self.log and self.log[-1].snapshot < current_snapshot(self.con, "crm"):
            self.con.execute(f"CALL ducklake_expire_snapshots('crm', versions => [{self.log[-1].snapshot}])")
            self.tidy("CALL ducklake_merge_adjacent_files('{domain}')")

    def tidy(self, call: str) -> None:
        """DuckLake 1.5 can't always flush inlined floating point numbers (NaN); then all stays as it is."""
        with suppress(duckdb.TransactionException):
            self.con.execute(call.format(domain="crm"))

    def append(self, rows: Sequence[dict[str, Any]]) -> None:
        names = list(TYPES)
        marks = ", ".join(f"({', '.join('?' for _ in names)})" for _ in rows)
        values = [value for row in rows for value in (next(self.ids), *(row[name] for name in names[1:]))]
        self.con.execute(f"INSERT INTO {self.names['table']} ({', '.join(names)}) VALUES {marks}", values)

    def columns(self) -> list[str]:
        return [row[0] for row in self.con.execute(f"DESCRIBE {self.names['table']}").fetchall()]

    def stands(self) -> Standing:
        last = self.log[-1] if self.log else None
        port, snapshot = PortAddress("crm", "people", 1), current_snapshot(self.con, "crm")
        return stands(self.con, self.settings, port, self.promise, (), last, snapshot)

    def audit(self, standing: Standing) -> Audit:
        return evaluate(self.con, self.promise, self.names["table"], NOW, carried=standing.carried)

    def plan(self) -> Plan:
        return plan_for(self.con, self.promise, self.names["table"], NOW, carried=self.stands().carried)

    def publish(self, audit: Audit, standing: Standing) -> None:
        """As the log keeps it."""
        record = audit.as_record() | standing.proof.as_record(audit.counts)
        facts = (
            len(self.log) + 1,
            standing.proof.snapshot,
            "publish",
            "run",
            "1.0.0",
            "sha",
            (),
            audit.rows,
            audit.score,
        )
        self.log.append(Publication("crm.people.v1", *facts, record, None, NOW))

    def audited_both_ways(self) -> None:
        standing = self.stands()
        found, whole = self.audit(standing), evaluate(self.con, self.promise, self.names["table"], NOW)
        assert [facts(one) for one in found.results] == [facts(one) for one in whole.results]
        assert (found.rows, found.score, kept(found)) == (whole.rows, whole.score, kept(whole))
        self.publish(found, standing)


def kept(audit: Audit) -> dict[str, tuple[Any, ...]]:
    """What a later audit builds on."""
    return {name: (count.mark, count.parts) for name, count in audit.counts.items()}


def facts(result: Any) -> tuple[Any, ...]:
    return result.name, result.passed, result.value, result.failed_rows, result.message, result.evaluated, result.score


@contextmanager
def lake_of(kind: str, folder: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, MeshSettings]]:
    """A lake as the platform has it, one on PostgreSQL, or one that keeps small writes in its catalog."""
    (folder / "domains").mkdir()
    made = MeshSettings(project=folder, home=folder / "home")
    with ExitStack() as stack:
        if kind == "postgres":
            made = replace(made, catalog=f"postgres:{stack.enter_context(postgres_server())}")
        con = stack.enter_context(connect(made, own=None if kind == "inlined" else "crm"))
        if kind == "inlined":
            con.execute(
                f"ATTACH 'ducklake:sqlite:{folder}/catalog.sqlite' AS crm "
                f"(DATA_PATH '{folder}/data', DATA_INLINING_ROW_LIMIT 5); CREATE SCHEMA crm.internal"
            )
        yield con, made


NEEDS_SERVER = pytest.mark.skipif(not HAS_POSTGRES, reason="PostgreSQL's server programs are not installed")


@pytest.fixture(scope="module", params=["files", "inlined", pytest.param("postgres", marks=NEEDS_SERVER)])
def any_lake(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest):
    with lake_of(request.param, tmp_path_factory.mktemp("lake")) as made:
        yield made


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory):
    with lake_of("files", tmp_path_factory.mktemp("lake")) as made:
        yield made


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(first=ROWS, steps=st.lists(st.one_of(APPEND, APPEND, KEEP, TOUCH, REPEAT), min_size=1, max_size=5))
def test_an_audit_that_builds_on_the_last_one_finds_what_a_whole_one_finds(any_lake, first, steps) -> None:
    history = History(*any_lake, next(numbers))
    history.append(first)
    history.audited_both_ways()
    for step in steps:
        history.do(*step)
        history.audited_both_ways()


GOOD = [
    {"s": n % 4, "d": Decimal("1.00"), "f": float(n), "t": "a", "moment": NOW - timedelta(hours=1)} for n in range(9)
]


def grown(lake) -> History:
    """A table that was published and has grown since."""
    history = History(*lake, next(numbers))
    history.append(GOOD)
    history.audited_both_ways()
    history.append([{**row, "f": row["f"] + 10} for row in GOOD[:2]])
    return history


IN_FULL = {"schema", "extra_columns", "freshness__moment", "some", "inexact", "highest", "future", "lonely"}


def test_of_a_table_that_grew_only_new_rows_are_asked(lake) -> None:
    history = grown(lake)
    standing, plan = history.stands(), history.plan()
    assert isinstance(standing.carried, Carried)
    assert {route.check.name for route in plan.routes if route.carried is None} == IN_FULL
    told = {route.check.name: route.why for route in plan.routes}
    assert told["range__d"] == "proven for 9 rows by publication #1; 2 new rows are read"
    assert told["future"].endswith(
        "; of all rows: its answer is not made of counts and exact sums, or it asks what time it is"
    )
    history.con = Counting(history.con)
    assert history.audit(standing).rows == 11
    reading = [query for query in history.con.asked if '"t"' in query and "json" not in query]
    assert reading
    assert all("snapshot_id > " in query for query in reading)


def test_a_table_that_nobody_touched_is_not_read_again(lake) -> None:
    history = History(*lake, next(numbers))
    history.append(GOOD)
    history.audited_both_ways()
    history.con.execute(f"INSERT INTO {history.names['parents']} VALUES (7)")
    told = {route.check.name: route for route in history.plan().routes}
    assert (told["primary_key"].tier, told["primary_key"].cost) == (0, "no rows read")
    assert told["relationships__s"].why == "proven for 9 rows by publication #1; none came since"
    history.audited_both_ways()


def test_a_key_that_comes_again_is_found_and_counted(lake) -> None:
    history = grown(lake)
    history.do("repeat", 0)
    found = {result.name: result for result in history.audit(history.stands()).results}
    assert (found["primary_key"].passed, found["primary_key"].failed_rows) == (False, 2)
    history.audited_both_ways()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("DELETE FROM {table} WHERE id = 1", "rows were deleted or changed since publication #1"),
        ("UPDATE {table} SET t = 'b' WHERE id = 1", "rows were deleted or changed since publication #1"),
        ("ALTER TABLE {table} ADD COLUMN n INTEGER", "its columns were changed since publication #1"),
        ("CREATE OR REPLACE TABLE {table} AS FROM {table}", "the table was made anew since publication #1"),
    ],
)
def test_what_makes_it_unsound_is_told(lake, change: str, reason: str) -> None:
    history = grown(lake)
    history.do("sql", change)
    plan = history.plan()
    assert (plan.carried.reason, {route.carried for route in plan.routes}) == (reason, {None})
    history.audited_both_ways()


def test_rules_that_changed_and_parents_that_lost_rows_are_asked_of_all_rows(lake) -> None:
    history = grown(lake)
    history.do("change", None)
    history.do("sql", "DELETE FROM {parents} WHERE k = 3")
    told = {route.check.name: route for route in history.plan().routes}
    assert {name for name, route in told.items() if route.carried is None} == {*IN_FULL, "range__d", "relationships__s"}
    assert "of all rows: publication #1 kept no exact count of it" in told["range__d"].why
    assert "rows were deleted or changed" in told["relationships__s"].why
    history.audited_both_ways()


def test_a_foreign_key_whose_name_comes_to_mean_the_table_itself_is_asked_of_all_rows(lake) -> None:
    history = grown(lake)
    parents, promise = f"parents_{history.number}", history.promise
    port, snapshot = PortAddress("crm", "people", 1), current_snapshot(history.con, "crm")
    for name, told in (("people", None), (parents, f"of {parents}, the table was made anew")):
        renamed = replace(promise, table=replace(promise.table, name=name))
        carried = stands(history.con, history.settings, port, renamed, (), history.log[-1], snapshot).carried
        assert carried.parents[parents] == told


def test_after_the_retention_expired_what_was_published_all_rows_are_asked(lake) -> None:
    history = grown(lake)
    history.do("expire", None)
    assert history.plan().carried.reason == "the retention expired what was published then since publication #1"
    history.audited_both_ways()
