"""Where data comes from and goes to, and what a change would hit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated

from pydantic import Field

from platform_resources.access.errors import BadQueryError
from platform_resources.catalog.impact import Event
from platform_resources.contracts import OutputPort, Product
from platform_resources.serving.answers import Answer
from platform_resources.serving.column_lineage import (
    ColumnEdge,
    ColumnLineage,
    ColumnNode,
    LineagePath,
    get_column_lineage,
    get_path,
)
from platform_resources.serving.impact import HitColumn, HitConsumer, Impact, get_impact
from platform_resources.serving.lineage import Edge, Lineage, Node
from platform_resources.serving.lineage import get_lineage as port_lineage
from platform_resources.serving.mcp.lookups import port_of
from platform_resources.serving.mcp.results import Found
from platform_resources.serving.mcp.sessions import reader
from platform_resources.serving.mcp.tools.arguments import ColumnName, Cursor
from platform_resources.serving.mcp.tools.arguments import Product as ProductName
from platform_resources.serving.mcp.tools.summaries import path_said
from platform_resources.serving.readers import Reader

_EDGES = "Step by step; null without `detail`."
_ALSO_EDGES = "`detail` tells the edges too: what reads what, and how."


class PortsTraced(Answer):
    port: str
    upstream: list[Node]
    downstream: list[Node]
    edges: list[Edge] | None = Field(description=_EDGES)


class ColumnsTraced(Answer):
    column: str
    upstream: list[ColumnNode]
    downstream: list[ColumnNode]
    edges: list[ColumnEdge] | None = Field(description=_EDGES)


class LineageAbout(Answer):
    summary: str = Field(description="The answer as a sentence.")
    ports: PortsTraced | None = Field(description="Of a product: ports upstream and downstream.")
    columns: ColumnsTraced | None = Field(description="Of a column: columns upstream and downstream.")
    path: LineagePath | None = Field(description="The ways from a column to another.")


class Channel(Answer):
    channel: str
    url: str | None


class Contact(Answer):
    product: str = Field(examples=["crm.customer_360"])
    ports: list[str] = Field(description="Its ports that are meant.")
    owners: list[str] = Field(description="E-mail addresses of who answers for it.")
    team: str | None
    support: list[Channel] = Field(description="Where its users ask.")


class ImpactAbout(Answer):
    summary: str = Field(description="The answer as a sentence.")
    event: Event
    subject: str = Field(description="Port or column that it starts from.")
    asked: Contact = Field(description="Who answers for that port.")
    hit: list[Contact] = Field(description="Each product downstream that is hit, nearest first, and whom to tell.")
    consumer_count: int = Field(description="Who reads what is hit, and the port itself.")
    you: bool = Field(description="Whether who you act for, or a team of it, is one of them.")
    consumers: list[HitConsumer] | None = Field(description="By name; for owners and administrators, null for others.")
    until: date | None = Field(description="Last day of a deprecated port, where one is set.")
    columns: list[HitColumn]


def get_lineage(
    product: ProductName,
    column: Annotated[
        ColumnName | None, Field(description="Trace this column; without it whole ports.", examples=["net_revenue"])
    ] = None,
    to: Annotated[
        str | None,
        Field(
            description="With `column`: the ways from it to this column, downstream.",
            max_length=300,
            examples=["finance.revenue.v1.net_revenue"],
        ),
    ] = None,
    depth: Annotated[int, Field(description="Steps to follow.", ge=1, le=50)] = 10,
    detail: Annotated[bool, Field(description="Also `edges`: each step, how it is known, and what is masked.")] = False,
    cursor: Cursor = None,
) -> Found[LineageAbout]:
    """Where data comes from and who builds on it: between ports, or column by column across domains.

    Use it for "where does net_revenue come from?" (column), "what does this product read?" (no column) and "how does a
    column get into another?" (column and to). `summary` says it in a sentence, `detail` adds the steps. For what a
    change would break use impact_of_change. Example: {"product": "finance.revenue", "column": "net_revenue"}.
    """
    me = reader()
    state = port_of(me, product)
    ports = columns = path = None
    if column is None:
        if to is not None:
            raise BadQueryError("`to` needs a column to start from", "Name it as `column`.")
        whole = port_lineage(me, state, depth)
        ports, summary, edges = _ports_traced(whole, detail), whole.told, bool(whole.edges)
    elif to is None:
        traced = get_column_lineage(me, state, column, depth)
        columns, summary, edges = _columns_traced(traced, detail), traced.told, bool(traced.edges)
    else:
        path = get_path(me, f"{state.port.address}.{column}", to)
        summary, edges = path_said(path), False
    sides = [f"{of}.{side}" for of in ("ports", "columns") for side in ("upstream", "downstream", "edges")]
    return Found(
        LineageAbout(summary=summary, ports=ports, columns=columns, path=path),
        lists=(*sides, "path.paths"),
        cursor=cursor,
        hints=(_ALSO_EDGES,) if edges and not detail else (),
    )


def impact_of_change(
    product: ProductName,
    event: Annotated[
        Event,
        Field(
            description="`change` of a meaning or type, `deprecation` of the port, `outage`: it delivers nothing new."
        ),
    ] = "change",
    column: Annotated[ColumnName | None, Field(description="Only this column changes.", examples=["net_sales"])] = None,
    cursor: Cursor = None,
) -> Found[ImpactAbout]:
    """What breaks downstream when a product or one of its columns changes, ends or fails, and whom to tell.

    Products that are hit with their owners and channels, columns and consumers, nearest first. Names of consumers are
    for owners and administrators; others get their number and whom to ask. Use it before a breaking change.
    Example: {"product": "sales.bookings", "column": "net_sales"}.
    """
    me = reader()
    state = port_of(me, product)
    found = get_impact(me, state, event, column)
    about = ImpactAbout(
        summary=found.told,
        event=found.event,
        subject=found.subject,
        asked=_contact(state.product, [state.port]),
        hit=_contacts(me, found.ports),
        consumer_count=found.consumer_count,
        you=found.you,
        consumers=found.consumers,
        until=found.until,
        columns=found.columns,
    )
    return Found(about, lists=("hit", "consumers", "columns"), cursor=cursor, hints=_hints(found))


def _ports_traced(found: Lineage, detail: bool) -> PortsTraced:
    return PortsTraced(
        port=found.port,
        upstream=found.upstream,
        downstream=found.downstream,
        edges=found.edges if detail else None,
    )


def _columns_traced(found: ColumnLineage, detail: bool) -> ColumnsTraced:
    return ColumnsTraced(
        column=found.column,
        upstream=found.upstream,
        downstream=found.downstream,
        edges=found.edges if detail else None,
    )


def _contacts(me: Reader, addresses: Iterable[str]) -> list[Contact]:
    """Of each product once, in the order of the ports; the caller may know of all of them."""
    known = me.documents.mesh.ports
    products: dict[str, Product] = {}
    ports: dict[str, list[OutputPort]] = {}
    for product, port in (known[address] for address in addresses if address in known):
        products[product.address] = product
        ports.setdefault(product.address, []).append(port)
    return [_contact(product, ports[address]) for address, product in products.items()]


def _contact(product: Product, ports: list[OutputPort]) -> Contact:
    owners = [*product.owners, *(owner for port in ports for owner in port.contract.owners)]
    return Contact(
        product=product.address,
        ports=[port.address for port in ports],
        owners=list(dict.fromkeys(owners)),
        team=product.team_name or next((port.contract.team_name for port in ports if port.contract.team_name), None),
        support=[
            Channel(channel=str(one["channel"]), url=one.get("url")) for one in product.support if "channel" in one
        ],
    )


def _hints(found: Impact) -> tuple[str, ...]:
    hints = ["`asked` and `hit` name whom to tell."]
    if found.consumers is None and found.consumer_count:
        hints.append(
            "Names of consumers are withheld from you: who reads a product is told to its owners and to administrators "
            "only. Ask the owners in `asked` and `hit`: each sees those of its own product."
        )
    elif found.consumers is not None and len(found.consumers) < found.consumer_count:
        hints.append(
            "`consumers` names those of products that you answer for; of others it is told to the owners in `hit` only."
        )
    return tuple(hints)
