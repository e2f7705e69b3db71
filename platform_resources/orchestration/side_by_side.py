"""Run independent pieces of work in processes of their own, each as soon as what it waits for is done.

Forked, so that a piece starts with everything imported and loaded; where that is not safe (macOS, Windows) or there is
one core only, the pieces run one after the other in this process.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Hashable
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class ProcessDiedError(RuntimeError):
    """A piece of work ended without a result: its process was killed or crashed."""


class SideBySide(Generic[Result]):
    """Runs pieces of work; `start` returns at once, `finish_one` waits for whichever ends first."""

    def __init__(self, limit: int | None = None) -> None:
        cores = limit or os.cpu_count() or 1
        self._limit = cores if sys.platform == "linux" else 1
        self._running: dict[Connection, tuple[Hashable, Any]] = {}
        self._done: list[tuple[Hashable, Result | ProcessDiedError]] = []

    @property
    def free(self) -> bool:
        """Another piece may start."""
        return len(self._running) + len(self._done) < self._limit

    @property
    def busy(self) -> bool:
        return bool(self._running or self._done)

    def start(self, key: Hashable, work: Callable[[], Result]) -> None:
        """Begin `work`; its result must be something that can be pickled."""
        if self._limit == 1:
            self._done.append((key, _outcome(work)))
            return
        receiver, sender = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("fork").Process(target=_in_child, args=(work, sender))
        process.start()
        sender.close()
        self._running[receiver] = (key, process)

    def finish_one(self) -> tuple[Hashable, Result | ProcessDiedError]:
        """The key of the next piece that ended, with its result or the reason why there is none."""
        if self._done:
            return self._done.pop()
        receiver = wait(list(self._running))[0]
        key, process = self._running.pop(receiver)  # type: ignore[index]
        try:
            result = receiver.recv()  # type: ignore[union-attr]
        except EOFError:
            process.join()
            result = ProcessDiedError(f"its process ended with code {process.exitcode} and no result")
        receiver.close()
        process.join()
        return key, result


def _in_child(work: Callable[[], Any], sender: Connection) -> None:
    # The parent may show a progress display: its streams, and the locks of its threads, are not for this process.
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    try:
        sender.send(_outcome(work))
    except KeyboardInterrupt:
        os._exit(130)
    sender.close()


def _outcome(work: Callable[[], Result]) -> Result | ProcessDiedError:
    """A piece's result, or why it has none: whatever it raises stays in it."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001
        return ProcessDiedError(f"{type(error).__name__}: {error}")
