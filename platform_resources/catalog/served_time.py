"""How old the served data was over time, and whether promises on it held, read from the publication log. Pure.

Between two publications the data ages second by second: what was served is late from `data_as_of` + the promise until
the next publication.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from operator import attrgetter
from typing import TypeAlias

from platform_resources.lake import Entry, Publication

Row: TypeAlias = Entry | Publication
Limit = Callable[[Row], timedelta | None]  # the most that the data of a publication may be old; None: no promise


@dataclass(frozen=True)
class Served:
    """One publication while it was served."""

    entry: Row
    start: datetime
    end: datetime
    lasts: bool  # served now; `end` is now

    @property
    def data_as_of(self) -> datetime:
        return self.entry.data_as_of or self.entry.published_at


@dataclass(frozen=True)
class Late:
    """A time in which the served data was older than promised."""

    entry: Row  # the one that was served as it began
    promised: timedelta
    start: datetime
    end: datetime | None  # None: it lasts


Until = Callable[[Served], datetime | None]  # until when a promise holds of what is served; None: nothing is promised


@dataclass(frozen=True)
class Span:
    """A time in which something was served under a promise, which held before `kept_until` (be it before `start`)."""

    start: datetime
    kept_until: datetime
    end: datetime


@dataclass(frozen=True)
class Kept:
    """How much of a time a promise held."""

    held: timedelta
    counted: timedelta  # in which something was served under a promise

    @property
    def share(self) -> float | None:
        """0 to 1; None when nothing counts."""
        return self.held / self.counted if self.counted else None


def served(entries: Sequence[Row], now: datetime) -> Iterator[Served]:
    """Each publication with the time in which it was served; nothing is after a retirement."""
    ends = [entry.published_at for entry in entries[1:]]
    for index, entry in enumerate(entries):
        if entry.kind != "retire":
            lasts = index == len(ends)
            yield Served(entry, entry.published_at, now if lasts else ends[index], lasts)


def spans(entries: Sequence[Row], until: Until, now: datetime) -> list[Span]:
    """The times in which a promise counts, oldest first."""
    found = ((one, until(one)) for one in served(entries, now) if one.start < one.end)
    return [Span(one.start, kept_until, one.end) for one, kept_until in found if kept_until is not None]


def fresh_until(limit: Limit) -> Until:
    """Until the data of a publication is older than `limit`."""

    def until(one: Served) -> datetime | None:
        most = limit(one.entry)
        return None if most is None else one.data_as_of + most

    return until


def kept_in(found: Sequence[Span], start: datetime, end: datetime) -> Kept:
    """How much of [start, end) the promise held."""
    held = counted = timedelta(0)
    for one in islice(found, bisect_right(found, start, key=attrgetter("end")), None):
        begun, ended = max(one.start, start), min(one.end, end)
        if begun < ended:
            counted += ended - begun
            held += max(min(one.kept_until, ended) - begun, timedelta(0))
    return Kept(held, counted)


def kept(entries: Sequence[Row], limit: Limit, start: datetime, end: datetime) -> Kept:
    """How much of [start, end) the served data was no older than `limit`."""
    return kept_in(spans(entries, fresh_until(limit), end), start, end)


def late(entries: Sequence[Row], limit: Limit, now: datetime) -> list[Late]:
    """The times in which the data was late, oldest first. Publications that were late from the start prolong one."""
    found: list[Late] = []
    for one in served(entries, now):
        most = limit(one.entry)
        begun = None if most is None else max(one.data_as_of + most, one.start)
        if most is None or begun is None or begun >= one.end:
            continue
        end = None if one.lasts else one.end
        if found and found[-1].end == begun:
            last = found.pop()
            found.append(Late(last.entry, last.promised, last.start, end))
        else:
            found.append(Late(one.entry, most, begun, end))
    return found


def promises(limits: Mapping[str, timedelta | None], entries: Iterable[Row]) -> Limit:
    """The limit that each publication was held to, by the digest of its contract."""
    known = {entry.contract_sha256: limits.get(entry.contract_sha256) for entry in entries}
    return lambda entry: known.get(entry.contract_sha256)
