"""The eight comparison operators of ODCS. Exact: 0.1 in a contract is one tenth, never a binary neighbour of it."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from platform_resources.quality.checks import NotEvaluableError

_SYMBOLS = {
    "mustBe": "=",
    "mustNotBe": "≠",
    "mustBeGreaterThan": ">",
    "mustBeGreaterOrEqualTo": "≥",
    "mustBeLessThan": "<",
    "mustBeLessOrEqualTo": "≤",
}
_BETWEEN = ("mustBeBetween", "mustNotBeBetween")
OPERATORS = (*_SYMBOLS, *_BETWEEN)


def holds(operator: str | None, threshold: Any, value: Any) -> bool:
    """Whether `value` satisfies the promise. `mustBeBetween` includes both ends. NaN satisfies nothing.

    Raises
    ------
    NotEvaluableError
        when operator, threshold and value don't fit together.
    """
    if operator in _BETWEEN:
        low, high = _pair(threshold)
        found = _number(value, "the measured value")
        if found is None:
            return False
        return (low <= found <= high) == (operator == "mustBeBetween")
    if operator not in _SYMBOLS:
        raise NotEvaluableError(f"it has no operator that ODCS knows; write one of {', '.join(OPERATORS)}")
    if operator in ("mustBe", "mustNotBe") and not _numeric(threshold):
        if threshold is None:
            raise NotEvaluableError(f"{operator} has no value to compare with")
        return (_text(value) == _text(threshold)) == (operator == "mustBe")
    promised = _number(threshold, f"{operator} {threshold!r}")
    found = _number(value, "the measured value")
    if promised is None:
        raise NotEvaluableError(f"{operator} needs a number, not NaN")
    if found is None:
        return False
    return {
        "=": found == promised,
        "≠": found != promised,
        ">": found > promised,
        "≥": found >= promised,
        "<": found < promised,
        "≤": found <= promised,
    }[_SYMBOLS[operator]]


def threshold_text(operator: str | None, threshold: Any, unit: str) -> str:
    """The promise in a few characters, such as "≤ 5 percent"."""
    tail = f" {unit}" if unit in ("rows", "items", "percent") else ""
    if operator in _BETWEEN and isinstance(threshold, list | tuple) and len(threshold) == 2:
        return f"{'' if operator == 'mustBeBetween' else 'not '}between {threshold[0]} and {threshold[1]}{tail}"
    return f"{_SYMBOLS.get(operator or '', operator or 'no operator')} {threshold}{tail}"


def bounds_from_above(operator: str | None, threshold: Any) -> bool:
    """The promise says «at most», so what is measured counts what is bad."""
    if operator == "mustBe":
        return _numeric(threshold) and threshold == 0
    return operator in ("mustBeLessThan", "mustBeLessOrEqualTo")


def _numeric(value: Any) -> bool:
    return isinstance(value, int | float | Decimal | Fraction) and not isinstance(value, bool)


def _number(value: Any, what: str) -> Fraction | float | None:
    """Exact number; None for NaN; infinities stay floats, which compare rightly with fractions."""
    if not _numeric(value):
        if isinstance(value, str):
            try:
                return _number(Decimal(value.strip()), what)
            except InvalidOperation:
                pass
        raise NotEvaluableError(f"{what} is no number")
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        return None if math.isnan(value) else float(value)
    return Fraction(repr(value)) if isinstance(value, float) else Fraction(value)


def _pair(threshold: Any) -> tuple[Fraction | float, Fraction | float]:
    if isinstance(threshold, list | tuple) and len(threshold) == 2:
        low, high = (_number(limit, "a limit of Between") for limit in threshold)
        if low is not None and high is not None and low <= high:
            return low, high
    raise NotEvaluableError("Between needs two numbers, the smaller one first")


def _text(value: Any) -> str:
    """Value as text for comparisons with a threshold that is no number (dates, codes, true/false)."""
    return str(value).lower() if isinstance(value, bool) else str(value)
