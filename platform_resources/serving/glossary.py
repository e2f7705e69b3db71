"""What words mean in the company: terms, how they stand to each other, and the columns that are bound to them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from platform_resources.access.errors import NotFoundError
from platform_resources.governance import Term, compare_terms, sentence
from platform_resources.governance.relations import Edge
from platform_resources.governance.terms import normal
from platform_resources.serving.answers import Answer, Limit, Page, link_next, page_of, paged, refusals
from platform_resources.serving.readers import CurrentReader, Domain, Reader

router = APIRouter(tags=["glossary"])

_LISTED = "GET /api/v1/glossary lists the terms that there are."


class TermSummary(Answer):
    term: str = Field(description="Its address.", examples=["finance.revenue"])
    domain: str
    title: str
    definition: str
    formula: str | None
    unit: str | None
    synonyms: list[str]
    columns: list[str] = Field(
        description="Columns bound to it, of products that the caller may know of.",
        examples=[["finance.revenue.v1.net_revenue"]],
    )


class TermPage(Page):
    terms: list[TermSummary]


class RelationOut(Answer):
    source: str = Field(examples=["sales.bookings"])
    type: str = Field(examples=["precedes"])
    target: str = Field(examples=["finance.revenue"])
    note: str | None
    says: str = Field(description="The relation as a sentence.", examples=["sales.bookings precedes finance.revenue."])


class TermDetail(TermSummary):
    relations: list[RelationOut] = Field(description="Those that other terms say of it, too, turned round.")


class TermComparison(Answer):
    standing: Literal["same", "told apart", "unrelated"]
    direct: bool = Field(description="Whether a relation joins the two; else `relations` is the shortest way.")
    relations: list[RelationOut]
    same_unit: bool
    terms: list[TermSummary] = Field(min_length=2, max_length=2)


@router.get("/glossary", operation_id="list_terms", summary="Terms", responses=paged(422))
def list_terms(
    request: Request,
    response: Response,
    reader: CurrentReader,
    q: Annotated[
        str | None, Query(description="Only terms whose name, title, synonyms or definition hold these words.")
    ] = None,
    domain: Annotated[str | None, Query(description="Only of this domain.", examples=["finance"])] = None,
    limit: Limit = 100,
    cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> TermPage:
    """The terms of all domains, by address."""
    wanted = None if q is None else normal(q)
    terms = reader.documents.glossary.terms
    found = [
        terms[address]
        for address in sorted(terms)
        if domain in (None, terms[address].domain) and (wanted is None or _holds(terms[address], wanted))
    ]
    page, following = page_of(found, [term.address for term in found], limit, cursor)
    link_next(request, response, following)
    return TermPage(terms=[_summary(reader, term) for term in page], next=following)


@router.get(
    "/glossary/compare", operation_id="compare_terms", summary="How two terms differ", responses=refusals(404, 422)
)
def compare(
    reader: CurrentReader,
    one: Annotated[str, Query(description="Address of a term, or a word for exactly one.", examples=["revenue"])],
    other: Annotated[str, Query(description="The same of the other one.", examples=["bookings"])],
) -> TermComparison:
    """Whether two terms mean the same, and the relations that tell them apart."""
    documents = reader.documents
    first, second = (term_called(reader, word) for word in (one, other))
    found = compare_terms(documents.glossary, first.address, second.address, documents.bindings)
    return TermComparison(
        standing=found.standing,
        direct=bool(found.between),
        relations=[_relation(edge) for edge in found.between or found.way or ()],
        same_unit=found.same_unit,
        terms=[_summary(reader, found.one), _summary(reader, found.other)],
    )


@router.get("/glossary/{domain}/{term}", operation_id="get_term", summary="One term", responses=refusals(404, 422))
def get_term(
    reader: CurrentReader,
    domain: Domain,
    term: Annotated[str, Path(description="Name of the term.", max_length=200, examples=["household_id"])],
) -> TermDetail:
    """A term with its relations and the columns bound to it."""
    glossary = reader.documents.glossary
    found = glossary.terms.get(f"{domain}.{term}")
    if found is None:
        raise NotFoundError(f"there is no term {domain}.{term}", _LISTED)
    relations = [_relation(edge) for edge in glossary.graph.edges.get(found.address, ())]
    return TermDetail(**_summary(reader, found).model_dump(), relations=relations)


def _holds(term: Term, words: str) -> bool:
    return words in normal(term.definition) or any(words in word for word in term.words)


def term_called(reader: Reader, word: str) -> Term:
    """The one term that a word means; NotFoundError tells close ones, or those that it may be."""
    glossary = reader.documents.glossary
    found = glossary.find(word)
    if not found:
        close = glossary.close(word)
        raise NotFoundError("no term is called so", f"Did you mean {', '.join(close)}?" if close else _LISTED)
    if len(found) > 1:
        named = ", ".join(term.address for term in found)
        raise NotFoundError("several terms are called so", f"Name one of them: {named}.")
    return found[0]


def _summary(reader: Reader, term: Term) -> TermSummary:
    bound = reader.documents.bindings.get(term.address, ())
    return TermSummary(
        term=term.address,
        domain=term.domain,
        title=term.title,
        definition=term.definition,
        formula=term.formula,
        unit=term.unit,
        synonyms=list(term.synonyms),
        columns=[binding.address for binding in bound if reader.sees(binding.product)],
    )


def _relation(edge: Edge) -> RelationOut:
    return RelationOut(source=edge.start, type=edge.type, target=edge.end, note=edge.note, says=sentence(edge))
