"""Connections that stay warm, and what makes them cold: a lost instance, a restored lake, one that comes later."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from platform_resources.access import ReadQuery
from platform_resources.access.errors import UnknownPortError
from platform_resources.lake import LakeMissingError, PortAddress, connect, create_lake
from tests.guarded import CUSTOMERS, GuardedMesh, customers


def read(mesh: GuardedMesh, query: ReadQuery = ReadQuery()) -> int:  # noqa: B008
    with mesh.access.guard.open(mesh.caller("ana"), CUSTOMERS).read(query) as reading:
        return reading.table().num_rows


def test_a_lost_instance_is_made_again(copied_mesh: GuardedMesh) -> None:
    assert read(copied_mesh) == 40
    copied_mesh.access.guard.lakes._instances["shop"].con.close()
    assert read(copied_mesh) == 40


def test_a_lake_that_was_restored_from_a_backup_is_read_as_it_is_now(copied_mesh: GuardedMesh) -> None:
    folder = copied_mesh.settings.lake_folder("shop")
    backup = Path(shutil.copytree(folder, folder.with_name("backup")))
    copied_mesh.publish(customers(3), version="1.0.1")
    assert read(copied_mesh) == 3
    shutil.rmtree(folder)
    backup.rename(folder)
    assert read(copied_mesh) == 40
    copied_mesh.publish(customers(5), version="1.0.1")
    assert read(copied_mesh) == 5


def test_a_lake_that_is_made_later_is_found(copied_mesh: GuardedMesh) -> None:
    lakes = copied_mesh.access.guard.lakes
    with pytest.raises(LakeMissingError):
        lakes.cursor("later")
    with pytest.raises(UnknownPortError):
        copied_mesh.access.guard.open(copied_mesh.caller("ana"), PortAddress("later", "thing", 1))
    create_lake(copied_mesh.settings, "later")
    lakes.cursor("later").close()


def test_readers_can_write_no_lake_and_spill_inside_the_mesh_home(copied_mesh: GuardedMesh) -> None:
    import duckdb

    con = copied_mesh.access.guard.lakes.cursor("shop")
    with pytest.raises(duckdb.Error):
        con.execute("DELETE FROM shop.internal.customers")
    spill = con.execute("SELECT current_setting('temp_directory')").fetchone()[0]
    assert Path(spill).is_relative_to(copied_mesh.settings.home)
    con.close()
    copied_mesh.access.guard.close()
    assert not Path(spill).exists()
    with connect(copied_mesh.settings, reads=["shop"]) as other:
        assert other.execute("SELECT count(*) FROM shop.customers.v1").fetchone() == (40,)
