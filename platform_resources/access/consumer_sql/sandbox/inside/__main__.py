"""The zygote: DuckDB and Arrow imported, no database open. Forks a worker for each descriptor that is sent to it.

A fork costs 3 ms where a start costs 200. It ends when the trusted side does: its standard input is their socket.
"""

from __future__ import annotations

import os
import signal
import socket

import worker


def main() -> None:
    control = socket.socket(fileno=0)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries them
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the trusted side
    os.chdir("/")
    os.environ.clear()
    me = os.getpid()
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        if os.fork() == 0:
            _live(control, descriptors[0], me)
        for descriptor in descriptors:
            os.close(descriptor)


def _live(control: socket.socket, descriptor: int, parent: int) -> None:
    """In the child; never returns."""
    code = 1
    try:
        control.close()
        os.dup2(descriptor, 3)
        os.closerange(4, 256)
        worker.serve(socket.socket(fileno=3), parent)
        code = 0
    except OSError:
        code = 2  # the trusted side is gone, or asked no more
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
