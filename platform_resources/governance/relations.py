"""The closed vocabulary of relations between terms, and what follows from a set of them.

Every type has an inverse or is symmetric, so a relation needs to be written on one side only. Four pairs order the
terms they hold between and may not run in circles; `same_as` joins terms to one meaning.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple


@dataclass(frozen=True)
class RelationType:
    name: str
    inverse: str  # itself, when symmetric
    says: str  # "{a} ... {b}", for people
    means: str  # in the vocabulary of SKOS, or of the standard that has the word
    rises: int = 0  # 1 towards what is broader or came first, -1 away from it, 0 for types that order nothing


RELATION_TYPES: Mapping[str, RelationType] = {
    kind.name: kind
    for kind in (
        RelationType("broader", "narrower", "{a} is a kind of {b}", "skos:broader", 1),
        RelationType("narrower", "broader", "{b} is a kind of {a}", "skos:narrower", -1),
        RelationType("part_of", "has_part", "{a} is part of {b}", "dcterms:isPartOf", 1),
        RelationType("has_part", "part_of", "{b} is part of {a}", "dcterms:hasPart", -1),
        RelationType("derived_from", "source_of", "{a} is derived from {b}", "prov:wasDerivedFrom", 1),
        RelationType("source_of", "derived_from", "{b} is derived from {a}", "prov:hadDerivation", -1),
        RelationType("precedes", "follows", "{a} precedes {b}", "xkos:precedes", -1),
        RelationType("follows", "precedes", "{a} follows {b}", "xkos:succeeds", 1),
        RelationType("describes", "described_by", "{a} describes {b}", "schema:about"),
        RelationType("described_by", "describes", "{b} describes {a}", "schema:subjectOf"),
        RelationType("excludes", "excludes", "{a} and {b} exclude each other", "owl:disjointWith"),
        RelationType("same_as", "same_as", "{a} is the same as {b}", "skos:exactMatch"),
        RelationType("different_from", "different_from", "{a} is not the same as {b}", "owl:differentFrom"),
        RelationType("related", "related", "{a} is related to {b}", "skos:related"),
    )
}
SAME, APART = "same_as", ("different_from", "excludes")


class Edge(NamedTuple):
    """`start` stands to `end` as `type` says. `note` is what the author added."""

    start: str
    type: str
    end: str
    note: str | None = None

    @property
    def inverse(self) -> Edge:
        return Edge(self.end, RELATION_TYPES[self.type].inverse, self.start, self.note)


class Contradiction(NamedTuple):
    """The first edge can't hold beside the others."""

    edge: Edge
    reason: str


