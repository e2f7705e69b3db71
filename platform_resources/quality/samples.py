"""A few failing rows for the owner, without what only cleared people may see."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import duckdb

from platform_resources.contracts.model import Column, Contract
from platform_resources.lake.names import quote_identifier
from platform_resources.quality import conditions
from platform_resources.quality.checks import Check, NotEvaluableError
from platform_resources.quality.columns import DeliveredColumn
from platform_resources.quality.comparing import Comparing
from platform_resources.quality.evaluate import describe
from platform_resources.quality.references import Place
from platform_resources.quality.sql_guard import sql_of

REDACTED = "(redacted)"
_SHOWN = (None, "public", "internal")  # default deny: any other classification is redacted
_MAX_ROWS = 100
_PLAIN = ("integer", "float", "boolean")


def sample_failures(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    table_sql: str,
    check: Check,
    limit: int = 5,
    allowed_tables: Collection[str] = (),
) -> list[dict[str, Any]]:
    """At most `limit` rows that break the check, as {column: value} over the contract's columns.

    A column that is classified personal or restricted (anything but public and internal), or carries a mask, is
    redacted, also when the check is about it. Numbers and booleans come as such, other values as text. Empty when
    there is nothing to show: the check holds, isn't about rows, or can't be evaluated.
    """
    try:
        delivered = describe(con, table_sql)
        condition, source = _failing(Place(con, contract, table_sql, delivered, allowed_tables), check)
        shown = [(c, found) for c in contract.table.columns if (found := delivered.find(c.name)) is not None]
        if not shown:
            return []
        selected = ", ".join(_selected(column, found) for column, found in shown)
        query = f"SELECT {selected} FROM {source} WHERE {condition} LIMIT {max(0, min(limit, _MAX_ROWS))}"
        rows = con.execute(query).fetchall()
    except duckdb.InterruptException:
        raise
    except (NotEvaluableError, duckdb.Error):
        return []
    names = [column.name for column, _ in shown]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _failing(place: Place, check: Check) -> tuple[str, str]:
    """(condition, source) that select the failing rows."""
    if check.kind in conditions.ROW_KINDS:
        return conditions.bad_rows(check, place.delivered), place.table_sql
    columns = place.delivered.get_all(check.columns) if check.columns else []
    if check.kind in conditions.UNIQUE_KINDS and columns:
        keys = ", ".join(column.sql for column in columns)
        whole = " AND ".join(f"{column.sql} IS NOT NULL" for column in columns)
        repeated = f"SELECT {keys} FROM {place.table_sql} WHERE {whole} GROUP BY {keys} HAVING count(*) > 1"
        return f"({keys}) IN ({repeated})", place.table_sql
    if check.kind == "relationships" and columns:
        parent, parent_columns = place.parent(check)
        pairs = zip(columns, parent_columns, strict=True)
        match = " AND ".join(f"parent.{name} = child.{column.sql}" for column, name in pairs)
        whole = " AND ".join(f"child.{column.sql} IS NOT NULL" for column in columns)
        return (
            f"{whole} AND NOT EXISTS (SELECT 1 FROM (SELECT * FROM {parent}) AS parent WHERE {match})",
            f"(SELECT * FROM {place.table_sql}) AS child",
        )
    if check.kind == "differing_values":
        return Comparing(place, ()).differs(check)
    if check.kind == "sql":
        return "true", _rows_counted(place, check)
    raise NotEvaluableError("the check isn't about single rows")


def _rows_counted(place: Place, check: Check) -> str:
    """The rows that `SELECT count(*) FROM {table} WHERE ...` counts: its checked tree with `*` for the count."""
    query = place.guarded(check)
    if not place.counts_rows(query):
        raise NotEvaluableError("the query doesn't count rows of the table")
    star = place.con.execute("SELECT json_serialize_sql('SELECT * FROM t')").fetchone()[0]
    every = json.loads(star)["statements"][0]["node"]["select_list"]
    tree = {**query.tree, "select_list": every}
    return f"({sql_of(place.con, tree)})"


def _selected(column: Column, found: DeliveredColumn) -> str:
    alias = quote_identifier(column.name)
    hidden = (column.classification or "internal").lower() not in _SHOWN or "mask" in column.custom
    if hidden:
        return f"'{REDACTED}' AS {alias}"
    return f"{found.sql} AS {alias}" if found.family in _PLAIN else f"CAST({found.sql} AS VARCHAR) AS {alias}"
