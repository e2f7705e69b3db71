"""Great Expectations validates one suite for each table, on a DuckDB file whose views read the Parquet files."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
from duckdb_engine import Dialect

from benchmarks.quality.peers.rules import Rule, Task, read_task, tell
from benchmarks.quality.peers.sql import broken_rows

_BATCH = "@batch"  # the table, until braces of patterns are told from those of the template

# It fetches rows after it has given its connection back, and DuckDB forgets them when the reading is rolled back then:
# so no transaction is begun around a query.
Dialect.do_begin = Dialect.do_rollback = lambda *_: None


def expectations(rule: Rule, task: Task) -> list[gxe.Expectation]:
    """What is expected, each marked with its rule."""
    return [made(**arguments, meta={"rule": rule.name}) for made, arguments in _words(rule, task)]


def _words(rule: Rule, task: Task) -> Iterable[tuple[type[gxe.Expectation], dict[str, Any]]]:
    types, arguments = task.types[rule.table], rule.arguments
    column = {"column": rule.columns[0] if rule.columns else ""}
    if rule.kind == "extra_columns":
        return [(gxe.ExpectTableColumnsToMatchSet, {"column_set": list(types), "exact_match": True})]
    if rule.kind in ("required", "completeness"):
        mostly = {"mostly": rule.threshold / 100} if rule.kind == "completeness" else {}
        return [(gxe.ExpectColumnValuesToNotBeNull, column | mostly)]
    if rule.kind == "primary_key" and len(rule.columns) == 1:
        return [(gxe.ExpectColumnValuesToBeUnique, column)]
    if rule.kind == "primary_key":
        return [(gxe.ExpectCompoundColumnsToBeUnique, {"column_list": list(rule.columns)})]
    if rule.kind == "range":
        return [(gxe.ExpectColumnValuesToBeBetween, column | _limits(rule))]
    if rule.kind == "enum":
        return [(gxe.ExpectColumnValuesToBeInSet, column | {"value_set": arguments["validValues"]})]
    if rule.kind == "length":
        return [(gxe.ExpectColumnValueLengthsToBeBetween, column | {"max_value": arguments["maxLength"]})]
    if rule.kind == "row_count":
        return [(gxe.ExpectTableRowCountToBeBetween, {"min_value": rule.threshold, "strict_min": True})]
    if rule.name == "lineitem.mean_discount":
        low, high = rule.threshold
        mean = {"column": "l_discount", "min_value": low, "max_value": high}
        return [(gxe.ExpectColumnMeanToBeBetween, mean)]
    # Its own regular expressions don't work on DuckDB; the rest has no expectation of its own either.
    tables = {table: _BATCH if table == rule.table else table for table in task.types}
    query = broken_rows(rule, types, tables, task.today)
    template = query.replace("{", "{{").replace("}", "}}").replace(_BATCH, "{batch}")
    return [(gxe.UnexpectedRowsExpectation, {"unexpected_rows_query": template})]


def _limits(rule: Rule) -> dict[str, Any]:
    given = rule.arguments
    return {
        "min_value": given.get("minimum", given.get("exclusiveMinimum")),
        "max_value": given.get("maximum", given.get("exclusiveMaximum")),
        "strict_min": "exclusiveMinimum" in given,
        "strict_max": "exclusiveMaximum" in given,
    }


def main(task_path: str, _: str, work: str) -> None:
    task = read_task(Path(task_path))
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_sql("tpch", connection_string=f"duckdb:///{work}/views.duckdb")
    asked, failed = set(), set()
    for table in task.types:
        asset = source.add_table_asset(table, table_name=table)
        batch = asset.add_batch_definition_whole_table(table).get_batch()
        told = [expectation for rule in task.of(table) for expectation in expectations(rule, task)]
        for result in batch.validate(gx.ExpectationSuite(table, told), result_format="BOOLEAN_ONLY").results:
            if (result.exception_info or {}).get("raised_exception"):
                continue
            name = result.expectation_config.meta["rule"]
            asked.add(name)
            if not result.success:
                failed.add(name)
    tell(asked, failed)


if __name__ == "__main__":
    main(*sys.argv[1:])
