"""Availability of a port over its promised window: measured, held against the promise, and how fast the budget burns.

Error budget: the downtime that the promise allows in its window (99.9 % of 30 days: 43 minutes). Burn rate: how many
times faster than the promise allows it is being used up; at 1 it lasts exactly for the window. A product is at risk by
the multiwindow rule of Google's SRE workbook (chapter 5): a long window burns too fast, and its twelfth still does, so
that the state ends soon after the trouble. The rate of a window of which little was probed is not told: a few seconds
of trouble in a few minutes of probing would look like a fire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

from platform_resources.contracts import Contract, Mesh
from platform_resources.contracts.durations import DurationError, parse_duration
from platform_resources.control import ControlDatabase
from platform_resources.operations.coverage import Covered
from platform_resources.operations.history import History, read_history
from platform_resources.operations.model import Probe, ProbeSettings

State = Literal["met", "at risk", "broken", "unknown"]

WINDOW = timedelta(days=30)  # when the contract names none
PROBED_ENOUGH = 0.25  # share of a window from which on its burn rate is told
LITTLE_LEFT = 0.1  # share of the budget below which a promise is at risk, however slowly it burns
# Name -> (long window, short window, burn rate from which on it is at risk).
BURN_WINDOWS: Mapping[str, tuple[timedelta, timedelta, float]] = MappingProxyType(
    {
        "1 h": (timedelta(hours=1), timedelta(minutes=5), 14.4),  # 2 % of a 30 days' budget in an hour
        "6 h": (timedelta(hours=6), timedelta(minutes=30), 6.0),  # 5 % in six hours
        "3 d": (timedelta(days=3), timedelta(hours=6), 1.0),  # 10 % in three days
    }
)


@dataclass(frozen=True)
class Promise:
    percent: float | None  # None: the contract promises none
    window: timedelta = WINDOW

    @property
    def budget(self) -> timedelta | None:
        """Downtime that the promise allows in its window."""
        return None if self.percent is None else self.window * (1 - self.percent / 100)


@dataclass(frozen=True)
class Availability:
    """`measured` and `coverage` in percent. `budget_left` is below zero when the promise is broken; None: not known."""

    port: str
    promise: Promise
    measured: float | None  # of the time that was probed; None: nothing was
    coverage: float  # share of the window that was probed
    downtime: timedelta
    budget_left: timedelta | None
    burn: Mapping[str, float | None]  # window -> burn rate; None: too little probed in it, or nothing promised
    state: State
    last: Probe | None = None

    @property
    def budget_left_percent(self) -> float | None:
        if self.budget_left is None or not self.promise.budget:
            return None
        return 100 * (self.budget_left / self.promise.budget)


def promise_of(contract: Contract) -> Promise:
    """The `availability` of `slaProperties`: a percentage, over its custom property `window` (P30D without one)."""
    said = contract.sla_property("availability")
    if said is None:
        return Promise(None)
    try:
        window = parse_duration(said.custom["window"]) if "window" in said.custom else WINDOW
    except DurationError:
        window = WINDOW
    try:
        percent = float(said.value)
    except (TypeError, ValueError):
        return Promise(None, window)
    return Promise(percent if 0 <= percent <= 100 else None, window or WINDOW)


def availability(port: str, promise: Promise, history: History, now: datetime, longest: timedelta) -> Availability:
    """What the history of a port says of its promise. Pure."""
    seen = history.covered(now - promise.window, now, longest)
    share, budget = seen.share_up, promise.budget
    left = None if budget is None or not seen.length else budget - seen.down

    def burn_over(length: timedelta) -> float | None:
        part = history.covered(now - length, now, longest)
        return burn_rate(part, promise) if part.length >= PROBED_ENOUGH * length else None

    burn = {name: burn_over(long) for name, (long, _, _) in BURN_WINDOWS.items()}
    burning = any(
        _at_least(burn[name], limit) and _at_least(burn_over(short), limit)
        for name, (_, short, limit) in BURN_WINDOWS.items()
    )
    return Availability(
        port=port,
        promise=promise,
        measured=None if share is None else 100 * share,
        coverage=min(100.0, 100 * (seen.length / promise.window)),
        downtime=seen.down,
        budget_left=left,
        burn=burn,
        state=_state(budget, left, burning),
        last=history.last,
    )


def burn_rate(seen: Covered, promise: Promise) -> float | None:
    """Share of the time that was down, over the share that may be; None when either is not known, or none may be."""
    if promise.percent is None or promise.percent >= 100 or seen.share_up is None:
        return None
    return (1 - seen.share_up) / (1 - promise.percent / 100)


def availability_of(
    control: ControlDatabase, mesh: Mesh, address: str, now: datetime, settings: ProbeSettings | None = None
) -> Availability:
    """The availability of the port at `address`, by the contract in the files and the probes in the control database.

    Raises
    ------
    KeyError
        when the mesh has no such port.
    """
    longest = (settings or ProbeSettings.from_env()).longest
    promise = promise_of(mesh.ports[address][1].contract)
    since = now - max(promise.window, *(long for long, _, _ in BURN_WINDOWS.values()))
    return availability(address, promise, read_history(control, address, since - longest), now, longest)


def _at_least(rate: float | None, limit: float) -> bool:
    return rate is not None and rate >= limit


def _state(budget: timedelta | None, left: timedelta | None, burning: bool) -> State:
    if budget is None or left is None:
        return "unknown"
    if left < timedelta(0):
        return "broken"
    return "at risk" if burning or (budget and left < LITTLE_LEFT * budget) else "met"
