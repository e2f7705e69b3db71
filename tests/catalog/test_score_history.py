"""How scores went, and where they lead: robust against one bad version, honest about few."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from platform_resources.catalog.score_history import LAST, line_of, score_history, trend_of
from platform_resources.lake import Publication

BEGUN = datetime(2026, 3, 2, tzinfo=UTC)


def published(number: int, score: float, every: timedelta = timedelta(days=1), **audit: Any) -> Publication:
    told = audit or {"scores": {"accuracy": score}, "accuracy": {"percent": 100.0, "promised": 99}}
    promised = ("1.0.0", "sha", ("id",))
    at = BEGUN + number * every
    return Publication("shop.orders.v1", number, number, "publish", "run", *promised, 10, score, told, None, at)


def log(scores: list[float], every: timedelta = timedelta(days=1)) -> list[Publication]:
    """Newest first, as logs are."""
    return [published(number, score, every) for number, score in enumerate(scores, 1)][::-1]


def test_series_are_oldest_first_and_bounded() -> None:
    found = score_history(log([90.0 + at / 100 for at in range(80)]))
    assert [number for number, _ in found.publications] == list(range(80 - LAST + 1, 81))
    assert [series.name for series in found.series] == ["score", "score/accuracy", "accuracy"]
    assert found.of("score").values[-1] == pytest.approx(90.79)
    assert found.of("accuracy").trend.says == "steady"
    assert found.says == "60 publications in 59 days"


def test_what_an_older_log_does_not_tell_is_left_out() -> None:
    found = score_history([published(2, 99.0), published(1, 97.0, results=[])])
    assert found.of("accuracy").values == (None, 100.0)
    assert found.of("score/accuracy").values == (None, 99.0)
    assert found.of("score").trend is None, "of two there is none"
    assert score_history([]).says == "no publication"


def test_a_fall_is_told_by_week_and_one_bad_version_does_not_bend_it() -> None:
    scores = [99.0 - 0.4 * day / 7 for day in range(42)]
    assert score_history(log(scores)).of("score").trend.says == "falling 0.4 a week"
    scores[20] = 10.0
    trend = score_history(log(scores)).of("score").trend
    assert (trend.direction, trend.says) == ("falling", "falling 0.4 a week")
    assert trend.per_week == pytest.approx(-0.4, abs=0.01)


def test_within_days_a_change_is_told_as_it_was() -> None:
    found = score_history(log([95.0 + at / 10 for at in range(13)], timedelta(minutes=10)))
    assert found.of("score").trend.says == "rising 1.2 in 2 hours"


@pytest.mark.parametrize(
    ("change", "days", "told"), [(100.0, 12, "falling 100 in 12 days"), (0.09, 12 * 900, "falling 0.000058 a week")]
)
def test_a_trend_is_told_as_a_plain_number(change: float, days: int, told: str) -> None:
    times = [BEGUN + timedelta(days=at * days / 12) for at in range(13)]
    assert trend_of(times, [100.0 - change * at / 12 for at in range(13)]).says == told


def test_an_audit_is_parsed_once_however_often_its_figures_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, parsed, loads = log([98.0] * 10), [], json.loads
    monkeypatch.setattr(json, "loads", lambda text: parsed.append(text) or loads(text))
    assert score_history(rows) == score_history(rows)
    assert rows[0].figures.scores == {"accuracy": 98.0}
    assert rows[0].figures.shares == {"accuracy": 100.0}
    assert len(parsed) == 10


@pytest.mark.parametrize("scores", [[98.0] * 20, [98.0] * 19 + [60.0], [60.0] + [98.0] * 19, [98.0, 97.0] * 10])
def test_what_has_no_order_in_time_is_steady(scores: list[float]) -> None:
    assert score_history(log(scores)).of("score").trend.direction == "steady"


def test_a_line_never_fills_up_before_a_hundred() -> None:
    assert line_of([95, None, 99.99, 100, 90], 95) == "▁ ▇█▁"
    assert score_history(log([98.0, 60.0])).bottom == 60
    assert score_history(log([98.0, 99.0])).bottom == 95


def test_noise_is_rarely_told_as_a_trend() -> None:
    """By Kendall's test in one case of twenty; 12 per cent leave room for this sample of 300."""
    chance = random.Random(7)
    times = [BEGUN + timedelta(days=at) for at in range(30)]
    told = [trend_of(times, [95 + chance.gauss(0, 1) for _ in times]).direction for _ in range(300)]
    assert sum(one != "steady" for one in told) <= 36


@pytest.mark.parametrize("moments", [[BEGUN] * 6, [BEGUN + timedelta(days=at) for at in range(4)]])
def test_too_little_time_or_too_few_have_no_trend(moments: list[datetime]) -> None:
    assert trend_of(moments, [90.0 + at for at in range(len(moments))]) is None


def test_values_that_were_not_measured_are_left_out_of_the_trend() -> None:
    times = [BEGUN + timedelta(days=at) for at in range(30)]
    values = [None if at % 2 else 90.0 - at / 7 for at in range(30)]
    assert trend_of(times, values).says == "falling 1 a week"
