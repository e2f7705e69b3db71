"""`mesh preview`: what the working tree would change for those who read, before it is merged."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from platform_resources.contracts import (
    Comparison,
    Contract,
    ContractError,
    Finding,
    Mesh,
    OutputPort,
    Product,
    compare_contracts,
    contract_of_text,
    errors,
)
from platform_resources.contracts.lifecycle import is_runnable, lifecycle_of
from platform_resources.governance import (
    Candidate,
    Consumer,
    Council,
    Judgement,
    PublishedPort,
    by_promise,
    by_secrecy,
    consumers_of,
    judge,
    judge_contract,
)
from platform_resources.governance.waivers import waive
from platform_resources.lake import MeshSettings
from platform_resources.quality import Check, compile_checks
from platform_resources.quality.thresholds import threshold_text
from platform_resources.self_service.dry_audit import Trial, asked_for, try_port

State = Literal["new", "changed", "unchanged", "removed"]
Verdict = Literal["published", "waits", "kept back", "refused"]


@dataclass(frozen=True)
class CheckChange:
    """One check that the new contract makes otherwise. A side is None where there is no such check."""

    name: str
    before: str | None  # "= 0 rows, error"
    after: str | None


@dataclass(frozen=True)
class PortPreview:
    """One port: what changes, whom it hits, how the data stands, and what would become of a publication."""

    address: str
    state: State
    before: str | None  # versions of the contract
    after: str | None
    comparison: Comparison | None
    consumers: tuple[Consumer, ...]
    checks: tuple[CheckChange, ...]
    trial: Trial | None
    judgements: tuple[Judgement, ...]  # on what was measured
    verdict: Verdict
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class ProductPreview:
    """One product with its ports (or a domain whose descriptor is broken). `findings`: of its documents."""

    address: str
    findings: tuple[Finding, ...]
    judgements: tuple[Judgement, ...]
    ports: tuple[PortPreview, ...]

    @property
    def refused(self) -> bool:
        return bool(errors(self.findings)) or any(port.verdict == "refused" for port in self.ports)

    @property
    def is_news(self) -> bool:
        """Something of it would change, or be refused."""
        return self.refused or any(port.state != "unchanged" for port in self.ports)


def preview_tree(
    settings: MeshSettings,
    mesh: Mesh,
    council: Council,
    base: Mapping[str, PublishedPort],
    now: datetime,
    names: Collection[str] = (),
) -> list[ProductPreview]:
    """What merging the documents of `mesh` would change against `base`, by product.

    With `names` (domains, products or ports) those products, changed or not; without any, every one with news. The data
    is looked at in the lakes of `settings`, and only read.
    """
    by_product: dict[str, list[Judgement]] = {}
    for item in judge(mesh, council, base, now):
        by_product.setdefault(item.product or "", []).append(item)
    trying = _Trying(settings, mesh, council, base, now, by_product)
    addresses = {product.address for product in mesh.products}
    addresses |= {f"{name}.{product}" for name, loaded in mesh.usable.items() for product in loaded.blocked}
    addresses |= {address.rpartition(".")[0] for address in base if address.partition(".")[0] not in mesh.broken}
    chosen = [address for address in sorted(addresses) if not names or any(_meant(address, name) for name in names)]
    found = [
        ProductPreview(name, tuple(errors(findings)), (), ())
        for name, findings in sorted(mesh.broken.items())
        if not names or any(_meant(name, wanted) for wanted in names)
    ]
    found += [trying.product(address, named=bool(names)) for address in chosen]
    return [item for item in found if names or item.is_news]


def _meant(address: str, name: str) -> bool:
    return address == name or address.startswith(f"{name}.") or name.startswith(f"{address}.")


@dataclass(frozen=True)
class _Trying:
    settings: MeshSettings
    mesh: Mesh
    council: Council
    base: Mapping[str, PublishedPort]
    now: datetime
    judged: Mapping[str, Sequence[Judgement]]

    def product(self, address: str, *, named: bool) -> ProductPreview:
        domain, _, name = address.partition(".")
        usable = self.mesh.usable[domain]
        folder = usable.domain.folder / "products" / name
        findings = tuple(
            finding for finding in usable.findings if finding.severity != "info" and finding.file.is_relative_to(folder)
        )
        judgements = tuple(self.judged.get(address, ()))
        product = next((found for found in usable.domain.products if found.name == name), None)
        ports = (
            []
            if product is None
            else [
                self._port(product, port, [item for item in judgements if item.is_on(port.address)], named)
                for port in product.ports
            ]
        )
        offered = {port.address for port in ports}
        if name not in usable.blocked:
            gone = [a for a in sorted(self.base) if a.rpartition(".")[0] == address and a not in offered]
            ports += [self._removed(port, judgements) for port in gone]
        return ProductPreview(address, findings, judgements, tuple(ports))

    def _port(self, product: Product, port: OutputPort, judgements: Sequence[Judgement], named: bool) -> PortPreview:
        was = self.base.get(port.address)
        before = _contract_of(was)
        document = port.contract.document
        same = was is not None and document is not None and document.raw == was.document.encode()
        state: State = "new" if was is None else "unchanged" if same else "changed"
        comparison = None
        if before is not None and state == "changed":
            orders = by_secrecy(self.council), by_promise(self.council)
            comparison = compare_contracts(before, port.contract, *orders)
        runnable = is_runnable(lifecycle_of(product, port))
        trial = None
        if runnable and (named or state != "unchanged"):
            domain = self.mesh.usable[product.domain].domain
            trial = try_port(self.settings, domain, product, port, before, self.now)
        measured = self._on_publication(product, port, trial)
        verdict, reasons = _verdict(runnable, [*judgements, *measured], trial)
        return PortPreview(
            port.address,
            state,
            was.version if was else None,
            port.contract.version,
            comparison,
            consumers_of(self.mesh, port.address, comparison),
            tuple(_check_changes(before, port.contract)) if state != "unchanged" else (),
            trial,
            tuple(measured),
            verdict,
            tuple(reasons),
        )

    def _removed(self, address: str, judgements: Sequence[Judgement]) -> PortPreview:
        blocking = [item for item in judgements if item.blocks]
        reasons = [item.finding.message for item in blocking] or ["no document offers it; it is served on"]
        return PortPreview(
            address,
            "removed",
            self.base[address].version,
            None,
            None,
            consumers_of(self.mesh, address),
            (),
            None,
            (),
            "refused" if blocking else "kept back",
            tuple(reasons),
        )

    def _on_publication(self, product: Product, port: OutputPort, trial: Trial | None) -> list[Judgement]:
        """Rules on publications, judged on what the dry audit measured."""
        rules = [rule for rule in self.council.rules if rule.applies_to == "publication"]
        if not rules or trial is None or trial.after is None:
            return []
        audit, last = trial.after.audit, trial.last
        age = None
        if last is not None and last.data_as_of is not None:
            age = max((last.published_at - last.data_as_of).total_seconds(), 0.0)
        candidate = Candidate(port.address, audit.score, audit.scores, audit.rows, age)
        domain = self.mesh.usable[product.domain].domain
        found = judge_contract(rules, port.contract, self.council, self.now, None, domain, candidate)
        return waive(found, self.council.waivers, self.now)


def _contract_of(was: PublishedPort | None) -> Contract | None:
    """The contract that the port has kept so far; None when its text can't be read any more."""
    if was is None:
        return None
    try:
        return contract_of_text(was.document, f"{was.address}.odcs.yaml")
    except ContractError:
        return None


