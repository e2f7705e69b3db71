"""What a new product is made in and made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb

from platform_resources.contracts import Document, Mesh
from platform_resources.governance import Council
from platform_resources.governance.terms import Glossary
from platform_resources.lake import MeshSettings
from platform_resources.self_service.columns import ColumnDraft
from platform_resources.self_service.delivered import Delivered
from platform_resources.self_service.documents import Freshness, Input
from platform_resources.self_service.landing import Reading
from platform_resources.self_service.model_text import Part, TableName
from platform_resources.self_service.profiling import Profile

MOMENT = "TIMESTAMP WITH TIME ZONE"


@dataclass(frozen=True)
class World:
    """What a new product is made in."""

    settings: MeshSettings
    mesh: Mesh
    council: Council
    glossary: Glossary
    domain: str
    product: str
    longest_age: str  # ISO 8601: the oldest that data of the tier may get


@dataclass(frozen=True)
class Feed:
    """A landed feed that the product is made of."""

    name: str
    columns: tuple[ColumnDraft, ...]
    path: str  # folder and pattern below the landing zone
    custom: tuple[dict[str, Any], ...]
    readings: tuple[Reading, ...]
    delivered: Delivered
    con: duckdb.DuckDBPyConnection


@dataclass(frozen=True)
class Origin:
    """What is known of where the rows come from."""

    told: str
    columns: tuple[ColumnDraft, ...]
    parts: tuple[Part, ...]  # of the model's SELECT
    freshness: Freshness
    grain: str
    doc: str
    found: Profile | None = None
    inputs: tuple[Input, ...] = ()
    feed: Feed | None = None
    is_query: bool = False
    renamed: tuple[tuple[str, str], ...] = ()  # as it was written, column
    notes: tuple[str, ...] = ()
    promise: Document | None = None  # a contract that is taken over as it is, instead of one made of `columns`
    major: int = 1
    table_types: Mapping[TableName, tuple[tuple[str, str], ...]] = field(
        default_factory=dict
    )  # of what the model reads


def freshness_of(world: World, column: str, reason: str) -> Freshness:
    return Freshness(world.longest_age, column, reason)


def example_origin(world: World) -> Origin:
    """No source: one typed row, so that everything around it can be tried before the data is there."""
    key = f"{world.product[:60]}_id"
    columns = (
        ColumnDraft(key, "BIGINT", key_position=1, evidence={"name": "an example; write your own columns"}),
        ColumnDraft("name", "VARCHAR", evidence={"name": "an example"}),
        ColumnDraft("updated_at", MOMENT, required=True, evidence={"name": "when the row last changed; shows the age"}),
    )
    sql = f"select\n    cast(1 as bigint) as {key},\n    'example' as name,\n    now() as updated_at"
    fresh = freshness_of(world, "updated_at", "how old may the data get? Say what you can keep")
    grain = f"One row per {world.product}."
    return Origin("nothing", columns, (Part(sql),), fresh, grain, "An example row; put your own query here.")


def repeats(found: Profile) -> list[str]:
    if not found.duplicates:
        return []
    return [f"{found.duplicates:,} rows repeat another one whole; they are kept, since no key tells which are too many"]


def own_tables(world: World) -> set[str]:
    """Names of the domain's feeds and products."""
    loaded = world.mesh.usable.get(world.domain)
    folder = world.mesh.folder / world.domain
    names = {path.name.removesuffix(".odcs.yaml") for path in folder.glob("sources/*.odcs.yaml")}
    names |= {path.name for path in folder.glob("products/*") if path.is_dir()}
    if loaded is not None:
        names |= {port.contract.table.physical_name for port in loaded.domain.ports}
    return names


def patterns_of(council: Council) -> dict[str, str]:
    """Column name -> the pattern of the council's semantic type of that name."""
    return {
        name: str(item.options["pattern"])
        for item in council.semantic_types.values()
        if "pattern" in item.options
        for name in item.names
    }
