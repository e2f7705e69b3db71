"""A sensor looks every few minutes whether something is wrong with a domain's ports, and tells their owners.

It launches no run and rewrites no data: to look takes some 10 ms for each port, in the process of the domain's code
location (a run costs a process, 3 s of CPU).
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

import dagster as dg

from platform_resources.lake import MeshSettings, SettingError
from platform_resources.operations.alerts import look_interval

if TYPE_CHECKING:
    from platform_resources.operations.alerts.alerter import Alerter, Look, Told

_log = logging.getLogger("mesh.alerts")


def alerts_sensor(domain: str) -> dg.SensorDefinition:
    """Tells the owners of the domain's ports what begins, lasts and is over."""

    @dg.sensor(
        name=f"{domain}_alerts",
        minimum_interval_seconds=round(look_interval().total_seconds()),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks for what is wrong with the domain's ports and tells their owners; `mesh alerts` shows it.",
    )
    def tell_owners(_context: dg.SensorEvaluationContext) -> dg.SkipReason:
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

        from platform_resources.control import ControlError  # noqa: PLC0415

        try:
            look, told = _alerter(MeshSettings.from_env()).run(domain)
        except (ControlError, SQLAlchemyError) as error:
            return dg.SkipReason(f"not looked: the control database can't be used ({type(error).__name__})")
        except SettingError as error:
            return dg.SkipReason(f"not looked: {error}")
        for one in told:
            if one.error is not None:
                _log.warning("%s was not told: %s (%s)", one.notice.channel, one.headline, one.error)
        return dg.SkipReason("; ".join(_lines(look, told)))

    return tell_owners


def _lines(look: Look, told: list[Told]) -> list[str]:
    lines = [f"{len(look.troubles)} troubles in {len(look.ports)} ports"]
    lines += [f"{one.port}: {one.kind}" for one in look.troubles]
    lines += [f"told {one.notice.channel}: {one.headline}" for one in told if one.error is None]
    lines += [f"{one.notice.channel} was not told: {one.error}" for one in told if one.error is not None]
    silent = {(channel.name, channel.problem) for channels in look.channels.values() for channel in channels}
    return lines + [f"{name} can't be told: {problem}" for name, problem in sorted(silent) if problem]


@cache
def _alerter(settings: MeshSettings) -> Alerter:
    """One for the process: its connections stay open."""
    from platform_resources.operations.alerts.alerter import Alerter  # noqa: PLC0415  (0.5 s, and only the daemon needs it)

    return Alerter(settings)
