"""Ingest of landed files into `<domain>.internal.<feed>`: append-only, by file, exactly once.

The name and the SHA-256 of a file are recorded in the transaction that writes its rows, so a crash can neither lose nor
double it. A file that breaks its source's contract goes to quarantine with the reasons, and the others go on; the
repaired file, landed under any name, is then taken.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from platform_resources.contracts.model import Contract
from platform_resources.lake import MESH_SCHEMA, MeshSettings, qualified, quote_identifier, write_transaction
from platform_resources.pipeline.landed import LandedFile, LedgerEntry, UnreadableFileError, read_landed_file
from platform_resources.quality import evaluate

_INTERNAL = "internal"


@dataclass(frozen=True)
class Quarantined:
    """A file that was refused: where it lies now, and every reason."""

    file: str
    moved_to: Path
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class IngestReport:
    source: str
    files: int  # taken
    rows: int
    duplicates: tuple[str, ...]  # files delivered again with the same content: noted, not taken
    quarantined: tuple[Quarantined, ...]
    load_id: int | None  # None when no file was taken
    watermark: datetime | None  # everything the source extracted before this moment has been looked at

    @property
    def changed(self) -> bool:
        return self.files > 0


@dataclass
class _Sorted:
    """New files of one ingest, sorted by what is to become of them."""

    take: list[LandedFile] = field(default_factory=list)
    duplicates: list[LandedFile] = field(default_factory=list)
    refused: list[tuple[LandedFile, tuple[str, ...]]] = field(default_factory=list)


def _ledger_table(domain: str) -> str:
    return qualified(domain, MESH_SCHEMA, "ingested_files")


def _ledger(con: duckdb.DuckDBPyConnection, domain: str, source: str) -> dict[str, LedgerEntry]:
    """File name -> its newest entry."""
    rows = con.execute(
        f"SELECT file, sha256, bytes, modified_ns, outcome FROM {_ledger_table(domain)} WHERE source = ? "
        "ORDER BY ingested_at, load_id",
        [source],
    ).fetchall()
    return {file: LedgerEntry(*rest) for file, *rest in rows}


def source_folder(settings: MeshSettings, source: Contract) -> tuple[Path, str]:
    """Folder and file pattern of a source, from its contract's `servers[0].path` below the landing zone."""
    pattern = Path(str(source.servers[0]["path"]))
    return settings.landing / pattern.parent, pattern.name


def new_files(con: duckdb.DuckDBPyConnection, settings: MeshSettings, domain: str, source: Contract) -> list[Path]:
    """Landed files that were not looked at yet, or changed since: by name, size and time, without reading them."""
    ledger = _ledger(con, domain, source.table.name)
    folder, pattern = source_folder(settings, source)
    return [path for path in sorted(folder.glob(pattern)) if not _is_known(path, ledger.get(path.name))]


def _is_known(path: Path, entry: LedgerEntry | None) -> bool:
    if entry is None or entry.outcome == "quarantined":
        return False
    status = path.stat()
    return (status.st_size, status.st_mtime_ns) == (entry.bytes, entry.modified_ns)


def watermark(con: duckdb.DuckDBPyConnection, domain: str, source: str) -> datetime | None:
    """The latest moment up to which a source has delivered; None before its first file."""
    return con.execute(
        f"SELECT max(extracted_at) FROM {_ledger_table(domain)} WHERE source = ? AND outcome <> 'quarantined'", [source]
    ).fetchone()[0]


