"""The guarded rows of one publication under one profile, as SQL, and the schema that they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import duckdb

from platform_resources.access.model import Profile
from platform_resources.access.policy.masks import mask_key, mask_sql
from platform_resources.access.relations.rendering import ColumnType
from platform_resources.contracts import Contract
from platform_resources.contracts.lifecycle import replacement_of
from platform_resources.contracts.model import OutputPort
from platform_resources.lake import (
    INTERNAL_SCHEMA,
    MeshSettings,
    PortAddress,
    Publication,
    qualified,
    quote_identifier,
)

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Shape:
    """`source`: SELECT <masked columns> FROM <table at its snapshot> WHERE <row filters>."""

    source: str = field(repr=False)  # may hold the key of hashes
    schema: pa.Schema
    types: Mapping[str, ColumnType]
    key: tuple[str, ...]  # primary key, where it is seen in clear
    deprecated: bool
    replaced_by: str | None  # what to read instead of a deprecated port: not every reader may know of it
    sunset: str | None  # ISO date, the last day of a deprecated port


def shape_of(
    con: duckdb.DuckDBPyConnection,
    settings: MeshSettings,
    port: PortAddress,
    publication: Publication,
    contracts: Sequence[Contract],
    profile: Profile,
) -> Shape:
    """`contracts`: the one that the publication was held to first, today's last.

    The table is read at the publication's snapshot, never through the port's view: that moves with the next one.
    """
    served = contracts[0]
    columns = {column.name: column for column in served.table.columns if column.name in publication.columns}
    selected = ", ".join(
        f"{mask_sql(columns[name], masks, partial(mask_key, settings))} AS {quote_identifier(name)}"
        for name, masks in profile.columns.items()
        if name in columns
    )
    table = qualified(port.domain, INTERNAL_SCHEMA, served.table.physical_name)
    source = f"SELECT {selected} FROM {table} AT (VERSION => {int(publication.snapshot)})"
    if profile.filters:
        source += " WHERE " + " AND ".join(f"({text})" for text in profile.filters)
    empty = con.execute(f"SELECT * FROM ({source}) LIMIT 0")
    types = {told[0]: ColumnType.of(told[1]) for told in empty.description}
    key = served.table.primary_key
    in_clear = bool(key) and all(name in types and not profile.columns[name] for name in key)
    return Shape(
        source,
        empty.to_arrow_table().schema,
        types,
        tuple(key) if in_clear else (),
        *_ending(port, contracts[-1]),
    )


def _ending(port: PortAddress, today: Contract) -> tuple[bool, str | None, str | None]:
    """Whether a port is deprecated, the port to read instead, the last day of it."""
    if today.status != "deprecated":
        return False, None, None
    end = today.end_of_support
    other = replacement_of(OutputPort(port.product, port.major, str(port), today))
    return True, other, None if end is None else end.isoformat()
