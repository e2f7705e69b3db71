"""Column schemas in the form that the Dagster UI shows."""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

from platform_resources.contracts.model import Table
from platform_resources.quality import Audit


def promised_schema(table: Table) -> dg.TableSchema:
    """The contract's columns, for definition metadata: the UI overlays them on what is delivered."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=column.physical_type or column.logical_type or "unknown",
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=not column.required, unique=column.unique),
                tags={"classification": column.classification} if column.classification else {},
            )
            for column in table.columns
        ]
    )


def delivered_schema(columns: Iterable[tuple[str, str]]) -> dg.TableSchema:
    """What the table really has, for materialization metadata."""
    return dg.TableSchema(columns=[dg.TableColumn(name, type=type_) for name, type_ in columns])


def audited_schema(audit: Audit) -> dg.TableSchema:
    return delivered_schema(audit.delivered_schema)
