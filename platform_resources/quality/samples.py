"""A few failing rows for the owner, without what only cleared people may see."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import duckdb

from platform_resources.contracts.model import Contract, Table
from platform_resources.lake.names import quote_identifier
from platform_resources.quality import conditions
from platform_resources.quality.checks import Check, NotEvaluableError, column_of
from platform_resources.quality.columns import DeliveredColumn, spread
from platform_resources.quality.comparing import Comparing
from platform_resources.quality.evaluate import describe
from platform_resources.quality.keys import whole_key
from platform_resources.quality.references import Place
from platform_resources.quality.sql_guard import sql_of

REDACTED = "(redacted)"
_SHOWN = (None, "public", "internal")  # default deny: any other classification is redacted
_MAX_ROWS = 100
_KEYS_AT_ONCE = 5_000_000  # 0.3 GB of them
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
    redacted, also when the check is about it; so is one that holds such an element. Of a check that is asked of the
    items of a list, the item stands beside its row, as `lines[]`. Numbers and booleans come as such, other values as
    text. Empty when there is nothing to show: the check holds, isn't about rows, or can't be evaluated.
    """
    try:
        place = _place(Place(con, contract, table_sql, describe(con, table_sql), allowed_tables), check)
        sought, source = _failing(place, check)
        names = [column.name for column in contract.table.columns]
        names += [] if check.asks_items is None else [check.asks_items]
        shown = [(name, found) for name in names if (found := place.delivered.find(name)) is not None]
        if not shown:
            return []
        hidden = _hidden(contract.table)
        selected = ", ".join(_selected(found, hidden) for _, found in shown)
        query, some = f"SELECT {selected} FROM {source} WHERE", f"LIMIT {max(0, min(limit, _MAX_ROWS))}"
        asked = (con.execute(f"{query} {condition} {some}").fetchall() for condition in sought)
        rows = next(filter(None, asked), [])
    except duckdb.InterruptException:
        raise
    except (NotEvaluableError, duckdb.Error):
        return []
    return [dict(zip((name for name, _ in shown), row, strict=True)) for row in rows]


def _place(place: Place, check: Check) -> Place:
    """Where failing rows are looked for: in the table, or among the items of a list."""
    if check.asks_items is None:
        return place
    rows_sql, delivered = spread(place.table_sql, place.delivered, check.asks_items)
    return replace(place, rows_sql=rows_sql, delivered=delivered)


def _failing(place: Place, check: Check) -> tuple[Iterable[str], str]:
    """Conditions, any of which selects failing rows of the source."""
    if check.kind in conditions.ROW_KINDS:
        return [conditions.bad_rows(check, place.delivered)], place.source
    columns = place.delivered.get_all(check.columns) if check.columns else []
    if check.kind in conditions.UNIQUE_KINDS and columns:
        return _repeated(place, columns), place.source
    if check.kind == "relationships" and columns:
        return [_orphaned(place, check, columns)], place.table_sql
    if check.kind == "differing_values":
        condition, source = Comparing(place, ()).differs(check)
        return [condition], source
    if check.kind == "sql":
        return ["true"], _rows_counted(place, check)
    raise NotEvaluableError("the check isn't about single rows")


def _orphaned(place: Place, check: Check, columns: Sequence[DeliveredColumn]) -> str:
    """Rows with one of a few keys that find no row: their keys alone are joined (60 M rows would take 3.5 GB)."""
    parent, parent_columns = place.parent(check)
    keys = ", ".join(column.sql for column in columns)
    match = " AND ".join(f"parent.{name} = child.{col.sql}" for col, name in zip(columns, parent_columns, strict=True))
    return (
        f"({keys}) IN (SELECT {keys} FROM (SELECT {keys} FROM {place.table_sql} WHERE {whole_key(columns)} "
        f"GROUP BY {keys}) AS child WHERE NOT EXISTS (SELECT 1 FROM (SELECT * FROM {parent}) AS parent "
        f"WHERE {match}) LIMIT {_MAX_ROWS})"
    )


def _repeated(place: Place, columns: Sequence[DeliveredColumn]) -> Iterator[str]:
    """Rows with a repeated key, looked for in one part of all keys after the other: 60 M at once take 3.5 GB."""
    keys = ", ".join(column.sql for column in columns)
    whole = whole_key(columns)
    (rows,) = place.con.execute(f"SELECT count(*) FROM {place.source}").fetchone()
    parts = -(-rows // _KEYS_AT_ONCE) or 1
    for part in range(parts):
        among = f"{whole} AND hash({keys}) % {parts} = {part}" if parts > 1 else whole
        yield f"({keys}) IN (SELECT {keys} FROM {place.source} WHERE {among} GROUP BY {keys} HAVING count(*) > 1)"


def _rows_counted(place: Place, check: Check) -> str:
    """The rows that `SELECT count(*) FROM {table} WHERE ...` counts: its checked tree with `*` for the count."""
    if not place.counts_rows(place.guarded(check)):
        raise NotEvaluableError("the query doesn't count rows of the table")
    star = place.con.execute("SELECT json_serialize_sql('SELECT * FROM t')").fetchone()[0]
    every = json.loads(star)["statements"][0]["node"]["select_list"]
    tree = {**place.runnable(check).tree, "select_list": every}
    return f"({sql_of(place.con, tree)})"


def _hidden(table: Table) -> frozenset[str]:
    """Names of columns that are redacted: they or what they hold are not for everybody."""
    marked = (
        each.name
        for each in (*table.columns, *table.members)
        if (each.classification or "internal").lower() not in _SHOWN or "mask" in each.custom
    )
    return frozenset(column_of(name).lower() for name in marked)


def _selected(found: DeliveredColumn, hidden: Collection[str]) -> str:
    alias = quote_identifier(found.name)
    if column_of(found.name).lower() in hidden:
        return f"'{REDACTED}' AS {alias}"
    return f"{found.sql} AS {alias}" if found.family in _PLAIN else f"CAST({found.sql} AS VARCHAR) AS {alias}"
