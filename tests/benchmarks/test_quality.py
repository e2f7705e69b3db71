"""The benchmark of quality compares like with like: all rules, and every value that they look at."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from benchmarks.quality import appended, planning
from benchmarks.quality.data import DOMAIN, contracts, lake_of, table_sql
from benchmarks.quality.scan import columns_used, scan_query
from platform_resources.lake import connect, create_lake
from platform_resources.quality import compile_checks, evaluate, plan_for

NOW = datetime(1999, 1, 1, tzinfo=UTC)
LINE = (
    "1 AS l_orderkey, 7 AS l_partkey, 8 AS l_suppkey, i AS l_linenumber, 17 AS l_quantity, 21168.23 AS "
    "l_extendedprice, 0.05 AS l_discount, 0.02 AS l_tax, 'N' AS l_returnflag, 'O' AS l_linestatus, "
    "DATE '1998-03-13' AS l_shipdate, DATE '1998-02-12' AS l_commitdate, DATE '1998-03-22' AS l_receiptdate, "
    "'DELIVER IN PERSON' AS l_shipinstruct, 'TRUCK' AS l_shipmode, 'egular courts above the' AS l_comment"
)
ORDER = (
    "i AS o_orderkey, 370 AS o_custkey, 'O' AS o_orderstatus, 172799.49 AS o_totalprice, DATE '1998-01-02' AS "
    "o_orderdate, '5-LOW' AS o_orderpriority, 'Clerk#000000951' AS o_clerk, 0 AS o_shippriority, "
    "'nstructions' AS o_comment"
)


@pytest.fixture
def con(tmp_path: Path):
    """A lake with seven lines of one order, in the types of TPC-H."""
    settings = lake_of(tmp_path, 0)
    settings.project.mkdir()
    create_lake(settings, DOMAIN)
    with connect(settings, own=DOMAIN) as made:
        for name, rows in (
            ("lineitem", f"SELECT {LINE} FROM range(1, 8) r(i)"),
            ("orders", f"SELECT {ORDER} FROM range(1, 3) r(i)"),
        ):
            types = ", ".join(f"{c.name} {c.physical_type}" for c in contracts()[name].table.columns)
            made.execute(f"CREATE TABLE {table_sql(name)} ({types}); INSERT INTO {table_sql(name)} {rows}")
        yield made


def failed(con: duckdb.DuckDBPyConnection) -> set[str]:
    """Rules that don't hold; seven rows are fewer than promised."""
    audits = [evaluate(con, contract, table_sql(name), NOW) for name, contract in contracts().items()]
    return {result.name for audit in audits for result in audit.results if not result.passed} - {"has_rows"}


def test_there_are_forty_rules_and_good_rows_keep_them(con) -> None:
    assert sum(len(compile_checks(contract)) for contract in contracts().values()) == 40
    assert failed(con) == set()


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ("l_tax = 0.5", {"range__l_tax"}),
        ("l_shipmode = 'Ship'", {"enum__l_shipmode", "pattern__l_shipmode"}),
        ("l_orderkey = 99", {"relationships__l_orderkey"}),
        ("l_receiptdate = DATE '1998-01-01'", {"received_after_shipped"}),
        ("l_comment = repeat('x', 45)", {"length__l_comment"}),
        ("l_linenumber = 2", {"primary_key"}),
    ],
)
def test_a_bad_row_is_found(con, change: str, rules: set[str]) -> None:
    con.execute(f"UPDATE {table_sql('lineitem')} SET {change} WHERE l_linenumber = 1")
    assert failed(con) == rules


def test_the_scan_reads_the_columns_that_rules_look_into_and_no_others(con) -> None:
    promised = contracts()
    assert len(columns_used(promised["lineitem"])) == 16
    assert columns_used(promised["orders"]) == ["o_orderkey", "o_orderstatus", "o_totalprice", "o_clerk", "o_comment"]
    for contract in promised.values():
        assert None not in con.execute(scan_query(contract)).fetchone()


def test_the_appended_lines_are_audited_both_ways(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At scale 0 no order is of the first 99 %, so all seven lines are new; with what is left, one promise fails."""
    files = lake_of(tmp_path, 0).project
    files.mkdir()
    for name, rows in (
        ("lineitem", f"SELECT {LINE} FROM range(1, 8) r(i)"),
        ("orders", f"SELECT {ORDER} FROM range(1, 3) r(i)"),
    ):
        types = ", ".join(f"CAST({c.name} AS {c.physical_type}) AS {c.name}" for c in contracts()[name].table.columns)
        duckdb.sql(f"COPY (SELECT {types} FROM ({rows})) TO '{files / name}.parquet'")
    (files / "loaded").touch()
    appended.make_appended(tmp_path, 0)
    told = {}
    for way in ("all", "new"):
        appended.main(str(tmp_path), "0", way)
        told[way] = json.loads(capsys.readouterr().out)
    assert (told["all"]["new_rows"], told["new"]["new_rows"]) == (None, 7)
    assert told["all"]["failed"] == told["new"]["failed"] == ["7 rows, promised > 1000 rows"]


def test_plans_are_measured_of_a_thousand_rules_that_can_all_be_asked() -> None:
    for last in planning.LAST_RULES.values():
        contract = planning.contract_of_many(last)
        with duckdb.connect() as con:
            con.execute(planning.TABLE_OF_MANY)
            plan = plan_for(con, contract, "wide", NOW)
        assert len(plan.routes) >= 1000
        assert not [route.refusal for route in plan.routes if route.refusal]
