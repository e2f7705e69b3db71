"""Search over the catalog: products, and the terms that the words may mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from platform_resources.catalog.index import TermEntry
from platform_resources.catalog.search import Asked, Filters, FoundProduct, NamedTerm, Place
from platform_resources.lake import utc_now
from platform_resources.lake.keys import secret_key
from platform_resources.serving.answers import Answer, Page, link_next, paged
from platform_resources.serving.cursors import Cursor, bound_to, seal, unseal
from platform_resources.serving.data import CursorMismatchError
from platform_resources.serving.ports import Lifecycle, State
from platform_resources.serving.readers import CurrentReader, Reader

router = APIRouter(tags=["catalog"])


class Why(Answer):
    field: str = Field(
        description="Where the words were found: address, name, meaning (of the terms that the whole product is), "
        "tag, column, term (of a column), people, purpose or details.",
        examples=["column"],
    )
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
    without: list[str] = Field(
        description="Words of the query that it does not answer: nothing in it says them.", examples=[["night"]]
    )


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
    related: list[TermFound] = Field(
        description="Other terms with words of the query in their names or definitions, where the best hit is without "
        "some: what to ask for instead."
    )
    facets: dict[str, list[FacetValue]] = Field(
        description="By domain, tier, status, classification, tag, owner, score (`>=90`, ...), freshness."
    )
    did_you_mean: str | None = Field(description="A query that finds more, when this one looks misspelt.")


_Some = Annotated[list[str] | None, Query(max_length=100, description="Any of these.")]


def search_products(
    reader: CurrentReader,
    q: Annotated[str, Query(description="Words, also begun or misspelt; empty lists all.", max_length=400)] = "",
    domain: _Some = None,
    tier: _Some = None,
    status: Annotated[list[Lifecycle] | None, Query(description="Only in one of these states.")] = None,
    classification: _Some = None,
    tag: _Some = None,
    owner: _Some = None,
    min_score: Annotated[float | None, Query(description="Quality score, at least.", ge=0, le=100)] = None,
    freshness: Annotated[list[Literal["fresh", "late", "unknown"]] | None, Query(description="As of now.")] = None,
    limit: Annotated[int, Query(description="How many hits at most.", ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> SearchAnswer:
    """The answer of the operation below, for every door."""
    chosen: Mapping[str, Sequence[str]] = {
        "domain": domain or (),
        "tier": tier or (),
        "status": status or (),
        "classification": classification or (),
        "tag": tag or (),
        "owner": owner or (),
    }
    filters = Filters(chosen, min_score, freshness or ())
    key = secret_key(reader.access.settings, "cursor")
    bound = bound_to("search", reader.caller.identity.id, q, sorted(chosen.items()), min_score, freshness)
    asked = Asked(q, filters, limit, _place(key, bound, cursor))
    found = reader.view.search.find(asked, reader.sees_address, utc_now())
    following = None
    if found.following is not None:
        following = seal(key, Cursor(0, bound, [found.following.generation, found.following.offset]))
    return SearchAnswer(
        query=q,
        total=found.total,
        hits=[_hit(reader, hit) for hit in found.hits],
        terms=_terms(found.terms),
        related=_terms(found.related),
        facets={
            kind: [FacetValue(value=value, count=count) for value, count in counts]
            for kind, counts in found.facets.items()
        },
        did_you_mean=found.did_you_mean,
        next=following,
    )


@router.get("/search", operation_id="search_products", summary="Find products", responses=paged(409, 422))
def search_page(
    request: Request, response: Response, answer: Annotated[SearchAnswer, Depends(search_products)]
) -> SearchAnswer:
    """Products that the caller may know of, ranked, and why each is a hit.

    A question may be asked as it is: the words that only ask are left out. Where no product answers most of the others,
    products that answer fewer come, those first that say them in names, columns and terms; `without` tells what a hit
    leaves open. `did_you_mean` tells a better spelling of the words; the hits are those of that spelling already.
    """
    link_next(request, response, answer.next)
    return answer


def _place(key: str, bound: str, text: str | None) -> Place:
    if text is None:
        return Place()
    cursor = unseal(key, text)
    if cursor.bound != bound:
        raise CursorMismatchError("the cursor is of another query or reader", "Start again without a cursor.")
    generation, offset = cursor.position
    return Place(generation, offset)


def _terms(found: Sequence[tuple[TermEntry, NamedTerm]]) -> list[TermFound]:
    return [
        TermFound(term=term.address, title=term.title, definition=term.definition, matched=named.matched)
        for term, named in found
    ]


def _hit(reader: Reader, hit: FoundProduct) -> Hit:
    product = hit.product
    port = product.ports[0]
    granted = any(grant.is_on(port.address) for grant in reader.grants)
    return Hit(
        product=product.address,
        port=port.address,
        domain=product.domain,
        title=product.title or port.title,
        purpose=product.purpose or port.purpose,
        owners=list(product.owners or port.owners),
        tags=list(product.tags),
        tier=port.tier,
        status=product.lifecycle,
        classification=port.classification,
        score=None if port.score is None else round(port.score, 2),
        freshness=port.freshness(utc_now()),
        readable=granted and reader.caller.may("read", port.address),
        why=[Why(field=reason.field, text=reason.text, words=list(reason.words)) for reason in hit.reasons],
        without=list(hit.without),
    )
