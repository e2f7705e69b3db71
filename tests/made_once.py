"""Meshes that many tests begin with: made once for all processes of a test run, then copied, as a mesh may be moved."""

from __future__ import annotations

import atexit
import fcntl
import functools
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

_OLDEST = 420  # seconds; data grows old while tests run, and the shortest promise of freshness is 15 minutes
_shared: Path | None = None


def share(folder: Path) -> None:
    """What is made lies in this folder, which the other processes of the test run name too."""
    global _shared
    _shared = folder


def copy_of(what: str, make: Callable[[Path], None], folder: Path, oldest: float = _OLDEST) -> None:
    """Fill a folder with what `make` makes: 0.02 s instead of its 0.5-8 s, after the first time."""
    shutil.copytree(_made(what, make, oldest), folder, dirs_exist_ok=True)


def _made(what: str, make: Callable[[Path], None], oldest: float) -> Path:
    """Where it lies, made anew when it is old. Whoever comes while it is made waits for it."""
    all_made = (_shared or _own()) / what
    all_made.mkdir(parents=True, exist_ok=True)
    with (all_made / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        newest = max((int(made.name) for made in all_made.glob("[0-9]*")), default=None)
        if newest is None or time.time() - newest > oldest:
            newest, unfinished = int(time.time()), all_made / "unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)  # of one that failed
            make(unfinished)
            unfinished.rename(all_made / str(newest))
    return all_made / str(newest)


@functools.cache
def _own() -> Path:
    """Of this process alone, gone with it."""
    folder = Path(tempfile.mkdtemp(prefix="made-once-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
