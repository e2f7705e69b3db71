"""What a column holds, by the paths that results call it: `address.city`, `lines[].price`.

A `.` leads to a member of an object, `[]` to each item of a list. A map is a list of entries: `labels[].key`,
`labels[].value`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from platform_resources.contracts.column_types import ColumnTypeError, canonical_type, fields_of
from platform_resources.contracts.nodes import Node


class Element(NamedTuple):
    """`type`: what the column's own `physicalType` holds there; None when it holds no such element."""

    path: str
    node: Node
    type: str | None


def elements_within(column: Node) -> Iterator[Element]:
    """Every element of a column that `properties`, `items` and `map` describe, outer ones first."""
    if "properties" in column or "items" in column or "map" in column:  # of 300,000 columns hardly any
        try:
            held = canonical_type(column.text("physicalType") or "")
        except ColumnTypeError:
            held = None
        yield from _within(column, column.text("name") or "", held)


def _within(node: Node, path: str, held: str | None) -> Iterator[Element]:
    for step, inner in _parts(node):
        if isinstance(inner.value, dict):
            type_ = None if held is None else _held(held, step)
            yield Element(path + step, inner, type_)
            yield from _within(inner, path + step, type_)


def _parts(node: Node) -> Iterator[tuple[str, Node]]:
    for member in node.items("properties"):
        yield f".{member.text('name') or ''}", member
    yield "[]", node.at("items")
    for name in ("key", "value"):
        yield f"[].{name}", node.at("map").at(name)


def _held(canonical: str, step: str) -> str | None:
    """What a type holds at a step of a path."""
    if step == "[]":
        return canonical.rpartition("[")[0] if canonical.endswith("]") else None
    if not canonical.startswith("MAP(" if step.startswith("[]") else "STRUCT("):
        return None
    types = {name.lower(): type_ for name, type_ in fields_of(canonical).items()}
    return types.get(step.rpartition(".")[2].lower())
