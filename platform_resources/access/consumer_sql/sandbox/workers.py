"""The zygote and its waiting workers, as the trusted side holds them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path

from platform_resources.access.consumer_sql.sandbox.inside import wire
from platform_resources.access.errors import UnavailableError

_INSIDE = Path(__file__).parent / "inside"
_START_SECONDS = 30.0  # of a zygote on a busy machine; 0.3 s on an idle one
_LARGEST_HELLO = 4096
# Arrow's own pool maps memory ahead, which would count against a worker's address space.
_ENVIRONMENT = {"ARROW_DEFAULT_MEMORY_POOL": "system", "OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}


class Worker:
    """One confined process: our end of its socket, and the means to end it."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.pid: int | None = None
        self.confinement: tuple[str, ...] = ()
        self._handle: int | None = None

    def greet(self, timeout: float) -> bool:
        """Wait until it is ready; false when it died before."""
        self.channel.settimeout(timeout)
        try:
            frame = wire.receive(self.channel, _LARGEST_HELLO)
        except TimeoutError:
            return False
        if frame is None or frame[0] != wire.HELLO:
            return False
        hello = json.loads(frame[1])
        self.pid, self.confinement = int(hello["pid"]), tuple(hello["confinement"])
        if hasattr(os, "pidfd_open"):
            try:
                self._handle = os.pidfd_open(self.pid)
            except ProcessLookupError:
                return False
        return True

    def end(self) -> None:
        """Kill it, whatever it does. A number that was given to another process since is never hit (pidfd)."""
        self.channel.close()
        handle, self._handle = self._handle, None
        try:
            if handle is not None:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            elif self.pid is not None and not hasattr(os, "pidfd_open"):
                os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        finally:
            self.pid = None
            if handle is not None:
                os.close(handle)

    def __del__(self) -> None:
        self.end()  # an answer that nobody closed


class Workers:
    """Hands out workers, one query each; `spare` of them wait, so that no query pays for a start.

    Safe between threads. The zygote starts at the first need, again when it died, and anew in a forked process.
    """

    def __init__(self, spare: int = 1) -> None:
        self._spare = spare
        self._waiting: deque[Worker] = deque()
        self._lock = threading.Lock()
        self._zygote: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._owner = 0

    def prepare(self) -> None:
        """Start what a first query needs, without waiting for it."""
        with self._lock:
            self._fill()

    def take(self) -> Worker:
        """A worker that is ready for a job; the caller ends it.

        Raises
        ------
        UnavailableError
            when none can be started.
        """
        for _ in range(3):  # those that waited died with their zygote: the next one is new
            with self._lock:
                self._fill()
                worker = self._waiting.popleft()
                self._fill()
            if worker.greet(_START_SECONDS):
                return worker
            worker.end()
        raise UnavailableError("queries can't be run now: no confined process starts", "Try again.")

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _fill(self) -> None:
        """Have at least `spare` workers asked for."""
        if self._owner != os.getpid() or self._zygote is None or self._zygote.poll() is not None:
            self._drop()
            self._start()
        while len(self._waiting) < max(self._spare, 1):
            ours, theirs = socket.socketpair()
            try:
                socket.send_fds(self._control, [b"F"], [theirs.fileno()])
            except OSError:  # the zygote died between the two looks: `take` tries again
                self._drop()
                self._start()
                ours.close()
                continue
            finally:
                theirs.close()
            self._waiting.append(Worker(ours))

    def _start(self) -> None:
        control, theirs = socket.socketpair()
        with theirs:
            self._zygote = subprocess.Popen(
                [sys.executable, "-I", str(_INSIDE)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                close_fds=True,
            )
        self._control, self._owner = control, os.getpid()

    def _drop(self) -> None:
        """End what this process started; what a fork inherited is only let go."""
        mine = self._owner == os.getpid()
        while self._waiting:
            worker = self._waiting.popleft()
            worker.end() if mine else worker.channel.close()
        if self._control is not None:
            self._control.close()
        if self._zygote is not None and mine:
            self._zygote.kill()
            self._zygote.wait()
        elif self._zygote is not None:
            self._zygote.returncode = 0  # not a child of this process: nothing to wait for
        self._zygote = self._control = None
