"""The mesh's contracts as datacontract-cli needs them: one document with both tables and where they are.

The rules are those of the files. Three things are put differently, because that tool asks for it: promises on the share
of values become rules of the metric `nullValues`, what SQL calls `{table}` is the table's name, and the age limit is
counted from today instead of the day that counts as today.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml

from benchmarks.quality.peers.rules import Rule, Task

# What that tool calls the checks of one column.
_TYPES = {
    "required": ("field_required", "field_primary_key_required"),
    "primary_key": ("primary_key_unique", "field_primary_key_unique"),
    "enum": ("field_enum",),
    "pattern": ("field_regex",),
    "length": ("field_min_length", "field_max_length"),
    "range": ("field_minimum", "field_maximum", "field_not_equal"),
    "relationships": ("field_relationships",),
    "freshness": ("servicelevel_freshness",),
    "completeness": ("field_null_values",),
    "null_values": ("field_null_values",),
    "missing_values": ("field_missing_values",),
    "invalid_values": ("field_invalid_values",),
    "duplicate_values": ("model_duplicate_values", "field_duplicate_values"),
    "unique": ("field_unique",),
    "row_count": ("row_count",),
    "schema": ("field_is_present", "field_physical_type", "field_type"),
}

_LISTED = ("row_count", "sql", "duplicate_values")  # rules of a table, under its `quality`


def document(contracts: Mapping[str, Mapping[str, Any]], today: str, database: Path) -> dict[str, Any]:
    """The documents of `contracts` (table -> ODCS) as one.

    `database` is a DuckDB file whose views have the tables' names.
    """
    made: dict[str, Any] = copy.deepcopy(dict(next(iter(contracts.values()))))
    made["servers"] = [{"server": "bench", "type": "duckdb", "database": str(database), "schema": "main"}]
    made["schema"] = [copy.deepcopy(table) for contract in contracts.values() for table in contract["schema"]]
    promises = [copy.deepcopy(item) for contract in contracts.values() for item in contract.get("slaProperties", [])]
    made["slaProperties"] = [_since_today(item, today) for item in promises if item["property"] != "completeness"]
    for item in promises:
        if item["property"] == "completeness":
            _as_rules(item, made["schema"])
    return made


def write_document(contracts: Mapping[str, Mapping[str, Any]], today: str, database: Path, work: Path) -> None:
    text = yaml.safe_dump(document(contracts, today, database), sort_keys=False)
    (work / "both.odcs.yaml").write_text(text, encoding="utf-8")


def rule_of(task: Task, check: Mapping[str, Any]) -> Rule | None:
    """The rule that a check of that tool is (part of); None for what no rule asks.

    `check` has the keys `type`, `model`, `field` and `key` of its results.
    """
    rules = task.of(check["model"])
    for rule in rules:
        if check["type"] in _TYPES.get(rule.kind, ()) and _is_about(rule, check):
            return rule
    if check["type"] == "model_quality_sql":
        listed = [rule for rule in rules if rule.kind in _LISTED]  # counted as in the file
        return listed[int(check["key"].rpartition("_")[2])]
    return None


def _is_about(rule: Rule, check: Mapping[str, Any]) -> bool:
    several = rule.kind in ("primary_key", "duplicate_values") and len(rule.columns) > 1
    whole_table = rule.kind in ("schema", "row_count") or several
    return whole_table or rule.columns == (check["field"],)


def _since_today(item: dict[str, Any], today: str) -> dict[str, Any]:
    if item["property"] == "freshness":
        later = datetime.now(UTC).date() - date.fromisoformat(today)
        item["value"] += later.days
    return item


def _as_rules(item: Mapping[str, Any], tables: list[dict[str, Any]]) -> None:
    """`completeness` of columns, in percent, as the share of nulls that is allowed."""
    for element in str(item["element"]).split(","):
        table_name, _, column_name = element.strip().partition(".")
        table = next(table for table in tables if table["name"] == table_name)
        column = next(column for column in table["properties"] if column["name"] == column_name)
        rule = {"metric": "nullValues", "unit": "percent", "mustBeLessOrEqualTo": 100 - item["value"]}
        column.setdefault("quality", []).append(rule)
