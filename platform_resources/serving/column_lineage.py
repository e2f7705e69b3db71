"""Lineage of columns across domains, and what a change, a deprecation or an outage would hit."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from platform_resources.serving.answers import Answer, refusals
from platform_resources.serving.readers import AskedPort, CurrentReader

router = APIRouter(tags=["lineage"])

Event = Literal["change", "deprecation", "outage"]


class ColumnNode(Answer):
    column: str = Field(description="`<port or feed>.<column>`.", examples=["sales.bookings.v1.net_sales"])
    dataset: str = Field(examples=["sales.bookings.v1"])
    kind: Literal["port", "feed"] = Field(description="A feed is what a domain ingests from its own systems.")
    distance: int = Field(description="In steps from the column that was asked for.")


class ColumnEdge(Answer):
    source: str = Field(examples=["sales.bookings.v1.net_sales"])
    target: str = Field(examples=["finance.revenue.v1.net_revenue"])
    type: Literal["DIRECT", "INDIRECT"] = Field(description="As OpenLineage says it.")
    subtype: str = Field(examples=["AGGREGATION"])
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


ColumnName = Annotated[str, Path(alias="column", max_length=63, examples=["net_sales"])]
Depth = Annotated[int, Query(description="How many steps to follow.", ge=1, le=50)]


@router.get(
    "/products/{domain}/{product}/v{major}/columns/{column}/lineage",
    operation_id="get_column_lineage",
    summary="Where a column comes from and goes to",
    responses=refusals(404, 422),
)
def get_column_lineage(reader: CurrentReader, state: AskedPort, column: ColumnName, depth: Depth = 50) -> ColumnLineage:
    """Upstream and downstream columns. What the caller may not know of is left out, and not followed through."""
    raise NotImplementedError


@router.get(
    "/lineage/path", operation_id="get_lineage_path", summary="Ways between columns", responses=refusals(404, 422)
)
def get_path(
    reader: CurrentReader,
    source: Annotated[str, Query(description="Column upstream.", examples=["sales.bookings.v1.net_sales"])],
    target: Annotated[str, Query(description="Column downstream.", examples=["finance.revenue.v1.net_revenue"])],
) -> LineagePath:
    """How one column flows into another."""
    raise NotImplementedError


@router.get(
    "/products/{domain}/{product}/v{major}/impact",
    operation_id="get_impact",
    summary="What a change, deprecation or outage hits",
    responses=refusals(404, 422),
)
def get_impact(
    reader: CurrentReader,
    state: AskedPort,
    event: Annotated[Event, Query()] = "change",
    column: Annotated[str | None, Query(description="Only this column changes.", max_length=63)] = None,
) -> Impact:
    """Down to fields and consumers."""
    raise NotImplementedError
