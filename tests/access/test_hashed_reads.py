"""Hashed columns come from the masked copy after the second read, and the rows are the same."""

from __future__ import annotations

import re
import shutil

import pytest

from platform_resources.access import Condition, ReadQuery
from platform_resources.access.errors import UnavailableError
from platform_resources.lake.keys import key_file
from tests.access.test_reading import MANY
from tests.guarded import CUSTOMERS, GuardedMesh

QUERY = ReadQuery(order=(("card", False),), limit=1000, offset=20_000)


@pytest.fixture
def mesh(copied_mesh: GuardedMesh) -> GuardedMesh:
    copied_mesh.publish(MANY.format(rows=60_000), version="1.0.1")
    return copied_mesh


def test_later_reads_come_from_a_copy_with_the_same_rows(mesh: GuardedMesh) -> None:
    guard = mesh.access.guard

    def read(query: ReadQuery = QUERY, who: str = "ana"):
        return guard.open(mesh.caller(who), CUSTOMERS).read(query).table()

    relation = guard.open(mesh.caller("ana"), CUSTOMERS)
    first, _ = read(), read()
    guard.hashed.wait()
    assert guard.hashed.cursor(relation, QUERY) is not None
    copied = read()
    assert copied.equals(first)
    assert copied.schema == first.schema
    assert read(ReadQuery(conditions=(Condition("card", "like", "CANARY%"),))).num_rows == 0
    assert "CANARY" in str(read(who="desk").slice(0, 5).to_pylist())  # another profile, in clear: never the copy
    assert "CANARY" not in str(read().slice(0, 5).to_pylist())
    text = b"".join(relation.read_text(QUERY, "ndjson"))
    assert text.count(b"\n") == 1000
    assert guard.hashed.cursor(relation, ReadQuery(columns=("region",))) is None  # nothing hashed: from the lake
    shutil.rmtree(guard.copies.folder)
    assert read().equals(first)
    mesh.publish(MANY.format(rows=50_500), version="1.0.2")
    assert read(ReadQuery()).num_rows == 50_500


def test_a_copy_that_was_deleted_is_made_behind_the_reads(mesh: GuardedMesh) -> None:
    hashed, relation = mesh.access.guard.hashed, mesh.access.guard.open(mesh.caller("ana"), CUSTOMERS)
    assert hashed.cursor(relation, QUERY) is None
    assert hashed.cursor(relation, QUERY) is None
    hashed.wait()
    assert hashed.cursor(relation, QUERY) is not None
    shutil.rmtree(mesh.access.guard.copies.folder)
    assert hashed.cursor(relation, QUERY) is None  # no reader makes it, or waits for it
    assert not mesh.access.guard.copies.folder.exists()
    assert hashed.cursor(relation, QUERY) is None
    assert hashed.cursor(relation, QUERY) is None
    hashed.wait()
    assert hashed.cursor(relation, QUERY) is not None


def test_a_copy_larger_than_all_may_be_is_given_up_and_reads_go_on(mesh: GuardedMesh) -> None:
    guard = mesh.access.guard
    relation = guard.open(mesh.caller("ana"), CUSTOMERS)
    guard.copies.limit = 300_000
    with pytest.raises(UnavailableError, match="larger than all masked copies"):
        guard.copies.of(relation)
    assert [file for file in guard.copies.folder.rglob("*") if file.is_file() and file.suffix != ".lock"] == []
    for _ in range(3):
        assert relation.read(QUERY).table().num_rows == 1000
        guard.hashed.wait()


def test_another_key_of_masks_is_another_profile_and_copy(mesh: GuardedMesh) -> None:
    guard = mesh.access.guard
    before = guard.open(mesh.caller("ana"), CUSTOMERS)
    same, first = guard.copies.of(before), before.read(QUERY).table()
    key_file(mesh.settings, "mask").write_text("f" * 64)
    after = guard.open(mesh.caller("ana"), CUSTOMERS)
    assert after.etag != before.etag
    assert guard.copies.of(after) != same
    assert not after.read(QUERY).table().equals(first)
    assert guard.open(mesh.caller("desk"), CUSTOMERS).etag.startswith("2-")


def test_nothing_that_is_printed_tells_the_key(mesh: GuardedMesh) -> None:
    relation = mesh.access.guard.open(mesh.caller("ana"), CUSTOMERS)
    keys = re.findall("[0-9a-f]{32,}", relation.source)
    assert keys
    for shown in (relation, relation.decision, relation.policy, *mesh.access.guard._shapes._values.values()):
        assert not any(key in repr(shown) for key in keys)
