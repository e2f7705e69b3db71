"""What tells that a lake changed, without opening it: a cache keyed by it never outlives a commit."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path

from platform_resources.lake.names import qualified
from platform_resources.lake.settings import MeshSettings

CatalogStamp = tuple[object, ...]

_WAL_INDEX_HEADER = 48  # bytes; holds a counter of commits: https://sqlite.org/walformat.html#the_wal_index_header
_MOST_OPEN = 256  # lakes that one process looks at; beyond it (tests) the one that was opened first is closed
_open: dict[tuple[Path, int], int] = {}  # index of a log, and which file it is -> descriptor
_opening = threading.Lock()


def catalog_stamp(settings: MeshSettings, domain: str) -> CatalogStamp | None:
    """What changes with every commit of an embedded lake (20 µs); None for a catalog on a server.

    Times of files alone would miss a second commit within one tick of the kernel's clock (4 ms) that wrote over old
    pages of the log; the counter of commits in the log's index doesn't.
    """
    if settings.catalog != "sqlite":
        return None
    catalog = settings.catalog_file(domain)
    states: list[object] = []
    for file in (catalog, catalog.with_name(f"{catalog.name}-wal")):
        try:
            state = file.stat()
        except FileNotFoundError:
            continue
        states += [state.st_ino, state.st_mtime_ns, state.st_size]
    return (*states, _head(catalog.with_name(f"{catalog.name}-shm")))


def server_stamps(settings: MeshSettings, domains: Iterable[str]) -> dict[str, str] | None:
    """What changes with every commit of a lake whose catalog is a schema of PostgreSQL: of many lakes in one look.

    DuckLake writes a row of `ducklake_snapshot` with every commit. A lake that is not there is left out; None when the
    server can't be asked.
    """
    import psycopg2  # noqa: PLC0415  (30 ms, and only a mesh that has grown up needs it)

    found: dict[str, str] = {}
    try:
        con = psycopg2.connect(settings.catalog.removeprefix("postgres:"), connect_timeout=5)
        try:
            con.autocommit = True
            with con.cursor() as cursor:
                cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE %s", ["lake_%"])
                schemas = {name for (name,) in cursor.fetchall()}
                there = [domain for domain in domains if f"lake_{domain}" in schemas]
                each = [
                    f"SELECT %s, max(snapshot_id) FROM {qualified(f'lake_{domain}', 'ducklake_snapshot')}"
                    for domain in there
                ]
                if each:
                    cursor.execute(" UNION ALL ".join(each), there)
                    found = {domain: str(snapshot) for domain, snapshot in cursor.fetchall()}
        finally:
            con.close()
    except psycopg2.Error:
        return None
    return found


def catalog_identity(settings: MeshSettings, domain: str) -> tuple[int, int] | None:
    """Which file an embedded catalog is: another one when it was replaced by a copy. None on a server, or without."""
    if settings.catalog != "sqlite":
        return None
    try:
        state = settings.catalog_file(domain).stat()
    except FileNotFoundError:
        return None
    return state.st_dev, state.st_ino


def _head(file: Path) -> bytes:
    """The head of the log's index, by a descriptor that stays open.

    To close any descriptor of a file drops every POSIX lock that the process has on it: DuckDB's SQLite would read on
    without its locks, a writer would restart the log under it, and reads were empty or died of SIGBUS
    (https://sqlite.org/howtocorrupt.html, 2.2).
    """
    try:
        key = (file, file.stat().st_ino)
        with _opening:
            if key not in _open:
                if len(_open) >= _MOST_OPEN:
                    os.close(_open.pop(next(iter(_open))))
                _open[key] = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
            return os.pread(_open[key], _WAL_INDEX_HEADER, 0)
    except FileNotFoundError:
        return b""
