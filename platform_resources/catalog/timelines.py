"""The log of a port over the last days, with the freshness that each of its publications promised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from platform_resources.access.relations.served import ServedPorts
from platform_resources.catalog.served_time import Limit, promises
from platform_resources.catalog.state import PortState
from platform_resources.catalog.view import CatalogView
from platform_resources.contracts.durations import DurationError
from platform_resources.lake import (
    Entry,
    Failed,
    PortAddress,
    Publication,
    PublicationError,
    Timeline,
    read_refused,
)

# The page of a product asks for 30 and 90 days; to read what was refused takes 20 ms, to cut it next to none.
_READ_DAYS = 90


@dataclass(frozen=True)
class PortTimeline:
    timeline: Timeline
    promised: Limit
    start: datetime  # from which on it is told

    @property
    def begun(self) -> datetime:
        """When the time that can be judged began: the first publication, if that is later than `start`."""
        first = next(iter(self.timeline.entries), None)
        return self.start if first is None else max(self.start, first.published_at)


def timeline_of(view: CatalogView, served: ServedPorts, state: PortState, days: int, now: datetime) -> PortTimeline:
    """What was served and refused in the last `days` days; nothing where nothing was built yet.

    Raises
    ------
    UnavailableError, duckdb.Error
        when the lake can't be read.
    """
    port, start = PortAddress.parse(state.port.address), now - timedelta(days=days)
    log = served.log(port)
    entries = () if log is None else tuple(map(_entry, reversed(log.entries)))
    found = Timeline(entries, _refused(view, port, now, days) if state.was_refused else ()).since(_day(start))
    distinct = {entry.contract_sha256: entry for entry in found.entries}
    limits = {sha256: _freshness(view, state, port, entry) for sha256, entry in distinct.items()}
    return PortTimeline(found, promises(limits, found.entries), start)


def _entry(row: Publication) -> Entry:
    promised = row.contract_version, row.contract_sha256
    return Entry(row.number, row.kind, *promised, row.score, row.data_as_of, row.published_at)


def _refused(view: CatalogView, port: PortAddress, now: datetime, days: int) -> tuple[Failed, ...]:
    longest = _day(now - timedelta(days=max(days, _READ_DAYS)))  # of a day, so that it is kept for one
    return view.told(port, ("refused", longest), lambda con: read_refused(con, port, longest))


def _day(moment: datetime) -> datetime:
    """The moment when its day began."""
    return datetime.combine(moment.date(), time(), moment.tzinfo)


def _freshness(view: CatalogView, state: PortState, port: PortAddress, entry: Entry) -> timedelta | None:
    try:
        today = state.port.contract
        contract = today if entry.contract_sha256 == today.sha256 else view.promise(port, entry).contract
        return contract.freshness
    except (DurationError, PublicationError):  # of a log that is damaged: `mesh fsck` tells it
        return None
