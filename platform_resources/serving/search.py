"""Search over the catalog: products, and the terms that the words may mean."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from platform_resources.serving.answers import Answer, Page, refusals
from platform_resources.serving.ports import Lifecycle, State
from platform_resources.serving.readers import CurrentReader

router = APIRouter(tags=["catalog"])


class Why(Answer):
    field: str = Field(description="Where the words were found.", examples=["column"])
    text: str = Field(description="What stands there.", examples=["customer_lifetime_value"])
    words: list[str] = Field(description="Words of the query that it answers.", examples=[["lifetime", "value"]])


class Hit(Answer):
    product: str = Field(examples=["crm.customer_lifetime_value"])
    port: str = Field(description="The port to read first.", examples=["crm.customer_lifetime_value.v1"])
    domain: str
    title: str | None
    purpose: str | None
    owners: list[str]
    tags: list[str]
    tier: str | None
    status: Lifecycle
    classification: str | None = Field(description="The most secret of its columns.")
    score: float | None = Field(description="Quality, 0-100; null before the first publication.")
    freshness: State
    readable: bool = Field(description="Whether the caller holds a grant on it now.")
    why: list[Why] = Field(description="Why it is a hit, the strongest reason first.")


class TermFound(Answer):
    term: str = Field(examples=["finance.revenue"])
    title: str
    definition: str
    matched: str = Field(description="Name, title or synonym that was meant.", examples=["turnover"])


class FacetValue(Answer):
    value: str
    count: int = Field(description="Hits with this value, of those that the other filters leave.")


class SearchAnswer(Page):
    query: str
    total: int
    hits: list[Hit] = Field(description="Best first.")
    terms: list[TermFound] = Field(description="Terms of the glossary that the query names, best first.")
    facets: dict[str, list[FacetValue]] = Field(
        description="By domain, tier, status, classification, tag, owner, score (`>=90`, ...), freshness."
    )
    did_you_mean: str | None = Field(description="A query that finds more, when this one looks misspelt.")


@router.get("/search", operation_id="search_products", summary="Find products", responses=refusals(422))
def search_products(
    reader: CurrentReader,
    q: Annotated[str, Query(description="Words, also begun or misspelt; empty lists all.", max_length=400)] = "",
    domain: Annotated[list[str] | None, Query()] = None,
    tier: Annotated[list[str] | None, Query()] = None,
    status: Annotated[list[Lifecycle] | None, Query()] = None,
    classification: Annotated[list[str] | None, Query()] = None,
    tag: Annotated[list[str] | None, Query()] = None,
    owner: Annotated[list[str] | None, Query()] = None,
    min_score: Annotated[float | None, Query(ge=0, le=100)] = None,
    freshness: Annotated[list[Literal["fresh", "late", "unknown"]] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> SearchAnswer:
    """Products that the caller may know of, ranked, and why each is a hit."""
    raise NotImplementedError
