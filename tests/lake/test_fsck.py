"""`fsck` finds every kind of damage and raises no false alarm."""

from __future__ import annotations

import sqlite3

import pytest

from platform_resources.lake import fsck


@pytest.fixture
def files(settings, publish_rows):
    """Data files of the published table, largest first."""
    publish_rows(5_000, 1)
    publish_rows(5_000, 2)
    folder = settings.lake_folder("shop") / "data" / "internal" / "thing"
    return sorted(
        (path for path in folder.glob("*.parquet") if "delete" not in path.name), key=lambda p: p.stat().st_size
    )


def damages(settings):
    return {(finding.damage, finding.where) for finding in fsck(settings, "shop").findings}


def test_a_sound_lake_is_sound(settings, files):
    report = fsck(settings, "shop")
    assert report.findings == ()
    assert report.files >= 2
    assert report.publications == 2


def test_a_missing_file(settings, files):
    files[-1].unlink()
    assert ("missing", str(files[-1])) in damages(settings)


def test_a_truncated_file(settings, files):
    content = files[-1].read_bytes()
    files[-1].write_bytes(content[: len(content) // 2])
    assert ("truncated", str(files[-1])) in damages(settings)


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_flipped_bit(settings, files, place):
    content = bytearray(files[-1].read_bytes())
    content[int(len(content) * place)] ^= 1
    files[-1].write_bytes(bytes(content))
    assert ("altered", str(files[-1])) in damages(settings)


def test_two_swapped_files(settings, files):
    one, other = files[-2:]
    swapped = one.read_bytes(), other.read_bytes()
    other.write_bytes(swapped[0])
    one.write_bytes(swapped[1])
    assert {where for _, where in damages(settings)} >= {str(one), str(other)}


def test_a_publication_that_pins_a_snapshot_which_is_gone(settings, files):
    with sqlite3.connect(settings.catalog_file("shop")) as con:
        con.execute(
            "DELETE FROM ducklake_snapshot WHERE snapshot_id = (SELECT max(snapshot_id) - 1 FROM ducklake_snapshot)"
        )
    con.close()
    assert ("dangling", "shop.thing.v1 #2") in damages(settings)


def test_a_damaged_catalog(settings, files):
    catalog = settings.catalog_file("shop")
    content = bytearray(catalog.read_bytes())
    content[4096:12288] = bytes(8192)
    catalog.write_bytes(bytes(content))
    for ending in ("-wal", "-shm"):
        catalog.with_name(catalog.name + ending).unlink(missing_ok=True)
    (finding,) = fsck(settings, "shop").findings
    assert finding.damage == "catalog"
    assert "backups" in finding.remedy
