"""The state of the mesh: each port, its promise, what is published, how good and how fresh it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal

import duckdb

from platform_resources.contracts import ContractError, Mesh, render_findings
from platform_resources.contracts.lifecycle import Lifecycle, lifecycle_of
from platform_resources.contracts.model import Domain, OutputPort, Product
from platform_resources.governance import Judgement
from platform_resources.governance.days import today
from platform_resources.governance.endings import input_notices, port_notice, still_reading
from platform_resources.lake import (
    MeshSettings,
    PortAddress,
    Publication,
    Refusal,
    Retirement,
    connect,
    lake_exists,
    latest_publication,
    latest_refusal,
    retirement_of,
)
from platform_resources.pipeline import GovernedDomain, QuarantinedFile, govern, read_mesh, waiting_in_quarantine


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
    lifecycle: Lifecycle = "active"  # as its documents say
    notices: tuple[str, ...] = ()  # what its readers and its owner should know of its life, and of its inputs'
    readers: tuple[str, ...] = ()  # registered consumers
    retirement: Retirement | None = None  # when it was taken down

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
    return [_domain_state(settings, path.parent, now) for path in sorted(settings.domains.glob("*/domain.yaml"))]


def _domain_state(settings: MeshSettings, folder: Path, now: datetime) -> DomainState:
    try:
        governed = govern(settings, folder.name, now)
    except ContractError as error:
        return DomainState(folder.name, None, (), (render_findings(error.findings, settings.project),))
    domain = governed.usable.domain
    gone = [item.finding for item in governed.judgements if item.blocks and not _is_there(governed, item)]
    told = [*governed.blocked.values(), governed.usable.other_errors, gone]
    problems = tuple(render_findings(findings, settings.project) for findings in told if findings)
    mesh, council = read_mesh(settings)
    day = today(now, council)
    unknown = tuple(
        _unpublished(mesh, product, port, _judgements(governed, port), day)
        for product in domain.products
        for port in product.ports
    )
    if not lake_exists(settings, folder.name):
        return DomainState(folder.name, domain, unknown, problems)
    try:
        with connect(settings, reads=[folder.name]) as con:
            ports = tuple(_port_state(con, state, now) for state in unknown)
            quarantine = waiting_in_quarantine(con, settings, folder.name)
    except duckdb.Error as error:
        damage = f"its lake can't be read: {str(error).splitlines()[0]} (`mesh fsck` tells the damage)"
        return DomainState(folder.name, domain, unknown, (*problems, damage))
    return DomainState(folder.name, domain, ports, problems, quarantine)


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


def _port_state(con: duckdb.DuckDBPyConnection, state: PortState, now: datetime) -> PortState:
    address = PortAddress.parse(state.port.address)
    publication = latest_publication(con, address)
    refusal = latest_refusal(con, address)
    retirement = None if publication is not None else retirement_of(con, address)
    since = publication.published_at if publication else retirement.at if retirement else None
    if refusal is not None and since is not None and refusal.refused_at <= since:
        refusal = None
    known = None if publication is None else publication.data_as_of or publication.published_at
    age = None if known is None else max(now - known, timedelta(0))
    freshness = Freshness(state.freshness.promised, age)
    return replace(state, publication=publication, refusal=refusal, freshness=freshness, retirement=retirement)
