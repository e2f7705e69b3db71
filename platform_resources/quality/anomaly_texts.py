"""Anomalies in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from platform_resources.contracts.wording import counted
from platform_resources.quality.features import Feature

if TYPE_CHECKING:
    from platform_resources.quality.anomalies import Point

_LEAST_SHARE = 0.00001  # what is less is not told in digits
_NOTHING = 1e-8  # around what is always 0 so much is usual, for it is divided by
_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def says(feature: Feature, point: Point, by_weekday: bool, versions: int) -> str:
    """`rows of the last whole day: 4,012 on 2026-03-02, expected 8,100 (7,300 to 9,000, as on a Monday)`.

    `versions`: how many it is told of; of several it is their median that is unusual, none by itself.
    """
    told = [value_text(feature, value) for value in (point.seen, point.expected, point.low, point.high)]
    seen, expected, low, high = told
    if versions > 1:
        seen = f"about {seen} in the last {counted(versions, 'version')}"
    of = "" if versions > 1 or feature.kind in ("rows", "age") else f" on {point.day.isoformat()}"
    usual = f"{low} to {high}" if not feature.upward_only else f"up to {high}"
    why = f", as on a {point.day:%A}" if by_weekday and versions == 1 else ""
    return f"{feature.title}: {seen}{of}, expected {expected} ({usual}{why})"


def value_text(feature: Feature, value: float | None) -> str:
    """In the unit of the feature."""
    if value is None:
        return "–"
    if feature.is_share and 0 < value < _LEAST_SHARE:
        return f"< {100 * _LEAST_SHARE:g} %"
    if feature.is_share:
        return f"{100 * value:.3g} %" if abs(value) < 0.9995 else f"{100 * value:.4g} %"
    if feature.kind in ("rows", "rows of the day"):
        return f"{max(value, 0.0):,.0f}"
    if feature.kind == "gap":
        return f"{max(value, 0.0):,.1f}".removesuffix(".0") + " d"
    if feature.kind == "age":
        return _length(max(value, 0.0))
    if abs(value) < _NOTHING:
        return "0.00"
    return f"{value:,.2f}" if 1 <= abs(value) < 1e6 else f"{value:,.4g}"


def _length(days: float) -> str:
    """In its two largest units; of ten days and more in days.

    >>> _length(120.04), _length(1.5), _length(2 / 24), _length(0.0069), _length(0)
    ('120 d', '1 d 12 h', '2 h', '9 min 56 s', '0 s')
    """
    if days >= 10:
        return f"{days:,.0f} d"
    left = round(days * 86_400)
    counts = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        counts.append((count, unit))
    first = next((at for at, (count, _) in enumerate(counts) if count), len(counts) - 1)
    told = [f"{count} {unit}" for count, unit in counts[first : first + 2]]
    return " ".join(one for one in told if not one.startswith("0 ")) or "0 s"


def schema_says(usual: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What changed though the contract is the same."""
    parts = [f"{name} is new" for name in now if name not in usual]
    parts += [f"{name} is gone" for name in usual if name not in now]
    parts += [f"{name} is {now[name]}, was {usual[name]}" for name in now if usual.get(name, now[name]) != now[name]]
    return f"columns and types, under the same contract: {', '.join(parts)}"