class RelationGraph:
    """The relations of all terms with their inverses. Every question costs time linear in what it walks over."""

    def __init__(self, edges: Iterable[Edge]) -> None:
        self.written: tuple[Edge, ...] = tuple(edges)

    @cached_property
    def edges(self) -> Mapping[str, tuple[Edge, ...]]:
        """Term -> every edge that starts there, written or inverse, each meaning once."""
        found: dict[str, dict[tuple[str, str], Edge]] = defaultdict(dict)
        for edge in (*self.written, *(edge.inverse for edge in self.written)):
            found[edge.start].setdefault((edge.type, edge.end), edge)
        return {term: tuple(edges.values()) for term, edges in found.items()}

    @cached_property
    def _meaning(self) -> Mapping[str, str]:
        """Term -> the first term that means the same; only of terms with a `same_as`."""
        found: dict[str, str] = {}
        for edge in self.written:
            if edge.type == SAME and edge.start not in found:
                for term in _walk(edge.start, self._same):
                    found.setdefault(term, edge.start)
        return found

    def _same(self, term: str) -> Iterator[str]:
        return (edge.end for edge in self.edges.get(term, ()) if edge.type == SAME)

    def meaning(self, term: str) -> str:
        """One and the same term for all that are, through any chain, the same."""
        return self._meaning.get(term, term)

    def same(self, one: str, other: str) -> bool:
        return self.meaning(one) == self.meaning(other)

    def told_apart(self, term: str) -> frozenset[str]:
        """The terms whose meaning is known beside that of `term`: the same, or related in a way that says how.

        That is one relation of any type, or a chain that goes in one direction all the way (narrower than, part of,
        derived from, after). A chain of just anything is no answer: over enough steps everything is related.
        """
        start = list(_walk(term, self._same))
        beside = {edge.end for one in start for edge in self.edges.get(one, ())}
        rising = _walk_all(start, lambda one: self._steps(one, 1))
        falling = _walk_all(start, lambda one: self._steps(one, -1))
        return frozenset({*_walk_all(beside, self._same), *rising, *falling})

    def _steps(self, term: str, rises: int) -> Iterator[str]:
        for edge in self.edges.get(term, ()):
            if edge.type == SAME or RELATION_TYPES[edge.type].rises == rises:
                yield edge.end

    def path(self, start: str, end: str) -> tuple[Edge, ...] | None:
        """The shortest way from one term to another; None when there is none, () when they are one term."""
        came: dict[str, Edge | None] = {start: None}
        waiting = deque([start])
        while waiting and end not in came:
            term = waiting.popleft()
            for edge in self.edges.get(term, ()):
                if edge.end not in came:
                    came[edge.end] = edge
                    waiting.append(edge.end)
        if end not in came:
            return None
        steps: list[Edge] = []
        while (last := came[end]) is not None:
            steps.append(last)
            end = last.start
        return tuple(reversed(steps))

    def contradictions(self) -> list[Contradiction]:
        """What can't hold together: the same and not the same, in it and nothing of it, and circles."""
        found = []
        for edge in self.written:
            if edge.start == edge.end:
                found.append(Contradiction(edge, f"{edge.start} is related to itself."))
            elif edge.type != SAME and RELATION_TYPES[edge.type].rises == 0 and self.same(edge.start, edge.end):
                if edge.type in APART:
                    found.append(Contradiction(edge, f"{edge.start} and {edge.end} are the same by `same_as`."))
            elif edge.type == "excludes" and (kept := self._contained(edge)) is not None:
                says = RELATION_TYPES[kept.type].says.format(a=kept.start, b=kept.end)
                found.append(Contradiction(edge, f"{says}, so it can't exclude it."))
        for name in ("broader", "part_of", "derived_from", "precedes"):
            for circle in self._circles(name):
                way = " → ".join([circle[0].start, *(edge.end for edge in circle)])
                found.append(Contradiction(circle[-1], f"`{name}` runs in a circle: {way}."))
        return found

    def _contained(self, edge: Edge) -> Edge | None:
        inside = ("part_of", "has_part", "broader", "narrower")
        ways = (other for other in self.edges.get(edge.start, ()) if other.end == edge.end)
        return next((other for other in ways if other.type in inside), None)

    def _circles(self, name: str) -> Iterator[tuple[Edge, ...]]:
        """The circles of one ordering type, as a depth-first walk meets them; terms that are the same count as one."""
        follows: dict[str, list[Edge]] = defaultdict(list)
        for edge in self.written:
            step = edge if edge.type == name else edge.inverse if edge.inverse.type == name else None
            if step is not None and step.start != step.end:
                follows[self.meaning(step.start)].append(step)
        done: set[str] = set()
        for root in list(follows):
            if root in done:
                continue
            way: list[Edge] = []
            open_terms = {root: 0}  # term -> how many edges of `way` lead to it
            stack = [iter(follows[root])]
            while stack:
                following = next(stack[-1], None)
                if following is None:
                    stack.pop()
                    leaving = self.meaning(way.pop().end) if way else root
                    open_terms.pop(leaving, None)
                    done.add(leaving)
                    continue
                end = self.meaning(following.end)
                if end in open_terms:
                    yield (*way[open_terms[end] :], following)
                elif end not in done:
                    way.append(following)
                    open_terms[end] = len(way)
                    stack.append(iter(follows.get(end, ())))


def _walk(start: str, steps: Callable[[str], Iterable[str]]) -> Iterator[str]:
    return _walk_all([start], steps)


def _walk_all(start: Iterable[str], steps: Callable[[str], Iterable[str]]) -> Iterator[str]:
    """Every term that is reached, the first ones included, each once."""
    seen = dict.fromkeys(start)
    waiting = list(seen)
    while waiting:
        term = waiting.pop()
        yield term
        for following in steps(term):
            if following not in seen:
                seen[following] = None
                waiting.append(following)
