"""Fitness: needs in a form, a verdict with its evidence for each port; the address of an answer can be passed on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from platform_resources.serving.fitness import FitnessAnswer, Needs, check_fitness
from platform_resources.serving.fitness_needs import DIMENSIONS
from platform_resources.serving.portal.pages import PortalReader, render
from platform_resources.serving.problems import InvalidFieldsError

router = APIRouter()

_TEXTS = ("q", "max_age", "min_score", "min_availability", "history", "purpose")
_LISTS = ("ports", "terms", "columns", "clear")  # one for each line or comma
_KNOWN = frozenset({*_TEXTS, *_LISTS, "dimensions", "tier"})
# As `mesh fit` and the tool of agents call them; they may be repeated.
_CALLED = {"term": "terms", "min": "dimensions", "column": "columns", "products": "ports", "query": "q", "search": "q"}
_LONGEST_ITEM = 60  # characters of a dimension and its score
_DIMENSION = re.compile(r"([^<>=: ]+) ?(?:>=|≥|=|:| ) ?([0-9.]+) ?%?")
_Text = Annotated[str, Query(max_length=400)]
_List = Annotated[str, Query(max_length=4_000)]


@router.get("/fitness")
def fitness(
    request: Request,
    reader: PortalReader,
    q: _Text = "",
    max_age: _Text = "",
    min_score: _Text = "",
    dimensions: _List = "",
    min_availability: _Text = "",
    terms: _List = "",
    columns: _List = "",
    history: _Text = "",
    purpose: _Text = "",
    clear: _List = "",
    ports: _List = "",
    tier: Annotated[list[str] | None, Query()] = None,
) -> Response:
    """The form, and the answer when it states a need."""
    asked: dict[str, Any] = {
        **{"q": q, "max_age": max_age, "min_score": min_score, "min_availability": min_availability},
        **{"terms": terms, "columns": columns, "history": history, "purpose": purpose, "clear": clear, "ports": ports},
        "dimensions": dimensions,
        "tier": [name for name in tier or () if name],
    }
    for name, field in _CALLED.items():
        asked[field] = ", ".join(filter(None, [asked[field], *request.query_params.getlist(name)]))
    answer, wrong = _answered(
        reader, asked, [name for name in request.query_params if name not in _KNOWN | _CALLED.keys()]
    )
    council = reader.documents.council
    return render(
        request,
        reader,
        "fitness.html",
        status=422 if wrong else 200,
        asked=asked,
        answer=answer,
        wrong=wrong,
        purposes=list(council.purposes.values()),
        tiers=list(council.tiers),
        dimensions=DIMENSIONS,
        labels=_LABELS,
    )


_LABELS = {
    "q": "Only what a search finds",
    "ports": "Only these products or ports",
    "max_age": "No older than",
    "min_score": "Quality score of at least",
    "dimensions": "Dimensions of quality",
    "min_availability": "Available at least",
    "terms": "Has a column of each term",
    "columns": "Has columns called",
    "history": "Reaches back",
    "purpose": "May be used for",
    "clear": "I need unmasked",
    "tier": "Tier",
}


def _answered(
    reader: PortalReader, asked: Mapping[str, Any], unknown: Sequence[str]
) -> tuple[FitnessAnswer | None, dict[str, str]]:
    """The answer (None: nothing was asked, or it makes no sense), and what is wrong with each field.

    A name that is not known is no field that may be left out: who wrote it would take the answer for another one.
    """
    wrong = {name[:_LONGEST_ITEM]: f"is no need; known are {', '.join(sorted(_KNOWN))}" for name in unknown[:5]}
    if not any(asked.values()):
        return None, wrong
    values: dict[str, Any] = {name: asked[name].strip() for name in _TEXTS if asked[name].strip()}
    values |= {name: items for name in _LISTS if (items := _items(asked[name]))}
    values |= {"tier": asked["tier"]} if asked["tier"] else {}
    if asked["dimensions"].strip():
        values["dimensions"] = _dimensions(asked["dimensions"], wrong)
    try:
        answer = check_fitness(reader, Needs(**values))
        if not wrong:
            return answer, {}
    except ValidationError as error:
        for one in error.errors():
            wrong.setdefault(str(one["loc"][0]), one["msg"])
    except InvalidFieldsError as error:
        for one in error.facts["errors"]:  # type: ignore[attr-defined]
            name = one["where"].removeprefix("body.").partition(".")[0]
            wrong[name] = f"{wrong[name]}; {one['message']}" if name in wrong else one["message"]
    return None, wrong


def _items(text: str) -> list[str]:
    return [item for part in re.split(r"[\n,]", text) if (item := part.strip())]


def _dimensions(text: str, wrong: dict[str, str]) -> dict[str, float]:
    """`completeness 98, accuracy >= 95` as numbers."""
    found: dict[str, float] = {}
    for item in _items(text):
        plain = " ".join(item.split())
        match = _DIMENSION.fullmatch(plain) if len(plain) <= _LONGEST_ITEM else None
        try:
            found[match[1]] = float(match[2])  # type: ignore[index]
        except (TypeError, ValueError):
            wrong["dimensions"] = "write each as `completeness 98`, with commas between them"
    return found
