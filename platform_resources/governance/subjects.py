"""What rules are judged on: products, contracts and each of their parts, with what surrounds them.

A subject is the node of the document as it was written, so that a rule can ask for any field of the standards, whether
or not the platform has a typed view of it. What costs something (custom properties as a mapping, facts) is computed
when a rule asks for it: 1,000 contracts have 12,000 columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from typing import Any, Literal

from platform_resources.contracts import Contract, Document, Domain, Mesh, Product
from platform_resources.contracts.reading import KeyPath
from platform_resources.governance.consumers import consumers_of
from platform_resources.governance.model import Candidate, Council, SemanticType
from platform_resources.governance.model import Subject as Kind

_NOTHING: Mapping[str, Any] = {}


class World:
    """What every subject of one judgement shares: the council's catalogues, the day, and the mesh if there is one."""

    def __init__(self, council: Council, today: date, mesh: Mesh | None = None) -> None:
        self.council, self.today, self.mesh = council, today, mesh
        self.classifications = {name: {**entry.fields, "name": name} for name, entry in council.classifications.items()}
        self.ranks = {name: entry.rank for name, entry in council.classifications.items()}
        self.tiers = {name: {**entry.fields, "name": name} for name, entry in council.tiers.items()}
        self.types: dict[str, SemanticType] = dict(council.semantic_types)
        self.types_by_name = {name: kind for kind in self.types.values() for name in kind.names}


class Around:
    """What surrounds the subjects of one contract, or of one product. Absent parts are None."""

    def __init__(
        self,
        world: World,
        domain: Domain | None,
        product: Product | None,
        contract: Contract | None = None,
        address: str | None = None,
    ) -> None:
        self.world, self.domain, self.product, self.contract, self.address = world, domain, product, contract, address

    @cached_property
    def domain_subject(self) -> Subject | None:
        document = self.domain.document if self.domain else None
        return None if document is None else Subject("product", document.data, document, (), self)

    @cached_property
    def product_subject(self) -> Subject | None:
        document = self.product.document if self.product else None
        return None if document is None else Subject("product", document.data, document, (), self)

    @cached_property
    def contract_subject(self) -> Subject | None:
        document = self.contract.document if self.contract else None
        return None if document is None else Subject("contract", document.data, document, (), self)

    @cached_property
    def columns(self) -> tuple[Subject, ...]:
        """Every column of the contract, nested ones too, in the order of the file."""
        return () if self.contract_subject is None else tuple(walk_columns(self.contract_subject))

    @cached_property
    def classifications(self) -> frozenset[str]:
        """Of the contract's columns; of a product alone, of all its ports' columns."""
        if self.contract is not None:
            found = (column.data.get("classification") for column in self.columns)
            return frozenset(name for name in found if isinstance(name, str))
        ports = self.product.ports if self.product else ()
        return frozenset(
            name
            for port in ports
            for name in Around(self.world, self.domain, self.product, port.contract).classifications
        )

    @cached_property
    def highest_classification(self) -> Mapping[str, Any] | None:
        """Catalogue entry of the most secret of its columns."""
        known = [name for name in self.classifications if name in self.world.ranks]
        return self.world.classifications[max(known, key=self.world.ranks.__getitem__)] if known else None

    @cached_property
    def consumers(self) -> int | None:
        """How many are registered as readers of the port, or of any port of the product; None without a mesh."""
        mesh = self.world.mesh
        if mesh is None:
            return None
        if self.contract is None:
            return sum(len(consumers_of(mesh, port.address)) for port in _ports(self.product))
        return len(consumers_of(mesh, self.address)) if self.address else 0

    @cached_property
    def tiers(self) -> tuple[str, ...]:
        """The contract's tier; of a product alone, the tiers of its ports."""
        contracts = [self.contract] if self.contract else [port.contract for port in _ports(self.product)]
        return tuple(str(c.custom["tier"]) for c in contracts if c.custom.get("tier") is not None)

    @cached_property
    def tier(self) -> Mapping[str, Any] | None:
        """SLA template of the tier."""
        return next((self.world.tiers[name] for name in self.tiers if name in self.world.tiers), None)


