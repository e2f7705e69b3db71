"""The plan of 1,000 rules on one table: compiled, held against what files know, and routed, with nothing scanned."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any

import duckdb
from rich.console import Console

from benchmarks.printing import figures_table, verdict
from platform_resources.contracts import Contract, contract_of_text
from platform_resources.quality import plan_for

SECONDS = 0.1  # the aim
_COLUMNS = 250  # with four rules each
_RUNS = 7
_NOW = datetime(1999, 1, 1, tzinfo=UTC)
_TABLE = "wide"
_COLUMN = (
    "{{name: c{at}, logicalType: integer, physicalType: BIGINT, required: true, logicalTypeOptions: {{minimum: {at}}}, "
    "quality: [{{metric: duplicateValues, mustBeLessThan: 5, unit: percent}}, {last}]}}"
)
LAST_RULES = {
    "by columns and metrics": "{metric: missingValues, arguments: {missingValues: [-1]}, mustBeLessThan: 5}",
    "a quarter of them SQL": "{type: sql, query: 'SELECT avg(c%s) FROM {table}', mustBeGreaterThan: 0}",
}
TABLE_OF_MANY = (
    f"CREATE TABLE {_TABLE} AS SELECT {', '.join(f'i + {at} AS c{at}' for at in range(_COLUMNS))} "
    "FROM range(1000) AS r(i)"
)
_CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: tpch.wide.v1
version: 1.0.0
status: active
schema:
  - name: wide
    properties:
"""


def contract_of_many(last: str) -> Contract:
    """Of each column: it is required, from a value on, repeated by few, and `last`, in which `%s` is its number."""
    columns = (f"      - {_COLUMN.format(at=at, last=last.replace('%s', str(at)))}\n" for at in range(_COLUMNS))
    return contract_of_text(_CONTRACT + "".join(columns), "wide.odcs.yaml")


def measure_planning() -> list[dict[str, Any]]:
    """[{told, rules, seconds}]: medians in this process, of a table in memory."""
    with duckdb.connect() as con:
        con.execute(TABLE_OF_MANY)
        return [{"told": told, **_measured(con, contract_of_many(last))} for told, last in LAST_RULES.items()]


def _measured(con: duckdb.DuckDBPyConnection, contract: Contract) -> dict[str, Any]:
    seconds = []
    for _ in range(_RUNS):
        began = time.perf_counter()
        plan = plan_for(con, contract, _TABLE, _NOW)
        seconds.append(time.perf_counter() - began)
    return {"rules": len(plan.routes), "seconds": median(seconds)}


def print_planning(console: Console, found: Sequence[dict[str, Any]]) -> None:
    made = figures_table("The plan of an audit, one table", "")
    for one in found:
        told = f"{1000 * one['seconds']:.0f} ms, aim {1000 * SECONDS:.0f} ms: {verdict(one['seconds'] <= SECONDS)}"
        made.add_row(f"{one['rules']:,} rules, {one['told']}", told)
    console.print(made)
