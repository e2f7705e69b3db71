"""Work in processes of its own: results come back as they are ready, and a crash hits only its own piece."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from platform_resources.orchestration.side_by_side import ProcessDiedError, SideBySide


def finish(workers: SideBySide) -> dict:
    found = {}
    while workers.busy:
        key, result = workers.finish_one()
        found[key] = result
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="pieces of work get processes of their own on Linux only")
def test_each_piece_has_a_process_of_its_own():
    workers = SideBySide(limit=3)
    for name in "abc":
        assert workers.free
        workers.start(name, os.getpid)
    assert not workers.free
    found = finish(workers)
    assert set(found) == set("abc")
    assert len({os.getpid(), *found.values()}) == 4


@pytest.mark.skipif(sys.platform != "linux", reason="pieces of work get processes of their own on Linux only")
def test_a_killed_piece_is_told_and_the_others_finish():
    workers = SideBySide(limit=2)
    workers.start("killed", lambda: os.kill(os.getpid(), signal.SIGKILL))
    workers.start("sound", lambda: 42)
    found = finish(workers)
    assert found["sound"] == 42
    assert isinstance(found["killed"], ProcessDiedError)
    assert "-9" in str(found["killed"])


def test_one_core_runs_one_piece_after_the_other_in_this_process():
    workers = SideBySide(limit=1)
    workers.start("only", os.getpid)
    assert not workers.free
    assert workers.finish_one() == ("only", os.getpid())
    assert workers.free
    assert not workers.busy
