"""What an evaluation found: results, scores, and their JSON for the publication log. Pure values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from platform_resources.contracts.model import Dimension, Origin, Severity
from platform_resources.contracts.score_weights import ScoreWeights
from platform_resources.quality import figures
from platform_resources.quality.carried import Count
from platform_resources.quality.checks import Check, CheckGroup, group_checks
from platform_resources.quality.figures import Share

Measured = int | float | str | bool | None


@dataclass(frozen=True)
class Compared:
    """What was held against a reference: `rows` compared, and in how many of them each column differs."""

    reference: str
    rows: int
    unmatched: int  # rows whose key the reference doesn't have
    by_column: Mapping[str, int]


@dataclass(frozen=True)
class CheckResult:
    """One check on one version of the data.

    `value` is what was measured (bad rows, percent, seconds of age, a query's answer), None when nothing could be.
    `score` is 1 for a check that passed, else the share of good rows where that is defined, else 0. A check that was
    not `evaluated` has failed: what can't be proved is not promised.
    """

    check: Check
    passed: bool
    value: Measured
    threshold: str
    message: str
    score: float
    failed_rows: int | None = None
    total_rows: int | None = None
    seconds: float = 0.0
    evaluated: bool = True
    compared: Compared | None = None  # for a rule that compares with a reference

    @property
    def name(self) -> str:
        return self.check.name

    @property
    def severity(self) -> Severity:
        return self.check.severity

    @property
    def blocks(self) -> bool:
        """This result keeps the data from being published."""
        return not self.passed and self.check.severity == "error"


@dataclass(frozen=True)
class GroupResult:
    """The results of one published check."""

    group: CheckGroup
    results: tuple[CheckResult, ...]

    @property
    def name(self) -> str:
        return self.group.name

    @property
    def severity(self) -> Severity:
        return self.group.severity

    @property
    def passed(self) -> bool:
        return all(result.passed for result in self.results)

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        return tuple(result for result in self.results if not result.passed)

    @property
    def score(self) -> float:
        return sum(result.score for result in self.results) / len(self.results)

    @property
    def seconds(self) -> float:
        return sum(result.seconds for result in self.results)

    @property
    def message(self) -> str:
        """One line for people; the first five failures when there are many."""
        failed = self.failures
        if len(self.results) == 1:
            return self.results[0].message
        if not failed:
            return f"all {len(self.results)} hold"
        told = "; ".join(result.message for result in failed[:5])
        more = f"; and {len(failed) - 5} more" if len(failed) > 5 else ""
        return f"{len(failed)} of {len(self.results)} fail: {told}{more}"


@dataclass(frozen=True)
class Audit:
    """The proof of one version: every result, the schema that was delivered, and the score that follows."""

    results: tuple[CheckResult, ...]
    rows: int
    delivered_schema: tuple[tuple[str, str], ...]  # (column, DuckDB type) in table order
    seconds: float
    weights: ScoreWeights = field(default_factory=ScoreWeights)  # of the dimensions
    counts: Mapping[str, Count] = field(default_factory=dict)  # check name -> what a later audit may build on

    @property
    def passed(self) -> bool:
        """No check of severity error failed: the version may be published."""
        return not any(result.blocks for result in self.results)

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        return tuple(result for result in self.results if not result.passed)

    @property
    def groups(self) -> tuple[GroupResult, ...]:
        """Results as they are published: see `check_groups`."""
        by_name = {result.check.name: result for result in self.results}
        groups = group_checks(result.check for result in self.results)
        return tuple(GroupResult(group, tuple(by_name[check.name] for check in group.checks)) for group in groups)

    @property
    def scores(self) -> dict[Dimension, float]:
        """0..100 by dimension: the weighted mean of its checks. Checks of severity info don't count."""
        found: dict[Dimension, float] = {}
        for dimension in dict.fromkeys(result.check.dimension for result in self.results):
            counted = [r for r in self.results if r.check.dimension == dimension and r.severity != "info"]
            total = sum(result.check.weight for result in counted)
            if total > 0:
                found[dimension] = _points(sum(r.score * r.check.weight for r in counted) / total)
        return found

    @property
    def score(self) -> float:
        """0..100: the mean of the dimensions by their weights (1 where nobody names one)."""
        scores = self.scores
        weights = {dimension: self.weights.values.get(dimension, 1.0) for dimension in scores}
        if not any(weights.values()):
            weights = dict.fromkeys(scores, 1.0)
        total = sum(weights.values())
        return _points(sum(scores[d] * weights[d] for d in scores) / total / 100) if total else 0.0

    @property
    def completeness(self) -> Share | None:
        """The share of promised values that are there."""
        return figures.completeness(self.results, self.rows)

    @property
    def accuracy(self) -> Share | None:
        """The share of values that agree with the references that they were held against."""
        return figures.accuracy(self.results)

    def as_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`; `from_json` reads them back."""
        return {
            "passed": self.passed,
            "score": self.score,
            "scores": self.scores,
            "rows": self.rows,
            "seconds": round(self.seconds, 6),
            "weights": dict(self.weights.values),
            "weighedBy": dict(self.weights.said_by),
            "deliveredSchema": [list(column) for column in self.delivered_schema],
            "results": [_result_json(result) for result in self.results],
        }

    def as_record(self) -> dict[str, Any]:
        """The part that a publication log keeps for good: what was measured, without the promises themselves.

        They stand in the contract that the log keeps beside it; repeating them would cost 50 KB a publication.
        """
        return {
            "passed": self.passed,
            "score": self.score,
            "scores": self.scores,
            "weights": self._weighed,
            **{name: found.as_record() for name, found in self.shares.items()},
            "seconds": round(self.seconds, 3),
            "results": [
                {
                    "name": result.name,
                    "group": result.check.group,
                    "dimension": result.check.dimension,
                    "severity": result.severity,
                    "passed": result.passed,
                    "value": result.value,
                    "threshold": result.threshold,
                    "message": result.message,
                    "failed_rows": result.failed_rows,
                    "score": round(result.score, 6),
                }
                for result in self.results
            ],
        }

    @property
    def shares(self) -> dict[str, Share]:
        """Completeness and accuracy by name, where they were measured."""
        found = {"completeness": self.completeness, "accuracy": self.accuracy}
        return {name: share for name, share in found.items() if share is not None}

    @property
    def _weighed(self) -> dict[str, dict[str, float | str]]:
        """Dimension -> its weight, and who said so; "nobody" leaves it at 1."""
        values, said_by = self.weights.values, self.weights.said_by
        return {d: {"weight": values.get(d, 1.0), "said_by": said_by.get(d, "nobody")} for d in self.scores}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Audit:
        return cls(
            results=tuple(_result_from(item) for item in document["results"]),
            rows=document["rows"],
            delivered_schema=tuple((name, kind) for name, kind in document["deliveredSchema"]),
            seconds=document["seconds"],
            weights=ScoreWeights(dict(document["weights"]), dict(document["weighedBy"])),
        )


def plain_number(value: Any) -> Measured:
    """A measured value as JSON can hold it: whole numbers stay whole, NaN and infinity become texts."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if not math.isfinite(value):
        return str(value)
    if isinstance(value, Decimal | Fraction) and value == int(value):
        return int(value)
    return float(value)


def _points(share: float) -> float:
    """A share as points up to 100, which only a perfect version gets: one bad row in a million is not rounded away."""
    return 100.0 if share > 1 - 1e-12 else min(round(100 * share, 2), 99.99)


def _result_json(result: CheckResult) -> dict[str, Any]:
    check = asdict(result.check)
    check["origin"] = {**check["origin"], "file": str(result.check.origin.file)}
    check["columns"] = list(check["columns"])
    check["arguments"] = _plain(check["arguments"])
    check["threshold"] = _plain(check["threshold"])
    plain = {part.name: getattr(result, part.name) for part in fields(CheckResult) if part.name != "check"}
    plain["compared"] = None if result.compared is None else asdict(result.compared)
    return {"check": check, **plain, "score": round(result.score, 6), "seconds": round(result.seconds, 6)}


def _result_from(item: Mapping[str, Any]) -> CheckResult:
    check = dict(item["check"])
    check["origin"] = Origin(**{**check["origin"], "file": Path(check["origin"]["file"])})
    check["columns"] = tuple(check["columns"])
    compared = None if item["compared"] is None else Compared(**item["compared"])
    return CheckResult(**{**item, "check": Check(**check), "compared": compared})


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
