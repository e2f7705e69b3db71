"""Lineage of columns across domains, and what a change, a deprecation or an outage would hit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from platform_resources.access.callers.names import is_like_a_product
from platform_resources.access.errors import BadQueryError, NotFoundError
from platform_resources.catalog import PortState
from platform_resources.catalog.impact import Event, HitReader, hit_readers, impact_told
from platform_resources.catalog.lineage_graph import Sees, Walk, downstream, hits, paths, upstream
from platform_resources.lake import InvalidNameError, PortAddress, utc_now
from platform_resources.lineage import ColumnEdge as Edge
from platform_resources.lineage import column_of, dataset_of, is_private
from platform_resources.serving.answers import Answer, refusals
from platform_resources.serving.readers import AskedPort, CurrentReader, Reader

router = APIRouter(tags=["lineage"])


class ColumnNode(Answer):
    column: str = Field(
        description="`<port or feed>.<column>`; the port or feed alone where all of its columns are meant.",
        examples=["sales.bookings.v1.net_sales"],
    )
    dataset: str = Field(examples=["sales.bookings.v1"])
    kind: Literal["port", "feed"] = Field(description="A feed is what a domain ingests from its own systems.")
    distance: int = Field(description="In steps from the column that was asked for.")


class ColumnEdge(Answer):
    source: str = Field(
        description="A column; the port alone where its columns are not known.",
        examples=["sales.bookings.v1.net_sales"],
    )
    target: str = Field(
        description="A column; the port alone when the source decides over whole rows, as in a filter or a join.",
        examples=["finance.revenue.v1.net_revenue"],
    )
    type: Literal["DIRECT", "INDIRECT"] = Field(description="As OpenLineage says it: INDIRECT only decides.")
    subtype: str = Field(
        description="IDENTITY, TRANSFORMATION, AGGREGATION; JOIN, FILTER, GROUP_BY, SORT, WINDOW, CONDITIONAL; empty: "
        "not known.",
        examples=["AGGREGATION"],
    )
    masked: bool = Field(description="Whether the source is read masked.")
    known_from: Literal["sql", "declared", "input"] = Field(
        description="`sql`: read from the model's SQL; `declared`: the contract's transformSourceObjects; `input`: "
        "only that the product reads the port is known."
    )
    observed: bool | None = Field(description="Whether the last build really read the source; null: not watched.")


class ColumnLineage(Answer):
    column: str
    upstream: list[ColumnNode]
    downstream: list[ColumnNode]
    edges: list[ColumnEdge]


class LineagePath(Answer):
    source: str
    target: str
    paths: list[list[ColumnEdge]] = Field(description="Shortest first; empty when none leads there.")


class HitColumn(Answer):
    column: str
    distance: int
    through: list[str] = Field(description="Columns on the shortest way, from the one that changes.")


class HitConsumer(Answer):
    name: str
    kind: str | None
    ports: list[str] = Field(description="Ports through which it is hit.")
    columns: list[str] | None = Field(description="Hit columns that it reads; null: not known, so all count.")
    reads: int = Field(description="In the last 90 days.")
    contact: str | None
    purpose: str | None


class Impact(Answer):
    event: Event
    subject: str = Field(description="Port or column that it starts from.")
    ports: list[str] = Field(description="Ports downstream that are hit, nearest first.")
    columns: list[HitColumn]
    consumers: list[HitConsumer] | None = Field(description="By name; for owners and administrators, null for others.")
    consumer_count: int
    owners: list[str] = Field(description="Who should be told.")
    until: date | None = Field(description="Last day of a deprecated port, where one is set.")
    told: str = Field(description="The same as a sentence.")


ColumnName = Annotated[
    str, Path(alias="column", description="Name of the column.", max_length=63, examples=["net_sales"])
]
Depth = Annotated[int, Query(description="How many steps to follow.", ge=1, le=50)]


@router.get(
    "/products/{domain}/{product}/v{major}/columns/{column}/lineage",
    operation_id="get_column_lineage",
    summary="Where a column comes from and goes to",
    responses=refusals(404, 422),
)
def get_column_lineage(reader: CurrentReader, state: AskedPort, column: ColumnName, depth: Depth = 50) -> ColumnLineage:
    """Upstream and downstream columns. What the caller may not know of is left out, and not followed through.

    What decides over whole rows is told, and not followed further; the impact of an event follows it.
    """
    start, graph, sees = _column_of_port(state, column), _Graph(reader), _sees(reader)
    up = upstream(graph, start, sees, depth, through_rows=False)
    down = downstream(graph, start, sees, depth, through_rows=False)
    edges = sorted({*up.edges, *down.edges}, key=lambda edge: (edge.target, edge.source, edge.type, edge.subtype))
    return ColumnLineage(
        column=start, upstream=_nodes(up), downstream=_nodes(down), edges=[_edge_out(edge) for edge in edges]
    )


@router.get(
    "/lineage/path", operation_id="get_lineage_path", summary="Ways between columns", responses=refusals(404, 422)
)
def get_path(
    reader: CurrentReader,
    source: Annotated[
        str, Query(description="Column upstream.", max_length=300, examples=["sales.bookings.v1.net_sales"])
    ],
    target: Annotated[
        str, Query(description="Column downstream.", max_length=300, examples=["finance.revenue.v1.net_revenue"])
    ],
) -> LineagePath:
    """How one column flows into another: at most ten ways."""
    graph, sees = _Graph(reader), _sees(reader)
    for address in (source, target):
        _check_known(reader, graph, sees, address)
    found = paths(graph, source, target, sees)
    return LineagePath(source=source, target=target, paths=[[_edge_out(edge) for edge in way] for way in found])


@router.get(
    "/products/{domain}/{product}/v{major}/impact",
    operation_id="get_impact",
    summary="What a change, deprecation or outage hits",
    responses=refusals(404, 422),
)
def get_impact(
    reader: CurrentReader,
    state: AskedPort,
    event: Annotated[Event, Query(description="What happens to it.")] = "change",
    column: Annotated[str | None, Query(description="Only this column changes.", max_length=63)] = None,
) -> Impact:
    """Down to fields and consumers. A product that the caller may not know of is neither named nor counted."""
    port = state.port.address
    start = port if column is None else _column_of_port(state, column)
    found = hits(_Graph(reader), start, _sees(reader))
    hit: dict[str, list[str] | None] = {port: None if column is None else [column]}
    for item in found:
        columns = hit.setdefault(dataset_of(item.column), [])
        if columns is not None:
            columns.append(column_of(item.column) or "")
    reader.access.usage.flush()
    readers = hit_readers(reader.documents.mesh, reader.access.control, hit, utc_now())
    readers = [item for item in readers if _is_known(reader, item)]
    ports = [address for address in hit if address != port]
    names = {item.consumer.name for item in readers}
    return Impact(
        event=event,
        subject=start,
        ports=ports,
        columns=[HitColumn(column=item.column, distance=item.distance, through=list(item.through)) for item in found],
        consumers=_consumers(reader, readers) if reader.manages(state.product) else None,
        consumer_count=len(names),
        owners=_owners(reader, ports),
        until=state.port.contract.end_of_support,
        told=impact_told(event, start, len(found), ports, len(names), state.port.contract.end_of_support),
    )


def sources_of_port(reader: Reader, state: PortState) -> list[ColumnEdge]:
    """What the columns of a port are made of, one step back, as far as the caller may know of it. For the terminal."""
    graph, sees = _Graph(reader), _sees(reader)
    addresses = [state.port.address, *(f"{state.port.address}.{name}" for name in graph.columns_of(state.port.address))]
    found = [edge for edge in graph.edges_to(*addresses) if sees(dataset_of(edge.source))]
    return [_edge_out(edge) for edge in sorted(found, key=lambda edge: (edge.target, edge.source, edge.subtype))]


class _Graph:
    """The edges of the catalog's index, and the columns that the documents promise."""

    def __init__(self, reader: Reader) -> None:
        reader.view.index.renew()
        self._index = reader.view.index
        self._ports = reader.documents.mesh.ports

    def edges_from(self, *sources: str) -> Iterable[Edge]:
        return self._index.edges_from(*sources)

    def edges_to(self, *targets: str) -> Iterable[Edge]:
        return self._index.edges_to(*targets)

    def columns_of(self, dataset: str) -> Sequence[str]:
        found = self._ports.get(dataset)
        return () if found is None else [column.name for column in found[1].contract.table.columns]


