"""Who reads a port: products that declare it as an input, and the teams, services, agents and people beside them.

A product says so in its own `product.odps.yaml`; whoever is no product stands in the `consumers.yaml` beside the
product that is read. Only a registered consumer is asked before a port changes under it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

from platform_resources.contracts import Consent, ContractError, Document, Finding, Mesh, Origin, Product
from platform_resources.contracts.findings import errors, shown
from platform_resources.contracts.lifecycle import is_runnable, lifecycle_of
from platform_resources.contracts.loading import CONSUMERS_FILE, PRODUCT_FILE, home_of
from platform_resources.contracts.names import NAME, is_email, split_address
from platform_resources.contracts.nodes import Node
from platform_resources.contracts.product_view import consents_of, input_address

ConsumerKind = Literal["product", "team", "service", "agent", "person"]

_PRODUCT_NAME = re.compile(rf"\b{NAME.pattern}\.{NAME.pattern}")
_SCHEMA = Path(__file__).with_name("consumers.schema.json")


@dataclass(frozen=True)
class Consumer:
    """One reader of one port."""

    name: str  # "ledger.totals", "Customer insights desk"
    kind: ConsumerKind
    contact: str  # e-mail address of who decides for it; empty when its documents don't say
    port: str  # "crm.customer_360.v1"
    columns: tuple[str, ...] | None  # that it reads; None: not said, so every column counts as read
    purpose: str | None
    consents: tuple[Consent, ...]
    origin: Origin  # of its entry
    deciders: tuple[str, ...] = ()  # e-mail addresses of who may consent for it: its contact, or its owners

    def reads(self, columns: tuple[str, ...]) -> bool:
        """Whether it reads any of `columns`; no columns stand for the whole table."""
        return not columns or self.columns is None or any(column in self.columns for column in columns)

    def has_consented(self, version: str, columns: tuple[str, ...], now: datetime) -> bool:
        """Whether it agreed that `version` of the contract changes `columns` (none: the whole table) under it."""
        touched = set(columns) if self.columns is None else set(columns or self.columns) & set(self.columns)
        for consent in self.consents:
            if not _decides(consent.approver, self.deciders):
                continue
            covered = consent.columns is None or (bool(touched) and touched <= set(consent.columns))
            if consent.version == version and covered and _is_given(consent, now):
                return True
        return False

    def strangers(self, version: str) -> tuple[str, ...]:
        """Who consented to `version` without having a say for this consumer."""
        given = (consent.approver for consent in self.consents if consent.version == version)
        return tuple(dict.fromkeys(approver for approver in given if not _decides(approver, self.deciders)))


def _decides(approver: str, deciders: Collection[str]) -> bool:
    return approver.strip().casefold() in {address.strip().casefold() for address in deciders}


def _is_given(consent: Consent, now: datetime) -> bool:
    try:
        return date.fromisoformat(consent.given) <= now.date()
    except ValueError:
        return False


def consumers_of(mesh: Mesh, address: str) -> tuple[Consumer, ...]:
    """Everybody who is registered as reading a port: products first, then the entries of its `consumers.yaml`.

    A product that is retired or only proposed reads nothing. One whose documents are broken today counts, with all
    columns, when they name the port's product: it is read again tomorrow.
    """
    found = [*_reading_products(mesh, address), *_unreadable_products(mesh, address)]
    parts = split_address(address)
    if parts is not None:  # also of a product whose documents are broken: who reads it is known all the same
        folder = mesh.folder / parts[0] / "products" / parts[1]
        registered = _registered(folder / CONSUMERS_FILE, folder / PRODUCT_FILE, address.rpartition(".")[0])[0]
        found += [consumer for consumer in registered if consumer.port == address]
    return tuple(found)


def _reading_products(mesh: Mesh, address: str) -> Iterator[Consumer]:
    for product, item in mesh.readers.get(address, ()):
        if any(is_runnable(lifecycle_of(product, port)) for port in product.ports):
            deciders = _deciders(mesh, product)
            contact = next(iter(deciders), "")
            yield Consumer(
                *(product.address, "product", contact, address, item.columns, item.purpose, item.consents, item.origin),
                deciders,
            )


def _deciders(mesh: Mesh, product: Product) -> tuple[str, ...]:
    """Who may consent for a product: its owners, and the owner of its domain."""
    loaded = mesh.usable.get(product.domain)
    named = (*product.owners, loaded.domain.owner if loaded else "")
    return tuple(dict.fromkeys(address for address in named if address))


def _unreadable_products(mesh: Mesh, address: str) -> Iterator[Consumer]:
    read = address.rpartition(".")[0]
    broken = [(name, product) for name, loaded in mesh.usable.items() for product in loaded.blocked]
    broken += [
        (name, file.parent.name)
        for name in mesh.broken
        for file in sorted((mesh.folder / name).glob(f"products/*/{PRODUCT_FILE}"))
    ]
    for domain, product in broken:
        file = mesh.folder / domain / "products" / product / PRODUCT_FILE
        if f"{domain}.{product}" != read and file.is_file() and read in _names_in(file, _state(file)):
            yield Consumer(f"{domain}.{product}", "product", "", address, None, None, (), Origin(file, 1, ""))


def _state(file: Path) -> tuple[int, int]:
    """Changes when the file does: what was read from it is kept until then."""
    found = file.stat()
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=1024)
def _names_in(file: Path, _state: tuple[int, int]) -> frozenset[str]:
    """Everything in a file that may be the name of a product."""
    return frozenset(_PRODUCT_NAME.findall(file.read_text(encoding="utf-8", errors="replace")))


def load_consumers(product: Product) -> tuple[tuple[Consumer, ...], list[Finding]]:
    """The entries of the `consumers.yaml` beside a product, one for each port that they name, and what is wrong there.

    Without that file, nobody. What is wrong with one entry hides no other; findings of severity error mean that
    somebody may be missing in what is returned.
    """
    consumers, findings, nodes = _registered(product.file.parent / CONSUMERS_FILE, product.file, product.address)
    if not errors(findings):
        findings += _checked(nodes, product)
    return consumers, findings


def _registered(file: Path, product: Path, address: str) -> tuple[tuple[Consumer, ...], list[Finding], list[Node]]:
    """The entries of a `consumers.yaml`, what its schema says, and its nodes; nothing without that file."""
    if not file.is_file():
        return (), [], []
    document, findings = _read(file, home_of(product), _state(file))
    if document is None:
        return (), list(findings), []
    nodes = list(Node(document, document.data).items("consumers"))
    return tuple(consumer for node in nodes for consumer in _consumers(node, address)), list(findings), nodes


@lru_cache(maxsize=1024)
def _read(file: Path, home: Path, _state: tuple[int, int]) -> tuple[Document | None, tuple[Finding, ...]]:
    """The document, and what its schema says; a product's consumers are asked for by each of its ports."""
    try:
        document = Document.load(file, home)
    except ContractError as refused:
        return None, refused.findings
    from platform_resources.contracts.schema_check import check_schema  # noqa: PLC0415  (imports jsonschema, 50 ms)

    return document, tuple(check_schema(document, _SCHEMA))


