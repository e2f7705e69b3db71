"""What the mesh needs of a product's document: a name, an owner, and ports whose contracts are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

from platform_resources.contracts.contract_checks import STATUSES
from platform_resources.contracts.findings import Finding, limited, shown
from platform_resources.contracts.model import Contract, Product
from platform_resources.contracts.names import (
    NAME_RULE,
    RESERVED_DOMAIN_NAMES,
    RESERVED_NAMES,
    is_name,
    major_of,
    split_address,
)
from platform_resources.contracts.nodes import Node
from platform_resources.contracts.policy_checks import check_visibility
from platform_resources.contracts.product_view import input_address
from platform_resources.contracts.promise_checks import check_custom_properties


def contract_file(folder: Path, major: int) -> Path:
    """Where the contract of a product's port stands."""
    return folder / f"v{major}.odcs.yaml"


def check_product(
    root: Node, product: Product, contracts: Mapping[int, Contract | None], domain: str | None
) -> list[Finding]:
    """Every finding, in the order of the file.

    `contracts` are the contract files beside the document by major (None: the file has errors of its own); `domain` is
    the name of the domain whose folder the product lies in, where that is known.
    """
    found = chain(
        _check_head(root, product, domain),
        _check_outputs(root, product, contracts),
        _check_inputs(root, product),
        check_custom_properties(root),
        check_visibility(root),
    )
    return limited(found)


def check_domain_name(node: Node, name: str, what: str) -> Iterator[Finding]:
    """A domain's or product's name: an identifier, and none that SQL or the platform needs."""
    reserved = RESERVED_DOMAIN_NAMES if what == "domain" else RESERVED_NAMES
    if not is_name(name):
        yield node.finding("name", f"{shown(name)} can't name a {what}.", f"Use {NAME_RULE}.")
    elif name in reserved:
        yield node.finding(
            "name-reserved",
            f"{shown(name)} is a reserved name.",
            f"Choose another one than {', '.join(sorted(reserved))}.",
        )


def _check_head(root: Node, product: Product, domain: str | None) -> Iterator[Finding]:
    yield from check_domain_name(root.at("name"), product.name, "product")
    name = root.text("name")
    if name is not None and is_name(name) and name != product.name:
        yield root.at("name").finding(
            "name-folder",
            f"`name` is {shown(name)}, but the folder is {shown(product.name)}.",
            f"Write `name: {product.name}`, or a name for people: {product.name.replace('_', ' ').capitalize()}.",
        )
    written = root.text("domain")
    if written is None:
        yield root.at("domain").finding("missing-key", "`domain` is missing.", f"Add `domain: {domain or '…'}`.")
    elif domain is not None and written != domain:
        yield root.at("domain").finding(
            "domain-folder",
            f"`domain` is {shown(written)}, but the file lies in the domain {shown(domain)}.",
            f"Write `domain: {domain}`, or move the folder.",
        )
    if product.status and product.status not in STATUSES:
        yield root.at("status").finding(
            "status", f"`status` is {shown(product.status)}.", f"Write one of {', '.join(STATUSES)}."
        )
    if not product.owners:
        yield root.at("team").finding(
            "owner-missing",
            "Nobody answers for this product: the team has no member with an e-mail address.",
            "Add `team: {name: …, members: [{username: person@example.com, role: owner}]}`.",
        )
    if not product.purpose:
        yield root.at("description").finding(
            "purpose-missing", "The product doesn't say what it is for.", "Add `description: {purpose: …}`.", "warning"
        )


def _check_outputs(root: Node, product: Product, contracts: Mapping[int, Contract | None]) -> Iterator[Finding]:
    if not list(root.items("outputPorts")):
        yield root.at("outputPorts").finding(
            "port-missing",
            "The product has no output port, so nobody can read it.",
            f'Add `outputPorts: [{{name: {product.name}, version: "1", contractId: …}}]`.',
        )
    lines: dict[int, int] = {}
    for port in root.items("outputPorts"):
        name = port.text("name")
        if name is not None and name != product.name:
            yield port.at("name").finding(
                "port-name",
                f"The port is named {shown(name)}; its address is made of the product's name.",
                f"Write `name: {product.name}`.",
            )
        version = port.text("version")
        major = major_of(version or "")
        if major is None:
            if version is not None:
                yield port.at("version").finding(
                    "port-version", f"The port's version is {shown(version)}.", 'Write its major number in quotes: "1".'
                )
            continue
        if major in lines:
            yield port.at("version").finding(
                "port-twice",
                f"Port v{major} stands on line {lines[major]} already.",
                "Delete one, or mend its version.",
            )
            continue
        lines[major] = port.origin.line
        yield from _check_port_contract(port, product, contracts, major)
    for major in sorted(contracts.keys() - lines.keys()):
        yield root.at("outputPorts").finding(
            "contract-unused",
            f"The contract v{major}.odcs.yaml belongs to no output port.",
            f'Add a port with `version: "{major}"`, or delete the file.',
            "warning",
        )


def _check_port_contract(
    port: Node, product: Product, contracts: Mapping[int, Contract | None], major: int
) -> Iterator[Finding]:
    file = contract_file(product.file.parent, major).name
    if major not in contracts:
        yield port.finding(
            "contract-missing",
            f"Port v{major} has no contract: there is no file {file} beside this one.",
            f"Write {file}, or delete the port.",
        )
        return
    contract = contracts[major]
    written = port.text("contractId")
    if written is None and "contractId" not in port:
        hint = f"`contractId: {contract.id}`" if contract else "the `id` of its contract"
        yield port.finding("contract-id", f"Port v{major} doesn't name its contract.", f"Add {hint}.")
    elif contract is not None and written is not None and written != contract.id:
        yield port.at("contractId").finding(
            "contract-id",
            f"`contractId` is {shown(written)}, but the id in {file} is {shown(contract.id)}.",
            "Make them the same.",
        )


def _check_inputs(root: Node, product: Product) -> Iterator[Finding]:
    lines: dict[str, int] = {}
    for port in root.items("inputPorts"):
        name, version = port.text("name"), port.text("version")
        if name is None or version is None:
            continue  # the schema says so
        if major_of(version) is None:
            yield port.at("version").finding(
                "port-version", f"The port's version is {shown(version)}.", 'Write its major number in quotes: "1".'
            )
            continue
        address = input_address(port)
        parts = split_address(address)
        if parts is None:
            yield port.at("name").finding(
                "input-name",
                f"{shown(name)} names no product.",
                "Write `<domain>.<product>`, for example sales.bookings.",
            )
            continue
        if parts[:2] == (product.domain, product.name):
            yield port.at("name").finding(
                "input-self",
                "The product names itself as its input.",
                "Delete this port: a product reads its own tables.",
            )
        if address in lines:
            yield port.finding(
                "input-twice", f"The input {shown(address)} stands on line {lines[address]} already.", "Delete one."
            )
        lines.setdefault(address, port.origin.line)
