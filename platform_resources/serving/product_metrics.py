"""How a product does: reliability, integrity, impact, adoption, satisfaction; its ratings and its incidents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from platform_resources.access.errors import DeniedError
from platform_resources.catalog import PortState, by_preference_now
from platform_resources.catalog import product_metrics as figures
from platform_resources.catalog import ratings as stored
from platform_resources.catalog.incidents import Incident, incidents_of, newest_first
from platform_resources.catalog.served_time import kept
from platform_resources.catalog.timelines import timeline_of
from platform_resources.contracts.wording import counted
from platform_resources.lake import utc_now
from platform_resources.operations import ProbeSettings, availability_of
from platform_resources.operations.history import read_history
from platform_resources.operations.outages import Outage, outages
from platform_resources.serving.answers import Answer, Asked, refusals
from platform_resources.serving.consumers import consumers_known, is_known
from platform_resources.serving.lineage import ports_below
from platform_resources.serving.readers import CurrentReader, Domain, ProductName, Reader

router = APIRouter(tags=["catalog"])

_MOST_INCIDENTS = 500


class Metric(Answer):
    name: Literal["reliability", "integrity", "impact", "adoption", "satisfaction"]
    value: float | None = Field(description="Null: not enough is known.")
    unit: str = Field(examples=["percent"])
    formula: str = Field(description="How it is calculated, in words.")
    says: str = Field(description="The figure as a sentence.")


class ProductMetrics(Answer):
    product: str
    metrics: list[Metric]


class RatingGiven(Asked):
    stars: int = Field(ge=1, le=5)
    comment: str | None = Field(None, max_length=stored.LONGEST_COMMENT)


class RatingOut(Answer):
    stars: int
    comment: str | None
    by: str = Field(description="Name of who rated.")
    own: bool = Field(description="Whether it is the caller's.")
    at: datetime


class Ratings(Answer):
    product: str
    count: int
    average: float | None
    may_rate: bool = Field(description="Whether the caller reads it, or may, and doesn't own it.")
    ratings: list[RatingOut] = Field(description="Newest first.")


class IncidentOut(Answer):
    port: str
    kind: Literal["refused", "outage", "late"]
    opened_at: datetime
    closed_at: datetime | None = Field(description="Null: it lasts.")
    cause: str
    effect: str = Field(description="What readers noticed.", examples=["readers went on with publication 41"])


class Incidents(Answer):
    product: str
    total: int
    incidents: list[IncidentOut] = Field(description="Newest first, 500 at most.")


@router.get(
    "/products/{domain}/{product}/metrics",
    operation_id="get_product_metrics",
    summary="How a product does",
    responses=refusals(404, 422),
)
def get_metrics(reader: CurrentReader, domain: Domain, product: ProductName) -> ProductMetrics:
    """Five figures, each with its formula. Reliability and integrity are of the port to read first."""
    ports = reader.product(domain, product)
    first = _first(ports)
    rated = stored.ratings_of(reader.access.control, first.product.address)
    found = (
        _reliability(reader, first),
        _integrity(reader, first),
        _impact(reader, ports),
        _adoption(reader, ports),
        figures.satisfaction(stored.average(rated), len(rated)),
    )
    return ProductMetrics(
        product=first.product.address,
        metrics=[
            Metric(
                name=one.name,
                value=None if one.value is None else round(one.value, 4),
                unit=one.unit,
                formula=one.formula,
                says=one.says,
            )
            for one in found
        ],
    )


def _first(ports: Sequence[PortState]) -> PortState:
    return by_preference_now(ports)[0]


def _reliability(reader: Reader, state: PortState) -> figures.Figure:
    now, address = utc_now(), state.port.address
    log = timeline_of(reader.view, reader.access.guard.served, state, figures.RELIABLE_DAYS, now)
    up = availability_of(reader.access.control, reader.documents.mesh, address, now)
    fresh = kept(log.timeline.entries, log.promised, log.begun, now)
    return figures.reliability(address, fresh, up.objective.percent, up.measured)


def _integrity(reader: Reader, state: PortState) -> figures.Figure:
    now = utc_now()
    log = timeline_of(reader.view, reader.access.guard.served, state, figures.SOUND_DAYS, now)
    passed = sum(one.kind == "publish" and one.published_at >= log.start for one in log.timeline.entries)
    refused = sum(one.refused_at >= log.start for one in log.timeline.refused)
    score = None if state.publication is None else state.publication.score
    return figures.integrity(state.port.address, score, passed, refused)


def _impact(reader: Reader, ports: Sequence[PortState]) -> figures.Figure:
    consumers: set[str] = set()
    products: set[str] = set()
    reader.access.usage.flush()
    for state in ports:
        consumers |= {one.name for one in consumers_known(reader, state.port.address)}
        products |= {below.rpartition(".")[0] for below in ports_below(reader, state.port.address)}
    return figures.impact(consumers, products - {ports[0].product.address})


def _adoption(reader: Reader, ports: Sequence[PortState]) -> figures.Figure:
    addresses = [state.port.address for state in ports]
    told = figures.adoption_in(reader.access.control, addresses, utc_now().date(), lambda name: is_known(reader, name))
    return figures.adoption(*told)


@router.get(
    "/products/{domain}/{product}/ratings", operation_id="get_ratings", summary="Ratings", responses=refusals(404, 422)
)
def get_ratings(reader: CurrentReader, domain: Domain, product: ProductName) -> Ratings:
    """What consumers think of it."""
    ports = reader.product(domain, product)
    found, own = stored.ratings_of(reader.access.control, ports[0].product.address), reader.caller.identity.id
    return Ratings(
        product=ports[0].product.address,
        count=len(found),
        average=stored.average(found),
        may_rate=_why_not(reader, ports) is None,
        ratings=[
            RatingOut(stars=one.stars, comment=one.comment, by=one.by, own=one.identity == own, at=one.at)
            for one in found
        ],
    )


@router.put(
    "/products/{domain}/{product}/ratings/mine",
    operation_id="rate_product",
    summary="Rate a product",
    responses=refusals(403, 404, 422),
)
def rate(reader: CurrentReader, domain: Domain, product: ProductName, given: RatingGiven) -> Ratings:
    """One rating for each reader; a new one replaces the old. Owners don't rate what they own."""
    ports = reader.product(domain, product)
    refusal = _why_not(reader, ports)
    if refusal is not None:
        raise refusal
    address = ports[0].product.address
    stored.rate(
        reader.access.control, reader.access.audit, reader.caller, address, given.stars, given.comment, utc_now()
    )
    return get_ratings(reader, domain, product)


