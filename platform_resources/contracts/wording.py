"""Numbers in sentences, the same for every room that tells something to people. Pure."""

from __future__ import annotations


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number and what it counts, in the plural where it should be.

    >>> counted(1, "query", "queries"), counted(2_000, "query", "queries"), counted(0, "product")
    ('1 query', '2,000 queries', '0 products')
    """
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
