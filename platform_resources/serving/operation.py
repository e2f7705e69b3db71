"""How a port fares in use: who reads how much of it, and whether it answers as it promises."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from platform_resources.access.relations.usage import Used
from platform_resources.lake import utc_now
from platform_resources.operations import Availability, availability_of
from platform_resources.serving.answers import Answer, refusals
from platform_resources.serving.entitlements import is_told_rows
from platform_resources.serving.readers import AskedPort, CurrentReader

router = APIRouter(tags=["products"])


class Amount(Answer):
    reads: int
    rows: int | None = Field(description="Null to who gets some rows only: what others read may hold more.")
    bytes: int | None = Field(description="Null where rows are.")


class DayOfUse(Amount):
    day: date = Field(description="In UTC.")


class ColumnOfUse(Answer):
    column: str
    reads: int = Field(description="Answers that it was part of, or was compared in.")


class ConsumerOfUse(Amount):
    consumer: str
    columns: list[str] = Field(description="That it read.")


class UsageOut(Answer):
    port: str
    days: int = Field(description="How many days back, today's among them.")
    total: Amount
    by_day: list[DayOfUse]
    by_column: list[ColumnOfUse]
    by_consumer: list[ConsumerOfUse] | None = Field(description="For owners and administrators, null for others.")


class AvailabilityOut(Answer):
    port: str
    promised_percent: float | None = Field(description="Null: the contract promises none.", examples=[99.9])
    window_days: float = Field(description="Over which it is promised.", examples=[30.0])
    measured_percent: float | None = Field(description="Of the time that was probed; null: nothing was.")
    coverage_percent: float = Field(description="Share of the window that was probed.")
    downtime_seconds: float
    budget_left_seconds: float | None = Field(
        description="Below zero when the promise is broken; null when nothing is promised or was probed."
    )
    burn_rates: dict[str, float | None] = Field(
        description="Window -> how many times faster than the promise allows the error budget is used up. "
        "Null: less than a quarter of the window was probed."
    )
    state: Literal["met", "at risk", "broken", "unknown"]
    last_probe_at: datetime | None
    last_probe_up: bool | None


@router.get(
    "/products/{domain}/{product}/v{major}/usage",
    operation_id="get_usage",
    summary="How much it is read",
    responses=refusals(404, 422),
)
def get_usage(
    reader: CurrentReader,
    state: AskedPort,
    days: Annotated[int, Query(description="How many days back, today's among them.", ge=1, le=366)] = 30,
) -> UsageOut:
    """Reads, rows and bytes in all, by day and by column; by consumer for owners and administrators."""
    used, counted = reader.access.usage.of_port(state.port.address, days), is_told_rows(reader, state)
    answers = [item for item in used if item.column is None]
    parts = [item for item in used if item.column is not None]
    by_day: dict[date, list[Used]] = defaultdict(list)
    by_consumer: dict[str, list[Used]] = defaultdict(list)
    by_column: dict[str, int] = defaultdict(int)
    columns: dict[str, set[str]] = defaultdict(set)
    for item in answers:
        by_day[item.day].append(item)
        by_consumer[item.consumer].append(item)
    for item in parts:
        by_column[item.column or ""] += item.reads
        columns[item.consumer].add(item.column or "")
    told = reader.manages(state.product)
    return UsageOut(
        port=state.port.address,
        days=days,
        total=Amount(**_sum(answers, counted)),
        by_day=[DayOfUse(day=day, **_sum(items, counted)) for day, items in sorted(by_day.items())],
        by_column=[ColumnOfUse(column=name, reads=reads) for name, reads in sorted(by_column.items())],
        by_consumer=[
            ConsumerOfUse(consumer=name, columns=sorted(columns[name]), **_sum(items, counted))
            for name, items in sorted(by_consumer.items())
        ]
        if told
        else None,
    )


def _sum(items: Iterable[Used], counted: bool) -> dict[str, int | None]:
    found = list(items)
    sums: dict[str, int | None] = {"reads": sum(item.reads for item in found)}
    return sums | {name: sum(getattr(item, name) for item in found) if counted else None for name in ("rows", "bytes")}


@router.get(
    "/products/{domain}/{product}/v{major}/availability",
    operation_id="get_availability",
    summary="Whether it answers as promised",
    responses=refusals(404, 422),
)
def get_availability(reader: CurrentReader, state: AskedPort) -> AvailabilityOut:
    """Measured by probes through the real door, held against the contract; what counts as down is documented."""
    return availability_out(
        availability_of(reader.access.control, reader.documents.mesh, state.port.address, utc_now())
    )


def availability_out(found: Availability) -> AvailabilityOut:
    return AvailabilityOut(
        port=found.port,
        promised_percent=found.objective.percent,
        window_days=found.objective.window.total_seconds() / 86_400,
        measured_percent=found.measured,
        coverage_percent=found.coverage,
        downtime_seconds=found.downtime.total_seconds(),
        budget_left_seconds=None if found.budget_left is None else found.budget_left.total_seconds(),
        burn_rates=dict(found.burn),
        state=found.state,
        last_probe_at=None if found.last is None else found.last.at,
        last_probe_up=None if found.last is None else found.last.up,
    )
