"""Expressions whose parts are used in different ways: of a CASE the conditions only decide, the branches flow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import duckdb
from sqlglot import exp

Parts = Iterator[tuple[exp.Expression, str]]


def parts_of(node: exp.Expression) -> list[tuple[exp.Expression, str]] | None:
    """Each part with how it is used; None of an expression into which all of its parts flow alike.

    A part that nobody thought of only decides: better a wrong word than a lost source.
    """
    special = _SPECIAL.get(type(node))
    if special is None:
        return None
    found = list(special(node))
    covered = {id(part) for part, _ in found} | {id(part.parent) for part, _ in found}
    return found + [(part, "CONDITIONAL") for part in node.iter_expressions() if id(part) not in covered]


def is_aggregate(node: exp.Expression) -> bool:
    if isinstance(node, exp.AggFunc):
        return True
    return isinstance(node, exp.Anonymous) and node.name.lower() in _aggregates()


def makes_rows(node: exp.Expression) -> bool:
    """Whether a function among a query's columns gives many rows for one, as `unnest(tags)`."""
    if isinstance(node, exp.Explode | exp.Unnest):
        return True
    return isinstance(node, exp.Anonymous) and node.name.lower() in {"unnest", "unlist", "generate_subscripts"}


@cache
def _aggregates() -> frozenset[str]:
    """DuckDB's own, for those that sqlglot has no class for."""
    with duckdb.connect() as con:
        rows = con.execute("SELECT function_name FROM duckdb_functions() WHERE function_type = 'aggregate'").fetchall()
    return frozenset(name for (name,) in rows)


def _case(node: exp.Expression) -> Parts:
    if node.this is not None:
        yield node.this, "CONDITIONAL"
    for branch in node.args["ifs"]:
        yield branch.this, "CONDITIONAL"
        yield branch.args["true"], "TRANSFORMATION"
    if node.args.get("default") is not None:
        yield node.args["default"], "TRANSFORMATION"


def _if(node: exp.Expression) -> Parts:
    yield node.this, "CONDITIONAL"
    for branch in ("true", "false"):
        if node.args.get(branch) is not None:
            yield node.args[branch], "TRANSFORMATION"


def _window(node: exp.Expression) -> Parts:
    yield node.this, "TRANSFORMATION"
    for key in (*(node.args.get("partition_by") or ()), node.args.get("order"), node.args.get("spec")):
        if key is not None:
            yield key, "WINDOW"


def _filtered(node: exp.Expression) -> Parts:
    yield node.this, "AGGREGATION"
    yield node.expression, "CONDITIONAL"


def _chosen(node: exp.Expression) -> Parts:
    yield node.this, "AGGREGATION"
    if isinstance(node.expression, exp.Expression):
        yield node.expression, "CONDITIONAL"


def _ordered(node: exp.Expression) -> Parts:
    if node.this is not None:  # list(x ORDER BY y); the clause of a query has no `this`
        yield node.this, "IDENTITY"
    for key in node.expressions:
        yield key, "SORT" if node.this is not None else "TRANSFORMATION"


def _exists(node: exp.Expression) -> Parts:
    yield node.this, "CONDITIONAL"


_SPECIAL: dict[type, Callable[[exp.Expression], Parts]] = {
    exp.Case: _case,
    exp.If: _if,
    exp.Window: _window,
    exp.Filter: _filtered,
    exp.ArgMax: _chosen,
    exp.ArgMin: _chosen,
    exp.Order: _ordered,
    exp.Exists: _exists,
}
