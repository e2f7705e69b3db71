"""How figures, ages and moments are written for people. Each takes None, which is written as a dash."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from platform_resources.catalog.fitness.evidence import floored
from platform_resources.contracts.durations import parse_duration
from platform_resources.contracts.wording import counted
from platform_resources.lake import utc_now

DASH = "–"
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_SIZES = ("bytes", "KB", "MB", "GB", "TB")


def number(value: float | None, digits: int = 0) -> str:
    """`1234567` → `1,234,567`; `digits` after the point at most.

    >>> number(1234.5, 2)
    '1,234.5'
    """
    if value is None:
        return DASH
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(value: float | None, digits: int = 1) -> str:
    """A figure that is in percent already."""
    return DASH if value is None else f"{number(value, digits)} %"


def floored_percent(value: float | None, digits: int = 3) -> str:
    """The same, never rounded up: what is not 100 is not told as 100.

    >>> floored_percent(99.99997)
    '99.999 %'
    """
    return DASH if value is None else f"{floored(value, digits)} %"


def duration(value: timedelta | float | str | None) -> str:
    """A timedelta, seconds, or an ISO 8601 duration in words, the two greatest units of it at most.

    >>> duration(5400), duration("PT15M"), duration(0)
    ('1 hour 30 minutes', '15 minutes', '0 seconds')
    """
    if isinstance(value, str):
        try:
            value = parse_duration(value)
        except ValueError:
            return value
    if value is None:
        return DASH
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    left, told = int(abs(seconds)), []
    for name, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            told.append(counted(count, name))
        if told and (len(told) == 2 or (name in ("day", "hour") and count >= 10)):
            break
    return " ".join(told) or "0 seconds"


def short_duration(value: timedelta | float | str | None) -> str:
    """The same for tables: `2 h 5 min`. No line ends between a figure and its unit.

    >>> short_duration(7500)
    '2\xa0h 5\xa0min'
    """
    text = duration(value)
    for name, brief in (("day", "d"), ("hour", "h"), ("minute", "min"), ("second", "s")):
        text = re.sub(rf" {name}s?\b", f"\N{NO-BREAK SPACE}{brief}", text)
    return text


def moment(value: datetime | None) -> Markup | str:
    """A moment in UTC, to the minute, readable by programs."""
    if value is None:
        return DASH
    told = f"{value.day} {value:%b %Y %H:%M} UTC"
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), told)


def day(value: date | None) -> Markup | str:
    if value is None:
        return DASH
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat()[:10], f"{value.day} {value:%b %Y}")


def ago(value: datetime | None) -> Markup | str:
    """How long since, or until, a moment; the moment itself as its title."""
    if value is None:
        return DASH
    seconds = (utc_now() - value).total_seconds()
    words = _one_unit(abs(seconds))
    told = "just now" if words is None else f"{words} ago" if seconds > 0 else f"in {words}"
    title = f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(value.isoformat(), title, told)


def _one_unit(seconds: float) -> str | None:
    for name, size in _UNITS:
        if name != "second" and seconds >= size:
            count = int(seconds // size)
            return counted(count, name)
    return None


def size(value: float | None) -> str:
    """Bytes as people say them.

    >>> size(1_500_000)
    '1.5 MB'
    """
    if value is None:
        return DASH
    for unit in _SIZES:
        if abs(value) < 1000 or unit == _SIZES[-1]:
            return f"{number(value, 0 if unit == 'bytes' else 1)} {unit}"
        value /= 1000
    raise AssertionError


def in_unit(value: float | None, unit: str) -> str:
    """A figure with its unit, which is a plural or `percent`.

    >>> in_unit(1.0, "consumers"), in_unit(4.5, "stars"), in_unit(99.9, "percent")
    ('1 consumer', '4.5 stars', '99.9 %')
    """
    if value is None:
        return DASH
    told = number(value, 2)
    return f"{told} %" if unit == "percent" else f"{told} {unit.removesuffix('s') if told == '1' else unit}"


def segment(value: object) -> str:
    """A text as one segment of a path."""
    return quote(str(value), safe="")


def product_link(address: str) -> str:
    """The page of a product, a port or a column, by its address.

    >>> product_link("crm.customer_360.v1.email")
    '/products/crm/customer_360?port=v1#column-email'
    """
    parts = address.split(".")
    path = "/products/" + "/".join(segment(part) for part in parts[:2])
    if len(parts) > 2:
        path += f"?port={segment(parts[2])}"
    return path + (f"#column-{segment('.'.join(parts[3:]))}" if len(parts) > 3 else "")


def term_link(address: str) -> str:
    domain, _, name = address.partition(".")
    return f"/glossary/{segment(domain)}/{segment(name)}"


def sentence(text: str) -> str:
    """What an error says, as a sentence of its own.

    >>> sentence("there is no port crm.orders.v1")
    'There is no port crm.orders.v1.'
    """
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) or not text else ".")


FILTERS: Mapping[str, Callable[..., Any]] = {
    "number": number,
    "percent": percent,
    "floored_percent": floored_percent,
    "duration": duration,
    "short_duration": short_duration,
    "moment": moment,
    "day": day,
    "ago": ago,
    "size": size,
    "count_of": counted,
    "in_unit": in_unit,
    "segment": segment,
    "sentence": sentence,
    "product_link": product_link,
    "term_link": term_link,
}
