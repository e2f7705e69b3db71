"""What a verdict may say: the laws of each need, whatever is promised and measured."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_resources.catalog import fitness
from platform_resources.catalog.fitness import (
    Evidence,
    Reach,
    RoleSight,
    TermWanted,
    in_steps,
    length,
    nearness,
    verdict_of,
)
from platform_resources.catalog.served_time import kept
from platform_resources.lake import Entry

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)

lengths = st.integers(0, 5_000_000).map(lambda minutes: timedelta(minutes=minutes))
percents = st.floats(0, 100, allow_nan=False)
maybe_length, maybe_percent = st.none() | lengths, st.none() | percents


@st.composite
def logs(draw: st.DrawFn) -> list[Entry]:
    """Publications of the last 30 days, each with data that is some time old."""
    ages = draw(st.lists(st.integers(1, 43_000), min_size=1, max_size=6, unique=True))
    entries = []
    for number, age in enumerate(sorted(ages, reverse=True), 1):
        at = NOW - timedelta(minutes=age)
        data = at - timedelta(minutes=draw(st.integers(0, 3_000)))
        entries.append(Entry(number, "publish", "1.0.0", "x", 99.0, data, at))
    return entries


def at_most_as_bad(easier: Evidence, harder: Evidence) -> bool:
    return verdict_of([easier, harder]) == harder.verdict


def is_sound(one: Evidence) -> None:
    """A verdict always has a sentence, and says no more than there is to go by."""
    assert one.need
    assert one.says
    if one.verdict != "unknown":
        assert one.promised is not None or one.measured is not None


@settings(max_examples=150, deadline=None)
@given(lengths, lengths, maybe_length, logs(), st.booleans())
def test_asking_for_less_fresh_data_never_makes_it_unfit(
    one: timedelta, other: timedelta, promised: timedelta | None, log: list[Entry], published: bool
) -> None:
    hard, easy = sorted((one, other))
    newest = log[-1].data_as_of
    age = NOW - newest if published and newest else None

    def judged(most: timedelta) -> Evidence:
        share = kept(log, lambda _: most, NOW - 30 * DAY, NOW).share if published else None
        return fitness.freshness(most, promised, age, share)

    is_sound(judged(hard))
    assert at_most_as_bad(judged(easy), judged(hard))
    if age is not None and age > hard:
        assert judged(hard).verdict == "no", "what was measured wins over what is promised"


@settings(max_examples=150, deadline=None)
@given(percents, percents, maybe_percent, maybe_percent)
def test_asking_for_a_lower_score_never_makes_it_unfit(
    one: float, other: float, promised: float | None, measured: float | None
) -> None:
    easy, hard = sorted((one, other))
    for judged in (
        lambda least: fitness.dimension("completeness", least, promised, measured),
        lambda least: fitness.score(least, promised, measured, "gold"),
    ):
        is_sound(judged(hard))
        assert at_most_as_bad(judged(easy), judged(hard))
        if measured is not None:
            assert judged(hard).verdict == ("yes" if measured >= hard else "no")


@settings(max_examples=150, deadline=None)
@given(percents, percents, maybe_percent, maybe_percent, percents)
def test_asking_for_less_availability_never_makes_it_unfit(
    one: float, other: float, promised: float | None, measured: float | None, coverage: float
) -> None:
    easy, hard = sorted((one, other))

    def judged(least: float) -> Evidence:
        return fitness.availability(least, promised, measured, coverage, 30 * DAY)

    is_sound(judged(hard))
    assert at_most_as_bad(judged(easy), judged(hard))
    if measured is not None and measured < hard:
        assert judged(hard).verdict == "no"


@settings(max_examples=150, deadline=None)
@given(lengths, lengths, st.none() | lengths, maybe_length, st.booleans())
def test_asking_for_less_history_never_makes_it_unfit(
    one: timedelta, other: timedelta, back: timedelta | None, retention: timedelta | None, granted: bool
) -> None:
    easy, hard = sorted((one, other))
    reach = None if back is None else Reach("day", back, None, (NOW - back).date())
    told = reach if granted or reach is None else in_steps(reach)

    def judged(need: timedelta) -> Evidence:
        return fitness.history(need, told, retention, "not told")

    is_sound(judged(hard))
    assert at_most_as_bad(judged(easy), judged(hard))
    if back is not None:
        truth = "yes" if back >= hard else "no"
        assert judged(hard).verdict in (truth, "unknown"), "a step never says what is not so"
        assert granted is False or judged(hard).verdict == truth


@given(lengths)
def test_a_reader_without_a_grant_is_told_a_step_and_no_day(back: timedelta) -> None:
    told = in_steps(Reach("day", back, None, (NOW - back).date()))
    assert told.since is None
    assert told.at_least <= back
    assert told.below is None or back < told.below
    assert in_steps(Reach("day", told.at_least, None)) == told, "two ages within one step look the same"


@given(st.lists(st.sampled_from(["yes", "no", "unknown"])))
def test_a_no_has_a_need_that_is_not_met(verdicts: list) -> None:
    evidence = [Evidence("need", verdict, None, None, "says") for verdict in verdicts]
    found = verdict_of(evidence)
    assert (found == "no") == ("no" in verdicts)
    assert (found == "yes") == (set(verdicts) <= {"yes"})


needs_met = st.lists(
    st.builds(
        Evidence,
        *(st.just("need"), st.sampled_from(["yes", "no", "unknown"]), st.none(), st.none(), st.just("says")),
        st.sampled_from([None, "access"]),
    ),
    min_size=1,
    max_size=4,
)


@given(needs_met, needs_met)
def test_what_has_what_is_asked_for_comes_before_what_has_not(one: list[Evidence], other: list[Evidence]) -> None:
    absent = Evidence("a column", "no", None, None, "it has no such column", "content")
    assert nearness(one) < nearness([*other, absent])
    if verdict_of(one) == "yes" != verdict_of(other):
        assert nearness(one) < nearness(other), "what fits comes first"


def test_a_term_is_found_by_a_synonym_and_by_a_term_that_means_the_same() -> None:
    wanted = TermWanted("turnover", "finance.revenue", frozenset({"finance.net_revenue"}))
    own = fitness.term(wanted, {"revenue": ["finance.revenue"]}, ["revenue"])
    assert own.verdict == "yes"
    assert "“turnover” is a word for it" in own.need
    same = fitness.term(wanted, {"net": ["finance.net_revenue"]}, ["net"])
    assert same.verdict == "yes"
    assert "finance.net_revenue, which is the same" in same.says
    later = fitness.term(wanted, {"net": ["finance.net_revenue"]}, ["other"])
    assert (later.verdict, later.measured) == ("no", None), "promised, and not served yet"


def test_a_column_that_is_misspelt_is_answered_with_what_there_is() -> None:
    found = fitness.column("houshold_id", ["household_id", "age"], ["household_id", "age"])
    assert found.verdict == "no"
    assert "household_id" in found.says


@pytest.mark.parametrize(
    ("sights", "verdict", "says", "lacks"),
    [
        ([RoleSight("desk", "service", held=True, clear=frozenset({"email"}))], "yes", "now, by your grant", None),
        (
            [RoleSight("desk", "service", held=False, clear=frozenset({"email"}))],
            *("yes", "once you are granted it", "access"),
        ),
        ([RoleSight("base", "service", held=True, clear=frozenset(), masked={"email": "why"})], "no", "why", "access"),
        ([], "no", "no role", "access"),
    ],
)
def test_a_column_is_clear_by_a_grant_or_by_one_that_may_be_asked_for(
    sights: list[RoleSight], verdict: str, says: str, lacks: str | None
) -> None:
    found = fitness.clear("email", True, sights)
    assert (found.verdict, found.lacks) == (verdict, lacks)
    assert says in found.says


def test_lengths_are_told_in_two_units() -> None:
    assert length(timedelta(days=400)) == "1 year 35 days"
    assert length(timedelta(0)) == "0 seconds"
    assert length(timedelta(days=1, seconds=5)) == "1 day 5 seconds"


def test_what_nobody_publishes_is_neither_fit_nor_unfit() -> None:
    assert fitness.there("active", False, None, None).verdict == "unknown"
    assert fitness.there("retired", False, "x was retired on 2026-01-01", None).verdict == "no"
    assert fitness.history(DAY, None, None, "nothing is published").verdict == "unknown"
    assert fitness.history(DAY, Reach("d", timedelta(0), None, date(2026, 6, 1)), 900 * DAY).verdict == "no"
