"""Ports are probed every minute by a sensor: its evaluation reads them itself and launches no run.

A run costs a process (3 s of CPU), 1,440 times a day. A round of probes costs some 10 ms for each port, in the process
of the domain's code location, which lives outside of the server that it probes: one that is down is noticed.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import dagster as dg

from platform_resources.lake import MeshSettings
from platform_resources.operations import ProbeSettings

if TYPE_CHECKING:
    from platform_resources.operations import Prober


def availability_sensor(domain: str) -> dg.SensorDefinition:
    """Probes the ports of the domain through `MESH_API_URL`, or in-process where there is no server."""

    @dg.sensor(
        name=f"{domain}_availability",
        minimum_interval_seconds=round(ProbeSettings.from_env().interval.total_seconds()),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reads one row of each published port; `mesh availability` tells what comes of it.",
    )
    def probe_ports(_context: dg.SensorEvaluationContext) -> dg.SkipReason:
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

        from platform_resources.control import ControlError  # noqa: PLC0415

        try:
            report = _prober(MeshSettings.from_env()).run(domain)
        except (ControlError, SQLAlchemyError) as error:
            return dg.SkipReason(f"not probed: the control database can't be used ({type(error).__name__})")
        told = [f"{len(report.probes) - len(report.down)} of {len(report.probes)} ports are up"]
        told += [f"{probe.port} is down: {probe.reason}" for probe in report.down]
        told += [f"{missed.port} was not judged: {missed.reason}" for missed in report.unknown]
        return dg.SkipReason("; ".join(told))

    return probe_ports


@cache
def _prober(settings: MeshSettings) -> Prober:
    """One for the process: its connections stay open."""
    from platform_resources.operations import Prober  # noqa: PLC0415  (0.5 s, and only the daemon needs it)

    return Prober(settings)
