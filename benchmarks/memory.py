"""A process tree kept within limits: watched from outside, so that what needs too much ends alone. Linux only."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_EVERY = 0.05  # seconds; what allocates 2 GB a second is caught 0.1 GB late
_PROC = Path("/proc")


@dataclass(frozen=True)
class Limits:
    """What a process with all its children may use: MB of memory, seconds."""

    memory_mb: float
    seconds: float


def memory_of_machine() -> float:
    """MB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6


def memory_below(pid: int) -> float:
    """MB in memory of all descendants of a process, without its own; 0 where nobody tells."""
    return sum(_resident_mb(child) for child in _descendants(pid))


def _descendants(pid: int) -> Iterator[int]:
    for task in (_PROC / str(pid) / "task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:  # ended meanwhile
            continue
        for child in map(int, children):
            yield child
            yield from _descendants(child)


def _resident_mb(pid: int) -> float:
    try:
        pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
    except (OSError, IndexError):  # ended meanwhile
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Watch:
    """Looks after the children of a process that leads a session of its own; kills them all when they go too far.

    `peak_mb` is the most that they had together; `why` is the limit that they broke, in words.
    """

    def __init__(self, pid: int, limits: Limits) -> None:
        self.peak_mb, self.why = 0.0, ""
        self._pid, self._limits = pid, limits
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        with suppress(OSError):  # when memory gets short all the same, the system ends this one first
            (_PROC / str(self._pid) / "oom_score_adj").write_text("1000")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        started = time.monotonic()
        while not self._done.wait(_EVERY):
            self.peak_mb = max(self.peak_mb, memory_below(self._pid))
            if self.peak_mb > self._limits.memory_mb:
                self.why = f"needs more than {self._limits.memory_mb / 1000:.2g} GB of memory"
            elif time.monotonic() - started > self._limits.seconds:
                self.why = f"takes longer than {self._limits.seconds:g} s"
            if self.why:
                os.killpg(self._pid, signal.SIGKILL)
                return
