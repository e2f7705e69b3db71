"""Outages of a port, by its probes: from the first one that failed until the first one that answered. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from platform_resources.operations.history import History
from platform_resources.operations.model import Probe


@dataclass(frozen=True)
class Outage:
    """`end` None: it lasts. `whole_day`: single probes are kept no longer; how long it was down that day is `down`."""

    start: datetime
    end: datetime | None
    down: timedelta
    reasons: tuple[str, ...] = ()
    whole_day: bool = False


def outages(history: History, now: datetime, longest: timedelta) -> list[Outage]:
    """Oldest first. A probe stands for at most `longest`: what nobody looked at since has ended by then."""
    days = [
        Outage(_midnight(day), _midnight(day) + timedelta(days=1), seen.down, whole_day=True)
        for day, seen in sorted(history.days.items())
        if seen.down
    ]
    summed = max(history.days, default=None)
    single = [probe for probe in history.probes if summed is None or probe.at.date() > summed]
    return [*days, *_single(single, now, longest)]


def _single(probes: list[Probe], now: datetime, longest: timedelta) -> Iterator[Outage]:
    failing: list[Probe] = []
    for probe in probes:
        if not probe.up:
            failing.append(probe)
        elif failing:
            yield _outage(failing, probe.at, probe.at)
            failing = []
    if failing:
        seen = failing[-1].at + longest
        yield _outage(failing, None if seen >= now else seen, min(seen, now))


def _outage(failing: list[Probe], end: datetime | None, until: datetime) -> Outage:
    reasons = tuple(dict.fromkeys(probe.reason for probe in failing if probe.reason))
    return Outage(failing[0].at, end, until - failing[0].at, reasons)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
