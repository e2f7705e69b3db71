"""A new major of a port: the contract to change freely, while everybody goes on reading the one before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platform_resources.contracts import Document, Product, render_findings
from platform_resources.contracts.usable import load_usable_domain
from platform_resources.self_service.changeset import ChangeSet, ScaffoldError
from platform_resources.self_service.overlay import at_home, overlaid


class VersionError(ValueError):
    """A new version that can't be made; the message says why and what to do."""


@dataclass(frozen=True)
class NewVersion:
    """What was made: the port's address, and the files that were written or changed."""

    address: str
    contract: Path
    product: Path


def next_version(product: Product) -> NewVersion:
    """Write `v<n+1>.odcs.yaml` as a draft copy of the newest contract, and add its port to `product.odps.yaml`.

    The copy is built from the same private table until its `physicalName` says otherwise. Comments and order stay. A
    draft of a gold product is silver: nobody runs the business on it yet.

    Raises
    ------
    VersionError
        when the product has no port yet, the contract's file is there already, or the documents couldn't be used with
        the new port. Nothing was written then.
    """
    if not product.ports:
        raise VersionError(f"{product.address} has no port whose contract could be taken over")
    newest = max(product.ports, key=lambda port: port.major)
    major = newest.major + 1
    file = product.file.parent / f"v{major}.odcs.yaml"
    if file.exists():
        raise VersionError(f"{file.name} is there already; add its port to {product.file.name}, or delete it")
    identifier = _next_id(newest.contract.id, newest.major, major)
    table = newest.contract.table

    def promise(tree: Any) -> None:
        tree["version"] = f"{major}.0.0"
        tree["id"] = identifier
        tree["status"] = "draft"
        tree["schema"][0]["physicalName"] = table.physical_name  # explicit: this is what a team will change first
        for key, ends in (("slaProperties", {"endOfSupport"}), ("customProperties", {"replacedBy", "retirement"})):
            entries = tree.get(key) or []  # the end of the old major is not that of this one
            for index in reversed(range(len(entries))):
                if entries[index].get("property") in ends:
                    del entries[index]
                elif entries[index].get("value") == "gold" and entries[index]["property"] == "tier":
                    entries[index]["value"] = "silver"

    def offer(tree: Any) -> None:
        entry = {"name": product.name, "version": str(major), "contractId": identifier}
        for port in tree["outputPorts"]:
            entry |= {key: port[key] for key in ("description", "type") if key in port}
        tree["outputPorts"].append(entry)

    contract = Document.load(newest.contract.file, product.file.parents[2]).edit(promise)
    offered = Document.load(product.file, product.file.parents[2]).edit(offer)
    changes = ChangeSet(product.file.parents[2])
    try:
        changes.create(file, contract.raw)
        changes.change(product.file, offered.text)
        _check(changes, product)
        changes.apply()
    except ScaffoldError as error:
        raise VersionError(str(error)) from None
    return NewVersion(f"{product.address}.v{major}", file, product.file)


def _check(changes: ChangeSet, product: Product) -> None:
    """Whether the domain's documents can be used with the new port in them. Raises VersionError when they can't."""
    changed = {**changes.created, **{path: after for path, (_, after) in changes.changed.items()}}
    with overlaid(changes.root, changed) as copy:
        blocked = load_usable_domain(copy).blocked.get(product.name)
        if blocked:
            told = render_findings(at_home(blocked, copy, changes.root), changes.root.parent.parent)
            raise VersionError(f"nothing was written: the documents can't be used with the new port.\n{told}")


def _next_id(identifier: str, old: int, new: int) -> str:
    """`finance.revenue.v1` -> `finance.revenue.v2`; an id of another form gets the major appended."""
    stem = identifier.removesuffix(f".v{old}")
    return f"{stem}.v{new}"
