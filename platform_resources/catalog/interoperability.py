"""Do the products join? Columns of one semantic type, held against each other on what is published now.

Documents can promise that two columns mean the same; only the data proves it. Every column is scanned once, through its
port, by lakes that are attached read-only.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import duckdb

from platform_resources.catalog.distinct_values import Measure, Overlap, Values, collect, measure, overlap
from platform_resources.contracts import Column, ColumnTypeError, Mesh, canonical_type, contract_of_text
from platform_resources.governance import Council, SemanticType
from platform_resources.lake import (
    LakeMissingError,
    MeshSettings,
    PortAddress,
    attach_lakes,
    connect,
    lake_exists,
    latest_publication,
    promise_of,
)

_MEMORY = "1GB"  # beyond it DuckDB works on disk
_CLOSED = ("personal", "restricted")  # classifications whose values are no examples
_EVERY = 100.0  # percent that a type with a reference promises when it says nothing else


@dataclass(frozen=True)
class TypedColumn:
    """A column of a port that is of a semantic type."""

    port: str  # "crm.customer_360.v1"
    column: Column
    type: SemanticType

    @property
    def address(self) -> str:
        return f"{self.port}.{self.column.name}"

    @property
    def domain(self) -> str:
        return self.port.partition(".")[0]


@dataclass(frozen=True)
class Form:
    """How a published column looks beside its semantic type. Shares are percentages of the rows."""

    type: str
    column: str
    physical_type: str
    expected_type: str
    rows: int
    null_share: float
    drift_share: float | None  # of the values (without NULL) that break the type's options; None: they don't fit it
    distinct: int | None  # of columns that are joined only

    @property
    def type_drifts(self) -> bool:
        return self.physical_type != self.expected_type

    @property
    def drifts(self) -> bool:
        return self.type_drifts or bool(self.drift_share)


@dataclass(frozen=True)
class Join:
    """One column held against another: how many of its distinct values (of its rows) find a partner, in percent."""

    type: str
    column: str
    against: str
    distinct: int
    matched: int
    rows_rate: float
    promised: float | None  # None: measured for information
    examples: tuple[str, ...] | None  # values without a partner; None when they must not be shown
    reason: str | None = None  # why less than all is promised
    mutual: bool = False  # two equals were held against each other, so that it concerns both ports

    @property
    def rate(self) -> float:
        return _EVERY if not self.distinct else 100.0 * self.matched / self.distinct

    @property
    def holds(self) -> bool:
        return self.promised is None or self.rate >= self.promised


@dataclass(frozen=True)
class JoinReport:
    joins: tuple[Join, ...]
    forms: tuple[Form, ...]
    unproved: tuple[str, ...] = field(default=())  # what could not be looked at, and why

    @property
    def holds(self) -> bool:
        """Whether every promised rate is kept. Drift of type or form is told, and breaks nothing by itself."""
        return all(join.holds for join in self.joins)


def typed_columns(mesh: Mesh, council: Council) -> list[TypedColumn]:
    """The columns of all ports that are of a semantic type: by their property `semanticType`, else by their name."""
    found = []
    for address, (_, port) in mesh.ports.items():
        for column in port.contract.table.columns:
            kind = council.semantic_type_of(column)
            if kind is not None:
                found.append(TypedColumn(address, column, kind))
    return found


def is_joined(kind: SemanticType) -> bool:
    """Whether columns of the type must join: it has a reference that knows all values, or a `joinRate`."""
    return kind.reference is not None or _number(kind.fields.get("joinRate")) is not None


def prove_joins(
    settings: MeshSettings, mesh: Mesh, council: Council, *, type_id: str | None = None, domain: str | None = None
) -> JoinReport:
    """Every typed column (of one type; of one domain) on published data.

    Types with a `reference` are joined to it, those with a `joinRate` only pair by pair; of the others the form is
    judged alone. What can't be read (no lake, damaged, not published) is told in `unproved` and stops nothing.
    """
    columns = [c for c in typed_columns(mesh, council) if type_id in (None, c.type.id)]
    pairs = [(one, other) for one, other in _pairs(columns) if domain in (None, one.domain, other.domain)]
    needed = {c.address: c for pair in pairs for c in pair}
    needed |= {c.address: c for c in columns if domain in (None, c.domain)}
    with _connection(settings) as con:
        ports, unproved = _published(con, settings, needed.values())
        unproved += _without_reference(columns, domain)
        values: dict[str, Values] = {}
        measures: dict[str, Measure] = {}
        in_pairs = {c.address for pair in pairs for c in pair}
        for address, group in _by_port(needed.values()).items():
            if address not in ports:
                continue
            unproved += _read(con, PortAddress.parse(address), group, in_pairs, values, measures)
        forms = [_form(needed[a], m) for a, m in measures.items() if domain is None or needed[a].domain == domain]
        joins = []
        for one, other in pairs:
            if one.address not in values or other.address not in values:
                continue
            if one.type.reference is None and _distinct(measures, one) > _distinct(measures, other):
                one, other = other, one  # the smaller is to be found in the larger
            joins.append(_join(one, other, overlap(con, values[one.address], values[other.address]), ports))
    return JoinReport(tuple(joins), tuple(sorted(forms, key=lambda f: (f.type, f.column))), tuple(unproved))


def _distinct(measures: Mapping[str, Measure], column: TypedColumn) -> int:
    return measures[column.address].distinct or 0


def _pairs(columns: Sequence[TypedColumn]) -> list[tuple[TypedColumn, TypedColumn]]:
    """(column, the one that it must join to); without a reference, every two of different products."""
    found = []
    for kind in {c.type.id: c.type for c in columns}.values():
        members = [c for c in columns if c.type.id == kind.id]
        if kind.reference is not None:
            reference = next((c for c in members if c.address == kind.reference), None)
            found += [(c, reference) for c in members if reference is not None and c is not reference]
        elif is_joined(kind):
            found += [pair for pair in combinations(members, 2) if _product(pair[0]) != _product(pair[1])]
    return found


def _product(column: TypedColumn) -> str:
    return column.port.rpartition(".")[0]


def _without_reference(columns: Sequence[TypedColumn], domain: str | None) -> list[str]:
    """Types whose reference is no column of the type in any port."""
    known = {c.address for c in columns}
    of_domain = {c.type.id: c.type for c in columns if domain in (None, c.domain)}
    return [
        f"{kind.id}: its reference {kind.reference} is no such column of any product"
        for kind in of_domain.values()
        if kind.reference is not None and kind.reference not in known
    ]


def _by_port(columns: Iterable[TypedColumn]) -> dict[str, list[TypedColumn]]:
    grouped: dict[str, list[TypedColumn]] = {}
    for column in columns:
        grouped.setdefault(column.port, []).append(column)
    return grouped


@contextmanager
def _connection(settings: MeshSettings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection without a lake, whose temporary tables may outgrow the memory."""
    with tempfile.TemporaryDirectory(prefix="mesh-joins-") as folder, connect(settings) as con:
        con.execute(f"SET memory_limit = '{_MEMORY}'")
        con.execute("SET temp_directory = ?", [folder])
        yield con


