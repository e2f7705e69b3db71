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
_ADD_UP = _COUNTS | {"sum"}
_NO_TABLE = {"type": "EMPTY", "alias": "", "sample": None, "query_location": 0}
_SELECT: dict[str, Any] = {
    "type": "SELECT_NODE",
    "modifiers": [],
    "cte_map": {"map": []},
    "from_table": _NO_TABLE,
    "where_clause": None,
    "group_expressions": [],
    "group_sets": [],
    "aggregate_handling": "STANDARD_HANDLING",
    "having": None,
    "sample": None,
    "qualify": None,
}


@dataclass(frozen=True)
class Fused:
    """A SQL rule as an aggregate of the table.

    `parts`: the counts and sums that its answer is made of, so that those of some rows and of others add up to those of
    all; none when it is made of more. `answer`: how, over the columns `p0`, `p1`, ...; None: it is the mean of the
    column `mean_of`, the first by the second.
    """

    expression: str
    parts: tuple[str, ...] = ()
    answer: str | None = None
    mean_of: str | None = None


def fused_of(con: duckdb.DuckDBPyConnection, tree: dict[str, Any]) -> Fused | None:
    """A guarded query over one table as an aggregate; None when it is not one."""
    expression = aggregate_of(con, tree)
    if expression is None:
        return None
    selected = _filtered(tree)
    if selected is None or not _is_lasting(tree):
        return Fused(expression)
    if _is_aggregate(selected) and selected["function_name"].lower() == "avg" and _is_simple(selected):
        (column,) = selected["children"]
        if column["class"] != "COLUMN_REF":
            return Fused(expression)
        parts = tuple(_text(con, {**selected, "function_name": name}) for name in ("sum", "count"))
        return Fused(expression, parts, mean_of=column["column_names"][0])
    aggregates = list(_aggregates(selected))
    if not all(_is_simple(each) and each["function_name"].lower() in _ADD_UP for each in aggregates):
        return Fused(expression)
    parts = tuple(dict.fromkeys(_text(con, each) for each in aggregates))
    return Fused(expression, parts, _text(con, _over_parts(con, selected, parts)))


def _is_simple(aggregate: dict[str, Any]) -> bool:
    """Each row counts, whichever come before or after it."""
    return not aggregate["distinct"] and not aggregate["order_bys"]["orders"]


def _over_parts(con: duckdb.DuckDBPyConnection, expression: Any, parts: tuple[str, ...]) -> Any:
    """The expression with `p<n>` in place of the n-th part."""
    if isinstance(expression, dict):
        if _is_aggregate(expression):
            name = f"p{parts.index(_text(con, expression))}"
            return {"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "column_names": [name]}
        return {key: _over_parts(con, value, parts) for key, value in expression.items()}
    return [_over_parts(con, item, parts) for item in expression] if isinstance(expression, list) else expression


def _is_lasting(tree: dict[str, Any]) -> bool:
    """It asks for nothing that the clock answers; a column of such a name is taken for it."""
    names = (node.get("function_name") or node.get("column_names", [""])[0] for node in tree_nodes(tree))
    return CLOCK.isdisjoint(name.lower() for name in names)


def aggregate_of(con: duckdb.DuckDBPyConnection, tree: dict[str, Any]) -> str | None:
    """The answer of a guarded query over one table as a SQL expression over that table; None when it is not one."""
    answer = _filtered(tree)
    try:
        return None if answer is None else _text(con, answer)
    except duckdb.Error:
        return None


def _text(con: duckdb.DuckDBPyConnection, expression: dict[str, Any]) -> str:
    """A part of a parse tree as SQL. Raises duckdb.Error when there is none."""
    node = {**_SELECT, "select_list": [expression]}
    return sql_of(con, node).removeprefix("SELECT ").strip()


def _filtered(tree: dict[str, Any]) -> dict[str, Any] | None:
    """What a query over one table selects, with its WHERE at each aggregate; None when that isn't surely the same."""
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
    return answer


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
