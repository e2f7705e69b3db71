"""pointblank interrogates Polars frames. (Views of DuckDB, too, but in minutes where these take seconds.)"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import narwhals as nw
import pointblank as pb
import polars as pl

from benchmarks.quality.peers.polars_terms import type_of
from benchmarks.quality.peers.rules import Rule, Task, files_of, read_task, tell

_MOST = 10**14


def plan(task: Task, table: str, tables: Mapping[str, Any], empty: Any) -> tuple[pb.Validate, list[str]]:
    """The steps of a table, and for each step the rule that it belongs to. `empty` has the promised columns."""
    validation, names = pb.Validate(tables[table]), []
    for rule in task.of(table):
        for method, arguments in _steps(rule, task, tables, empty):
            validation = getattr(validation, method)(**arguments)
            names.append(rule.name)
    return validation, names


def _steps(rule: Rule, task: Task, tables: Mapping[str, Any], empty: Any) -> list[tuple[str, dict[str, Any]]]:
    column, arguments = {"columns": rule.columns[0] if rule.columns else ""}, rule.arguments
    if rule.kind in ("schema", "extra_columns"):
        return [("col_schema_match", {
            "schema": pb.Schema(tbl=empty), "complete": rule.kind == "extra_columns", "in_order": False})]  # fmt: skip
    if rule.kind == "required":
        return [("col_vals_not_null", column)]
    if rule.kind == "primary_key":
        return [("rows_distinct", {"columns_subset": list(rule.columns)})]
    if rule.kind == "range":
        return _range(rule, task)
    if rule.kind == "enum":
        return [("col_vals_in_set", column | {"set": [*arguments["validValues"], None]})]
    if rule.kind == "pattern":
        return [("col_vals_regex", column | {"pattern": arguments["pattern"], "na_pass": True})]
    if rule.kind == "length":
        return [("col_vals_str_len", column | {"max_val": arguments["maxLength"], "na_pass": True})]
    if rule.kind == "relationships":
        there = {"ref_table": tables[arguments["table"]], "ref_column": arguments["columns"][0], "na_pass": True}
        return [("col_vals_in_table", column | there)]
    if rule.kind == "completeness":
        return [("col_pct_null", column | {"p": 0.0, "tol": (100 - rule.threshold) / 100})]
    return _whole(rule, task)


def _range(rule: Rule, task: Task) -> list[tuple[str, dict[str, Any]]]:
    is_date = task.types[rule.table][rule.column] == "DATE"
    limits = {key: date.fromisoformat(value) if is_date else value for key, value in rule.arguments.items()}
    column = {"columns": rule.column, "na_pass": True}
    # `col_vals_gt` and the like can't compare decimals of Polars, so an open end is more than the column can hold.
    ends = {"left": limits.get("minimum", limits.get("exclusiveMinimum", -_MOST)),
            "right": limits.get("maximum", limits.get("exclusiveMaximum", _MOST))}  # fmt: skip
    inclusive = ("exclusiveMinimum" not in limits, "exclusiveMaximum" not in limits)
    return [("col_vals_between", column | ends | {"inclusive": inclusive})]


def _whole(rule: Rule, task: Task) -> list[tuple[str, dict[str, Any]]]:
    """Rules of a whole table. The two in SQL are put as somebody who has this tool puts them."""
    if rule.kind == "row_count":
        return [("specially", {"expr": lambda rows: pb.get_row_count(rows) > rule.threshold})]
    if rule.kind == "freshness":
        limit = date.fromisoformat(task.today) - timedelta(days=rule.threshold)  # `data_freshness` wants timestamps
        return [("specially", {"expr": lambda rows: _one(rows, nw.col(rule.column).max()) >= limit})]
    if rule.name == "lineitem.mean_discount":
        low, high = rule.threshold  # `col_avg_ge` can't tell the mean of decimals in DuckDB
        return [("specially", {"expr": lambda rows: low <= float(_one(rows, nw.col("l_discount").mean())) <= high})]
    if rule.name == "lineitem.received_after_shipped":
        return [("col_vals_gt", {"columns": "l_receiptdate", "value": pb.col("l_shipdate"), "na_pass": True})]
    raise ValueError(f"{rule.name} has no step")


def _one(rows: Any, expression: nw.Expr) -> Any:
    """What an expression makes of a whole table."""
    return nw.from_native(rows).lazy().select(expression).collect().item()


def evaluated(validation: pb.Validate, names: list[str]) -> tuple[set[str], set[str]]:
    """Names of the rules that were evaluated, and of those that don't hold."""
    validation = validation.interrogate(collect_extracts=False, collect_tbl_checked=False)
    errors = {name for name, step in zip(names, validation.validation_info, strict=True) if step.eval_error}
    failed = {name for name, step in zip(names, validation.validation_info, strict=True) if not step.all_passed}
    return set(names) - errors, failed - errors


def main(task_path: str, data: str, _: str) -> None:
    task = read_task(Path(task_path))
    empty = {
        table: pl.DataFrame(schema={name: type_of(sql_type) for name, sql_type in types.items()})
        for table, types in task.types.items()
    }
    tables = {table: pl.read_parquet(files_of(Path(data), table)) for table in task.types}
    asked: set[str] = set()
    failed: set[str] = set()
    for table in task.types:
        found = evaluated(*plan(task, table, tables, empty[table]))
        asked |= found[0]
        failed |= found[1]
    tell(asked, failed)


if __name__ == "__main__":
    main(*sys.argv[1:])