def _consumers(node: Node, address: str) -> Iterator[Consumer]:
    kind = next((known for known in get_args(ConsumerKind) if known == node.text("kind")), "team")
    contact = node.text("contact") or ""
    for port in node.texts("ports"):
        yield Consumer(
            name=node.text("name") or "",
            kind=kind,
            contact=contact,
            port=f"{address}.{port}",
            columns=node.texts("columns") or None,
            purpose=node.text("purpose"),
            consents=consents_of(node.get("consents")),
            origin=node.origin,
            deciders=(contact,) if contact else (),
        )


def _checked(nodes: list[Node], product: Product) -> Iterator[Finding]:
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
        yield from _strange_consents(node.at("consents"), name, (contact,), product.address, product.owners)
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
        for place in _places(node.at("columns")):
            if known and place.value not in known:
                yield _unknown_column(place, name, ", ".join(node.texts("ports")), known)


def check_inputs(mesh: Mesh, product: Product) -> Iterator[Finding]:
    """What is wrong with what a product says of its inputs: columns that the port doesn't have, half consents."""
    if product.document is None:
        return
    for node in Node(product.document, product.document.data).items("inputPorts"):
        read = mesh.ports.get(input_address(node))
        for entry in node.items("customProperties"):
            if entry.text("property") == "consents":
                yield from _half_consents(entry.at("value"))
                owners = () if read is None else _deciders(mesh, read[0])
                asking, deciders = input_address(node).rpartition(".")[0], _deciders(mesh, product)
                yield from _strange_consents(entry.at("value"), product.address, deciders, asking, owners)
            if entry.text("property") == "columns" and read is not None:
                known = {column.name for column in read[1].contract.table.columns}
                for place in _places(entry.at("value")):
                    if place.value not in known:
                        yield _unknown_column(place, product.address, read[1].address, known)


def _half_consents(consents: Node) -> Iterator[Finding]:
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


def _strange_consents(
    consents: Node, who: str, deciders: Sequence[str], asking: str, owners: Sequence[str]
) -> Iterator[Finding]:
    """Consents for `who` that somebody else gave. `owners`: of the product `asking`, who can't let themselves pass."""
    for place in _places(consents):
        approver = place.text("approver")
        if approver is None or _decides(approver, deciders):
            continue
        if _decides(approver, owners):
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
