"""Who reads a port: products that declare it as an input, and the teams, services, agents and people beside them.

A product says so in its own `product.odps.yaml`; whoever is no product stands in the `consumers.yaml` beside the
product that is read. Only a registered consumer is asked before a port changes under it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

from platform_resources.contracts import Comparison, Consent, ContractError, Document, Finding, Mesh, Origin, Product
from platform_resources.contracts.findings import errors
from platform_resources.contracts.lifecycle import is_runnable, lifecycle_of
from platform_resources.contracts.loading import CONSUMERS_FILE, PRODUCT_FILE, home_of
from platform_resources.contracts.names import NAME, split_address
from platform_resources.contracts.nodes import Node
from platform_resources.contracts.product_view import consents_of, input_address
from platform_resources.governance.consumer_findings import (
    check_entries,
    decides,
    half_consents,
    strange_consents,
    wrong_columns,
)
from platform_resources.governance.model import Holder

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
    columns: tuple[str, ...] | None  # that it reads; None: not said (an empty list says nothing): all count as read
    purpose: str | None
    consents: tuple[Consent, ...]
    origin: Origin  # of its entry
    deciders: tuple[str, ...] = ()  # e-mail addresses of who may consent for it: its contact, or its owners
    is_registered: bool = True  # False: it holds a grant, and no document names it

    def reads(self, columns: tuple[str, ...]) -> bool:
        """Whether it reads any of `columns`; no columns stand for the whole table."""
        return not columns or self.columns is None or bool(_folded(columns) & _folded(self.columns))

    def has_consented(self, version: str, columns: tuple[str, ...], now: datetime) -> bool:
        """Whether it agreed that `version` of the contract changes `columns` (none: the whole table) under it."""
        read = _folded(columns if self.columns is None else self.columns)
        touched = _folded(columns) & read if columns else read
        for consent in self.consents:
            if not decides(consent.approver, self.deciders):
                continue
            covered = consent.columns is None or (bool(touched) and touched <= _folded(consent.columns))
            if consent.version == version and covered and _is_given(consent, now):
                return True
        return False

    def within(self, known: Collection[str]) -> Consumer:
        """The same consumer of a port with the columns `known`: with all of them when it names another one.

        A misspelt name must not count as not read: then nobody would be asked.
        """
        if self.columns is None or _folded(self.columns) <= _folded(known):
            return self
        return replace(self, columns=None)

    def strangers(self, version: str) -> tuple[str, ...]:
        """Who consented to `version` without having a say for this consumer."""
        given = (consent.approver for consent in self.consents if consent.version == version)
        return tuple(dict.fromkeys(approver for approver in given if not decides(approver, self.deciders)))


def _folded(names: Iterable[str]) -> set[str]:
    """Names of columns as DuckDB compares them: in letters of any case."""
    return {name.casefold() for name in names}


def _is_given(consent: Consent, now: datetime) -> bool:
    try:
        return date.fromisoformat(consent.given) <= now.date()
    except ValueError:
        return False


def consumers_of(mesh: Mesh, address: str, comparison: Comparison | None = None) -> tuple[Consumer, ...]:
    """Everybody who is registered as reading a port: products first, then the entries of its `consumers.yaml`.

    With the `comparison` of two versions of the port, whoever names a column that is in neither reads all columns.
    A product that is retired or only proposed reads nothing. One whose documents are broken today counts, with all
    columns, when they name the port's product: it is read again tomorrow.
    """
    found = [*_reading_products(mesh, address), *_unreadable_products(mesh, address)]
    parts = split_address(address)
    if parts is not None:  # also of a product whose documents are broken: who reads it is known all the same
        folder = mesh.folder / parts[0] / "products" / parts[1]
        registered = _registered(folder / CONSUMERS_FILE, folder / PRODUCT_FILE, address.rpartition(".")[0])[0]
        found += [consumer for consumer in registered if consumer.port == address]
    if comparison is None:
        return tuple(found)
    tables = (*comparison.before.tables, *comparison.after.tables)
    known = {column.name for table in tables for column in table.columns}
    return tuple(consumer.within(known) for consumer in found)


def unregistered(
    holders: Iterable[Holder], registered: Collection[Consumer], product: Product, address: str
) -> tuple[Consumer, ...]:
    """Who holds a grant on a port and stands in no document as its consumer, by id or name."""
    known = {consumer.name.casefold() for consumer in registered}
    place = Origin(product.file.parent / CONSUMERS_FILE, 1, "")
    return tuple(
        Consumer(
            *(holder.id, holder.kind, holder.contact, address, holder.columns, holder.purpose, (), place),
            is_registered=False,
        )
        for holder in holders
        if not known & {holder.id.casefold(), holder.name.casefold()}
    )


def _reading_products(mesh: Mesh, address: str) -> Iterator[Consumer]:
    for product, item in mesh.readers.get(address, ()):
        if any(is_runnable(lifecycle_of(product, port)) for port in product.ports):
            deciders = _deciders(mesh, product)
            contact = next(iter(deciders), "")
            yield Consumer(
                *(
                    product.address,
                    "product",
                    contact,
                    address,
                    item.columns or None,
                    item.purpose,
                    item.consents,
                    item.origin,
                ),
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
        findings += check_entries(nodes, product)
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


def check_inputs(mesh: Mesh, product: Product) -> Iterator[Finding]:
    """What is wrong with what a product says of its inputs: columns that the port doesn't have, half consents."""
    if product.document is None:
        return
    for node in Node(product.document, product.document.data).items("inputPorts"):
        read = mesh.ports.get(input_address(node))
        for entry in node.items("customProperties"):
            if entry.text("property") == "consents":
                yield from half_consents(entry.at("value"))
                owners = () if read is None else _deciders(mesh, read[0])
                asking, deciders = input_address(node).rpartition(".")[0], _deciders(mesh, product)
                yield from strange_consents(entry.at("value"), product.address, deciders, asking, owners)
            if entry.text("property") == "columns" and read is not None:
                known = {column.name for column in read[1].contract.table.columns}
                yield from wrong_columns(entry.at("value"), product.address, read[1].address, known)
