"""Reading through the guard, for real: DuckLake, the control database, masks."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_resources.access import AccessError, ReadQuery
from tests.guarded import CUSTOMERS, GuardedMesh, make_mesh


@pytest.fixture
def mesh(tmp_path: Path):
    made = make_mesh(tmp_path)
    yield made
    made.access.close()


def test_a_reader_without_clearance_sees_masks_and_one_with_it_the_values(mesh: GuardedMesh) -> None:
    seen = {}
    for who in ("ana", "desk"):
        relation = mesh.access.guard.open(mesh.caller(who), CUSTOMERS)
        with relation.read(ReadQuery(limit=5)) as reading:
            seen[who] = reading.table().to_pylist()
    assert "CANARY" not in str(seen["ana"])
    assert "909" not in str(seen["ana"])
    assert "CANARY" in str(seen["desk"])


def test_without_a_grant_nothing_is_read(mesh: GuardedMesh) -> None:
    with pytest.raises(AccessError):
        mesh.access.guard.open(mesh.caller("nobody"), CUSTOMERS)
