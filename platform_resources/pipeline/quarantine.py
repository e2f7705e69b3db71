"""What lies in quarantine and waits to be mended: told wherever the state of the mesh is told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb

from platform_resources.lake import MESH_SCHEMA, MeshSettings, qualified


@dataclass(frozen=True)
class QuarantinedFile:
    """A refused file that was not replaced yet."""

    source: str  # the feed
    file: str  # its name when it landed
    path: Path  # where it lies now
    reasons: tuple[str, ...]


def waiting_in_quarantine(
    con: duckdb.DuckDBPyConnection, settings: MeshSettings, domain: str
) -> tuple[QuarantinedFile, ...]:
    """Refused files of a domain whose repaired version (a file of the same name) was not taken since."""
    taken = set(
        con.execute(
            f"SELECT source, file FROM {qualified(domain, MESH_SCHEMA, 'ingested_files')} WHERE outcome = 'taken'"
        ).fetchall()
    )
    waiting = []
    for note in sorted((settings.quarantine / domain).glob("*/*.reason.json")):
        told = json.loads(note.read_text(encoding="utf-8"))
        source = note.parent.name
        if (source, told["file"]) not in taken:
            path = note.with_name(note.name.removesuffix(".reason.json"))
            waiting.append(QuarantinedFile(source, told["file"], path, tuple(told["reasons"])))
    return tuple(waiting)