def ingest(
    con: duckdb.DuckDBPyConnection, settings: MeshSettings, domain: str, source: Contract, run_id: str, now: datetime
) -> IngestReport:
    """Take every new landed file of `source` into its table, in one transaction.

    `con` has the domain's lake attached read-write. Safe to run twice at once: the second finds the first one's files
    in the ledger.
    """
    name = source.table.name
    _create_table(con, settings, domain, source, run_id)
    paths = new_files(con, settings, domain, source)
    if not paths:
        return IngestReport(name, 0, 0, (), (), None, watermark(con, domain, name))
    with_files = _sort_files(con, domain, source, paths, now)
    load_id = None
    with write_transaction(con, settings, domain, f"ingest {name}", run_id):
        # Another run may have ingested while this one looked at the files.
        known = {entry.sha256 for entry in _ledger(con, domain, name).values() if entry.outcome == "taken"}
        take = [file for file in with_files.take if file.sha256 not in known]
        if take:
            load_id = _insert(con, domain, source, take)
        entries = [
            *((file, "taken") for file in take),
            *((file, "duplicate") for file in with_files.duplicates),
            *((file, "quarantined") for file, _ in with_files.refused),
        ]
        _record(con, domain, name, entries, load_id, now)
    quarantined = tuple(_quarantine(settings, domain, name, file, why, now) for file, why in with_files.refused)
    return IngestReport(
        name,
        len(take),
        sum(file.rows for file in take),
        tuple(file.path.name for file in with_files.duplicates),
        quarantined,
        load_id,
        watermark(con, domain, name),
    )


def _create_table(
    con: duckdb.DuckDBPyConnection, settings: MeshSettings, domain: str, source: Contract, run_id: str
) -> None:
    name = source.table.name
    existing = con.execute(
        "SELECT column_name FROM duckdb_columns() WHERE database_name = ? AND schema_name = ? AND table_name = ?",
        [domain, _INTERNAL, name],
    ).fetchall()
    have = {row[0] for row in existing}
    table = qualified(domain, _INTERNAL, name)
    wanted = [f"{quote_identifier(c.name)} {c.physical_type}" for c in source.table.columns]
    if not have:
        columns = ", ".join([*wanted, "_load_id BIGINT", "_landed_at TIMESTAMPTZ"])
        statements = [f"CREATE TABLE IF NOT EXISTS {table} ({columns})"]
    else:
        statements = [
            f"ALTER TABLE {table} ADD COLUMN {definition}"
            for column, definition in zip(source.table.columns, wanted, strict=True)
            if column.name not in have
        ]
    if statements:
        with write_transaction(con, settings, domain, f"create {name}", run_id):
            for statement in statements:
                con.execute(statement)


def _sort_files(
    con: duckdb.DuckDBPyConnection, domain: str, source: Contract, paths: Sequence[Path], now: datetime
) -> _Sorted:
    ledger = _ledger(con, domain, source.table.name)
    taken = {entry.sha256 for entry in ledger.values() if entry.outcome == "taken"}
    result, readable = _Sorted(), []
    for path in paths:
        try:
            file = read_landed_file(con, path, source)
        except UnreadableFileError as error:
            result.refused.append((error.file, error.reasons))
            continue
        before = ledger.get(path.name)
        if file.sha256 in taken:
            result.duplicates.append(file)
        elif before is not None and before.outcome == "taken":
            reason = "a file of this name was ingested with other content; land corrections under a new name"
            result.refused.append((file, (reason,)))
        else:
            taken.add(file.sha256)
            readable.append(file)
    readable.sort(key=lambda file: (file.extracted_at, file.path.name))
    # The good case is one pass over all files at once; only a failure costs a pass per file.
    if readable and not _violations(con, domain, source, readable, now):
        result.take.extend(readable)
    else:
        for file in readable:
            reasons = _violations(con, domain, source, [file], now)
            reasons = reasons or _key_conflicts(con, source, file, result.take)
            if reasons:
                result.refused.append((file, reasons))
            else:
                result.take.append(file)
    return result


def _scan(files: Iterable[LandedFile]) -> str:
    paths = ", ".join("'" + str(file.path).replace("'", "''") + "'" for file in files)
    return f"read_parquet([{paths}], union_by_name => true)"


