"""Durations as contracts write them: ISO 8601 text, or a number with an ODCS unit."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

_ISO = re.compile(
    r"P(?!$)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?!$)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_LONGEST = 32  # characters: no honest duration is longer, and int() of a long text is slow

# A year and a month have no fixed length. Promises such as "retention P3Y" need one that is the same every day.
_SECONDS = {
    "seconds": 1,
    "minutes": 60,
    "hours": 3_600,
    "days": 86_400,
    "weeks": 7 * 86_400,
    "months": 30 * 86_400,
    "years": 365 * 86_400,
}
_UNITS = {
    "seconds": ("s", "sec", "secs", "second", "seconds"),
    "minutes": ("min", "mins", "minute", "minutes"),
    "hours": ("h", "hr", "hrs", "hour", "hours"),
    "days": ("d", "day", "days"),
    "weeks": ("w", "wk", "week", "weeks"),
    "months": ("mo", "month", "months"),
    "years": ("y", "yr", "yrs", "year", "years"),
}
_UNIT_NAMES = {spelling: name for name, spellings in _UNITS.items() for spelling in spellings}


class DurationError(ValueError):
    """A text that is no duration; the message says what to write instead."""


def parse_duration(value: Any, unit: str | None = None) -> timedelta:
    """The length of time that an ODCS value (with its unit) stands for; a month counts 30 days, a year 365.

    >>> parse_duration("PT15M")
    datetime.timedelta(seconds=900)
    >>> parse_duration(36, "h")
    datetime.timedelta(days=1, seconds=43200)

    Raises
    ------
    DurationError
        when it is no duration, when a number has no unit, or when the unit is a bare ``m``: ODCS tools read that as
        minutes for freshness and as months for retention.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise DurationError('a duration is text such as "PT15M" (15 minutes) or "P3D" (3 days)')
    text = str(value).strip()
    if len(text) > _LONGEST:
        raise DurationError("this is too long for a duration; write for example PT15M")
    if text.startswith("P"):
        return _parse_iso(text, unit)
    if not _NUMBER.fullmatch(text):
        raise DurationError(f"{text!r} is no duration; write ISO 8601 such as PT15M (15 minutes), PT6H, P1D or P3Y")
    if unit is None:
        raise DurationError(
            f"{text} has no unit; write ISO 8601 such as PT{_whole(text)}M (minutes) or P{_whole(text)}D"
        )
    spelling = unit.strip()
    if spelling.lower() == "m":
        raise DurationError(
            "the unit `m` means minutes to some tools and months to others; "
            f"write PT{_whole(text)}M for minutes or P{_whole(text)}M for months, and drop the unit"
        )
    name = _UNIT_NAMES.get(spelling.lower())
    if name is None:
        raise DurationError(f"unknown unit {spelling[:_LONGEST]!r}; write ISO 8601 such as PT15M, and drop the unit")
    return _length(float(text) * _SECONDS[name])


def _parse_iso(text: str, unit: str | None) -> timedelta:
    match = _ISO.fullmatch(text)
    if match is None:
        raise DurationError(f"{text!r} is no ISO 8601 duration; write for example PT15M (15 minutes), PT6H, P1D or P3Y")
    if unit is not None:
        raise DurationError(f"{text} says its unit already; drop `unit: {unit[:_LONGEST]}`")
    return _length(sum(float(count) * _SECONDS[name] for name, count in match.groupdict().items() if count))


def _length(seconds: float) -> timedelta:
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        raise DurationError("this is longer than 2.7 million years; write for example PT15M") from None


def _whole(text: str) -> str:
    return text.partition(".")[0]
