"""Many processes write one lake at once: nothing fails, nothing is lost; a busy lake says who holds it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from platform_resources.lake import LakeBusyError, connect, publications, writer_lock
from tests.lake.conftest import PORT

WRITER = """
import sys
from datetime import datetime, timezone
from pathlib import Path
from platform_resources.lake import *
home, name, commits = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
settings = MeshSettings(home=home, project=home)
port = PortAddress.parse("shop.thing.v1")
with connect(settings, own="shop") as con:
    for i in range(commits):
        with write_transaction(con, settings, "shop", "build", f"{name}-{i}"):
            con.execute("INSERT INTO shop.internal.thing VALUES (?, ?)", [i, i])
        publish(con, settings, port=port, table="thing", snapshot=current_snapshot(con, "shop"), columns=["id"],
                promise=Promise("1.0.0", "sha", "doc"), audit={}, score=1.0, row_count=0, data_as_of=None,
                run_id=f"{name}-{i}", now=datetime.now(timezone.utc))
"""


def test_every_commit_of_concurrent_processes_succeeds(settings, publish_rows):
    publish_rows(0)
    processes, commits = 6, 10
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(settings.home), f"w{n}", str(commits)])
        for n in range(processes)
    ]
    assert [process.wait(120) for process in running] == [0] * processes
    with connect(settings, reads=["shop"]) as con:
        assert con.execute("SELECT count(*) FROM shop.internal.thing").fetchone()[0] == processes * commits
        log = publications(con, "shop", PORT)
        assert con.execute("SELECT count(*) FROM shop.thing.v1").fetchone()[0] == processes * commits
    assert [p.number for p in reversed(log)] == list(range(1, len(log) + 1))
    # A run that was overtaken does not take the port back to its older snapshot.
    assert [p.snapshot for p in log] == sorted((p.snapshot for p in log), reverse=True)


def test_a_busy_lake_says_who_holds_it_and_what_to_do(settings, publish_rows):
    publish_rows(1)
    impatient = replace(settings, lock_timeout=timedelta(seconds=0.1))
    with (
        writer_lock(settings, "shop"),
        pytest.raises(LakeBusyError, match=r"written by process \d+ .* set MESH_LOCK_TIMEOUT"),
        writer_lock(impatient, "shop"),
    ):
        pass
