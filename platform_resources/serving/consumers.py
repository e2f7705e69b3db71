"""Who reads a port: how many for everybody, by name for owners and administrators."""

from __future__ import annotations

from datetime import date
from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from platform_resources.access.callers.names import is_like_a_product
from platform_resources.catalog.consumption import PortConsumer, consumption, is_among
from platform_resources.governance import Consumer
from platform_resources.lake import utc_now
from platform_resources.serving.answers import Answer, refusals
from platform_resources.serving.entitlements import GrantHeld, grant_held
from platform_resources.serving.readers import AskedPort, CurrentReader, Reader

router = APIRouter(tags=["products"])


class ConsumerOut(Answer):
    name: str = Field(examples=["finance.revenue"])
    kind: Literal["product", "team", "service", "agent", "person"]
    contact: str | None
    columns: list[str] | None = Field(description="That it reads; null: not said.")
    purpose: str | None


class ConsumerKnown(Answer):
    name: str = Field(examples=["finance.revenue"])
    kind: str | None = Field(description="Null: nobody says.", examples=["product"])
    standing: Literal["reads", "never reads", "not registered"] = Field(
        description="`never reads`: registered or granted, and no read in 90 days; `not registered`: reads, and would "
        "not be asked before the port changes."
    )
    reads: int = Field(description="In the last 90 days.")
    last_read: date | None = Field(description="Day (UTC) of the last one of these.")


class Consumers(Answer):
    port: str
    count: int = Field(description="Who is registered, holds a grant or reads, each counted once.")
    you: bool = Field(description="Whether the caller, or a team of it, is one of them.")
    reading: int = Field(description="How many of them read it in the last 90 days.")
    consumers: list[ConsumerKnown] | None = Field(
        description="Each of them, by name; for owners and administrators, null for others."
    )
    registered: list[ConsumerOut] | None = Field(
        description="By their own declarations; for owners and administrators, null for others."
    )
    granted: list[GrantHeld] | None = Field(
        description="Grants that hold now; for owners and administrators, null for others."
    )


@router.get(
    "/products/{domain}/{product}/v{major}/consumers",
    operation_id="get_consumers",
    summary="Who reads it",
    responses=refusals(404, 422),
)
def get_consumers(reader: CurrentReader, state: AskedPort) -> Consumers:
    """The consumers of a port: their number for everybody, their names for owners and administrators.

    A product that the caller may not know of is neither named nor counted.
    """
    address = state.port.address
    reader.access.usage.flush()
    found = consumers_known(reader, address)
    told = reader.manages(state.product)
    grants = sorted((grant for consumer in found for grant in consumer.grants), key=lambda grant: grant.id)
    return Consumers(
        port=address,
        count=len(found),
        you=is_among(reader.caller.identity, found),
        reading=sum(consumer.reads is not None for consumer in found),
        consumers=[_known(consumer) for consumer in found] if told else None,
        registered=[_consumer(c.registered) for c in found if c.registered is not None] if told else None,
        granted=[grant_held(grant) for grant in grants] if told else None,
    )


def consumers_known(reader: Reader, address: str) -> list[PortConsumer]:
    """The consumers of a port that the caller may know of, by name; use is flushed by who asks."""
    every = consumption(reader.documents.mesh, reader.access.control, address, utc_now())
    return [consumer for consumer in every if is_known(reader, consumer.name, consumer.kind)]


def is_known(reader: Reader, name: str, kind: str | None = None) -> bool:
    """Whether a consumer may be counted. A name that only a product can have is one, whatever became of it."""
    is_product = kind == "product" or is_like_a_product(name)
    return not is_product or reader.sees_address(name)


def _known(consumer: PortConsumer) -> ConsumerKnown:
    reads = consumer.reads
    return ConsumerKnown(
        name=consumer.name,
        kind=consumer.kind,
        standing=consumer.standing,
        reads=0 if reads is None else reads.count,
        last_read=None if reads is None else reads.last,
    )


def _consumer(consumer: Consumer) -> ConsumerOut:
    return ConsumerOut(
        name=consumer.name,
        kind=consumer.kind,
        contact=consumer.contact or None,
        columns=None if consumer.columns is None else list(consumer.columns),
        purpose=consumer.purpose,
    )
