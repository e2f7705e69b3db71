"""What went wrong with a port, read from its log: versions that were refused, data that was late. Pure.

No text of an audit is repeated, since it may hold a value of the data: only the names of the checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from platform_resources.catalog.fitness import length
from platform_resources.catalog.served_time import Limit, late
from platform_resources.lake import Entry, Failed, Timeline

Kind = Literal["refused", "outage", "late"]

_NAMED = 3  # checks that are named


@dataclass(frozen=True)
class Incident:
    """`closed_at` None: it lasts."""

    port: str
    kind: Kind
    opened_at: datetime
    closed_at: datetime | None
    cause: str
    effect: str  # what readers noticed


def incidents_of(port: str, log: Timeline, promised: Limit, start: datetime, now: datetime) -> list[Incident]:
    """Refusals and late data that reach into the time since `start`, newest first."""
    refused = list(_refused(port, log))
    found = [*refused, *_late(port, log.entries, promised, now, refused)]
    return newest_first(one for one in found if one.closed_at is None or one.closed_at >= start)


def newest_first(found: Iterator[Incident] | Sequence[Incident]) -> list[Incident]:
    return sorted(found, key=lambda one: (one.opened_at, one.port, one.kind), reverse=True)


def _refused(port: str, log: Timeline) -> Iterator[Incident]:
    """Refusals without a publication between them are one incident, until the next one that passed."""
    moments = [entry.published_at for entry in log.entries]
    waiting: list[Failed] = []
    for failed in log.refused:
        if waiting and _next(moments, waiting[0].refused_at) != _next(moments, failed.refused_at):
            yield _refusal(port, log.entries, waiting, _next(moments, waiting[0].refused_at))
            waiting = []
        waiting.append(failed)
    if waiting:
        yield _refusal(port, log.entries, waiting, _next(moments, waiting[0].refused_at))


def _next(moments: Sequence[datetime], after: datetime) -> datetime | None:
    return next((moment for moment in moments if moment > after), None)


def _refusal(port: str, entries: Sequence[Entry], failed: Sequence[Failed], closed: datetime | None) -> Incident:
    names = list(dict.fromkeys(name for one in failed for name in one.checks))
    told = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else "")
    what = "a version" if len(failed) == 1 else f"{len(failed):,} versions in a row"
    cause = f"{what} failed the audit" + (f": {told}" if names else "")
    serving = [entry for entry in entries if entry.published_at <= failed[0].refused_at]
    last = serving[-1] if serving else None
    unserved = last is None or last.kind == "retire"
    effect = "nothing was served" if unserved else f"readers went on with publication {last.number}"
    return Incident(port, "refused", failed[0].refused_at, closed, cause, effect)


def _late(
    port: str, entries: Sequence[Entry], promised: Limit, now: datetime, refused: Sequence[Incident]
) -> Iterator[Incident]:
    for one in late(entries, promised, now):
        end = one.end or now
        held_back = any(r.opened_at < end and (r.closed_at is None or r.closed_at > one.start) for r in refused)
        cause = f"promised {length(one.promised)}, and nothing newer was published"
        cause += ": new versions failed the audit" if held_back else " in time"
        effect = f"the data was up to {length(max(end - one.start, timedelta(seconds=1)))} older than promised"
        yield Incident(port, "late", one.start, one.end, cause, effect)
