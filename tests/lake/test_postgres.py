"""Grown up by settings alone: the same lake on a PostgreSQL catalog."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from platform_resources.lake import Retention, connect, fsck, maintain, publications, roll_back
from tests.lake.conftest import NOW, PORT
from tests.lake.test_concurrency import WRITER
from tests.lake.test_maintenance import LATER
from tests.postgres import HAS_POSTGRES, postgres_server

pytestmark = pytest.mark.skipif(not HAS_POSTGRES, reason="PostgreSQL's server programs are not installed")


@pytest.fixture
def server():
    with postgres_server() as connection:
        yield connection


@pytest.fixture
def settings(settings, server):
    return replace(settings, catalog=f"postgres:{server}")


def test_a_lake_on_postgres_publishes_rolls_back_and_is_maintained(settings, publish_rows):
    for version in range(4):
        publish_rows(100 + version, version)
    with connect(settings, own="shop") as con:
        roll_back(con, settings, port=PORT, table="thing", to=2, run_id="back", now=NOW)
    maintain(settings, "shop", LATER, Retention(keep_publications=3))
    assert fsck(settings, "shop").findings == ()
    with connect(settings, reads=["shop"]) as con:
        assert con.execute("SELECT count(*) FROM shop.thing.v1").fetchone()[0] == 101
        assert [p.number for p in publications(con, "shop", PORT)] == [5, 4, 3, 2, 1]


def test_concurrent_writers_lose_nothing_on_postgres(settings, publish_rows):
    publish_rows(0)
    writer = WRITER.replace("project=home)", f"project=home, catalog={settings.catalog!r})")
    running = [subprocess.Popen([sys.executable, "-c", writer, str(settings.home), f"w{n}", "5"]) for n in range(3)]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    with connect(settings, reads=["shop"]) as con:
        assert con.execute("SELECT count(*) FROM shop.thing.v1").fetchone()[0] == 15
        log = publications(con, "shop", PORT)
    assert [p.number for p in reversed(log)] == list(range(1, len(log) + 1))
    assert [p.snapshot for p in log] == sorted((p.snapshot for p in log), reverse=True)
