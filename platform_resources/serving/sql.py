"""`POST /sql`: a query of the caller's own over ports, each as the caller may see it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from platform_resources.access import Access, Caller, SqlLimits, SqlReading
from platform_resources.access.consumer_sql.reading import SqlTextReading
from platform_resources.access.errors import LimitExceededError
from platform_resources.serving.answers import refusals
from platform_resources.serving.callers import CurrentCaller, TheAccess, TheLimits, TheThreads
from platform_resources.serving.data_headers import names_in_header
from platform_resources.serving.encoding import arrow_pieces, chunks, parquet_pieces
from platform_resources.serving.formats import Form, negotiate
from platform_resources.serving.streams import StreamedAnswer

router = APIRouter(tags=["sql"])

_Reading = SqlReading | SqlTextReading
_Piece = TypeVar("_Piece")
_JSON_ROWS = 10_000
_LIMITS = SqlLimits(wait=10)


class SqlQuestion(BaseModel):
    """A query, and what it is asked for."""

    model_config = ConfigDict(extra="forbid")

    sql: str = Field(
        description="One SELECT over ports.",
        min_length=1,
        max_length=100_000,
        examples=["SELECT count(*) AS customers FROM crm.customer_360.v1"],
    )
    purpose: str | None = Field(default=None, description="What the data is read for.", max_length=63)


_ANSWER_SCHEMA = {
    "type": "object",
    "required": ["data", "columns", "publications", "masked", "notices", "truncated"],
    "properties": {
        "data": {"type": "array", "items": {"type": "object"}, "description": "Rows: column -> value."},
        "columns": {"type": "array", "items": {"type": "string"}, "description": "In their order."},
        "publications": {
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "description": "Port -> the publication that was read.",
        },
        "masked": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
            "description": "Port -> columns that the query uses and that are masked.",
        },
        "notices": {"type": "object", "additionalProperties": {"type": "string"}, "description": "Ports that end."},
        "truncated": {"type": "boolean", "description": "There are more rows than may be answered."},
    },
}
_HEADERS = {
    "Mesh-Publications": "Port=publication, parted by commas.",
    "Mesh-Publication": "The publication, when one port is read.",
    "Mesh-Masked": "Columns that the query uses and that are masked, with their ports, parted by commas.",
    "Mesh-Truncated": "`true` when there are more rows than may be answered. A long answer that is found to be "
    "truncated after its headers were sent is cut off.",
}
_RESPONSES = {
    **refusals(400, 403, 404, 406, 410, 422),
    200: {
        "description": "The rows of the answer. JSON has at most 10,000, the other forms 1,000,000 or 256 MB.",
        "headers": {name: {"description": text, "schema": {"type": "string"}} for name, text in _HEADERS.items()},
        "content": {
            Form.JSON.media_type: {"schema": _ANSWER_SCHEMA},
            **{
                form.media_type: {"schema": {"type": "string"}}
                for form in (Form.NDJSON, Form.CSV, Form.PARQUET, Form.ARROW)
            },
        },
    },
}


@router.post("/sql", operation_id="run_sql", summary="Query ports", responses=_RESPONSES, response_class=Response)
async def run_sql(
    request: Request,
    access: TheAccess,
    limits: TheLimits,
    threads: TheThreads,
    caller: CurrentCaller,
    question: SqlQuestion,
    form: Annotated[Form | None, Query(alias="format", description="Wins over Accept.")] = None,
) -> Response:
    """One SELECT over ports. It runs in a confined process on masked copies: nothing else is there to be read."""
    chosen = negotiate(request.headers.get("Accept"), form)
    rows = replace(_LIMITS, rows=_JSON_ROWS) if chosen is Form.JSON else _LIMITS
    with ExitStack() as held:
        held.enter_context(limits.stream(caller.identity.id))

        def begin() -> _Begun:
            reading = _run(access, caller, question, chosen, rows)
            held.callback(reading.close)
            return _begin(reading, chosen)

        begun = await threads.sql(begin)
        opened = held.pop_all()
    told = (begun.headers, chosen.content_type, limits.limits.silent_seconds)
    return StreamedAnswer(begun.first, begun.rest, opened.close, threads, *told)


def _run(access: Access, caller: Caller, question: SqlQuestion, form: Form, limits: SqlLimits) -> _Reading:
    if form.is_text:
        return access.sql.run_text(caller, question.sql, form.value, question.purpose, limits, "http")
    return access.sql.run(caller, question.sql, question.purpose, limits, "http")


@dataclass(frozen=True)
class _Begun:
    first: bytes
    rest: Iterator[bytes]
    headers: dict[str, str]


def _begin(reading: _Reading, form: Form) -> _Begun:
    """Make the first megabyte: of what ends within it, it is known whether it was truncated."""
    untold = threading.Event()  # the headers are out and do not tell
    made = chunks(_pieces(reading, form, untold), at_once=False)
    first, second = next(made, b""), next(made, None)
    headers = _headers(reading)
    if second is None:
        headers["Mesh-Truncated"] = "true" if reading.truncated else "false"
        return _Begun(first, iter(()), headers)
    if form is not Form.JSON:  # which tells it at its end
        untold.set()
    return _Begun(first, chain([second], made), headers)


def _pieces(reading: _Reading, form: Form, untold: threading.Event) -> Iterator[bytes | memoryview]:
    if isinstance(reading, SqlReading):
        yield from (arrow_pieces if form is Form.ARROW else parquet_pieces)(reading.schema, _whole(reading, untold))
        return
    if form is Form.JSON:
        yield b'{"data": '
    yield from _whole(reading, untold)
    if form is Form.JSON:
        yield b", " + json.dumps(_told(reading)).encode()[1:]


def _whole(reading: Iterable[_Piece], untold: threading.Event) -> Iterator[_Piece]:
    yield from reading
    if reading.truncated and untold.is_set():
        raise LimitExceededError("the answer has more rows than may be answered", "Ask for fewer.")


def _told(reading: SqlTextReading) -> dict[str, Any]:
    return {
        "columns": reading.names,
        "publications": {address: relation.publication.number for address, relation in reading.relations.items()},
        "masked": {address: list(names) for address, names in reading.masked.items()},
        "notices": {a: relation.notice for a, relation in reading.relations.items() if relation.notice},
        "truncated": reading.truncated,
    }


def _headers(reading: _Reading) -> dict[str, str]:
    numbers = {address: relation.publication.number for address, relation in reading.relations.items()}
    headers = {
        "Cache-Control": "private, no-store",
        "Mesh-Publications": ", ".join(f"{address}={number}" for address, number in numbers.items()),
    }
    if len(numbers) == 1:
        headers["Mesh-Publication"] = str(next(iter(numbers.values())))
    masked = [f"{address}.{name}" for address, names in reading.masked.items() for name in names]
    return headers | ({"Mesh-Masked": names_in_header(tuple(masked))} if masked else {})
