"""A process that looks whether a lake changed keeps the locks that DuckDB's SQLite has on its catalog."""

from __future__ import annotations

from pathlib import Path

from platform_resources.lake import MeshSettings, catalog_stamp, connect


def locks_held(settings: MeshSettings, domain: str) -> int:
    """POSIX locks on the files of a catalog, of any process."""
    inodes = {file.stat().st_ino for file in settings.lake_folder(domain).glob("catalog.sqlite*")}
    locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return sum(int(lock[5].rpartition(":")[2]) in inodes for lock in locks if lock[1] == "POSIX")


def test_looking_at_a_catalog_drops_no_lock(settings: MeshSettings, publish_rows) -> None:
    """Closing any descriptor of a file drops every POSIX lock of the process on it: reads then came back empty."""
    publish_rows(10)
    with connect(settings, own="shop") as writer:
        writer.execute("BEGIN")
        writer.execute("SELECT count(*) FROM shop.internal.thing").fetchall()
        before = locks_held(settings, "shop")
        assert before > 0
        assert catalog_stamp(settings, "shop") is not None
        assert locks_held(settings, "shop") == before
        writer.execute("ROLLBACK")
