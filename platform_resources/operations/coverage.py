"""How long a port was up and down, by its probes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from platform_resources.operations.model import Probe


@dataclass(frozen=True)
class Covered:
    """Time that probes stand for; what lies between is not known."""

    up: timedelta = timedelta(0)
    down: timedelta = timedelta(0)

    @property
    def length(self) -> timedelta:
        return self.up + self.down

    @property
    def share_up(self) -> float | None:
        """0 to 1; None when nothing is covered."""
        return self.up / self.length if self.length else None

    def __add__(self, other: Covered) -> Covered:
        return Covered(self.up + other.up, self.down + other.down)


def covered(probes: Sequence[Probe], start: datetime, end: datetime, longest: timedelta) -> Covered:
    """The time in [start, end) that the probes of one port, oldest first, stand for.

    Each stands for the time until the next one, at most for `longest`. Those before `start` may reach into it.
    """
    up = down = timedelta(0)
    nexts = [probe.at for probe in probes[1:]]
    for probe, following in zip(probes, [*nexts, end], strict=False):  # without probes there is one end too many
        until = min(following, probe.at + longest, end)
        length = until - max(probe.at, start)
        if length > timedelta(0):
            if probe.up:
                up += length
            else:
                down += length
    return Covered(up, down)


def total(parts: Iterable[Covered]) -> Covered:
    return sum(parts, Covered())
