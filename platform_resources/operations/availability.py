"""Availability of a port over its promised window, by its probes: one of its service levels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from platform_resources.catalog.served_time import Kept
from platform_resources.contracts import Mesh
from platform_resources.control import ControlDatabase
from platform_resources.operations.history import History, read_history
from platform_resources.operations.model import Probe, ProbeSettings
from platform_resources.operations.objectives import (
    LONGEST_BURN,
    Objective,
    ServiceLevel,
    objective_of,
    service_level,
)


@dataclass(frozen=True)
class Availability(ServiceLevel):
    """What counts of the window is what was probed."""

    port: str
    last: Probe | None = None

    @property
    def downtime(self) -> timedelta:
        return self.missed


def availability(port: str, objective: Objective, history: History, now: datetime, longest: timedelta) -> Availability:
    """What the history of a port says of its objective. Pure."""

    def observed(start: datetime, end: datetime) -> Kept:
        seen = history.covered(start, end, longest)
        return Kept(seen.up, seen.length)

    level = service_level(objective, observed, now)
    return Availability(**vars(level), port=port, last=history.last)


def availability_of(
    control: ControlDatabase, mesh: Mesh, address: str, now: datetime, settings: ProbeSettings | None = None
) -> Availability:
    """The availability of the port at `address`, by the contract in the files and the probes in the control database.

    Raises
    ------
    KeyError
        when the mesh has no such port.
    """
    longest = (settings or ProbeSettings.from_env()).longest
    objective = objective_of(mesh.ports[address][1].contract, "availability")
    since = now - max(objective.window, LONGEST_BURN)
    return availability(address, objective, read_history(control, address, since - longest), now, longest)
