"""The laws of the local cache, against a real server: fresh, private, whole."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest
from sqlalchemy import update

from platform_resources.client import DeniedError, Mesh, UnauthenticatedError
from platform_resources.client.cache import Cache
from platform_resources.control.tables import grants, identities, tokens
from platform_resources.lake import utc_now
from tests.client.conftest import PORT, token_of
from tests.serving.conftest import Api

ORDER = "customer_id"


@pytest.fixture
def connect(shared: Api, connecting):
    return connecting(shared)


@pytest.fixture
def connect_own(own: Api, connecting):
    return connecting(own)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def entries(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.arrow"))


def test_an_unchanged_port_is_revalidated_and_its_rows_come_from_the_file(connect, folder: Path) -> None:
    first = connect("ana").read(PORT, order=ORDER)
    rows = first.arrow()
    assert not first.cached
    (file,) = entries(folder)
    os.utime(file, (0, 0))
    again = connect("ana").read(PORT, order=ORDER)
    assert again.cached
    assert not again.stale
    assert again.arrow().equals(rows)
    assert (again.publication, again.masked) == (first.publication, first.masked)
    assert time.time() - file.stat().st_mtime < 60
    assert len(connect("ana").read(PORT, order="-customer_id")) == 40  # another query is another entry
    assert len(entries(folder)) == 2


def test_a_publication_is_seen_at_once(own: Api, connect_own) -> None:
    mesh = connect_own("ana")
    mesh.read(PORT).arrow()
    own.mesh.publish("SELECT 1, 'north', NULL, NULL, NULL, NULL, 1.5, TIMESTAMP '2026-01-01'")
    after = mesh.read(PORT)
    assert not after.cached
    assert (after.publication, len(after)) == (2, 1)


def test_what_a_reader_may_see_less_of_is_not_shown_from_the_cache(own: Api, connect_own) -> None:
    mesh = connect_own("desk")
    assert "CANARY" in str(mesh.read(PORT).arrow().to_pylist())
    with own.mesh.access.control.writing() as connection:
        connection.execute(update(identities).where(identities.c.id == "desk").values(clearances=[]))
    assert "CANARY" not in str(mesh.read(PORT).arrow().to_pylist())


def test_a_revoked_grant_deletes_what_was_kept_of_the_port(own: Api, connect_own, folder: Path) -> None:
    mesh = connect_own("desk", offline_ok=True)
    mesh.read(PORT).arrow()
    mesh.read(PORT, limit=2).arrow()
    assert len(entries(folder)) == 2
    with own.mesh.access.control.writing() as connection:
        connection.execute(update(grants).where(grants.c.consumer == "desk").values(revoked_at=utc_now()))
    with pytest.raises(DeniedError):
        mesh.read(PORT)
    assert entries(folder) == []


def test_a_revoked_token_deletes_all_that_was_kept_for_it(own: Api, connect_own, folder: Path) -> None:
    connect_own("ana").read(PORT).arrow()
    mesh = connect_own("desk", offline_ok=True)
    mesh.read(PORT).arrow()
    with own.mesh.access.control.writing() as connection:
        connection.execute(update(tokens).where(tokens.c.identity == "desk").values(revoked_at=utc_now()))
    with pytest.raises(UnauthenticatedError):
        mesh.read(PORT)
    assert len(entries(folder)) == 1  # ana's


def test_two_identities_on_one_machine_share_nothing(shared: Api, connect, folder: Path) -> None:
    clear = connect("desk").read(PORT, order=ORDER).arrow()
    masked = connect("ana", max_age=3600).read(PORT, order=ORDER)
    assert not masked.cached
    assert "CANARY" not in str(masked.arrow().to_pylist())
    assert connect("desk", max_age=3600).read(PORT, order=ORDER).arrow().equals(clear)
    kept = [file.read_bytes() for file in entries(folder) if b"CANARY" not in file.read_bytes()]
    assert len(kept) == 1
    names = " ".join(str(file) for file in folder.rglob("*"))
    assert token_of(shared.mesh, "ana").split("_")[2] not in names


def test_the_files_are_their_owners_alone(connect, folder: Path) -> None:
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    mesh = connect("ana")
    mesh.read(PORT).arrow()
    for place in [folder, *folder.rglob("*")]:
        assert place.stat().st_mode & 0o077 == 0, place


def test_a_folder_that_is_made_for_all_accounts_stays_open(connect, folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o1777)
    connect("ana").read(PORT).arrow()
    assert folder.stat().st_mode & 0o7777 == 0o1777
    assert all(place.stat().st_mode & 0o077 == 0 for place in folder.rglob("*"))
    assert entries(folder)


def test_within_max_age_nothing_is_asked(own: Api, connect_own) -> None:
    mesh = connect_own("ana", max_age=3600)
    mesh.read(PORT).arrow()
    before = own.mesh.access.audit.count()
    assert mesh.read(PORT).cached
    assert own.mesh.access.audit.count() == before
    own.mesh.publish("SELECT 1, 'north', NULL, NULL, NULL, NULL, 1.5, TIMESTAMP '2026-01-01'")
    assert len(mesh.read(PORT)) == 40
    assert len(connect_own("ana").read(PORT)) == 1


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "other", "zeros"])
def test_a_damaged_file_is_read_anew(damage: str, connect, folder: Path) -> None:
    rows = connect("ana").read(PORT, order=ORDER).arrow()
    (file,) = entries(folder)
    body = bytearray(file.read_bytes())
    if damage == "cut":
        del body[-9:]
    elif damage == "bit":
        body[len(body) // 2] ^= 1
    elif damage == "empty":
        body.clear()
    elif damage == "other":
        body[:] = b"not an entry"
    else:
        body[200:] = bytes(len(body) - 200)
    file.unlink()
    file.write_bytes(body)
    again = connect("ana").read(PORT, order=ORDER)
    assert not again.cached
    assert again.arrow().equals(rows)
    assert connect("ana").read(PORT, order=ORDER).cached


def test_the_oldest_entries_make_room(connect, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect("ana").read(PORT).arrow()
    (file,) = entries(folder)
    size = file.stat().st_size
    monkeypatch.setenv("MESH_CACHE_BYTES", str(3 * size))
    mesh = connect("ana")
    for limit in (39, 38, 37, 36):
        mesh.read(PORT, limit=limit).arrow()
    assert mesh.cache.size <= 3 * size
    assert not file.exists()
    assert 2 <= len(entries(folder)) <= 3
    mesh.cache.clear()
    assert mesh.cache.size == 0
    assert len(mesh.read(PORT)) == 40


def test_a_folder_that_can_t_be_written_to_costs_the_cache_only(connect, tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("")
    mesh = connect("ana", cache=blocked)
    assert len(mesh.read(PORT)) == 40
    assert not mesh.read(PORT).cached


def test_streams_are_not_kept(connect, folder: Path) -> None:
    assert sum(batch.num_rows for batch in connect("ana").read(PORT).batches()) == 40
    assert entries(folder) == []


def _read_often(url: str, token: str, folder: str, times: int) -> None:
    os.environ["MESH_CACHE"] = folder
    with Mesh(url, token=token) as mesh:
        for i in range(times):
            table = mesh.read(PORT, limit=40 - i % 3).arrow()
            assert table.num_rows == 40 - i % 3
            if i % 5 == 4:
                mesh.cache.clear()


def test_several_processes_share_the_folder(shared: Api, folder: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    arguments = (shared.url, token_of(shared.mesh, "ana"), str(folder), 12)
    processes = [spawn.Process(target=_read_often, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]


def test_each_answer_is_one_publication_while_others_come(own: Api, connect_own) -> None:
    """Publication n holds n rows: any other count would be a torn read or a cache that lies."""
    mesh, seen = connect_own("ana"), set()
    for number in range(2, 8):
        row = "SELECT i, 'north', NULL, NULL, NULL, NULL, 1.5, TIMESTAMP '2026-01-01' FROM range({}) t(i)"
        own.mesh.publish(row.format(number))
        for _ in range(2):
            reading = mesh.read(PORT)
            assert reading.arrow().num_rows == reading.publication
            seen.add(reading.publication)
    assert seen == set(range(2, 8))


def test_the_key_parts_servers_and_credentials(tmp_path: Path) -> None:
    folders = {Cache(tmp_path, *who)._own for who in (("a", "b"), ("a", "c"), ("b", "b"), ("a\nb", ""))}
    assert len(folders) == 4