def _violations(
    con: duckdb.DuckDBPyConnection, domain: str, source: Contract, files: Sequence[LandedFile], now: datetime
) -> tuple[str, ...]:
    """Why these files can't be taken together: broken rules of the source's contract, rows delivered before."""
    con.execute(f"CREATE OR REPLACE TEMP VIEW landed AS SELECT * FROM {_scan(files)}")
    audit = evaluate(con, source, "landed", now=now, data_as_of=now, allowed_tables=())
    reasons = [f"{r.name}: {r.message}" for r in audit.results if not r.passed and r.severity == "error"]
    key = source.table.primary_key
    if not reasons and key and source.custom.get("keyScope", "feed") == "feed":
        columns = ", ".join(quote_identifier(column) for column in key)
        again = con.execute(
            f"SELECT count(*) FROM landed SEMI JOIN {qualified(domain, _INTERNAL, source.table.name)} USING ({columns})"
        ).fetchone()[0]
        if again:
            reasons.append(
                f"primary_key: {again:,} of its rows ({', '.join(key)}) were delivered before in another file"
            )
    return tuple(reasons)


def _key_conflicts(
    con: duckdb.DuckDBPyConnection, source: Contract, file: LandedFile, others: Sequence[LandedFile]
) -> tuple[str, ...]:
    key = source.table.primary_key
    if not others or not key or source.custom.get("keyScope", "feed") != "feed":
        return ()
    columns = ", ".join(quote_identifier(column) for column in key)
    shared = con.execute(f"SELECT count(*) FROM {_scan([file])} SEMI JOIN {_scan(others)} USING ({columns})").fetchone()
    if not shared[0]:
        return ()
    return (f"primary_key: {shared[0]:,} of its rows ({', '.join(key)}) stand in another new file too",)


def _insert(con: duckdb.DuckDBPyConnection, domain: str, source: Contract, files: Sequence[LandedFile]) -> int:
    table = qualified(domain, _INTERNAL, source.table.name)
    ledger = _ledger_table(domain)
    load_id = con.execute(f"SELECT coalesce(max(load_id), 0) + 1 FROM {ledger} WHERE source = ?", [source.table.name])
    number = load_id.fetchone()[0]
    columns = ", ".join(quote_identifier(column.name) for column in source.table.columns)
    stamps = ", ".join("(?, ?)" for _ in files)
    parameters = [value for file in files for value in (str(file.path), file.extracted_at)]
    paths = ", ".join("?" for _ in files)
    con.execute(
        f"INSERT INTO {table} ({columns}, _load_id, _landed_at) "
        f"SELECT {columns}, {number}, _stamp.landed_at "
        f"FROM read_parquet([{paths}], union_by_name => true, filename => '_file') "
        f"JOIN (VALUES {stamps}) _stamp(landed_file, landed_at) ON landed_file = _file",
        [*(str(file.path) for file in files), *parameters],
    )
    return number


def _record(
    con: duckdb.DuckDBPyConnection,
    domain: str,
    source: str,
    entries: Sequence[tuple[LandedFile, str]],
    load_id: int | None,
    now: datetime,
) -> None:
    if not entries:
        return
    values = [
        value
        for file, outcome in entries
        for value in (
            *(source, file.path.name, file.sha256, file.bytes, file.modified_ns, file.rows),
            *(load_id if outcome == "taken" else None, file.extracted_at, now, outcome),
        )
    ]
    rows = ", ".join(f"({', '.join('?' * 10)})" for _ in entries)
    con.execute(f"INSERT INTO {_ledger_table(domain)} VALUES {rows}", values)


def _quarantine(
    settings: MeshSettings, domain: str, source: str, file: LandedFile, reasons: tuple[str, ...], now: datetime
) -> Quarantined:
    """Move a refused file aside, never over another one, with a note that says why; nothing is deleted."""
    folder = settings.quarantine / domain / source
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / file.path.name
    if target.exists():
        target = folder / f"{file.path.stem}.{file.sha256[:12]}{file.path.suffix}"
    shutil.move(file.path, target)
    note = {
        "file": file.path.name,
        "source": f"{domain}.{source}",
        "sha256": file.sha256,
        "quarantined_at": now.isoformat(),
        "reasons": list(reasons),
        "remedy": "ask the source system to mend the file and to land it again; it is then taken",
    }
    target.with_name(target.name + ".reason.json").write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
    return Quarantined(file.path.name, target, reasons)
