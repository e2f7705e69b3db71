"""Hashed columns come from the masked copy after the second read, and the rows are the same."""

from __future__ import annotations

import shutil

import pytest

from platform_resources.access import Condition, ReadQuery
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
