"""Walks over edges between columns: distances, ways, circles, what is hidden, and how often is asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_resources.catalog.lineage_graph import Hit, downstream, flowing, hits, paths, upstream
from platform_resources.lineage import ColumnEdge, dataset_of
from platform_resources.lineage.model import INDIRECT_SUBTYPES


class Kept:
    """Edges in memory, and how often they were asked for."""

    def __init__(self, edges: Iterable[ColumnEdge], columns: dict[str, Sequence[str]] | None = None) -> None:
        self.edges = list(edges)
        self.columns = columns or {}
        self.asked = 0

    def edges_from(self, *sources: str) -> list[ColumnEdge]:
        self.asked += 1
        wanted = set(sources)
        return [edge for edge in self.edges if edge.source in wanted]

    def edges_to(self, *targets: str) -> list[ColumnEdge]:
        self.asked += 1
        wanted = set(targets)
        return [edge for edge in self.edges if edge.target in wanted]

    def columns_of(self, dataset: str) -> Sequence[str]:
        return self.columns.get(dataset, ())


def edge(source: str, target: str, subtype: str = "IDENTITY") -> ColumnEdge:
    type_ = "INDIRECT" if subtype in INDIRECT_SUBTYPES else "DIRECT"
    return ColumnEdge(source, target, type_, subtype, False, "sql" if subtype else "input", True)  # type: ignore[arg-type]


def everything(_: str) -> bool:
    return True


# a.p.x -> b.q.y -> c.r.z, a.p.x -> c.r.z; a.p.k joins all of b.q; d.s reads c.r, nobody knows what for.
A, B, C, D = "a.p.v1", "b.q.v1", "c.r.v1", "d.s.v1"
MESH = Kept(
    [
        edge(f"{A}.x", f"{B}.y"),
        edge(f"{A}.k", B, "JOIN"),
        edge(f"{B}.y", f"{C}.z"),
        edge(f"{A}.x", f"{C}.z"),
        edge(C, D, ""),
    ],
    {A: ["x", "k"], B: ["y", "w"], C: ["z"], D: ["m", "n"]},
)


def test_both_sides_of_a_column() -> None:
    assert {s.address: s.distance for s in downstream(MESH, f"{A}.x", everything).steps.values()} == {
        **{f"{B}.y": 1, f"{C}.z": 1, D: 2}
    }
    assert {s.address: s.distance for s in upstream(MESH, f"{D}.n", everything).steps.values()} == {
        **{C: 1, f"{B}.y": 2, f"{A}.x": 2, f"{A}.k": 3}
    }
    assert set(upstream(MESH, f"{C}.z", everything, depth=1).steps) == {f"{B}.y", f"{A}.x"}


def test_what_decides_over_rows_is_told_and_followed_only_where_that_is_asked() -> None:
    assert set(downstream(MESH, f"{A}.k", everything).steps) == {B, f"{C}.z", D}
    assert set(downstream(MESH, f"{A}.k", everything, through_rows=False).steps) == {B}


def test_what_decides_over_rows_and_is_a_value_too_is_followed_as_a_value() -> None:
    """b.q.y is the key of a join and the value too; a.p.x is read for all of c.r, one step nearer than as a value."""
    mesh = Kept(
        [
            edge(f"{B}.y", C, "JOIN"),
            edge(f"{B}.y", f"{C}.z"),
            edge(f"{A}.x", C, ""),
            edge(f"{A}.x", f"{B}.y"),
            edge(f"{D}.m", f"{A}.x"),
        ]
    )
    walk = upstream(mesh, f"{C}.z", everything, through_rows=False)
    assert {s.address: s.distance for s in walk.steps.values()} == {f"{B}.y": 1, f"{A}.x": 1, f"{D}.m": 3}
    assert flowing(walk) == {f"{B}.y", f"{A}.x", f"{D}.m"}
    assert f"{D}.m" not in upstream(mesh, f"{C}.z", everything, depth=2, through_rows=False).steps


def test_what_flows_is_told_from_what_only_decides() -> None:
    assert flowing(upstream(MESH, f"{C}.z", everything)) == {f"{B}.y", f"{A}.x"}
    assert flowing(downstream(MESH, f"{A}.k", everything)) == set()
    assert flowing(downstream(MESH, f"{C}.z", everything)) == {D}  # who is only known to read it may take its value


def test_a_value_flows_when_it_does_so_on_any_way_and_never_through_what_decides() -> None:
    mesh = Kept(
        [
            edge(f"{A}.x", f"{C}.z", "CONDITIONAL"),
            edge(f"{A}.x", f"{B}.y"),
            edge(f"{B}.y", f"{C}.z"),
            edge(f"{A}.k", f"{B}.w"),
            edge(f"{B}.w", f"{C}.z", "WINDOW"),
        ]
    )
    walk = upstream(mesh, f"{C}.z", everything)
    assert set(walk.steps) - flowing(walk) == {f"{B}.w", f"{A}.k"}
    down = downstream(mesh, f"{A}.k", everything)
    assert set(down.steps) - flowing(down) == {f"{C}.z"}


def test_an_event_hits_columns_by_the_shortest_way() -> None:
    assert hits(MESH, f"{A}.k", everything) == [
        Hit(f"{B}.w", 1, (f"{A}.k", f"{B}.w")),
        Hit(f"{B}.y", 1, (f"{A}.k", f"{B}.y")),
        Hit(f"{C}.z", 2, (f"{A}.k", B, f"{C}.z")),
        *(Hit(f"{D}.{name}", 3, (f"{A}.k", B, f"{C}.z", f"{D}.{name}")) for name in "mn"),
    ]
    assert {hit.column: hit.distance for hit in hits(MESH, A, everything)} == {
        **{f"{B}.w": 1, f"{B}.y": 1, f"{C}.z": 1, f"{D}.m": 2, f"{D}.n": 2}
    }
    assert hits(MESH, f"{D}.n", everything) == []


def test_ways_come_shortest_first() -> None:
    def told(source: str, target: str) -> list[list[str]]:
        return [[edge.target for edge in way] for way in paths(MESH, source, target, everything)]

    assert told(f"{A}.x", f"{C}.z") == [[f"{C}.z"], [f"{B}.y", f"{C}.z"]]
    assert told(f"{A}.k", f"{D}.n") == [[B, f"{C}.z", D]]
    assert told(f"{A}.k", f"{B}.w") == [[B]]
    assert told(f"{B}.w", f"{C}.z") == []
    assert told(f"{C}.z", f"{A}.x") == []
    assert told(f"{A}.x", f"{A}.x") == []


def test_nothing_is_followed_through_what_the_caller_may_not_know_of() -> None:
    def sees(dataset: str) -> bool:
        return dataset != B

    assert set(downstream(MESH, f"{A}.k", sees).steps) == set()
    assert [hit.column for hit in hits(MESH, f"{A}.x", sees)] == [f"{C}.z", f"{D}.m", f"{D}.n"]
    assert len(paths(MESH, f"{A}.x", f"{C}.z", sees)) == 1
    assert all(B not in edge.source + edge.target for edge in downstream(MESH, A, sees).edges)


def test_a_dense_graph_has_bounded_ways_and_is_asked_once_a_level() -> None:
    """30 levels of 4 columns, each made of all before it: 4^29 ways, 1,000 descendants for 30 questions."""
    made = [edge(f"a.p{i}.v1.c{j}", f"a.p{i + 1}.v1.c{k}") for i in range(30) for j in range(4) for k in range(4)]
    dense = Kept(made)
    assert len(paths(dense, "a.p0.v1.c0", "a.p30.v1.c3", everything)) == 10
    dense.asked = 0
    assert len(hits(dense, "a.p0.v1.c0", everything)) == 120
    assert dense.asked == 31
    wide = Kept([edge("a.p.v1.x", f"b.q{n}.v1.y") for n in range(1000)])
    assert len(hits(wide, "a.p.v1.x", everything)) == 1000
    assert wide.asked == 2


NODES = st.sampled_from([f"d.p{n}.v1.{c}" for n in range(4) for c in "xy"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(NODES, NODES), max_size=14), NODES, NODES)
def test_walks_agree_with_a_naive_search(pairs: list[tuple[str, str]], start: str, end: str) -> None:
    """Circles too: reachability, distances, and every way is one and simple."""
    graph = Kept(edge(source, target) for source, target in dict.fromkeys(pairs))
    distance, level = {start: 0}, {start}
    while level:
        level = {t for s, t in pairs if s in level and t not in distance}
        distance |= dict.fromkeys(level, max(distance.values()) + 1)
    walk = downstream(graph, start, everything)
    assert {s.address: s.distance for s in walk.steps.values()} == {n: d for n, d in distance.items() if n != start}
    back = upstream(graph, end, everything)
    assert (start in back.steps) == (start != end and end in distance)
    found = paths(graph, start, end, everything)
    assert bool(found) == (start != end and end in distance)
    for way in found:
        nodes = [start, *(edge.target for edge in way)]
        assert [edge.source for edge in way] == nodes[:-1]
        assert nodes[-1] == end
        assert len(set(nodes)) == len(nodes)
    assert [len(way) for way in found] == sorted(len(way) for way in found)
    assert not found or len(found[0]) == distance[end]


ENDS = st.sampled_from([f"d.p{n}.v1{column}" for n in range(3) for column in ("", ".x")])
SUBTYPES = st.sampled_from(["IDENTITY", "JOIN", "CONDITIONAL"])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.builds(edge, ENDS, ENDS, SUBTYPES), min_size=3, max_size=10), st.booleans(), st.booleans())
def test_the_order_of_edges_changes_nothing(made: list[ColumnEdge], up: bool, through_rows: bool) -> None:
    one, other = (
        (upstream if up else downstream)(Kept(edges), "d.p0.v1.x", everything, through_rows=through_rows)
        for edges in (made, made[::-1])
    )
    assert {s.address: s.distance for s in one.steps.values()} == {s.address: s.distance for s in other.steps.values()}
    assert set(one.edges) == set(other.edges)
    assert flowing(one) == flowing(other)


@pytest.mark.parametrize("address", ["a.p.v1", "a.p.v1.x", "a.p.v1.x.y"])
def test_a_dataset_is_the_first_three_parts(address: str) -> None:
    assert dataset_of(address) == "a.p.v1"
