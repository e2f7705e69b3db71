"""What a change, a deprecation or an outage of a port would hit, down to fields and consumers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from platform_resources.catalog.consumption import is_among
from platform_resources.catalog.impact import Event, HitCount, HitReader, hit_readers, impact_told
from platform_resources.catalog.lineage_graph import hits
from platform_resources.lake import utc_now
from platform_resources.lineage import column_of, dataset_of
from platform_resources.serving.answers import Answer, refusals
from platform_resources.serving.column_graph import ColumnGraph, column_of_port, sees_dataset
from platform_resources.serving.consumers import is_known
from platform_resources.serving.readers import AskedPort, CurrentReader, Reader

router = APIRouter(tags=["lineage"])


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
    consumer_count: int = Field(description="Consumers of the port and of those downstream, each counted once.")
    you: bool = Field(description="Whether the caller, or a team of it, is one of them.")
    owners: list[str] = Field(description="Who should be told.")
    until: date | None = Field(description="Last day of a deprecated port, where one is set.")
    told: str = Field(description="The same as a sentence.")


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
    start = port if column is None else column_of_port(state, column)
    found = hits(ColumnGraph(reader), start, sees_dataset(reader))
    hit: dict[str, list[str] | None] = {port: None if column is None else [column]}
    for item in found:
        columns = hit.setdefault(dataset_of(item.column), [])
        if columns is not None:
            columns.append(column_of(item.column) or "")
    reader.access.usage.flush()
    readers = hit_readers(reader.documents.mesh, reader.access.control, hit, utc_now())
    readers = [item for item in readers if is_known(reader, item.consumer.name, item.consumer.kind)]
    ports = [address for address in hit if address != port]
    names = {item.consumer.name for item in readers}
    own = {item.consumer.name for item in readers if item.port == port}
    you = is_among(reader.caller.identity, (item.consumer for item in readers))
    until = state.port.contract.end_of_support
    return Impact(
        event=event,
        subject=start,
        ports=ports,
        columns=[HitColumn(column=item.column, distance=item.distance, through=list(item.through)) for item in found],
        consumers=_consumers(reader, readers) if reader.manages(state.product) else None,
        consumer_count=len(names),
        you=you,
        owners=_owners(reader, ports),
        until=until,
        told=impact_told(event, start, len(found), ports, HitCount(len(names), len(own), you), until),
    )


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
