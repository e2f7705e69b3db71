"""Where data comes from and goes to, and what a change would hit."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from platform_resources.access.errors import BadQueryError
from platform_resources.serving.answers import Answer
from platform_resources.serving.column_lineage import ColumnLineage, LineagePath, get_column_lineage, get_path
from platform_resources.serving.impact import Event, Impact, get_impact
from platform_resources.serving.lineage import Lineage
from platform_resources.serving.lineage import get_lineage as port_lineage
from platform_resources.serving.mcp.lookups import port_of
from platform_resources.serving.mcp.results import Found
from platform_resources.serving.mcp.sessions import reader
from platform_resources.serving.mcp.tools.arguments import ColumnName, Cursor, Product


class LineageAbout(Answer):
    ports: Lineage | None = Field(description="Of a product: ports and feeds upstream, ports downstream.")
    columns: ColumnLineage | None = Field(description="Of a column: columns upstream and downstream.")
    path: LineagePath | None = Field(description="The ways from a column to another.")


_LISTS = ("ports.upstream", "ports.downstream", "ports.edges", "columns.upstream", "columns.downstream")


def get_lineage(
    product: Product,
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
    cursor: Cursor = None,
) -> Found[LineageAbout]:
    """Where data comes from and who builds on it: between ports, or column by column across domains.

    Use it for "where does net_revenue come from?" (column), "what does this product read?" (no column) and "how does a
    column get into another?" (column and to). Of a column `type` says DIRECT where a value flows and INDIRECT where one
    only decides over rows or values, `masked` that a source is read masked; a feed is landed by a domain's own systems.
    For what a change would break use impact_of_change.

    Example: {"product": "finance.revenue", "column": "net_revenue"}.
    """
    me = reader()
    state = port_of(me, product)
    if column is None:
        if to is not None:
            raise BadQueryError("`to` needs a column to start from", "Name it as `column`.")
        about = LineageAbout(ports=port_lineage(me, state, depth), columns=None, path=None)
    elif to is None:
        about = LineageAbout(ports=None, columns=get_column_lineage(me, state, column, depth), path=None)
    else:
        found = get_path(me, f"{state.port.address}.{column}", to)
        about = LineageAbout(ports=None, columns=None, path=found)
    return Found(about, lists=(*_LISTS, "columns.edges", "path.paths"), cursor=cursor)


def impact_of_change(
    product: Product,
    event: Annotated[
        Event,
        Field(
            description="`change` of a meaning or type, `deprecation` of the port, `outage`: it delivers nothing new."
        ),
    ] = "change",
    column: Annotated[ColumnName | None, Field(description="Only this column changes.", examples=["net_sales"])] = None,
    cursor: Cursor = None,
) -> Found[Impact]:
    """What breaks downstream when a product or one of its columns changes, ends or fails, and whom to tell.

    Ports, columns and consumers that are hit, nearest first; names of consumers are for owners, others get their
    number. Use it before a breaking change. Example: {"product": "sales.bookings", "column": "net_sales"}.
    """
    me = reader()
    found = get_impact(me, port_of(me, product), event, column)
    return Found(found, lists=("ports", "columns", "consumers"), cursor=cursor)
