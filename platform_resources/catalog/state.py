"""The state of the mesh: each port, its promise, what is published, how good and how fresh it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

import duckdb

from platform_resources.contracts import ContractError, Mesh, render_findings
from platform_resources.contracts.lifecycle import Lifecycle, lifecycle_of, preference
from platform_resources.contracts.model import Domain, OutputPort, Product
from platform_resources.governance import Council, Judgement
from platform_resources.governance.days import today
from platform_resources.governance.endings import input_notices, port_notice, still_reading
from platform_resources.lake import (
    MeshSettings,
    Publication,
    Refusal,
    Retirement,
    connect,
    lake_exists,
    latest_refusals,
    newest_entries,
    retirement_in,
    returned_contracts,
)
from platform_resources.pipeline import GovernedDomain, QuarantinedFile, govern, read_mesh, waiting_in_quarantine

Connected = Callable[[str], AbstractContextManager[duckdb.DuckDBPyConnection]]


@dataclass(frozen=True)
class Freshness:
    """Promised against measured: `age` is how old the newest thing that the data knows of is."""

    promised: timedelta | None
    age: timedelta | None

    @property
    def state(self) -> Literal["fresh", "late", "unknown"]:
        if self.promised is None or self.age is None:
            return "unknown"
        return "fresh" if self.age <= self.promised else "late"


@dataclass(frozen=True)
class PortState:
    product: Product
    port: OutputPort
    publication: Publication | None
    refusal: Refusal | None  # the newest refused candidate, when nothing was published since
    freshness: Freshness
    judgements: tuple[Judgement, ...] = ()  # of the gate, on the product as its documents stand now
    lifecycle: Lifecycle = "active"  # as its documents say; a port that was taken down is "retired"
    notices: tuple[str, ...] = ()  # what its readers and its owner should know of its life, and of its inputs'
    readers: tuple[str, ...] = ()  # registered consumers
    retirement: Retirement | None = None  # when it was taken down
    was_refused: bool = False  # a candidate was, at any time
    contract_returned: bool = False  # it is served under a contract that it had before another one

    @property
    def held(self) -> bool:
        """Whether the gate keeps the port from being published: consumers go on reading the last good version."""
        return any(item.blocks for item in self.judgements)


@dataclass(frozen=True)
class DomainState:
    name: str
    domain: Domain | None  # None when the domain's own descriptor can't be used
    ports: tuple[PortState, ...]
    problems: tuple[str, ...]  # findings on its documents, rendered for people
    quarantine: tuple[QuarantinedFile, ...] = ()  # landed files that were refused and not replaced yet


def mesh_state(settings: MeshSettings, now: datetime) -> list[DomainState]:
    """Every domain under `domains/`, by name; a broken one is told as such and hides no other."""
    return [domain_state(settings, name, now) for name in domain_names(settings)]


def domain_names(settings: MeshSettings) -> list[str]:
    """The folders below `domains/` that have a descriptor, be it broken."""
    return [path.parent.name for path in sorted(settings.domains.glob("*/domain.yaml"))]


def domain_state(
    settings: MeshSettings,
    name: str,
    now: datetime,
    connected: Connected | None = None,
    documents: tuple[Mesh, Council] | None = None,
) -> DomainState:
    """One domain. `connected` gives a connection to its lake; by default one is made (100 ms) and closed.

    `documents`: by default, as they stand in the files now.
    """
    mesh, council = documents or read_mesh(settings)
    try:
        governed = govern(settings, name, now, (mesh, council))
    except ContractError as error:
        return DomainState(name, None, (), (render_findings(error.findings, settings.project),))
    domain = governed.usable.domain
    gone = [item.finding for item in governed.judgements if item.blocks and not _is_there(governed, item)]
    told = [*governed.blocked.values(), governed.usable.other_errors, gone]
    problems = tuple(render_findings(findings, settings.project) for findings in told if findings)
    day = today(now, council)
    unknown = tuple(
        _unpublished(mesh, product, port, _judgements(governed, port), day)
        for product in domain.products
        for port in product.ports
    )
    if not lake_exists(settings, name):
        return DomainState(name, domain, unknown, problems)
    try:
        with connect(settings, reads=[name]) if connected is None else connected(name) as con:
            newest, refused = newest_entries(con, name), latest_refusals(con, name)
            returned = returned_contracts(con, name)
            quarantine = waiting_in_quarantine(con, settings, name)
    except duckdb.Error as error:
        damage = f"its lake can't be read: {str(error).splitlines()[0]} (`mesh fsck` tells the damage)"
        return DomainState(name, domain, unknown, (*problems, damage))
    ports = tuple(
        replace(_port_state(state, newest, refused, now), contract_returned=state.port.address in returned)
        for state in unknown
    )
    return DomainState(name, domain, ports, problems, quarantine)


def _judgements(governed: GovernedDomain, port: OutputPort) -> tuple[Judgement, ...]:
    return tuple(item for item in governed.judgements if item.is_on(port.address))


def _is_there(governed: GovernedDomain, item: Judgement) -> bool:
    """Whether a judgement is on a product that can be shown with it; one that was removed whole can't."""
    told = {product.address for product in governed.usable.domain.products} | governed.blocked.keys()
    return item.product is None or item.product in told


def _unpublished(
    mesh: Mesh, product: Product, port: OutputPort, judgements: tuple[Judgement, ...], day: date
) -> PortState:
    """What the documents alone tell of a port."""
    notice = port_notice(mesh, product, port, day)
    reads = [text for _, text in input_notices(mesh, product, day)]
    return PortState(
        *(product, port, None, None, Freshness(port.contract.freshness, None), judgements),
        lifecycle=lifecycle_of(product, port),
        notices=(*([notice] if notice else []), *reads),
        readers=still_reading(mesh, port.address),
    )


def _port_state(
    state: PortState, newest: Mapping[str, Publication], refused: Mapping[str, Refusal], now: datetime
) -> PortState:
    last, refusal = newest.get(state.port.address), refused.get(state.port.address)
    was_refused = refusal is not None
    retirement = None if last is None else retirement_in(last)
    publication = None if retirement is not None else last
    since = publication.published_at if publication else retirement.at if retirement else None
    if refusal is not None and since is not None and refusal.refused_at <= since:
        refusal = None
    freshness = Freshness(state.freshness.promised, None if publication is None else age_of(publication, now))
    return replace(
        state,
        publication=publication,
        refusal=refusal,
        freshness=freshness,
        lifecycle=lifecycle_now(state.product, state.port, retirement),
        retirement=retirement,
        was_refused=was_refused,
    )


def aged(state: DomainState, now: datetime) -> DomainState:
    """The same, with the ages of what is published as of `now`."""

    def ported(port: PortState) -> PortState:
        if port.publication is None:
            return port
        return replace(port, freshness=Freshness(port.freshness.promised, age_of(port.publication, now)))

    return replace(state, ports=tuple(map(ported, state.ports)))


def lifecycle_now(product: Product, port: OutputPort, retirement: Retirement | None) -> Lifecycle:
    """Where a port stands: what was taken down is retired until it is published again, whatever its documents say."""
    return lifecycle_of(product, port) if retirement is None else "retired"


def by_preference_now(ports: Iterable[PortState]) -> list[PortState]:
    """Ports of a product, the one to read first: what was taken down comes last, whatever its documents say."""
    return sorted(ports, key=lambda state: preference(state.lifecycle, state.port.major))


def age_of(publication: Publication, now: datetime) -> timedelta:
    """How old the newest thing is that the published data knows of."""
    return max(now - (publication.data_as_of or publication.published_at), timedelta(0))
