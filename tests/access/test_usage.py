"""Counts add up, whichever process writes them, on both databases."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_resources.access.relations.usage import Usage
from platform_resources.control import ControlDatabase
from platform_resources.lake import MeshSettings
from tests.postgres import HAS_POSTGRES, postgres_server

PORT = "shop.customers.v1"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def control(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ControlDatabase]:
    settings = MeshSettings(home=tmp_path / "home", project=tmp_path)
    if request.param == "sqlite":
        database = ControlDatabase(settings)
        yield database
        database.close()
        return
    if not HAS_POSTGRES:
        pytest.skip("PostgreSQL's server programs are not installed")
    with postgres_server() as connection:
        folder = dict(part.split("=", 1) for part in connection.split())["host"]
        database = ControlDatabase(settings, f"postgresql+psycopg2://mesh@/postgres?host={folder}")
        yield database
        database.close()


def test_counts_of_two_writers_are_added(control: ControlDatabase) -> None:
    one, other = Usage(control), Usage(control)
    for _ in range(3):
        one.record(PORT, "ana", ["region"], 10, 100)
        other.record(PORT, "ana", ["region", "region", "email"], 5, 50)
    one.flush()
    other.flush()
    assert {u.column: (u.reads, u.rows, u.bytes) for u in one.of_port(PORT)} == {
        None: (6, 45, 450),
        "region": (6, 45, 0),
        "email": (3, 15, 0),
    }
    one.close()
    other.close()


def test_counts_wait_for_a_database_that_can_be_written(tmp_path: Path) -> None:
    control = ControlDatabase(MeshSettings(home=tmp_path, project=tmp_path))
    usage = Usage(control)
    unwritable = "CREATE TRIGGER full BEFORE INSERT ON usage BEGIN SELECT abs(-9223372036854775808); END"
    with control.writing() as connection:
        connection.exec_driver_sql(unwritable)
    usage.record(PORT, "ana", [], 1, 1)
    usage.flush()
    assert usage.of_port(PORT) == ()
    with control.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
    assert [u.reads for u in usage.of_port(PORT)] == [1]
    usage.close()
    control.close()


def test_closing_writes_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each `mesh query` closes its counts: it does not wait for the next time that they are written."""
    monkeypatch.setattr("platform_resources.access.relations.usage._FLUSH_SECONDS", 60)
    control = ControlDatabase(MeshSettings(home=tmp_path, project=tmp_path))
    usage = Usage(control)
    usage.record(PORT, "ana", [], 1, 1)
    time.sleep(0.2)  # the thread that writes them has begun its pause
    began = time.monotonic()
    usage.close()
    assert time.monotonic() - began < 4
    assert [u.reads for u in usage.of_port(PORT)] == [1]
    control.close()
