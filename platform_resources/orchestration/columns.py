"""Column schemas in the form that the Dagster UI shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import dagster as dg

from platform_resources.contracts.model import Column, Table
from platform_resources.quality import Audit


def promised_schema(table: Table) -> dg.TableSchema:
    """The contract's columns, for definition metadata: the UI overlays them on what is delivered."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=column.physical_type or column.logical_type or "unknown",
                description=column.description,
                constraints=dg.TableColumnConstraints(
                    nullable=not column.required, unique=column.unique, other=list(_masked(column))
                ),
                tags={"classification": column.classification} if column.classification else {},
            )
            for column in table.columns
        ]
    )


def _masked(column: Column) -> Iterator[str]:
    """The mask that the contract writes, for people; what the council adds where it is silent, the portal tells."""
    mask = column.custom.get("mask")
    if isinstance(mask, Mapping):
        clearance = mask.get("clearance")
        yield f"masked ({mask.get('strategy')})" + (f" without the clearance {clearance}" if clearance else "")


def delivered_schema(columns: Iterable[tuple[str, str]]) -> dg.TableSchema:
    """What the table really has, for materialization metadata."""
    return dg.TableSchema(columns=[dg.TableColumn(name, type=type_) for name, type_ in columns])


def audited_schema(audit: Audit) -> dg.TableSchema:
    return delivered_schema(audit.delivered_schema)