def _sees(reader: Reader) -> Sees:
    """A feed is met behind a port that the caller knows, and has no more to hide than that."""
    return cache(lambda dataset: is_private(dataset) or reader.sees_address(dataset))


def _column_of_port(state: PortState, column: str) -> str:
    known = [item.name for item in state.port.contract.table.columns]
    known += [] if state.publication is None else state.publication.columns
    if column not in known:
        close = get_close_matches(column, known, 1, 0.6)
        remedy = f"Did you mean {close[0]}?" if close else f"It has {', '.join(dict.fromkeys(known))}."
        raise NotFoundError(f"{state.port.address} has no column {column}", remedy)
    return f"{state.port.address}.{column}"


def _check_known(reader: Reader, graph: _Graph, sees: Sees, address: str) -> None:
    """A port's column, or one of a feed that flows into a port that the caller may know of."""
    column = column_of(address)
    if column is None:
        raise BadQueryError(f"{address} is no column", "Write <port>.<column>, as sales.bookings.v1.net_sales.")
    if is_private(address):
        if not any(sees(dataset_of(edge.target)) for edge in graph.edges_from(address)):
            raise NotFoundError(
                f"there is no column {address}", "Feeds are told by the lineage of the ports they feed."
            )
        return
    try:
        port = PortAddress.parse(dataset_of(address))
    except InvalidNameError as error:
        raise BadQueryError(str(error), "Write <port>.<column>, as sales.bookings.v1.net_sales.") from error
    _column_of_port(reader.port(port), column)


