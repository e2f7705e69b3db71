"""Files → checked views: one contract, one product with its contracts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TypeVar

from platform_resources.contracts.contract_checks import Use, check_contract
from platform_resources.contracts.contract_view import contract_view
from platform_resources.contracts.documents import Document, Kind
from platform_resources.contracts.findings import ContractError, Finding, errors, shown
from platform_resources.contracts.model import Contract, Product
from platform_resources.contracts.nodes import Node
from platform_resources.contracts.product_checks import check_product, contract_file
from platform_resources.contracts.product_view import product_view
from platform_resources.contracts.schema_check import check_schema

PRODUCT_FILE = "product.odps.yaml"
DOMAIN_FILE = "domain.yaml"
CONSUMERS_FILE = "consumers.yaml"  # who reads the product; read by the room `governance`
_View = TypeVar("_View")
PORT_FILE = re.compile(r"v([1-9][0-9]{0,3})\.odcs\.yaml")


def load_contract(path: Path, root: Path | None = None) -> Contract:
    """The contract in the file `path`. What is asked of it depends on where it lies: see `use_of`.

    `root`: the folder that the file must lie in after following links; by default its domain's, or its own.

    Raises
    ------
    ContractError
        when it has findings of severity error.
    """
    contract, findings = read_contract(path, root)
    return _sound(contract, findings)


def load_product(path: Path, root: Path | None = None) -> Product:
    """The product in the file `path` with the contracts of its ports, which lie beside it.

    Raises
    ------
    ContractError
        when it or one of the contracts has findings of severity error.
    """
    product, findings = read_product(path, root)
    return _sound(product, findings)


def read_contract(path: Path, root: Path | None = None) -> tuple[Contract | None, list[Finding]]:
    """The contract (None when it can't be used) and everything found in its file."""
    try:
        document = Document.load(path, root or home_of(path))
    except ContractError as refused:
        return None, list(refused.findings)
    contract = contract_view(document)
    findings = checked_contract(document, contract)
    return (None if errors(findings) else contract), findings


def read_product(path: Path, root: Path | None = None) -> tuple[Product | None, list[Finding]]:
    """The product (None when it or a contract of it can't be used) and everything found in its folder's documents."""
    home = root or home_of(path)
    contracts: dict[int, Contract | None] = {}
    findings: list[Finding] = []
    for major in port_majors(path.parent):
        contracts[major], found = read_contract(contract_file(path.parent, major), home)
        findings += found
    try:
        document = Document.load(path, home)
    except ContractError as refused:
        return None, [*refused.findings, *findings]
    product, found = _checked_product(document, contracts)
    findings = found + findings
    return (None if errors(findings) else product), findings


def check_product_document(document: Document) -> list[Finding]:
    """What is wrong with a product's own file; its contracts are only looked at for what the two must agree on."""
    folder = document.path.parent
    contracts = {major: read_contract(contract_file(folder, major))[0] for major in port_majors(folder)}
    return _checked_product(document, contracts)[1]


def _checked_product(document: Document, contracts: dict[int, Contract | None]) -> tuple[Product, list[Finding]]:
    root = Node(document, document.data)
    domain = _domain_of(document.path)
    name = document.path.absolute().parent.name if domain else root.text("name") or ""
    usable = {major: contract for major, contract in contracts.items() if contract is not None}
    product = product_view(document, domain or root.text("domain") or "", name, usable)
    return product, with_schema(document, "product", check_product(root, product, contracts, domain))


def checked_contract(document: Document, contract: Contract) -> list[Finding]:
    """Everything found in a contract's document."""
    root = Node(document, document.data)
    use = use_of(document.path)
    findings = [*check_contract(root, contract, use), *_check_place(root, contract, use)]
    return with_schema(document, "contract", findings)


def with_schema(document: Document, kind: Kind | Path, findings: list[Finding]) -> list[Finding]:
    """`findings` and those of the JSON schema, by line; where the schema complains about a place, it alone does."""
    by_schema = check_schema(document, kind)
    places = {finding.path for finding in by_schema}
    own = [finding for finding in findings if finding.path not in places]
    return sorted(by_schema + own, key=lambda finding: finding.line)


def use_of(path: Path) -> Use:
    """`port` for `v<major>.odcs.yaml`, `source` for what lies in `sources/`, else `any`."""
    if PORT_FILE.fullmatch(path.name):
        return "port"
    return "source" if path.absolute().parent.name == "sources" else "any"


def port_majors(folder: Path) -> list[int]:
    """Majors of the contract files in a product's folder."""
    matches = (PORT_FILE.fullmatch(file.name) for file in folder.iterdir()) if folder.is_dir() else ()
    return sorted(int(match[1]) for match in matches if match is not None)


def home_of(path: Path) -> Path:
    """The folder that a document must not leave by a link: its domain's, where the layout shows it, else its own."""
    parents = path.absolute().parents
    if len(parents) > 2 and parents[1].name == "products":
        return parents[2]
    return parents[1] if parents[0].name == "sources" else parents[0]


def _domain_of(path: Path) -> str | None:
    parents = path.absolute().parents
    return parents[2].name if len(parents) > 2 and parents[1].name == "products" else None


def _check_place(root: Node, contract: Contract, use: Use) -> Iterator[Finding]:
    """Does the contract say what its place says: version, table and domain?"""
    path = contract.file.absolute()
    table = root.at("schema") if not contract.tables else next(root.items("schema")).at("name")
    port = PORT_FILE.fullmatch(path.name)
    if port is not None and root.text("version") and contract.version.partition(".")[0].lstrip("0") != port[1]:
        yield root.at("version").finding(
            "version-file",
            f"`version` is {shown(contract.version)}, but the file is {path.name}.",
            f"A contract of port v{port[1]} has a version {port[1]}.x.y; a new major gets a file of its own.",
        )
    owner = path.parent.name if use == "port" and _domain_of(path) else None
    if use == "source":
        owner = path.name.removesuffix(".odcs.yaml")
        yield from _check_source_server(root)
    if owner is not None and contract.tables and contract.table.name != owner:
        what = "product's folder" if use == "port" else "file"
        yield table.finding(
            "table-name",
            f"The table is named {shown(contract.table.name)}, but the {what} is {shown(owner)}.",
            f"Write `name: {owner}`, and mend the `element`s that name the table.",
        )
    domain = _domain_of(path) or (path.parent.parent.name if use == "source" else None)
    if domain is not None and contract.domain not in (None, domain):
        yield root.at("domain").finding(
            "domain-folder",
            f"`domain` is {shown(contract.domain)}, but the file lies in the domain {shown(domain)}.",
            f"Write `domain: {domain}`, or move the file.",
        )


def _check_source_server(root: Node) -> Iterator[Finding]:
    servers = [server for server in root.items("servers") if "path" in server]
    if not servers:
        yield root.at("servers").finding(
            "source-server",
            "The source doesn't say where its files land.",
            "Add `servers: [{server: landing, type: local, path: <system>/<feed>/*.parquet, format: parquet}]`.",
        )
    for server in servers:
        place = PurePosixPath(server.text("path") or "")
        if place.is_absolute() or ".." in place.parts:
            yield server.at("path").finding(
                "source-path", f"{shown(place)} leads out of the landing zone.", "Write it relative, without `..`."
            )


def _sound(view: _View | None, findings: list[Finding]) -> _View:
    if view is None:
        raise ContractError(findings)
    return view