def _published(
    con: duckdb.DuckDBPyConnection, settings: MeshSettings, columns: Iterable[TypedColumn]
) -> tuple[dict[str, frozenset[str]], list[str]]:
    """Attach the lakes of the columns; address of each published port -> its columns whose values stay closed."""
    ports: dict[str, frozenset[str]] = {}
    unproved = []
    by_domain: dict[str, list[str]] = {}
    for column in columns:
        by_domain.setdefault(column.domain, []).append(column.port)
    for domain, addresses in sorted(by_domain.items()):
        if not lake_exists(settings, domain):
            unproved.append(f"{domain}: nothing is published yet; build it: mesh run {domain}")
            continue
        try:
            attach_lakes(con, settings, reads=[domain])
            for address in dict.fromkeys(addresses):
                served = _closed_columns(con, PortAddress.parse(address))
                if served is None:
                    unproved.append(f"{address}: it is not published; build it: mesh run {address.rpartition('.')[0]}")
                else:
                    ports[address] = served
        except (duckdb.Error, LakeMissingError) as damage:
            unproved.append(f"{domain}: its lake can't be read: {_first_line(damage)} (`mesh fsck` tells the damage)")
    return ports, unproved


def _closed_columns(con: duckdb.DuckDBPyConnection, port: PortAddress) -> frozenset[str] | None:
    """Columns of the served version with a mask or a high classification; None when nothing is served."""
    publication = latest_publication(con, port)
    if publication is None:
        return None
    contract = contract_of_text(promise_of(con, port, publication).document, f"{port}.odcs.yaml")
    return frozenset(column.name for column in contract.table.columns if _is_closed(column))


