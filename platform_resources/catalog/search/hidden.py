"""Indexes of readers who may know of hidden products: links to the files of what everybody may know, and a segment with
those products [8 ms].
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

from tantivy import Index

from platform_resources.catalog.search.documents import document_of
from platform_resources.catalog.search.files import IndexFiles
from platform_resources.catalog.search.snapshots import Entries, Snapshot
from platform_resources.catalog.search.words import register
from platform_resources.lake.folders import own_files

HEAP = 15_000_000  # bytes: the engine's least
_KEPT_READERS = 16
_LEFT_OVER_SECONDS = 86_400


class HiddenProducts:
    """Snapshots with hidden products among the others. Safe to share between threads."""

    def __init__(self, files: IndexFiles, catalog: Entries) -> None:
        self._files, self._catalog = files, catalog
        self._lock = threading.Lock()
        self._readers: OrderedDict[frozenset[str], tuple[Snapshot, tempfile.TemporaryDirectory[str]]] = OrderedDict()

    def together(self, present: Snapshot, some: frozenset[str]) -> Snapshot:
        """The same with the hidden products in `some`."""
        if not some:
            return present
        with self._lock:
            kept = self._readers.get(some)
            if kept is not None and (kept[0].generation, kept[0].revision) == (present.generation, present.revision):
                self._readers.move_to_end(some)
                return kept[0]
            with self._files.locked():
                made = self._made(present, some)
            old = self._readers.pop(some, None)
            self._readers[some] = made
            gone = [old] if old is not None else []
            while len(self._readers) > _KEPT_READERS:
                gone.append(self._readers.popitem(last=False)[1])
            for _, folder in gone:
                folder.cleanup()
            return made[0]

    def close(self) -> None:
        with self._lock:
            for _, folder in self._readers.values():
                folder.cleanup()
            self._readers.clear()

    def _made(self, present: Snapshot, some: frozenset[str]) -> tuple[Snapshot, tempfile.TemporaryDirectory[str]]:
        _clear_left_overs(self._files.folder)
        folder = tempfile.TemporaryDirectory(prefix="reader-", dir=self._files.folder)
        for file in self._files.documents.iterdir():
            if file.suffix == ".json":
                shutil.copy(file, folder.name)
            elif file.suffix != ".lock":
                os.link(file, Path(folder.name, file.name))
        index = register(Index.open(folder.name))
        writer, terms = index.writer(HEAP, 1), self._catalog.terms(bound=False)
        for entry in self._catalog.products(sorted(some)).values():
            writer.add_document(document_of(entry, terms))
        writer.commit()
        writer.wait_merging_threads()
        own_files(Path(folder.name))
        index.reload()
        return replace(present, searcher=index.searcher(), some=some), folder


def _clear_left_overs(folder: Path) -> None:
    """Remove the folders of readers whose process was killed."""
    for left in folder.glob("reader-*"):
        if left.stat().st_mtime < time.time() - _LEFT_OVER_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
