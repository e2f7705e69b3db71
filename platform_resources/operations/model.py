"""The words of operations: a probe, what it saw, how often it is made."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta

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
    """How ports are probed. `limit`: an answer that takes longer counts as none."""

    url: str | None = None  # of the API; None: in-process, by the guard
    token: str | None = None  # None: that of the platform's own probe identity
    interval: timedelta = timedelta(minutes=1)
    limit: timedelta = timedelta(seconds=2)

    @property
    def longest(self) -> timedelta:
        return PER_INTERVAL * self.interval

    @classmethod
    def from_env(cls) -> ProbeSettings:
        """`MESH_API_URL`, `MESH_PROBE_TOKEN`, `MESH_PROBE_INTERVAL` and `MESH_PROBE_LIMIT` (seconds)."""
        return cls(
            os.environ.get("MESH_API_URL") or None,
            os.environ.get("MESH_PROBE_TOKEN") or None,
            _seconds("MESH_PROBE_INTERVAL", 60),
            _seconds("MESH_PROBE_LIMIT", 2),
        )


def _seconds(name: str, default: float) -> timedelta:
    text = os.environ.get(name) or str(default)
    try:
        found = timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        found = timedelta(0)
    if found <= timedelta(0):
        raise SettingError(f"{name} is {text!r}; write a number of seconds above 0, as {default:g}")
    return found
