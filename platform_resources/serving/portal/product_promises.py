"""What a contract promises beside what was measured of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Literal

from platform_resources.contracts.durations import DurationError, parse_duration
from platform_resources.contracts.wording import counted
from platform_resources.serving.operation import AvailabilityOut
from platform_resources.serving.portal.filters import DASH, duration, percent
from platform_resources.serving.portal.product_diff import written
from platform_resources.serving.ports import PortDetail, Promise
from platform_resources.serving.quality import Measured, PublicationOut

State = Literal["kept", "broken", "at risk", "not known"]

_NAMES = {
    "freshness": "Freshness",
    "availability": "Availability",
    "completeness": "Completeness",
    "frequency": "Published every",
    "retention": "Kept for",
    "endOfSupport": "Supported until",
}


@dataclass(frozen=True)
class PromiseRow:
    name: str
    promised: str
    of: str  # the columns that it is about
    measured: str
    state: State


def promises_of(
    port: PortDetail,
    availability: AvailabilityOut,
    measured: Measured | None,
    log: Sequence[PublicationOut],
    now: datetime,
) -> list[PromiseRow]:
    """Every promise of the contract, in its order; `log` is newest first."""
    rows = []
    for promise in port.promises:
        if promise.property == "freshness":
            told, state = _freshness(port)
        elif promise.property == "availability":
            told, state = _availability(availability)
        elif promise.property == "completeness":
            told, state = _completeness(measured)
        elif promise.property == "frequency":
            told, state = frequency(promise, log, now)
        else:
            told, state = DASH, "not known"
        name = _NAMES.get(promise.property, promise.property)
        rows.append(PromiseRow(name, _promised(promise), _columns(promise), told, state))
    return rows


def _promised(promise: Promise) -> str:
    value, unit = promise.value, promise.unit
    if isinstance(value, str) and value.startswith("P") and promise.property != "endOfSupport":
        told = duration(value)
        return f"at most {told} old" if promise.property == "freshness" else told
    if unit == "percent" and isinstance(value, int | float):
        return f"at least {percent(value, 3)}"
    return f"{written(value)} {unit or ''}".strip()


def _columns(promise: Promise) -> str:
    parts = (promise.element or "").split(",")
    return ", ".join(part.strip().rpartition(".")[2] for part in parts if part.strip())


def _freshness(port: PortDetail) -> tuple[str, State]:
    age = port.freshness.age_seconds
    states: dict[str, State] = {"fresh": "kept", "late": "broken"}
    return (DASH if age is None else f"{duration(age)} old now"), states.get(port.freshness.state, "not known")


def _availability(found: AvailabilityOut) -> tuple[str, State]:
    if found.measured_percent is None:
        return "not probed yet", "not known"
    states: dict[str, State] = {"met": "kept", "at risk": "at risk", "broken": "broken"}
    told = f"{percent(found.measured_percent, 3)} in {counted(found.window_days, 'day')}"
    return told, states.get(found.state, "not known")


def _completeness(measured: Measured | None) -> tuple[str, State]:
    found = [] if measured is None else [item for item in measured.results if item.group == "completeness"]
    if not found:
        return DASH, "not known"
    broken = [item for item in found if item.status == "failed"]
    if broken:
        return "; ".join(item.message for item in broken[:3]), "broken"
    return f"holds for {counted(len(found), 'column')}", "kept"


def frequency(promise: Promise, log: Sequence[PublicationOut], now: datetime) -> tuple[str, State]:
    """The middle one of the last pauses, and the one under way when it is longer than promised.

    Kept when neither is longer than promised, and a tenth for the run itself. The pause under way ends when the port
    was retired.
    """
    times = [item.published_at for item in log if item.kind == "publish"]
    if not times:
        return DASH, "not known"
    end = log[0].published_at if log[0].kind == "retire" else now
    under_way = end - times[0]
    pauses = [(later - earlier).total_seconds() for later, earlier in pairwise(times)]
    usual = timedelta(seconds=median(pauses)) if pauses else None
    told = DASH if usual is None else f"every {duration(usual.total_seconds())}"
    try:
        promised = parse_duration(promise.value, promise.unit) * 1.1
    except DurationError:
        return told, "not known"
    if under_way > promised:
        before = "" if usual is None else f", before that {told}"
        return f"none for {duration(under_way.total_seconds())}{before}", "broken"
    if usual is None:
        return told, "not known"
    return told, "kept" if usual <= promised else "broken"
