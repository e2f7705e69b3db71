"""The words of the company: A to Z, one term with what it stands beside, two terms side by side."""

from __future__ import annotations

import string
from collections import defaultdict
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from markupsafe import Markup, escape

from platform_resources.access.errors import NotFoundError
from platform_resources.serving.glossary import RelationOut, TermSummary, compare, get_term, list_terms
from platform_resources.serving.portal.filters import product_link, sentence, term_link
from platform_resources.serving.portal.pages import PortalReader, render
from platform_resources.serving.portal.term_picture import term_picture

router = APIRouter(prefix="/glossary")

_PER_PAGE = 1_000
_Word = Annotated[str, Query(max_length=200)]


@router.get("")
def glossary(
    request: Request,
    reader: PortalReader,
    words: _Word = "",
    domain: Annotated[str | None, Query(max_length=63)] = None,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:
    """The terms, by their first letter."""
    found = list_terms(
        request, Response(), reader, q=words or None, domain=domain or None, limit=_PER_PAGE, cursor=cursor
    )
    by_letter: dict[str, list[TermSummary]] = defaultdict(list)
    for term in sorted(found.terms, key=lambda term: (term.title.casefold(), term.term)):
        first = term.title[:1].upper()
        by_letter[first if first in string.ascii_uppercase else "#"].append(term)
    return render(
        request,
        reader,
        "glossary.html",
        words=words,
        domain=domain,
        domains=[state.name for state, _ in reader.domains()],
        letters=[*string.ascii_uppercase, "#"],
        by_letter=dict(sorted(by_letter.items())),
        count=len(found.terms),
        following=found.next,
    )


@router.get("/compare")
def compare_page(request: Request, reader: PortalReader, one: _Word = "", other: _Word = "") -> Response:
    """How two terms differ."""
    known = reader.documents.glossary.terms
    found, wrong = None, None
    if one.strip() and other.strip():
        try:
            found = compare(reader, one.strip(), other.strip())
        except NotFoundError as error:
            remedy = "" if error.remedy.startswith("GET ") else error.remedy  # that is for programs
            wrong = f"{sentence(error.message)} {remedy}"
    return render(
        request,
        reader,
        "compare.html",
        one=one,
        other=other,
        found=found,
        wrong=wrong,
        known=sorted(known),
        sentence=linked_sentence,
        column_link=product_link,
    )


@router.get("/{domain}/{term}")
def term_page(request: Request, reader: PortalReader, domain: str, term: str) -> Response:
    """One term: what it means, how it is calculated, what it stands beside, the columns bound to it."""
    found = get_term(reader, domain, term)
    ports: dict[str, list[str]] = defaultdict(list)
    for address in found.columns:
        parts = address.split(".")
        ports[".".join(parts[:3])].append(".".join(parts[3:]))
    titles = {address: known.title for address, known in reader.documents.glossary.terms.items()}
    return render(
        request,
        reader,
        "term.html",
        term=found,
        ports=dict(sorted(ports.items())),
        picture=term_picture(found, titles),
        sentence=linked_sentence,
    )


def linked_sentence(relation: RelationOut) -> Markup:
    """The sentence of a relation, with links to its terms."""
    return Markup("").join(
        Markup('<a href="{}">{}</a>').format(term_link(part), part)
        if part in (relation.source, relation.target)
        else escape(part)
        for part in _parts(relation)
    )


def _parts(relation: RelationOut) -> list[str]:
    """The words of the sentence, in which the addresses of the two terms stand by themselves."""
    parts, note = [], f" {relation.note}" if relation.note else ""
    for word in relation.says.removesuffix(note).removesuffix(".").split(" "):
        parts += [word, " "]
    return [*parts[:-1], ".", note]
