"""What a contract promises beside what was measured of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Literal

from platform_resources.contracts.durations import DurationError, parse_duration
from platform_resources.contracts.wording import counted
from platform_resources.serving.operation import AvailabilityOut
from platform_resources.serving.portal.filters import DASH, duration, floored_percent, percent, short_duration
from platform_resources.serving.portal.product_diff import written
from platform_resources.serving.ports import PortDetail, Promise
from platform_resources.serving.quality import Measured, PublicationOut
from platform_resources.serving.slos import ServiceLevelOut, ServiceLevels

State = Literal["kept", "broken", "at risk", "not known"]
LevelState = Literal["met", "broken", "at risk", "not known"]

_MISSED = {"freshness": "late", "completeness": "less complete", "availability": "down"}
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


@dataclass(frozen=True)
class LevelRow:
    """A service level over its window. `left` is 0-100 percent of the error budget; None: there is none to draw."""

    name: str
    objective: str
    measured: str
    of: str  # what the figure rests on
    left: float | None
    budget: str
    state: LevelState


def levels_shown(found: ServiceLevels) -> list[LevelRow]:
    """One row for each level that is promised or measured."""
    return [_level(level, _filled(found) if level.kind == "completeness" else "") for level in found.levels]


def _level(level: ServiceLevelOut, more: str) -> LevelRow:
    return LevelRow(
        name=_NAMES[level.kind],
        objective=_objective(level),
        measured=floored_percent(level.measured_percent),
        of="; ".join(filter(None, (*_counted(level), more))),
        left=_left(level),
        budget=_budget(level),
        state="not known" if level.state == "unknown" else level.state,
    )


def _objective(level: ServiceLevelOut) -> str:
    if level.objective_percent is None:
        return "not promised"
    return f"{percent(level.objective_percent, 3)} of {duration(timedelta(days=level.window_days))}"


def _counted(level: ServiceLevelOut) -> Iterator[str]:
    if level.measured_percent is None:
        yield "nothing counts yet"
        return
    yield f"of {short_duration(timedelta(days=level.window_days) * level.coverage_percent / 100)}"
    if level.missed_seconds:
        yield f"{_MISSED[level.kind]} for {short_duration(level.missed_seconds)}"


def _left(level: ServiceLevelOut) -> float | None:
    if level.budget_left_seconds is None or not level.budget_seconds:
        return None
    return max(0.0, 100 * level.budget_left_seconds / level.budget_seconds)


def _budget(level: ServiceLevelOut) -> str:
    left = level.budget_left_seconds
    if left is None:
        return DASH
    if left < 0:
        return f"overdrawn by {short_duration(-left)}"
    whole = level.budget_seconds
    return f"{short_duration(left)} of {short_duration(whole)}" if whole else "nothing may be missed"


def _filled(found: ServiceLevels) -> str:
    """The column that was least complete, of those that the reader is told of."""
    known = [one for one in found.columns if one.worst_percent is not None]
    if not known:
        return ""
    least = min(known, key=lambda one: one.worst_percent)
    now = "" if least.current_percent is None else f", {floored_percent(least.current_percent)} now"
    return f"at worst {floored_percent(least.worst_percent)} of {least.column}{now}"


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
    told = f"{floored_percent(found.measured_percent)} in {duration(timedelta(days=found.window_days))}"
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