def _nodes(walk: Walk) -> list[ColumnNode]:
    steps = sorted(walk.steps.values(), key=lambda step: (step.distance, step.address))
    return [
        ColumnNode(
            column=step.address,
            dataset=dataset_of(step.address),
            kind="feed" if is_private(step.address) else "port",
            distance=step.distance,
        )
        for step in steps
    ]


def _edge_out(edge: Edge) -> ColumnEdge:
    return ColumnEdge(
        source=edge.source,
        target=edge.target,
        type=edge.type,
        subtype=edge.subtype,
        masked=edge.masked,
        known_from=edge.known_from,
        observed=edge.observed,
    )


def _is_known(reader: Reader, item: HitReader) -> bool:
    """A name that only a product can have is one, whatever became of it."""
    name = item.consumer.name
    return not (item.consumer.kind == "product" or is_like_a_product(name)) or reader.sees_address(name)


def _consumers(reader: Reader, readers: Iterable[HitReader]) -> list[HitConsumer]:
    """By name, of the ports that the caller answers for: what others' consumers read is for their owners."""
    ports = reader.documents.mesh.ports
    told: dict[str, list[HitReader]] = {}
    for item in readers:
        if item.port in ports and reader.manages(ports[item.port][0]):
            told.setdefault(item.consumer.name, []).append(item)
    return [_consumer(name, items) for name, items in sorted(told.items())]


def _consumer(name: str, items: Sequence[HitReader]) -> HitConsumer:
    registered = [item.consumer.registered for item in items if item.consumer.registered is not None]
    columns = [item.columns for item in items]
    named = sorted({f"{item.port}.{column}" for item in items for column in item.columns or ()})
    return HitConsumer(
        name=name,
        kind=next((item.consumer.kind for item in items if item.consumer.kind), None),
        ports=[item.port for item in items],
        columns=None if None in columns else named,
        reads=sum(item.consumer.reads.count for item in items if item.consumer.reads is not None),
        contact=next((item.contact for item in registered if item.contact), None),
        purpose=next((item.purpose for item in registered if item.purpose), None),
    )


def _owners(reader: Reader, ports: Iterable[str]) -> list[str]:
    """E-mail addresses of who answers for the ports that are hit."""
    known = reader.documents.mesh.ports
    found = [known[address] for address in ports if address in known]
    return sorted({owner for product, port in found for owner in (*port.contract.owners, *product.owners)})
