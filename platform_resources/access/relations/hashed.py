"""Reads of hashed columns from the masked copy: SHA-256 of a text column costs three times the read itself.

The first read of a publication under a profile streams from the lake; at the second one a copy is made behind it, by
one thread, and later reads come from there. A port that is read once a night costs no copy.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from platform_resources.access.model import ReadQuery
from platform_resources.access.relations.copies import Copies, note_use
from platform_resources.access.relations.kept import Kept
from platform_resources.access.relations.lakes import memory_limit
from platform_resources.access.relations.records import columns_used
from platform_resources.lake import quote_literal

if TYPE_CHECKING:
    from platform_resources.access.relations.relation import GuardedRelation

COPIED_ROWS = "copy.data"  # the table of a copy, where `cursor` leads
_AT_LEAST_ROWS = 50_000  # below, hashing costs less than opening another file
_AT_READ = 2
_REMEMBERED, _OPEN = 500, 16

_Key = tuple[str, int, str, str]  # port, publication, its run, profile


@dataclass
class _Reads:
    count: int = 0
    copy: Future[Path] | None = None


class HashedReads:
    """Which reads come from copies, and open connections to these. Safe between threads."""

    def __init__(self, copies: Copies) -> None:
        self._copies = copies
        self._reads: Kept[_Key, _Reads] = Kept(_REMEMBERED)
        self._opened: Kept[Path, duckdb.DuckDBPyConnection] = Kept(_OPEN)
        self._lock = threading.Lock()
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="masked-copy")

    def cursor(self, relation: GuardedRelation, query: ReadQuery) -> duckdb.DuckDBPyConnection | None:
        """A connection to the copy that answers this query; None when it is to be read from the lake."""
        if relation.publication.row_count < _AT_LEAST_ROWS or not _hashes(relation, query):
            return None
        publication, profile = relation.publication, relation.decision.profile
        with self._lock:
            key = (str(relation.port), publication.number, publication.run_id, profile.digest)
            reads = self._reads.get_or_make(key, _Reads)
            reads.count += 1
            if reads.copy is None and reads.count >= _AT_READ:
                reads.copy = self._maker.submit(self._copies.of, relation)
            made = reads.copy
        if made is None or not made.done():
            return None
        cursor = None if made.exception() is not None else self._cursor(made.result())
        if cursor is None:
            with self._lock:
                if reads.copy is made:  # deleted meanwhile, or the disk was full: begin again, behind the reads
                    reads.copy, reads.count = None, 0
        return cursor

    def wait(self) -> None:
        """Until the copies that were begun are made."""
        self._maker.submit(lambda: None).result()

    def forget(self) -> None:
        """Read as if for the first time; copies stay on disk."""
        with self._lock:
            self._reads = Kept(_REMEMBERED)

    def close(self) -> None:
        self._maker.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            self._opened = Kept(_OPEN)

    def _cursor(self, file: Path) -> duckdb.DuckDBPyConnection | None:
        """None when the copy is gone or can't be read. Makes nothing: whoever reads waits for no copy."""
        if not note_use(file):  # what was not used goes first
            return None
        try:
            opened = self._opened.get(file)
            if opened is None:
                opened = duckdb.connect(config=_CONFIG | {"memory_limit": f"{memory_limit()}B"})
                opened.execute("SET TimeZone = 'UTC'")
                opened.execute(f"ATTACH {quote_literal(str(file))} AS copy (READ_ONLY)")
                self._opened.put(file, opened)
            cursor = opened.cursor()
            cursor.execute("SET TimeZone = 'UTC'")
        except duckdb.Error:
            return None
        return cursor


_CONFIG = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "preserve_insertion_order": "false",
    "temp_directory": "",
}


def _hashes(relation: GuardedRelation, query: ReadQuery) -> bool:
    masks = relation.decision.profile.columns
    return any(mask.strategy == "hash" for name in columns_used(relation, query) for mask in masks.get(name, ()))
