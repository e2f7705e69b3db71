"""How much one caller may ask, and how much all may read at once. Counted in memory: each server process for itself."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TypeVar

import anyio
import anyio.to_thread
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from platform_resources.access.errors import TooManyRequestsError
from platform_resources.lake import SettingError, utc_now

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class ApiLimits:
    """Of one server process. Each is set by `MESH_API_<NAME>`; there is no way to turn one off but a great number."""

    requests_per_minute: int = 3000  # of one identity, whatever its credentials; to sign in, of one address
    failures_per_minute: int = 30  # credentials that don't hold, from one address
    streams: int = 16  # bulk reads of one identity that are open at once
    open_streams: int = 64  # bulk reads of all: each holds a query, its buffers and a pin
    silent_seconds: int = 30  # a stream whose reader takes nothing for so long is ended
    bulk_threads: int = 2  # of bulk reads, that make rows at once; small reads have threads of their own
    body_bytes: int = 256 << 10
    address_bytes: int = 16 << 10
    header_bytes: int = 32 << 10

    @classmethod
    def from_env(cls) -> ApiLimits:
        return cls(**{field.name: _number(f"MESH_API_{field.name.upper()}", field.default) for field in fields(cls)})


def _number(name: str, default: object) -> int:
    text = os.environ.get(name, "") or str(default)
    if not (text.isdecimal() and text.isascii() and int(text) > 0):
        raise SettingError(f"{name} is {text!r}; write a whole number above 0, as {default}")
    return int(text)


class RateLimits:
    """Counts requests and failures over the last minute, and open streams. Safe between threads."""

    def __init__(self, limits: ApiLimits) -> None:
        self.limits = limits
        self._window = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._requests = RateLimitItemPerMinute(limits.requests_per_minute)
        self._failures = RateLimitItemPerMinute(limits.failures_per_minute)
        self._streams: Counter[str] = Counter()
        self._lock = threading.Lock()

    def request(self, identity: str) -> None:
        """Count a request; TooManyRequestsError when it is one too many."""
        if not self._window.hit(self._requests, "identity", identity):
            raise TooManyRequestsError(
                f"you asked more than {self.limits.requests_per_minute} times in a minute",
                "Wait; read more rows with fewer requests.",
                retry_after=self._wait(self._requests, "identity", identity),
            )

    def attempt(self, address: str) -> None:
        """Count a request of who is not known yet, before anything is done for it."""
        if not self._window.hit(self._requests, "address", address):
            raise TooManyRequestsError(
                "too many attempts to sign in came from your address",
                "Wait.",
                retry_after=self._wait(self._requests, "address", address),
            )

    def failure(self, address: str) -> None:
        """Count a credential that doesn't hold; TooManyRequestsError when its address has shown too many."""
        if not self._window.hit(self._failures, "address", address):
            raise TooManyRequestsError(
                "too many credentials that don't hold came from your address",
                "Wait; check the token that is sent.",
                retry_after=self._wait(self._failures, "address", address),
            )

    def _wait(self, item: RateLimitItemPerMinute, *names: str) -> int:
        """Seconds until the next one counts."""
        return max(1, round(self._window.get_window_stats(item, *names).reset_time - utc_now().timestamp()))

    @contextmanager
    def stream(self, identity: str) -> Iterator[None]:
        """Hold one of the places for bulk reads of an identity."""
        with self._lock:
            if self._streams[identity] >= self.limits.streams:
                raise TooManyRequestsError(
                    f"you read {self.limits.streams} streams already", "Read one to its end first."
                )
            if self._streams.total() >= self.limits.open_streams:
                raise TooManyRequestsError(
                    "too many streams are being read", "Try again in a few seconds.", retry_after=5
                )
            self._streams[identity] += 1
        try:
            yield
        finally:
            with self._lock:
                self._streams[identity] -= 1
                if not self._streams[identity]:
                    del self._streams[identity]


class Threads:
    """Where blocking work runs. Bulk reads take turns, chunk by chunk and in the order they ask, on a few threads:
    a small read never waits behind them, and one that is received slowly holds no thread meanwhile.
    """

    def __init__(self, limits: ApiLimits) -> None:
        self._small = anyio.CapacityLimiter(16)
        self._bulk = anyio.CapacityLimiter(limits.bulk_threads)
        self._provider = anyio.CapacityLimiter(4)  # they wait for the OpenID provider, and for each other meanwhile
        self._sql = anyio.CapacityLimiter(8)  # they mostly wait, for a place and for their worker

    async def small(self, work: Callable[[], _Answer]) -> _Answer:
        return await anyio.to_thread.run_sync(work, limiter=self._small)

    async def bulk(self, work: Callable[[], _Answer]) -> _Answer:
        return await anyio.to_thread.run_sync(work, limiter=self._bulk)

    async def provider(self, work: Callable[[], _Answer]) -> _Answer:
        return await anyio.to_thread.run_sync(work, limiter=self._provider)

    async def sql(self, work: Callable[[], _Answer]) -> _Answer:
        return await anyio.to_thread.run_sync(work, limiter=self._sql)
