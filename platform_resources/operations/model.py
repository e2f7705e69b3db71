"""The words of operations: a probe, what it saw, how often it is made."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from platform_resources.lake import SettingError

PER_INTERVAL = 3  # a probe stands for at most so many intervals: a pause of the prober is no time that was seen


@dataclass(frozen=True)
class Probe:
    """One look at a port through one of its doors. `reason` says why it is down; it holds no data."""

    port: str
    at: datetime
    door: str  # the server's address, or "in-process"
    up: bool
    milliseconds: float
    reason: str | None = None
    publication: int | None = None  # that was served


@dataclass(frozen=True)
class Unprobed:
    """A port that could not be judged: the prober failed, not the port. Time without a probe is no time."""

    port: str
    reason: str


@dataclass(frozen=True)
class ProbeReport:
    probes: tuple[Probe, ...]
    unknown: tuple[Unprobed, ...] = ()

    @property
    def down(self) -> tuple[Probe, ...]:
        return tuple(probe for probe in self.probes if not probe.up)


@dataclass(frozen=True)
class ProbeSettings:
    """How ports are probed. `limit`: an answer that takes longer counts as none.

    `by_hand`: the URL was named for one round and is no setting: that nothing is there says nothing of the ports.
    """

    url: str | None = None  # of the API; None: in-process, by the guard
    token: str | None = None  # None: that of the platform's own probe identity
    interval: timedelta = timedelta(minutes=1)
    limit: timedelta = timedelta(seconds=2)
    by_hand: bool = False

    @property
    def longest(self) -> timedelta:
        return PER_INTERVAL * self.interval

    @classmethod
    def from_env(cls) -> ProbeSettings:
        """`MESH_API_URL`, `MESH_PROBE_TOKEN`, `MESH_PROBE_INTERVAL` and `MESH_PROBE_LIMIT` (seconds)."""
        return cls(
            os.environ.get("MESH_API_URL") or None,
            os.environ.get("MESH_PROBE_TOKEN", "").strip() or None,
            positive_seconds("MESH_PROBE_INTERVAL", 60),
            positive_seconds("MESH_PROBE_LIMIT", 2),
        )


def server_of(url: str) -> str:
    """The address of a server without a path, of its own URL or that of its API.

    Raises
    ------
    SettingError
        when it is no http(s) URL of a server.
    """
    bare = url.strip().rstrip("/").removesuffix("/api/v1").rstrip("/")
    try:
        parts = urlsplit(bare)
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, an IPv6 address without its end
        named = False
    if not named or parts.query or parts.fragment or "@" in bare or " " in bare or not bare.isprintable():
        told = "the address to probe" if "@" in url else repr(url)  # a password is not repeated
        raise SettingError(f"{told} is no address of an API; write one as http://127.0.0.1:8080 (--url, MESH_API_URL)")
    return bare


def positive_seconds(name: str, default: float) -> timedelta:
    """A setting in seconds. Raises SettingError when it is no number above 0."""
    text = os.environ.get(name) or str(default)
    try:
        found = timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        found = timedelta(0)
    if found <= timedelta(0):
        raise SettingError(f"{name} is {text!r}; write a number of seconds above 0, as {default:g}")
    return found
