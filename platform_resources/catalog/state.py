"""The state of the mesh: each port, its promise, what is published, how good and how fresh it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import duckdb

from platform_resources.contracts import ContractError, render_findings
from platform_resources.contracts.model import Domain, OutputPort, Product
from platform_resources.governance import Judgement
from platform_resources.lake import (
    MeshSettings,
    PortAddress,
    Publication,
    Refusal,
    connect,
    lake_exists,
    latest_publication,
    latest_refusal,
)
from platform_resources.pipeline import GovernedDomain, QuarantinedFile, govern, waiting_in_quarantine


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

    @property
    def held(self) -> bool:
        """Whether the gate keeps the product from being published: consumers go on reading the last good version."""
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
    told = [*governed.blocked.values(), governed.usable.other_errors]
    problems = tuple(render_findings(findings, settings.project) for findings in told if findings)
    promised = [(product, port) for product in domain.products for port in product.ports]
    unknown = tuple(
        PortState(product, port, None, None, Freshness(port.contract.freshness, None), _judgements(governed, product))
        for product, port in promised
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


def _judgements(governed: GovernedDomain, product: Product) -> tuple[Judgement, ...]:
    return tuple(item for item in governed.judgements if item.product == product.address)


def _port_state(con: duckdb.DuckDBPyConnection, state: PortState, now: datetime) -> PortState:
    address = PortAddress.parse(state.port.address)
    publication = latest_publication(con, address)
    refusal = latest_refusal(con, address)
    if refusal is not None and publication is not None and refusal.refused_at <= publication.published_at:
        refusal = None
    known = None if publication is None else publication.data_as_of or publication.published_at
    age = None if known is None else max(now - known, timedelta(0))
    freshness = Freshness(state.freshness.promised, age)
    return replace(state, publication=publication, refusal=refusal, freshness=freshness)
