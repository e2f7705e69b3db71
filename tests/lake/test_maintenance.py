"""Maintenance keeps a lake small and takes nothing from under a reader."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from platform_resources.lake import (
    PublicationError,
    Retention,
    connect,
    current_snapshot,
    fsck,
    maintain,
    pin,
    publications,
    roll_back,
)
from tests.lake.conftest import PORT

LATER = datetime.now(UTC) + timedelta(days=30)  # DuckLake stamps snapshots with the wall clock


def data_files(settings):
    return set((settings.lake_folder("shop") / "data").rglob("*.parquet"))


def snapshots(settings):
    with connect(settings, reads=["shop"]) as con:
        return {row[0] for row in con.execute("SELECT snapshot_id FROM ducklake_snapshots('shop')").fetchall()}


def test_retention_keeps_the_last_publications_and_expires_the_rest(settings, publish_rows):
    made = [publish_rows(100 + n, n) for n in range(6)]
    report = maintain(settings, "shop", LATER, Retention(keep_publications=2))
    assert report.expired_snapshots > 0
    kept = snapshots(settings)
    assert {p.snapshot for p in made[-2:]} <= kept
    assert not {p.snapshot for p in made[:-2]} & kept
    with connect(settings, own="shop") as con:
        back = roll_back(con, settings, port=PORT, table="thing", to=5, run_id="back", now=LATER)
        assert con.execute("SELECT count(*) FROM shop.thing.v1").fetchone()[0] == back.row_count == 104
        with pytest.raises(PublicationError, match="expired by the retention"):
            roll_back(con, settings, port=PORT, table="thing", to=1, run_id="back2", now=LATER)


def test_a_snapshot_in_use_is_not_expired(settings, publish_rows):
    used = publish_rows(10, 0).snapshot
    for n in range(1, 4):
        publish_rows(10, n)
    with pin(settings, "shop", used):
        maintain(settings, "shop", LATER, Retention(keep_publications=1))
        assert used in snapshots(settings)
    maintain(settings, "shop", LATER, Retention(keep_publications=1))
    assert used not in snapshots(settings)


def test_young_and_recently_published_versions_are_kept(settings, publish_rows):
    now = datetime.now(UTC)
    for n in range(4):
        publish_rows(10, n, now=now)
    before = snapshots(settings)
    maintain(settings, "shop", now, Retention(keep_publications=1))
    assert snapshots(settings) >= before


def test_small_files_are_merged_and_every_kept_version_reads_the_same(settings, publish_rows):
    with connect(settings, own="shop"):
        pass
    for n in range(8):
        publish_rows(50, n)
    maintain(settings, "shop", LATER, Retention(keep_publications=3))
    maintain(settings, "shop", LATER + timedelta(days=1), Retention(keep_publications=3))
    with connect(settings, reads=["shop"]) as con:
        for publication in publications(con, "shop", PORT)[:3]:
            version = f"shop.internal.thing AT (VERSION => {publication.snapshot})"
            found = con.execute(f"SELECT count(*), min(version), max(version) FROM {version}").fetchone()
            assert found == (50, publication.number - 1, publication.number - 1)
    assert not fsck(settings, "shop").findings


def test_orphans_are_deleted_only_when_old_enough(settings, publish_rows):
    publish_rows(10)
    orphan = next(iter(data_files(settings))).with_name("orphan.parquet")
    orphan.write_bytes(b"left behind by a killed writer")
    maintain(settings, "shop", datetime.now(UTC))
    assert orphan.exists()
    assert maintain(settings, "shop", LATER).orphans_deleted >= 1
    assert not orphan.exists()
    assert not fsck(settings, "shop").findings


def test_the_catalog_backup_is_a_lake_that_can_be_read(settings, publish_rows):
    publish_rows(10)
    maintain(settings, "shop", datetime.now(UTC))
    catalog, backup = settings.catalog_file("shop"), settings.lake_folder("shop") / "backups" / "catalog.0.sqlite"
    publish_rows(20, 1)
    for ending in ("", "-wal", "-shm"):
        catalog.with_name(catalog.name + ending).unlink(missing_ok=True)
    with sqlite3.connect(backup) as source, sqlite3.connect(catalog) as target:
        source.backup(target)
    source.close()
    target.close()
    with connect(settings, reads=["shop"]) as con:
        assert con.execute("SELECT count(*) FROM shop.thing.v1").fetchone()[0] == 10
        assert current_snapshot(con, "shop") > 0
