"""The council's day: graces, waivers, consents and ends of support hold through a day of one place, not of UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from platform_resources.governance.model import Council


def local(now: datetime, council: Council) -> datetime:
    """The moment `now` as the clock of the council's `timeZone` shows it; of UTC, when `council.yaml` names none."""
    zone = council.mandate.time_zone
    return now.astimezone(UTC if zone is None else ZoneInfo(zone))


def today(now: datetime, council: Council) -> date:
    """The day on which `now` falls for the council."""
    return local(now, council).date()


def noon(day: date, council: Council) -> datetime:
    """The middle of a day of the council, to judge as of that day."""
    zone = council.mandate.time_zone
    return datetime.combine(day, time(12), UTC if zone is None else ZoneInfo(zone))
