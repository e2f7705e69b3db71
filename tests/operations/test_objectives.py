"""Service levels by their laws, and against a reference that counts second by second."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_resources.catalog.served_time import Kept, Span, fresh_until, kept_in, spans
from platform_resources.contracts import Contract, contract_of_text
from platform_resources.lake import Publication
from platform_resources.operations.objectives import Objective, ServiceLevel, objective_of, service_level
from platform_resources.operations.service_levels import columns_filled, complete_until
from tests.guarded import CUSTOMERS_CONTRACT

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
MONTH = Objective(99, 30 * DAY)
QUOTED = '{"name": "a", "group": "completeness", "passed": false}'  # in a text it is no result
KINDS = ("publish", "publish", "publish", "rollback", "retire")


def row(
    number: int, at: datetime, kind: str = "publish", old: timedelta = timedelta(0), **filled: float
) -> Publication:
    """A row of the log; `filled`: column -> percent, of which 98 are promised."""
    results = [
        {"name": f"completeness__{name}", "group": "completeness", "value": value, "passed": value >= 98}
        for name, value in filled.items()
    ]
    audit = {"results": [*results, {"name": "rows", "group": "rows", "passed": False, "message": QUOTED}]}
    return Publication(
        *("shop.customers.v1", number, number, kind, str(number), "1.0.0", f"sha{number % 3}", (), 1, 99.0),
        **{"audit": audit, "data_as_of": at - old, "published_at": at},
    )


def held(log: Sequence[Publication], limit: Callable[[Publication], timedelta | None]) -> list[Span]:
    return spans(log, fresh_until(limit), NOW)


def level(found: list[Span], objective: Objective = MONTH) -> ServiceLevel:
    return service_level(objective, lambda start, end: kept_in(found, start, end), NOW)


def published_daily(days: int, late: timedelta = timedelta(0)) -> list[Publication]:
    """A publication each day for `days` days until now; the last one but one was `late` later than a day."""
    times = [NOW - DAY * ago + (late if ago == 1 else timedelta(0)) for ago in range(days, 0, -1)]
    return [row(number, at) for number, at in enumerate(times, 1)]


def test_an_hour_late_in_a_month_of_99_percent_leaves_six_hours() -> None:
    told = level(held(published_daily(30, late=HOUR), lambda _: DAY))
    assert (told.state, told.missed, told.budget_left) == ("met", HOUR, 6.2 * HOUR)
    assert told.objective.budget == 7.2 * HOUR
    assert told.measured == pytest.approx(100 * (1 - 1 / 720))
    assert told.budget_left_percent == pytest.approx(100 * 6.2 / 7.2)
    assert told.coverage == 100
    assert told.burn["3 d"] == pytest.approx(1 / 72 / 0.01)


def test_data_that_is_late_now_is_at_risk_and_then_broken() -> None:
    for late, state in ((2 * HOUR, "at risk"), (7 * HOUR, "at risk"), (8 * HOUR, "broken")):
        log = [row(number, NOW - late - DAY * ago) for number, ago in enumerate(range(30, 0, -1), 1)]
        assert level(held(log, lambda _: DAY)).state == state


def test_a_promise_without_an_objective_is_broken_once_it_is_late() -> None:
    always = objective_of(contract(), "freshness")
    assert always == Objective(100, 30 * DAY)
    assert level(held(published_daily(30), lambda _: DAY), always).state == "met"
    broken = level(held(published_daily(30, late=SECOND), lambda _: DAY), always)
    assert (broken.state, broken.budget_left, broken.budget_left_percent) == ("broken", -SECOND, None)


def test_nothing_counts_after_a_retirement_and_before_the_first_publication() -> None:
    log = [row(1, NOW - 10 * DAY), row(2, NOW - 4 * DAY, "retire")]
    told = level(held(log, lambda _: 3 * DAY))
    assert (told.missed, told.coverage, told.measured) == (3 * DAY, 20, 50)
    gone = level(held([row(1, NOW - 50 * DAY), row(2, NOW - 40 * DAY, "retire")], lambda _: DAY))
    assert (gone.state, gone.measured, gone.budget_left, gone.is_told) == ("unknown", None, None, True)


def test_what_is_served_is_as_complete_as_its_own_audit_found() -> None:
    log = [
        row(1, NOW - 4 * DAY, email=99.5),
        row(2, NOW - 3 * DAY, email=97.0, name=100),
        row(3, NOW - 2 * DAY, email=98.5, name=99),
        row(4, NOW - 1 * DAY),  # nothing was promised then
    ]
    told = level(spans(log, complete_until, NOW))
    assert (told.missed, told.coverage, told.measured) == (DAY, 10, pytest.approx(200 / 3))
    promised = contract("  - {property: completeness, value: 98, unit: percent, element: customers.email}\n")
    (email,) = columns_filled(promised, log[:3], NOW - 30 * DAY, NOW)
    assert (email.column, email.promised, email.now, email.worst) == ("email", 98, 98.5, 97)
    (recent,) = columns_filled(promised, log[:3], NOW - DAY, NOW)
    assert recent.worst == 98.5


def contract(more: str = "") -> Contract:
    text = CUSTOMERS_CONTRACT.format(version="1.0.0", status="active")
    return contract_of_text(text.replace("slaProperties:\n", f"slaProperties:\n{more}"), "v1.odcs.yaml")


def test_a_contract_says_in_how_much_of_the_time_a_promise_holds() -> None:
    named = [{"property": "objective", "value": 99.5}, {"property": "window", "value": "P7D"}]
    complete = {"property": "completeness", "value": 98, "element": "customers.name"}
    found = contract(f"  - {json.dumps(complete)}\n  - {json.dumps(complete | {'customProperties': named})}\n")
    assert objective_of(found, "completeness") == Objective(100, 30 * DAY), "the strictest counts"
    found = contract(f"  - {json.dumps(complete | {'customProperties': named})}\n")
    assert objective_of(found, "completeness") == Objective(99.5, 7 * DAY)
    assert objective_of(contract(), "completeness") == Objective(None)


moments = st.lists(st.integers(0, 700), min_size=1, max_size=8, unique=True).map(sorted)
logs = moments.flatmap(
    lambda ats: st.tuples(
        *(st.tuples(st.just(at), st.sampled_from(KINDS), st.integers(0, 120), st.integers(0, 250)) for at in ats)
    )
)


@settings(max_examples=200, deadline=None)
@given(
    logs, st.integers(0, 650), st.integers(1, 600), st.lists(st.none() | st.integers(0, 300), min_size=3, max_size=3)
)
def test_a_share_is_what_counting_each_second_finds(
    drawn: tuple[tuple[int, str, int, int], ...], start: int, length: int, limits: list[int | None]
) -> None:
    """Each publication is held to the limit of its own contract, of which there are three."""
    began = NOW - 700 * SECOND
    log = [row(n, began + at * SECOND, kind, old * SECOND) for n, (at, kind, old, _) in enumerate(drawn, 1)]
    most = {f"sha{index}": limit for index, limit in enumerate(limits)}
    end = min(start + length, 700)
    good = counted = 0
    for second in range(start, end):
        before = [one for one in log if one.published_at <= began + second * SECOND]
        limit = most[before[-1].contract_sha256] if before and before[-1].kind != "retire" else None
        if limit is not None:
            counted += 1
            good += second < (before[-1].data_as_of - began) / SECOND + limit

    def promised(one: Publication) -> timedelta | None:
        limit = most[one.contract_sha256]
        return None if limit is None else limit * SECOND

    found = kept_in(held(log, promised), began + start * SECOND, began + end * SECOND)
    assert found == Kept(good * SECOND, counted * SECOND)


observed = st.lists(st.tuples(st.integers(1, 72), st.integers(0, 72)), min_size=1, max_size=12)  # hours served, held


def served_hours(parts: list[tuple[int, int]]) -> list[Span]:
    begin, found = NOW - sum(hours for hours, _ in parts) * HOUR, []
    for hours, good in parts:
        found.append(Span(begin, begin + min(good, hours) * HOUR, begin + hours * HOUR))
        begin += hours * HOUR
    return found


@given(observed, st.sampled_from([50, 90, 99, 99.9, 100]), st.sampled_from([1, 7, 30, 365]))
def test_the_laws_of_a_budget(parts: list[tuple[int, int]], percent: float, days: int) -> None:
    told = level(served_hours(parts), Objective(percent, days * DAY))
    assert told.budget_left is not None
    assert told.budget_left + told.missed == told.objective.budget
    assert (told.measured == 100) == (not told.missed)
    assert (told.state == "broken") == (told.missed > told.objective.budget)
    assert 0 <= told.coverage <= 100


@given(observed, st.integers(0, 11))
def test_one_more_late_hour_never_leaves_more_budget(parts: list[tuple[int, int]], which: int) -> None:
    hours, good = parts[which % len(parts)]
    worse = [*parts]
    worse[which % len(parts)] = (hours, max(0, min(good, hours) - 1))
    before, after = (level(served_hours(found)) for found in (parts, worse))
    assert after.budget_left <= before.budget_left
    assert after.measured <= before.measured
