"""The ledger of ingested files, `<domain>.mesh.ingested_files`: which file became what, in the domain's own lake.

A row is written in the transaction that writes the file's rows. Outcomes: `taken`, `duplicate` (the same content was
taken before), `quarantined`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import duckdb

from platform_resources.lake import MESH_SCHEMA, qualified
from platform_resources.pipeline.landed import LandedFile

Outcome = Literal["taken", "duplicate", "quarantined"]


@dataclass(frozen=True)
class Entry:
    """What became of a file; `load_id` of one that was taken."""

    file: LandedFile
    outcome: Outcome
    load_id: int | None = None


def ledger_table(domain: str) -> str:
    return qualified(domain, MESH_SCHEMA, "ingested_files")


def settled(con: duckdb.DuckDBPyConnection, domain: str, source: str) -> set[tuple[str, int, int]]:
    """(name, size, time of change) of every file that may lie in the landing zone and needs no second look."""
    return set(
        con.execute(
            f"SELECT file, bytes, modified_ns FROM {ledger_table(domain)} "
            "WHERE source = ? AND outcome <> 'quarantined'",
            [source],
        ).fetchall()
    )


def taken_before(
    con: duckdb.DuckDBPyConnection, domain: str, source: str, files: Sequence[LandedFile]
) -> tuple[set[str], set[str]]:
    """Which contents (SHA-256) and which names of these files were taken in an earlier ingest."""
    rows = con.execute(
        f"SELECT DISTINCT sha256, file FROM {ledger_table(domain)} WHERE source = ? AND outcome = 'taken' "
        "AND (sha256 IN (SELECT unnest(?)) OR file IN (SELECT unnest(?)))",
        [source, [file.sha256 for file in files], [file.name for file in files]],
    ).fetchall()
    return {sha256 for sha256, _ in rows}, {name for _, name in rows}


def refused_before(
    con: duckdb.DuckDBPyConnection, domain: str, source: str, files: Sequence[LandedFile]
) -> set[tuple[str, int, int]]:
    """(name, size, time of change) of those that are in the ledger as refused: a crash left them where they are."""
    rows = con.execute(
        f"SELECT file, bytes, modified_ns FROM {ledger_table(domain)} WHERE source = ? AND outcome = 'quarantined' "
        "AND file IN (SELECT unnest(?))",
        [source, [file.name for file in files]],
    ).fetchall()
    return set(rows)


def next_load_id(con: duckdb.DuckDBPyConnection, domain: str, source: str) -> int:
    return con.execute(
        f"SELECT coalesce(max(load_id), 0) + 1 FROM {ledger_table(domain)} WHERE source = ?", [source]
    ).fetchone()[0]


def record(con: duckdb.DuckDBPyConnection, domain: str, source: str, entries: Sequence[Entry], now: datetime) -> None:
    """Add entries, in the caller's transaction."""
    if not entries:
        return
    columns = zip(
        *(
            (e.file.name, e.file.sha256, e.file.bytes, e.file.modified_ns, e.file.rows, e.load_id, e.file.extracted_at)
            for e in entries
        ),
        strict=True,
    )
    con.execute(
        f"INSERT INTO {ledger_table(domain)} SELECT ?, {', '.join(['unnest(?)'] * 7)}, ?, unnest(?)",
        [source, *map(list, columns), now, [entry.outcome for entry in entries]],
    )


def watermark(con: duckdb.DuckDBPyConnection, domain: str, source: str) -> datetime | None:
    """The latest moment up to which a source has delivered; None before its first file."""
    return con.execute(
        f"SELECT max(extracted_at) FROM {ledger_table(domain)} WHERE source = ? AND outcome <> 'quarantined'", [source]
    ).fetchone()[0]