def _is_closed(column: Column) -> bool:
    return "mask" in column.custom or column.classification in _CLOSED


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _read(
    con: duckdb.DuckDBPyConnection,
    port: PortAddress,
    columns: Sequence[TypedColumn],
    in_pairs: set[str],
    values: dict[str, Values],
    measures: dict[str, Measure],
) -> list[str]:
    """Collect the distinct values of columns that are joined, measure the form of all; returns what can't be read."""
    try:
        delivered = {row[0]: row[1] for row in con.execute(f"DESCRIBE SELECT * FROM {port.sql}").fetchall()}
        served = [c for c in columns if c.column.name in delivered]
        for column in (c for c in served if c.address in in_pairs):
            name = f"values_{len(values)}"
            values[column.address] = collect(con, port.sql, column.column.name, delivered[column.column.name], name)
            measures[column.address] = values[column.address].measure(con, _shaped(column))
        others = [_shaped(c) for c in served if c.address not in in_pairs]
        found = measure(con, port.sql, others, delivered)
        measures |= {f"{port}.{name}": of for name, of in found.items()}
    except duckdb.Error as damage:
        return [f"{port}: it can't be read: {_first_line(damage)} (`mesh fsck` tells the damage)"]
    return [
        f"{c.address}: the served version has no such column yet" for c in columns if c.column.name not in delivered
    ]


def _shaped(column: TypedColumn) -> Column:
    """The column with the form that its semantic type has, in place of its contract's."""
    return replace(column.column, options=column.type.options, enum=None)


def _form(column: TypedColumn, found: Measure) -> Form:
    return Form(
        type=column.type.id,
        column=column.address,
        physical_type=found.physical_type,
        expected_type=_expected(column.type, found.physical_type),
        rows=found.rows,
        null_share=_share(found.nulls, found.rows),
        drift_share=None if found.failing is None else _share(found.failing, found.rows - found.nulls),
        distinct=found.distinct,
    )


def _expected(kind: SemanticType, delivered: str) -> str:
    try:
        return canonical_type(kind.physical_type)
    except ColumnTypeError:
        return delivered  # the council's file says no type; its own check tells that


def _share(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 0.0


def _join(one: TypedColumn, other: TypedColumn, found: Overlap, closed: Mapping[str, frozenset[str]]) -> Join:
    hidden = any(_is_closed(c.column) or c.column.name in closed[c.port] for c in (one, other))
    promised, reason = _promise(one)
    return Join(
        type=one.type.id,
        column=one.address,
        against=other.address,
        distinct=found.distinct,
        matched=found.matched,
        rows_rate=_EVERY if not found.rows else 100.0 * found.matched_rows / found.rows,
        promised=promised,
        examples=None if hidden else found.examples,
        reason=reason,
        mutual=one.type.reference is None,
    )


def _promise(column: TypedColumn) -> tuple[float | None, str | None]:
    """Percent of distinct values that must find a partner, and the council's reason when it tolerates less."""
    fields = column.type.fields
    entries: Any = fields.get("tolerates")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("column") == column.address:
            return _number(entry.get("joinRate")), str(entry.get("reason", "")) or None
    rate = _number(fields.get("joinRate"))
    return (_EVERY if rate is None and column.type.reference is not None else rate), None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
