"""Who is hit when columns of ports change, end or fail: consumers as all sources know them, with what they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from platform_resources.catalog.consumption import PortConsumer, columns_read, consumption_of
from platform_resources.contracts import Mesh
from platform_resources.contracts.wording import counted
from platform_resources.control import ControlDatabase

Event = Literal["change", "deprecation", "outage"]
_NAMED = 3  # ports that a sentence names


@dataclass(frozen=True)
class HitReader:
    """A consumer of a port that is hit."""

    port: str
    consumer: PortConsumer
    columns: tuple[str, ...] | None  # hit ones that it reads; None: not known, so all of them count


def hit_readers(
    mesh: Mesh, control: ControlDatabase, hit: Mapping[str, Sequence[str] | None], now: datetime
) -> list[HitReader]:
    """The consumers of the hit ports; `hit`: port -> names of the columns that are (None: all).

    Who says which columns it reads, or is only known by what it really read, and names none of the hit ones is left
    out. What was really read counts besides what is said.
    """
    ports = list(hit)
    every = consumption_of(mesh, control, ports, now)
    read = columns_read(control, ports, now)
    found = []
    for port in ports:
        for consumer in every[port]:
            columns = _known_columns(consumer, read.get((port, consumer.name), set()))
            if columns is None:
                found.append(HitReader(port, consumer, None))
                continue
            wanted = hit[port]
            those = tuple(sorted(columns if wanted is None else columns & set(wanted)))
            if those or wanted is None:
                found.append(HitReader(port, consumer, those))
    return found


def _known_columns(consumer: PortConsumer, read: set[str]) -> set[str] | None:
    """None: nobody says, or it may read all by its grant and did not yet."""
    if consumer.registered is not None:
        listed = consumer.registered.columns
        return {*listed, *read} if listed else None
    return read or None


_SAYS: Mapping[Event, str] = {
    "change": "A change of {start}",
    "deprecation": "The end of {start}",
    "outage": "An outage of {start}",
}


@dataclass(frozen=True)
class HitCount:
    """How many consumers are hit, how many of them read what changes itself, and whether who asks is one."""

    all: int
    own: int
    you: bool

    @property
    def told(self) -> str:
        own = "" if self.own == self.all else f", {self.own:,} of them its own"
        return f"{counted(self.all, 'consumer')}{own}{', you among them' if self.you else ''}"


def impact_told(
    event: Event, start: str, columns: int, ports: Sequence[str], consumers: HitCount, until: date | None
) -> str:
    """The whole of it as a sentence."""
    subject = _SAYS[event].format(start=start)
    if event == "deprecation" and until is not None:
        subject += f" on {until}"
    if not ports and not consumers.all:
        return f"{subject} hits nobody that is known."
    further = f"{counted(columns, 'column')} of {named_told(ports, 'port')}" if ports else "no other port"
    return f"{subject} hits {further} and {consumers.told}."


def named_told(names: Sequence[str], what: str) -> str:
    """How many and the first of them: `4 ports (a, b, c, …)`."""
    return f"{counted(len(names), what)} ({', '.join([*names[:_NAMED], *(['…'] if len(names) > _NAMED else [])])})"
