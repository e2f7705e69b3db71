"""Commands run as processes of their own: what they gave back, a port for those that listen; and coroutines."""

from __future__ import annotations

import json
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import anyio

_Told = TypeVar("_Told")


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def in_a_loop(asked: Callable[..., Awaitable[_Told]], *arguments: object) -> _Told:
    """What a coroutine tells. Another test of this process may hold a browser, and with it the loop of this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(anyio.run, asked, *arguments).result()
