"""Headers of data: what was read, under which tag, and whether the port ends."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime, time
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from platform_resources.access import GuardedRelation, ReadQuery
from platform_resources.serving.pages import masked_in

if TYPE_CHECKING:
    from starlette.requests import Request

    from platform_resources.serving.formats import Form

_RENDERING = 1  # raise it when the bytes of an answer change though the data doesn't
_TAG = re.compile(r'(?:W/)?("[^"]*")')


def etag_of(relation: GuardedRelation, form: Form, asked: object) -> str:
    """Publication, profile, form and a digest of the query: equal tags, equal bytes."""
    digest = hashlib.sha256(json.dumps([_RENDERING, asked], default=str).encode()).hexdigest()[:12]
    return f'"{relation.etag}-{form.value}-{digest}"'


def matches(if_none_match: str | None, etag: str) -> bool:
    """Whether the reader has this already: a list of tags, weak or strong, or `*`."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or etag in _TAG.findall(if_none_match)


def headers_of(relation: GuardedRelation, query: ReadQuery, etag: str) -> dict[str, str]:
    """Of an answer with rows, without them (304) and of HEAD."""
    headers = {
        "ETag": etag,
        "Cache-Control": "private, no-cache",  # kept by the reader only, and asked about each time: rights end
        "Vary": "Accept, Authorization, Mesh-Purpose",
        "Mesh-Publication": str(relation.publication.number),
        "Mesh-Contract-Version": relation.publication.contract_version,
    }
    masked = masked_in(relation, query)
    if masked:
        headers["Mesh-Masked"] = names_in_header(masked)
    return headers | ending_headers(relation)


def ending_headers(relation: GuardedRelation) -> dict[str, str]:
    """`Deprecation` (RFC 9745), `Sunset` (RFC 8594) and the port to read instead."""
    if relation.notice is None:
        return {}
    # The log does not keep the day of the deprecation. A moment that is past says that it is so already.
    headers = {"Deprecation": f"@{int(relation.publication.published_at.timestamp())}"}
    if relation.sunset is not None:
        end = datetime.combine(datetime.fromisoformat(relation.sunset).date(), time(23, 59, 59), UTC)
        headers["Sunset"] = format_datetime(end, usegmt=True)
    _, _, successor = relation.notice.partition("; use ")
    if successor.count(".") == 2:
        domain, product, version = successor.split(".")
        headers["Link"] = f'</api/v1/products/{domain}/{product}/{version}>; rel="successor-version"'
    return headers


def next_address(request: Request, cursor: str) -> str:
    """The next page as a link (RFC 8288), relative: a proxy in front may have changed the rest."""
    address = request.url.include_query_params(cursor=cursor)
    return f'<{address.path}?{address.query}>; rel="next"'


def names_in_header(names: tuple[str, ...]) -> str:
    return ", ".join(quote(name, safe="") for name in names)
