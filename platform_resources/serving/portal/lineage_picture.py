"""The picture of a lineage: boxes in layers from left to right, and the lines between them. Pure; a template draws it.

Every box and line is in the lineage that it is made of: what a reader may not know of has no place, and leaves no gap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from platform_resources.contracts.wording import counted
from platform_resources.serving.column_lineage import ColumnLineage
from platform_resources.serving.lineage import Lineage
from platform_resources.serving.portal.filters import product_link, segment

MOST_BOXES = 40  # more are told in the table only
_WIDTH, _HEAD, _ROW = 216, 44, 22  # of a box, in pixels
_GAP, _APART = 64, 18  # between layers, between boxes
_MARGIN = 8
_LETTERS = 27  # that fit into a box


@dataclass(frozen=True)
class Row:
    """One column in a box."""

    name: str
    href: str
    chosen: bool = False
    x: float = 0
    y: float = 0

    @property
    def short(self) -> str:
        return shortened(self.name, _LETTERS)


@dataclass(frozen=True)
class Box:
    """A port or a feed. `x` and `y` are its upper left corner."""

    id: str
    title: str
    under: str  # second line: the domain, and what it is
    href: str | None
    here: bool = False
    kind: str = "port"
    rows: tuple[Row, ...] = ()
    x: float = 0
    y: float = 0
    width: float = _WIDTH

    @property
    def height(self) -> float:
        return _HEAD + (len(self.rows) * _ROW + 6 if self.rows else 0)

    @property
    def short(self) -> str:
        return shortened(self.title, _LETTERS)


@dataclass(frozen=True)
class Link:
    """A line from the right side of one box (or of its row) to the left side of another."""

    source: str  # box, or "<box>\n<row>"
    target: str
    says: str
    style: str = "direct"  # direct, indirect, masked
    path: str = ""


@dataclass(frozen=True)
class Picture:
    """`left_out`: how many boxes are not drawn, being the farthest."""

    boxes: tuple[Box, ...]
    links: tuple[Link, ...]
    width: float
    height: float
    title: str
    says: str
    left_out: int = 0


def port_picture(lineage: Lineage) -> Picture:
    """Ports upstream and downstream of a port, with the feeds that are read."""
    here = lineage.port
    boxes = [_port_box(here, None, here=True)]
    boxes += [
        _port_box(node.port, node.lifecycle) if node.kind == "port" else _feed_box(node.port)
        for node in (*lineage.upstream, *lineage.downstream)
    ]
    links = [Link(e.source, e.target, _edge_says(e.columns, e.purpose)) for e in lineage.edges]
    distances = {here: 0} | {n.port: -n.distance for n in lineage.upstream}
    for node in lineage.downstream:
        distances.setdefault(node.port, node.distance)
    return placed(boxes, links, distances, f"Lineage of {here}", lineage.told)


def column_picture(lineage: ColumnLineage) -> Picture:
    """Columns upstream and downstream of a column, in the boxes of their ports and feeds."""
    chosen = lineage.column
    here, _, name = chosen.rpartition(".")
    held: dict[str, list[str]] = defaultdict(list)
    held[here].append(name)
    distances, kinds = {here: 0}, {here: "port"}
    for side, nodes in ((-1, lineage.upstream), (1, lineage.downstream)):
        for node in sorted(nodes, key=lambda item: item.distance):
            column = node.column.removeprefix(f"{node.dataset}.")
            names = held[node.dataset]
            if node.column != node.dataset and column not in names:  # of some only the whole port is known
                names.append(column)
            distances.setdefault(node.dataset, side * node.distance)
            kinds[node.dataset] = node.kind
    boxes = []
    for dataset, columns in held.items():
        box = _port_box(dataset, None, here=dataset == here) if kinds[dataset] == "port" else _feed_box(dataset)
        link = kinds[dataset] == "port"
        rows = tuple(
            Row(column, column_lineage_link(dataset, column) if link else "", chosen=f"{dataset}.{column}" == chosen)
            for column in columns
        )
        boxes.append(replace(box, rows=rows))
    datasets = sorted(held, key=len, reverse=True)

    def end(address: str) -> str:
        of = next((d for d in datasets if address.startswith(f"{d}.")), address)
        return f"{of}\n{address.removeprefix(f'{of}.')}" if of != address else address

    links = []
    for edge in lineage.edges:
        style = "masked" if edge.masked else "indirect" if edge.type == "INDIRECT" else "direct"
        says = f"{edge.type.lower()}, {edge.subtype.lower().replace('_', ' ')}" + (
            ", read masked" if edge.masked else ""
        )
        links.append(Link(end(edge.source), end(edge.target), says, style))
    return placed(boxes, links, distances, f"Lineage of the column {chosen}", lineage.told)


def column_lineage_link(dataset: str, column: str) -> str:
    """The page of a column's lineage; empty when the dataset is no port."""
    parts = dataset.split(".")
    if len(parts) != 3:
        return ""
    domain, product, port = (segment(part) for part in parts)
    return f"/products/{domain}/{product}/lineage?port={port}&column={segment(column)}"


