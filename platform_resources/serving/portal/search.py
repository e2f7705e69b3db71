"""Searching: hits and why they are, facets as links, terms that the words name, pages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from markupsafe import Markup, escape
from starlette.responses import RedirectResponse

from platform_resources.serving.portal.filters import segment
from platform_resources.serving.portal.pages import PortalReader, render
from platform_resources.serving.ports import Lifecycle
from platform_resources.serving.search import FacetValue, search_products

router = APIRouter()

# Facet -> (parameter of the search, its name for people), in the order in which they stand on the page.
_FACETS = {
    "domain": ("domain", "Domain"),
    "tier": ("tier", "Tier"),
    "freshness": ("freshness", "Freshness"),
    "score": ("min_score", "Score"),
    "status": ("status", "Status"),
    "classification": ("classification", "Most secret column"),
    "tag": ("tag", "Tag"),
    "owner": ("owner", "Owner"),
    "team": ("owner", "Team"),  # the search has one facet for both; people are e-mail addresses
}
_PER_PAGE = 20
_MOST_VALUES = 12  # of a facet
_Some = Annotated[list[str] | None, Query()]


@dataclass(frozen=True)
class FacetLink:
    value: str
    count: int
    address: str  # of the search with this value, or without it when it is chosen
    chosen: bool


@router.get("/search")
def search(
    request: Request,
    reader: PortalReader,
    q: Annotated[str, Query(max_length=400)] = "",
    domain: _Some = None,
    tier: _Some = None,
    status: Annotated[list[Lifecycle] | None, Query()] = None,
    classification: _Some = None,
    tag: _Some = None,
    owner: _Some = None,
    min_score: Annotated[float | None, Query(ge=0, le=100)] = None,
    freshness: Annotated[list[Literal["fresh", "late", "unknown"]] | None, Query()] = None,
    cursor: str | None = None,
) -> Response:
    """Products and terms for some words; without words, all products."""
    named = {"domain": domain, "tier": tier, "status": status, "classification": classification, "tag": tag}
    named |= {"owner": owner, "freshness": freshness}
    answer = search_products(reader, q=q, min_score=min_score, limit=_PER_PAGE, cursor=cursor, **named)
    shown = {name: list(values) for name, values in named.items() if values}
    shown |= {} if min_score is None else {"min_score": [f"{min_score:g}"]}
    return render(
        request,
        reader,
        "search.html",
        q=q,
        answer=answer,
        facets=narrowing(facets_of(answer.facets, q, shown), answer.total),
        chosen=[
            (_FACETS[facet][1], link) for facet, links in facets_of(_chosen(shown), q, shown).items() for link in links
        ],
        clear=_address(q, {}),
        suggestion=None if answer.did_you_mean is None else _address(answer.did_you_mean, shown),
        first=None if cursor is None else _address(q, shown),
        following=None if answer.next is None else _address(q, shown, answer.next),
        facet_names={facet: name for facet, (_, name) in _FACETS.items()},
        highlighted=highlighted,
    )


@router.get("/products")
def products() -> Response:
    """All products: a search for nothing in particular."""
    return RedirectResponse("/search", 303)


@router.get("/products/{domain}")
def products_of(domain: str) -> Response:
    return RedirectResponse(f"/domains/{segment(domain)}", 303)


def facets_of(
    facets: Mapping[str, Sequence[FacetValue]], q: str, given: Mapping[str, Sequence[str]]
) -> dict[str, list[FacetLink]]:
    """Each facet with its values as links that add the value to the search, or take it away."""
    found: dict[str, list[FacetLink]] = {}
    for facet, (parameter, _) in _FACETS.items():
        links = []
        for item in _values(facets, facet)[:_MOST_VALUES]:
            value = item.value.removeprefix(">=") if parameter == "min_score" else item.value
            held = list(given.get(parameter, ()))
            chosen = value in held or (parameter == "min_score" and held and float(held[0]) == float(value))
            if parameter == "min_score":
                then = [] if chosen else [value]  # the least score is one figure
            else:
                then = [v for v in held if v != value] if chosen else [*held, value]
            address = _address(q, {**given, parameter: then})
            links.append(FacetLink(item.value, item.count, address, bool(chosen)))
        if links:
            found[facet] = links
    return found


def narrowing(facets: Mapping[str, Sequence[FacetLink]], total: int) -> dict[str, list[FacetLink]]:
    """Facets without the values that all hits have: choosing one changes nothing. What is chosen can be taken away."""
    left = {name: [link for link in links if link.chosen or link.count != total] for name, links in facets.items()}
    return {name: links for name, links in left.items() if links}


def _values(facets: Mapping[str, Sequence[FacetValue]], facet: str) -> list[FacetValue]:
    if facet not in ("owner", "team"):
        return list(facets.get(facet, ()))
    return [item for item in facets.get("owner", ()) if ("@" in item.value) == (facet == "owner")]


def _chosen(given: Mapping[str, Sequence[str]]) -> dict[str, list[FacetValue]]:
    """What the search is narrowed to, as facets: values that nothing has any more can be taken away too."""
    return {
        facet: [
            FacetValue(value=f">={value}" if parameter == "min_score" else value, count=0) for value in given[parameter]
        ]
        for facet, (parameter, _) in _FACETS.items()
        if parameter in given and facet != "team"
    }


def highlighted(text: str, words: Sequence[str]) -> Markup:
    """A text with some of its words marked; all of it escaped.

    >>> highlighted("net <b> sales", ["sales"])
    Markup('net &lt;b&gt; <mark>sales</mark>')
    """
    wanted = sorted({word for word in words if word}, key=len, reverse=True)
    if not wanted:
        return escape(text)
    parts = re.split("(" + "|".join(re.escape(word) for word in wanted) + ")", text, flags=re.IGNORECASE)
    marked = (Markup("<mark>{}</mark>").format(part) if i % 2 else escape(part) for i, part in enumerate(parts))
    return Markup("").join(marked)


def _address(q: str, given: Mapping[str, Sequence[str]], cursor: str | None = None) -> str:
    pairs = [("q", q)] if q else []
    pairs += [(name, value) for name, values in given.items() for value in values]
    pairs += [("cursor", cursor)] if cursor else []
    return "/search" + (f"?{urlencode(pairs)}" if pairs else "")
