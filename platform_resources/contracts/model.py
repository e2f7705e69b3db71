"""Typed, frozen views over ODCS contracts and ODPS products.

The document stays the record (`documents.py` keeps every byte of it); these views hold what the rest of the platform
reads, in the words of the standards. Field names follow ODCS v3.1.0 and Bitol ODPS v1.0.0 in snake_case.
"""

from __future__ import annotations

import copyreg
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from platform_resources.contracts.durations import parse_duration

if TYPE_CHECKING:
    from platform_resources.contracts.documents import Document

Severity = Literal["error", "warning", "info"]
Dimension = Literal["accuracy", "completeness", "conformity", "consistency", "coverage", "timeliness", "uniqueness"]


_NOTHING: Mapping[str, Any] = {}


def _nothing() -> Mapping[str, Any]:
    """One empty mapping for all: of 300,000 columns most have no options and no properties."""
    return _NOTHING


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value stands in its file: for messages that a person can act on."""

    file: Path
    line: int  # 1-based
    path: str  # JSON path without the leading "$.", e.g. "schema[0].properties[3].logicalType"

    def __str__(self) -> str:
        return f"{self.file}:{self.line} ({self.path})"


@dataclass(frozen=True, slots=True)
class QualityRule:
    """One ODCS `quality` entry, on a table (``column is None``), on a column or on what a column holds (its path)."""

    name: str
    type: Literal["library", "sql", "text", "custom"]
    origin: Origin
    column: str | None = None
    metric: str | None = None  # nullValues, missingValues, invalidValues, duplicateValues, rowCount
    arguments: Mapping[str, Any] = field(default_factory=_nothing)
    query: str | None = None  # for type sql; may hold {table}/${table}/{object}/{property}/{column}
    operator: str | None = None  # the ODCS key as written: mustBe, mustNotBe, mustBeGreaterThan, ..., mustBeBetween
    threshold: Any = None  # number, or a pair for the two "Between" operators
    unit: Literal["rows", "percent"] = "rows"
    severity: Severity = "error"
    dimension: Dimension | None = None
    description: str | None = None
    business_impact: str | None = None
    custom: Mapping[str, Any] = field(default_factory=_nothing)
    engine: str | None = None  # for type custom
    implementation: Mapping[str, Any] = field(default_factory=_nothing)  # for type custom, where it is no text


@dataclass(frozen=True, slots=True)
class Relationship:
    """A foreign key: `from_columns` of this table must be found in `to_columns` of `to_table`."""

    from_columns: tuple[str, ...]
    to_table: str  # as written before the column: "customer_360" or an address "sales.bookings.v1"
    to_columns: tuple[str, ...]
    origin: Origin
    custom: Mapping[str, Any] = field(default_factory=_nothing)


@dataclass(frozen=True, slots=True)
class SourceObject:
    """What a column is declared to be made of: `sales.bookings.v1.net_sales`, `crm.internal.customers.email`."""

    name: str  # as written
    origin: Origin


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    logical_type: str | None  # ODCS logicalType
    physical_type: str | None  # DuckDB type as it must be delivered, e.g. "DECIMAL(18,2)"
    origin: Origin
    description: str | None = None
    business_name: str | None = None
    required: bool = False
    unique: bool = False
    primary_key_position: int | None = None  # 1-based; None when not part of the key
    options: Mapping[str, Any] = field(default_factory=_nothing)  # logicalTypeOptions: pattern, minLength, enum ...
    enum: tuple[Any, ...] | None = None  # ODCS 3.2 enum, or logicalTypeOptions.enum
    classification: str | None = None
    critical: bool = False  # criticalDataElement
    examples: tuple[Any, ...] = ()
    quality: tuple[QualityRule, ...] = ()
    tags: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()  # links of authoritativeDefinitions with `type: glossary`, as written
    custom: Mapping[str, Any] = field(default_factory=_nothing)
    sources: tuple[SourceObject, ...] = ()  # ODCS transformSourceObjects
    transform_logic: str | None = None
    transform_description: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One ODCS schema object."""

    name: str
    physical_name: str
    origin: Origin
    columns: tuple[Column, ...]
    quality: tuple[QualityRule, ...] = ()
    relationships: tuple[Relationship, ...] = ()
    description: str | None = None
    granularity: str | None = None
    terms: tuple[str, ...] = ()  # as of a column
    custom: Mapping[str, Any] = field(default_factory=_nothing)
    members: tuple[Column, ...] = ()  # what columns hold, each under its path: `address.city`, `lines[].price`

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Column names in key order; empty when the table has no primary key."""
        keyed = [c for c in self.columns if c.primary_key_position is not None]
        return tuple(c.name for c in sorted(keyed, key=lambda c: c.primary_key_position or 0))

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)

    @property
    def rules(self) -> tuple[QualityRule, ...]:
        """Every rule: of the table, of its columns, and of what they hold."""
        return (*self.quality, *(rule for each in (*self.columns, *self.members) for rule in each.quality))

    @property
    def manual_rules(self) -> tuple[QualityRule, ...]:
        """Rules of type text: people look after them, nothing measures them."""
        return tuple(rule for rule in self.rules if rule.type == "text")


@dataclass(frozen=True, slots=True)
class SlaProperty:
    """One ODCS `slaProperties` entry."""

    property: str  # freshness, availability, completeness, retention ...
    value: Any
    origin: Origin
    unit: str | None = None
    element: str | None = None  # "<table>.<column>[, ...]"
    driver: str | None = None
    custom: Mapping[str, Any] = field(default_factory=_nothing)

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names of `element`, without their table."""
        parts = (self.element or "").split(",")
        return tuple(p.strip().rpartition(".")[2] for p in parts if p.strip())


