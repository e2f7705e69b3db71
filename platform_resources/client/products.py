"""What a mesh offers, as the client tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_SHOWN = 60


@dataclass(frozen=True)
class Port:
    """A port of a product: what is read."""

    address: str
    lifecycle: str
    publication: int | None  # that is served now
    rows: int | None
    score: float | None  # 0-100


@dataclass(frozen=True)
class Product:
    """A data product. `facts` is all that the API tells of it."""

    address: str
    title: str | None
    purpose: str | None
    ports: tuple[Port, ...]
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Column:
    """A column as the reader gets it."""

    name: str
    type: str | None
    description: str | None
    visible: bool
    masked: bool
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, repr=False)
class Description:
    """The schema of a port, as the reader gets it; without a grant, as the port's first role would show it."""

    port: str
    contract_version: str
    granted: bool
    columns: tuple[Column, ...]
    facts: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __repr__(self) -> str:
        told = f"{self.port} {self.contract_version}" + ("" if self.granted else " · not granted to you")
        rows = [
            (
                column.name,
                column.type or "",
                "masked" if column.masked else "" if column.visible else "not for you",
                " ".join((column.description or "").split()),
            )
            for column in self.columns
        ]
        return "\n".join([told, *_aligned(rows)])


class Products(tuple[Product, ...]):
    """Products, one line each."""

    __slots__ = ()

    def __repr__(self) -> str:
        rows = [
            (port.address, port.lifecycle, "" if port.rows is None else f"{port.rows:,} rows", product.title or "")
            for product in self
            for port in product.ports
        ]
        return "\n".join(_aligned(rows))


def product_of(told: Mapping[str, Any]) -> Product:
    ports = tuple(_port(port) for port in told["ports"])
    return Product(told["address"], told.get("title"), told.get("purpose"), ports, told)


def description_of(told: Mapping[str, Any]) -> Description:
    columns = tuple(
        Column(c["name"], c.get("type"), c.get("description"), c.get("visible", True), c.get("masked", False), c)
        for c in told["columns"]
    )
    return Description(told["port"], told["contract_version"], told["granted"], columns, told)


def _port(told: Mapping[str, Any]) -> Port:
    served = told.get("served") or {}
    return Port(told["address"], told["lifecycle"], served.get("number"), served.get("rows"), served.get("score"))


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [line.rstrip() if len(line.rstrip()) <= 2 * _SHOWN else line[: 2 * _SHOWN - 1] + "…" for line in padded]
