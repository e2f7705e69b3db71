"""A figure beside what its past foretold, as a plot. Pure."""

from __future__ import annotations

from typing import Any

from platform_resources.quality.anomaly_texts import value_text
from platform_resources.quality.features import Feature
from platform_resources.serving.anomalies import AnomalyOut
from platform_resources.serving.portal import plots
from platform_resources.serving.portal.plots import Figure

_UNITS = {"rows": "rows", "rows of the day": "rows", "age": "days", "gap": "days"}  # of others the column's, or shares


def unusual_figure(one: AnomalyOut, number: int) -> Figure | None:
    """What was seen, version by version, on the interval in which it was expected; None of fewer than two versions."""
    seen = [point for point in one.points if point.seen is not None]
    if len(seen) < 2:
        return None
    feature = Feature(one.kind, one.column)  # type: ignore[arg-type]
    unit = "percent" if feature.is_share else _UNITS.get(one.kind)
    times = 100.0 if unit == "percent" else 1.0
    values = [
        {
            "at": f"{point.day.isoformat()}T00:00:00Z",
            **{name: _times(getattr(point, name), times) for name in ("seen", "low", "high")},
            "unusual": point.unusual,
        }
        for point in seen
    ]
    rows = tuple(
        (
            f"#{point.publication}",
            point.day.isoformat(),
            value_text(feature, point.seen),
            f"{value_text(feature, point.low)} to {value_text(feature, point.high)}" if point.low is not None else "",
            "unusual" if point.unusual else "",
        )
        for point in reversed(seen)
    )
    head = ("Publication", "Day", "Seen", "Expected", "")
    spec = {"width": plots.WIDTH, "height": 110, "layer": _layers(unit)}
    name = one.figure[:1].upper() + one.figure[1:]
    says = f"{one.told[:1].upper()}{one.told[1:]}. The band is what was expected of each version."
    return Figure(f"unusual-{number}", name, says, plots.framed(spec, values), head, rows)


def _layers(unit: str | None) -> list[dict[str, Any]]:
    x = plots.time_axis("%d %b")
    axis = {"tickCount": 3, "grid": True}
    y = {"field": "seen", "type": "quantitative", "title": unit, "scale": {"zero": False}, "axis": axis}
    return [
        {
            "transform": [{"filter": "datum.low != null"}],
            "mark": {"type": "area", "color": plots.SOFT, "opacity": 0.25, "interpolate": "monotone"},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {"mark": {"type": "line", "color": plots.MAIN, "strokeWidth": 1.5}, "encoding": {"x": x, "y": y}},
        {
            "transform": [{"filter": "datum.unusual"}],
            "mark": {"type": "point", "color": plots.BAD, "filled": True, "size": 50},
            "encoding": {"x": x, "y": y},
        },
    ]


def _times(value: float | None, times: float) -> float | None:
    return None if value is None else round(times * value, 6)
