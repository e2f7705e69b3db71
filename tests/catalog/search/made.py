"""Products as entries, and a catalog's index of them that tests change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from platform_resources.catalog.index import Changes, ColumnEntry, PortEntry, ProductEntry, TermEntry

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = 3600.0


def product(address: str, *, hidden: bool = False, columns: Iterable[str] = (), **facts: object) -> ProductEntry:
    """`facts` are of the product; `port` holds those of its port."""
    domain, name = address.split(".")
    made = tuple(ColumnEntry(column, None, None, "VARCHAR", "internal", ()) for column in columns)
    port = PortEntry(
        *(f"{address}.v1", 1, None, None, None, None, (), (), "1.0.0", "active", "gold", "internal", HOUR, 1),
        *(99.0, {}, NOW, NOW, 10, 0, 0, 0, made, ()),
    )
    port = replace(port, **facts.pop("port", {}))  # type: ignore[arg-type, call-overload]
    entry = ProductEntry(
        *(address, domain, name, None, None, None, None, ("owner@retailer.example",), "Team", (), "active"),
        *(hidden, None, 0, (port,)),
    )
    return replace(entry, **facts)  # type: ignore[arg-type]


class Entries:
    """The catalog's index, as far as search asks it."""

    def __init__(self, *products: ProductEntry, terms: Mapping[str, TermEntry] | None = None) -> None:
        self.entries = {entry.address: entry for entry in products}
        self.revisions = dict.fromkeys(self.entries, 1)
        self.revision = 1
        self._terms = terms or {}

    def put(self, *products: ProductEntry) -> None:
        self.revision += 1
        for entry in products:
            self.entries[entry.address] = entry
            self.revisions[entry.address] = self.revision

    def remove(self, address: str) -> None:
        self.revision += 1
        del self.entries[address]
        self.revisions[address] = self.revision

    def renew(self) -> int:
        return self.revision

    def changed_since(self, revision: int) -> Changes:
        anew = not 1 <= revision <= self.revision
        changed = (a for a, at in self.revisions.items() if (a in self.entries if anew else at > revision))
        return Changes(self.revision, anew, tuple(sorted(changed)), ())

    def products(self, addresses: Iterable[str] | None = None) -> Mapping[str, ProductEntry]:
        wanted = self.entries if addresses is None else addresses
        return {address: self.entries[address] for address in wanted if address in self.entries}

    def each_product(self) -> Iterator[ProductEntry]:
        return (self.entries[address] for address in sorted(self.entries))

    def terms(self, *, bound: bool = True) -> Mapping[str, TermEntry]:
        return self._terms
