"""Retention, compaction and clean-up: what keeps a lake small without taking anything from under a reader.

Rules learnt the hard way (each was measured): expire explicit versions, never "everything older than"; never touch
what a port, a grace period, an audit or a reader still needs; hold the writer lock; run with one thread (expiring under
an open reader aborts the process on SQLite otherwise); delete files only when they are older than two longest runs,
because `cleanup_all` deletes files in flight.
"""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from platform_resources.lake.connection import LakeMissingError, connect, current_snapshot, lake_exists
from platform_resources.lake.files import seal_new_files
from platform_resources.lake.lock import pinned_snapshots, writer_lock
from platform_resources.lake.names import qualified
from platform_resources.lake.settings import MeshSettings


@dataclass(frozen=True)
class Retention:
    """What is kept. A published snapshot is needed while it is among a port's last `keep_publications`, or younger
    than `keep_published`; any snapshot is needed while younger than `longest_run`. A retired port has no last ones:
    what it served last is kept for `keep_published` after its retirement, so that it can be brought back.
    """

    keep_publications: int = 10
    keep_published: timedelta = timedelta(days=7)
    longest_run: timedelta = timedelta(hours=2)

    @property
    def keep_files(self) -> timedelta:
        """Age from which a file that nothing refers to may be deleted."""
        return 2 * self.longest_run


@dataclass(frozen=True)
class MaintenanceReport:
    domain: str
    expired_snapshots: int
    kept_snapshots: int
    merged_files: int
    deleted_files: int
    orphans_deleted: int


def needed_snapshots(
    con: duckdb.DuckDBPyConnection, settings: MeshSettings, domain: str, retention: Retention, now: datetime
) -> frozenset[int]:
    """Snapshots that must stay: served, kept for roll-back, in grace, being read, young, and the current one."""
    published = con.execute(
        f"""
        SELECT DISTINCT snapshot FROM (
            SELECT
                snapshot, published_at, row_number() OVER (PARTITION BY port ORDER BY number DESC) AS age,
                max_by(kind, number) OVER (PARTITION BY port) = 'retire' AS is_retired
            FROM {qualified(domain, "mesh", "publications")})
        WHERE (age <= ? AND NOT is_retired) OR published_at >= ?""",
        [retention.keep_publications, now - retention.keep_published],
    ).fetchall()
    young = con.execute(
        "SELECT snapshot_id FROM ducklake_snapshots(?) WHERE snapshot_time >= ?", [domain, now - retention.longest_run]
    ).fetchall()
    return frozenset(
        {row[0] for row in (*published, *young)} | pinned_snapshots(settings, domain) | {current_snapshot(con, domain)}
    )


def maintain(
    settings: MeshSettings, domain: str, now: datetime, retention: Retention = Retention()
) -> MaintenanceReport:
    """Back the catalog up, expire what nobody needs, merge small files, delete orphans; safe while others read.

    The merge keeps every snapshot that is left readable, and its new files are sealed like published ones.
    """
    if not lake_exists(settings, domain):
        raise LakeMissingError(f"there is no lake of {domain} under {settings.home} to maintain")
    with writer_lock(settings, domain):
        backup_catalog(settings, domain)
        with connect(settings, own=domain) as con:
            con.execute("SET threads = 1")
            known = {
                row[0] for row in con.execute("SELECT snapshot_id FROM ducklake_snapshots(?)", [domain]).fetchall()
            }
            needed = needed_snapshots(con, settings, domain, retention, now)
            expired = sorted(known - needed)
            if expired:
                con.execute(
                    f"CALL ducklake_expire_snapshots(?, versions => [{', '.join(map(str, expired))}])", [domain]
                )
            merged = len(con.execute("CALL ducklake_merge_adjacent_files(?)", [domain]).fetchall())
            before = now - retention.keep_files
            deleted = con.execute("CALL ducklake_cleanup_old_files(?, older_than => ?)", [domain, before]).fetchall()
            orphans = con.execute(
                "CALL ducklake_delete_orphaned_files(?, older_than => ?)", [domain, before]
            ).fetchall()
            _seal_after_merge(con, settings, domain, now)
    return MaintenanceReport(domain, len(expired), len(known & needed), merged, len(deleted), len(orphans))


def _seal_after_merge(con: duckdb.DuckDBPyConnection, settings: MeshSettings, domain: str, now: datetime) -> None:
    seal = seal_new_files(con, settings, domain)
    if seal.files:
        con.execute(
            f"INSERT INTO {qualified(domain, 'mesh', 'seals')} VALUES (?, ?)",
            [now, seal.as_json()],
        )


def backup_catalog(settings: MeshSettings, domain: str) -> None:
    """A consistent copy of an SQLite catalog beside it, by SQLite's own online backup; the last three are kept."""
    if settings.catalog != "sqlite":
        return
    source = settings.catalog_file(domain)
    folder = settings.lake_folder(domain) / "backups"
    folder.mkdir(exist_ok=True)
    generations = [folder / f"catalog.{n}.sqlite" for n in (2, 1, 0)]
    for older, newer in itertools.pairwise(generations):
        if newer.exists():
            shutil.move(newer, older)
    with sqlite3.connect(source) as live, sqlite3.connect(generations[-1]) as copy:
        live.backup(copy)
    live.close()
    copy.close()
