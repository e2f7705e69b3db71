"""What words mean."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from platform_resources.serving.glossary import TermComparison, TermDetail, compare, term_called
from platform_resources.serving.glossary import get_term as term_detail
from platform_resources.serving.mcp.results import Found
from platform_resources.serving.mcp.sessions import reader
from platform_resources.serving.mcp.tools.arguments import Cursor

Word = Annotated[
    str,
    Field(
        description="Address of a term, or a word for exactly one: name, title or synonym.",
        min_length=1,
        max_length=200,
        examples=["finance.revenue", "turnover"],
    ),
]


def get_term(term: Word, cursor: Cursor = None) -> Found[TermDetail]:
    """What a business word means here: definition, formula, unit, synonyms, related terms, the columns that hold it.

    Use it for "what is net revenue?" and to find the column of a meaning. One word has one meaning; when several terms
    are called so you are told which. Next: compare_terms. Example: {"term": "turnover"}.
    """
    me = reader()
    found = term_called(me, term.strip())
    return Found(term_detail(me, found.domain, found.name), lists=("relations", "columns"), cursor=cursor)


def compare_terms(one: Word, other: Word) -> Found[TermComparison]:
    """How two business words differ: both definitions, and the relations that join or tell them apart.

    Use it when two figures do not agree, as bookings and revenue. `standing` is `same`, `told apart` or `unrelated`.
    Example: {"one": "bookings", "other": "revenue"}.
    """
    return Found(compare(reader(), one.strip(), other.strip()))
