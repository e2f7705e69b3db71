"""The rules in the terms of Polars, for the tools that check its frames."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from functools import reduce
from typing import Any

import polars as pl

from benchmarks.quality.peers.rules import Rule, Task

_TYPES = {"BIGINT": pl.Int64, "INTEGER": pl.Int32, "VARCHAR": pl.String, "DATE": pl.Date, "DOUBLE": pl.Float64}
_LIMITS = {"minimum": "ge", "exclusiveMinimum": "gt", "maximum": "le", "exclusiveMaximum": "lt"}
_COMPARED = {
    "mustBe": "eq", "mustBeGreaterThan": "gt", "mustBeGreaterOrEqualTo": "ge",
    "mustBeLessThan": "lt", "mustBeLessOrEqualTo": "le",
}  # fmt: skip
# Rules in SQL, as somebody who has frames writes them.
_BY_HAND = {
    "lineitem.mean_discount": pl.col("l_discount").mean(),
    "lineitem.received_after_shipped": (pl.col("l_receiptdate") <= pl.col("l_shipdate")).sum(),
}


def type_of(sql_type: str) -> Any:
    """The type of Polars for a type of the contract: DECIMAL(15,2), BIGINT, …"""
    if decimal := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", sql_type):
        return pl.Decimal(int(decimal[1]), int(decimal[2]))
    return _TYPES[sql_type]


def limit(value: Any, sql_type: str) -> Any:
    return date.fromisoformat(value) if sql_type == "DATE" else value


def value_expression(rule: Rule, sql_type: str) -> pl.Expr:
    """What each value must satisfy, of a rule that looks at one column row by row; null where there is no value."""
    column, arguments = pl.col(rule.column), rule.arguments
    if rule.kind == "range":
        kept = (getattr(column, _LIMITS[key])(limit(value, sql_type)) for key, value in arguments.items())
        return reduce(lambda one, other: one & other, kept)
    if rule.kind == "enum":
        return column.is_in(arguments["validValues"])
    if rule.kind == "pattern":
        return column.str.contains(arguments["pattern"])
    if rule.kind == "length":
        return column.str.len_chars() <= arguments["maxLength"]
    raise ValueError(f"{rule.name}: {rule.kind} is not a rule of single values")


def frame_expression(rule: Rule, task: Task) -> pl.Expr:
    """What a whole frame must satisfy: one truth value."""
    if rule.kind == "freshness":
        limit = date.fromisoformat(task.today) - timedelta(days=rule.threshold)
        return pl.col(rule.column).max() >= limit
    if rule.kind == "completeness":
        return 100 * pl.col(rule.column).count() / pl.len() >= rule.threshold
    measured = pl.len() if rule.kind == "row_count" else _BY_HAND[rule.name]
    if rule.operator == "mustBeBetween":
        return measured.is_between(*rule.threshold)
    return getattr(measured, _COMPARED[rule.operator])(rule.threshold)


def unmatched(frames: Mapping[str, pl.LazyFrame], rule: Rule) -> pl.LazyFrame:
    """Rows whose foreign key finds no row."""
    there = frames[rule.arguments["table"]]
    rows = frames[rule.table].filter(pl.col(rule.column).is_not_null())
    return rows.join(there, left_on=rule.column, right_on=rule.arguments["columns"][0], how="anti")
