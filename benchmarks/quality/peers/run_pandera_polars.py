"""pandera validates Polars frames: one schema for each table, all errors collected."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaError, SchemaErrorReason, SchemaErrors

from benchmarks.quality.peers.polars_terms import frame_expression, limit, type_of, unmatched
from benchmarks.quality.peers.rules import Rule, Task, files_of, read_task, tell

_REASONS = {
    SchemaErrorReason.WRONG_DATATYPE: "schema",
    SchemaErrorReason.COLUMN_NOT_IN_DATAFRAME: "schema",
    SchemaErrorReason.COLUMN_NOT_IN_SCHEMA: "extra_columns",
    SchemaErrorReason.SERIES_CONTAINS_NULLS: "required",
    SchemaErrorReason.DUPLICATES: "primary_key",
    SchemaErrorReason.SERIES_CONTAINS_DUPLICATES: "primary_key",
}
_LIMITS = {
    "minimum": pa.Check.ge, "exclusiveMinimum": pa.Check.gt, "maximum": pa.Check.le, "exclusiveMaximum": pa.Check.lt,
}  # fmt: skip


def schemas_of(task: Task, table: str, frames: Mapping[str, pl.DataFrame]) -> tuple[pa.DataFrameSchema, ...]:
    """Two schemas: pandera can't report a broken column and a broken check of the whole frame at once."""
    whole = [check for rule in task.of(table) if (check := _whole(rule, task, frames)) is not None]
    return (_of_columns(task, table), pa.DataFrameSchema(checks=whole))


def _of_columns(task: Task, table: str) -> pa.DataFrameSchema:
    rules, required = task.of(table), task.required(table)
    keys = [rule.columns for rule in rules if rule.kind == "primary_key"]
    single = {key[0] for key in keys if len(key) == 1}
    columns = {
        name: pa.Column(
            type_of(sql_type),
            checks=[check for rule in rules if rule.columns == (name,) for check in _checks(rule, sql_type)],
            nullable=name not in required,
            unique=name in single,
        )
        for name, sql_type in task.types[table].items()
    }
    unique = next((list(key) for key in keys if len(key) > 1), None)
    return pa.DataFrameSchema(columns, strict=True, unique=unique)


def _checks(rule: Rule, sql_type: str) -> list[pa.Check]:
    """Checks of a column, each named as its rule."""
    arguments, named = rule.arguments, {"name": rule.name}
    if rule.kind == "range":
        return [_LIMITS[key](limit(value, sql_type), **named) for key, value in arguments.items()]
    if rule.kind == "enum":
        return [pa.Check.isin(arguments["validValues"], **named)]
    if rule.kind == "pattern":
        return [pa.Check.str_matches(arguments["pattern"], **named)]
    if rule.kind == "length":
        return [pa.Check.str_length(max_value=arguments["maxLength"], **named)]
    return []


def _whole(rule: Rule, task: Task, frames: Mapping[str, pl.DataFrame]) -> pa.Check | None:
    """A check of a whole frame, if the rule is one."""
    if rule.kind == "relationships":
        lazy = {name: frame.lazy() for name, frame in frames.items()}
        return pa.Check(lambda _: unmatched(lazy, rule).select(pl.len() == 0).collect().item(), name=rule.name)
    if rule.kind in ("freshness", "completeness", "row_count", "sql"):
        holds = frame_expression(rule, task)
        return pa.Check(lambda data: data.lazyframe.select(holds).collect().item(), name=rule.name)
    return None


def rule_of(table: str, error: SchemaError) -> str:
    """The name of the rule that an error is about."""
    check = error.check
    if error.reason_code not in _REASONS:
        return str(check.name)
    kind = _REASONS[error.reason_code]
    return f"{table}.{kind}" + (f"__{error.schema.name}" if kind == "required" else "")


def main(task_path: str, data: str, _: str) -> None:
    task = read_task(Path(task_path))
    frames = {table: pl.read_parquet(files_of(Path(data), table)) for table in task.types}
    failed = []
    for table, frame in frames.items():
        for schema in schemas_of(task, table, frames):
            try:
                schema.validate(frame, lazy=True)
            except SchemaErrors as errors:
                failed.extend(rule_of(table, error) for error in errors.schema_errors)
    tell((rule.name for rule in task.rules), failed)


if __name__ == "__main__":
    main(*sys.argv[1:])
