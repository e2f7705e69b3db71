"""Outages, as probes saw them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from platform_resources.operations.coverage import Covered
from platform_resources.operations.history import History
from platform_resources.operations.model import Probe
from platform_resources.operations.outages import outages

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LONGEST = timedelta(minutes=3)


def probes(*ups: bool, end: datetime = NOW) -> tuple[Probe, ...]:
    """One a minute, the last one at `end`."""
    first = end - timedelta(minutes=len(ups) - 1)
    return tuple(
        Probe("a.b.v1", first + timedelta(minutes=n), "in-process", up, 1.0, None if up else "answers 503")
        for n, up in enumerate(ups)
    )


def test_an_outage_runs_from_the_first_probe_that_failed_to_the_first_that_answered() -> None:
    (one,) = outages(History(probes(True, False, False, True)), NOW, LONGEST)
    assert (one.start, one.end, one.down) == (NOW - timedelta(minutes=2), NOW, timedelta(minutes=2))
    assert one.reasons == ("answers 503",)


def test_what_still_fails_lasts_and_what_nobody_looked_at_since_does_not() -> None:
    (lasting,) = outages(History(probes(True, False)), NOW, LONGEST)
    assert lasting.end is None
    (over,) = outages(History(probes(True, False, end=NOW - timedelta(hours=5))), NOW, LONGEST)
    assert over.end == over.start + LONGEST


def test_days_that_are_summed_up_tell_how_long_not_when() -> None:
    down = Covered(timedelta(hours=23), timedelta(minutes=12))
    up = Covered(timedelta(hours=24))
    found = outages(History(days={date(2026, 5, 1): down, date(2026, 5, 2): up}), NOW, LONGEST)
    assert [(one.whole_day, one.down, one.start.date()) for one in found] == [
        (True, timedelta(minutes=12), date(2026, 5, 1))
    ]
