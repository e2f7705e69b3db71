"""How long the impact of a column with 1,000 descendants takes, in an index of 300,000 columns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from functools import cache
from pathlib import Path

from platform_resources.catalog.index.file import IndexFile
from platform_resources.catalog.index.store import edge_of
from platform_resources.catalog.lineage_graph import hits
from platform_resources.lineage import ColumnEdge

COLUMNS = 30  # of a port
DESCENDANTS = 1_000
START = "d0.origin.v1.c0"
_LEVELS, _PORTS = 5, 20  # 5 levels of 20 ports, of each of which the event hits 10 columns
_HIT = DESCENDANTS // (_LEVELS * _PORTS)
_EDGE = "source, target, type, subtype, masked, known_from, observed"


class WrittenEdges:
    """The edges of an index's file; each port has 30 columns."""

    def __init__(self, file: IndexFile) -> None:
        self._file = file

    def edges_from(self, *sources: str) -> Iterator[ColumnEdge]:
        return self._rows("source", sources)

    def edges_to(self, *targets: str) -> Iterator[ColumnEdge]:
        return self._rows("target", targets)

    def columns_of(self, dataset: str) -> Sequence[str]:  # noqa: ARG002
        return [f"c{number}" for number in range(COLUMNS)]

    def _rows(self, end: str, addresses: Sequence[str]) -> Iterator[ColumnEdge]:
        return map(edge_of, self._file.rows_of(f"SELECT {_EDGE} FROM edges WHERE {end} IN ({{}})", addresses))


def write_edges(folder: Path, products: int = 10_000) -> WrittenEdges:
    """An index of `products` ports in chains of ten (one edge to each column), and the origin with its descendants."""
    file = IndexFile(folder / "index.sqlite")
    with file.alone():
        file.make()
        with file.writing() as writer:
            for number in range(products):
                port, source = f"p{number % 50}.product{number}.v1", f"p{(number - 1) % 50}.product{number - 1}.v1"
                edges = [_edge(f"{source}.c{n}", f"{port}.c{n}") for n in range(COLUMNS)] if number % 10 else []
                writer.put_edges(port, port.removesuffix(".v1"), "", map(astuple, edges))
            for port, edges in _descendants():
                writer.put_edges(port, port.removesuffix(".v1"), "", map(astuple, edges))
    return WrittenEdges(file)


def _descendants() -> Iterator[tuple[str, list[ColumnEdge]]]:
    for level in range(_LEVELS):
        for number in range(_PORTS):
            port, before = f"d{level + 1}.hit{number}.v1", f"d{level}.hit{number}.v1"
            sources = [START if level == 0 else f"{before}.c{n}" for n in range(_HIT)]
            yield port, [_edge(source, f"{port}.c{n}") for n, source in enumerate(sources)]


def _edge(source: str, target: str) -> ColumnEdge:
    return ColumnEdge(source, target, "DIRECT", "IDENTITY", False, "sql", True)


def impact_seconds(edges: WrittenEdges, times: int = 50, sees: Callable[[str], bool] | None = None) -> list[float]:
    """Each time anew, as a request does: the columns that a change of `START` hits, with their ways."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        found = hits(edges, START, cache(sees or (lambda _: True)))
        seconds.append(time.perf_counter() - began)
        assert len(found) == DESCENDANTS
    return seconds
