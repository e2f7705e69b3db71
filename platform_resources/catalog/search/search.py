"""Search: what a query finds, for a reader."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tantivy import Order, Query

from platform_resources.catalog.index.entries import ProductEntry, TermEntry
from platform_resources.catalog.search.documents import KEY, LISTING, STANDING, make_schema
from platform_resources.catalog.search.facets import Counts, facets_of
from platform_resources.catalog.search.kept import KeptIndex
from platform_resources.catalog.search.queries import Filters, filtered, matching, ranked, saying
from platform_resources.catalog.search.reasons import Explained, Meant, Reason, explain
from platform_resources.catalog.search.snapshots import Entries, Snapshot
from platform_resources.catalog.search.spelling import Word, did_you_mean, words_of
from platform_resources.catalog.search.terms import NamedTerm, TermIndex

_KEPT_SNAPSHOTS = 8
_SCHEMA = make_schema()


@dataclass(frozen=True)
class Place:
    """Where a page begins: after how many hits, of the products as they stood for the first page."""

    generation: str = ""
    offset: int = 0


@dataclass(frozen=True)
class Asked:
    text: str = ""
    filters: Filters = field(default_factory=Filters)
    limit: int = 20
    place: Place = Place()


@dataclass(frozen=True)
class FoundProduct:
    product: ProductEntry
    reasons: tuple[Reason, ...]  # the strongest first
    without: tuple[str, ...]  # words of the query that it does not answer


@dataclass(frozen=True)
class Found:
    total: int
    hits: tuple[FoundProduct, ...]  # best first
    terms: tuple[tuple[TermEntry, NamedTerm], ...]  # that the query names
    related: tuple[tuple[TermEntry, NamedTerm], ...]  # near its words, where the best hit leaves some open
    facets: Counts
    did_you_mean: str | None
    following: Place | None  # of the next page


@dataclass(frozen=True)
class _Terms:
    revision: int
    terms: Mapping[str, TermEntry]
    index: TermIndex


class Search:
    """Search over the products of a catalog's index. Safe to share between threads."""

    def __init__(self, folder: Path, catalog: Entries) -> None:
        """`folder` is the search index's own; it can be deleted at any time and is made again."""
        self._catalog = catalog
        self._kept = KeptIndex(folder, catalog)
        self._lock = threading.Lock()
        self._snapshots: OrderedDict[tuple[str, frozenset[str]], Snapshot] = OrderedDict()
        self._terms: _Terms | None = None

    def find(self, asked: Asked, knows: Callable[[str], bool], now: datetime) -> Found:
        """What a reader finds. `knows` tells of the address of a hidden product whether the reader may know of it."""
        present = self._kept.renewed()
        some = frozenset(address for address in present.hidden if knows(address))
        snapshot = self._snapshot(present, some, asked.place.generation)
        searcher = snapshot.searcher
        words = words_of(asked.text, searcher, _SCHEMA)
        hit = self._matching(asked.text, words, snapshot)
        query = ranked(hit, asked.text, words, _SCHEMA) if words else hit
        found = filtered(query, asked.filters, _SCHEMA, now)
        end = asked.place.offset + asked.limit
        in_order = {"weight_by_field": STANDING} if words else {"order_by_field": LISTING, "order": Order.Asc}
        result = searcher.search(found, asked.limit, offset=asked.place.offset, **in_order)  # type: ignore[arg-type]
        addresses = [searcher.doc(place)[KEY][0] for _, place in result.hits]
        meant = Meant.of(words)
        entries, terms = self._catalog.products(addresses), self._terms_at(present.revision)
        hits = tuple(
            _hit(entry, explain(asked.text, meant, entry, terms.terms))
            for entry in entries.values()
            if not entry.hidden or knows(entry.address)
        )
        total = result.count or 0
        named = terms.index.named(asked.text, words)
        left = hits[0].without if hits else tuple(word.asked for word in words)
        related = terms.index.related(words, left, named) if asked.place.offset == 0 else []
        return Found(
            total=total,
            hits=hits,
            terms=tuple((terms.terms[term.address], term) for term in named),
            related=tuple((terms.terms[term.address], term) for term in related),
            facets=facets_of(searcher, _SCHEMA, hit, asked.filters, now, total),
            did_you_mean=did_you_mean(words),
            following=Place(snapshot.generation, end) if end < total else None,
        )

    def close(self) -> None:
        self._kept.close()

    def _matching(self, text: str, words: list[Word], snapshot: Snapshot) -> Query:
        """All of up to two words, most of more; fewer, when no product says so many elsewhere than in its details.

        Words that no product knows are not counted.
        """
        if not words:
            return Query.empty_query() if text.strip() else Query.all_query()
        count = sum(word.known for word in words)
        most = count if count < 3 else max(2, round(count * 0.6))
        steps = sorted({most, (most + 1) // 2, 1} - {0}, reverse=True)
        there = snapshot.searcher
        least = next(n for n in steps if n == 1 or there.search(saying(words, _SCHEMA, n), 1).count)
        return matching(text, words, _SCHEMA, least)

    def _snapshot(self, present: Snapshot, some: frozenset[str], generation: str) -> Snapshot:
        """The products as they stand, or as they stood in `generation` while that is known.

        A page goes on from what stands now once a product was hidden since, or is gone: it must not count what the
        reader may not know of any more, and the two must look the same.
        """
        with self._lock:
            kept = self._snapshots.get((generation, some)) if generation != present.generation else None
        if kept is not None and kept.line == present.line:
            return kept
        snapshot = self._kept.together(present, some)
        with self._lock:
            self._snapshots[snapshot.generation, some] = snapshot
            self._snapshots.move_to_end((snapshot.generation, some))
            while len(self._snapshots) > _KEPT_SNAPSHOTS:
                self._snapshots.popitem(last=False)
        return snapshot

    def _terms_at(self, revision: int) -> _Terms:
        """The terms of the glossaries; their index is made again when one of them is another."""
        with self._lock:
            kept = self._terms
            if kept is None or kept.revision != revision:
                terms = self._catalog.terms(bound=False)
                same = kept is not None and kept.terms == terms
                kept = self._terms = _Terms(revision, terms, kept.index if same and kept else TermIndex(terms))
            return kept


def _hit(entry: ProductEntry, told: Explained) -> FoundProduct:
    return FoundProduct(entry, told.reasons, told.without)
