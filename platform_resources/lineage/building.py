"""What a build knows of its table's columns, as edges: from its SQL, or from the contract and what was watched."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from platform_resources.contracts.model import Column, Domain
from platform_resources.lake import INTERNAL_SCHEMA
from platform_resources.lake.column_lineage import TableLineage
from platform_resources.lineage.declared import declared_columns, declared_inputs, was_read
from platform_resources.lineage.model import ColumnEdge, as_record, dataset_of
from platform_resources.lineage.sql import QueryLineage, UnreadableQueryError, Use

Masked = Mapping[str, Collection[str]]  # address of an input port -> its columns that the build sees masked


@dataclass(frozen=True)
class Built:
    """A private table that was built, and what it is known to read."""

    domain: Domain
    table: str  # its name
    columns: Sequence[str]
    reads: Sequence[str]  # addresses of the ports and own tables that it declares
    masked: Masked

    @property
    def address(self) -> str:
        return f"{self.domain.name}.{INTERNAL_SCHEMA}.{self.table}"

    def edge(self, source: str, target: str, type_: str, subtype: str, known: str, observed: bool | None) -> ColumnEdge:
        masked = source[len(dataset_of(source)) + 1 :] in self.masked.get(dataset_of(source), ())
        return ColumnEdge(source, target, type_, subtype, masked, known, observed)  # type: ignore[arg-type]


def lineage_by_sql(built: Built, query: QueryLineage) -> TableLineage:
    """The lineage of a table that one query makes: what is known of it is certain, and all of it was read.

    A table of which no use could be told, or not each, is told as a whole. So is all that the build declares to read
    where the query reads what is no known table: that may be a macro or a view over it.

    Raises
    ------
    UnreadableQueryError
        when the table has a column that the query was not seen to make.
    """
    if missed := {name.lower() for name in built.columns} - query.columns.keys():
        raise UnreadableQueryError(f"nobody knows what {', '.join(sorted(missed))} of {built.address} is made of")
    found = {_edge_of(built, use, name) for name in built.columns for use in query.columns[name.lower()]}
    found |= {_edge_of(built, use, None) for use in query.rows}
    told = {dataset_of(edge.source) for edge in found}
    vague = {".".join(table) for table in query.vague}
    whole = {".".join(table) for table in query.tables} - told
    found |= {
        built.edge(name, built.address, "DIRECT", "", "input", True) for name in (whole | vague) - {built.address}
    }
    if query.unknown:
        hidden = set(built.reads) - told - whole - vague
        found |= {built.edge(name, built.address, "DIRECT", "", "input", None) for name in hidden}
    reads = None if query.unknown else query.reads  # who reads by a macro is not told that it never read
    return _recorded(built, found, None if reads is None else {".".join([*table, column]) for table, column in reads})


def _edge_of(built: Built, use: Use, column: str | None) -> ColumnEdge:
    target = built.address if column is None else f"{built.address}.{column}"
    return built.edge(".".join([*use.table, use.column]), target, use.type, use.subtype, "sql", True)


def lineage_by_contract(built: Built, reads: Collection[str] | None) -> TableLineage:
    """The lineage of a table that code makes: what the contracts of its ports declare, held against what was read.

    What is read and mapped to no column may decide over any: an indirect `input` edge to the table. Of a dataset
    of which no column is known, that it is read. `reads`: the columns that were read; None: not watched, so those that
    the inputs declare.
    """
    found: set[ColumnEdge] = set()
    for column in declared_columns(built.domain, built.table):
        if column.name not in built.columns:
            continue
        subtype = declared_subtype(column)
        for source in column.sources:
            target, observed = f"{built.address}.{column.name}", was_read(source.name, reads)
            found.add(built.edge(source.name, target, "DIRECT", subtype, "declared", observed))
    told = _declared_reads(built) if reads is None else reads
    for source in set(told) - {edge.source for edge in found}:
        if dataset_of(source) in built.reads:
            found.add(built.edge(source, built.address, "INDIRECT", "", "input", was_read(source, reads)))
    for dataset in set(built.reads) - {dataset_of(edge.source) for edge in found}:
        found.add(built.edge(dataset, built.address, "DIRECT", "", "input", was_read(dataset, reads)))
    return _recorded(built, found, reads)


def _declared_reads(built: Built) -> set[str]:
    declared, _ = declared_inputs(built.domain, built.table)
    return {f"{port}.{name}" for port, columns in declared.items() for name in columns or ()}


def lineage_by_name(built: Built) -> TableLineage:
    """The lineage of a table whose query can't be followed: what it is known to read."""
    found = {built.edge(name, built.address, "DIRECT", "", "input", None) for name in built.reads}
    return _recorded(built, found, None)


def _recorded(built: Built, edges: Iterable[ColumnEdge], reads: Collection[str] | None) -> TableLineage:
    rows = tuple(tuple(row) for row in as_record(edges))
    return TableLineage(built.table, rows, None if reads is None else tuple(sorted(reads)))


def declared_subtype(column: Column) -> str:
    """What a contract says is done to the sources: by `transformLogic` where that is SQL, else by whether it is told.

    A column with one source and no word about a transformation is taken over as it is.
    """
    if column.transform_logic:
        try:
            logic = parse_one(column.transform_logic, dialect="duckdb")
        except SqlglotError:
            return "TRANSFORMATION"
        if isinstance(logic, exp.Column):
            return "IDENTITY"
        return "AGGREGATION" if logic.find(exp.AggFunc) is not None else "TRANSFORMATION"
    told = column.transform_description or len(column.sources) > 1
    return "TRANSFORMATION" if told else "IDENTITY"
