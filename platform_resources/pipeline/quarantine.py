"""Quarantine: refused files are moved aside with a note that says why, and told until they are mended.

The note is written first and whole. A crash leaves a file in the landing zone or in quarantine, never in neither, and
never in quarantine without its reasons; the next ingest completes what was begun.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from platform_resources.lake import MeshSettings
from platform_resources.pipeline.landed import LandedFile
from platform_resources.pipeline.ledger import ledger_table

_NOTE = ".reason.json"


@dataclass(frozen=True)
class Quarantined:
    """A file that was refused: where it lies now, and every reason."""

    file: str
    moved_to: Path
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class QuarantinedFile:
    """A refused file that was not replaced yet."""

    source: str  # the feed
    file: str  # its name when it landed
    path: Path  # where it lies now
    reasons: tuple[str, ...]


def move_to_quarantine(
    settings: MeshSettings, domain: str, source: str, file: LandedFile, reasons: tuple[str, ...], now: datetime
) -> Quarantined:
    """Move a refused file aside, never over another one, with a note that says why; nothing is deleted.

    A file that can't be moved stays in the landing zone, which is one more reason, and the next ingest tries again.
    """
    target = _free_place(settings.quarantine / domain / source, file)
    note = {
        "file": file.name,
        "source": f"{domain}.{source}",
        "sha256": file.sha256,
        "quarantined_at": now.isoformat(),
        "reasons": list(reasons),
        "remedy": "ask the source system to mend the file and to land it again; it is then taken",
    }
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(target.with_name(target.name + _NOTE), json.dumps(note, indent=2) + "\n")
        _move(file.path, target)
    except OSError as error:
        stays = f"it could not be moved to {target.parent}: {error.strerror}; it stays in the landing zone"
        return Quarantined(file.name, file.path, (*reasons, stays))
    return Quarantined(file.name, target, reasons)


def _free_place(folder: Path, file: LandedFile) -> Path:
    """Where to put it: under its own name, or with its checksum when another refused file has that name."""
    target = folder / file.name
    if not os.path.lexists(target) or _same_content(target, file):
        return target
    mark = (file.sha256 or f"{file.modified_ns:x}")[:12]
    return folder / f"{Path(file.name).stem}.{mark}{Path(file.name).suffix}"


def _same_content(target: Path, file: LandedFile) -> bool:
    """Whether a move between file systems was cut off after its copy was whole."""
    if not file.sha256 or not target.is_file() or target.stat().st_size != file.bytes:
        return False
    try:
        with target.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256
    except PermissionError:
        return False


def _move(path: Path, target: Path) -> None:
    try:
        path.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # Quarantine lies on another file system: the copy gets its name when it is whole, then the original goes.
        part = target.with_name(f".{target.name}.part")
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(part, ignore_errors=True)
            shutil.copytree(path, part, symlinks=True)
            part.rename(target)
            shutil.rmtree(path)
        else:
            part.unlink(missing_ok=True)
            shutil.copy2(path, part, follow_symlinks=False)
            part.rename(target)
            path.unlink()


def _write_whole(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.rename(path)


def waiting_in_quarantine(
    con: duckdb.DuckDBPyConnection, settings: MeshSettings, domain: str
) -> tuple[QuarantinedFile, ...]:
    """Refused files of a domain whose repaired version (a file of the same name) was not taken since."""
    taken = {
        (source, file): at
        for source, file, at in con.execute(
            f"SELECT source, file, max(ingested_at) FROM {ledger_table(domain)} WHERE outcome = 'taken' GROUP BY ALL"
        ).fetchall()
    }
    waiting = []
    for note in sorted((settings.quarantine / domain).glob(f"*/[!.]*{_NOTE}")):
        told = json.loads(note.read_text(encoding="utf-8"))
        source, path = note.parent.name, note.with_name(note.name.removesuffix(_NOTE))
        mended_at = taken.get((source, told["file"]))
        mended = mended_at is not None and mended_at >= datetime.fromisoformat(told["quarantined_at"])
        if os.path.lexists(path) and not mended:
            waiting.append(QuarantinedFile(source, told["file"], path, tuple(told["reasons"])))
    return tuple(waiting)
