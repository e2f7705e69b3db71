"""Lineage of columns across domains: what a column is made of, what only decides over it, and the same downstream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from platform_resources.access.errors import BadQueryError, NotFoundError
from platform_resources.catalog import PortState
from platform_resources.catalog.lineage_graph import Sees, Walk, downstream, flowing, paths, upstream
from platform_resources.contracts.wording import counted
from platform_resources.lake import InvalidNameError, PortAddress
from platform_resources.lineage import ColumnEdge as Edge
from platform_resources.lineage import column_of, dataset_of, is_private
from platform_resources.serving.answers import Answer, refusals
from platform_resources.serving.column_graph import ColumnGraph, column_of_port, sees_dataset
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
    type: Literal["DIRECT", "INDIRECT"] = Field(
        description="DIRECT: its value flows into the column that was asked for, or that one's into it; INDIRECT: the "
        "one only decides over the other, or over its rows, on each way between them."
    )


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
    told: str = Field(description="How many columns it is made of, flows into, and how many only decide, as sentences.")


class LineagePath(Answer):
    source: str
    target: str
    paths: list[list[ColumnEdge]] = Field(description="Shortest first; empty when none leads there.")


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
    start, graph, sees = column_of_port(state, column), ColumnGraph(reader), sees_dataset(reader)
    up = upstream(graph, start, sees, depth, through_rows=False)
    down = downstream(graph, start, sees, depth, through_rows=False)
    edges = sorted({*up.edges, *down.edges}, key=lambda edge: (edge.target, edge.source, edge.type, edge.subtype))
    before, after = _nodes(up), _nodes(down)
    return ColumnLineage(
        column=start,
        upstream=before,
        downstream=after,
        edges=[_edge_out(edge) for edge in edges],
        told=f"{made_of_told(start, before)} {flows_told(start, after)}",
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
    graph, sees = ColumnGraph(reader), sees_dataset(reader)
    for address in (source, target):
        _check_known(reader, graph, sees, address)
    found = paths(graph, source, target, sees)
    return LineagePath(source=source, target=target, paths=[[_edge_out(edge) for edge in way] for way in found])


def sources_of_port(reader: Reader, state: PortState) -> list[ColumnEdge]:
    """What the columns of a port are made of, one step back, as far as the caller may know of it. For the terminal."""
    graph, sees = ColumnGraph(reader), sees_dataset(reader)
    addresses = [state.port.address, *(f"{state.port.address}.{name}" for name in graph.columns_of(state.port.address))]
    found = [edge for edge in graph.edges_to(*addresses) if sees(dataset_of(edge.source))]
    return [_edge_out(edge) for edge in sorted(found, key=lambda edge: (edge.target, edge.source, edge.subtype))]


def _check_known(reader: Reader, graph: ColumnGraph, sees: Sees, address: str) -> None:
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
    column_of_port(reader.port(port), column)


def made_of_told(column: str, sources: Sequence[ColumnNode]) -> str:
    """How many columns a column is made of, and how many others only decide over it."""
    made, decides = (_counted(sources, type_) for type_ in ("DIRECT", "INDIRECT"))
    one = sum(node.type == "INDIRECT" for node in sources) == 1
    only = f"; {decides} only {'decides' if one else 'decide'} over it or its rows" if decides else ""
    return f"{column} is made of {made or 'nothing that is known'}{only}."


def flows_told(column: str, targets: Sequence[ColumnNode]) -> str:
    """The same of what it flows into."""
    into, over = (_counted(targets, type_) for type_ in ("DIRECT", "INDIRECT"))
    only = f"; it only decides over {over}" if over else ""
    return f"{column} flows into {into or 'nothing that is known'}{only}."


def _counted(nodes: Sequence[ColumnNode], type_: str) -> str:
    """Columns, and ports or feeds that are meant as a whole; empty of none."""
    counts = Counter(
        "column" if node.column != node.dataset else f"whole {node.kind}" for node in nodes if node.type == type_
    )
    return " and ".join(counted(count, what) for what, count in sorted(counts.items()))


def _nodes(walk: Walk) -> list[ColumnNode]:
    flows = flowing(walk)
    steps = sorted(walk.steps.values(), key=lambda step: (step.distance, step.address))
    return [
        ColumnNode(
            column=step.address,
            dataset=dataset_of(step.address),
            kind="feed" if is_private(step.address) else "port",
            distance=step.distance,
            type="DIRECT" if step.address in flows else "INDIRECT",
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
