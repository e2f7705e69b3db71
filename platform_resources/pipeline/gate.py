"""The gate where it matters: which products of a domain may be built, and whether a candidate may be published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from platform_resources.contracts import Contract, ContractError, Finding, Mesh, UsableDomain
from platform_resources.contracts.lifecycle import is_runnable, lifecycle_of
from platform_resources.contracts.score_weights import ScoreWeights
from platform_resources.governance import (
    Candidate,
    Council,
    Judgement,
    PublishedPort,
    blocked_in,
    held_back,
    judge,
    score_weights,
)
from platform_resources.lake import MeshSettings, PortAddress
from platform_resources.pipeline.documents import read_mesh
from platform_resources.pipeline.holders import with_holders
from platform_resources.pipeline.published import published_where_readable


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


def govern(
    settings: MeshSettings, name: str, now: datetime, documents: tuple[Mesh, Council] | None = None
) -> GovernedDomain:
    """The domain `name`, judged by its documents, by the council's rules and by what it has published.

    `documents`: those to judge by; by default, as they stand in the files now.

    Raises
    ------
    ContractError
        when the domain's descriptor can't be used, so that there is no domain to speak of.
    """
    mesh, council = documents or read_mesh(settings)
    if name in mesh.broken:
        raise ContractError(mesh.broken[name])
    usable = mesh.usable[name]
    judgements = tuple(judge(mesh, council, _published(settings, mesh), now, domain=name))
    held = {
        address: tuple(item.finding for item in found)
        for product in usable.domain.products
        for address, found in held_back(product, judgements).items()
    }
    return GovernedDomain(usable, judgements, held)


def _published(settings: MeshSettings, mesh: Mesh) -> dict[str, PublishedPort]:
    """What all domains have published: the verdict on one product may hang on another's port or term."""
    return published_where_readable(settings, sorted({*mesh.usable, *mesh.broken}))


def judge_candidate(
    settings: MeshSettings,
    published: Mapping[str, PublishedPort],
    candidate: Candidate,
    promise_sha256: str,
    now: datetime,
) -> tuple[Judgement, ...]:
    """What the gate says to a version about to be published: a grace or a waiver may be over since it was built.

    `published`: of the candidate's own domain, as its log stands now. `promise_sha256`: of the contract that it was
    audited against; when today's documents promise something else, or nothing, the version is not published.
    """
    mesh, council = read_mesh(settings)
    address = PortAddress.parse(candidate.address)
    product = f"{address.domain}.{address.product}"
    changed = _changed_since(mesh, address, promise_sha256)
    if changed:
        return tuple(Judgement(finding, "blocks", product) for finding in changed)
    everywhere = {**_published(settings, mesh), **with_holders(settings, published)}
    judged = judge(mesh, council, everywhere, now, domain=address.domain, candidate=candidate)
    return tuple(item for item in judged if item.is_on(candidate.address))


def _changed_since(mesh: Mesh, address: PortAddress, promise_sha256: str) -> tuple[Finding, ...]:
    """Why today's documents don't stand behind a candidate; empty when they do."""
    if address.domain in mesh.broken:
        return mesh.broken[address.domain]
    usable = mesh.usable.get(address.domain)
    if usable is not None and address.product in usable.blocked:
        return usable.blocked[address.product]
    found = mesh.ports.get(str(address))
    remedy = "Run it again; a running code location has to be reloaded first."
    if found is None:
        file = mesh.folder / address.domain
        return (Finding(file, 1, "", f"No document offers {address} any more.", remedy, "error", "changed-meanwhile"),)
    contract = found[1].contract
    if contract.sha256 != promise_sha256:
        what = f"The contract of {address} was edited while this version was audited."
        return (Finding(contract.file, 1, "", what, remedy, "error", "changed-meanwhile"),)
    if not is_runnable(state := lifecycle_of(*found)):
        what = f"{address} is {state} now, so no version of it is published."
        return (Finding(contract.file, 1, "status", what, "Nothing: it stays as it is.", "error", "changed-meanwhile"),)
    return ()


def weights_for(settings: MeshSettings, contract: Contract) -> ScoreWeights:
    """What each dimension weighs in the score of a contract's next version, as the council's files stand now."""
    return score_weights(read_mesh(settings)[1], contract)


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
