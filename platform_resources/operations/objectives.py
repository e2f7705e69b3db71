"""Service level objectives: in how much of a window a promise has to hold, and how fast what may be missed is used up.

One model for freshness, completeness and availability. Pure. Error budget: the time in which the objective lets the
promise not hold in its window (99.9 % of 30 days: 43 minutes). Burn rate: how many times faster than the objective
allows it is being used up; at 1 it lasts exactly for the window. An objective is at risk by the multiwindow rule of
Google's SRE workbook (chapter 5): a long window burns too fast, and its twelfth still does, so that the state ends soon
after the trouble. The rate of a window of which little counts is not told: a few seconds of trouble in a few minutes of
probing would look like a fire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

from platform_resources.catalog.served_time import Kept
from platform_resources.contracts import Contract
from platform_resources.contracts.durations import DurationError, parse_duration
from platform_resources.contracts.model import SlaProperty

Kind = Literal["freshness", "completeness", "availability"]
State = Literal["met", "at risk", "broken", "unknown"]
Observed = Callable[[datetime, datetime], Kept]  # how much of [start, end) counts, and in how much of that it held

WINDOW = timedelta(days=30)  # when the contract names none
ALWAYS = 100.0  # the objective of a promise that names none
COUNTED_ENOUGH = 0.25  # share of a window from which on its burn rate is told
LITTLE_LEFT = 0.1  # share of the budget below which an objective is at risk, however slowly it burns
# Name -> (long window, short window, burn rate from which on it is at risk).
BURN_WINDOWS: Mapping[str, tuple[timedelta, timedelta, float]] = MappingProxyType(
    {
        "1 h": (timedelta(hours=1), timedelta(minutes=5), 14.4),  # 2 % of a 30 days' budget in an hour
        "6 h": (timedelta(hours=6), timedelta(minutes=30), 6.0),  # 5 % in six hours
        "3 d": (timedelta(days=3), timedelta(hours=6), 1.0),  # 10 % in three days
    }
)
LONGEST_BURN = max(long for long, _, _ in BURN_WINDOWS.values())


@dataclass(frozen=True)
class Objective:
    percent: float | None  # of the window in which the promise has to hold; None: nothing is promised
    window: timedelta = WINDOW

    @property
    def budget(self) -> timedelta | None:
        """How long the promise may not hold in its window."""
        return None if self.percent is None else self.window * (1 - self.percent / 100)


@dataclass(frozen=True)
class ServiceLevel:
    """`measured` and `coverage` in percent. `budget_left` is below zero when it is broken; None: not known."""

    objective: Objective
    measured: float | None  # of the time that counts; None: none does
    coverage: float  # share of the window that counts
    missed: timedelta  # in which the promise did not hold
    budget_left: timedelta | None
    burn: Mapping[str, float | None]  # window -> burn rate; None: too little of it counts, or nothing is promised
    state: State

    @property
    def budget_left_percent(self) -> float | None:
        if self.budget_left is None or not self.objective.budget:
            return None
        return 100 * (self.budget_left / self.objective.budget)

    @property
    def is_told(self) -> bool:
        """Whether there is something to say: it is promised, or was measured all the same."""
        return self.objective.percent is not None or self.measured is not None


def objective_of(contract: Contract, kind: Kind) -> Objective:
    """What `slaProperties` says of it, over the custom property `window` (P30D without one).

    Availability is a share of time itself. Of the other two the custom property `objective` says in how much of the
    time they have to hold: always, without one. Of several promises on completeness the strictest counts.
    """
    found = [_objective(said, kind) for said in contract.sla if said.property == kind]
    return max(found, key=lambda one: -1 if one.percent is None else one.percent, default=Objective(None))


def _objective(said: SlaProperty, kind: Kind) -> Objective:
    share = said.value if kind == "availability" else said.custom.get("objective", ALWAYS)
    try:
        window = parse_duration(said.custom["window"]) if "window" in said.custom else WINDOW
    except DurationError:
        window = WINDOW
    return Objective(_percent(share), window or WINDOW)


def _percent(value: Any) -> float | None:
    try:
        percent = float(value)
    except (TypeError, ValueError):
        return None
    return percent if 0 <= percent <= 100 else None


def service_level(objective: Objective, observed: Observed, now: datetime) -> ServiceLevel:
    """What was observed in the window until now, held against the objective."""
    seen, budget = observed(now - objective.window, now), objective.budget
    missed = seen.counted - seen.held
    left = None if budget is None or not seen.counted else budget - missed

    def burn_over(length: timedelta) -> float | None:
        part = observed(now - length, now)
        return burn_rate(part, objective) if part.counted >= COUNTED_ENOUGH * length else None

    burn = {name: burn_over(long) for name, (long, _, _) in BURN_WINDOWS.items()}
    burning = any(
        _at_least(burn[name], limit) and _at_least(burn_over(short), limit)
        for name, (_, short, limit) in BURN_WINDOWS.items()
    )
    return ServiceLevel(
        objective=objective,
        measured=None if seen.share is None else 100 * seen.share,
        coverage=min(100.0, 100 * (seen.counted / objective.window)),
        missed=missed,
        budget_left=left,
        burn=burn,
        state=_state(budget, left, burning),
    )


def burn_rate(seen: Kept, objective: Objective) -> float | None:
    """Share of the time that was missed, over the share that may be; None when either is not known, or none may be."""
    if objective.percent is None or objective.percent >= 100 or seen.share is None:
        return None
    return (1 - seen.share) / (1 - objective.percent / 100)


def _at_least(rate: float | None, limit: float) -> bool:
    return rate is not None and rate >= limit


def _state(budget: timedelta | None, left: timedelta | None, burning: bool) -> State:
    if budget is None or left is None:
        return "unknown"
    if left < timedelta(0):
        return "broken"
    return "at risk" if burning or (budget and left < LITTLE_LEFT * budget) else "met"
