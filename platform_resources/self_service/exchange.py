"""`mesh import`: foreign documents -> a plan of every byte of the files of a domain that they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from platform_resources.contracts import Contract, ContractError, Document, Finding, Mesh, load_mesh
from platform_resources.contracts.contract_view import contract_view
from platform_resources.contracts.loading import PRODUCT_FILE
from platform_resources.contracts.names import RESERVED_NAMES, is_name, split_address
from platform_resources.contracts.product_checks import contract_file
from platform_resources.governance import Council, Judgement, PublishedPort, judge
from platform_resources.self_service.dbt_manifest import contracts_of_manifest
from platform_resources.self_service.fitting import Change, Fitting, as_name
from platform_resources.self_service.fitting_contracts import Place, fit_contract
from platform_resources.self_service.fitting_products import add_port, fit_product, port_major, product_for
from platform_resources.self_service.import_plan import ImportPlan, NotTaken, PlannedFile, State
from platform_resources.self_service.incoming import ExchangeError, Incoming, read_incoming
from platform_resources.self_service.trees import brought_home, overlaid


@dataclass
class _Plan:
    """The plan while it is made."""

    mesh: Mesh
    council: Council
    files: dict[Path, PlannedFile] = field(default_factory=dict)
    not_taken: list[NotTaken] = field(default_factory=list)

    def add(self, document: Document, origin: str, changes: Sequence[Change] = (), extends: bool = False) -> None:
        path = document.path
        if path in self.files and self.files[path].raw != document.raw:
            other = self.files[path].origin
            raise ExchangeError(f"{other} and {origin} would both be {path}; give them one by one, each with --into")
        state: State = "new"
        if path.exists():
            if not path.is_file():
                raise ExchangeError(f"{path} is there and is no file; nothing was written")
            state = "unchanged" if path.read_bytes() == document.raw else "extended" if extends else "replaced"
        self.files[path] = PlannedFile(path, document.raw, origin, state, tuple(changes))


def plan_import(
    paths: Sequence[Path],
    mesh: Mesh,
    council: Council,
    published: Mapping[str, PublishedPort],
    now: datetime,
    *,
    into: str | None = None,
    models: Sequence[str] = (),
) -> ImportPlan:
    """What taking in `paths` would write; nothing is written.

    `into` is a domain, or a product `<domain>.<product>`; without it the documents say where they belong. `models`
    chooses models of a dbt manifest.

    Raises
    ------
    ExchangeError
        when they can't be taken in; its message says why and what to do.
    ContractError
        with the findings of a document that is refused.
    """
    incoming = read_incoming(paths)
    if models and not incoming.manifests:
        raise ExchangeError("--model chooses models of a dbt manifest, and none was given", 2)
    plan = _Plan(mesh, council)
    _plan_products(plan, incoming, into)
    _plan_contracts(plan, incoming.contracts, into)
    for path, manifest in incoming.manifests:
        _plan_manifest(plan, path, manifest, into, models)
    findings, judgements = _look(plan, published, now)
    return ImportPlan(
        mesh.folder.absolute(), tuple(plan.files.values()), tuple(plan.not_taken), tuple(findings), tuple(judgements)
    )


def _place(plan: _Plan, document: Mapping[str, Any], into: str | None, product: str) -> Place:
    """Where a document goes: as asked, else as it says itself."""
    asked_domain, _, asked_product = (into or "").partition(".")
    said = split_address(str(document.get("id")))
    domain = asked_domain or str(document.get("domain") or (said[0] if said else ""))
    name = asked_product or product
    mesh = plan.mesh
    loaded = mesh.usable.get(domain)
    if loaded is None:
        if domain in mesh.broken:
            raise ContractError(mesh.broken[domain])
        known = ", ".join(sorted(mesh.usable)) or "none yet"
        told = f"there is no domain {domain!r}" if domain else "the document names no domain"
        raise ExchangeError(f"{told}; say --into DOMAIN (there are: {known}), or make it: mesh new domain NAME", 2)
    if not is_name(name) or name in RESERVED_NAMES:
        raise ExchangeError(f"{name!r} can't name a product; say --into {domain}.PRODUCT", 2)
    known = tuple(plan.council.classifications), tuple(plan.council.tiers)
    return Place(domain, name, loaded.domain.owner, loaded.domain.team_name, *known)


def _plan_products(plan: _Plan, incoming: Incoming, into: str | None) -> None:
    """Products with the contracts of their ports, which are taken out of `incoming.contracts`."""
    by_id: dict[str, Document] = {}
    for contract in (*incoming.beside, *incoming.contracts):  # what was given outweighs what lies beside
        by_id[str(contract.data.get("id"))] = contract
    used: set[int] = set()
    for document in incoming.products:
        ports = [port for _, port in Fitting.of(document).entries("outputPorts")]
        names = list(dict.fromkeys(str(port.get("name")) for port in ports))
        if len(names) > 1 and into and "." in into:
            raise ExchangeError(
                f"{document.path} has {len(names)} tables as ports ({', '.join(names)}), and a product of the mesh is "
                f"one table; say --into {into.partition('.')[0]} to make a product of each",
                2,
            )
        missing = [str(p.get("contractId")) for p in ports if str(p.get("contractId")) not in by_id]
        if missing or not ports:
            what = (
                f"the contracts {', '.join(missing)} of its ports are"
                if missing
                else "it has no port whose contract is"
            )
            raise ExchangeError(
                f"{document.path}: {what} not among the files given nor beside it; give them too: "
                f"mesh import {document.path.name} CONTRACT…"
            )
        for name in names or [None]:
            own = [port for port in ports if port.get("name") == name]
            used |= {id(by_id[str(port.get("contractId"))]) for port in own}
            contracts = {port_major(port): by_id[str(port.get("contractId"))] for port in own}
            if len(contracts) < len(own):
                raise ExchangeError(
                    f"{document.path}: two ports {name!r} would have the same major version; a port keeps one contract"
                )
            _plan_product(plan, document, contracts, into, name if len(names) > 1 else None)
    incoming.contracts = [document for document in incoming.contracts if id(document) not in used]


def _plan_product(
    plan: _Plan, document: Document, contracts: Mapping[int, Document], into: str | None, port: str | None
) -> None:
    named = port or next((str(p["name"]) for _, p in Fitting.of(document).entries("outputPorts") if p.get("name")), "")
    place = _place(plan, document.data, into, as_name(named, RESERVED_NAMES))
    ids: dict[int, str] = {}
    for major, contract in contracts.items():
        tables = _tables(contract)
        chosen = next((i for i, name in enumerate(tables) if as_name(name) in (as_name(named), place.product)), 0)
        if len(tables) > 1 and as_name(tables[chosen]) not in (as_name(named), place.product):
            raise ExchangeError(
                f"{contract.path} promises {len(tables)} tables ({', '.join(tables)}), and none is named as the port "
                f"{named!r}; give the contract alone to make a product of each table"
            )
        fitted = _plan_contract(plan, contract, place, chosen, major)
        ids[major] = fitted.id
    fitting = Fitting.of(document)
    known = {contract.id: address for address, (_, p) in plan.mesh.ports.items() for contract in (p.contract,)}
    fit_product(fitting, place, ids, known, port)
    path = _folder(plan.mesh, place) / PRODUCT_FILE
    plan.add(fitting.made(document, path), document.path.name, fitting.changes)


def _tables(document: Document) -> list[str]:
    return [str(entry.get("name")) for _, entry in Fitting.of(document).entries("schema")]


def _folder(mesh: Mesh, place: Place) -> Path:
    return mesh.folder.absolute() / place.domain / "products" / place.product


def _plan_contract(plan: _Plan, document: Document, place: Place, table: int, major: int | None) -> Contract:
    fitting = Fitting.of(document)
    if table > 0:  # the first one keeps the id
        own = f"{document.data.get('id')}.{place.product}"
        fitting.put(("id",), own, "each table gets a contract, and each contract an id of its own")
    major = fit_contract(fitting, place, table, major)
    made = fitting.made(document, contract_file(_folder(plan.mesh, place), major))
    plan.add(made, document.path.name, fitting.changes)
    return contract_view(made)


def _plan_contracts(plan: _Plan, documents: Sequence[Document], into: str | None) -> None:
    """Contracts that came without a product: one for each table, or a new port of one that is there."""
    ports: dict[str, dict[int, Contract]] = {}
    places: dict[str, Place] = {}
    for document in documents:
        tables = _tables(document)
        if not tables:
            raise ExchangeError(f"{document.path} promises no table (`schema` is missing), so nothing can be served")
        if len(tables) > 1 and into and "." in into:
            raise ExchangeError(
                f"{document.path} promises {len(tables)} tables ({', '.join(tables)}), and a port is one; say "
                f"--into {into.partition('.')[0]} to make a product of each",
                2,
            )
        for index, name in enumerate(tables):
            place = _place(plan, document.data, into, as_name(name, RESERVED_NAMES))
            contract = _plan_contract(plan, document, place, index, None)
            places[f"{place.domain}.{place.product}"] = place
            ports.setdefault(f"{place.domain}.{place.product}", {})[contract.major] = contract
    for address, contracts in ports.items():
        _plan_product_of(plan, places[address], contracts, {})


def _plan_product_of(plan: _Plan, place: Place, contracts: Mapping[int, Contract], inputs: Mapping[str, str]) -> None:
    """The product of contracts that came without one: made, or the one that is there with more ports."""
    folder = _folder(plan.mesh, place)
    file = folder / PRODUCT_FILE
    if not file.exists():
        plan.add(product_for(place, contracts, folder, inputs), "made for its contracts")
        return
    document = Document.load(file)
    fitting = Fitting.of(document)
    for major, contract in sorted(contracts.items()):
        add_port(fitting, place, major, contract)
    plan.add(fitting.made(document, file), "already there", fitting.changes, extends=True)


def _plan_manifest(
    plan: _Plan, path: Path, manifest: Mapping[str, Any], into: str | None, models: Sequence[str]
) -> None:
    if not into or "." in into:
        raise ExchangeError("say the domain that the models go to: --into DOMAIN", 2)
    place = _place(plan, {}, into, "any")
    taken = contracts_of_manifest(manifest, path, place, plan.mesh, models)
    plan.not_taken += [NotTaken(where, why) for where, why in taken.not_taken]
    for product, group in taken.products.items():
        own = replace(place, product=product)
        views: dict[int, Contract] = {}
        for major, made in group.contracts.items():
            document = made.document(contract_file(_folder(plan.mesh, own), major))
            plan.add(document, made.origin, made.changes)
            views[major] = contract_view(document)
        _plan_product_of(plan, own, views, group.inputs)


def _look(plan: _Plan, published: Mapping[str, PublishedPort], now: datetime) -> tuple[list[Finding], list[Judgement]]:
    """Findings and judgements on the products as they will be, told at their real places."""
    real = plan.mesh.folder.absolute()
    folders = {file.parent for file in plan.files}
    with overlaid(real, {file.path: file.raw for file in plan.files.values()}) as copy:
        mesh = load_mesh(copy)
        judged = judge(mesh, plan.council, published, now)
        findings = brought_home(mesh.findings, copy, real)
        told = [(item, brought_home([item.finding], copy, real)[0]) for item in judged]
    here = [finding for finding in findings if finding.file.parent in folders]
    return here, [_with(item, finding) for item, finding in told if finding.file.parent in folders]


def _with(item: Judgement, finding: Finding) -> Judgement:
    return replace(item, finding=finding)
