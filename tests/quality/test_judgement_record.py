"""What was judged is kept in the record of an audit: all of it, small, and read back whoever wrote it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from platform_resources.quality.anomalies import Anomaly, Judged, Point
from platform_resources.quality.anomaly_texts import value_text
from platform_resources.quality.features import Feature
from platform_resources.quality.judgement_record import UNJUDGED, judged_in, numbered, record_of

AT = datetime(2026, 3, 2, 6, tzinfo=UTC)
DAY = date(2026, 1, 20)


def anomaly(number: int = 42, count: int = 42) -> Anomaly:
    points = tuple(
        Point(at, DAY + timedelta(days=at), 1000.125 + at, *((990.0, None, 1010.5) if at > 7 else (None,) * 3))
        for at in range(number - count + 1, number + 1)
    )
    said = "rows of the last whole day: 4 on 2026-03-02, expected 1,000 (900 to 1,100)"
    points = (*points[:-1], replace(points[-1], unusual=True))
    return Anomaly(Feature("rows of the day"), number, AT, 1, said, 9.5, 4.0, 1000.125, 900.0, 1100.0, True, points)


def kept(judged: Judged, number: int = 42) -> dict[str, Any]:
    return json.loads(json.dumps(record_of(judged, number), allow_nan=False))


def test_all_of_a_judgement_is_read_back() -> None:
    schema = Anomaly(Feature("schema"), 40, AT, 3, "columns and types, under the same contract: pin is new")
    judged = Judged(14, 250, (anomaly(), schema))
    told = judged_in(kept(judged))
    assert (told.known, told.watched, told.learning, told.says) == (14, 250, False, judged.says)
    for one, was in zip(told.anomalies, judged.anomalies, strict=True):
        feature = one.feature
        assert (feature.kind, feature.title, feature.subject) == (
            was.feature.kind,
            was.feature.title,
            was.feature.subject,
        )
        assert replace(one, feature=was.feature) == was
    assert record_of(told, 42) == record_of(judged, 42)


def test_a_version_that_gets_another_number_names_itself_by_it() -> None:
    record = numbered(kept(Judged(14, 250, (anomaly(),))), 44)
    (told,) = judged_in(record).anomalies
    assert (told.since, [point.number for point in told.points][-2:]) == (44, [41, 44])
    assert numbered({"passed": True}, 44) == {"passed": True}


def test_a_table_that_is_unusual_in_all_of_its_figures_keeps_a_small_record() -> None:
    many = tuple(replace(anomaly(), feature=Feature("nulls", f"column_{at}")) for at in range(300))
    record = kept(Judged(14, 300, many))
    told = judged_in(record).anomalies
    assert [len(one.points) for one in told] == [42] * 24 + [0] * 276
    assert [one.feature.column for one in told] == [f"column_{at}" for at in range(300)]
    assert len(json.dumps(record)) < 150_000


def test_numbers_are_kept_in_seven_digits_and_counts_to_the_last_row() -> None:
    (told,) = judged_in(kept(Judged(14, 1, (replace(anomaly(), low=1 / 3, seen=123_456_789.0),)))).anomalies
    assert (told.low, told.seen) == (0.3333333, 123_456_789.0)


def test_numbers_that_json_does_not_have_are_left_out() -> None:
    (told,) = judged_in(kept(Judged(14, 1, (replace(anomaly(), low=float("-inf"), seen=float("nan")),)))).anomalies
    assert (told.low, told.seen, told.high) == (None, None, 1100.0)


def test_a_kind_that_is_not_known_here_is_told_as_it_was_called() -> None:
    record = kept(Judged(14, 1, (anomaly(),)))
    entry = record["anomalies"]["found"][0]
    entry |= {"kind": "rows by shop", "of": "York", "title": "rows of 'York'", "subject": "rows by shop"}
    (told,) = judged_in(record).anomalies
    assert (told.feature.title, told.feature.subject) == ("rows of 'York'", "rows by shop")
    assert value_text(told.feature, told.seen) == "4.00"


@pytest.mark.parametrize(
    "audit",
    [
        {},
        {"anomalies": None},
        {"anomalies": {"form": 9}},
        {"anomalies": {"form": 1}},
        {"anomalies": {**record_of(Judged(14, 1, (anomaly(),)), 42)["anomalies"], "versions": []}},
        {"anomalies": {**record_of(Judged(14, 1, (anomaly(),)), 42)["anomalies"], "found": [{"at": "soon"}]}},
    ],
)
def test_what_can_not_be_read_was_not_judged(audit: dict[str, Any]) -> None:
    assert judged_in(audit) is UNJUDGED
