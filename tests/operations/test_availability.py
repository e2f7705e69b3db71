"""Availability by its formulas, held against a reference that counts second by second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_resources.catalog.served_time import Kept
from platform_resources.contracts import contract_of_text
from platform_resources.control import ControlDatabase
from platform_resources.lake import MeshSettings
from platform_resources.operations.availability import availability
from platform_resources.operations.coverage import Covered, covered
from platform_resources.operations.history import ONE_BY_ONE, History, read_history, record
from platform_resources.operations.model import Probe
from platform_resources.operations.objectives import Objective, burn_rate, objective_of
from tests.guarded import CUSTOMERS_CONTRACT

START = datetime(2026, 3, 2, 11, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LONGEST = 3 * MINUTE
PORT = "shop.customers.v1"


def probe(at: datetime, up: bool = True) -> Probe:
    return Probe(PORT, at, "in-process", up, 1.0, None if up else "refuses connections", 1)


def every_minute(start: datetime, minutes: int, down: range = range(0)) -> list[Probe]:
    return [probe(start + i * MINUTE, i not in down) for i in range(minutes)]


seconds = st.lists(st.tuples(st.integers(0, 900), st.booleans()), max_size=12, unique_by=lambda found: found[0])


@given(seconds, st.integers(0, 400), st.integers(0, 900), st.integers(1, 200))
def test_covered_time_is_what_counting_each_second_finds(
    found: list[tuple[int, bool]], start: int, end: int, longest: int
) -> None:
    ordered = sorted(found)
    up = down = 0
    for second in range(start, end):
        standing = [state for state in ordered if state[0] <= second]
        if standing and second - standing[-1][0] < longest:
            up, down = (up + 1, down) if standing[-1][1] else (up, down + 1)
    moments = [probe(START + timedelta(seconds=at), state) for at, state in ordered]
    seen = covered(
        moments, START + timedelta(seconds=start), START + timedelta(seconds=end), timedelta(seconds=longest)
    )
    assert seen == Covered(timedelta(seconds=up), timedelta(seconds=down))


def test_downtime_is_held_against_the_promise_of_its_window() -> None:
    now = START + timedelta(days=2)
    probes = every_minute(START, 2 * 24 * 60, down=range(100, 121))
    told = availability(PORT, Objective(99.9), History(tuple(probes), {}, probes[-1]), now, LONGEST)
    assert told.downtime == 21 * MINUTE
    assert told.measured == pytest.approx(100 * (1 - 21 / 2880))
    assert told.coverage == pytest.approx(100 * 2 / 30)
    assert told.budget_left == timedelta(minutes=43.2 - 21)
    assert told.budget_left_percent == pytest.approx(100 * 22.2 / 43.2)
    assert told.burn["1 h"] == 0
    assert told.burn["3 d"] == pytest.approx(21 / 2880 / 0.001)
    assert told.state == "met"  # it burnt fast for three days, and has not for the last six hours


def test_a_promise_is_broken_when_its_budget_is_used_up_and_at_risk_while_it_burns() -> None:
    now = START + timedelta(hours=3)
    burning = every_minute(START, 180, down=range(170, 180))
    assert _state(burning, now) == "at risk"
    assert _state(every_minute(START, 180, down=range(100, 150)), now) == "broken"
    assert _state(every_minute(START, 180), now) == "met"
    assert _state([], now) == "unknown"
    little = every_minute(START, 180, down=range(20, 60))  # 40 of 43 minutes, and quiet for two hours
    assert _state(little, now) == "at risk"


def test_a_burn_rate_needs_a_quarter_of_its_window_to_be_probed() -> None:
    """Eleven seconds of trouble in a minute of probing are no fire."""
    step = timedelta(seconds=1)
    probes = [probe(START + i * step, i >= 11) for i in range(60)]
    told = availability(PORT, Objective(99.9), History(tuple(probes)), START + MINUTE, LONGEST)
    assert (told.state, told.downtime) == ("met", 11 * step)
    assert set(told.burn.values()) == {None}
    quarter = every_minute(START, 15, down=range(10, 15))
    told = availability(PORT, Objective(99.9), History(tuple(quarter)), START + 15 * MINUTE, LONGEST)
    assert told.burn["1 h"] == pytest.approx(5 / 15 / 0.001)
    assert (told.burn["6 h"], told.state) == (None, "at risk")


def test_of_what_was_never_probed_no_budget_is_told() -> None:
    told = availability(PORT, Objective(99.9), History(), START, LONGEST)
    assert (told.state, told.budget_left, told.budget_left_percent) == ("unknown", None, None)


def _state(probes: list[Probe], now: datetime) -> str:
    return availability(PORT, Objective(99.9), History(tuple(probes)), now, LONGEST).state


def test_a_pause_of_the_prober_is_neither_up_nor_down() -> None:
    probes = [*every_minute(START, 60), *every_minute(START + timedelta(hours=10), 60)]
    told = availability(PORT, Objective(99.9), History(tuple(probes)), START + timedelta(hours=11), LONGEST)
    assert told.measured == 100
    assert told.coverage == pytest.approx(100 * (122 / 60) / (30 * 24))  # the last one before it stands for 3 minutes


def test_of_a_promise_without_a_budget_any_downtime_breaks_it() -> None:
    now = START + timedelta(hours=1)
    whole = availability(PORT, Objective(100), History(tuple(every_minute(START, 60))), now, LONGEST)
    assert (whole.state, whole.budget_left_percent, whole.burn["1 h"]) == ("met", None, None)
    broken = availability(PORT, Objective(100), History(tuple(every_minute(START, 60, range(3)))), now, LONGEST)
    assert (broken.state, broken.budget_left) == ("broken", -3 * MINUTE)


def test_without_a_promise_it_is_measured_all_the_same() -> None:
    told = availability(PORT, Objective(None), History(tuple(every_minute(START, 60))), START + 60 * MINUTE, LONGEST)
    assert (told.state, told.measured, told.budget_left, told.burn["1 h"]) == ("unknown", 100, None, None)


def test_a_burn_rate_of_one_uses_the_budget_up_in_its_window() -> None:
    objective = Objective(99.0, timedelta(days=10))
    seen = Kept(objective.window - objective.budget, objective.window)
    assert burn_rate(seen, objective) == pytest.approx(1)
    assert burn_rate(Kept(timedelta(0), timedelta(0)), objective) is None


def test_the_contract_says_how_much_and_over_which_window() -> None:
    text = CUSTOMERS_CONTRACT.format(version="1.0.0", status="active")
    assert objective_of(contract_of_text(text, "v1.odcs.yaml"), "availability") == Objective(99.9, timedelta(days=30))
    week = "unit: percent, customProperties: [{property: window, value: P7D}]"
    narrower = text.replace("unit: percent", week)
    assert objective_of(contract_of_text(narrower, "v1.odcs.yaml"), "availability") == Objective(
        99.9, timedelta(days=7)
    )
    none = text.replace("  - {property: availability, value: 99.9, unit: percent}\n", "")
    assert objective_of(contract_of_text(none, "v1.odcs.yaml"), "availability").percent is None


@pytest.fixture
def control(tmp_path: Path):
    made = ControlDatabase(MeshSettings(home=tmp_path, project=tmp_path))
    yield made
    made.close()


def test_days_that_are_past_are_summed_up_and_count_as_before(control: ControlDatabase) -> None:
    """Ten days with an outage over a midnight; summed up day by day, or once at the end after a pause."""
    step = timedelta(minutes=10)
    longest = 3 * step
    midnight = START.replace(hour=0, minute=0) + timedelta(days=3)
    outage = (midnight - timedelta(hours=1), midnight + timedelta(hours=2))
    moments = [START + i * step for i in range(10 * 24 * 6)]
    probes = [probe(at, not outage[0] <= at < outage[1]) for at in moments]
    now = moments[-1] + step
    for begin in range(0, len(probes), 144):
        part = probes[begin : begin + 144]
        record(control, part, longest, part[-1].at)
    history = read_history(control, PORT, now - timedelta(days=30))
    assert len(history.days) == 6
    assert len(history.probes) < (ONE_BY_ONE.days + 1) * 144 + 4
    whole = covered(probes, START, now, longest)
    assert history.covered(now - timedelta(days=30), now, longest) == whole
    assert whole.down == timedelta(hours=3)
    recent = now - timedelta(days=3)
    assert history.covered(recent, now, longest) == covered(probes, recent, now, longest)


def test_summing_up_once_more_changes_nothing(control: ControlDatabase) -> None:
    probes = every_minute(START, 120)
    record(control, probes, LONGEST, START)
    later = START + timedelta(days=20)
    for _ in range(3):
        record(control, [], LONGEST, later)
    history = read_history(control, PORT, START - timedelta(days=1))
    assert history.covered(START - timedelta(days=1), later, LONGEST).up == 122 * MINUTE
    assert history.last is None or history.last.at <= probes[-1].at
