"""Promises beside what was measured: how often a port is published, and its service levels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from platform_resources.serving.portal.product_promises import frequency, levels_shown
from platform_resources.serving.slos import ColumnCompleteness, ServiceLevelOut, ServiceLevels

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAILY: Any = SimpleNamespace(property="frequency", value="P1D", unit=None)


def log(*days_ago: float, kind: str = "publish") -> list[Any]:
    return [SimpleNamespace(kind=kind, published_at=NOW - timedelta(days=days)) for days in days_ago]


@pytest.mark.parametrize(
    ("entries", "state", "says"),
    [
        (log(0.5, 1.5, 2.5), "kept", "every 1 day"),
        (log(0.5, 3.5, 6.5), "broken", "every 3 days"),
        (log(60, 61, 62, 63), "broken", "none for 60 days, before that every 1 day"),
        (log(60), "broken", "none for 60 days"),
        (log(0.5), "not known", "–"),
        (log(), "not known", "–"),
        (log(60, kind="retire") + log(60.5, 61.5, 62.5), "kept", "every 1 day"),
        (log(0.5, kind="rollback") + log(60, 61), "broken", "none for 60 days, before that every 1 day"),
    ],
)
def test_the_pause_under_way_counts(entries: list[Any], state: str, says: str) -> None:
    assert frequency(DAILY, entries, NOW) == (says, state)


def test_a_promise_that_nobody_can_read_is_not_judged() -> None:
    unclear: Any = SimpleNamespace(property="frequency", value="often", unit=None)
    assert frequency(unclear, log(60, 61, 62), NOW) == ("every 1 day", "not known")


def levels(*found: ServiceLevelOut, columns: tuple[ColumnCompleteness, ...] = ()) -> ServiceLevels:
    return ServiceLevels(port="shop.customers.v1", levels=list(found), columns=list(columns))


def level(kind: str = "freshness", **facts: Any) -> ServiceLevelOut:
    known = {
        **{"kind": kind, "objective_percent": 99, "window_days": 30, "measured_percent": 99.8611111},
        **{"coverage_percent": 100, "missed_seconds": 3600, "budget_seconds": 25920, "budget_left_seconds": 22320},
        **{"burn_rates": {}, "state": "met"},
    }
    return ServiceLevelOut(**known | facts)


def test_an_hour_late_leaves_most_of_the_budget() -> None:
    (row,) = levels_shown(levels(level()))
    assert (row.name, row.objective, row.state) == ("Freshness", "99 % of 30 days", "met")
    assert (row.measured, row.of) == ("99.861 %", "of 30\xa0d; late for 1\xa0h")
    assert (row.budget, round(row.left or 0, 1)) == ("6\xa0h 12\xa0min of 7\xa0h 12\xa0min", 86.1)


def test_a_budget_is_overdrawn_or_there_is_none() -> None:
    (over,) = levels_shown(levels(level(budget_left_seconds=-90.0, state="broken")))
    assert (over.left, over.budget, over.state) == (0, "overdrawn by 1\xa0min 30\xa0s", "broken")
    (always,) = levels_shown(levels(level(objective_percent=100, budget_seconds=0, budget_left_seconds=0)))
    assert (always.left, always.budget) == (None, "nothing may be missed")
    nothing = {"measured_percent": None, "coverage_percent": 0, "missed_seconds": 0, "budget_left_seconds": None}
    (unknown,) = levels_shown(levels(level(**nothing, state="unknown")))
    assert (unknown.measured, unknown.of, unknown.budget, unknown.state) == (
        "–",
        "nothing counts yet",
        "–",
        "not known",
    )


def test_the_least_complete_column_is_named_of_those_that_are_told() -> None:
    def column(name: str, now: float | None, worst: float | None) -> ColumnCompleteness:
        return ColumnCompleteness(column=name, promised_percent=90, current_percent=now, worst_percent=worst)

    known = (column("email", 96.0, 91.5), column("name", 99.0, 99.0), column("income", None, None))
    (row,) = levels_shown(levels(level("completeness", missed_seconds=0), columns=known))
    assert row.of == "of 30\xa0d; at worst 91.5 % of email, 96 % now"
    (row,) = levels_shown(levels(level("completeness", missed_seconds=60), columns=known[2:]))
    assert row.of == "of 30\xa0d; less complete for 1\xa0min"
