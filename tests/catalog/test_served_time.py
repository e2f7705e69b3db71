"""How fresh the data was over time, what was late, what was refused: read from a log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_resources.catalog import product_metrics as figures
from platform_resources.catalog.incidents import incidents_of
from platform_resources.catalog.served_time import Kept, kept, late, served
from platform_resources.lake import Entry, Failed, Timeline

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def entry(number: int, hours_ago: float, kind: str = "publish", data_hours_ago: float | None = None) -> Entry:
    at = NOW - hours_ago * HOUR
    data = at if data_hours_ago is None else NOW - data_hours_ago * HOUR
    return Entry(number, kind, "1.0.0", "sha", 99.0, data, at)  # type: ignore[arg-type]


def test_data_ages_until_the_next_publication() -> None:
    log = [entry(1, 10), entry(2, 6), entry(3, 1)]
    found = kept(log, lambda _: 2 * HOUR, NOW - 10 * HOUR, NOW)
    assert found == Kept(held=5 * HOUR, counted=10 * HOUR)
    assert [(one.start, one.end) for one in late(log, lambda _: 2 * HOUR, NOW)] == [
        (NOW - 8 * HOUR, NOW - 6 * HOUR),
        (NOW - 4 * HOUR, NOW - 1 * HOUR),
    ]


def test_a_late_publication_prolongs_what_is_late_and_a_retirement_ends_it() -> None:
    stale = [entry(1, 10), entry(2, 6, data_hours_ago=10)]
    (lasting,) = late(stale, lambda _: 2 * HOUR, NOW)
    assert (lasting.start, lasting.end, lasting.entry.number) == (NOW - 8 * HOUR, None, 1)
    ended = [*stale, entry(3, 2, "retire")]
    assert [one.end for one in late(ended, lambda _: 2 * HOUR, NOW)] == [NOW - 2 * HOUR]
    assert [one.entry.number for one in served(ended, NOW)] == [1, 2]


def test_where_nothing_is_promised_nothing_is_late_nor_kept() -> None:
    log = [entry(1, 10)]
    assert late(log, lambda _: None, NOW) == []
    assert kept(log, lambda _: None, NOW - 20 * HOUR, NOW).share is None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 500), min_size=1, max_size=8, unique=True), st.integers(1, 300))
def test_what_is_not_kept_is_late(hours: list[int], promised: int) -> None:
    """The times that are late and those that are kept make up all that was served."""
    log = [entry(number, ago) for number, ago in enumerate(sorted(hours, reverse=True), 1)]
    found = kept(log, lambda _: promised * HOUR, log[0].published_at, NOW)
    lost = sum(((one.end or NOW) - one.start for one in late(log, lambda _: promised * HOUR, NOW)), timedelta(0))
    assert found.counted == NOW - log[0].published_at
    assert found.held + lost == found.counted


def failed(hours_ago: float, *checks: str) -> Failed:
    return Failed(NOW - hours_ago * HOUR, "1.1.0", 60.0, checks)


def test_refusals_in_a_row_are_one_incident_until_the_next_publication() -> None:
    log = Timeline((entry(1, 10), entry(2, 4)), (failed(8, "rows"), failed(7, "rows", "totals"), failed(2, "rows")))
    last, first = incidents_of("a.b.v1", log, lambda _: None, NOW - 24 * HOUR, NOW)
    assert (first.opened_at, first.closed_at) == (NOW - 8 * HOUR, NOW - 4 * HOUR)
    assert first.cause == "2 versions in a row failed the audit: rows, totals"
    assert first.effect == "readers went on with publication 1"
    assert (last.closed_at, last.effect) == (None, "readers went on with publication 2")


def test_late_data_says_that_new_versions_were_refused() -> None:
    log = Timeline((entry(1, 10),), (failed(7, "rows"),))
    kinds = {one.kind: one for one in incidents_of("a.b.v1", log, lambda _: 2 * HOUR, NOW - 24 * HOUR, NOW)}
    assert kinds["late"].closed_at is None
    assert "new versions failed the audit" in kinds["late"].cause
    assert kinds["late"].effect == "the data was up to 8 hours older than promised"


def test_what_closed_before_the_window_is_not_told() -> None:
    log = Timeline((entry(1, 30), entry(2, 28), entry(3, 1)), (failed(29, "rows"),))
    found = incidents_of("a.b.v1", log, lambda _: None, NOW - 24 * HOUR, NOW)
    assert found == []
    assert incidents_of("a.b.v1", Timeline(refused=(failed(2),)), lambda _: None, NOW - 24 * HOUR, NOW)[0].effect == (
        "nothing was served"
    )


@pytest.mark.parametrize(
    ("figure", "value", "says"),
    [
        (figures.reliability("p", Kept(9 * HOUR, 10 * HOUR), 99.0, 49.5), 50.0, "as fresh as promised in 90 %"),
        (figures.reliability("p", Kept(HOUR, HOUR), 99.0, 100.0), 100.0, "up in 100 %"),
        (figures.reliability("p", Kept(timedelta(0), timedelta(0)), None, None), None, "not observed"),
        (figures.integrity("p", 90.0, 3, 1), 67.5, "3 of 4 versions passed"),
        (figures.integrity("p", None, 0, 2), None, "serves nothing"),
        (
            figures.impact({"ana", "shop.a"}, {"shop.a", "shop.b"}),
            3.0,
            "it has 2 consumers; 2 products are built on it",
        ),
        (figures.adoption(figures.Adoption(2, 5), figures.Adoption(0, 0)), 2.0, "2 consumers read it 5 times"),
        (figures.satisfaction(None, 0), None, "nobody has rated"),
        (figures.satisfaction(4.5, 2), 4.5, "4.5 of 5 stars from 2 ratings"),
    ],
)
def test_a_figure_has_its_formula_and_a_sentence(figure: figures.Figure, value: float | None, says: str) -> None:
    assert figure.value == pytest.approx(value)
    assert says in figure.says
    assert figure.formula
