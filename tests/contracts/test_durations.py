"""Durations of promises: ISO 8601, ODCS value + unit, and nothing that could mean two things."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_resources.contracts import DurationError, parse_duration


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("PT15M", None, timedelta(minutes=15)),
        ("P3Y", None, timedelta(days=3 * 365)),
        ("P1M", None, timedelta(days=30)),
        ("P2W", None, timedelta(weeks=2)),
        ("P1DT12H30M1.5S", None, timedelta(days=1, hours=12, minutes=30, seconds=1.5)),
        ("PT0S", None, timedelta()),
        (4, "d", timedelta(days=4)),
        ("4", "days", timedelta(days=4)),
        (0.5, "h", timedelta(minutes=30)),
        (15, "min", timedelta(minutes=15)),
        (15, "Minutes", timedelta(minutes=15)),
        (3, "y", timedelta(days=3 * 365)),
        (2, "months", timedelta(days=60)),
    ],
)
def test_durations(value: Any, unit: str | None, expected: timedelta) -> None:
    assert parse_duration(value, unit) == expected


@pytest.mark.parametrize(
    ("value", "unit", "advice"),
    [
        (15, "m", "PT15M"),
        (15, "M", "PT15M"),
        (15, None, "PT15M"),
        ("15m", None, "ISO 8601"),
        ("PT15M", "m", "drop"),
        ("P", None, "ISO 8601"),
        ("PT", None, "ISO 8601"),
        ("P1DT", None, "ISO 8601"),
        ("P-1D", None, "ISO 8601"),
        ("-P1D", None, "ISO 8601"),
        ("pt15m", None, "ISO 8601"),
        ("P١D", None, "ISO 8601"),
        ("P99999999999999Y", None, "PT15M"),
        ("P" + "9" * 5000 + "Y", None, "PT15M"),
        (-1, "d", "ISO 8601"),
        (True, "d", "PT15M"),
        (None, "d", "PT15M"),
        (1, "fortnight", "ISO 8601"),
        (float("nan"), "d", "ISO 8601"),
        (10**400, "d", "PT15M"),
    ],
)
def test_what_is_no_duration_is_refused_with_advice(value: Any, unit: str | None, advice: str) -> None:
    with pytest.raises(DurationError, match=advice):
        parse_duration(value, unit)


@given(st.integers(0, 9999), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_iso_durations_round_trip(days: int, hours: int, minutes: int, seconds: int) -> None:
    expected = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    assert parse_duration(f"P{days}DT{hours}H{minutes}M{seconds}S") == expected
