"""What a build knows of its table's columns: one row for each change of it, in the lake that holds the table.

The table is in the lake, so a publication's snapshot pins the lineage of what it publishes with the data itself. A row
is appended only when something changed: most builds run the same SQL over new rows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from platform_resources.lake.connection import MESH_SCHEMA, write_transaction
from platform_resources.lake.names import qualified
from platform_resources.lake.settings import MeshSettings

_TABLE = "column_lineage"


@dataclass(frozen=True)
class TableLineage:
    """Of one table, as JSON-ready values: `edges` to its columns, and every column that its last build read.

    `reads`: addresses, sorted; None when the build was not watched.
    """

    table: str
    edges: tuple[tuple[Any, ...], ...]
    reads: tuple[str, ...] | None


def record_lineage(
    con: duckdb.DuckDBPyConnection,
    settings: MeshSettings,
    domain: str,
    found: TableLineage,
    run_id: str,
    now: datetime,
) -> bool:
    """Write down what a build of `internal.<table>` found; False when it is what stands there already.

    `con` has the domain's lake attached read-write. A lake that was set up before there was this table gets it here.
    """
    if lineage_of_tables(con, domain).get(found.table) == found:
        return False
    log = qualified(domain, MESH_SCHEMA, _TABLE)
    with write_transaction(con, settings, domain, f"lineage {found.table}", run_id):
        con.execute(
            f"CREATE TABLE IF NOT EXISTS {log} (table_name VARCHAR, number BIGINT, edges JSON, reads VARCHAR[], "
            "run_id VARCHAR, recorded_at TIMESTAMPTZ)"
        )
        con.execute(
            f"INSERT INTO {log} SELECT ?, (SELECT coalesce(max(number), 0) + 1 FROM {log}), ?, ?, ?, ?",
            [
                *(found.table, json.dumps(found.edges)),
                *(None if found.reads is None else list(found.reads), run_id, now),
            ],
        )
    return True


def lineage_of_tables(
    con: duckdb.DuckDBPyConnection, domain: str, snapshot: int | None = None
) -> dict[str, TableLineage]:
    """Table -> what the last build before `snapshot` (None: until now) found; empty where nothing was recorded yet."""
    at = "" if snapshot is None else f" AT (VERSION => {int(snapshot)})"
    try:
        rows = con.execute(
            f"SELECT table_name, edges, reads FROM {qualified(domain, MESH_SCHEMA, _TABLE)}{at} "
            "QUALIFY number = max(number) OVER (PARTITION BY table_name)"
        ).fetchall()
    except duckdb.CatalogException:  # the lake, or its snapshot, is older than the table
        return {}
    return {
        name: TableLineage(name, tuple(map(tuple, json.loads(edges))), None if reads is None else tuple(reads))
        for name, edges, reads in rows
    }
