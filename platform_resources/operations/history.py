"""Probes in the control database: the last days one by one, those before as sums of a day.

A minute's probes of 100 ports are 52 million rows a year; their daily sums are 36,500.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, func, select

from platform_resources.control import ControlDatabase
from platform_resources.control.tables import probe_days, probes
from platform_resources.operations.coverage import Covered, covered, total
from platform_resources.operations.model import Probe

ONE_BY_ONE = timedelta(days=4)  # the longest burn window and a day


@dataclass(frozen=True)
class History:
    """What was seen of one port: sums of days (UTC) that are over, then the probes since, oldest first."""

    probes: tuple[Probe, ...] = ()
    days: Mapping[date, Covered] = field(default_factory=dict)
    last: Probe | None = None

    def covered(self, start: datetime, end: datetime, longest: timedelta) -> Covered:
        """The time in [start, end) that was probed. A day that is summed up counts whole when `start` lies in it."""
        summed = max(self.days, default=None)
        sums = total(seen for day, seen in self.days.items() if start.astimezone(UTC).date() <= day < end.date())
        since = start if summed is None else max(start, _midnight(summed + timedelta(days=1)))
        return sums + covered(self.probes, since, end, longest)


def record(control: ControlDatabase, seen: Iterable[Probe], longest: timedelta, now: datetime) -> None:
    """Store probes; once a day those of days long past become sums."""
    rows = [_row(probe) for probe in seen]
    with control.writing() as connection:
        if rows:
            connection.execute(probes.insert(), rows)
        _sum_up(connection, _midnight((now - ONE_BY_ONE).date()), longest)


def read_history(control: ControlDatabase, port: str, since: datetime) -> History:
    """What was seen of a port since a moment (and the last probe, however old)."""
    one, days = probes.c, probe_days.c
    with control.reading() as connection:
        summed = connection.execute(select(func.max(days.day)).where(days.port == port)).scalar()
        sums = connection.execute(
            select(days.day, days.up_seconds, days.down_seconds).where(
                days.port == port, days.day >= since.date().isoformat()
            )
        )
        found = {date.fromisoformat(day): _covered(up, down) for day, up, down in sums}
        if summed is not None:  # days before `since` don't count, but tell what the single probes must not count again
            found.setdefault(date.fromisoformat(summed), Covered())
        rows = connection.execute(select(probes).where(one.port == port, one.at >= since).order_by(one.at)).mappings()
        seen = tuple(_probe(row) for row in rows)
        last = seen[-1] if seen else _newest(connection, port)
    return History(seen, found, last)


def probed_ports(control: ControlDatabase, since: datetime) -> frozenset[str]:
    """Ports that were probed since a moment."""
    with control.reading() as connection:
        return frozenset(connection.execute(select(probes.c.port).where(probes.c.at >= since).distinct()).scalars())


def has_answered(control: ControlDatabase, door: str) -> bool:
    """Whether a port was read through this door in the days that are kept one by one."""
    query = select(probes.c.port).where(probes.c.door == door, probes.c.up).limit(1)
    with control.reading() as connection:
        return connection.execute(query).first() is not None


def _newest(connection: Connection, port: str) -> Probe | None:
    query = select(probes).where(probes.c.port == port).order_by(probes.c.at.desc()).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _probe(row)


def _sum_up(connection: Connection, until: datetime, longest: timedelta) -> None:
    """Sum up the days before `until`. Probes that reach into `until` are kept for its first minutes."""
    one = probes.c
    oldest = connection.execute(select(func.min(one.at))).scalar()
    if oldest is None or oldest >= until - longest:
        return
    newest = select(probe_days.c.port, func.max(probe_days.c.day)).group_by(probe_days.c.port)
    summed = dict(connection.execute(newest).fetchall())
    rows = connection.execute(select(probes).where(one.at < until).order_by(one.port, one.at)).mappings()
    for port, group in groupby(map(_probe, rows), key=lambda probe: probe.port):
        seen = list(group)
        last = summed.get(port)
        day = seen[0].at.date()
        while (end := _midnight(day + timedelta(days=1))) <= until:
            if last is None or day.isoformat() > last:
                part = covered(seen, _midnight(day), end, longest)
                if part.length:
                    connection.execute(
                        probe_days.insert().values(
                            port=port,
                            day=day.isoformat(),
                            up_seconds=part.up.total_seconds(),
                            down_seconds=part.down.total_seconds(),
                        )
                    )
            day += timedelta(days=1)
    connection.execute(probes.delete().where(one.at < until - longest))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _covered(up: float, down: float) -> Covered:
    return Covered(timedelta(seconds=up), timedelta(seconds=down))


def _row(probe: Probe) -> dict[str, Any]:
    return {
        "port": probe.port,
        "at": probe.at,
        "door": probe.door,
        "up": probe.up,
        "reason": probe.reason,
        "milliseconds": probe.milliseconds,
        "publication": probe.publication,
    }


def _probe(row: Mapping[str, Any]) -> Probe:
    return Probe(**{name: row[name] for name in ("port", "at", "door", "up", "milliseconds", "reason", "publication")})
