"""Lengths of time in words. Pure."""

from __future__ import annotations

from datetime import timedelta


def span(length: timedelta) -> str:
    """In its two largest units that count any.

    >>> span(timedelta(hours=36)), span(timedelta(days=1200, seconds=9)), span(timedelta(0))
    ('1 d 12 h', '1,200 d 9 s', '0 s')
    """
    seconds = int(length.total_seconds())
    minutes, hours = seconds // 60, seconds // 3600
    parts = ((hours // 24, "d"), (hours % 24, "h"), (minutes % 60, "min"), (seconds % 60, "s"))
    told = [f"{count:,} {unit}" for count, unit in parts if count]
    return " ".join(told[:2]) or "0 s"
