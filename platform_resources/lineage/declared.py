"""What documents say of the sources of a private table, and where a build did otherwise."""

from __future__ import annotations

from collections.abc import Collection

from platform_resources.contracts.model import Column, Domain
from platform_resources.lake.column_lineage import TableLineage
from platform_resources.lineage.model import dataset_of, from_record, is_private


def declared_columns(domain: Domain, table: str) -> list[Column]:
    """The columns that the ports of a table promise, with the sources that their contracts declare."""
    ports = [port for port in domain.ports if port.contract.table.physical_name == table]
    return [column for port in ports for column in port.contract.table.columns if column.sources]


def was_read(source: str, reads: Collection[str] | None) -> bool | None:
    if reads is None:
        return None
    return source in reads or any(dataset_of(read) == source for read in reads)


def doubts(domain: Domain, lineage: TableLineage) -> list[str]:
    """What the documents say of a table's sources and the build did not do, one line each; for its owner.

    A declared source that was never read, and a column of an input port that was read though the product declares
    neither that it reads it nor that it maps it. Nothing of a build that was not watched.
    """
    if lineage.reads is None:
        return []
    found = []
    mapped: set[str] = set()
    for column in declared_columns(domain, lineage.table):
        for source in column.sources:
            mapped.add(source.name)
            if not was_read(source.name, lineage.reads) and not _is_further_back(source.name, lineage):
                found.append(
                    f"{column.name} declares the source {source.name} ({source.origin.file.name}:{source.origin.line}),"
                    " which the build never read"
                )
    declared, who = declared_inputs(domain, lineage.table)
    for read in lineage.reads:
        columns = declared.get(dataset_of(read))
        if columns is not None and read not in mapped and read[len(dataset_of(read)) + 1 :] not in columns:
            found.append(f"the build read {read}, which {who} doesn't list among the columns that it reads")
    return sorted(set(found))


def declared_inputs(domain: Domain, table: str) -> tuple[dict[str, frozenset[str] | None], str]:
    """Input port -> the columns that are declared to be read (None: all), and by whom.

    By the product that publishes the table; of an intermediate table, by all of the domain: any of them may read it.
    """
    owner = [p for p in domain.products if any(port.contract.table.physical_name == table for port in p.ports)]
    declared: dict[str, frozenset[str] | None] = {}
    for item in (item for product in owner or domain.products for item in product.inputs):
        known = declared.get(item.address, frozenset())
        listed = None if item.columns is None or known is None else known | frozenset(item.columns)
        declared[item.address] = listed
    return declared, owner[0].address if owner else f"no product of {domain.name}"


def _is_further_back(source: str, lineage: TableLineage) -> bool:
    """A SQL model may declare the port that it reads through a private table: not judged here."""
    edges = from_record(lineage.edges)
    by_sql = any(edge.known_from == "sql" for edge in edges)
    return by_sql and any(is_private(edge.source) for edge in edges) and not is_private(source)
