"""Edges between columns, in OpenLineage's words, and the addresses at their ends.

A column's address is its dataset's with its name behind: `sales.bookings.v1.net_sales` of a port,
`sales.internal.receipts.sales_value` of a feed or private table. What affects all rows of a table (a filter, the keys
of a join or of a grouping, the order) and what is known of the port alone (`input`) has the dataset itself as target,
as the `dataset` list of OpenLineage's columnLineage facet; where not even the columns that are read are known, it is
the source too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

EdgeType = Literal["DIRECT", "INDIRECT"]
KnownFrom = Literal["sql", "declared", "input"]

# How much a step changes a value: of a way through several tables the strongest is told.
DIRECT_SUBTYPES = ("IDENTITY", "TRANSFORMATION", "AGGREGATION")
INDIRECT_SUBTYPES = ("CONDITIONAL", "WINDOW", "JOIN", "FILTER", "GROUP_BY", "SORT")
_KNOWN = ("sql", "declared", "input")  # from certain to vague


@dataclass(frozen=True, order=True)
class ColumnEdge:
    """`source` is used to make `target`. Both are addresses of a column; of a dataset where all its columns are meant.

    `subtype`: IDENTITY, TRANSFORMATION or AGGREGATION when the value itself flows (DIRECT); CONDITIONAL, WINDOW, JOIN,
    FILTER, GROUP_BY or SORT when it only decides (INDIRECT); empty of an `input` edge: nobody knows what it is for.
    """

    source: str
    target: str
    type: EdgeType
    subtype: str
    masked: bool  # the source is read masked
    known_from: KnownFrom
    observed: bool | None  # whether the last build really read the source; None: not watched


def dataset_of(address: str) -> str:
    """The port, feed or table of an address; a dataset's own is returned as it is.

    >>> dataset_of("sales.bookings.v1.net_sales")
    'sales.bookings.v1'
    """
    return ".".join(address.split(".", 3)[:3])


def column_of(address: str) -> str | None:
    """The column's name; None when the address is a dataset's.

    >>> column_of("sales.bookings.v1.net_sales"), column_of("sales.bookings.v1")
    ('net_sales', None)
    """
    parts = address.split(".", 3)
    return parts[3] if len(parts) == 4 else None


def is_private(address: str) -> bool:
    """Whether an address is of a domain's own feed or table, no port."""
    return address.split(".", 2)[1:2] == ["internal"]


def joined_edge(first: ColumnEdge, second: ColumnEdge, target: str | None = None) -> ColumnEdge:
    """The edge of two steps one after the other, `first` nearer to the origin; only then its value still flows.

    The weakest knowledge of both is what is known, masks add up, and only the first step says whether the source was
    really read.
    """
    type_: EdgeType = "DIRECT" if first.type == second.type == "DIRECT" else "INDIRECT"
    if type_ == "DIRECT":
        subtype = max(first.subtype, second.subtype, key=DIRECT_SUBTYPES.index)
    else:
        subtype = first.subtype if first.type == "INDIRECT" else second.subtype
    known = max(first.known_from, second.known_from, key=_KNOWN.index)
    masked = first.masked or second.masked
    return ColumnEdge(first.source, target or second.target, type_, subtype, masked, known, first.observed)


def as_record(edges: Iterable[ColumnEdge]) -> list[list[Any]]:
    """JSON-ready, in a stable order: the same lineage is the same text."""
    return [
        [e.source, e.target, e.type, e.subtype, e.masked, e.known_from, e.observed]
        for e in sorted(set(edges), key=lambda e: (e.target, e.source, e.type, e.subtype, e.known_from))
    ]


def from_record(record: Iterable[Iterable[Any]]) -> tuple[ColumnEdge, ...]:
    return tuple(ColumnEdge(*row) for row in record)
