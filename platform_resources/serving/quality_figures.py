"""What `quality` answers beside the checks: shares of values, weights, where scores lead, rules that are manual."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from platform_resources.catalog.score_history import ScoreHistory, share_of
from platform_resources.contracts import Contract
from platform_resources.lake.publications import SHARES
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


class WeightOut(Answer):
    """What a dimension counts in the score."""

    weight: float = Field(description="Of all weights together.", examples=[2])
    said_by: str = Field(description="contract, council, a tier of it, or nobody: then it is 1.", examples=["contract"])


class ManualRule(Answer):
    """A rule that people look after: it is not measured, and in no score."""

    name: str
    column: str | None = Field(description="Null when it is about the table.")
    description: str | None


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
        if series.trend is not None and (shares or series.name not in SHARES)
    ]


def trends_said(trends: Iterable[TrendOut]) -> dict[str, str]:
    """Name of a figure -> where it leads, in words."""
    return {trend.of: trend.says for trend in trends}


def weights_of(audit: Mapping[str, Any]) -> dict[str, WeightOut]:
    """Dimension -> what it weighs, as the audit recorded it; empty of an older log."""
    found = audit.get("weights") or {}
    return {
        name: WeightOut(weight=one["weight"], said_by=one["said_by"])
        for name, one in found.items()
        if isinstance(one, Mapping)
    }


def manual_rules_of(contract: Contract) -> list[ManualRule]:
    """The rules of a contract that nobody measures."""
    return [
        ManualRule(name=rule.name, column=rule.column, description=rule.description)
        for rule in contract.table.manual_rules
    ]
