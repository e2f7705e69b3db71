"""The file of the index: it may be lost, damaged or of another version, and many may use it at once."""

from __future__ import annotations

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest

from platform_resources.catalog.view import CatalogView
from platform_resources.control import ControlDatabase
from platform_resources.lake import server_stamps
from tests.cli.quick import QuickMesh
from tests.postgres import HAS_POSTGRES, postgres_server


def test_a_lost_file_is_made_again(shipped, index):
    before = index.export()
    shutil.rmtree(shipped.settings.home / "catalog")
    assert index.export() == before


@pytest.mark.parametrize("damage", [b"", b"this is no database", b"SQLite format 3\0" + bytes(5000)])
def test_a_damaged_file_is_made_again(shipped, index, open_index, damage):
    before = index.export()
    index.close()
    _without_log(index.path)
    index.path.write_bytes(damage)
    assert open_index().export() == before


def test_a_page_that_was_overwritten_is_noticed_when_it_is_read(index, open_index):
    before = index.export()
    index.close()
    _without_log(index.path)
    content = index.path.read_bytes()
    index.path.write_bytes(content[:4096] + b"\xaa" * (len(content) - 4096))
    assert open_index().export() == before


def test_a_file_of_another_version_is_made_again(index, open_index):
    before, revision = index.export(), index.renew()
    with closing(sqlite3.connect(index.path)) as con, con:
        con.execute("UPDATE facts SET value = 999 WHERE name = 'version'")
        con.execute("DELETE FROM products")
    other = open_index()
    assert other.export() == before
    assert other.renew() > revision  # whoever asks what changed since then hears of all
    assert other.changed_since(revision).everything


def test_nothing_is_written_when_nothing_changed(index, open_index):
    revision = index.renew(at_once=True)
    state = index.path.stat().st_mtime_ns
    assert index.renew(at_once=True) == revision
    assert open_index().renew(at_once=True) == revision
    assert index.path.stat().st_mtime_ns == state


def test_many_threads_ask_while_it_is_made(shipped, index):
    shutil.rmtree(shipped.settings.home / "catalog", ignore_errors=True)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: index.product("crm.customer_360"), range(64)))
    assert all(entry is not None and entry.ports for entry in found)


def test_an_unreadable_lake_takes_no_product_away(shipped, index, open_index):
    catalog = shipped.settings.catalog_file("finance")
    content = catalog.read_bytes()
    for ending in ("-wal", "-shm"):
        catalog.with_name(f"{catalog.name}{ending}").unlink(missing_ok=True)
    try:
        catalog.write_bytes(b"no lake")
        index.renew(at_once=True)
        assert index.product("finance.revenue").ports[0].publication is None
        assert index.product("sales.bookings").ports[0].publication
    finally:
        catalog.write_bytes(content)
    index.renew(at_once=True)
    assert index.product("finance.revenue").ports[0].publication
    assert index.export() == open_index().export()


def test_the_commands_tell_what_was_made(shipped):
    mesh = QuickMesh(shipped.settings.project, shipped.settings.home)
    assert "6 products, 6 ports, 129 columns" in mesh("catalog", "rebuild").out
    assert "6 products" in mesh("catalog", "status").out
    lines = mesh("catalog", "export").out.splitlines()
    assert sum(line.startswith('{"product":') for line in lines) == 6
    file = shipped.settings.home / "index.jsonl"
    assert mesh("catalog", "export", "--out", str(file)).code == 0
    assert file.read_text(encoding="utf-8").splitlines() == lines
    refused = mesh("catalog", "export", "--out", str(shipped.settings.home / "no" / "folder"))
    assert refused.code == 1
    assert "can't be written" in refused.err


@pytest.mark.skipif(not HAS_POSTGRES, reason="PostgreSQL's server programs are not installed")
def test_lakes_on_a_server_are_asked_whether_they_changed(tmp_path, shipped):
    with postgres_server() as connection:
        settings = replace(shipped.settings, home=tmp_path / "home", catalog=f"postgres:{connection}")
        mesh = type(shipped)(settings)
        mesh.publish("finance.revenue.v1")
        before = server_stamps(settings, ["finance", "crm"])
        assert before.keys() == {"finance"}
        with closing(CatalogView(settings, control=ControlDatabase(settings))) as view:
            view.index.renew()
            assert view.index.product("finance.revenue").ports[0].publication == 1
            mesh.publish("finance.revenue.v1")
            assert server_stamps(settings, ["finance"]) != before
            view.index._renewal._server = None  # as after a second
            view.index.renew(at_once=True)
            assert view.index.product("finance.revenue").ports[0].publication == 2
            view._control.close()
    assert server_stamps(settings, ["finance"]) is None


def _without_log(file) -> None:
    for ending in ("-wal", "-shm"):
        file.with_name(f"{file.name}{ending}").unlink(missing_ok=True)
