"""A domain's folder → its descriptor, products and sources, checked together.

One broken contract stops its own product and nothing else: the rest of the domain stays usable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from platform_resources.contracts.contract_view import contract_view
from platform_resources.contracts.documents import Document
from platform_resources.contracts.findings import ContractError, Finding, errors, shown
from platform_resources.contracts.loading import (
    CONSUMERS_FILE,
    DOMAIN_FILE,
    PRODUCT_FILE,
    check_product_document,
    checked_contract,
    port_majors,
    read_contract,
    read_product,
    with_schema,
)
from platform_resources.contracts.model import Contract, Domain, Product
from platform_resources.contracts.names import is_email
from platform_resources.contracts.nodes import Node
from platform_resources.contracts.product_checks import check_domain_name, contract_file
from platform_resources.contracts.together import check_together

_CONTRACT_SUFFIX = ".odcs.yaml"


def load_domain(folder: Path) -> Domain:
    """The domain in `folder`, all of it.

    Raises
    ------
    ContractError
        when any of its documents has findings of severity error; holds all findings of the domain.
    """
    domain, findings = load_domain_partially(folder)
    if errors(findings):
        raise ContractError(findings)
    return domain


def load_domain_partially(folder: Path) -> tuple[Domain, list[Finding]]:
    """The domain in `folder` without the products and sources that can't be used, and everything found in it.

    A product is left out when its document or one of its contracts has findings of severity error (see
    `findings_of_products`). Findings of severity warning or info leave nothing out.

    Raises
    ------
    ContractError
        when `domain.yaml` can't be used, so that there is no domain to speak of.
    """
    document = Document.load(folder / DOMAIN_FILE, folder)
    findings = check_domain_document(document)
    if errors(findings):
        raise ContractError(findings)
    sources: list[Contract] = []
    for file in _documents(folder / "sources", findings):
        source, found = read_contract(file, folder)
        findings += found
        if source is not None:
            sources.append(source)
    products: list[Product] = []
    names = _product_names(folder)
    for name in names:
        product_folder = folder / "products" / name
        findings += _stray_files(product_folder)
        product, found = read_product(product_folder / PRODUCT_FILE, folder)
        findings += found
        if product is not None:
            products.append(product)
    findings += check_together(_domain(document, folder, products, sources), names)
    broken = {finding.file for finding in errors(findings)}
    blocked = findings_of_products(folder, errors(findings))
    domain = _domain(
        document,
        folder,
        (product for product in products if product.name not in blocked),
        (source for source in sources if source.file not in broken),
    )
    return domain, findings


def findings_of_products(folder: Path, findings: Iterable[Finding]) -> dict[str, tuple[Finding, ...]]:
    """Product name → its findings, of those that lie in a product's folder; for showing why a product is left out."""
    products = folder / "products"
    grouped: dict[str, tuple[Finding, ...]] = {}
    for finding in findings:
        if finding.file.is_relative_to(products):
            name = finding.file.relative_to(products).parts[0]
            grouped[name] = (*grouped.get(name, ()), finding)
    return grouped


def check_document(path: Path) -> list[Finding]:
    """Everything found in one document (contract, product or domain.yaml), by line; empty when nothing is wrong.

    Never raises for what is in the file. A product's contracts are only compared with it, not reported.
    """
    try:
        document = Document.load(path, path.parent if path.name == DOMAIN_FILE else None)
    except ContractError as refused:
        return list(refused.findings)
    if path.name == DOMAIN_FILE:
        return check_domain_document(document)
    is_contract, is_product = path.name.endswith(_CONTRACT_SUFFIX), path.name.endswith(".odps.yaml")
    kind = document.data.get("kind")
    if is_product or (kind == "DataProduct" and not is_contract):
        return check_product_document(document)
    if is_contract or kind == "DataContract":
        return checked_contract(document, contract_view(document))
    remedy = "Add `kind: DataContract` (ODCS) or `kind: DataProduct` (Bitol ODPS) at the top."
    return [Finding(path, 1, "kind", "This is no document that the mesh knows.", remedy, "error", "kind")]


def check_domain_document(document: Document) -> list[Finding]:
    """Everything found in a `domain.yaml`."""
    root = Node(document, document.data)
    findings = []
    name = root.text("name")
    folder = document.path.absolute().parent.name
    if name is not None:
        findings += check_domain_name(root.at("name"), name, "domain")
        if name != folder:
            findings.append(
                root.at("name").finding(
                    "name-folder",
                    f"`name` is {shown(name)}, but the folder is {shown(folder)}.",
                    f"Write `name: {folder}`.",
                )
            )
    if (owner := root.text("owner")) is not None and not is_email(owner):
        findings.append(
            root.at("owner").finding(
                "owner-email",
                f"`owner` is {shown(owner)}, which is no e-mail address.",
                "Write the address of the person who answers for the domain.",
            )
        )
    return with_schema(document, "domain", findings)


def _domain(document: Document, folder: Path, products: Iterable[Product], sources: Iterable[Contract]) -> Domain:
    root = Node(document, document.data)
    return Domain(
        name=root.text("name") or "",
        folder=folder,
        title=root.text("title") or "",
        purpose=root.text("purpose") or "",
        team_name=root.text("team") or "",
        owner=root.text("owner") or "",
        contact=root.text("contact"),
        products=tuple(products),
        sources=tuple(sources),
        custom=root.custom(),
        channel=root.text("channel"),
        document=document,
    )


def _documents(folder: Path, findings: list[Finding]) -> list[Path]:
    """The contract files of a folder, by name; others are reported, since nobody else would notice a wrong ending."""
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    for file in files:
        if not file.name.endswith(_CONTRACT_SUFFIX) and not file.name.startswith((".", "_")) and file.suffix != ".md":
            findings.append(
                _ignored(file, f"Rename it (a contract of a source is <feed>{_CONTRACT_SUFFIX}), or delete it.")
            )
    return [file for file in files if file.name.endswith(_CONTRACT_SUFFIX)]


def _product_names(folder: Path) -> list[str]:
    products = folder / "products"
    entries = sorted(products.iterdir()) if products.is_dir() else []
    return [entry.name for entry in entries if entry.is_dir() and not entry.name.startswith((".", "_"))]


def _stray_files(folder: Path) -> Iterator[Finding]:
    read = {PRODUCT_FILE, CONSUMERS_FILE, *(contract_file(folder, major).name for major in port_majors(folder))}
    for file in sorted(folder.iterdir()):
        if file.suffix in (".yaml", ".yml") and file.name not in read and not file.name.startswith("."):
            yield _ignored(
                file,
                f"Rename it (a product has {PRODUCT_FILE} and v<major>{_CONTRACT_SUFFIX} per port), or delete it.",
            )


def _ignored(file: Path, remedy: str) -> Finding:
    return Finding(file, 1, "", "This file is not read.", remedy, "warning", "file-ignored")
