"""The graph of columns as one caller may walk it: edges of the catalog's index, with what documents promise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import cache

from platform_resources.access.errors import NotFoundError
from platform_resources.catalog import PortState
from platform_resources.catalog.lineage_graph import Sees
from platform_resources.lineage import ColumnEdge, is_private
from platform_resources.serving.readers import Reader


class ColumnGraph:
    """The edges of the catalog's index, and the columns that the documents promise."""

    def __init__(self, reader: Reader) -> None:
        reader.view.index.renew()
        self._index = reader.view.index
        self._ports = reader.documents.mesh.ports

    def edges_from(self, *sources: str) -> Iterable[ColumnEdge]:
        return self._index.edges_from(*sources)

    def edges_to(self, *targets: str) -> Iterable[ColumnEdge]:
        return self._index.edges_to(*targets)

    def columns_of(self, dataset: str) -> Sequence[str]:
        found = self._ports.get(dataset)
        return () if found is None else [column.name for column in found[1].contract.table.columns]


def sees_dataset(reader: Reader) -> Sees:
    """A feed is met behind a port that the caller knows, and has no more to hide than that."""
    return cache(lambda dataset: is_private(dataset) or reader.sees_address(dataset))


def column_of_port(state: PortState, column: str) -> str:
    """The address of a port's column; NotFoundError when it has no such column."""
    known = [item.name for item in state.port.contract.table.columns]
    known += [] if state.publication is None else state.publication.columns
    if column not in known:
        close = get_close_matches(column, known, 1, 0.6)
        remedy = f"Did you mean {close[0]}?" if close else f"It has {', '.join(dict.fromkeys(known))}."
        raise NotFoundError(f"{state.port.address} has no column {column}", remedy)
    return f"{state.port.address}.{column}"
