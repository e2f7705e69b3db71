"""What is plotted, as Vega-Lite specifications, each with its figures in words. Pure: `plots_drawn` makes pictures.

Colours are CSS variables, so that one picture fits light and dark; every figure is told as a table, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from platform_resources.contracts.wording import counted
from platform_resources.serving.portal.filters import duration
from platform_resources.serving.quality import PublicationOut

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
MOST_POINTS = 60  # of one line: more are closer than the width of a line
WIDTH = 400  # pixels of the area that is drawn in, before the browser fits it to the page

_BAND = 34  # pixels
_FEW = 15  # publications up to which each has its point
_INK, SOFT, _LINE = "var(--plot-ink)", "var(--plot-soft)", "var(--plot-line)"
MAIN, _PROMISE, BAD = "var(--plot-main)", "var(--plot-promise)", "var(--plot-bad)"
_UNITS = ((86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))
_CONFIG = {
    "view": {"stroke": None},
    "axis": {
        **{"labelColor": SOFT, "titleColor": SOFT, "gridColor": _LINE, "domainColor": _LINE, "tickColor": _LINE},
        **{"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal", "grid": False},
    },
    "text": {"fill": _INK, "fontSize": 12},
}


@dataclass(frozen=True)
class Figure:
    """A plot: what it shows in a sentence, how it is drawn, and its figures as a table."""

    name: str  # for ids on the page: "score"
    title: str
    says: str
    spec: Mapping[str, Any]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def score_figure(log: Sequence[PublicationOut], trend: str | None = None) -> Figure | None:
    """The score of each publication, in all and by dimension, and its shares; `log` is newest first.

    `trend`: of the score, in words. None with fewer than two publications.
    """
    shown = [item for item in reversed(log) if item.kind != "retire"][-MOST_POINTS:]
    if len(shown) < 2:
        return None
    scored = [item.scores | _shares(item) for item in shown]
    names = sorted({name for found in scored for name in found})
    values = [
        {"of": name, "at": _moment(item.published_at), "score": score}
        for item, found in zip(shown, scored, strict=True)
        for name, score in (("score", item.score), *found.items())
    ]
    first, last = shown[0], shown[-1]
    lowest = min(value["score"] for value in values)
    for value in values:
        value["place"] = _band(["score", *names].index(value["of"]), value["score"], lowest)
    ends = [value | {"told": f"{value['score']:.1f}"} for value in values if value["at"] == _moment(last.published_at)]
    begins = [{"of": name.capitalize(), "place": -i - 0.5} for i, name in enumerate(["score", *names])]
    bands = {"scale": {"domain": [-1 - len(names), 0], "nice": False}, "axis": None}
    place = {"field": "place", "type": "quantitative", **bands}
    points = {"color": MAIN, "size": 14} if len(shown) <= _FEW else False
    spec = {
        **{"width": WIDTH, "height": _BAND * (1 + len(names))},
        # One view with a band for each: a facet of views, each with axes of its own, takes twice as long.
        "layer": [
            {
                "mark": {"type": "line", "color": MAIN, "strokeWidth": 1.5, "point": points},
                "encoding": {
                    "x": time_axis("%d %b %H:%M", room=108),
                    "y": place,
                    "detail": {"field": "of", "type": "nominal"},
                },
            },
            {
                "data": {"values": ends},
                "mark": {"type": "text", "align": "left", "dx": 8},
                "encoding": {"x": {"field": "at", "type": "temporal"}, "y": place, "text": {"field": "told"}},
            },
            {
                "data": {"values": begins},
                "mark": {"type": "text", "align": "left"},
                "encoding": {"x": {"value": 0}, "y": place, "text": {"field": "of"}},
            },
        ],
    }
    says = (
        f"{len(shown)} publications, {_day(first.published_at)} to {_day(last.published_at)}: "
        f"the score went from {first.score:g} to {last.score:g}{f', {trend}' if trend else ''}; the lowest of any "
        f"figure was {lowest:g}."
    )
    rows = tuple(
        (f"#{item.number}", _told(item.published_at), *(_figure(s) for s in (item.score, *map(found.get, names))))
        for item, found in reversed(list(zip(shown, scored, strict=True)))
    )
    head = ("Publication", "At (UTC)", "Score", *(name.capitalize() for name in names))
    return Figure("score", "Score by publication", says, framed(spec, values), head, rows)


def _shares(item: PublicationOut) -> dict[str, float]:
    """Completeness and accuracy in percent, told apart from the dimensions of these names."""
    shares = {"completeness, %": item.completeness_percent, "accuracy, %": item.accuracy_percent}
    return {name: value for name, value in shares.items() if value is not None}


def age_figure(log: Sequence[PublicationOut], promised_seconds: float | None) -> Figure | None:
    """How old the data got before the next publication, against the age that is promised; `log` is newest first.

    What is served now is left out: its age grows, so that no picture of it could be kept. None with fewer than two.
    """
    every = [item for item in reversed(log) if item.kind != "retire"][-MOST_POINTS:]
    shown, until = every[:-1], [item.published_at for item in every[1:]]
    if len(shown) < 2:
        return None
    times = zip(shown, until, strict=True)
    ages = [max(0.0, (end - (item.data_as_of or item.published_at)).total_seconds()) for item, end in times]
    length, unit = _unit(max([*ages, promised_seconds or 0.0]))
    values = [
        {"at": _moment(item.published_at), "age": round(age / length, 3), "late": _is_late(age, promised_seconds)}
        for item, age in zip(shown, ages, strict=True)
    ]
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "bar", "width": max(2, min(14, WIDTH // (2 * len(shown))))},
            "encoding": {
                "x": time_axis("%d %b %H:%M"),
                "y": {
                    **{"field": "age", "type": "quantitative", "title": unit, "scale": {"zero": True}},
                    "axis": {"tickCount": 3, "grid": True},
                },
                "color": {"condition": {"test": "datum.late", "value": BAD}, "value": MAIN},
            },
        }
    ]
    if promised_seconds is not None:
        layers.append(_promise_line(promised_seconds / length))
    late = sum(value["late"] for value in values)
    promise = "nothing is promised" if promised_seconds is None else f"the promise is {duration(promised_seconds)}"
    says = (
        f"The oldest that readers got, of each of {len(shown)} publications before the one that is served: at most "
        f"{duration(max(ages))}, where "
        f"{promise}" + ("." if promised_seconds is None else f"; {late} of them got older than that.")
    )
    rows = tuple(
        (
            f"#{item.number}",
            _told(item.published_at),
            duration(age),
            "late" if _is_late(age, promised_seconds) else "",
        )
        for item, age in reversed(list(zip(shown, ages, strict=True)))
    )
    spec = {"width": WIDTH, "height": 110, "layer": layers}
    head = ("Publication", "At (UTC)", "Oldest that readers got", "Promise")
    return Figure("age", "Age of the data", says, framed(spec, values), head, rows)


def availability_figure(days: Sequence[tuple[date, float]], promised_percent: float | None) -> Figure | None:
    """The share of each day (UTC) on which the port answered: percent, oldest first. None without one."""
    if not days:
        return None
    values = [
        {
            "at": f"{day.isoformat()}T00:00:00Z",
            "up": round(up, 4),
            "low": promised_percent is not None and up < promised_percent,
        }
        for day, up in days
    ]
    lowest = min([up for _, up in days] + [promised_percent or 100.0])
    bottom = max(0.0, lowest - max(0.1, (100 - lowest) * 0.3))
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "bar", "width": max(2, min(14, WIDTH // (2 * len(days))))},
            "encoding": {
                "x": time_axis("%d %b"),
                "y": {
                    **{"field": "up", "type": "quantitative", "title": "percent", "stack": None},
                    "scale": {"domain": [bottom, 100], "zero": False},
                    "axis": {"tickCount": 3, "grid": True},
                },
                "y2": {"datum": bottom},
                "color": {"condition": {"test": "datum.low", "value": BAD}, "value": MAIN},
            },
        }
    ]
    if promised_percent is not None:
        layers.append(_promise_line(promised_percent))
    low = sum(value["low"] for value in values)
    promise = (
        ""
        if promised_percent is None
        else f" {promised_percent:g} % are promised; {counted(low, 'day')} of them below."
    )
    says = f"{counted(len(days), 'day')} probed: {min(up for _, up in days):.3f} % on the worst one.{promise}"
    rows = tuple((day.isoformat(), f"{up:.3f} %") for day, up in reversed(days))
    spec = {"width": WIDTH, "height": 110, "layer": layers}
    return Figure("availability", "Availability by day", says, framed(spec, values), ("Day (UTC)", "Answered"), rows)


def reads_figure(days: Sequence[tuple[date, int]]) -> Figure | None:
    """Reads of each day (UTC), oldest first. None when there were none."""
    if not days:
        return None
    values = [{"at": f"{day.isoformat()}T00:00:00Z", "reads": reads} for day, reads in days]
    spec = {
        **{"width": WIDTH, "height": 80},
        "mark": {"type": "bar", "color": MAIN, "width": max(3, min(14, WIDTH // (2 * len(days))))},
        "encoding": {
            "x": time_axis("%d %b"),
            "y": {
                **{"field": "reads", "type": "quantitative", "title": "reads"},
                "axis": {"tickCount": 3, "grid": True, "format": "d", "tickMinStep": 1},
            },
        },
    }
    total = sum(reads for _, reads in days)
    says = f"{counted(total, 'read')} on {counted(len(days), 'day')}."
    rows = tuple((day.isoformat(), f"{reads:,}") for day, reads in reversed(days))
    return Figure("reads", "Reads by day", says, framed(spec, values), ("Day (UTC)", "Reads"), rows)


def _unit(seconds: float) -> tuple[float, str]:
    """The unit in which a length of time has a number of two digits at most, where there is one."""
    return next(((length, unit) for length, unit in _UNITS if seconds >= 2 * length), _UNITS[-1])


def framed(spec: Mapping[str, Any], values: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "$schema": SCHEMA,
        "background": None,
        "padding": 4,
        "config": _CONFIG,
        "data": {"values": list(values)},
        **spec,
    }


def time_axis(form: str, room: int = 0) -> dict[str, Any]:
    """The axis of time, in UTC; `room` is left free at its beginning, in pixels."""
    axis = {"tickCount": 3, "labelOverlap": True, "title": None, "format": form}
    scale = {"type": "utc", "range": [room, WIDTH - 34]} if room else {"type": "utc", "padding": 14}
    return {"field": "at", "type": "temporal", "title": None, "scale": scale, "axis": axis}


def _band(number: int, score: float, lowest: float) -> float:
    """Where a score stands in the `number`th band from above, each one high: labels of neighbours never meet."""
    bottom = min(lowest, 95.0)
    return -number - 0.7 + 0.4 * (score - bottom) / (100 - bottom)


def _promise_line(at: float) -> dict[str, Any]:
    return {
        "data": {"values": [{"promise": at}]},
        "mark": {"type": "rule", "color": _PROMISE, "strokeDash": [5, 3], "strokeWidth": 1.5},
        "encoding": {"y": {"field": "promise", "type": "quantitative"}},
    }


def _is_late(age: float, promised: float | None) -> bool:
    return promised is not None and timedelta(seconds=age) > timedelta(seconds=promised)


def _moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _told(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _day(at: datetime) -> str:
    return f"{at:%d %b %Y}"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
