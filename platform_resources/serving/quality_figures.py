"""Completeness and accuracy as shares of values, and where scores lead: what `quality` answers beside the checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from platform_resources.catalog.score_history import FIGURES, ScoreHistory, share_of
from platform_resources.serving.answers import Answer
from platform_resources.serving.hidden_inputs import names_unseen


class ShareOut(Answer):
    """A share of values."""

    percent: float = Field(description="0-100; 100 only when none is bad.", examples=[99.98])
    promised_percent: float | None = Field(description="The least that the rules ask for; null when they bound none.")
    values: int = Field(description="How many were looked at: rows times columns.")
    bad: int = Field(description="How many of them are missing, or differ from the reference.")
    columns: list[str] = Field(description="Whose values they are.")
    references: list[str] = Field(description="What they were held against; of accuracy only.")
    unmatched_rows: int = Field(description="Rows that the references don't know, which were not compared.")


class TrendOut(Answer):
    """Theil and Sen's slope, where Kendall's test sees an order in time."""

    of: str = Field(
        description="score, score/<dimension>, completeness or accuracy.", examples=["score/accuracy", "completeness"]
    )
    direction: Literal["rising", "falling", "steady"]
    change: float = Field(description="Over all of the publications; points of a score, or percent.")
    per_week: float
    publications: int = Field(description="The last ones, at most 60.")
    says: str = Field(examples=["falling 0.4 a week"])


def share_out(audit: Mapping[str, Any], name: str, sees: Callable[[str], bool]) -> ShareOut | None:
    """Completeness or accuracy as an audit found it; None where it says nothing."""
    found = share_of(audit, name)
    if found is None:
        return None
    return ShareOut(
        percent=found["percent"],
        promised_percent=found.get("promised"),
        values=found["values"],
        bad=found["bad"],
        columns=found["columns"],
        references=[each for each in found.get("references", ()) if not names_unseen(each, sees)],
        unmatched_rows=found.get("unmatched", 0),
    )


def trends_of(history: ScoreHistory, *, shares: bool) -> Sequence[TrendOut]:
    """The trends that there are; without `shares` those of scores only."""
    return [
        TrendOut(
            of=series.name,
            direction=series.trend.direction,
            change=series.trend.change,
            per_week=series.trend.per_week,
            publications=sum(value is not None for value in series.values),
            says=series.trend.says,
        )
        for series in history.series
        if series.trend is not None and (shares or series.name not in FIGURES)
    ]
