"""Runs of `mesh run` that were killed: ended in Dagster's records, so that nothing waits for them.

Dagster ends the runs that it launched itself. One that runs in our own process and is killed would stay "started" for
good: automation conditions would hold back its assets, and the queue would count it. Each of our processes holds a
locked file that is named in the tags of its runs; the kernel frees the lock when the process dies.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

PROCESS_TAG = "mesh/process"
_UNFINISHED = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED]


def _folder() -> Path:
    folder = Path(os.environ["DAGSTER_HOME"]) / "processes"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def process_mark() -> Iterator[str]:
    """The tag value of this process's runs, alive as long as the process."""
    name = f"{os.getpid()}-{time.time_ns()}"
    file = _folder() / name
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield name
    finally:
        file.unlink(missing_ok=True)
        os.close(descriptor)


def end_killed_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark unfinished runs of dead processes as failed; their run ids."""
    ended = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)):
        name = run.tags.get(PROCESS_TAG)
        if name is not None and not _is_alive(_folder() / Path(name).name):
            instance.report_run_failed(run, "its process was killed")
            ended.append(run.run_id)
    return ended


def _is_alive(file: Path) -> bool:
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    file.unlink(missing_ok=True)
    return False