def placed(boxes: Sequence[Box], links: Sequence[Link], distances: Mapping[str, int], title: str, says: str) -> Picture:
    """Boxes and lines with their places. `distances` are below zero upstream; the nearest boxes are drawn."""
    near = sorted(boxes, key=lambda box: (abs(distances.get(box.id, 0)), box.id))
    kept = {box.id: box for box in near[:MOST_BOXES]}
    drawn = [
        item for item in links if item.source.partition("\n")[0] in kept and item.target.partition("\n")[0] in kept
    ]
    pairs = [(item.source.partition("\n")[0], item.target.partition("\n")[0]) for item in drawn]
    layers = _in_order(layers_of(kept, pairs, distances), pairs)
    heights = [sum(kept[name].height + _APART for name in layer) - _APART for layer in layers]
    tallest = max(heights, default=0)
    put: dict[str, Box] = {}
    for number, (layer, height) in enumerate(zip(layers, heights, strict=True)):
        x, y = _MARGIN + number * (_WIDTH + _GAP), _MARGIN + (tallest - height) / 2
        for name in layer:
            box = kept[name]
            rows = tuple(replace(row, x=x, y=y + _HEAD + i * _ROW) for i, row in enumerate(box.rows))
            put[name] = replace(box, x=x, y=y, rows=rows)
            y += box.height + _APART
    width = 2 * _MARGIN + len(layers) * (_WIDTH + _GAP) - _GAP
    lines = tuple(replace(item, path=_path(put, item)) for item in drawn)
    return Picture(tuple(put.values()), lines, width, tallest + 2 * _MARGIN, title, says, len(boxes) - len(kept))


def layers_of(
    names: Collection[str], pairs: Iterable[tuple[str, str]], distances: Mapping[str, int]
) -> list[list[str]]:
    """Names by layer, left to right: every line goes to the right, as far as no lines go in a circle."""
    layer = {name: distances.get(name, 0) for name in names}
    inner = [(source, target) for source, target in pairs if source != target]
    for _ in range(len(layer)):
        moved = False
        for source, target in inner:
            if layer[target] > layer[source]:
                continue
            moved = True
            if distances.get(target, 0) > 0:
                layer[target] = layer[source] + 1
            else:
                layer[source] = layer[target] - 1
        if not moved:
            break
    found: dict[int, list[str]] = defaultdict(list)
    for name in sorted(layer):
        found[layer[name]].append(name)
    return [found[number] for number in sorted(found)]


def _in_order(layers: Sequence[list[str]], pairs: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Each layer by where the neighbours in the layer before it stand: fewer lines cross."""
    neighbours: dict[str, list[str]] = defaultdict(list)
    for source, target in pairs:
        neighbours[source].append(target)
        neighbours[target].append(source)
    places: dict[str, float] = {}
    found = []
    for layer in layers:
        near = {name: [places[other] for other in neighbours[name] if other in places] for name in layer}
        middle = {name: sum(known) / len(known) if known else 0.5 for name, known in near.items()}
        ordered = sorted(layer, key=lambda name, middle=middle: (middle[name], name))
        places |= {name: (i + 0.5) / len(ordered) for i, name in enumerate(ordered)}
        found.append(ordered)
    return found


def _path(boxes: Mapping[str, Box], link: Link) -> str:
    x1, y1 = _end(boxes, link.source, right=True)
    x2, y2 = _end(boxes, link.target, right=False)
    bend = max(24.0, abs(x2 - x1) / 2)
    return f"M{x1:g},{y1:g}C{x1 + bend:g},{y1:g} {x2 - bend:g},{y2:g} {x2:g},{y2:g}"


def _end(boxes: Mapping[str, Box], name: str, *, right: bool) -> tuple[float, float]:
    id_, _, row = name.partition("\n")
    box = boxes[id_]
    x = box.x + (box.width if right else 0)
    found = next((one for one in box.rows if row and one.name == row), None)
    return (x, box.y + _HEAD / 2) if found is None else (x, found.y + _ROW / 2)


def _port_box(port: str, lifecycle: str | None, *, here: bool = False) -> Box:
    domain, _, rest = port.partition(".")
    state = f" · {lifecycle}" if lifecycle not in (None, "active") else ""
    return Box(port, rest.replace(".", " "), f"{domain}{state}", product_link(port), here=here)


def _feed_box(feed: str) -> Box:
    domain, _, rest = feed.partition(".")
    return Box(feed, rest.removeprefix("internal.") or feed, f"{domain} · feed", None, kind="feed")


def _edge_says(columns: Sequence[str] | None, purpose: str | None) -> str:
    told = "all its columns" if columns is None else f"{counted(len(columns), 'column')}: {', '.join(columns)}"
    return told + (f", for {purpose}" if purpose else "")


def shortened(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1] + "…"
