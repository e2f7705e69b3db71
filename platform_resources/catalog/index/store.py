"""The index, kept up to date by the processes that ask it: what changed is derived again, by the first who notices."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platform_resources.catalog.index.entries import Changes, ProductEntry, TermEntry
from platform_resources.catalog.index.file import IndexFile
from platform_resources.catalog.index.records import canonical, product_of, term_of
from platform_resources.catalog.index.renewal import Renewal, State
from platform_resources.control import ControlDatabase
from platform_resources.lake import MeshSettings
from platform_resources.lineage import ColumnEdge

if TYPE_CHECKING:
    from platform_resources.catalog.view import CatalogView

log = logging.getLogger("mesh.catalog")

_LOOK_SECONDS = 0.25  # lakes and files are looked at no more often
_USAGE_SECONDS = 60  # usage and ratings are read no more often
_AT_ONCE = 500  # products that are read in one go
_EDGE = "source, target, type, subtype, masked, known_from, observed"
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class CatalogIndex:
    """All products, terms and column edges. Safe to share between threads; processes of one mesh share the file.

    Everything that is asked is answered as of the last `renew` of any process. A file that is missing or damaged is
    made again before the answer.
    """

    def __init__(self, settings: MeshSettings, view: CatalogView, control: ControlDatabase) -> None:
        """Who made `view` and `control` closes them."""
        self.settings = settings
        self._file = IndexFile(settings.home / "catalog" / "index.sqlite")
        self._renewal = Renewal(settings, view, control, self._file)
        self._renewing = threading.Lock()
        self._revision = 0
        self._look_at = self._usage_at = 0.0  # of the monotonic clock
        self._known: State | None = None

    @property
    def path(self) -> Path:
        """The file, be it there or not."""
        return self._file.path

    def renew(self, *, at_once: bool = False) -> int:
        """Take over what changed, and return the revision: it rises when anything became different.

        Cheap when nothing did: lakes and files are looked at no more often than every 0.25 s, usage and ratings once a
        minute, except `at_once`. While another thread renews, an index that there is already answers as it stands.
        """
        if not at_once and self._revision and time.monotonic() < self._look_at:
            return self._revision
        if not self._renewing.acquire(blocking=at_once or not self._revision):
            return self._revision
        try:
            if at_once or not self._revision or time.monotonic() >= self._look_at:
                self._renew(at_once)
            return self._revision
        finally:
            self._renewing.release()

    def rebuild(self) -> int:
        """From nothing, by what lakes, files and the control database tell now; the revision."""
        with self._renewing:
            self._known = None
            with self._file.alone():
                self._file.make()
            self._renew(at_once=True)
            return self._revision

    def product(self, address: str) -> ProductEntry | None:
        return self.products([address]).get(address)

    def products(self, addresses: Iterable[str] | None = None) -> Mapping[str, ProductEntry]:
        """Those of `addresses` that there are, in that order; by default all (see `each_product` for memory)."""
        if addresses is None:
            return {entry.address: entry for entry in self.each_product()}
        wanted = list(addresses)
        query = "SELECT address, entry FROM products WHERE entry IS NOT NULL AND address IN ({})"
        found = self._asked(lambda: dict(self._file.rows_of(query, wanted)))
        return {address: product_of(found[address]) for address in wanted if address in found}

    def each_product(self) -> Iterator[ProductEntry]:
        """All, by address; 500 are in memory at once."""
        return (product_of(text) for _, text in self._each("products", "address", "address, entry"))

    def terms(self, *, bound: bool = True) -> Mapping[str, TermEntry]:
        """By address; on demand without the columns that are `bound` to them [300,000 take 46 MB]."""
        entry = "entry" if bound else "json_set(entry, '$.columns', json('[]'))"
        rows = self._rows(f"SELECT {entry} FROM terms WHERE entry IS NOT NULL ORDER BY address")
        return {term.address: term for (text,) in rows if (term := term_of(text))}

    def changed_since(self, revision: int) -> Changes:
        """What to look at again since a revision that `renew` or this gave; 0 is before everything."""
        first, now = (
            int(value) for (value,) in self._rows("SELECT value FROM facts WHERE name IN ('first', 'revision')")
        )
        anew = not first <= revision <= now
        if anew:
            condition: tuple[str, list[Any]] = ("entry IS NOT NULL AND revision <= ?", [now])
        else:
            condition = ("revision > ? AND revision <= ?", [revision, now])
        products, terms = (
            tuple(
                address
                for (address,) in self._rows(
                    f"SELECT address FROM {table} WHERE {condition[0]} ORDER BY address", condition[1]
                )
            )
            for table in ("products", "terms")
        )
        return Changes(now, anew, products, terms)

    def edges_from(self, *sources: str) -> tuple[ColumnEdge, ...]:
        """Edges whose source is one of the addresses (`sales.bookings.v1.net_sales`, or a dataset's as written)."""
        return self._edges("source", sources)

    def edges_to(self, *targets: str) -> tuple[ColumnEdge, ...]:
        return self._edges("target", targets)

    def edges_of_ports(self, *addresses: str) -> tuple[ColumnEdge, ...]:
        """The edges to the columns of ports and to the ports themselves."""
        return self._edges("port", addresses)

    def counts(self) -> dict[str, int]:
        """How many products, ports, columns, terms and edges there are."""
        products, ports, columns = self._rows(
            """
            SELECT
                count(*),
                coalesce(sum(json_array_length(entry, '$.ports')), 0),
                coalesce(sum((
                    SELECT sum(json_array_length(port.value, '$.columns')) FROM json_each(entry, '$.ports') AS port
                )), 0)
            FROM products WHERE entry IS NOT NULL
            """
        )[0]
        terms = self._rows("SELECT count(*) FROM terms WHERE entry IS NOT NULL")[0][0]
        edges = self._rows("SELECT count(*) FROM edges")[0][0]
        return {"products": products, "ports": ports, "columns": columns, "terms": terms, "edges": edges}

    def export(self) -> bytes:
        """Everything as canonical JSON lines, sorted; equal indexes give equal bytes."""
        return b"".join(self.export_lines())

    def export_lines(self) -> Iterator[bytes]:
        """The same, line by line."""
        for kind, table in (("product", "products"), ("term", "terms")):
            for _, text in self._each(table, "address", "address, entry"):
                yield f'{{"{kind}":{text}}}\n'.encode()
        for row in self._each("edges", "rowid", f"rowid, {_EDGE}", order=f"{_EDGE}"):
            yield f"{canonical({'edge': row[1:]})}\n".encode()

    def close(self) -> None:
        self._file.close()

    def _renew(self, at_once: bool) -> None:
        usage_is_due = at_once or time.monotonic() >= self._usage_at
        self._known = self._renewal.renew(self._known, exact=at_once, with_usage=usage_is_due)
        self._revision = self._known.revision
        self._look_at = time.monotonic() + _LOOK_SECONDS
        if usage_is_due:
            self._usage_at = time.monotonic() + _USAGE_SECONDS

    def _edges(self, end: str, addresses: Iterable[str]) -> tuple[ColumnEdge, ...]:
        query, wanted = f"SELECT {_EDGE} FROM edges WHERE {end} IN ({{}}) ORDER BY {_EDGE}", list(addresses)
        rows = self._asked(lambda: list(self._file.rows_of(query, wanted)))
        return tuple(map(edge_of, rows))

    def _each(self, table: str, key: str, columns: str, order: str | None = None) -> Iterator[tuple[Any, ...]]:
        """The rows of a table page by page: the lock of the connection is never held for long."""
        if order is not None:
            yield from self._rows(f"SELECT {columns} FROM {table} ORDER BY {order}")
            return
        after: Any = ""
        query = f"SELECT {columns} FROM {table} WHERE entry IS NOT NULL AND {key} > ? ORDER BY {key} LIMIT {_AT_ONCE}"
        while rows := self._rows(query, [after]):
            yield from rows
            after = rows[-1][0]

    def _rows(self, query: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        bound = list(values)
        return self._asked(lambda: self._file.rows(query, bound))

    def _asked(self, ask: Callable[[], Any]) -> Any:
        """An answer of the file; of a new one when there is none, or it turns out to be damaged."""
        if not self._revision:
            self.renew()
        try:
            return ask()
        except sqlite3.DatabaseError as error:
            if self._file.path.exists() and error.sqlite_errorcode & 0xFF not in _DAMAGED:
                raise
            log.warning("the index of the catalog is made anew: %s", error)
        self.rebuild()
        return ask()


def edge_of(row: tuple[Any, ...]) -> ColumnEdge:
    source, target, type_, subtype, masked, known_from, observed = row
    return ColumnEdge(
        source, target, type_, subtype, bool(masked), known_from, None if observed is None else bool(observed)
    )
