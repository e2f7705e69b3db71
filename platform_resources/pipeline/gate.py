"""The gate where it matters: which products of a domain may be built, and whether a candidate may be published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import duckdb

from platform_resources.contracts import ContractError, Finding, Mesh, UsableDomain, load_mesh
from platform_resources.governance import (
    Candidate,
    Council,
    Judgement,
    PublishedPort,
    blocked_in,
    held_back,
    judge,
    load_council,
)
from platform_resources.lake import MeshSettings, PortAddress
from platform_resources.pipeline.published import published_in

COUNCIL_FOLDER = "governance"


@dataclass(frozen=True)
class GovernedDomain:
    """A domain as far as its documents can be used and the gate lets it."""

    usable: UsableDomain  # as the documents alone allow
    judgements: tuple[Judgement, ...]  # on its products
    held: Mapping[str, tuple[Finding, ...]]  # address of a port that the gate holds back -> why

    @property
    def blocked(self) -> dict[str, tuple[Finding, ...]]:
        """What can't be published -> why, by address: a product when it is so with all its ports, else a port."""
        return blocked_in(self.usable, self.judgements)


def read_mesh(settings: MeshSettings) -> tuple[Mesh, Council]:
    """The documents of every domain and of the council, as they stand in the working tree.

    Kept in the process until a file changes: a tick publishes several ports, each judged by all documents (60 ms).
    """
    council = settings.project / COUNCIL_FOLDER
    return _read_mesh(settings.domains, council, _state_of(settings.domains, council))


@lru_cache(maxsize=2)
def _read_mesh(domains: Path, council: Path, _state: tuple[tuple[str, int, int], ...]) -> tuple[Mesh, Council]:
    return load_mesh(domains), load_council(council)


def _state_of(*folders: Path) -> tuple[tuple[str, int, int], ...]:
    files = (
        file for folder in folders for file in sorted(folder.rglob("*")) if file.suffix in (".yaml", ".yml", ".py")
    )
    return tuple((str(file), state.st_mtime_ns, state.st_size) for file in files if (state := file.stat()))


def govern(settings: MeshSettings, name: str, now: datetime) -> GovernedDomain:
    """The domain `name`, judged by its documents, by the council's rules and by what it has published.

    Raises
    ------
    ContractError
        when the domain's descriptor can't be used, so that there is no domain to speak of.
    """
    mesh, council = read_mesh(settings)
    if name in mesh.broken:
        raise ContractError(mesh.broken[name])
    usable = mesh.usable[name]
    judgements = tuple(judge(mesh, council, _published(settings, name), now, domain=name))
    held = {
        address: tuple(item.finding for item in found)
        for product in usable.domain.products
        for address, found in held_back(product, judgements).items()
    }
    return GovernedDomain(usable, judgements, held)


def _published(settings: MeshSettings, name: str) -> dict[str, PublishedPort]:
    """What the domain has published; nothing when its lake can't be read, so that the domain loads all the same.

    Nothing slips through by that: the publication itself reads the log again, and fails when it can't.
    """
    try:
        return published_in(settings, [name])
    except duckdb.Error:
        return {}


def judge_candidate(
    settings: MeshSettings, published: Mapping[str, PublishedPort], candidate: Candidate, now: datetime
) -> tuple[Judgement, ...]:
    """What the gate says to a version about to be published: a grace or a waiver may have ended since it was built."""
    mesh, council = read_mesh(settings)
    address = PortAddress.parse(candidate.address)
    product = f"{address.domain}.{address.product}"
    usable = mesh.usable.get(address.domain)
    if usable is not None and address.product in usable.blocked:  # edited since it was loaded
        return tuple(Judgement(finding, "blocks", product) for finding in usable.blocked[address.product])
    judged = judge(mesh, council, published, now, domain=address.domain, candidate=candidate)
    return tuple(item for item in judged if item.is_on(candidate.address))


def judgement_record(item: Judgement, project: Path) -> dict[str, object]:
    """A judgement for the publication log: JSON-ready, files relative to the project."""
    file = item.finding.file
    return {
        "code": item.finding.code,
        "standing": item.standing,
        "message": item.finding.message,
        "remedy": item.finding.remedy,
        "file": str(file.relative_to(project) if file.is_relative_to(project) else file.name),
        "line": item.finding.line,
        "path": item.finding.path,
        "until": None if item.until is None else item.until.isoformat(),
    }
