"""How a product does: reliability, integrity, impact, adoption, satisfaction; its ratings and its incidents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from platform_resources.serving.answers import Answer, Asked, refusals
from platform_resources.serving.readers import CurrentReader, Domain, ProductName

router = APIRouter(tags=["catalog"])


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
    comment: str | None = Field(None, max_length=2000)


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
    may_rate: bool = Field(description="Whether the caller reads it, or may.")
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
    incidents: list[IncidentOut] = Field(description="Newest first.")


@router.get(
    "/products/{domain}/{product}/metrics",
    operation_id="get_product_metrics",
    summary="How a product does",
    responses=refusals(404, 422),
)
def get_metrics(reader: CurrentReader, domain: Domain, product: ProductName) -> ProductMetrics:
    """Five figures, each with its formula."""
    raise NotImplementedError


@router.get(
    "/products/{domain}/{product}/ratings", operation_id="get_ratings", summary="Ratings", responses=refusals(404, 422)
)
def get_ratings(reader: CurrentReader, domain: Domain, product: ProductName) -> Ratings:
    """What consumers think of it."""
    raise NotImplementedError


@router.put(
    "/products/{domain}/{product}/ratings/mine",
    operation_id="rate_product",
    summary="Rate a product",
    responses=refusals(403, 404, 422),
)
def rate(reader: CurrentReader, domain: Domain, product: ProductName, given: RatingGiven) -> Ratings:
    """One rating for each reader; a new one replaces the old."""
    raise NotImplementedError


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
    days: Annotated[int, Query(ge=1, le=400)] = 90,
) -> Incidents:
    """Refused versions, outages and late data, read from the logs."""
    raise NotImplementedError
