"""The service levels of a port: freshness and completeness by its publication log, availability by its probes.

The data of a publication ages second by second until the next one; its completeness is that of its audit. Each
publication is held to the contract that it was published under.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from math import ceil

from platform_resources.access import Access
from platform_resources.access.relations.served import PortLog
from platform_resources.catalog import PortState
from platform_resources.catalog.served_time import Row, Served, Until, fresh_until, kept_in, served, spans
from platform_resources.catalog.timelines import timeline_of
from platform_resources.catalog.view import CatalogView
from platform_resources.contracts import Contract
from platform_resources.lake import PortAddress, Publication
from platform_resources.operations.availability import Availability, availability_of
from platform_resources.operations.objectives import (
    LONGEST_BURN,
    Kind,
    Objective,
    ServiceLevel,
    objective_of,
    service_level,
)
from platform_resources.quality import compile_checks


@dataclass(frozen=True)
class ColumnFilled:
    """How complete a column is, that the contract promises. In percent; None: not measured in the window."""

    column: str
    promised: float
    now: float | None  # of what is served
    worst: float | None  # of what was served in the window


@dataclass(frozen=True)
class PortLevels:
    port: str
    freshness: ServiceLevel
    completeness: ServiceLevel
    availability: Availability
    columns: tuple[ColumnFilled, ...]

    @property
    def told(self) -> Mapping[Kind, ServiceLevel]:
        """Those of which there is something to say."""
        every: dict[Kind, ServiceLevel] = {
            "freshness": self.freshness,
            "completeness": self.completeness,
            "availability": self.availability,
        }
        return {kind: level for kind, level in every.items() if level.is_told}


def levels_of(access: Access, view: CatalogView, state: PortState, now: datetime) -> PortLevels:
    """Measured now, held against the contract in the files.

    Raises
    ------
    UnavailableError, duckdb.Error
        when the lake can't be read.
    """
    contract, logs = state.port.contract, access.guard.served
    fresh, complete = objective_of(contract, "freshness"), objective_of(contract, "completeness")
    log = timeline_of(view, logs, state, ceil(_longest(fresh) / timedelta(days=1)), now)
    rows = _since(logs.log(PortAddress.parse(state.port.address)), now - _longest(complete))
    return PortLevels(
        port=state.port.address,
        freshness=_level(fresh, log.timeline.entries, fresh_until(log.promised), now),
        completeness=_level(complete, rows, complete_until, now),
        availability=availability_of(access.control, view.documents.mesh, state.port.address, now),
        columns=tuple(columns_filled(contract, rows, now - complete.window, now)),
    )


def complete_until(one: Served) -> datetime | None:
    """As long as it is served, or never."""
    filled = one.entry.filled
    if not filled:
        return None
    return one.end if all(found.kept for found in filled) else one.start


def columns_filled(
    contract: Contract, rows: Sequence[Publication], start: datetime, now: datetime
) -> Iterator[ColumnFilled]:
    """Of each column that the contract promises, by the rows of the log that reach into the window, oldest first."""
    inside = [one for one in served(rows, now) if one.end > start]
    last = inside[-1] if inside and inside[-1].lasts else None
    for check in compile_checks(contract):
        if check.kind == "completeness" and check.columns:
            found = [value for one in inside for value in _percents(one, check.name)]
            today = [] if last is None else _percents(last, check.name)
            promised = float(check.threshold)
            yield ColumnFilled(check.columns[0], promised, min(today, default=None), min(found, default=None))


def _percents(one: Served, check: str) -> list[float]:
    return [found.percent for found in one.entry.filled if found.check == check and found.percent is not None]


def _level(objective: Objective, rows: Sequence[Row], until: Until, now: datetime) -> ServiceLevel:
    return service_level(objective, partial(kept_in, spans(rows, until, now)), now)


def _longest(objective: Objective) -> timedelta:
    return max(objective.window, LONGEST_BURN)


def _since(log: PortLog | None, start: datetime) -> list[Publication]:
    """Oldest first: what was published since a moment, and what was served as it began."""
    found: list[Publication] = []
    for row in () if log is None else log.entries:
        found.append(row)
        if row.published_at <= start:
            break
    return found[::-1]
