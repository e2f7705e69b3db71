"""What happened to private tables between two snapshots: nothing, rows came, or something that touched the old ones.

DuckLake never changes a row in place: each knows the snapshot that wrote it (`snapshot_id`), and a delete, an update or
a rewritten file takes it away or gives it a new one; merging files and flushing inlined rows keep it. So if as many
rows of the older snapshot or before are left as there were, they are those rows. It is counted by the engine, on files
as on rows inlined in the catalog; nothing is read but the new rows' files.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import duckdb

from platform_resources.lake.connection import INTERNAL_SCHEMA
from platform_resources.lake.files import metadata_schema
from platform_resources.lake.names import qualified, quote_literal
from platform_resources.lake.settings import MeshSettings

_WRITTEN_BY = "snapshot_id"


@dataclass(frozen=True)
class TableState:
    """A private table at a snapshot. `id` is another one when the table was made anew under its name."""

    id: int
    rows: int


@dataclass(frozen=True)
class TableChange:
    """A table at a snapshot, and what happened since an earlier one.

    `new_rows`: how many of its rows came since. `unclear`: why that can't be told, or what was done besides.
    """

    state: TableState
    new_rows: int = 0
    unclear: str | None = None

    def obstacle(self, before: TableState) -> str | None:
        """Why the rows that there were `before` are not all there as they were; None when they are."""
        if before.id != self.state.id:
            return "the table was made anew"
        if self.unclear is not None:
            return self.unclear
        left = self.state.rows - self.new_rows
        return None if left == before.rows else "rows were deleted or changed"


def rows_since(table_sql: str, since: int) -> str:
    """The rows of a table that were written after a snapshot, as SQL to stand in FROM."""
    return f"(SELECT * FROM {table_sql} WHERE {_WRITTEN_BY} > {int(since)})"


def rows_at(table_sql: str, snapshot: int) -> str:
    """A table as it stood at a snapshot, as SQL to stand in FROM."""
    return f"{table_sql} AT (VERSION => {int(snapshot)})"


def table_changes(
    con: duckdb.DuckDBPyConnection,
    settings: MeshSettings,
    domain: str,
    tables: Collection[str],
    since: int | None,
    until: int,
) -> dict[str, TableChange]:
    """Of private tables of a lake, by name; `since` None: only how they stand. What is no table is left out."""
    found = _known_of(con, settings, domain, tables, since, until) if tables else {}
    counts: list[str] = []
    for name, (_, unclear) in found.items():
        table = rows_at(qualified(domain, INTERNAL_SCHEMA, name), until)
        counts += [f"(SELECT count(*) FROM {table})"]
        counts += ["0" if unclear or since is None else f"(SELECT count(*) FROM {rows_since(table, since)})"]
    row = con.execute(f"SELECT {', '.join(counts)}").fetchone() if counts else ()
    return {
        name: TableChange(TableState(table_id, row[2 * at]), row[2 * at + 1], unclear)
        for at, (name, (table_id, unclear)) in enumerate(found.items())
    }


def _known_of(
    con: duckdb.DuckDBPyConnection,
    settings: MeshSettings,
    domain: str,
    tables: Collection[str],
    since: int | None,
    until: int,
) -> dict[str, tuple[int, str | None]]:
    """Table -> its id, and what the catalog says against counting its new rows."""
    meta, until = metadata_schema(domain, settings), int(until)
    since = until if since is None else int(since)
    within = f"BETWEEN {since + 1} AND {until}"
    names = ", ".join(map(quote_literal, tables))
    rows = con.execute(
        f"""
        SELECT t.table_name, t.table_id, {since} > {until},
            EXISTS (SELECT 1 FROM {meta}.ducklake_snapshot WHERE snapshot_id = {since}),
            EXISTS (
                SELECT 1 FROM {meta}.ducklake_column c
                WHERE c.table_id = t.table_id AND (c.begin_snapshot {within} OR c.end_snapshot {within})),
            EXISTS (
                SELECT 1 FROM {meta}.ducklake_column c
                WHERE c.table_id = t.table_id AND lower(c.column_name) = {quote_literal(_WRITTEN_BY)})
        FROM {meta}.ducklake_table t JOIN {meta}.ducklake_schema s USING (schema_id)
        WHERE s.schema_name = {quote_literal(INTERNAL_SCHEMA)} AND t.table_name IN ({names})
            AND t.begin_snapshot <= {until} AND (t.end_snapshot IS NULL OR t.end_snapshot > {until})
        """
    ).fetchall()
    return {name: (table_id, _unclear(*told)) for name, table_id, *told in rows}


def _unclear(is_older: bool, is_kept: bool, is_recolumned: bool, is_hidden: bool) -> str | None:
    if is_older:
        return "it stands as it did before"
    if not is_kept:
        return "the retention expired what was published then"
    if is_recolumned:
        return "its columns were changed"
    return f"a column of it is named {_WRITTEN_BY}, as what tells when a row came" if is_hidden else None
