"""The results as people see them: a table and a plot. Pure: from what was measured to text and a specification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.quality.machine import machine_text
from platform_resources.contracts.wording import counted

OURS, SCAN = "this project", "scan of the columns (the limit)"
_ROWS = {1: "6 M rows", 10: "60 M rows"}
_SLOW = ("dbt", "datacontract")
_WIDTH, _BAR = 300, 22  # pixels


@dataclass(frozen=True)
class Aims:
    """At most so many times the scan, at least so many times faster than others, at most this share of their memory."""

    scan: float = 1.15
    fastest: float = 3.0
    slow: float = 8.0
    memory: float = 0.25


@dataclass(frozen=True)
class Line:
    """One tool at one scale. `why` tells in words why there are no figures."""

    title: str
    checks: int | None
    seconds: float | None
    peak_mb: float | None
    runs: int
    why: str = ""
    version: str = ""


def lines(figures: Mapping[str, Any]) -> list[Line]:
    """All of one scale: ours, the scan, then the tools as they were measured."""
    ours = Line(OURS, figures["rules"], figures["audit_seconds"], figures["audit_peak_mb"], figures["runs"])
    scan = Line(SCAN, None, figures["scan_seconds"], figures["scan_peak_mb"], figures["runs"])
    tools = (
        Line(
            *(tool["title"], len(tool["checks"]), tool["seconds"], tool["peak_mb"], tool["runs"], tool["why"]),
            version=tool["versions"][0].partition("==")[2],
        )
        for tool in figures["tools"]
    )
    return [ours, scan, *tools]


def table(results: Mapping[str, Any]) -> str:
    """The table as Markdown, fastest first, with what was measured on, below."""
    scales = results["scales"]
    head = ["tool", f"of {scales[0]['rules']} rules"]
    for one in scales:
        head += [f"SF{one['scale']}, {_ROWS.get(one['scale'], 'seconds')}", "peak memory"]
    rows = [_row(title, scales) for title in _order(scales)]
    ruler = "|---|" + "--:|" * (len(head) - 1)
    return "\n".join([_line(head), ruler, *map(_line, rows), "", _measured_on(results) + _appended(scales)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _order(scales: Sequence[Mapping[str, Any]]) -> list[str]:
    """Titles by the seconds of the first scale at which they have any; ours and the scan lead."""
    first = lines(scales[0])
    tools = sorted(first[2:], key=lambda line: line.seconds if line.seconds is not None else float("inf"))
    return [OURS, SCAN, *(line.title for line in tools)]


def _row(title: str, scales: Sequence[Mapping[str, Any]]) -> list[str]:
    found = [next(line for line in lines(one) if line.title == title) for one in scales]
    ours = [one["audit_seconds"] for one in scales]
    checks = max((line.checks or 0 for line in found), default=0)
    name = f"**{title}**" if title == OURS else f"{title} {found[0].version}".strip()
    cells = [name, str(checks) if found[0].checks is not None else "–"]
    for line, reference in zip(found, ours, strict=True):
        cells += _cells(line, reference)
    return cells


def _cells(line: Line, reference: float) -> list[str]:
    if line.seconds is None or line.peak_mb is None:
        return [line.why, "–"]
    times = "" if line.title in (OURS, SCAN) else f" ({line.seconds / reference:.1f} ×)"
    seconds = f"{line.seconds:.2f} s" if line.seconds < 10 else f"{line.seconds:.1f} s"
    return [seconds + times, f"{line.peak_mb:,.0f} MB"]


def _measured_on(results: Mapping[str, Any]) -> str:
    most = results["scales"][0]["runs"]
    fewer = [
        f"{line.title} SF{one['scale']}: {line.runs}"
        for one in results["scales"]
        for line in lines(one)
        if line.seconds is not None and line.runs < most
    ]
    less = f" (fewer where one takes long: {', '.join(fewer)})" if fewer else ""
    return (
        f"Whole processes, medians of {counted(most, 'run')}{less}. "
        f"{machine_text(results['machine'])}; {results['measured']}."
    )


def _appended(scales: Sequence[Mapping[str, Any]]) -> str:
    """What an audit after 1 % of new rows costs, where that was measured."""
    shares = [f"{100 * one['appended']['ratio']:.1f} % (SF{one['scale']})" for one in scales if "appended" in one]
    if not shares:
        return ""
    return f" After 1 % of `lineitem` was appended, an audit takes {' and '.join(shares)} of the time for all its rows."


def verdicts(figures: Mapping[str, Any], aims: Aims) -> Iterator[tuple[str, str, str, bool]]:
    """The aims at one scale: what, measured, asked, met."""
    ours, scan, *tools = lines(figures)
    ratio = ours.seconds / scan.seconds
    yield "against the scan", f"{ratio:.2f} ×", f"≤ {aims.scan:g} ×", ratio <= aims.scan
    measured = [line for line in tools if line.seconds is not None]
    if measured:
        fastest = min(measured, key=lambda line: line.seconds or 0.0)
        times = (fastest.seconds or 0.0) / ours.seconds
        yield f"faster than {fastest.title}", f"{times:.1f} ×", f"≥ {aims.fastest:g} ×", times >= aims.fastest
        smallest = min(measured, key=lambda line: line.peak_mb or 0.0)
        share = ours.peak_mb / (smallest.peak_mb or 1.0)
        yield f"memory of {smallest.title}", f"{share:.2f} ×", f"≤ {aims.memory:g} ×", share <= aims.memory
    for tool in figures["tools"]:
        if tool["name"] in _SLOW and tool["seconds"] is not None:
            times = tool["seconds"] / ours.seconds
            yield f"faster than {tool['title']}", f"{times:.1f} ×", f"≥ {aims.slow:g} ×", times >= aims.slow


def plot(results: Mapping[str, Any]) -> dict[str, Any]:
    """Bars of seconds for each scale, side by side, as a Vega-Lite specification; colours are CSS variables."""
    order = _order(results["scales"])
    ink, soft = "var(--ink)", "var(--soft)"
    axis = {"labelColor": ink, "titleColor": soft, "gridColor": "var(--line)", "domain": False, "ticks": False}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": None,
        "hconcat": [_panel(one, order, first=index == 0) for index, one in enumerate(results["scales"])],
        "spacing": 24,
        "config": {
            "view": {"stroke": None},
            "axis": {**axis, "labelFontSize": 12, "labelLimit": 220, "labelPadding": 6},
            "title": {"color": ink, "fontSize": 13, "anchor": "start"},
        },
    }


def _panel(figures: Mapping[str, Any], order: Sequence[str], first: bool) -> dict[str, Any]:
    ours = figures["audit_seconds"]
    values = [
        {
            "tool": line.title,
            "seconds": line.seconds or 0,
            "colour": {OURS: "var(--main)", SCAN: "var(--line)"}.get(line.title, "var(--other)"),
            "told": line.why if line.seconds is None else _cells(line, ours)[0],
        }
        for line in lines(figures)
    ]
    longest = max(value["seconds"] for value in values)
    labels = {"labels": first, "title": None, "grid": False}
    place = {"field": "tool", "type": "nominal", "sort": list(order), "axis": labels}
    length = {"field": "seconds", "type": "quantitative", "scale": {"domain": [0, longest * 1.45]}, "axis": None}
    return {
        "title": f"SF{figures['scale']}: {_ROWS.get(figures['scale'], '')}, seconds",
        "width": _WIDTH,
        "height": {"step": _BAR},
        "data": {"values": values},
        "encoding": {"y": place, "x": length},
        "layer": [
            {
                "mark": {"type": "bar", "height": {"band": 0.7}},
                "encoding": {"color": {"field": "colour", "type": "nominal", "scale": None}},
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 5, "color": "var(--ink)", "fontSize": 12},
                "encoding": {"text": {"field": "told"}},
            },
        ],
    }
