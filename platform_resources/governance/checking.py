"""`mesh check` without its printing: everything that is wrong with the files of the working tree, in one list."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from platform_resources.contracts import Finding, Mesh
from platform_resources.governance.council import WAIVERS
from platform_resources.governance.examples import check_all_examples
from platform_resources.governance.gate import blocked_in, judge
from platform_resources.governance.model import Council, Judgement, PublishedPort, Rule


@dataclass(frozen=True)
class CheckReport:
    """What was found in the documents of the domains and the council, and by the gate."""

    findings: tuple[Finding, ...]  # all, by file and line; severity error: the files must not be merged as they are
    judgements: tuple[Judgement, ...]  # those of them that the gate made
    checked: tuple[Path, ...]  # every document that was looked at
    products: tuple[str, ...]
    rules: tuple[Rule, ...]
    council: tuple[Finding, ...]  # what is wrong with the council's own files, also where only a product was asked for
    blocked: Mapping[str, tuple[Finding, ...]]  # product or port -> what keeps it from being published

    @property
    def sound(self) -> bool:
        return not any(finding.severity == "error" for finding in self.findings)

    def count(self, standing: str) -> int:
        return sum(item.standing == standing for item in self.judgements)


def check_mesh(
    mesh: Mesh,
    council: Council,
    published: Mapping[str, PublishedPort],
    now: datetime,
    only: Collection[str] = (),
) -> CheckReport:
    """Everything found in the documents of the mesh, compared with what is `published`.

    `only`: names of domains or products; without any, the whole mesh with the council's own files and their examples.
    """
    judgements = judge(mesh, council, published, now)
    documents = mesh.findings
    blocked: dict[str, tuple[Finding, ...]] = {}
    for usable in mesh.usable.values():
        blocked |= blocked_in(usable, judgements)
    broken = {f"{name}.{product}" for name, usable in mesh.usable.items() for product in usable.blocked}
    products = sorted({product.address for product in mesh.products} | broken)
    checked = [*_documents(mesh.folder), *(_documents(council.folder) if council.folder else ())]
    if only:
        places = {mesh.folder.joinpath(*_place(name)) for name in only}
        checked = [file for file in checked if any(file.is_relative_to(place) for place in places)]
        documents = [finding for finding in documents if finding.file in checked or finding.file.parent in places]
        # A waiver that is not applied is why a product is blocked; the council's other files are nobody's product.
        documents += [finding for finding in council.findings if finding.file.parent.name == WAIVERS]
        judgements = [item for item in judgements if _meant(item, only, checked)]
        products = [product for product in products if _named(product, only)]
        blocked = {product: found for product, found in blocked.items() if _named(product, only)}
    else:
        documents = [*documents, *council.findings, *check_all_examples(council)]
    findings = [*documents, *(item.finding for item in judgements)]
    findings.sort(key=lambda finding: (str(finding.file), finding.line, finding.code))
    return CheckReport(
        tuple(findings),
        tuple(judgements),
        tuple(checked),
        tuple(products),
        council.rules,
        council.findings,
        blocked,
    )


def _documents(folder: Path) -> list[Path]:
    """The YAML documents below a folder, by name; what a tool keeps in a hidden folder is none."""
    found = []
    for place, inner, names in os.walk(folder):
        inner[:] = [name for name in inner if not name.startswith(".")]
        found += [f"{place}/{name}" for name in names if name.endswith(".yaml") and not name.startswith(".")]
    return [Path(name) for name in sorted(found)]


def _place(name: str) -> tuple[str, ...]:
    """Folder of a domain or product below `domains/`; a port's is its product's."""
    domain, _, rest = name.partition(".")
    return (domain, "products", rest.partition(".")[0]) if rest else (domain,)


def _named(product: str, only: Collection[str]) -> bool:
    return any(product == name or product.startswith(f"{name}.") or name.startswith(f"{product}.") for name in only)


def _meant(item: Judgement, only: Collection[str], checked: Collection[Path]) -> bool:
    return item.finding.file in checked if item.product is None else _named(item.product, only)
