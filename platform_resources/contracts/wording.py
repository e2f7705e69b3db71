"""Numbers in sentences, the same for every room that tells something to people. Pure."""

from __future__ import annotations

from collections.abc import Sequence

MANUAL = "manual: looked after by people, not measured, counts in no score"  # of rules that are texts


def listed(names: Sequence[str], most: int = 3) -> str:
    """Names, without those that are too many to read.

    >>> listed(["a", "b", "c"]), listed(["a", "b", "c", "d", "e"])
    ('a, b, c', 'a, b, c and 2 more')
    """
    more = len(names) - most
    return f"{', '.join(names[:most])} and {more:,} more" if more > 1 else ", ".join(names)


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number and what it counts, in the plural where it should be.

    >>> counted(1, "query", "queries"), counted(2_000, "query", "queries"), counted(0, "product")
    ('1 query', '2,000 queries', '0 products')
    """
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
