"""What a consumer asks of a port, understood: words become terms, texts durations; what makes no sense is refused."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from typing import get_args

from fastapi import Request
from pydantic import AliasChoices, Field

from platform_resources.catalog import PortState
from platform_resources.catalog.fitness import TermWanted
from platform_resources.contracts.durations import DurationError, parse_duration
from platform_resources.contracts.model import Dimension
from platform_resources.serving.answers import Asked
from platform_resources.serving.names_alike import products_meant
from platform_resources.serving.problems import InvalidFieldsError
from platform_resources.serving.readers import Reader

DIMENSIONS: tuple[str, ...] = get_args(Dimension)
_FEW = 12  # names that are told when nothing is like what was written
_MOST_TOLD = 60  # characters of a text that somebody made up, told back to it


class Needs(Asked):
    """What a consumer needs; what it leaves out doesn't count. Names are also taken as the other doors call them."""

    ports: list[str] | None = Field(
        None,
        validation_alias=AliasChoices("ports", "products"),
        description="Only these ports or products; null: all.",
        min_length=1,
        max_length=100,
    )
    q: str | None = Field(
        None,
        validation_alias=AliasChoices("q", "query", "search"),
        description="Only what a search for these words finds.",
        max_length=400,
    )
    max_age: str | None = Field(None, description="Freshness: ISO 8601 duration.", max_length=32, examples=["PT30M"])
    min_score: float | None = Field(None, ge=0, le=100, allow_inf_nan=False)
    dimensions: dict[str, float] | None = Field(
        None,
        validation_alias=AliasChoices("dimensions", "min"),
        description="Least score of a dimension, 0-100.",
        max_length=20,
        examples=[{"completeness": 98}],
    )
    min_availability: float | None = Field(
        None, ge=0, le=100, allow_inf_nan=False, description="Percent, over the promised window."
    )
    terms: list[str] | None = Field(
        None,
        validation_alias=AliasChoices("terms", "term"),
        description="Has a column of each term: by its address, name, title or a synonym.",
        max_length=50,
        examples=[["crm.household_id"]],
    )
    columns: list[str] | None = Field(
        None,
        validation_alias=AliasChoices("columns", "column"),
        description="Has columns of these names.",
        max_length=200,
    )
    history: str | None = Field(
        None, description="Data that reaches back so far: ISO 8601.", max_length=32, examples=["P1Y"]
    )
    purpose: str | None = Field(
        None, description="May be used for this purpose of the council.", max_length=63, examples=["analytics"]
    )
    clear: list[str] | None = Field(None, description="Columns that the caller must get unmasked.", max_length=200)
    tier: list[str] | None = Field(None, description="One of these tiers.", max_length=20)
    limit: int = Field(100, description="How many ports to tell, those that fit first.", ge=1, le=1000)


@dataclass(frozen=True)
class Wanted:
    """Needs, understood."""

    needs: Needs
    max_age: timedelta | None = None
    history: timedelta | None = None
    dimensions: Mapping[str, float] = field(default_factory=dict)
    terms: tuple[TermWanted, ...] = ()

    @property
    def of_access(self) -> bool:
        """Whether a need asks what policy says; else it is not looked up, which takes some ms for each port."""
        return self.needs.purpose is not None or bool(self.needs.clear)


def in_the_body(request: Request) -> None:
    """Needs stand in the body. One in the address would be left out, and the answer be taken for another one.

    Raises
    ------
    InvalidFieldsError
        when the address has a parameter.
    """
    if request.query_params:
        told = "needs stand in the body, as JSON"
        raise InvalidFieldsError({f"query.{name[:_MOST_TOLD]}": told for name in list(request.query_params)[:5]})


def understood(reader: Reader, needs: Needs, known: Iterable[PortState]) -> Wanted:
    """The needs with their words looked up. `known` are the ports that the caller may know of.

    Raises
    ------
    InvalidFieldsError
        with every field that makes no sense, and what is like what was written.
    """
    wrong: dict[str, str] = {}
    council, found = reader.documents.council, list(known)
    names = {name for state in found for name in (state.port.address, state.product.address)}
    _check_ports(wrong, needs.ports or (), {state.product.address for state in found}, names)
    _check(wrong, "tier", _placed("tier", needs.tier), council.tiers)
    if needs.purpose is not None and council.purposes:
        _check(wrong, "purpose of the council", {"body.purpose": needs.purpose}, council.purposes)
    _check(wrong, "dimension", {f"body.dimensions.{n[:_MOST_TOLD]}": n for n in needs.dimensions or {}}, DIMENSIONS)
    for name, least in (needs.dimensions or {}).items():
        if not 0 <= least <= 100:
            wrong[f"body.dimensions.{name[:_MOST_TOLD]}"] = "a score is a number from 0 to 100"
    wanted = Wanted(
        needs,
        _duration(wrong, "max_age", needs.max_age),
        _duration(wrong, "history", needs.history),
        dict(needs.dimensions or {}),
        tuple(_term(reader, word, wrong, place) for place, word in enumerate(needs.terms or ())),
    )
    if wrong:
        raise InvalidFieldsError(wrong)
    return wanted


def _placed(where: str, names: Sequence[str] | None) -> dict[str, str]:
    return {f"body.{where}.{place}": name for place, name in enumerate(names or ())}


def _check(wrong: dict[str, str], what: str, names: Mapping[str, str], known: Iterable[str]) -> None:
    """`names`: where -> what was written there."""
    there = sorted(known)
    for where, name in names.items():
        if name not in there:
            near = get_close_matches(name[:_MOST_TOLD], there, 3, 0.6)
            few = there if len(there) <= _FEW else []
            hint = f"; did you mean {', '.join(near)}?" if near else f"; there are {', '.join(few)}" if few else ""
            wrong[where] = f"there is no {what} {_told(name)}{hint}"


def _check_ports(
    wrong: dict[str, str], asked: Sequence[str], products: Collection[str], names: Collection[str]
) -> None:
    for where, name in _placed("ports", asked).items():
        if name not in names:
            meant = products_meant(name, products)
            hint = f"; did you mean {' or '.join(meant)}?" if meant else ""
            wrong[where] = f"there is no product or port {_told(name)}{hint}"


def _duration(wrong: dict[str, str], where: str, text: str | None) -> timedelta | None:
    if text is None:
        return None
    try:
        return parse_duration(text)
    except DurationError as bad:
        wrong[f"body.{where}"] = str(bad)
        return None


def _term(reader: Reader, word: str, wrong: dict[str, str], place: int) -> TermWanted:
    glossary, where = reader.documents.glossary, f"body.terms.{place}"
    found = glossary.find(word)
    if len(found) == 1:
        address = found[0].address
        same = frozenset(t for t in glossary.terms if t != address and glossary.graph.same(t, address))
        return TermWanted(word, address, same)
    if found:
        meant = [term.address for term in found]
        if all(glossary.graph.same(meant[0], other) for other in meant[1:]):
            return TermWanted(word, meant[0], frozenset(meant[1:]))
        wrong[where] = f"several terms are called {_told(word)}: name one of {', '.join(meant)}"
    else:
        near = [*get_close_matches(word[:_MOST_TOLD], glossary.terms, 3, 0.7)] or glossary.close(word[:_MOST_TOLD])
        hint = f"; did you mean {', '.join(near)}?" if near else "; GET /api/v1/glossary lists those that there are"
        wrong[where] = f"no term is called {_told(word)}{hint}"
    return TermWanted(word, word)


def _told(text: str) -> str:
    short = text if len(text) <= _MOST_TOLD else f"{text[:_MOST_TOLD]}…"
    return repr(short)
