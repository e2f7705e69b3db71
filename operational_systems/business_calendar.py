"""How the year 2017 of the data set becomes the years in which the replay runs.

Every timestamp moves by whole weeks *in local time*, so business date and weekday keep although the offset to UTC of
the new date may differ. The shipped year (cycle 0) is 365 local days, Sunday 2017-01-01 to Sunday 2017-12-31; each
later cycle replays the 364 days from Monday 2017-01-02, which are 52 whole weeks and so follow without gap or overlap.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

ZONE = "America/New_York"
_ZONE = ZoneInfo(ZONE)
YEAR_START = datetime(2017, 1, 1)
LATER_YEAR_START = datetime(2017, 1, 2)
YEAR_END = datetime(2018, 1, 1)
CYCLE_WEEKS = 52


@dataclass(frozen=True)
class Cycle:
    """One run through the data set. Local times of the data set in [start, end) move by `weeks`."""

    number: int
    weeks: int

    @property
    def start(self) -> datetime:
        """First local midnight of the data set that belongs to the cycle."""
        return YEAR_START if self.number == 0 else LATER_YEAR_START

    @property
    def starts_at(self) -> datetime:
        """The cycle's first moment on the replay's clock (UTC)."""
        return to_utc(self.start + timedelta(weeks=self.weeks))

    @property
    def ends_at(self) -> datetime:
        """The first moment after the cycle on the replay's clock (UTC)."""
        return to_utc(YEAR_END + timedelta(weeks=self.weeks))


@dataclass(frozen=True)
class Interval:
    """Half open: start <= event < end, both UTC with zone, whole seconds."""

    start: datetime
    end: datetime


def to_local(moment: datetime) -> datetime:
    """UTC (with zone) -> wall time of the stores, without zone."""
    return moment.astimezone(_ZONE).replace(tzinfo=None)


def to_utc(local: datetime) -> datetime:
    """Wall time of the stores, without zone -> UTC with zone."""
    return local.replace(tzinfo=_ZONE).astimezone(UTC)


def whole_second(moment: datetime) -> datetime:
    """File names hold seconds, so an extraction ends on one."""
    if moment.tzinfo is None:
        raise ValueError(f"the clock must carry a zone, got {moment!r}")
    return moment.astimezone(UTC).replace(microsecond=0)


def shift_weeks(first_start: datetime) -> int:
    """The latest shift that has the shipped year end at or before the first start, in whole weeks."""
    return (to_local(first_start) - YEAR_END) // timedelta(weeks=1)


def cycles(first_start: datetime, interval: Interval) -> Iterator[Cycle]:
    """The cycles that have events in the interval."""
    number, shift = 0, shift_weeks(first_start)
    while (cycle := Cycle(number, shift + CYCLE_WEEKS * number)).starts_at < interval.end:
        if cycle.ends_at > interval.start:
            yield cycle
        number += 1


def history_start(first_start: datetime) -> datetime:
    """The first moment of the shipped year on the replay's clock (UTC)."""
    return Cycle(0, shift_weeks(first_start)).starts_at


def by_local_month(interval: Interval) -> list[Interval]:
    """Cut at the local midnights that begin a month: one file a month is what a till archive looks like."""
    cuts = [interval.start]
    local = to_local(interval.start)
    while True:
        local = datetime(local.year + local.month // 12, local.month % 12 + 1, 1)
        if to_utc(local) >= interval.end:
            break
        cuts.append(to_utc(local))
    cuts.append(interval.end)
    return [Interval(start, end) for start, end in itertools.pairwise(cuts)]
