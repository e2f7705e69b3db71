"""What is wrong with what is said of consumers: ports and columns that aren't there, consents that don't count."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches

from platform_resources.contracts import Finding, Product
from platform_resources.contracts.findings import shown
from platform_resources.contracts.lifecycle import lifecycle_of
from platform_resources.contracts.names import is_email
from platform_resources.contracts.nodes import Node


def check_entries(nodes: list[Node], product: Product) -> Iterator[Finding]:
    """What is wrong with the entries of a `consumers.yaml` whose schema holds."""
    ports = {f"v{port.major}": port for port in product.ports}
    lines: dict[str, int] = {}
    for node in nodes:
        name = node.text("name") or ""
        if name in lines:
            yield node.at("name").finding(
                "consumer-twice",
                f"{shown(name)} stands on line {lines[name]} already.",
                "Put the two entries together, or name them apart.",
                "warning",
            )
        lines.setdefault(name, node.origin.line)
        if not is_email(node.text("contact")):
            yield node.at("contact").finding(
                "consumer-contact",
                f"`contact` of {shown(name)} is {shown(node.get('contact'))}, which is no e-mail address.",
                "Write the address of the person who can consent to a change for it.",
                "warning",
            )
        contact = node.text("contact") or ""
        yield from strange_consents(node.at("consents"), name, (contact,), product.address, product.owners)
        known = {column.name for v in node.texts("ports") if v in ports for column in ports[v].contract.table.columns}
        for place in _places(node.at("ports")):
            if place.value not in ports:
                yield place.finding(
                    "consumer-port",
                    f"{shown(name)} reads {product.address}.{place.value}, which is no port of this product.",
                    f"The ports are {', '.join(ports)}." if ports else "Delete the entry.",
                    "warning",
                )
            elif (state := lifecycle_of(product, ports[place.value])) in ("deprecated", "retired"):
                yield place.finding(
                    "consumer-port",
                    f"{shown(name)} reads {product.address}.{place.value}, which is {state}.",
                    f"Help it to read another port: {node.text('contact')}.",
                    "warning",
                )
        if known:
            yield from wrong_columns(node.at("columns"), name, ", ".join(node.texts("ports")), known)


def wrong_columns(columns: Node, who: str, port: str, known: set[str]) -> Iterator[Finding]:
    """`columns` that `who` says it reads of `port`, whose columns are `known`."""
    if columns.value == []:
        message = f"`columns` of {shown(who)} is empty, so every column counts as read."
        remedy = "Name the columns that it reads; or delete the key if it reads them all."
        yield columns.finding("consumer-column", message, remedy, "warning")
    names = {name.casefold() for name in known}
    for place in _places(columns):
        if str(place.value).casefold() not in names:
            yield _unknown_column(place, who, port, known)


def half_consents(consents: Node) -> Iterator[Finding]:
    entries = consents.value if isinstance(consents.value, list) else [consents.value]
    for index, entry in enumerate(entries):
        said = entry if isinstance(entry, dict) else {}
        missing = [name for name in ("version", "approver", "given") if not isinstance(said.get(name), str)]
        if missing:
            place = Node(consents.document, entry, (*consents.path, index))
            yield place.finding(
                "consent-incomplete",
                f"This consent doesn't count: it doesn't say {' or '.join(f'`{name}`' for name in missing)}.",
                "Write it as {version: 1.1.0, approver: person@example.com, given: 2026-11-21}.",
                "warning",
            )


def strange_consents(
    consents: Node, who: str, deciders: Sequence[str], asking: str, owners: Sequence[str]
) -> Iterator[Finding]:
    """Consents for `who` that somebody else gave. `owners`: of the product `asking`, who can't let themselves pass."""
    for place in _places(consents):
        approver = place.text("approver")
        if approver is None or decides(approver, deciders):
            continue
        if decides(approver, owners):
            stranger = f"an owner of {asking}, which asks for the consent, and not of {shown(who)}"
        else:
            stranger = f"neither the contact nor an owner of {shown(who)}"
        yield place.at("approver").finding(
            "consent-not-theirs",
            f"This consent doesn't count: {shown(approver)} is {stranger}.",
            f"Have {' or '.join(filter(None, deciders)) or 'who decides for it'} consent.",
            "warning",
        )


def _unknown_column(place: Node, who: str, port: str, known: set[str]) -> Finding:
    close = get_close_matches(str(place.value), sorted(known), 1, 0.7)
    remedy = f"Did you mean `{close[0]}`?" if close else "Delete it when it is no longer read."
    message = f"{shown(who)} reads the column {shown(place.value)}, which {port} doesn't have."
    return place.finding("consumer-column", message, remedy, "warning")


def _places(node: Node) -> Iterator[Node]:
    """The entries of a list, each with its place."""
    for index, value in enumerate(node.value if isinstance(node.value, list) else ()):
        yield Node(node.document, value, (*node.path, index))


def decides(approver: str, deciders: Collection[str]) -> bool:
    """Whether an e-mail address is among `deciders`, in letters of any case."""
    return approver.strip().casefold() in {address.strip().casefold() for address in deciders}
