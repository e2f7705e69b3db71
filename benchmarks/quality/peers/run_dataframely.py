"""dataframely validates Polars frames: one schema for each table; which rules failed is asked for only when some do."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import dataframely as dy
import polars as pl
from dataframely.exc import SchemaError, ValidationError

from benchmarks.quality.peers.polars_terms import frame_expression, limit, type_of
from benchmarks.quality.peers.rules import Rule, Task, files_of, read_task, tell

_LIMITS = {"minimum": "min", "exclusiveMinimum": "min_exclusive", "maximum": "max", "exclusiveMaximum": "max_exclusive"}
_COLUMN_TYPES = {"BIGINT": dy.Int64, "INTEGER": dy.Int32, "DATE": dy.Date}
_SUFFIXES = {
    "nullability": "required", "min": "range", "max": "range", "min_exclusive": "range", "max_exclusive": "range",
    "regex": "pattern", "max_length": "length", "valid": "enum",
}  # fmt: skip


def schema_of(task: Task, table: str, frames: Mapping[str, pl.DataFrame]) -> type[dy.Schema]:
    key = next((rule.columns for rule in task.of(table) if rule.kind == "primary_key"), ())
    members: dict[str, Any] = {name: _column(task, table, name, key) for name in task.types[table]}
    for rule in task.of(table):
        if rule.kind in ("relationships", "freshness", "completeness", "row_count", "sql"):
            expression = _whole(rule, task, frames)
            members[rule.name.partition(".")[2]] = dy.rule()(lambda _, expression=expression: expression)
    return type(table.capitalize(), (dy.Schema,), members)


def _column(task: Task, table: str, name: str, key: tuple[str, ...]) -> dy.Column:
    sql_type = task.types[table][name]
    options: dict[str, Any] = {"primary_key": name in key}
    options["nullable"] = name not in task.required(table)
    for rule in task.of(table):
        if rule.columns == (name,):
            options |= _options(rule, sql_type)
    if sql_type.startswith("DECIMAL"):
        decimal = type_of(sql_type)
        return dy.Decimal(decimal.precision, decimal.scale, **options)
    return _COLUMN_TYPES.get(sql_type, dy.String)(**options)


def _options(rule: Rule, sql_type: str) -> dict[str, Any]:
    arguments = rule.arguments
    if rule.kind == "range":
        return {_LIMITS[key]: _limit(value, sql_type) for key, value in arguments.items()}
    if rule.kind == "pattern":
        return {"regex": arguments["pattern"]}
    if rule.kind == "length":
        return {"max_length": arguments["maxLength"]}
    if rule.kind == "enum":  # its column of that kind wants another type of the data
        return {"check": {"valid": lambda column: column.is_in(arguments["validValues"])}}
    return {}


def _limit(value: Any, sql_type: str) -> Any:
    return Decimal(str(value)) if sql_type.startswith("DECIMAL") else limit(value, sql_type)


def _whole(rule: Rule, task: Task, frames: Mapping[str, pl.DataFrame]) -> pl.Expr:
    if rule.kind == "relationships":
        keys = frames[rule.arguments["table"]][rule.arguments["columns"][0]]
        return pl.col(rule.column).is_in(keys.implode())
    return frame_expression(rule, task)


def broken(table: str, schema: type[dy.Schema], frame: pl.DataFrame) -> set[str]:
    """Names of the rules that a frame breaks."""
    try:
        _, failure = schema.filter(frame)
    except (SchemaError, ValidationError):
        return {f"{table}.schema"}  # nothing else is looked at then
    return {_name(table, told) for told in failure.counts()}


def _name(table: str, told: str) -> str:
    column, _, check = told.partition("|")
    kind = "enum" if check.startswith("check") else _SUFFIXES.get(check)
    return f"{table}.{kind}__{column}" if kind else f"{table}.{column}"


def main(task_path: str, data: str, _: str) -> None:
    task = read_task(Path(task_path))
    frames = {table: pl.read_parquet(files_of(Path(data), table)) for table in task.types}
    failed: set[str] = set()
    for table, frame in frames.items():
        schema = schema_of(task, table, frames)
        if not schema.is_valid(frame):
            failed |= broken(table, schema, frame)
    tell((rule.name for rule in task.rules if rule.kind != "extra_columns"), failed)


if __name__ == "__main__":
    main(*sys.argv[1:])