def _why_not(reader: Reader, ports: Sequence[PortState]) -> DeniedError | None:
    """What keeps the caller from rating a product; None: nothing."""
    address = ports[0].product.address
    if reader.owns(ports[0].product):
        return DeniedError(f"{address} is yours: owners don't rate their own products", "Let its consumers rate it.")
    if not reader.caller.may("request"):
        return DeniedError("this credential may not rate", "Use a token with the scope request: mesh token create.")
    control, identity = reader.access.control, reader.caller.identity
    reader.access.usage.flush()
    if not stored.has_used(control, identity, [state.port.address for state in ports], reader.grants):
        return DeniedError(f"{address} is rated by those who read it", "Ask for access first: mesh access request.")
    return None


@router.get(
    "/products/{domain}/{product}/incidents",
    operation_id="get_incidents",
    summary="What went wrong",
    responses=refusals(404, 422),
)
def get_incidents(
    reader: CurrentReader,
    domain: Domain,
    product: ProductName,
    days: Annotated[int, Query(description="How many days back.", ge=1, le=400)] = 90,
) -> Incidents:
    """Refused versions, outages and late data, read from the logs. No value of the data is told."""
    ports, now = reader.product(domain, product), utc_now()
    found: list[Incident] = []
    for state in ports:
        log = timeline_of(reader.view, reader.access.guard.served, state, days, now)
        found += incidents_of(state.port.address, log.timeline, log.promised, log.start, now)
        found += _outages(reader, state.port.address, log.start, now)
    shown = newest_first(found)
    return Incidents(
        product=ports[0].product.address,
        total=len(shown),
        incidents=[
            IncidentOut(
                port=one.port,
                kind=one.kind,
                opened_at=one.opened_at,
                closed_at=one.closed_at,
                cause=one.cause,
                effect=one.effect,
            )
            for one in shown[:_MOST_INCIDENTS]
        ],
    )


def _outages(reader: Reader, port: str, start: datetime, now: datetime) -> list[Incident]:
    longest = ProbeSettings.from_env().longest
    history = read_history(reader.access.control, port, start)
    return [_incident(port, one) for one in outages(history, now, longest)]


def _incident(port: str, outage: Outage) -> Incident:
    minutes = max(1, round(outage.down / timedelta(minutes=1)))
    told = f"about {counted(minutes, 'minute')}"
    if outage.whole_day:
        cause = "probes failed that day; single ones are kept for four days"
        return Incident(port, "outage", outage.start, outage.end, cause, f"it could not be read for {told} in all")
    cause = "; ".join(outage.reasons) or "probes failed"
    return Incident(port, "outage", outage.start, outage.end, cause, f"it could not be read for {told}")
