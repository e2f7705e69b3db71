"""How often a port is published, beside how often it is promised to be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from platform_resources.serving.portal.product_promises import frequency

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
