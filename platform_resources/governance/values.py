"""Comparing what documents say: text, numbers, durations, dates. None is what is missing; it fulfils nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any

from platform_resources.contracts import DurationError, parse_duration

_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:$|[T ])", re.ASCII)
_NUMBER = re.compile(r"[-+]?\d{1,30}(?:\.\d{1,30})?", re.ASCII)

Magnitude = tuple[str, float]  # what it measures ("number", "duration" in seconds, "date" in days), and how much


def same(one: Any, other: Any) -> bool:
    """Equality as people see it: true is not 1.

    >>> same(1, 1.0), same(True, 1)
    (True, False)
    """
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def there(value: Any) -> bool:
    """Whether somebody has said something: no blank text, no empty list or mapping."""
    if isinstance(value, str):
        return value != "" and not value.isspace()
    return value is not None and value != [] and value != {}


def day(value: Any) -> date | None:
    """The day that an ISO date or timestamp names."""
    match = _DATE.match(value) if isinstance(value, str) else None
    if match is None:
        return None
    try:
        return date.fromisoformat(match[1])
    except ValueError:
        return None


def magnitude(value: Any) -> Magnitude | None:
    """What can be compared by size; None for everything else.

    >>> magnitude("PT15M"), magnitude(3), magnitude("gold")
    (('duration', 900.0), ('number', 3), None)
    """
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number", value
    return None


@lru_cache(maxsize=4_096)  # a mesh writes the same few durations thousands of times
def _of_text(text: str) -> Magnitude | None:
    if text.startswith("P"):
        try:
            return "duration", parse_duration(text).total_seconds()
        except DurationError:
            return None
    if _NUMBER.fullmatch(text):
        return "number", float(text)
    named = day(text)
    return None if named is None else ("date", float(named.toordinal()))


def at_least(value: Any, limit: Any) -> bool:
    return _ordered(value, limit, lambda one, other: one >= other)


def at_most(value: Any, limit: Any) -> bool:
    return _ordered(value, limit, lambda one, other: one <= other)


def _ordered(value: Any, limit: Any, holds: Callable[[float, float], bool]) -> bool:
    one, other = magnitude(value), magnitude(limit)
    return one is not None and other is not None and one[0] == other[0] and holds(one[1], other[1])


def contains(value: Any, wanted: Any) -> bool:
    """A list that has the entry, or a text that has the words."""
    if isinstance(value, list):
        return any(same(entry, wanted) for entry in value)
    return isinstance(value, str) and isinstance(wanted, str) and wanted in value


def one_of(value: Any, allowed: Any) -> bool:
    return isinstance(allowed, list) and value is not None and any(same(value, entry) for entry in allowed)


def longer(value: Any, length: Any) -> bool:
    """More characters (blanks around a text don't count), or more entries."""
    size = len(value.strip()) if isinstance(value, str) else len(value) if isinstance(value, list | dict) else 0
    return isinstance(length, int) and size > length