class Subject:
    """One node of a document that a rule is judged on."""

    __slots__ = (
        "_custom",
        "_facts",
        "around",
        "data",
        "document",
        "holder",
        "kind",
        "parent",
        "path",
        "table",
        "value",
    )

    def __init__(
        self,
        kind: Kind | Literal["entry"],
        data: Mapping[str, Any],
        document: Document,
        path: KeyPath,
        around: Around,
        table: Subject | None = None,
        holder: Subject | None = None,
    ) -> None:
        self.kind, self.data, self.document, self.path, self.around = kind, data, document, path, around
        self.table = table
        self.holder = holder  # the column that a quality rule, a nested column or an entry belongs to
        self.value: Any = data  # of an entry that is no mapping, the entry itself
        self.parent: Subject | None = None  # of an entry: the subject in whose list it stands
        self._custom: dict[str, Any] | None = None
        self._facts: dict[str, Any] | None = None

    @property
    def custom(self) -> Mapping[str, Any]:
        """`customProperties` as {property: value}."""
        if self._custom is None:
            entries = self.data.get("customProperties")
            self._custom = {
                entry["property"]: entry.get("value")
                for entry in (entries if isinstance(entries, list) else ())
                if isinstance(entry, dict) and isinstance(entry.get("property"), str)
            }
        return self._custom

    def fact(self, name: str) -> Any:
        """The computed fact `name` (see `facts.FACTS`); None when it says nothing about this subject."""
        from platform_resources.governance.facts import FACTS  # noqa: PLC0415  (facts are functions of subjects)

        if self.parent is not None:
            return self.parent.fact(name)
        if self._facts is None:
            self._facts = {}
        if name not in self._facts:
            self._facts[name] = FACTS[name].compute(self)
        return self._facts[name]

    def get(self, field: str) -> Any:
        """The value of a field path as rule files write it: "description", "custom.mask", "$contract.status"; or None.

        Raises
        ------
        FieldError
            when there can be no such field.
        """
        from platform_resources.governance.fields import getter, parse_field  # noqa: PLC0415  (as above)

        return getter(parse_field(field))(self)

    @property
    def name(self) -> str | None:
        name = self.data.get("name")
        return name if isinstance(name, str) else None

    @property
    def column_subject(self) -> Subject | None:
        """The column itself, or the one that a quality rule stands on."""
        return self if self.kind == "column" else self.holder

    @property
    def column(self) -> str | None:
        """Name of the column that it concerns; nested ones as `outer.inner`."""
        subject, names = self.column_subject, []
        while subject is not None:
            names.append(subject.name or "")
            subject = subject.holder
        return ".".join(reversed(names)) if names else None

    @property
    def semantic_type(self) -> SemanticType | None:
        """Of the column: what its custom property `semanticType` says, else what its name stands for."""
        column = self.column_subject
        if column is None:
            return None
        said = column.custom.get("semanticType") if "customProperties" in column.data else None
        world = self.around.world
        if said is not None:
            return world.types.get(said) if isinstance(said, str) else None
        name = column.data.get("name")
        return world.types_by_name.get(name) if isinstance(name, str) else None

    @property
    def classification(self) -> Mapping[str, Any] | None:
        """Catalogue entry of the column's classification; of anything larger, of its most secret column."""
        column = self.column_subject
        if column is None:
            return self.around.highest_classification
        name = column.data.get("classification")
        return self.around.world.classifications.get(name) if isinstance(name, str) else None

    def entry(self, value: Any) -> Subject:
        """One entry of a list of this subject, in the same surroundings."""
        data = value if isinstance(value, dict) else _NOTHING
        table = self if self.kind == "table" else self.table
        entry = Subject("entry", data, self.document, self.path, self.around, table, self.column_subject)
        entry.value, entry.parent = value, self
        return entry

    def suppose(self, facts: Mapping[str, Any]) -> None:
        """Take these facts as given, for an example of a rule: no mesh is there to compute them from."""
        self._facts = {**(self._facts or {}), **facts}


def walk_tables(contract: Subject) -> Iterator[Subject]:
    """The schema objects of a contract."""
    yield from _entries(contract, "table", "schema", None, None)


def walk_columns(contract: Subject) -> Iterator[Subject]:
    """The columns of a contract; those within an object or array follow it."""
    for table in walk_tables(contract):
        for column in _entries(table, "column", "properties", table, None):
            yield column
            if "properties" in column.data or "items" in column.data:
                yield from _nested(column)


def _nested(column: Subject) -> Iterator[Subject]:
    items = column.data.get("items")
    if isinstance(items, dict) and "properties" in items:
        within = Subject("column", items, column.document, (*column.path, "items"), column.around, column.table)
        found = list(_entries(within, "column", "properties", column.table, column))
    else:
        found = list(_entries(column, "column", "properties", column.table, column))
    for inner in found:
        yield inner
        yield from _nested(inner)


def walk_rules(contract: Subject, columns: tuple[Subject, ...]) -> Iterator[Subject]:
    """The quality rules of a contract: of its tables, then of its columns."""
    for table in walk_tables(contract):
        yield from _entries(table, "rule", "quality", table, None)
    for column in columns:
        if "quality" in column.data:
            yield from _entries(column, "rule", "quality", column.table, column)


def walk_promises(contract: Subject) -> Iterator[Subject]:
    """The SLA properties of a contract."""
    yield from _entries(contract, "promise", "slaProperties", None, None)


def walk_inputs(product: Subject) -> Iterator[Subject]:
    """The declared input ports of a product."""
    yield from _entries(product, "input", "inputPorts", None, None)


def publication(contract: Subject, candidate: Candidate) -> Subject:
    """A version that waits for the verdict, as a subject whose own fields are what was measured."""
    data = {
        "address": candidate.address,
        "score": candidate.score,
        "scores": dict(candidate.scores),
        "rows": candidate.rows,
        "ageSeconds": candidate.age_seconds,
    }
    return Subject("publication", data, contract.document, (), contract.around)


def _entries(within: Subject, kind: Kind, key: str, table: Subject | None, holder: Subject | None) -> Iterator[Subject]:
    entries = within.data.get(key)
    if isinstance(entries, list):
        document, path, around = within.document, within.path, within.around
        for index, entry in enumerate(entries):
            if isinstance(entry, dict):
                yield Subject(kind, entry, document, (*path, key, index), around, table, holder)


def _ports(product: Product | None) -> tuple[Any, ...]:
    return () if product is None else product.ports
