"""The index of the engine on disk: `$MESH_HOME/catalog/search/`, one for all processes, for their account alone.

It holds only what everybody may know. A reader who may know of hidden products too searches in an index of its own
(`HiddenProducts`). So what somebody may not know of is in no index that its searches touch, and can't show in hits,
counts, facets, suggestions or the statistics behind scores.

Deleted documents stay in the statistics and the dictionary of their segment until it is merged. So when a product is
gone or becomes hidden, all is written anew [20 s for 10,000 products of 30 columns, 0.3 s for 100]: in a big mesh
beside the searches, after its document was deleted. A product that was only renewed does no harm there.
"""

from __future__ import annotations

import hashlib
import json
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from tantivy import Index

from platform_resources.catalog.index.entries import ProductEntry, TermEntry
from platform_resources.catalog.search.documents import FORMAT, KEY, document_of
from platform_resources.catalog.search.files import IndexFiles, State
from platform_resources.catalog.search.hidden import HEAP, HiddenProducts
from platform_resources.catalog.search.snapshots import Entries, Snapshot, is_shown
from platform_resources.pipeline import settle

_QUICKLY = 500  # products that are written anew while a search waits
_BATCH = 1_000  # products that wait for the engine in memory (20 KB each): it would take 10,000 of them


class KeptIndex:
    """Safe to share between threads."""

    def __init__(self, folder: Path, catalog: Entries) -> None:
        self._catalog, self._files = catalog, IndexFiles(folder)
        self._hidden = HiddenProducts(self._files, catalog)
        self._index: Index | None = None
        self._present: Snapshot | None = None
        self._renewing = threading.Lock()
        self._cleaning: threading.Thread | None = None

    def renewed(self) -> Snapshot:
        """As the catalog stands now.

        While one thread takes changes over, others go on with what was there; but they wait when a product is hidden
        or gone by these changes.
        """
        revision = self._catalog.renew()
        present = self._present
        if present is not None and present.revision == revision:
            return present
        if not self._renewing.acquire(blocking=False):
            if present is not None and not self._lost(present):
                return present
            self._renewing.acquire()
        try:
            present = self._present
            if present is None or present.revision != revision:  # else who was waited for took it over
                with self._files.locked():
                    present = self._present = self._taken_over()
        finally:
            self._renewing.release()
        return present

    def _lost(self, present: Snapshot) -> bool:
        """Whether a product that everybody may find in `present` is hidden or gone now."""
        changes = self._catalog.changed_since(present.revision)
        if changes.everything:
            return True
        there = present.searcher
        held = [a for a in changes.products if a not in present.hidden and there.doc_freq(KEY, a)]
        entries = self._catalog.products(held)
        return any(address not in entries or not is_shown(entries[address]) for address in held)

    def together(self, present: Snapshot, some: frozenset[str]) -> Snapshot:
        """The same with the hidden products in `some`."""
        return self._hidden.together(present, some)

    def close(self) -> None:
        if self._cleaning is not None:
            self._cleaning.join()
        self._hidden.close()

    def _taken_over(self) -> Snapshot:
        """The documents on disk, made to be what the catalog's index says. Under the lock of all processes."""
        there = self._files.opened(self._index)
        if there is None:
            self._index = None
            return self._made_anew()
        self._index, state = there
        changes = self._catalog.changed_since(state.revision)
        if changes.everything or len(changes.products) > max(state.products, 100):
            return self._made_anew()
        if changes.terms and _terms_digest(self._catalog.terms(bound=False)) != state.terms:
            return self._made_anew()
        entries = self._catalog.products(changes.products)
        shown = [entry for entry in entries.values() if is_shown(entry)]
        stay = {entry.address for entry in shown}
        held = [address for address in changes.products if address not in state.hidden and self._holds(address)]
        gone = [address for address in held if address not in stay]
        replaced = state.replaced + len(held)
        unclean = state.unclean or bool(gone) or replaced > 2 * max(state.products, 100)
        if unclean and state.products <= _QUICKLY:
            return self._made_anew()
        hidden = {*state.hidden} - {*changes.products} | {a for a, entry in entries.items() if entry.hidden}
        line = uuid.uuid4().hex if gone else state.line
        following = replace(state, revision=changes.revision, line=line, hidden=tuple(sorted(hidden)))
        if shown or gone:
            self._write(shown, gone, anew=False)
            following = replace(following, generation=uuid.uuid4().hex, replaced=replaced, unclean=unclean)
        if unclean:
            self._clean_beside()
        return self._settled(following, written=bool(shown or gone))

    def _clean_beside(self) -> None:
        """Write all anew, while searches go on with what there is."""
        if self._cleaning is None or not self._cleaning.is_alive():
            self._cleaning = threading.Thread(target=self._clean, name="search-index", daemon=True)
            self._cleaning.start()

    def _clean(self) -> None:
        with self._renewing, self._files.locked():
            if self._index is not None:
                self._present = self._made_anew()

    def _made_anew(self) -> Snapshot:
        changes = self._catalog.changed_since(0)
        if self._index is None:
            self._index = self._files.made()
        hidden: list[str] = []
        self._write(_shown(self._catalog.each_product(), hidden), (), anew=True)
        digest = _terms_digest(self._catalog.terms(bound=False))
        products = self._index.searcher().num_docs
        generation, line = uuid.uuid4().hex, uuid.uuid4().hex
        state = State(
            *(FORMAT, generation, changes.revision, line, digest, tuple(sorted(hidden)), products),
            *(0, False, {}),
        )
        return self._settled(state, written=True)

    def _write(self, entries: Iterable[ProductEntry], gone: Iterable[str], *, anew: bool) -> None:
        assert self._index is not None
        terms = self._catalog.terms(bound=False)
        writer = self._index.writer(HEAP, 1)
        if anew:
            self._files.forget()
            writer.delete_all_documents()
        for address in gone:
            writer.delete_documents_by_term(KEY, address)
        number = 0
        for number, entry in enumerate(entries, 1):
            if not anew:
                writer.delete_documents_by_term(KEY, entry.address)
            writer.add_document(document_of(entry, terms))
            if anew and number % _BATCH == 0:
                writer.commit()
        writer.commit()
        writer.wait_merging_threads()
        if number > _QUICKLY:
            settle()
        self._index.reload()

    def _settled(self, state: State, *, written: bool) -> Snapshot:
        assert self._index is not None
        searcher = self._index.searcher()
        if written:
            state = replace(state, products=searcher.num_docs)
        self._files.note(state, written=written)
        return Snapshot(state.generation, state.revision, state.line, state.hidden, searcher)

    def _holds(self, address: str) -> bool:
        assert self._index is not None
        return self._index.searcher().doc_freq(KEY, address) > 0


def _shown(entries: Iterable[ProductEntry], hidden: list[str]) -> Iterator[ProductEntry]:
    """Those that everybody may know of; the addresses of the others are put into `hidden`."""
    for entry in entries:
        if entry.hidden:
            hidden.append(entry.address)
        elif is_shown(entry):
            yield entry


def _terms_digest(terms: Mapping[str, TermEntry]) -> str:
    """Of what documents take over from terms; not of the columns bound to them, which name hidden products too."""
    told = [
        (address, term.title, term.name, term.synonyms, [(r.type, r.term) for r in term.relations])
        for address, term in sorted(terms.items())
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