def _pack_by_values(*kinds: type) -> None:
    """Pickle values of these classes as a call with all their fields: half of the time of what dataclasses do."""
    for kind in kinds:
        values = attrgetter(*(entry.name for entry in fields(kind)))
        copyreg.pickle(kind, lambda value, kind=kind, values=values: (kind, values(value)))


_pack_by_values(Origin, QualityRule, Relationship, SourceObject, Column, Table)


class _Tables:
    """The field `tables` of a contract: kept by its document where one was read from it, since it is most of it.

    `None` says so; whatever else is given stays. `table` is the first of them.
    """

    def __init__(self, *, first: bool) -> None:
        self._first = first

    def __set_name__(self, _: type, name: str) -> None:
        self._name = f"_{name}"

    def __get__(self, contract: Any, _: type | None = None) -> Any:
        if contract is None:
            raise AttributeError("no default")  # what a dataclass asks a descriptor for
        said = contract.__dict__[self._name]
        if said is not None:
            return said
        tables = contract.document.view
        return tables[0] if self._first else tables

    def __set__(self, contract: Any, value: Any) -> None:
        contract.__dict__[self._name] = value


@dataclass(frozen=True)
class Contract:
    """One ODCS document: the promise of one output port (or, under `sources/`, of one landed source)."""

    id: str
    version: str
    status: str
    file: Path
    table: Table = _Tables(first=True)  # type: ignore[assignment]  # the first schema object: a port is one table
    tables: tuple[Table, ...] = _Tables(first=False)  # type: ignore[assignment]
    api_version: str
    name: str | None = None
    domain: str | None = None
    data_product: str | None = None
    purpose: str | None = None
    usage: str | None = None
    limitations: str | None = None
    sla: tuple[SlaProperty, ...] = ()
    team_name: str | None = None
    owners: tuple[str, ...] = ()  # e-mail addresses of team members
    tags: tuple[str, ...] = ()
    servers: tuple[Mapping[str, Any], ...] = ()
    roles: tuple[Mapping[str, Any], ...] = ()
    custom: Mapping[str, Any] = field(default_factory=_nothing)  # customProperties as {property: value}
    glossary_links: tuple[str, ...] = ()  # of its table and columns, each once: known without unpacking them
    sha256: str = ""  # of the file's bytes: what a publication records as its promise
    document: Document | None = field(default=None, repr=False, compare=False)  # the record this view was read from

    @property
    def major(self) -> int:
        return int(self.version.split(".", 1)[0])

    def sla_property(self, name: str) -> SlaProperty | None:
        return next((s for s in self.sla if s.property == name), None)

    @property
    def freshness(self) -> timedelta | None:
        """The promised age limit of the data, or None when the contract promises none."""
        promise = self.sla_property("freshness")
        return None if promise is None else parse_duration(promise.value, promise.unit)

    @property
    def end_of_support(self) -> date | None:
        """The last day on which the port is served (`endOfSupport`); None when none is said."""
        promise = self.sla_property("endOfSupport")
        try:
            return None if promise is None else date.fromisoformat(str(promise.value)[:10])
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Consent:
    """A consumer's word that a change of a port, which would break it, may be published."""

    version: str  # contract version that it consents to: "1.1.0"
    approver: str  # e-mail address of who consented, for the consumer
    given: str  # ISO date
    columns: tuple[str, ...] | None = None  # of the change; None: whatever it touches
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class InputPort:
    """A declared input of a product: another product's port.

    Beyond the standard (as its `customProperties`): `columns` that the product reads, `purpose`, and `consents`.
    """

    address: str  # "sales.bookings.v1"
    contract_id: str
    origin: Origin
    columns: tuple[str, ...] | None = None  # None: not said, so every column counts as read
    purpose: str | None = None
    consents: tuple[Consent, ...] = ()


@dataclass(frozen=True, slots=True)
class OutputPort:
    """A port that a product offers, with the contract that it keeps."""

    name: str  # "customer_360"
    major: int
    address: str  # "crm.customer_360.v1"
    contract: Contract
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """One Bitol ODPS document with the contracts of its output ports."""

    id: str
    domain: str
    name: str  # "customer_360"
    status: str
    file: Path
    inputs: tuple[InputPort, ...]
    ports: tuple[OutputPort, ...]
    version: str | None = None
    title: str | None = None
    purpose: str | None = None
    usage: str | None = None
    limitations: str | None = None
    team_name: str | None = None
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    support: tuple[Mapping[str, Any], ...] = ()
    custom: Mapping[str, Any] = field(default_factory=_nothing)
    document: Document | None = field(default=None, repr=False, compare=False)

    @property
    def address(self) -> str:
        return f"{self.domain}.{self.name}"


@dataclass(frozen=True, slots=True)
class Domain:
    """One domain folder: its descriptor, its products and the sources that it ingests."""

    name: str
    folder: Path
    title: str
    purpose: str
    team_name: str
    owner: str  # e-mail
    contact: str | None
    products: tuple[Product, ...]
    sources: tuple[Contract, ...]  # contracts of landed files, `sources/*.odcs.yaml`
    custom: Mapping[str, Any] = field(default_factory=_nothing)
    channel: str | None = None  # chat channel of the team
    document: Document | None = field(default=None, repr=False, compare=False)

    @property
    def ports(self) -> tuple[OutputPort, ...]:
        return tuple(port for product in self.products for port in product.ports)

    @property
    def inputs(self) -> tuple[InputPort, ...]:
        """Every distinct input port of every product, in file order."""
        seen = {port.address: port for product in self.products for port in product.inputs}
        return tuple(seen.values())
