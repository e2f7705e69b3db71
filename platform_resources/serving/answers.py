"""What all answers share: closed models, pages, and what any operation may refuse with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError
from starlette.requests import Request

from platform_resources.contracts.characters import hidden_character
from platform_resources.serving.problems import problem_responses

_Item = TypeVar("_Item")

# A token in the address; without or with a wrong token; too many requests; control database or audit log unusable.
EVERYWHERE = (400, 401, 429, 503)


class Answer(BaseModel):
    """A model whose fields are all that there is: whoever generates a client from the document can rely on it."""

    model_config = ConfigDict(extra="forbid")


class Asked(Answer):
    """What a request says. No text of it holds a character that is not seen: others are shown what people write, and
    PostgreSQL keeps no NUL.
    """

    @field_validator("*")
    @classmethod
    def _hides_nothing(cls, value: Any) -> Any:
        for text in value if isinstance(value, list) else [value]:
            hidden = hidden_character(text) if isinstance(text, str) else None
            if hidden is not None:
                raise PydanticCustomError(
                    "hidden_character",
                    "it holds the character {character}, which readers would not see: delete it",
                    {"character": f"U+{ord(hidden):04X}"},
                )
        return value


class Page(Answer):
    next: str | None = Field(
        description="Cursor of the page after this one, for the parameter `cursor`; null on the last page. "
        "The header Link has its address."
    )


Limit = Annotated[int, Query(description="How many entries at most.", ge=1, le=1000)]


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of an operation: the statuses of every operation, and these."""
    return problem_responses(*sorted({*EVERYWHERE, *statuses}))


def paged(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The same of an operation that answers in pages."""
    link = {"description": "The next page, with rel=next.", "schema": {"type": "string"}}
    return {**refusals(*statuses), 200: {"headers": {"Link": link}}}


def creating(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The same of an operation that makes something."""
    location = {"description": "Where it is.", "required": True, "schema": {"type": "string"}}
    return {**refusals(*statuses), 201: {"headers": {"Location": location}}}


def link_next(request: Request, response: Response, cursor: str | None) -> None:
    """Tell the address of the next page (RFC 8288), relative: a proxy in front may have changed the rest."""
    if cursor is not None:
        address = request.url.include_query_params(cursor=cursor)
        response.headers["Link"] = f'<{address.path}?{address.query}>; rel="next"'


def page_of(
    items: Sequence[_Item], keys: Sequence[str], limit: int, cursor: str | None
) -> tuple[list[_Item], str | None]:
    """The items after `cursor`, and the cursor of the page after them; `keys` are theirs, rising."""
    rest = [(item, key) for item, key in zip(items, keys, strict=True) if cursor is None or key > cursor]
    more = len(rest) > limit
    return [item for item, _ in rest[:limit]], rest[limit - 1][1] if more else None
