"""Walks over the edges between columns: what lies upstream or downstream, the ways between two, what an event hits.

Pure, over an interface that answers by address: the graph of a mesh with 300,000 columns is never in memory. A node is
the address of a column, or of a dataset where an edge means all of its columns. Each level is one question, a node is
looked at once, so circles end. What the caller may not know of is neither told nor passed through.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from platform_resources.lineage import ColumnEdge, column_of, dataset_of

Sees = Callable[[str], bool]  # of a dataset's address
MOST_PATHS = 10
_MOST_TRIED = 5_000  # ways begun while paths are looked for: of a dense graph not all can be
_MOST_NODES = 100_000  # that one walk visits
LONGEST = 50  # steps


class Edges(Protocol):
    """Where edges are asked for; `catalog.index.CatalogIndex` is one, with `columns_of` by its products."""

    def edges_from(self, *sources: str) -> Iterable[ColumnEdge]:
        """Edges whose source is one of the addresses as written."""

    def edges_to(self, *targets: str) -> Iterable[ColumnEdge]: ...

    def columns_of(self, dataset: str) -> Sequence[str]:
        """Names of a port's columns; none of what is not known."""


@dataclass(frozen=True)
class Step:
    """A node that was reached: `edge` leads to it from `before`, on a shortest way."""

    address: str
    distance: int
    before: str
    edge: ColumnEdge


@dataclass(frozen=True)
class Walk:
    """What was reached, nearest first, and every edge that was seen on the way, upstream (`up`) or downstream."""

    start: str
    steps: Mapping[str, Step]
    edges: tuple[ColumnEdge, ...]
    up: bool

    def way(self, address: str) -> list[str]:
        """The nodes from the start to `address`, both included."""
        way = [address]
        while way[-1] != self.start:
            way.append(self.steps[way[-1]].before)
        return way[::-1]


def downstream(edges: Edges, start: str, sees: Sees, depth: int = LONGEST, *, through_rows: bool = True) -> Walk:
    """What `start` flows into. `through_rows`: follow what affects all rows of a port into whatever reads the port."""
    return _walk(edges, start, sees, depth, through_rows, up=False)


def upstream(edges: Edges, start: str, sees: Sees, depth: int = LONGEST, *, through_rows: bool = True) -> Walk:
    """What `start` is made of, and what decides over it.

    Without `through_rows` a key of a join is not followed as such, only from where it is reached in another way too.
    """
    return _walk(edges, start, sees, depth, through_rows, up=True)


def flowing(walk: Walk) -> frozenset[str]:
    """The nodes whose values flow all the way into the start, or that its value flows into; all others only decide.

    Of a dataset that is only known to be read, all may flow; it leads no further.
    """
    onward: dict[str, list[ColumnEdge]] = {}
    for edge in walk.edges:
        if edge.type == "DIRECT":
            onward.setdefault(_ends(edge, walk.up)[0], []).append(edge)
    found: set[str] = set()
    waiting, followed = [walk.start], {walk.start}
    while waiting:
        node = waiting.pop()
        for address in dict.fromkeys((node, dataset_of(node))):
            for edge in onward.get(address, ()):
                far = _ends(edge, walk.up)[1]
                if far not in walk.steps:
                    continue
                found.add(far)
                if far not in followed and not _is_of_rows(edge):
                    followed.add(far)
                    waiting.append(far)
    return frozenset(found)


def _ends(edge: ColumnEdge, up: bool) -> tuple[str, str]:
    """The end of an edge that is nearer to the start of a walk, and the other."""
    return (edge.target, edge.source) if up else (edge.source, edge.target)


def _walk(edges: Edges, start: str, sees: Sees, depth: int, through_rows: bool, *, up: bool) -> Walk:
    ask = edges.edges_to if up else edges.edges_from
    steps: dict[str, Step] = {}
    seen_edges: dict[ColumnEdge, None] = {}
    followed = {start}
    level, distance = [start], 0
    while level and distance < depth and len(steps) < _MOST_NODES:
        distance += 1
        asked = _asked(edges, level)
        reached: list[str] = []
        for edge in ask(*asked):
            near, far = _ends(edge, up)
            if not sees(dataset_of(far)):
                continue
            seen_edges[edge] = None
            if far != start and far not in steps:
                steps[far] = Step(far, distance, asked[near], edge)
            if far not in followed and (through_rows or not _is_of_rows(edge)):
                followed.add(far)
                reached.append(far)
        level = reached
    return Walk(start, steps, tuple(seen_edges), up)


