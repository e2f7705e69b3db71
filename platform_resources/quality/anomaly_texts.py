"""Anomalies in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from platform_resources.contracts.wording import counted
from platform_resources.quality.features import Feature
from platform_resources.quality.spans import span

if TYPE_CHECKING:
    from platform_resources.quality.anomalies import Point

_LEAST_SHARE = 0.00001  # what is less is not told in digits
_NAMED = 5  # values
_NOTHING = 1e-8  # around what is always 0 so much is usual, for it is divided by


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
        return span(timedelta(seconds=round(86_400 * max(value, 0.0))))
    if abs(value) < _NOTHING:
        return "0.00"
    return f"{value:,.2f}" if 1 <= abs(value) < 1e6 else f"{value:,.4g}"


def schema_says(usual: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What changed though the contract is the same."""
    parts = [f"{name} is new" for name in now if name not in usual]
    parts += [f"{name} is gone" for name in usual if name not in now]
    parts += [f"{name} is {now[name]}, was {usual[name]}" for name in now if usual.get(name, now[name]) != now[name]]
    return f"columns and types, under the same contract: {', '.join(parts)}"


def gone_says(column: str, shares: Mapping[str, float], versions: int) -> str:
    """`values gone from store_id: '367' (1.4 % of the rows before), in none of the last 3 versions`."""
    named = [f"{value!r} ({100 * share:.2g} % of the rows before)" for value, share in shares.items()]
    more = len(named) - _NAMED
    told = ", ".join(named[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
    return f"values gone from {column}: {told}, in none of the last {counted(versions, 'version')}"
