"""What search asks of the catalog's index, and what it searches in: the products as they stood at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from tantivy import Searcher

from platform_resources.catalog.index.entries import Changes, ProductEntry, TermEntry


class Entries(Protocol):
    """What search asks of the catalog's index (`CatalogIndex`)."""

    def renew(self) -> int: ...

    def changed_since(self, revision: int) -> Changes: ...

    def products(self, addresses: Iterable[str] | None = None) -> Mapping[str, ProductEntry]: ...

    def each_product(self) -> Iterator[ProductEntry]: ...

    def terms(self, *, bound: bool) -> Mapping[str, TermEntry]: ...


@dataclass(frozen=True)
class Snapshot:
    """The products that may be searched, as they stood: it stays the same while the index goes on."""

    generation: str  # of the index of what everybody may know
    revision: int  # of the catalog's index
    line: str  # the same for snapshots that lost no product between them, hidden or gone
    hidden: tuple[str, ...]  # addresses of the hidden products that there are, by address
    searcher: Searcher
    some: frozenset[str] = frozenset()  # hidden products that are among the documents


def is_shown(entry: ProductEntry) -> bool:
    """Whether everybody finds it."""
    return not entry.hidden and bool(entry.ports)
