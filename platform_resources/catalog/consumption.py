"""Who reads a port: what is registered in documents, what was granted, and what is really read, side by side.

A consumer of a port is who is registered as reading it, holds a grant on it that is in force, or read rows of it in the
last 90 days. It counts once, and the same wherever consumers are counted. The platform's own probes, and looks at a few
rows in the portal, make nobody a consumer. Somebody who asks is counted like any other, and told: you among them.

Documents name products by address and others by the name that people gave them; grants and usage name identities and
teams. An entry of `consumers.yaml` and an identity are the same consumer when the entry's name is the identity's id or
name, or the team's (whose grants are to `team:<name>`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from sqlalchemy import func, select

from platform_resources.access.callers.names import held_by, team_consumer
from platform_resources.access.model import Grant, Identity
from platform_resources.access.requests.grants import grants_on
from platform_resources.contracts import Mesh
from platform_resources.control import ControlDatabase
from platform_resources.control.tables import identities, usage
from platform_resources.governance import Consumer, consumers_of
from platform_resources.lake import MeshSettings
from platform_resources.pipeline import read_mesh

WINDOW_DAYS = 90  # a report that is made once a quarter is still a reader
_AT_ONCE = 500  # ports in one question

Standing = Literal["reads", "never reads", "not registered"]


@dataclass(frozen=True)
class Reads:
    """What one consumer read of a port in the last `WINDOW_DAYS` days."""

    count: int
    last: date  # UTC


@dataclass(frozen=True)
class PortConsumer:
    """One consumer of one port, as all sources know it."""

    name: str
    kind: str | None  # "product", "team", "service", "agent", "person"; None: nobody says
    registered: Consumer | None  # in `product.odps.yaml` or `consumers.yaml`; asked before the port changes
    grants: tuple[Grant, ...]  # on this port, in force
    reads: Reads | None

    @property
    def standing(self) -> Standing:
        """`never reads`: registered or granted and not used; `not registered`: reads and would not be asked."""
        if self.reads is None:
            return "never reads"
        return "not registered" if self.registered is None else "reads"


def consumption(mesh: Mesh, control: ControlDatabase, port: str, now: datetime) -> tuple[PortConsumer, ...]:
    """Everybody who reads a port, may read it by a grant of its own, or is registered as reading it; by name.

    Who may read it by a grant on every port is told only when it does.
    """
    return consumption_of(mesh, control, [port], now)[port]


def consumers_in(settings: MeshSettings, port: str, now: datetime) -> tuple[PortConsumer, ...]:
    """The same by the settings of a mesh; while it has no control database, who is registered."""
    mesh = read_mesh(settings)[0]
    control = ControlDatabase(settings)
    if control.is_embedded and not (settings.home / "control.sqlite").is_file():
        return joined(consumers_of(mesh, port), (), {}, {})
    try:
        return consumption(mesh, control, port, now)
    finally:
        control.close()


def consumption_of(
    mesh: Mesh, control: ControlDatabase, ports: Sequence[str], now: datetime
) -> dict[str, tuple[PortConsumer, ...]]:
    """The same of several ports, with three questions to the database for every 500 of them."""
    known = _known(control)
    found: dict[str, tuple[PortConsumer, ...]] = {}
    for some in _batches(ports):
        granted: dict[str, list[Grant]] = {}
        for grant in grants_on(control, *some):
            if grant.holds(now):
                granted.setdefault(grant.port, []).append(grant)
        reads = _reads(control, some, now)
        for port in some:
            found[port] = joined(consumers_of(mesh, port), granted.get(port, ()), reads.get(port, {}), known)
    return found


def is_among(identity: Identity, consumers: Iterable[PortConsumer]) -> bool:
    """Whether somebody, or a team that it is of, is one of these consumers."""
    own = held_by(identity)
    return any(item.name in own or (item.kind == "team" and team_consumer(item.name) in own) for item in consumers)


def columns_read(control: ControlDatabase, ports: Sequence[str], now: datetime) -> dict[tuple[str, str], set[str]]:
    """(port, consumer) -> columns that were part of an answer to it, or compared in one, in the last 90 days."""
    found: dict[tuple[str, str], set[str]] = {}
    for some in _batches(ports):
        query = (
            select(usage.c.port, usage.c.consumer, usage.c.column)
            .where(usage.c.port.in_(some), usage.c.column != "", usage.c.day >= first_day(now))
            .distinct()
        )
        with control.reading() as connection:
            for port, consumer, column in connection.execute(query):
                found.setdefault((port, consumer), set()).add(column)
    return found


@dataclass(frozen=True)
class Known:
    """What the control database knows of an identity: its name and kind."""

    name: str
    kind: str


def joined(
    registered: Iterable[Consumer],
    granted: Iterable[Grant],
    reads: Mapping[str, Reads],
    known: Mapping[str, Known],
) -> tuple[PortConsumer, ...]:
    """The same, of values. `reads` and `known` are by id."""
    ids = {who.name.casefold(): id_ for id_, who in known.items()} | {id_.casefold(): id_ for id_ in known}
    granted = tuple(granted)
    holders = {grant.consumer for grant in granted}
    entries: dict[str, Consumer] = {}
    for consumer in registered:
        named = team_consumer(consumer.name) if consumer.kind == "team" else consumer.name
        entries.setdefault(ids.get(consumer.name.casefold(), named if named in holders else consumer.name), consumer)
    held: dict[str, list[Grant]] = {}
    for grant in granted:
        held.setdefault(grant.consumer, []).append(grant)
    found = []
    for name in sorted({*entries, *held, *reads}):
        entry = entries.get(name)
        kind = entry.kind if entry is not None else known[name].kind if name in known else None
        found.append(PortConsumer(name, kind, entry, tuple(held.get(name, ())), reads.get(name)))
    return tuple(found)


def consumption_told(found: Sequence[PortConsumer]) -> str:
    """One line for people; empty while no read was counted and nothing was granted."""
    if not any(item.reads or item.grants for item in found):
        return ""
    reading = [item for item in found if item.reads is not None]
    strange = [item.name for item in reading if item.registered is None]
    idle = [item.name for item in found if item.standing == "never reads"]
    parts = [f"{len(reading)} of {len(found)} read it in the last {WINDOW_DAYS} days"]
    if strange:
        parts.append(f"not registered: {', '.join(strange)}")
    if idle:
        parts.append(f"never read it: {', '.join(idle)}")
    return "; ".join(parts)


def _batches(ports: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ports[start : start + _AT_ONCE] for start in range(0, len(ports), _AT_ONCE))


def first_day(now: datetime) -> str:
    """Of the last `WINDOW_DAYS` days, as the table of usage writes days."""
    return (now.date() - timedelta(days=WINDOW_DAYS - 1)).isoformat()


def _reads(control: ControlDatabase, ports: Sequence[str], now: datetime) -> dict[str, dict[str, Reads]]:
    """Port -> consumer -> its reads."""
    query = (
        select(usage.c.port, usage.c.consumer, func.sum(usage.c.reads), func.max(usage.c.day))
        .where(usage.c.port.in_(ports), usage.c.column == "", usage.c.day >= first_day(now))
        .group_by(usage.c.port, usage.c.consumer)
    )
    found: dict[str, dict[str, Reads]] = {}
    with control.reading() as connection:
        for port, who, count, last in connection.execute(query):
            found.setdefault(port, {})[who] = Reads(int(count), date.fromisoformat(last))
    return found


def _known(control: ControlDatabase) -> dict[str, Known]:
    with control.reading() as connection:
        rows = connection.execute(select(identities.c.id, identities.c.name, identities.c.kind))
        return {row.id: Known(row.name, row.kind) for row in rows}
