"""The index of the engine on disk: `$MESH_HOME/catalog/search/`, one for all processes, for their account alone.

It holds only what everybody may know. A reader who may know of hidden products too searches in an index of its own:
links to the same files, and a segment with those products [8 ms]. So what somebody may not know of is in no index that
its searches touch, and can't show in hits, counts, facets, suggestions or the statistics behind scores.

Deleted documents stay in the statistics and the dictionary of their segment until it is merged. So when a product is
gone or becomes hidden, all is written anew [20 s for 10,000 products of 30 columns, 0.3 s for 100]: in a big mesh
beside the searches, after its document was deleted. A product that was only renewed does no harm there.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

from tantivy import Index, Searcher

from platform_resources.catalog.index.entries import Changes, ProductEntry, TermEntry
from platform_resources.catalog.search.documents import FORMAT, KEY, document_of, make_schema
from platform_resources.catalog.search.words import register
from platform_resources.lake.folders import own_files, own_folder

_KEPT_READERS = 16
_QUICKLY = 500  # products that are written anew while a search waits
_SMALL_HEAP, _LARGE_HEAP = 15_000_000, 60_000_000  # bytes; 15 MB is the engine's least
_LEFT_OVER_SECONDS = 86_400
_SCHEMA = make_schema()


class Entries(Protocol):
    """What search asks of the catalog's index (`CatalogIndex`)."""

    def renew(self) -> int: ...

    def changed_since(self, revision: int) -> Changes: ...

    def products(self, addresses: Iterable[str] | None = None) -> Mapping[str, ProductEntry]: ...

    def each_product(self) -> Iterator[ProductEntry]: ...

    def terms(self) -> Mapping[str, TermEntry]: ...


@dataclass(frozen=True)
class Snapshot:
    """The products that may be searched, as they stood: it stays the same while the index goes on."""

    generation: str  # of the index of what everybody may know
    revision: int  # of the catalog's index
    line: str  # the same for snapshots that lost no product between them, hidden or gone
    hidden: tuple[str, ...]  # addresses of the hidden products that there are, by address
    searcher: Searcher
    some: frozenset[str] = frozenset()  # hidden products that are among the documents


@dataclass(frozen=True)
class _State:
    """What the documents on disk are made from, and the sums of the files that hold them."""

    format: int
    generation: str
    revision: int
    line: str  # another one as soon as a product is hidden or gone
    terms: str  # digest of what products take over from glossaries
    hidden: tuple[str, ...]
    products: int
    replaced: int  # documents that are deleted, but still in the files
    unclean: bool  # and all has to be written anew for that
    sums: Mapping[str, str]


