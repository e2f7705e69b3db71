"""The task in Soda's own words: a contract of Soda 4 for each table. Pure; JSON is YAML, too."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.quality.peers.rules import Rule, Task
from benchmarks.quality.peers.sql import broken_rows, limits

SOURCE = "tpch"
_OF_A_COLUMN = (
    "required", "unique", "enum", "pattern", "length", "relationships", "completeness", "null_values",
    "missing_values", "invalid_values",
)  # fmt: skip
_THRESHOLDS = {
    "mustBe": "must_be", "mustBeGreaterThan": "must_be_greater_than",
    "mustBeGreaterOrEqualTo": "must_be_greater_than_or_equal", "mustBeLessThan": "must_be_less_than",
    "mustBeLessOrEqualTo": "must_be_less_than_or_equal",
}  # fmt: skip


def write_contracts(task: Task, database: Path, work: Path) -> None:
    """One contract for each table, and the data source: a DuckDB file with the tables as views."""
    for table in task.types:
        (work / f"soda_{table}.yml").write_text(json.dumps(contract_of(task, table)), encoding="utf-8")
    source = {"type": "duckdb", "name": SOURCE, "connection": {"database": str(database), "read_only": True}}
    (work / "soda_source.yml").write_text(json.dumps(source), encoding="utf-8")


def contract_of(task: Task, table: str) -> dict[str, Any]:
    """The contract of one table; each check is named as its rule."""
    columns = {name: {"name": name} | _data_type(sql_type) for name, sql_type in task.types[table].items()}
    checks: list[dict[str, Any]] = []
    for rule in task.of(table):
        into = columns[rule.column].setdefault("checks", []) if _is_of_a_column(rule, task) else checks
        into.append(_check(rule, task))
    return {"dataset": f"{SOURCE}/main/{table}", "columns": list(columns.values()), "checks": checks}


def _data_type(sql_type: str) -> dict[str, Any]:
    if decimal := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", sql_type):
        return {"data_type": "DECIMAL", "numeric_precision": int(decimal[1]), "numeric_scale": int(decimal[2])}
    return {"data_type": sql_type}


def _is_of_a_column(rule: Rule, task: Task) -> bool:
    if rule.kind in ("primary_key", "duplicate_values"):
        return False
    if rule.kind == "range":
        return _is_native(rule, task)
    return rule.kind in _OF_A_COLUMN


def _is_native(rule: Rule, task: Task) -> bool:
    """Soda's limits include themselves and are numbers."""
    is_date = task.types[rule.table][rule.column] == "DATE"
    return not is_date and rule.arguments.keys() <= {"minimum", "maximum"}


def _check(rule: Rule, task: Task) -> dict[str, Any]:
    named = {"name": rule.name, "qualifier": rule.name.replace(".", "_")}
    kind, options = _words(rule, task)
    return {kind: named | options}


def _words(rule: Rule, task: Task) -> tuple[str, dict[str, Any]]:
    """The kind of a check and its options."""
    arguments = rule.arguments
    if rule.kind in ("schema", "extra_columns"):
        return "schema", {"allow_extra_columns": rule.kind == "schema", "allow_other_column_order": True}
    if rule.kind in ("required", "null_values"):
        return "missing", {} if rule.kind == "required" else {"threshold": _threshold(rule)}
    if rule.kind == "missing_values":
        marks = [value for value in arguments["missingValues"] if value is not None]
        return "missing", {"missing_values": marks, "threshold": _threshold(rule)}
    if rule.kind == "invalid_values":
        return "invalid", _validity(arguments, rule.name) | {"threshold": _threshold(rule)}
    if rule.kind == "unique":
        return "duplicate", {}
    if rule.kind == "completeness":
        return "missing", {"threshold": {"metric": "percent", "must_be_less_than_or_equal": 100 - rule.threshold}}
    if rule.kind in ("enum", "pattern", "length"):
        return "invalid", _validity(arguments, rule.name)
    if rule.kind == "relationships":
        there = {"dataset": f"{SOURCE}/main/{arguments['table']}", "column": arguments["columns"][0]}
        return "invalid", {"valid_reference_data": there}
    if rule.kind in ("primary_key", "duplicate_values"):
        threshold = {"threshold": _threshold(rule)} if rule.kind == "duplicate_values" else {}
        return "duplicate", {"columns": list(rule.columns)} | threshold
    if rule.kind == "row_count":
        return "row_count", {"threshold": _threshold(rule)}
    if rule.kind == "range":
        return _range(rule, task)
    tables = {table: table for table in task.types}
    if rule.kind == "sql":
        threshold = _threshold(rule)
        return "metric", {"query": (rule.query or "").format(table=rule.table), "threshold": threshold}
    return "failed_rows", {"query": broken_rows(rule, task.types[rule.table], tables, task.today)}


def _validity(arguments: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What makes a value valid, by ODCS's names -> by Soda's."""
    words = {"validValues": "valid_values", "minLength": "valid_min_length", "maxLength": "valid_max_length"}
    found = {words[key]: value for key, value in arguments.items() if key in words}
    if "pattern" in arguments:
        found["valid_format"] = {"regex": arguments["pattern"], "name": name}
    return found


def _threshold(rule: Rule) -> dict[str, Any]:
    metric = {"metric": "percent"} if rule.unit == "percent" else {}
    if rule.operator == "mustBeBetween":
        low, high = rule.threshold
        return metric | {"must_be_between": {"greater_than_or_equal": low, "less_than_or_equal": high}}
    return metric | {_THRESHOLDS[rule.operator]: rule.threshold}


def _range(rule: Rule, task: Task) -> tuple[str, dict[str, Any]]:
    if _is_native(rule, task):
        return "invalid", {f"valid_{key[:3]}": value for key, value in rule.arguments.items()}
    condition = limits(rule, task.types[rule.table][rule.column])
    return "failed_rows", {"expression": f"NOT ({condition})"}
