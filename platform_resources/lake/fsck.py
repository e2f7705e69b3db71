"""`mesh fsck`: does a lake still hold what it says it holds? It scans; a count from metadata proves nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import duckdb

from platform_resources.lake.connection import connect
from platform_resources.lake.files import CatalogFile, catalog_files, digest_of, relative_path, sealed_files
from platform_resources.lake.names import PortAddress
from platform_resources.lake.publications import latest_publication, publications
from platform_resources.lake.settings import MeshSettings

Damage = Literal["catalog", "missing", "truncated", "altered", "unreadable", "dangling", "unpublished"]


@dataclass(frozen=True)
class FsckFinding:
    """One damage: what, where, and what to do."""

    domain: str
    damage: Damage
    where: str
    message: str
    remedy: str


@dataclass(frozen=True)
class FsckReport:
    domain: str
    files: int
    bytes: int
    publications: int
    findings: tuple[FsckFinding, ...]


_RESTORE = "restore the file from your backup, or roll the ports that use it back to an earlier publication"

_RESTORE_LOG = "restore its files from your backup; without the log no port of the domain can be served or published"


def _check_catalog(settings: MeshSettings, domain: str) -> Iterator[FsckFinding]:
    if settings.catalog != "sqlite":
        return
    file = settings.catalog_file(domain)
    remedy = f"restore the newest sound copy from {file.parent / 'backups'}"
    if not file.is_file():
        yield FsckFinding(domain, "catalog", str(file), "the catalog file is missing", remedy)
        return
    try:
        con = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        try:
            verdict = con.execute("PRAGMA integrity_check").fetchone()[0]
        finally:
            con.close()
    except sqlite3.DatabaseError as error:
        verdict = str(error)
    if verdict != "ok":
        yield FsckFinding(domain, "catalog", str(file), f"the catalog is damaged: {verdict}", remedy)


def _check_file(
    con: duckdb.DuckDBPyConnection,
    settings: MeshSettings,
    domain: str,
    file: CatalogFile,
    sealed: dict[str, tuple[int, str]],
) -> Iterator[FsckFinding]:
    def found(damage: Damage, message: str) -> FsckFinding:
        return FsckFinding(domain, damage, str(file.path), f"{file.kind} file of {file.table}: {message}", _RESTORE)

    if not file.path.is_file():
        yield found("missing", "does not exist")
        return
    size = file.path.stat().st_size
    if size != file.bytes:
        yield found("truncated", f"{size:,} bytes, the catalog says {file.bytes:,}")
        return
    seal = sealed.get(relative_path(settings, domain, file.path))
    if seal is not None and digest_of(file.path) != seal[1]:
        yield found("altered", "its content is not what was written (SHA-256 differs)")
        return
    try:
        # Every column of every row is decoded: hash() leaves no page unread.
        query = "SELECT count(*), bit_xor(hash(t)) FROM read_parquet(?) t"
        rows = con.execute(query, [str(file.path)]).fetchone()[0]
    except duckdb.Error as error:
        yield found("unreadable", f"can't be decoded: {str(error).splitlines()[0]}")
        return
    if rows != file.rows:
        yield found("altered", f"{rows:,} rows, the catalog says {file.rows:,}")


def _check_publications(con: duckdb.DuckDBPyConnection, domain: str) -> Iterator[FsckFinding]:
    snapshots = {row[0] for row in con.execute("SELECT snapshot_id FROM ducklake_snapshots(?)", [domain]).fetchall()}
    for port in sorted({p.port for p in publications(con, domain)}):
        address = PortAddress.parse(port)
        served = latest_publication(con, address)
        if served is None:
            yield from _check_retired(con, address)
            continue
        where, remedy = f"{port} #{served.number}", f"publish {port} again: mesh run {address.domain}.{address.product}"
        if served.snapshot not in snapshots:
            message = f"the publication pins snapshot {served.snapshot}, which does not exist"
            yield FsckFinding(domain, "dangling", where, message, remedy)
            continue
        try:
            rows = con.execute(f"SELECT count(*), bit_xor(hash(t)) FROM {address.sql} t").fetchone()[0]
        except duckdb.Error as error:
            message = f"the port can't be read: {str(error).splitlines()[0]}"
            yield FsckFinding(domain, "unpublished", where, message, remedy)
            continue
        if rows != served.row_count:
            message = f"the port has {rows:,} rows, its publication says {served.row_count:,}"
            yield FsckFinding(domain, "altered", where, message, remedy)


def _check_retired(con: duckdb.DuckDBPyConnection, port: PortAddress) -> Iterator[FsckFinding]:
    """A port whose log ends with its retirement must be gone: whoever read it would read something unaudited."""
    views = con.execute(
        "SELECT 1 FROM duckdb_views() WHERE database_name = ? AND schema_name = ? AND view_name = ?", list(port.key)
    ).fetchone()
    if views is not None:
        remedy = f"drop it: DROP VIEW {port}"
        message = "the port is retired, but a view of its name is there"
        yield FsckFinding(port.domain, "unpublished", str(port), message, remedy)


def fsck(settings: MeshSettings, domain: str) -> FsckReport:
    """Check a lake whole: the catalog, every file that it refers to, every served publication. Changes nothing."""
    findings = list(_check_catalog(settings, domain))
    if findings:
        return FsckReport(domain, 0, 0, 0, tuple(findings))
    try:
        return _check_lake(settings, domain)
    except duckdb.Error as error:
        file = settings.catalog_file(domain)
        message = f"the catalog is no lake: {str(error).splitlines()[0]}"
        remedy = f"restore the newest sound copy from {file.parent / 'backups'}"
        return FsckReport(domain, 0, 0, 0, (FsckFinding(domain, "catalog", str(file), message, remedy),))


def _check_lake(settings: MeshSettings, domain: str) -> FsckReport:
    findings: list[FsckFinding] = []
    with connect(settings, reads=[domain]) as con:
        con.execute("BEGIN TRANSACTION READ ONLY")  # what is published meanwhile is no damage
        files = [] if settings.data else catalog_files(con, settings, domain)
        try:
            sealed, log = sealed_files(con, domain), publications(con, domain)
        except duckdb.Error as error:
            message = f"the publication log can't be read: {str(error).splitlines()[0]}"
            findings.append(FsckFinding(domain, "unreadable", f"{domain}.mesh.publications", message, _RESTORE_LOG))
            sealed, log = {}, []
        for file in files:
            findings.extend(_check_file(con, settings, domain, file, sealed))
        if log:
            findings.extend(_check_publications(con, domain))
    return FsckReport(domain, len(files), sum(file.bytes for file in files), len(log), tuple(findings))
