"""From what was measured to a verdict, a score and a sentence. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from platform_resources.contracts.durations import DurationError, parse_duration
from platform_resources.contracts.wording import listed
from platform_resources.quality.audit import CheckResult, Compared, Measured, plain_number
from platform_resources.quality.checks import Check, NotEvaluableError
from platform_resources.quality.spans import span
from platform_resources.quality.thresholds import bounds_from_above, holds, threshold_text

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_1_US = -62_135_596_800_000_000
_HIDDEN = "(text withheld)"


@dataclass(frozen=True)
class Finding:
    """A measurement and its verdict; `share` is the share of good rows (0..1) where it is defined."""

    passed: bool
    value: Measured
    message: str
    share: float | None = None
    failed_rows: int | None = None
    threshold: str | None = None
    compared: Compared | None = None


def to_result(check: Check, found: Finding, rows: int, seconds: float) -> CheckResult:
    return CheckResult(
        check=check,
        passed=found.passed,
        value=found.value,
        threshold=found.threshold or promise(check),
        message=found.message,
        score=1.0 if found.passed else min(max(found.share or 0.0, 0.0), 1.0),
        failed_rows=found.failed_rows,
        total_rows=rows if found.compared is None else found.compared.rows,
        seconds=seconds,
        compared=found.compared,
    )


def counted(check: Check, bad: int, rows: int) -> Finding:
    """A rule about single rows, measured by the number of rows that break it, in rows or percent of all rows."""
    value: Any = bad
    if check.unit == "percent":
        value = Fraction(100 * bad, rows) if rows else 0
    elif check.unit != "rows":
        raise NotEvaluableError(f"the unit {check.unit!r} is neither rows nor percent")
    passed = holds(check.operator, check.threshold, value)
    told = promise(check)
    if bad == 0:
        message = f"{what_is_bad(check)}: none of {rows:,} {_asked(check)}"
    else:
        message = f"{what_is_bad(check)}: {bad:,} of {rows:,} {_asked(check)} ({_percent(bad, rows)})"
    if not (passed and bad == 0):
        message += f", promised {told}"
    share = 1 - bad / rows if rows and bounds_from_above(check.operator, check.threshold) else None
    if check.operator == "mustBeBetween":
        share = None
    return Finding(passed, plain_number(value), message, share, bad, told)


def _asked(check: Check) -> str:
    """What a rule is asked of: rows, items of a list, or those of them that have an object."""
    what = "rows" if check.asks_items is None else "items"
    holder = check.columns[0].rpartition(".")[0] if len(check.columns) == 1 else ""
    return f"{what} with {holder}" if holder not in ("", check.asks_items) else what


def promise(check: Check) -> str:
    """What a rule asks for in a few characters, such as "≤ 5 percent"."""
    unit = "items" if check.unit == "rows" and check.asks_items is not None else check.unit
    return threshold_text(check.operator, check.threshold, unit)


def compared(check: Check, differing: int, found: Compared) -> Finding:
    """A comparison with a reference, measured by the rows that differ, in rows or percent of those compared."""
    finding = counted(check, differing, found.rows)
    each = ", ".join(f"{column} {count:,}" for column, count in found.by_column.items() if count)
    parts = [finding.message, each if len(found.by_column) > 1 else ""]
    if found.unmatched:
        parts.append(f"{found.unmatched:,} rows whose key is not in {found.reference}")
    return replace(finding, message="; ".join(filter(None, parts)), compared=found)


def what_is_bad(check: Check) -> str:
    """The subject of a sentence about rows that break the check."""
    names = ", ".join(check.columns) or "the row"
    options = check.arguments
    if check.kind in ("required", "null_values"):
        return f"no value in {names}"
    if check.kind == "missing_values":
        return f"missing value in {names}"
    if check.kind in ("unique", "primary_key", "duplicate_values"):
        return f"repeated {names}"
    if check.kind == "pattern":
        return f"{names} does not match {options['pattern']}"
    if check.kind == "format":
        return f"{names} is no {options['format']}"
    if check.kind == "properties":
        return f"{names} has other properties than {', '.join(f'{key} {wanted}' for key, wanted in options.items())}"
    if check.kind == "enum":
        return f"{names} is not one of {_some(options['validValues'])}"
    if check.kind == "invalid_values":
        return f"invalid value in {names}"
    if check.kind in ("range", "length"):
        return f"{names} is not within {', '.join(f'{key} {limit}' for key, limit in options.items())}"
    if check.kind == "relationships":
        return f"{names} not found in {options['table']} ({', '.join(options['columns'])})"
    if check.kind == "differing_values":
        return f"{listed([str(name) for name in options['compare']])} other than in {options['reference']}"
    return check.name


def schema(faults: list[tuple[str, str]], columns: int) -> Finding:
    if not faults:
        return Finding(True, 0, f"all {columns} columns are delivered in their types", 1.0, threshold="as promised")
    told = "; ".join(text for _, text in faults)
    return Finding(False, len(faults), told, 1 - len(faults) / columns if columns else 0.0, threshold="as promised")


def extra(names: list[str]) -> Finding:
    if not names:
        return Finding(True, 0, "no other columns than the promised ones", threshold="none")
    message = f"not in the contract, so not published: {', '.join(names)}"
    return Finding(False, len(names), message, threshold="none")


def completeness(check: Check, missing: int, rows: int) -> Finding:
    promise, unit = check.arguments["value"], check.arguments["unit"]
    if unit not in (None, "percent", "%"):
        raise NotEvaluableError(f"the unit of the completeness SLA is {unit!r}; write percent")
    share = Fraction(rows - missing, rows) if rows else Fraction(1)
    passed = holds("mustBeGreaterOrEqualTo", promise, 100 * share)
    found = _percent(rows - missing, rows)
    message = f"{check.columns[0]} has a value in {found} of {rows:,} rows, promised ≥ {promise} %"
    return Finding(passed, round(float(100 * share), 6), message, float(share), missing, f"≥ {promise} percent")


def freshness(check: Check, latest_us: int | None, now: datetime, data_as_of: datetime | None) -> Finding:
    try:
        limit = parse_duration(check.arguments["value"], check.arguments["unit"])
    except DurationError as error:
        raise NotEvaluableError(str(error)) from None
    # Before the year 1 Python has no dates, and nothing that old is fresh.
    latest = None if latest_us is None else _EPOCH + timedelta(microseconds=max(int(latest_us), _YEAR_1_US))
    known = [moment for moment in (latest, data_as_of) if moment is not None]
    if not known:
        raise NotEvaluableError(f"{check.columns[0]} holds no moment up to now, so the age of the data is unknown")
    age = max(now - max(known), timedelta(0))
    message = f"the data is {span(age)} old, promised at most {span(limit)}"
    if data_as_of is not None and (latest is None or data_as_of > latest):
        message += f" (sources complete up to {data_as_of.astimezone(UTC):%Y-%m-%d %H:%M} UTC)"
    return Finding(age <= limit, round(age.total_seconds(), 3), message, threshold=f"≤ {span(limit)}")


def row_count(check: Check, rows: int) -> Finding:
    if check.unit != "rows":
        raise NotEvaluableError("rowCount is counted in rows, not in percent")
    passed = holds(check.operator, check.threshold, rows)
    promise = threshold_text(check.operator, check.threshold, check.unit)
    return Finding(passed, rows, f"{rows:,} rows, promised {promise}")


def answered(check: Check, value: Any, counts_rows: bool, rows: int) -> Finding:
    """The answer of a SQL rule, as the query returned it; `unit` is only shown.

    Texts stay out of the log unless they are the promised one: they may be somebody's data.
    """
    if value is None:
        raise NotEvaluableError("the query returned NULL, which proves nothing; use coalesce if that is meant")
    passed = holds(check.operator, check.threshold, value)
    shown = value
    if not isinstance(value, bool | int | float | Decimal):
        shown = str(value) if (passed and check.operator == "mustBe") or isinstance(value, date) else _HIDDEN
    told = promise(check) if counts_rows else threshold_text(check.operator, check.threshold, "")
    bad = int(value) if counts_rows and bounds_from_above(check.operator, check.threshold) else None
    share = 1 - bad / rows if bad is not None and rows else None
    message = f"{check.description or check.name}: {plain_number(shown)}, promised {told}"
    return Finding(passed, plain_number(shown), message, share, bad, told)


def unsupported(check: Check) -> str:
    if check.arguments.get("metric"):
        return f"ODCS knows no library metric {check.arguments['metric']!r}"
    engine = f"another engine ({check.arguments['engine']})" if check.arguments.get("engine") else "another engine"
    return f"it is written for {engine}, which this platform does not run; write it as a library or sql rule"


def _percent(part: int, rows: int) -> str:
    if not rows or part == rows:
        return "100 %"
    return f"{min(100 * part / rows, 99.999):.3g} %" if part else "0 %"


def _some(values: Any) -> str:
    texts = [str(value) for value in values]
    return ", ".join(texts[:5]) + (f", … ({len(texts)} values)" if len(texts) > 5 else "")
