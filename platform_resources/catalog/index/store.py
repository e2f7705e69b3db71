"""The index as a file, kept up to date by the processes that ask it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from platform_resources.catalog.index.entries import Changes, ProductEntry, TermEntry
from platform_resources.control import ControlDatabase
from platform_resources.lake import MeshSettings

if TYPE_CHECKING:
    from platform_resources.catalog.view import CatalogView
    from platform_resources.lineage import ColumnEdge


class CatalogIndex:
    """All products, terms and column edges. Safe to share between threads; processes of one mesh share the file."""

    def __init__(self, settings: MeshSettings, view: CatalogView, control: ControlDatabase) -> None:
        raise NotImplementedError

    def renew(self, *, at_once: bool = False) -> int:
        """Take over what changed, and return the revision: it rises when anything became different.

        Cheap when nothing did: lakes and files are looked at no more often than every 0.25 s, usage once a minute,
        except `at_once`.
        """
        raise NotImplementedError

    def product(self, address: str) -> ProductEntry | None:
        raise NotImplementedError

    def products(self, addresses: Iterable[str] | None = None) -> Mapping[str, ProductEntry]:
        """Those of `addresses` that there are, in that order; all of them (10,000 take 250 MB: see `each_product`)."""
        raise NotImplementedError

    def each_product(self) -> Iterator[ProductEntry]:
        """All, by address, one at a time."""
        raise NotImplementedError

    def terms(self) -> Mapping[str, TermEntry]:
        raise NotImplementedError

    def changed_since(self, revision: int) -> Changes:
        """What to look at again. 0 is before everything."""
        raise NotImplementedError

    def edges_from(self, column: str) -> tuple[ColumnEdge, ...]:
        """Edges whose source is `column` ("sales.bookings.v1.net_sales")."""
        raise NotImplementedError

    def edges_to(self, column: str) -> tuple[ColumnEdge, ...]:
        raise NotImplementedError

    def export(self) -> bytes:
        """Everything as canonical JSON lines, sorted; equal indexes give equal bytes."""
        raise NotImplementedError

    def rebuild(self) -> int:
        """From nothing; the revision."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
