"""`/products/{domain}/{product}/v{major}/data`: the rows of a port, as the caller may see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from platform_resources.access import Access, Caller, GuardedRelation, ReadQuery
from platform_resources.access.errors import AccessError, BadQueryError, NotPublishedError
from platform_resources.access.relations.reading import Reading, TextReading
from platform_resources.lake import PortAddress
from platform_resources.lake.keys import secret_key
from platform_resources.serving.answers import refusals
from platform_resources.serving.callers import CurrentCaller, TheAccess, TheLimits, TheThreads
from platform_resources.serving.cursors import Cursor, bound_to, seal, unseal
from platform_resources.serving.data_headers import etag_of, headers_of, matches, next_address
from platform_resources.serving.encoding import arrow_pieces, chunks, parquet_pieces
from platform_resources.serving.formats import Form, negotiate
from platform_resources.serving.limits import RateLimits, Threads
from platform_resources.serving.pages import json_page
from platform_resources.serving.queries import read_query
from platform_resources.serving.readers import Domain, Major, ProductName
from platform_resources.serving.streams import StreamedAnswer

router = APIRouter(tags=["data"])

DEFAULT_PAGE, LONGEST_PAGE = 1000, 10_000  # rows of JSON
_PARAMETERS = frozenset({"columns", "filter", "order", "limit", "cursor", "as_of", "format", "purpose"})

_PATH = "/products/{domain}/{product}/v{major}/data"
_PAGE = {
    "type": "object",
    "required": ["data", "publication", "next", "masked"],
    "properties": {
        "data": {"type": "array", "items": {"type": "object"}, "description": "Rows: column -> value."},
        "publication": {"type": "integer", "description": "All rows are of this one publication."},
        "next": {"type": ["string", "null"], "description": "Cursor of the page after this one; null on the last."},
        "masked": {"type": "array", "items": {"type": "string"}, "description": "Columns whose values are masked."},
    },
}
_HEADERS = {
    "ETag": "Publication, the reader's profile, form and query: for If-None-Match.",
    "Mesh-Publication": "Number of the publication that is served.",
    "Mesh-Contract-Version": "Version of the contract that it was held to.",
    "Mesh-Masked": "Columns whose values are masked, parted by commas.",
    "Link": "`rel=next`: the next page of JSON. `rel=successor-version`: what to read instead.",
    "Deprecation": "The port is deprecated (RFC 9745).",
    "Sunset": "When it ends (RFC 8594).",
}
_ANSWER = {
    "description": "The rows, as the caller may see them. JSON comes in pages, the other forms stream all rows.",
    "headers": {name: {"description": text, "schema": {"type": "string"}} for name, text in _HEADERS.items()},
    "content": {
        Form.JSON.media_type: {"schema": _PAGE},
        Form.NDJSON.media_type: {"schema": {"type": "string"}},
        **{form.media_type: {"schema": {"type": "string"}} for form in (Form.CSV, Form.PARQUET, Form.ARROW)},
    },
}
_RESPONSES = {
    **refusals(400, 403, 404, 406, 409, 410, 422),
    200: _ANSWER,
    304: {"description": "What the caller has (If-None-Match) is what it would get."},
}


class CursorExpiredError(AccessError):
    """The publication that a cursor goes on in was expired by the retention."""

    status = 410
    code = "cursor-expired"


class CursorMismatchError(AccessError):
    """A cursor of another query or reader, or of one whose rights have changed since."""

    status = 409
    code = "cursor-mismatch"


@dataclass(frozen=True)
class Asked:
    """What a request asks of the rows of a port."""

    port: PortAddress
    query: ReadQuery
    form: Form
    cursor: str | None
    as_of: int | None
    purpose: str | None


def asked(
    request: Request,
    domain: Domain,
    product: ProductName,
    major: Major,
    columns: Annotated[str | None, Query(description="Columns, parted by commas; without it all.")] = None,
    filters: Annotated[
        list[str] | None,
        Query(
            alias="filter",
            description="`<column>:<operator>:<value>`; repeated: all hold. Operators: eq ne lt le gt ge in notin like "
            "null notnull. Values of `in` and `notin` are parted by commas. Masked columns are compared as masked.",
            examples=["region:eq:north"],
        ),
    ] = None,
    order: Annotated[str | None, Query(description="Columns, `-` before one for descending: `-a,b`.")] = None,
    limit: Annotated[
        int | None,
        Query(description="Rows at most. JSON: 1,000 unless told, more than 10,000 is refused (400).", ge=1, le=2**62),
    ] = None,
    cursor: Annotated[str | None, Query(description="`next` of the page before (JSON).", max_length=4096)] = None,
    as_of: Annotated[int | None, Query(description="A publication by its number.", ge=1, le=2**31)] = None,
    form: Annotated[Form | None, Query(alias="format", description="Wins over Accept.")] = None,
    purpose: Annotated[str | None, Query(description="What the data is read for.", max_length=63)] = None,
    purpose_header: Annotated[
        str | None, Header(alias="Mesh-Purpose", description="The same as a header.", max_length=63)
    ] = None,
) -> Asked:
    _check_parameters(request)
    chosen = negotiate(request.headers.get("Accept"), form)
    if chosen is Form.JSON:
        if limit is not None and limit > LONGEST_PAGE:
            raise BadQueryError(
                f"a page of JSON has at most {LONGEST_PAGE:,} rows", "Follow `next`, or read NDJSON, CSV or Arrow."
            )
        limit = limit or DEFAULT_PAGE
    elif cursor is not None:
        raise BadQueryError("only JSON comes in pages", "Leave out the cursor: the other forms stream all rows.")
    if purpose is not None and purpose_header is not None and purpose != purpose_header:
        raise BadQueryError("two purposes are declared", "Declare one, as a parameter or as a header.")
    query = read_query(columns, filters or (), order, limit)
    return Asked(PortAddress(domain, product, major), query, chosen, cursor, as_of, purpose or purpose_header)


def _check_parameters(request: Request) -> None:
    """A parameter that is not known, or given twice, is refused: `filters=` would return every row."""
    names = Counter(name for name, _ in request.query_params.multi_items())
    if names.keys() - _PARAMETERS:
        raise BadQueryError("a parameter is not known", "Known are " + ", ".join(sorted(_PARAMETERS)) + ".")
    if any(count > 1 and name != "filter" for name, count in names.items()):
        raise BadQueryError("a parameter is given twice", "Only filter may be repeated.")


TheAsked = Annotated[Asked, Depends(asked)]


@router.get(_PATH, operation_id="read_data", summary="Read rows", responses=_RESPONSES, response_class=Response)
async def read_data(
    request: Request, access: TheAccess, limits: TheLimits, threads: TheThreads, caller: CurrentCaller, what: TheAsked
) -> Response:
    """The rows of a port, as the caller may see them: masked, filtered, all of one publication."""
    found = await threads.small(lambda: open_rows(access, caller, what))
    headers = headers_of(found.relation, found.query, found.etag)
    if matches(request.headers.get("If-None-Match"), found.etag):
        await threads.small(lambda: found.note("revalidated"))
        return Response(None, 304, headers)
    if what.form is Form.JSON:
        page = await threads.small(lambda: json_page(found.relation, found.query, found.seal))
        if page.next is not None:
            headers["Link"] = ", ".join(filter(None, [headers.get("Link"), next_address(request, page.next)]))
        return Response(page.body, 200, headers, what.form.content_type)
    return await _stream(found, what.form, limits, threads, headers)


@router.head(_PATH, operation_id="head_data", summary="Headers of rows", responses=_RESPONSES, response_class=Response)
async def head_data(
    request: Request, access: TheAccess, threads: TheThreads, caller: CurrentCaller, what: TheAsked
) -> Response:
    """What GET would tell in its headers; no row is read."""
    found = await threads.small(lambda: open_rows(access, caller, what))
    await threads.small(lambda: found.note("revalidated"))
    status = 304 if matches(request.headers.get("If-None-Match"), found.etag) else 200
    return Response(None, status, headers_of(found.relation, found.query, found.etag), what.form.content_type)


@dataclass(frozen=True)
class FoundRows:
    """What was decided: the relation, the query on it (of a cursor: with its offset), and the tag of the answer."""

    access: Access
    caller: Caller
    relation: GuardedRelation
    query: ReadQuery
    etag: str
    bound: str

    def seal(self, offset: int) -> str:
        """The cursor of the page that begins there."""
        return seal(_key(self.access), Cursor(self.relation.publication.number, self.bound, offset))

    def note(self, kind: str) -> None:
        """The audit log has every decision, those that moved no row too."""
        decision = self.relation.decision
        self.access.audit.append(
            kind,
            self.caller.identity.id,
            str(self.relation.port),
            credential=self.caller.credential,
            grant=decision.grant,
            purpose=decision.purpose,
            publication=self.relation.publication.number,
            door="http",
        )


def open_rows(access: Access, caller: Caller, what: Asked, door: str = "http") -> FoundRows:
    """Decide, and check the query, before anything is read."""
    cursor = None if what.cursor is None else unseal(_key(access), what.cursor)
    if cursor is not None and what.as_of not in (None, cursor.publication):
        raise BadQueryError("as_of and the cursor name two publications", "Leave as_of out: the cursor has it.")
    as_of = what.as_of if cursor is None else cursor.publication
    try:
        relation = access.guard.open(caller, what.port, purpose=what.purpose, as_of=as_of, door=door)
    except NotPublishedError as error:
        if cursor is None:
            raise
        raise CursorExpiredError(f"the pages can't go on: {error.message}", "Start again without a cursor.") from None
    query = what.query
    asks = (query.columns, [(c.column, c.operator, c.value) for c in query.conditions], query.order)
    bound = bound_to(caller.identity.id, str(what.port), relation.decision.profile.digest, asks)
    if cursor is not None:
        if cursor.bound != bound:
            raise CursorMismatchError(
                "the cursor is of another query or reader, or your rights have changed", "Start again without a cursor."
            )
        query = replace(query, offset=cursor.position)
    relation.sql(query)  # refuses what can't be asked
    reader = caller.identity.id if what.form is Form.JSON else None  # its cursor is the reader's own
    etag = etag_of(relation, what.form, (asks, query.limit, query.offset, reader))
    return FoundRows(access, caller, relation, query, etag, bound)


def _key(access: Access) -> str:
    return secret_key(access.settings, "cursor")


async def _stream(
    found: FoundRows, form: Form, limits: RateLimits, threads: Threads, headers: Mapping[str, str]
) -> StreamedAnswer:
    with ExitStack() as held:
        held.enter_context(limits.stream(found.caller.identity.id))

        def begin() -> tuple[bytes, Iterator[bytes]]:
            reading = (
                found.relation.read_text(found.query, form.value) if form.is_text else found.relation.read(found.query)
            )
            held.callback(reading.close)
            rest = chunks(_pieces(form, reading))
            return next(rest, b""), rest

        first, rest = await threads.bulk(begin)  # what goes wrong until here is told as a problem
        opened = held.pop_all()
    return StreamedAnswer(first, rest, opened.close, threads, headers, form.content_type, limits.limits.silent_seconds)


def _pieces(form: Form, reading: Reading | TextReading) -> Iterable[bytes]:
    if isinstance(reading, TextReading):
        return reading
    return (arrow_pieces if form is Form.ARROW else parquet_pieces)(reading.schema, reading)
