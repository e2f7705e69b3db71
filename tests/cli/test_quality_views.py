"""What `mesh show` draws of scores: small lines to compare, trends in words, shares with what they rest on."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from platform_resources.catalog.score_history import ScoreHistory, score_history
from platform_resources.lake import Publication

with warnings.catch_warnings():  # Typer's, of what it imports from Click
    warnings.simplefilter("ignore", DeprecationWarning)
    from platform_resources.cli.quality_views import history_record, scores_table, shares_table

BEGUN = datetime(2026, 3, 2, tzinfo=UTC)


def published(number: int, score: float, audit: dict[str, Any]) -> Publication:
    at = BEGUN + timedelta(days=number)
    return Publication("a.b.v1", number, 1, "publish", "r", "1.0.0", "s", ("id",), 10, score, audit, None, at)


def audit(score: float, **more: Any) -> dict[str, Any]:
    return {"score": score, "scores": {"timeliness": 100.0, "completeness": score}, **more}


def drawn(table: Table) -> list[str]:
    console = Console(width=160, no_color=True)
    with console.capture() as capture:
        console.print(table)
    return [" ".join(line.split()) for line in capture.get().splitlines()]


SHARE = {"percent": 97.349, "promised": 98.0, "values": 64194, "bad": 1702, "columns": ["a", "b"]}
TRUE = {**SHARE, "percent": 100.0, "promised": None, "references": ["sales.bookings.v1"], "unmatched": 1}


@pytest.fixture
def history() -> ScoreHistory:
    return score_history(
        [published(at, 99 - at / 7, audit(99 - at / 7, completeness=SHARE, accuracy=TRUE)) for at in range(21, 0, -1)]
    )


def test_every_score_has_its_line_and_its_trend(history: ScoreHistory) -> None:
    score, completeness, timeliness = drawn(scores_table(audit(96.0), history))
    assert score.startswith("score 96.0 ▆")
    assert score.endswith(" falling 1 a week")
    assert completeness.startswith("completeness 96.0 ")
    assert timeliness == f"timeliness 100.0 {'█' * 21} steady"


def test_shares_say_what_they_rest_on(history: ScoreHistory) -> None:
    full, true = drawn(shares_table(audit(96.0, completeness=SHARE, accuracy=TRUE), history))
    assert full.startswith("completeness 97.34 % ▄")
    assert full.endswith("of 64,194 values in 2 columns; at least 98 % promised")
    assert true.startswith("accuracy 100 % █")
    assert true.endswith("of 64,194 values in 2 columns, against sales.bookings.v1; 1 row not known there")
    assert shares_table(audit(96.0), history) is None, "what an older log doesn't tell is not drawn"


def test_what_a_dimension_weighs_is_told_where_it_is_known(history: ScoreHistory) -> None:
    said = {"completeness": {"weight": 3.0, "said_by": "tier gold"}, "timeliness": {"weight": 1.0, "said_by": "nobody"}}
    score, completeness, timeliness = drawn(scores_table(audit(96.0, weights=said), history))
    assert completeness.endswith("weighs 3, says the tier gold")
    assert timeliness.endswith("steady weighs 1")
    assert "weighs" not in score


def test_one_publication_has_neither_line_nor_trend() -> None:
    one = score_history([published(1, 99.0, audit(99.0))])
    assert drawn(scores_table(audit(99.0), one)) == ["score 99.0", "completeness 99.0", "timeliness 100.0"]


def test_json_has_one_value_for_each_publication(history: ScoreHistory) -> None:
    record = history_record(history)
    assert {len(values) for values in record["series"].values()} == {len(record["publications"])} == {21}
    assert record["trends"]["score"]["per_week"] == pytest.approx(-1)
    assert record["trends"]["accuracy"]["direction"] == "steady"
