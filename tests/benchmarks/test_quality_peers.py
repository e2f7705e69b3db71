"""Every tool of the benchmark is asked the same 40 rules, and what is told about them is what was measured."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest
import yaml

from benchmarks.memory import Limits
from benchmarks.processes import BeyondLimitsError, measure_command
from benchmarks.quality.data import contracts
from benchmarks.quality.peers.broken import SHAPE, make_broken
from benchmarks.quality.peers.comparing import TODAY
from benchmarks.quality.peers.dbt_project import name_of_test, project_files
from benchmarks.quality.peers.odcs_document import document, rule_of
from benchmarks.quality.peers.promised import task_of
from benchmarks.quality.peers.rules import Task, files_of, read_task, write_task
from benchmarks.quality.peers.soda_contracts import contract_of
from benchmarks.quality.peers.sql import broken_rows
from benchmarks.quality.peers.tools import TOOLS, odcs_documents
from benchmarks.quality.published import OURS, SCAN, Aims, plot, table, verdicts
from platform_resources.contracts import contract_of_text
from platform_resources.quality import compile_checks

ORDERS = (
    "SELECT 4 * i AS o_orderkey, 370 AS o_custkey, 'O' AS o_orderstatus, 172799.49 AS o_totalprice, "
    "DATE '1998-01-02' AS o_orderdate, '5-LOW' AS o_orderpriority, 'Clerk#000000951' AS o_clerk, 0 AS o_shippriority, "
    "'nstructions' AS o_comment FROM range(1, 401) r(i)"
)
LINES = (
    "SELECT 4 * o AS l_orderkey, 7 AS l_partkey, 8 AS l_suppkey, i AS l_linenumber, 17 AS l_quantity, 21168.23 AS "
    "l_extendedprice, 0.05 AS l_discount, 0.02 AS l_tax, 'N' AS l_returnflag, 'O' AS l_linestatus, "
    "DATE '1998-03-13' AS l_shipdate, DATE '1998-02-12' AS l_commitdate, DATE '1998-03-22' AS l_receiptdate, "
    "'DELIVER IN PERSON' AS l_shipinstruct, 'TRUCK' AS l_shipmode, 'egular' AS l_comment "
    "FROM range(1, 401) a(o), range(1, 4) b(i)"
)


@pytest.fixture(scope="module")
def task() -> Task:
    return task_of(contracts(), TODAY)


@pytest.fixture
def good(tmp_path: Path, task: Task) -> Path:
    """Files with 1,200 lines of 400 orders that keep all rules."""
    with duckdb.connect() as con:
        for name, rows in (("lineitem", LINES), ("orders", ORDERS)):
            typed = ", ".join(f"{column}::{sql_type} AS {column}" for column, sql_type in task.types[name].items())
            (tmp_path / "good" / name).mkdir(parents=True)
            con.execute(f"COPY (SELECT {typed} FROM ({rows})) TO '{tmp_path}/good/{name}/rows.parquet'")
    return tmp_path / "good"


def broken_rules(task: Task, data: Path) -> set[str]:
    """Rules whose SQL returns rows."""
    tables = {table: table for table in task.types}
    with duckdb.connect() as con:
        for table in tables:
            con.execute(f"CREATE VIEW {table} AS FROM read_parquet('{files_of(data, table)}')")
        return {
            rule.name
            for rule in task.rules
            if con.execute(broken_rows(rule, task.types[rule.table], tables, task.today)).fetchone() is not None
        }


def test_the_task_is_the_forty_rules_and_survives_its_file(task: Task, tmp_path: Path) -> None:
    write_task(task, tmp_path / "task.json")
    assert read_task(tmp_path / "task.json") == task
    assert len({rule.name for rule in task.rules}) == 40


def test_every_rule_in_sql_holds_on_good_rows_and_finds_its_breach(task: Task, good: Path, tmp_path: Path) -> None:
    assert broken_rules(task, good) == set()
    broken = make_broken(task, good, tmp_path / "broken")
    kinds = {rule.name: rule.kind for rule in task.rules}
    values, shape = broken_rules(task, broken["values"]), broken_rules(task, broken["shape"])
    assert values == {name for name, kind in kinds.items() if kind not in SHAPE}
    assert {name for name in shape if kinds[name] in SHAPE} == {name for name in kinds if kinds[name] in SHAPE}


def test_soda_and_dbt_are_asked_each_rule_once(task: Task, tmp_path: Path) -> None:
    asked = Counter()
    for name in task.types:
        contract = contract_of(task, name)
        checks = [*contract["checks"], *(check for column in contract["columns"] for check in column.get("checks", ()))]
        asked.update(options["name"] for check in checks for options in check.values())
    assert asked == Counter(rule.name for rule in task.rules)
    files = project_files(task, tmp_path)
    singular = [Path(path).stem for path in files if path.startswith("tests/")]
    tables = json.loads(files["models/sources.yml"])["sources"][0]["tables"]
    columns = [column for table in tables for column in table["columns"]]
    generic = [options["name"] for column in columns for test in column["data_tests"] for options in test.values()]
    assert Counter(singular + generic) == Counter(name_of_test(rule) for rule in task.rules)


def test_the_document_for_datacontract_promises_what_the_contracts_promise(task: Task) -> None:
    made = document(odcs_documents(), task.today, Path("views.duckdb"))
    assert [table["name"] for table in made["schema"]] == ["lineitem", "orders"]
    lineitem = contract_of_text(yaml.safe_dump(made | {"schema": made["schema"][:1]}), "both.odcs.yaml")
    ours = {rule.name.partition(".")[2] for rule in task.of("lineitem")}
    theirs = {check.name for check in compile_checks(lineitem)}
    assert {name for name in ours ^ theirs if not name.startswith(("completeness__", "rule__"))} == set()
    assert rule_of(task, {"type": "field_regex", "model": "orders", "field": "o_clerk", "key": ""}) in task.rules
    sql = {"type": "model_quality_sql", "model": "lineitem", "field": None, "key": "lineitem__quality_sql_2"}
    assert rule_of(task, sql).name == "lineitem.received_after_shipped"


def test_every_tool_is_pinned_exactly_and_has_its_module() -> None:
    assert all(find_spec(tool.module) for tool in TOOLS)
    assert all(re.fullmatch(r"[a-z-]+(\[[a-z]+\])?==[0-9.]+", pin) for tool in TOOLS for pin in tool.requirements)


@pytest.mark.skipif(sys.platform != "linux", reason="memory of others is told by Linux alone")
def test_what_needs_too_much_is_ended_alone() -> None:
    greedy = [sys.executable, "-c", "import time; x = bytearray(500_000_000); time.sleep(20)"]
    with pytest.raises(BeyondLimitsError, match=r"more than 0\.3 GB of memory"):
        measure_command(greedy, limits=Limits(memory_mb=300, seconds=20))
    slow = [sys.executable, "-c", "import time; time.sleep(20)"]
    with pytest.raises(BeyondLimitsError, match=r"longer than 0\.3 s"):
        measure_command(slow, limits=Limits(memory_mb=300, seconds=0.3))


def test_the_measured_memory_is_that_of_the_process_alone() -> None:
    kept = bytearray(300_000_000)  # by the one who measures
    assert measure_command([sys.executable, "-S", "-c", "print(1)"]).peak_mb < 100
    assert len(kept) == 300_000_000


def tool(name: str, title: str, seconds: float | None, peak_mb: float | None, **more: object) -> dict:
    made = {"name": name, "title": title, "checks": ["a"], "seconds": seconds, "peak_mb": peak_mb, "runs": 5, "why": ""}
    return made | {"versions": [f"{name}==1.2.3", "duckdb==1.5.5"]} | more


RESULT = {
    "measured": "2026-01-31",
    "machine": {"processor": "CPU", "cores": 2, "memory_gb": 25, "system": "Linux", "python": "3.11", "duckdb": "1.5"},
    "scales": [
        {
            **{"scale": 1, "runs": 5, "rules": 40, "audit_seconds": 0.5, "audit_peak_mb": 100.0},
            **{"scan_seconds": 0.5, "scan_peak_mb": 90.0},
            "appended": {"ratio": 0.0312},
            "tools": [
                tool("dbt", "dbt test", 4.5, 1500.0, checks=["a"] * 40, runs=3),
                tool("x", "x", 1.0, 300.0),
                tool("y", "y", None, None, checks=[], why="can't be run"),
            ],
        }
    ],
}


def test_the_table_tells_what_was_measured_and_why_something_was_not() -> None:
    told = table(RESULT)
    assert f"| **{OURS}** | 40 | 0.50 s | 100 MB |" in told
    assert f"| {SCAN} | – | 0.50 s | 90 MB |" in told
    assert "| dbt test 1.2.3 | 40 | 4.50 s (9.0 ×) | 1,500 MB |" in told
    assert "| y 1.2.3 | 0 | can't be run | – |" in told
    assert told.index("| x ") < told.index("| dbt test ")
    assert "dbt test SF1: 3" in told
    assert "an audit takes 3.1 % (SF1) of the time" in told
    found = {what: (measured, met) for what, measured, _, met in verdicts(RESULT["scales"][0], Aims())}
    assert found == {
        "against the scan": ("1.00 ×", True),
        "faster than x": ("2.0 ×", False),
        "memory of x": ("0.33 ×", False),
        "faster than dbt test": ("9.0 ×", True),
    }
    bars = plot(RESULT)["hconcat"][0]["data"]["values"]
    assert [bar["seconds"] for bar in bars] == [0.5, 0.5, 4.5, 1.0, 0]
