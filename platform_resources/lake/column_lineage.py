"""What a build knows of its table's columns: one row for each change of it, in the lake that holds the table.

The table is in the lake, so a publication's snapshot pins the lineage of what it publishes with the data itself. A row
is appended only when something changed: most builds run the same SQL over new rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
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


def changed_lineage(
    con: duckdb.DuckDBPyConnection, domain: str, found: Iterable[TableLineage]
) -> tuple[TableLineage, ...]:
    """Those of some tables whose lineage is another one than what stands in the lake."""
    known = lineage_of_tables(con, domain)
    return tuple(lineage for lineage in found if known.get(lineage.table) != lineage)


def record_lineage(
    con: duckdb.DuckDBPyConnection,
    settings: MeshSettings,
    domain: str,
    changed: Sequence[TableLineage],
    run_id: str,
    now: datetime,
) -> None:
    """Write down what builds of private tables found, in one transaction; `con` has the lake attached read-write.

    A lake that was set up before there was this table gets it here.
    """
    log = qualified(domain, MESH_SCHEMA, _TABLE)
    names = ", ".join(lineage.table for lineage in changed)
    with write_transaction(con, settings, domain, f"lineage of {names}", run_id):
        con.execute(
            f"CREATE TABLE IF NOT EXISTS {log} (table_name VARCHAR, number BIGINT, edges JSON, reads VARCHAR[], "
            "run_id VARCHAR, recorded_at TIMESTAMPTZ)"
        )
        for lineage in changed:
            reads = None if lineage.reads is None else list(lineage.reads)
            con.execute(
                f"INSERT INTO {log} SELECT ?, (SELECT coalesce(max(number), 0) + 1 FROM {log}), ?, ?, ?, ?",
                [lineage.table, json.dumps(lineage.edges), reads, run_id, now],
            )


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