def _verdict(runnable: bool, judgements: Sequence[Judgement], trial: Trial | None) -> tuple[Verdict, list[str]]:
    blocking = [item.finding.message for item in judgements if item.blocks]
    after = trial.after if trial is not None else None
    failed = [result.message for result in after.audit.results if result.blocks] if after is not None else []
    if blocking or failed:
        return "refused", [*blocking, *failed]
    if not runnable:
        return "kept back", ["its state says that it is neither built nor published"]
    if trial is not None and trial.not_built is not None:
        return "waits", [trial.not_built]
    if after is not None and after.pending:
        columns = ", ".join(f"{name} ({what})" for name, what in after.pending.items())
        return "waits", [f"the next build has to bring {columns}"]
    return "published", []


def _check_changes(before: Contract | None, after: Contract) -> Iterator[CheckChange]:
    """Checks that are added, gone or made otherwise, in the order of the new contract."""
    old = {check.name: check for check in compile_checks(before)} if before is not None else {}
    new = {check.name: check for check in compile_checks(after)}
    for name, check in new.items():
        was = old.get(name)
        if was is None:
            yield CheckChange(name, None, _text(check))
        elif asked_for(was) != asked_for(check):
            yield CheckChange(name, _text(was), _text(check))
    for name, check in old.items():
        if name not in new:
            yield CheckChange(name, _text(check), None)


def _text(check: Check) -> str:
    """What a check asks for, in a few words."""
    unit = "" if check.kind == "sql" and check.unit == "rows" else check.unit  # rows are only the default there
    limit = threshold_text(check.operator, check.threshold, unit)
    details = ", ".join(f"{key} {value}" for key, value in check.arguments.items())
    return ", ".join(part for part in (limit, details, check.severity) if part)
