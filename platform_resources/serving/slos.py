"""The service levels of a port: what it promised over a window, what was measured, and what may still be missed."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from platform_resources.catalog import PortState
from platform_resources.lake import utc_now
from platform_resources.operations import PortLevels, ServiceLevel, levels_of
from platform_resources.operations.objectives import Kind
from platform_resources.serving.answers import Answer, refusals
from platform_resources.serving.entitlements import is_told_rows, policy_on, sight_of
from platform_resources.serving.readers import AskedPort, CurrentReader, Reader

router = APIRouter(tags=["products"])


class ServiceLevelOut(Answer):
    kind: Literal["freshness", "completeness", "availability"]
    objective_percent: float | None = Field(
        description="Share of the window in which the promise has to hold; null: nothing is promised.", examples=[99.0]
    )
    window_days: float = Field(description="Over which it is promised.", examples=[30.0])
    measured_percent: float | None = Field(
        description="Share of the time that counts in which it held; null: none does.", examples=[99.86]
    )
    coverage_percent: float = Field(description="Share of the window that counts: something was served, or probed.")
    missed_seconds: float = Field(description="How long it did not hold.", examples=[3600.0])
    budget_seconds: float | None = Field(description="The error budget: how long it may not hold.", examples=[25920.0])
    budget_left_seconds: float | None = Field(
        description="Below zero when the objective is broken; null when nothing is promised or measured.",
        examples=[22320.0],
    )
    burn_rates: dict[str, float | None] = Field(
        description="Window -> how many times faster than the objective allows the error budget is used up. "
        "Null: less than a quarter of the window counts."
    )
    state: Literal["met", "at risk", "broken", "unknown"]


class ColumnCompleteness(Answer):
    column: str
    promised_percent: float
    current_percent: float | None = Field(
        description="Of what is served; null: not measured, or not told to who reads some rows only or not the column."
    )
    worst_percent: float | None = Field(description="Of all that was served in the window; null where the other is.")


class ServiceLevels(Answer):
    port: str
    levels: list[ServiceLevelOut] = Field(description="Those that are promised, or were measured all the same.")
    columns: list[ColumnCompleteness] = Field(description="Those whose completeness is promised.")


@router.get(
    "/products/{domain}/{product}/v{major}/slos",
    operation_id="get_slos",
    summary="Service levels and error budgets",
    responses=refusals(404, 422),
)
def get_slos(reader: CurrentReader, state: AskedPort) -> ServiceLevels:
    """Freshness, completeness and availability over the promised window, by the publication log and by probes."""
    return slos_of(reader, state, levels_of(reader.access, reader.view, state, utc_now()))


def slos_of(reader: Reader, state: PortState, found: PortLevels) -> ServiceLevels:
    """What was found, as far as the reader is told of it."""
    told = _told(reader, state)
    return ServiceLevels(
        port=found.port,
        levels=[_level(kind, level) for kind, level in found.told.items()],
        columns=[
            ColumnCompleteness(
                column=one.column,
                promised_percent=one.promised,
                current_percent=one.now if one.column in told else None,
                worst_percent=one.worst if one.column in told else None,
            )
            for one in found.columns
        ],
    )


def _level(kind: Kind, level: ServiceLevel) -> ServiceLevelOut:
    budget, left = level.objective.budget, level.budget_left
    return ServiceLevelOut(
        kind=kind,
        objective_percent=level.objective.percent,
        window_days=level.objective.window.total_seconds() / 86_400,
        measured_percent=level.measured,
        coverage_percent=level.coverage,
        missed_seconds=level.missed.total_seconds(),
        budget_seconds=None if budget is None else budget.total_seconds(),
        budget_left_seconds=None if left is None else left.total_seconds(),
        burn_rates=dict(level.burn),
        state=level.state,
    )


def _told(reader: Reader, state: PortState) -> frozenset[str]:
    """Columns whose completeness a reader is told: that it sees, of all rows."""
    if not is_told_rows(reader, state):
        return frozenset()
    return frozenset(sight_of(reader, policy_on(reader, state)).columns)
