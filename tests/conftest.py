"""Where tests write: in memory if the machine has room. A run of Dagster commits 400 times, each takes a disk 8 ms."""

from __future__ import annotations

import os
import shutil
import tempfile
from multiprocessing.util import Finalize
from pathlib import Path

import pytest

from tests.made_once import share

_MEMORY = Path("/dev/shm")  # of Linux
_NEEDED = 8 * 1024**3  # bytes; the whole suite writes 2 GB
_PREFIX = "mesh-tests-"  # followed by the process that made the folder


def _has_room(folder: Path) -> bool:
    """Whether programs may lie there too: a container's has 64 MB by default, or runs nothing."""
    return (
        folder.is_dir()
        and os.access(folder, os.W_OK)
        and shutil.disk_usage(folder).free >= _NEEDED
        and not os.statvfs(folder).f_flag & os.ST_NOEXEC
    )


def _folder_of_this_run() -> Path:
    """What failed stays in it to be looked at, until the next run begins."""
    for left in _MEMORY.glob(f"{_PREFIX}*"):
        if not Path("/proc", left.name.removeprefix(_PREFIX)).exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = _MEMORY / f"{_PREFIX}{os.getpid()}"
    folder.mkdir(mode=0o711)  # tests of files that may not be read go there as another user
    return folder


_made: Path | None = None
if "TMPDIR" not in os.environ and _has_room(_MEMORY):  # in a worker it is set
    _made = _folder_of_this_run()
    os.environ["TMPDIR"] = str(_made)
    tempfile.tempdir = None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: while one that begins last runs, the other processes have nothing to do."""
    items.sort(key=_seconds, reverse=True)


def _seconds(item: pytest.Item) -> int:
    """About how long a slow test takes; 0 of the others."""
    slow = item.get_closest_marker("slow")
    return slow.kwargs.get("seconds", 1) if slow else 0


def pytest_sessionfinish(exitstatus: int) -> None:
    if _made is not None and exitstatus == 0:
        # Once this process has ended those that it forked: they keep a socket there until priority -100.
        Finalize(None, shutil.rmtree, (_made, True), exitpriority=-101)


@pytest.fixture(scope="session", autouse=True)
def _made_for_all_processes(tmp_path_factory: pytest.TempPathFactory) -> None:
    base = tmp_path_factory.getbasetemp()
    share((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "made-once")
