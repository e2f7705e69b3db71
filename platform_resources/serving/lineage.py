"""Where a port's data comes from and where it goes, by what products declare and builds recorded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from platform_resources.catalog.impact import named_told
from platform_resources.contracts import Mesh
from platform_resources.lineage import column_of, dataset_of, is_private
from platform_resources.serving.answers import Answer, refusals
from platform_resources.serving.ports import Lifecycle
from platform_resources.serving.readers import AskedPort, CurrentReader, Reader

router = APIRouter(tags=["products"])
_EVER_SO_DEEP = 50  # steps


class Node(Answer):
    port: str = Field(description="Address of the port, or of the feed.", examples=["sales.bookings.v1"])
    kind: Literal["port", "feed"] = Field(description="A feed is what a domain ingests from its own systems.")
    lifecycle: Lifecycle | None = Field(description="Null of a feed, and when its documents can't be used now.")
    distance: int = Field(description="In steps from the port that was asked for.")


class Edge(Answer):
    source: str = Field(description="Port or feed that is read.", examples=["sales.bookings.v1"])
    target: str = Field(description="Port of the product that reads it.", examples=["crm.customer_360.v1"])
    columns: list[str] | None = Field(description="That are read; null: not said, so all count.")
    purpose: str | None


class Lineage(Answer):
    port: str
    upstream: list[Node]
    downstream: list[Node]
    edges: list[Edge]
    told: str = Field(description="How many ports and feeds it reads, and how many ports read it, as a sentence.")


@router.get(
    "/products/{domain}/{product}/v{major}/lineage",
    operation_id="get_lineage",
    summary="Ports and feeds upstream, ports downstream",
    responses=refusals(404, 422),
)
def get_lineage(
    reader: CurrentReader,
    state: AskedPort,
    depth: Annotated[int, Query(description="How many steps to follow.", ge=1, le=50)] = 1,
) -> Lineage:
    """Declared lineage between ports, and the feeds that each gets from its domain's own systems.

    What the caller may not know of is left out, and not followed through.
    """
    start = state.port.address
    up, down = (_walk(reader, start, depth, steps) for steps in (_inputs, _readers))
    feeds = _feeds(reader, {start: 0, **up.distances}, depth)
    edges = up.edges | down.edges | feeds.edges
    return Lineage(
        port=start,
        upstream=[*_ports(reader, up), *(_feed(name, distance) for name, distance in feeds.distances.items())],
        downstream=_ports(reader, down),
        edges=[edges[key] for key in sorted(edges)],
        told=_told(start, up, feeds, down),
    )


def ports_below(reader: Reader, address: str) -> list[str]:
    """Every port downstream of a port that the caller may know of, nearest first."""
    return list(_walk(reader, address, _EVER_SO_DEEP, _readers).distances)


@dataclass(frozen=True)
class _Reached:
    """Addresses with their distances, nearest first, and the edges by (source, target)."""

    distances: Mapping[str, int]
    edges: Mapping[tuple[str, str], Edge]

    def __bool__(self) -> bool:
        return bool(self.distances)


def _walk(reader: Reader, start: str, depth: int, steps: Callable[[Mesh, str], Iterable[Edge]]) -> _Reached:
    distances: dict[str, int] = {}
    edges: dict[tuple[str, str], Edge] = {}
    waiting = deque([(start, 0)])
    while waiting:
        address, distance = waiting.popleft()
        if distance == depth:
            continue
        for edge in steps(reader.documents.mesh, address):
            other = edge.source if edge.target == address else edge.target
            if not reader.sees_address(other):
                continue
            edges[edge.source, edge.target] = edge
            if other not in distances and other != start:
                distances[other] = distance + 1
                waiting.append((other, distance + 1))
    return _Reached(distances, edges)


def _inputs(mesh: Mesh, address: str) -> Iterator[Edge]:
    if address in mesh.ports:
        for item in mesh.ports[address][0].inputs:
            yield _edge(item.address, address, item.columns, item.purpose)


def _readers(mesh: Mesh, address: str) -> Iterator[Edge]:
    for product, item in mesh.readers.get(address, ()):
        for port in product.ports:
            yield _edge(address, port.address, item.columns, item.purpose)


def _feeds(reader: Reader, ports: Mapping[str, int], depth: int) -> _Reached:
    """What ports get from their domain's own systems, as the builds of what they serve recorded it.

    A feed is met behind a port that the caller knows, and has no more to hide than that.
    """
    near = {address: distance for address, distance in ports.items() if distance < depth}
    reader.view.index.renew()
    read: dict[tuple[str, str], set[str | None]] = {}
    for edge in reader.view.index.edges_of_ports(*near):
        if is_private(edge.source):
            read.setdefault((dataset_of(edge.source), dataset_of(edge.target)), set()).add(column_of(edge.source))
    distances: dict[str, int] = {}
    for feed, port in read:
        distances[feed] = min(near[port] + 1, distances.get(feed, depth))
    edges = {ends: _edge(*ends, _all_of(columns), None) for ends, columns in read.items()}
    return _Reached(dict(sorted(distances.items(), key=lambda item: (item[1], item[0]))), edges)


def _all_of(columns: set[str | None]) -> tuple[str, ...] | None:
    """None when of one use it is not known which columns it is of."""
    found = tuple(sorted(name for name in columns if name is not None))
    return found if len(found) == len(columns) else None


def _edge(source: str, target: str, columns: tuple[str, ...] | None, purpose: str | None) -> Edge:
    return Edge(source=source, target=target, columns=None if columns is None else list(columns), purpose=purpose)


def _ports(reader: Reader, reached: _Reached) -> list[Node]:
    known, now = reader.documents.mesh.ports, _lifecycles(reader, reached.distances)
    return [
        Node(
            port=address,
            kind="port",
            lifecycle=now.get(address) if address in known else None,
            distance=distance,
        )
        for address, distance in reached.distances.items()
    ]


def _lifecycles(reader: Reader, ports: Iterable[str]) -> dict[str, Lifecycle]:
    """Where ports stand now: one that was taken down is retired, though its documents call it active."""
    reader.view.index.renew()
    found = reader.view.index.products({port.rpartition(".")[0] for port in ports})
    return {port.address: port.lifecycle for product in found.values() for port in product.ports}


def _feed(address: str, distance: int) -> Node:
    return Node(port=address, kind="feed", lifecycle=None, distance=distance)


def _told(port: str, inputs: _Reached, feeds: _Reached, readers: _Reached) -> str:
    read = [named_told(list(found.distances), what) for found, what in ((inputs, "port"), (feeds, "feed")) if found]
    after = named_told(list(readers.distances), "port") if readers else "no port that is known"
    before = f"{' and '.join(read) or 'nothing that is known'}{_through(inputs, feeds)}"
    return f"{port} reads {before}; it is read by {after}{_through(readers)}."


def _through(*reached: _Reached) -> str:
    farther = any(distance > 1 for found in reached for distance in found.distances.values())
    return ", directly or through others" if farther else ""