def _is_of_rows(edge: ColumnEdge) -> bool:
    return column_of(edge.target) is None


def _asked(edges: Edges, level: Iterable[str]) -> dict[str, str]:
    """Address to ask for -> the node that it is asked for: of a column itself and its dataset, of a dataset all."""
    asked: dict[str, str] = {}
    for node in level:
        asked.setdefault(node, node)
        if column_of(node) is None:
            for name in edges.columns_of(node):
                asked.setdefault(f"{node}.{name}", node)
        else:
            asked.setdefault(dataset_of(node), node)
    return asked


def paths(edges: Edges, source: str, target: str, sees: Sees, most: int = MOST_PATHS) -> list[list[ColumnEdge]]:
    """The ways from one column to another, shortest first; none goes through a node twice.

    At most `most`; of a graph in which very many ways lead there, those that were found in 5,000 tries.
    """
    if source == target:
        return []
    behind = upstream(edges, target, sees)
    onward = _Onward(target, behind)
    found: list[list[ColumnEdge]] = []
    order = count()
    # By the whole length that it will at least have; of equal ones the one that is nearest to its end.
    waiting: list[tuple[int, int, int, tuple[str, ...], tuple[ColumnEdge, ...]]] = [(0, 0, next(order), (source,), ())]
    tried = 0
    while waiting and len(found) < most and tried < _MOST_TRIED:
        *_, nodes, way = heapq.heappop(waiting)
        tried += 1
        if nodes[-1] == target:
            found.append(list(way))
        elif len(way) < LONGEST:
            for edge, after in onward.of(nodes[-1]):
                if after not in nodes:
                    left = onward.left[after]
                    heapq.heappush(waiting, (len(nodes) + left, left, next(order), (*nodes, after), (*way, edge)))
    return found


class _Onward:
    """The edges that lead on towards a target, from whatever lies upstream of it."""

    def __init__(self, target: str, behind: Walk) -> None:
        self.left = {target: 0, **{address: step.distance for address, step in behind.steps.items()}}
        self._edges: dict[str, list[ColumnEdge]] = {}
        for edge in sorted(behind.edges):
            self._edges.setdefault(edge.source, []).append(edge)
        self._within: dict[str, list[str]] = {}
        for node in self.left:
            self._within.setdefault(dataset_of(node), []).append(node)

    def of(self, node: str) -> Iterator[tuple[ColumnEdge, str]]:
        for address in dict.fromkeys((node, dataset_of(node))):
            for edge in self._edges.get(address, ()):
                for after in self._reached(edge.target):
                    yield edge, after

    def _reached(self, address: str) -> Iterable[str]:
        """What all rows of a port are affected by reaches each column that leads on; a column may do so as a whole."""
        if column_of(address) is None:
            return self._within.get(address, ())
        return [node for node in (address, dataset_of(address)) if node in self.left][:1]


@dataclass(frozen=True)
class Hit:
    """A column that an event reaches, and the shortest way there."""

    column: str
    distance: int
    through: tuple[str, ...]


def hits(edges: Edges, start: str, sees: Sees) -> list[Hit]:
    """The columns downstream of a column or port, nearest first. Where all rows of a port are hit, all its columns."""
    walk = downstream(edges, start, sees)
    found: dict[str, Hit] = {}
    for step in walk.steps.values():
        way = walk.way(step.address)
        if column_of(step.address) is not None:
            found.setdefault(step.address, Hit(step.address, step.distance, tuple(way)))
            continue
        for name in edges.columns_of(step.address):
            column = f"{step.address}.{name}"
            if column not in walk.steps or walk.steps[column].distance > step.distance:
                found[column] = Hit(column, step.distance, (*way[:-1], column))
    return sorted(found.values(), key=lambda hit: (hit.distance, hit.column))
