"""Operations: probes of each port through its real door; service levels over the promised window, and error budgets.

Imports everything below it; no Dagster. What counts is told in `docs/availability.md`.

`Prober(settings).run()` asks every port once and stores what it saw; `availability_of(control, mesh, address, now)`
adds it up and holds it against the contract; `levels_of(access, view, state, now)` tells freshness and completeness,
too. They are loaded when they are asked for: the definitions of a domain import this room for the interval alone, and
SQLAlchemy, httpx and the guard cost half a second.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from platform_resources.operations.model import Probe, ProbeReport, ProbeSettings, Unprobed

if TYPE_CHECKING:
    from platform_resources.operations.availability import Availability, availability_of
    from platform_resources.operations.objectives import ServiceLevel
    from platform_resources.operations.probing import Prober, probe
    from platform_resources.operations.service_levels import PortLevels, levels_of

_LOADED_LATER = {
    "Availability": "availability",
    "availability_of": "availability",
    "PortLevels": "service_levels",
    "Prober": "probing",
    "ServiceLevel": "objectives",
    "levels_of": "service_levels",
    "probe": "probing",
}

__all__ = [
    "Availability",
    "PortLevels",
    "Probe",
    "ProbeReport",
    "ProbeSettings",
    "Prober",
    "ServiceLevel",
    "Unprobed",
    "availability_of",
    "levels_of",
    "probe",
]


def __getattr__(name: str) -> Any:
    if name not in _LOADED_LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LOADED_LATER[name]}"), name)
