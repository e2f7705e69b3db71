"""How old the served data was over time, read from the publication log. Pure.

Between two publications the data ages second by second: what was served is late from `data_as_of` + the promise until
the next publication.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from platform_resources.lake import Entry

Limit = Callable[[Entry], timedelta | None]  # the most that the data of a publication may be old; None: no promise


@dataclass(frozen=True)
class Served:
    """One publication while it was served."""

    entry: Entry
    start: datetime
    end: datetime
    lasts: bool  # served now; `end` is now

    @property
    def data_as_of(self) -> datetime:
        return self.entry.data_as_of or self.entry.published_at


@dataclass(frozen=True)
class Late:
    """A time in which the served data was older than promised."""

    entry: Entry  # the one that was served as it began
    promised: timedelta
    start: datetime
    end: datetime | None  # None: it lasts


@dataclass(frozen=True)
class Kept:
    """How much of a time the data was as fresh as it had to be."""

    held: timedelta
    counted: timedelta  # in which something was served for which a limit holds

    @property
    def share(self) -> float | None:
        """0 to 1; None when nothing counts."""
        return self.held / self.counted if self.counted else None


def served(entries: Sequence[Entry], now: datetime) -> Iterator[Served]:
    """Each publication with the time in which it was served; nothing is after a retirement."""
    ends = [entry.published_at for entry in entries[1:]]
    for index, entry in enumerate(entries):
        if entry.kind != "retire":
            lasts = index == len(ends)
            yield Served(entry, entry.published_at, now if lasts else ends[index], lasts)


def kept(entries: Sequence[Entry], limit: Limit, start: datetime, end: datetime) -> Kept:
    """How much of [start, end) the served data was no older than `limit`."""
    held = counted = timedelta(0)
    for one in served(entries, end):
        most = limit(one.entry)
        begun, ended = max(one.start, start), min(one.end, end)
        if most is None or begun >= ended:
            continue
        counted += ended - begun
        held += max(min(one.data_as_of + most, ended) - begun, timedelta(0))
    return Kept(held, counted)


def late(entries: Sequence[Entry], limit: Limit, now: datetime) -> list[Late]:
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


def promises(limits: Mapping[str, timedelta | None], entries: Iterable[Entry]) -> Limit:
    """The limit that each publication was held to, by the digest of its contract."""
    known = {entry.contract_sha256: limits.get(entry.contract_sha256) for entry in entries}
    return lambda entry: known.get(entry.contract_sha256)