class KeptIndex:
    """Safe to share between threads."""

    def __init__(self, folder: Path, catalog: Entries) -> None:
        self._folder, self._catalog = folder, catalog
        self._files = folder / "everyone"
        self._index: Index | None = None
        self._present: Snapshot | None = None
        self._renewing, self._lock = threading.Lock(), threading.Lock()
        self._cleaning: threading.Thread | None = None
        self._readers: OrderedDict[frozenset[str], tuple[Snapshot, tempfile.TemporaryDirectory[str]]] = OrderedDict()

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
                with _locked(self._folder):
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
        return any(address not in entries or not _is_shown(entries[address]) for address in held)

    def together(self, present: Snapshot, some: frozenset[str]) -> Snapshot:
        """The same with the hidden products in `some`."""
        if not some:
            return present
        with self._lock:
            kept = self._readers.get(some)
            if kept is not None and (kept[0].generation, kept[0].revision) == (present.generation, present.revision):
                self._readers.move_to_end(some)
                return kept[0]
            with _locked(self._folder):
                made = self._with_hidden(present, some)
            old = self._readers.pop(some, None)
            self._readers[some] = made
            gone = [old] if old is not None else []
            while len(self._readers) > _KEPT_READERS:
                gone.append(self._readers.popitem(last=False)[1])
            for _, folder in gone:
                folder.cleanup()
            return made[0]

    def close(self) -> None:
        if self._cleaning is not None:
            self._cleaning.join()
        with self._lock:
            for _, folder in self._readers.values():
                folder.cleanup()
            self._readers.clear()

    def _taken_over(self) -> Snapshot:
        """The documents on disk, made to be what the catalog's index says. Under the lock of all processes."""
        state = self._opened()
        if state is None:
            return self._made_anew()
        changes = self._catalog.changed_since(state.revision)
        if changes.everything or len(changes.products) > max(state.products, 100):
            return self._made_anew()
        if changes.terms and _terms_digest(self._catalog.terms()) != state.terms:
            return self._made_anew()
        entries = self._catalog.products(changes.products)
        shown = [entry for entry in entries.values() if _is_shown(entry)]
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
        with self._renewing, _locked(self._folder):
            if self._index is not None:
                self._present = self._made_anew()

    def _made_anew(self) -> Snapshot:
        changes = self._catalog.changed_since(0)
        if self._index is None:
            shutil.rmtree(self._files, ignore_errors=True)
            own_folder(self._files)
            self._index = register(Index(_SCHEMA, str(self._files)))
        hidden: list[str] = []
        self._write(_shown(self._catalog.each_product(), hidden), (), anew=True)
        digest = _terms_digest(self._catalog.terms())
        products = self._index.searcher().num_docs
        generation, line = uuid.uuid4().hex, uuid.uuid4().hex
        state = _State(
            *(FORMAT, generation, changes.revision, line, digest, tuple(sorted(hidden)), products),
            *(0, False, {}),
        )
        return self._settled(state, written=True)

    def _write(self, entries: Iterable[ProductEntry], gone: Iterable[str], *, anew: bool) -> None:
        assert self._index is not None
        terms = self._catalog.terms()
        writer = self._index.writer(_LARGE_HEAP if anew else _SMALL_HEAP, 1)
        if anew:
            writer.delete_all_documents()
        for address in gone:
            writer.delete_documents_by_term(KEY, address)
        for entry in entries:
            if not anew:
                writer.delete_documents_by_term(KEY, entry.address)
            writer.add_document(document_of(entry, terms))
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()

    def _settled(self, state: _State, *, written: bool) -> Snapshot:
        """Note on disk what the documents are, once they are there; a process that ends between makes them anew."""
        assert self._index is not None
        if written:
            own_files(self._files)
            state = replace(state, products=self._index.searcher().num_docs, sums=_sums(self._files))
        file = self._folder / "state.json"
        part = file.with_suffix(".part")
        part.write_text(json.dumps(asdict(state)), encoding="utf-8")
        part.chmod(0o600)
        part.replace(file)
        return Snapshot(state.generation, state.revision, state.line, state.hidden, self._index.searcher())

    def _opened(self) -> _State | None:
        """What is on disk, opened; None, when there is nothing that can be used."""
        state = self._state()
        if state is None:
            self._index = None
            return None
        try:
            if self._index is None:
                if any(_sum(self._files / name) not in (None, known) for name, known in state.sums.items()):
                    return None
                self._index = register(Index.open(str(self._files)))
            self._index.reload()
        except (ValueError, OSError):  # the engine's words for a damaged file
            self._index = None
            return None
        return state

    def _state(self) -> _State | None:
        try:
            told = json.loads((self._folder / "state.json").read_text(encoding="utf-8"))
            state = _State(**{**told, "hidden": tuple(told["hidden"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return state if state.format == FORMAT and self._files.is_dir() else None

    def _holds(self, address: str) -> bool:
        assert self._index is not None
        return self._index.searcher().doc_freq(KEY, address) > 0

    def _with_hidden(
        self, present: Snapshot, some: frozenset[str]
    ) -> tuple[Snapshot, tempfile.TemporaryDirectory[str]]:
        _clear_left_overs(self._folder)
        folder = tempfile.TemporaryDirectory(prefix="reader-", dir=self._folder)
        for file in self._files.iterdir():
            if file.suffix == ".json":
                shutil.copy(file, folder.name)
            elif file.suffix != ".lock":
                os.link(file, Path(folder.name, file.name))
        index = register(Index.open(folder.name))
        writer, terms = index.writer(_SMALL_HEAP, 1), self._catalog.terms()
        for entry in self._catalog.products(sorted(some)).values():
            writer.add_document(document_of(entry, terms))
        writer.commit()
        writer.wait_merging_threads()
        own_files(Path(folder.name))
        index.reload()
        return replace(present, searcher=index.searcher(), some=some), folder


def _shown(entries: Iterable[ProductEntry], hidden: list[str]) -> Iterator[ProductEntry]:
    """Those that everybody may know of; the addresses of the others are put into `hidden`."""
    for entry in entries:
        if entry.hidden:
            hidden.append(entry.address)
        elif _is_shown(entry):
            yield entry


def _is_shown(entry: ProductEntry) -> bool:
    """Whether everybody finds it."""
    return not entry.hidden and bool(entry.ports)


def _terms_digest(terms: Mapping[str, TermEntry]) -> str:
    """Of what documents take over from terms; not of the columns bound to them, which name hidden products too."""
    told = [
        (address, term.title, term.name, term.synonyms, [(r.type, r.term) for r in term.relations])
        for address, term in sorted(terms.items())
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _sums(folder: Path) -> dict[str, str]:
    files = [file for file in folder.iterdir() if file.suffix != ".lock" and file.name != ".managed.json"]
    return {file.name: told for file in files if (told := _sum(file)) is not None}


def _sum(file: Path) -> str | None:
    """None: the file is gone. The engine removes those that it needs no more, and tells when one is missing."""
    try:
        with file.open("rb") as reading:
            return hashlib.file_digest(reading, "blake2b").hexdigest()[:32]
    except FileNotFoundError:
        return None


def _clear_left_overs(folder: Path) -> None:
    """Remove the folders of readers whose process was killed."""
    for left in folder.glob("reader-*"):
        if left.stat().st_mtime < time.time() - _LEFT_OVER_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time: the kernel frees the lock when its holder dies."""
    own_folder(folder.parent)
    own_folder(folder)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
