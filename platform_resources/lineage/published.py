"""The lineage of a published port: from its columns through the domain's private tables to input ports and feeds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

import duckdb

from platform_resources.contracts.model import Domain, OutputPort, Product
from platform_resources.lake import Publication
from platform_resources.lake.column_lineage import lineage_of_tables
from platform_resources.lineage.declared import doubts
from platform_resources.lineage.model import (
    DIRECT_SUBTYPES,
    ColumnEdge,
    column_of,
    dataset_of,
    from_record,
    is_private,
    joined_edge,
)

Recorded = Mapping[str, tuple[ColumnEdge, ...]]  # private table -> the edges to its columns


def port_edges(
    con: duckdb.DuckDBPyConnection, domain: Domain, product: Product, port: OutputPort, publication: Publication | None
) -> tuple[ColumnEdge, ...]:
    """The edges to a port's columns, as the build of its published version recorded them; sorted.

    `con` has the domain's lake attached under its name. Sources are columns of input ports and of feeds
    (`<domain>.internal.<feed>`, tables of `sources/`). What was published without a record, or never, has one `input`
    edge for each declared input port.
    """
    recorded = {} if publication is None else recorded_edges(con, domain.name, publication.snapshot)
    return port_edges_of(domain, product, port, publication, recorded)


def recorded_edges(con: duckdb.DuckDBPyConnection, domain: str, snapshot: int) -> Recorded:
    """What the builds of a domain had recorded when a snapshot was taken."""
    tables = lineage_of_tables(con, domain, snapshot)
    return {name: from_record(found.edges) for name, found in tables.items()}


def port_edges_of(
    domain: Domain, product: Product, port: OutputPort, publication: Publication | None, recorded: Recorded
) -> tuple[ColumnEdge, ...]:
    """As `port_edges`, of what was recorded: many ports of a domain may be of one snapshot."""
    feeds = {f"{domain.name}.internal.{source.table.name}" for source in domain.sources}
    table = f"{domain.name}.internal.{port.contract.table.physical_name}"
    columns = [column.name for column in port.contract.table.columns] if publication is None else publication.columns
    # The edges of two hundred tables would be walked for each of two hundred ports; those behind the port are few.
    behind = (name.split(".", 2)[2] for name in _tables_behind(table, recorded, feeds))
    near = {name: recorded[name] for name in behind if name in recorded}
    edges = closed_edges(port.address, table, columns, near, feeds)
    return edges or input_edges(product, port.address)


def input_edges(product: Product, address: str) -> tuple[ColumnEdge, ...]:
    """What is known of a port of which nothing was recorded: that its product reads its input ports."""
    return tuple(
        sorted({ColumnEdge(item.address, address, "DIRECT", "", False, "input", None) for item in product.inputs})
    )


def closed_edges(
    address: str,
    table: str,
    columns: Iterable[str],
    recorded: Mapping[str, tuple[ColumnEdge, ...]],
    feeds: Collection[str],
) -> tuple[ColumnEdge, ...]:
    """The edges to `address`.<each of columns> and to `address`, closed over private tables; `recorded` is by table.

    What affects all rows of a private table on the way affects all rows of the port. Cycles end: a table that reads
    itself (an incremental model) adds nothing by that. A private table of which nothing is recorded ends its way and is
    left out: nobody outside knows it.
    """
    to: dict[str, list[ColumnEdge]] = {}
    for edges in recorded.values():
        for edge in edges:
            to.setdefault(edge.target, []).append(edge)
    found: set[ColumnEdge] = set()
    for name in columns:
        found |= _origins(_served(f"{table}.{name}", f"{address}.{name}"), to, feeds)
    behind = _tables_behind(table, recorded, feeds)
    for name in behind:
        for edge in to.get(name, ()):
            if column_of(edge.source) is not None:
                found |= _origins(replace(edge, target=address), to, feeds)
            else:
                found |= {replace(edge, source=origin, target=address) for origin in _datasets(edge, recorded, feeds)}
    return tuple(sorted(_strongest(found), key=lambda e: (e.target, e.source, e.type, e.subtype, e.known_from)))


def _served(source: str, target: str) -> ColumnEdge:
    """What publishing does: it serves a column of the private table as it is."""
    return ColumnEdge(source, target, "DIRECT", "IDENTITY", False, "sql", None)


def _origins(last: ColumnEdge, to: Mapping[str, list[ColumnEdge]], feeds: Collection[str]) -> set[ColumnEdge]:
    """`last` with its source followed back to where the domain gets it from."""
    found: set[ColumnEdge] = set()
    seen = {last}
    waiting = [last]
    while waiting:
        edge = waiting.pop()
        if not is_private(edge.source) or dataset_of(edge.source) in feeds:
            found.add(edge)
            continue
        for step in to.get(edge.source, ()):
            longer = joined_edge(step, edge)
            if longer not in seen:
                seen.add(longer)
                waiting.append(longer)
    return found


def _tables_behind(table: str, recorded: Mapping[str, tuple[ColumnEdge, ...]], feeds: Collection[str]) -> list[str]:
    """The private table and all that it is built from, in a stable order; feeds are no such tables."""
    found = {table: None}
    waiting = [table]
    while waiting:
        for edge in recorded.get(waiting.pop().split(".", 2)[2], ()):
            source = dataset_of(edge.source)
            if is_private(source) and source not in feeds and source not in found:
                found[source] = None
                waiting.append(source)
    return list(found)


def _datasets(edge: ColumnEdge, recorded: Mapping[str, tuple[ColumnEdge, ...]], feeds: Collection[str]) -> set[str]:
    """The ports and feeds behind the dataset of which no more is known than that it is read."""
    if not is_private(edge.source) or edge.source in feeds:
        return {edge.source}
    tables = _tables_behind(edge.source, recorded, feeds)
    sources = {dataset_of(step.source) for name in tables for step in recorded.get(name.split(".", 2)[2], ())}
    return sources.difference(tables)


def _strongest(edges: Iterable[ColumnEdge]) -> Iterable[ColumnEdge]:
    """Of several direct ways between two columns the one that changes the value most; of indirect ones one per kind.

    Where it is known what a dataset's columns are used for, that the dataset is read says nothing more.
    """
    best: dict[tuple[str, str, str], ColumnEdge] = {}
    edges = list(edges)
    mapped = {dataset_of(edge.source) for edge in edges if column_of(edge.source) is not None}
    for edge in sorted(edges, key=lambda e: (e.subtype, e.masked, e.known_from, str(e.observed))):
        if edge.source in mapped:
            continue
        key = (edge.source, edge.target, "" if edge.type == "DIRECT" else edge.subtype)
        known = best.get(key)
        if known is None or (edge.type == "DIRECT" and _rank(edge) > _rank(known)):
            best[key] = edge
    return best.values()


def _rank(edge: ColumnEdge) -> int:
    return DIRECT_SUBTYPES.index(edge.subtype) if edge.subtype in DIRECT_SUBTYPES else -1


def port_doubts(
    con: duckdb.DuckDBPyConnection, domain: Domain, port: OutputPort, publication: Publication
) -> tuple[str, ...]:
    """What the documents say of the sources of a published table, and its build did not do; see `declared.doubts`."""
    recorded = lineage_of_tables(con, domain.name, publication.snapshot).get(port.contract.table.physical_name)
    return () if recorded is None else tuple(doubts(domain, recorded))
