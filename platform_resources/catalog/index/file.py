"""The file that the index is kept in: SQLite, shared by the processes of one mesh.

It holds nothing that can't be derived again, so nothing in it is ever mended: a file that is damaged, or of another
version, is deleted and made anew. Readers never wait: the log of SQLite (WAL) lets them read on while one writes.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from platform_resources.lake.folders import own_folder

log = logging.getLogger("mesh.catalog")

VERSION = 2  # of the tables and of what is written into them; another one is made anew
_WAIT_SECONDS = 10
_CACHE_KILOBYTES = 2_000  # of a connection; the kernel keeps the rest of the file
_BATCH = 500  # parameters of one statement

_TABLES = """
    CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE domains (name TEXT PRIMARY KEY, said TEXT NOT NULL, lake TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE products (address TEXT PRIMARY KEY, domain TEXT NOT NULL, entry TEXT, revision INTEGER NOT NULL);
    CREATE INDEX products_by_revision ON products (revision);
    CREATE INDEX products_by_domain ON products (domain);
    CREATE TABLE terms (address TEXT PRIMARY KEY, entry TEXT, revision INTEGER NOT NULL);
    CREATE INDEX terms_by_revision ON terms (revision);
    CREATE TABLE reading (port TEXT PRIMARY KEY, readers INTEGER NOT NULL, reads INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE rated (product TEXT PRIMARY KEY, stars REAL NOT NULL, ratings INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE lineages (
        port TEXT PRIMARY KEY, product TEXT NOT NULL, domain TEXT NOT NULL, made_of TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX lineages_by_domain ON lineages (domain);
    CREATE TABLE edges (
        port TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL, type TEXT NOT NULL, subtype TEXT NOT NULL,
        masked INTEGER NOT NULL, known_from TEXT NOT NULL, observed INTEGER
    );
    CREATE INDEX edges_by_port ON edges (port);
    CREATE INDEX edges_by_source ON edges (source);
    CREATE INDEX edges_by_target ON edges (target);
"""


class IndexFile:
    """Connections to the file at `path`. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._reader: sqlite3.Connection | None = None
        self._opened: tuple[int, int, int] | None = None  # process, device and inode of what is open

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query on what was committed last.

        Raises
        ------
        sqlite3.DatabaseError
            when the file is damaged, or deleted and not made again.
        """
        with self._lock:
            return self._open().execute(query, values).fetchall()

    def rows_of(self, query: str, values: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """The same for any number of `values`, where the query says `({})`."""
        for at in range(0, len(values), _BATCH):
            part = values[at : at + _BATCH]
            yield from self.rows(query.format(", ".join("?" * len(part))), part)

    @property
    def revision(self) -> int:
        """Rises with every change. A file that is made anew begins beyond what its forerunner came to."""
        found = self.rows("SELECT value FROM facts WHERE name = 'revision'")
        return int(found[0][0]) if found else 0

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock of whoever derives: one process at a time looks at lakes and documents and writes them down.

        What a process derives under it is newer than what any other one wrote.
        """
        own_folder(self.path.parent)
        descriptor = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """One transaction, inside of `alone`; what it changes gets one new revision."""
        with closing(_connect(self.path)) as con:
            con.execute("BEGIN IMMEDIATE")
            writer = Writer(con)
            try:
                yield writer
            except BaseException:  # also Ctrl-C: half of a change must not stay
                con.execute("ROLLBACK")
                raise
            if writer.changed:
                con.execute("UPDATE facts SET value = ? WHERE name = 'revision'", [writer.revision])
            con.execute("COMMIT")

    def usable(self) -> bool:
        """Whether the file is there, whole as far as a look tells, and of this version."""
        try:
            found = self.rows("SELECT value FROM facts WHERE name = 'version'")
        except sqlite3.DatabaseError as error:
            if self.path.exists():
                log.warning("the index of the catalog is made anew: %s", error)
            return False
        return bool(found) and found[0][0] == VERSION

    def make(self) -> None:
        """An empty file in the place of whatever is there; inside of `alone`."""
        self.close()
        for ending in ("", "-wal", "-shm"):
            self.path.with_name(f"{self.path.name}{ending}").unlink(missing_ok=True)
        own_folder(self.path.parent)
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with closing(_connect(self.path)) as con:
            con.execute("PRAGMA journal_mode = WAL")
            con.executescript(f"BEGIN; {_TABLES} COMMIT;")
            first = time.time_ns() // 1_000_000  # no forerunner made a thousand changes a second all its life
            facts = [("version", VERSION), ("revision", first), ("first", first)]
            con.executemany("INSERT INTO facts VALUES (?, ?)", facts)

    def close(self) -> None:
        with self._lock:
            if self._reader is not None and self._opened is not None and self._opened[0] == os.getpid():
                self._reader.close()
            self._reader = self._opened = None

    def _open(self) -> sqlite3.Connection:
        """The connection to the file that lies there now: another process may have made it anew."""
        try:
            state = self.path.stat()
        except FileNotFoundError:
            self.close()
            raise sqlite3.OperationalError("there is no index yet") from None
        now = (os.getpid(), state.st_dev, state.st_ino)
        if self._reader is None or self._opened != now:
            self.close()
            self._reader, self._opened = _connect(self.path), now
        return self._reader


class Writer:
    """What one transaction changes. `put_…` leave alone what is the same already."""

    def __init__(self, con: sqlite3.Connection) -> None:
        self._con = con
        self.revision = int(con.execute("SELECT value FROM facts WHERE name = 'revision'").fetchone()[0]) + 1
        self.changed = False

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._con.execute(query, values).fetchall()

    def execute(self, statement: str, values: Sequence[Any] = ()) -> int:
        """A change that gives no revision; how many rows it hit."""
        return self._con.execute(statement, values).rowcount

    def put_product(self, address: str, domain: str, entry: str) -> None:
        self._put("products", {"address": address, "domain": domain, "entry": entry})

    def put_term(self, address: str, entry: str) -> None:
        self._put("terms", {"address": address, "entry": entry})

    def drop_products(self, addresses: Iterable[str]) -> None:
        self._drop("products", addresses)

    def drop_terms(self, addresses: Iterable[str]) -> None:
        self._drop("terms", addresses)

    def touch_product(self, address: str) -> None:
        """Something about it changed that isn't in its entry: its lineage."""
        if self.execute("UPDATE products SET revision = ? WHERE address = ?", [self.revision, address]):
            self.changed = True

    def put_edges(self, port: str, product: str, made_of: str, edges: Iterable[tuple[Any, ...]]) -> None:
        """The edges to a port's columns, in the place of those that were known; `made_of` tells when to look again."""
        found = sorted(edges, key=repr)
        columns = "source, target, type, subtype, masked, known_from, observed"
        known = sorted(self.rows(f"SELECT {columns} FROM edges WHERE port = ?", [port]), key=repr)
        if known != found:
            self.execute("DELETE FROM edges WHERE port = ?", [port])
            self._con.executemany("INSERT INTO edges VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [(port, *row) for row in found])
            self.touch_product(product)
        domain = product.partition(".")[0]
        self.execute("INSERT OR REPLACE INTO lineages VALUES (?, ?, ?, ?)", [port, product, domain, made_of])

    def drop_edges(self, port: str) -> None:
        self.execute("DELETE FROM edges WHERE port = ?", [port])
        self.execute("DELETE FROM lineages WHERE port = ?", [port])

    def _put(self, table: str, row: dict[str, Any]) -> None:
        known = self.rows(f"SELECT entry FROM {table} WHERE address = ?", [row["address"]])
        if known and known[0][0] == row["entry"]:
            return
        row = {**row, "revision": self.revision}
        marks = ", ".join("?" * len(row))
        self.execute(f"INSERT OR REPLACE INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))
        self.changed = True

    def _drop(self, table: str, addresses: Iterable[str]) -> None:
        """The rows stay without an entry: who asks what changed must hear of them."""
        statement = f"UPDATE {table} SET entry = NULL, revision = ? WHERE address = ? AND entry IS NOT NULL"
        for address in addresses:
            if self.execute(statement, [self.revision, address]):
                self.changed = True


def _connect(path: Path) -> sqlite3.Connection:
    # Opened as it is, never created: an empty file in the place of one that was just deleted would look damaged.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    con = sqlite3.connect(uri, uri=True, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    con.execute("PRAGMA synchronous = NORMAL")
    con.execute(f"PRAGMA cache_size = -{_CACHE_KILOBYTES}")
    return con
