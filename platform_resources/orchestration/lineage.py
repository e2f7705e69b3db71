"""Column lineage in the Dagster UI: what the lake records of a table, as metadata of its materialization."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from platform_resources.contracts.model import Domain
from platform_resources.lake.column_lineage import TableLineage
from platform_resources.lineage import column_of, dataset_of
from platform_resources.lineage.declared import doubts
from platform_resources.lineage.model import from_record

DOUBTS = "lineage_doubts"


def lineage_metadata(lineage: TableLineage) -> dict[str, Any]:
    """What each column is made of. What decides over whole rows has no place in Dagster's form."""
    found: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for edge in from_record(lineage.edges):
        column, source = column_of(edge.target), column_of(edge.source)
        if column is not None and source is not None:
            dep = (tuple(dataset_of(edge.source).split(".")), source)
            deps = found.setdefault(column, [])
            if dep not in deps:
                deps.append(dep)
    return {"dagster/column_lineage": column_deps(found)} if found else {}


def column_deps(lineage: Mapping[str, Iterable[tuple[tuple[str, ...], str]]]) -> dg.TableColumnLineage:
    """Column -> [(asset key path, column), ...] as Dagster's column lineage."""
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(asset_key=dg.AssetKey(list(key)), column_name=name) for key, name in sources]
            for column, sources in lineage.items()
        }
    )


def told_doubts(log: Any, domain: Domain, lineage: TableLineage) -> dict[str, Any]:
    """Warn in the build's log of what its documents say of its sources and it did not do; the same as metadata."""
    found = doubts(domain, lineage)
    for doubt in found:
        log.warning(f"{lineage.table}: {doubt}")
    return {DOUBTS: dg.MetadataValue.md("\n".join(f"- {doubt}" for doubt in found))} if found else {}
