"""A page of JSON, whole: it is small, and a page that ends before its time is an error and no page."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from platform_resources.access import GuardedRelation, ReadQuery


@dataclass(frozen=True)
class Page:
    body: bytes
    next: str | None  # cursor


def json_page(relation: GuardedRelation, query: ReadQuery, seal: Callable[[int], str]) -> Page:
    """`query` has a limit, so that its order is total; `seal` makes a cursor of the offset of the next page.

    Where rows are filtered, a page that is full has a cursor even if it happens to be the last one.
    """
    with relation.read_text(query, "json") as reading:
        rows = b"".join(reading)
        count = reading.rows
    end = query.offset + count
    filtered = bool(query.conditions or relation.decision.profile.filters)
    more = count == query.limit and (filtered or end < relation.publication.row_count)
    cursor = seal(end) if more else None
    told = {"publication": relation.publication.number, "next": cursor, "masked": list(masked_in(relation, query))}
    return Page(b'{"data": ' + rows + b", " + json.dumps(told)[1:].encode(), cursor)


def masked_in(relation: GuardedRelation, query: ReadQuery) -> tuple[str, ...]:
    """The columns of an answer whose values are masked."""
    shown = relation.columns_of(query)
    return tuple(name for name in relation.decision.profile.masked if name in shown)
