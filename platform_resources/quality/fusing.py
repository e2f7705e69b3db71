"""SQL rules that are aggregates over the audited table join the one scan: twelve counts cost one pass, not twelve.

`SELECT count(*) FROM {table} WHERE x` becomes `count(*) FILTER (WHERE x)`. A pure rewriting of DuckDB's own parse tree;
whatever is not surely the same afterwards (sub-queries, windows, aliases, groups, arguments that could fail on the rows
that WHERE leaves out) is not touched and runs by itself.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

from platform_resources.quality.sql_guard import sql_of, tree_nodes
from platform_resources.quality.sql_vocabulary import CLOCK

_AGGREGATES = frozenset({"count_star", "count", "count_if", "sum", "min", "max", "avg"})
_APART = ("modifiers", "group_expressions", "having", "qualify", "sample")
_COUNTS = frozenset({"count_star", "count", "count_if"})
_NO_TABLE = {"type": "EMPTY", "alias": "", "sample": None, "query_location": 0}


@dataclass(frozen=True)
class Fused:
    """A SQL rule as an aggregate of the table. `adds_up`: its answer for two parts of the rows is the sum of both."""

    expression: str
    adds_up: bool = False


def fused_of(con: duckdb.DuckDBPyConnection, tree: dict[str, Any]) -> Fused | None:
    """A guarded query over one table as an aggregate; None when it is not one."""
    expression = aggregate_of(con, tree)
    if expression is None:
        return None
    return Fused(expression, adds_up=_is_one_count(tree["select_list"][0]) and _is_lasting(tree))


def _is_one_count(selected: dict[str, Any]) -> bool:
    """Rows that are counted one by one, and nothing done with the count."""
    named = selected.get("class") == "FUNCTION" and selected["function_name"].lower() in _COUNTS
    return named and not selected["distinct"] and not selected["order_bys"]["orders"]


def _is_lasting(tree: dict[str, Any]) -> bool:
    """It asks for nothing that the clock answers; a column of such a name is taken for it."""
    names = (node.get("function_name") or node.get("column_names", [""])[0] for node in tree_nodes(tree))
    return CLOCK.isdisjoint(name.lower() for name in names)


def aggregate_of(con: duckdb.DuckDBPyConnection, tree: dict[str, Any]) -> str | None:
    """The answer of a guarded query over one table as a SQL expression over that table; None when it is not one."""
    table = tree.get("from_table") or {}
    apart = any(tree.get(part) for part in _APART) or tree.get("cte_map", {}).get("map")
    if tree.get("type") != "SELECT_NODE" or table.get("type") != "BASE_TABLE" or table.get("alias") or apart:
        return None
    condition, selected = tree.get("where_clause"), tree["select_list"]
    if len(selected) != 1 or not _is_plain(selected[0]) or not (condition is None or _is_plain(condition)):
        return None
    answer = copy.deepcopy(selected[0])
    answer["alias"] = ""
    aggregates = list(_aggregates(answer))
    if not aggregates or not _only_aggregates(answer):
        return None
    if condition is not None:
        for aggregate in aggregates:
            if aggregate["filter"] is not None or any(
                child["class"] != "COLUMN_REF" for child in aggregate["children"]
            ):
                return None
            aggregate["filter"] = condition
    node = {**tree, "select_list": [answer], "from_table": _NO_TABLE, "where_clause": None}
    try:
        text = sql_of(con, node)
    except duckdb.Error:
        return None
    return text.removeprefix("SELECT ").strip() if text.startswith("SELECT ") else None


def _is_plain(expression: dict[str, Any]) -> bool:
    """No sub-query, no window, no star, and columns by their bare names."""
    return all(
        node.get("class") not in {"SUBQUERY", "WINDOW", "STAR", "LAMBDA"}
        and (node.get("class") != "COLUMN_REF" or len(node["column_names"]) == 1)
        for node in tree_nodes(expression)
    )


def _is_aggregate(node: dict[str, Any]) -> bool:
    return node.get("class") == "FUNCTION" and node.get("function_name", "").lower() in _AGGREGATES


def _aggregates(expression: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (node for node in tree_nodes(expression) if _is_aggregate(node))


def _only_aggregates(expression: Any) -> bool:
    """Every column stands inside an aggregate."""
    if isinstance(expression, dict):
        if _is_aggregate(expression):
            return True
        return expression.get("class") != "COLUMN_REF" and all(_only_aggregates(v) for v in expression.values())
    return not isinstance(expression, list) or all(_only_aggregates(item) for item in expression)
