"""What tells that a lake changed, without opening it: a cache keyed by it never outlives a commit."""

from __future__ import annotations

from pathlib import Path

from platform_resources.lake.settings import MeshSettings

CatalogStamp = tuple[object, ...]

_WAL_INDEX_HEADER = 48  # bytes; holds a counter of commits: https://sqlite.org/walformat.html#the_wal_index_header


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
    try:
        with file.open("rb", buffering=0) as stream:
            return stream.read(_WAL_INDEX_HEADER)
    except FileNotFoundError:
        return b""
