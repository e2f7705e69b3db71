"""Bitol ODPS document, with the contracts of its ports → typed product."""

from __future__ import annotations

from collections.abc import Mapping

from platform_resources.contracts.contract_view import team_of
from platform_resources.contracts.documents import Document
from platform_resources.contracts.model import Consent, Contract, InputPort, OutputPort, Product
from platform_resources.contracts.names import major_of, port_address
from platform_resources.contracts.nodes import Node


def product_view(document: Document, domain: str, name: str, contracts: Mapping[int, Contract]) -> Product:
    """The typed view of an ODPS document; ports without a contract in `contracts` (by major) are left out."""
    root = Node(document, document.data)
    description = root.at("description")
    team_name, owners = team_of(root)
    custom = root.custom()
    written = root.text("name")
    title = custom.get("title", written if written != name else None)  # the identifier is the folder's name
    ports = []
    for node in root.items("outputPorts"):
        major = major_of(node.text("version") or "")
        if major is not None and major in contracts:
            address = port_address(domain, name, major)
            contract = contracts[major]
            ports.append(OutputPort(node.text("name") or name, major, address, contract, node.text("description")))
    return Product(
        id=root.text("id") or "",
        domain=domain,
        name=name,
        status=root.text("status") or "",
        file=document.path,
        inputs=tuple(_input(node) for node in root.items("inputPorts")),
        ports=tuple(ports),
        version=root.text("version"),
        title=title if isinstance(title, str) else None,
        purpose=description.text("purpose"),
        usage=description.text("usage"),
        limitations=description.text("limitations"),
        team_name=team_name,
        owners=owners,
        tags=root.texts("tags"),
        support=tuple(node.value for node in root.items("support")),
        custom=custom,
        document=document,
    )


def _input(node: Node) -> InputPort:
    custom = node.custom()
    columns, purpose, consents = custom.get("columns"), custom.get("purpose"), custom.get("consents")
    return InputPort(
        input_address(node),
        node.text("contractId") or "",
        node.origin,
        columns=tuple(map(str, columns)) if isinstance(columns, list) else None,
        purpose=purpose if isinstance(purpose, str) else None,
        consents=consents_of(consents),
    )


def consents_of(value: object) -> tuple[Consent, ...]:
    """The `consents` of a consumer, as they stand in its document; entries that say too little are left out."""
    entries = [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
    return tuple(
        Consent(
            version=entry["version"],
            approver=entry["approver"],
            given=str(entry.get("given", "")),
            columns=tuple(map(str, entry["columns"])) if isinstance(entry.get("columns"), list) else None,
            reason=entry.get("reason") if isinstance(entry.get("reason"), str) else None,
        )
        for entry in entries
        if isinstance(entry.get("version"), str) and isinstance(entry.get("approver"), str)
    )


def input_address(node: Node) -> str:
    """Address of the port that an `inputPorts` entry names: "sales.bookings" + "1" → "sales.bookings.v1"."""
    return f"{node.text('name') or ''}.v{major_of(node.text('version') or '') or 0}"
