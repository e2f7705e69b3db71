"""Completeness and accuracy as shares of values, beside the scores. Pure: made of what the checks have measured.

Completeness: of the columns that are promised to be filled, the share of values that are there. Accuracy: of the values
that were held against a reference, the share that agrees with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from platform_resources.quality.conditions import PRESENCE

if TYPE_CHECKING:
    from platform_resources.quality.audit import CheckResult


@dataclass(frozen=True)
class Share:
    """`percent` of `values` are as they should be, 0-100; `bad` are not. `promised`: the least percentage, if any."""

    percent: float
    promised: float | None
    values: int
    bad: int
    columns: tuple[str, ...]
    references: tuple[str, ...] = ()
    unmatched: int = 0  # rows that the references don't know

    def as_record(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        found: dict[str, Any] = {
            "percent": self.percent,
            "promised": self.promised,
            "values": self.values,
            "bad": self.bad,
            "columns": list(self.columns),
        }
        return found | ({"references": list(self.references), "unmatched": self.unmatched} if self.references else {})


def completeness(results: Iterable[CheckResult], rows: int) -> Share | None:
    """Over columns, and what they hold, that must have values: required, of the SLA, of nullValues and missingValues.

    What could not be measured counts as missing. A column that several checks are about counts once, by the most that
    one of them misses and the most that one of them promises. None: nothing is promised.
    """
    missing: dict[str, int] = {}
    promised: dict[str, float] = {}
    asked: dict[str, int] = {}  # rows, or the items and objects that are there
    for result in results:
        of = rows if result.total_rows is None else result.total_rows
        promise = _promised(result, of) if result.check.kind in PRESENCE and result.check.columns else None
        if promise is not None:
            column = result.check.columns[0]
            bad = of if result.failed_rows is None else result.failed_rows
            asked[column] = max(of, asked.get(column, 0))
            missing[column] = max(bad, missing.get(column, 0))
            promised[column] = max(promise, promised.get(column, 0.0))
    if not promised:
        return None
    values, bad = sum(asked.values()), sum(missing.values())
    return Share(_percent(values, bad), _floored(sum(promised.values()) / len(promised)), values, bad, tuple(missing))


def accuracy(results: Iterable[CheckResult]) -> Share | None:
    """Over all comparisons with a reference that were made; None: there was none."""
    made = [(result, result.compared) for result in results if result.compared is not None]
    if not made:
        return None
    values = sum(found.rows * len(found.by_column) for _, found in made)
    bad = sum(sum(found.by_column.values()) for _, found in made)
    promises = [promise for result, found in made if (promise := _promised(result, found.rows)) is not None]
    return Share(
        _percent(values, bad),
        _floored(sum(promises) / len(promises)) if promises else None,
        values,
        bad,
        tuple(dict.fromkeys(column for _, found in made for column in found.by_column)),
        tuple(dict.fromkeys(found.reference for _, found in made)),
        sum(found.unmatched for _, found in made),
    )


def _promised(result: CheckResult, rows: int) -> float | None:
    """The least percentage of good values that a check asks for; None when it doesn't bound them so."""
    check = result.check
    limit: Any = check.arguments.get("value") if check.kind == "completeness" else check.threshold
    if not isinstance(limit, int | float) or isinstance(limit, bool):
        return None
    if check.kind == "completeness":
        return min(max(float(limit), 0.0), 100.0)
    if check.operator == "mustBe" and limit != 0:
        return None
    if check.operator not in ("mustBe", "mustBeLessThan", "mustBeLessOrEqualTo"):
        return None
    bad = float(limit) if check.unit == "percent" else 100 * limit / rows if rows else 0.0
    return min(max(100 - bad, 0.0), 100.0)


def _percent(values: int, bad: int) -> float:
    """100 only when nothing is bad: one value in a million is not rounded away."""
    return _floored(100 * (values - bad) / values) if bad and values else 100.0


def _floored(percent: float) -> float:
    return 100.0 if percent == 100 else min(round(percent, 4), 99.9999)
