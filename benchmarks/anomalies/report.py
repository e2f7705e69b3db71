"""What was replayed as one HTML file: no script, nothing from the network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup, escape

from benchmarks.anomalies.faults import KINDS, Fault
from benchmarks.anomalies.figures import FalseAlarm, Found, Quiet
from benchmarks.anomalies.replaying import Finding
from platform_resources.contracts.wording import counted
from platform_resources.quality.anomalies import NEEDED, Anomaly
from platform_resources.serving.anomalies import anomaly_out
from platform_resources.serving.portal.plots_drawn import Plotter
from platform_resources.serving.portal.plots_unusual import unusual_figure

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2433; --soft: #5b6472; --line: #d9dde3; --page: #fff; --tint: #f4f6f8;
  --plot-ink: #1d2433; --plot-soft: #5b6472; --plot-line: #d9dde3; --plot-main: #2f6fb3; --plot-bad: #b3261e;
  --plot-promise: #8a6d1d; --good: #1e7a46; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #a3acb9; --line: #39414d; --page: #14181f;
  --tint: #1c222b; --plot-ink: #e6e9ee; --plot-soft: #a3acb9; --plot-line: #39414d; --plot-main: #7fb2e8;
  --plot-bad: #ff8a80; --good: #6fd19a; --bad: #ff8a80 } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 0 auto;
  max-width: 60rem; padding: 1.5rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.25rem; margin-top: 2.2rem } p, li { max-width: 46rem }
.wide { overflow-x: auto } .wide td { min-width: 5.5rem }
table { border-collapse: collapse; font-size: .93rem; margin: .8rem 0 }
th, td { text-align: left; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
thead th { color: var(--soft); font-weight: 600 } .num { text-align: right; font-variant-numeric: tabular-nums }
small, .dim { color: var(--soft) } .good { color: var(--good) } .bad { color: var(--bad) }
figure { margin: 1.2rem 0; padding: .8rem 1rem; background: var(--tint); border-radius: .4rem; max-width: 34rem }
figcaption { font-size: .93rem; margin-bottom: .4rem } svg { width: 100%; height: auto; display: block }
summary { cursor: pointer; color: var(--soft) }
"""


@dataclass(frozen=True)
class Told:
    """All that a replay told. `tuning`: the faults are on the days that the detector was tuned on."""

    days: tuple[date, ...]
    tuned_on: tuple[date, date]
    held_out: tuple[date, date]
    false: tuple[FalseAlarm, ...]
    quiet_tuned: tuple[Quiet, ...]
    quiet_held_out: tuple[Quiet, ...]
    findings: tuple[Finding, ...]
    found: tuple[Found, ...]
    tuning: bool


def report(told: Told) -> str:
    parts = [_how(told), _quiet(told), _found(told), _pictures(told), _missed(told), _listed(told)]
    page = Markup(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width"><title>A year of anomalies, replayed</title><style>{style}</style></head>'
        "<body><h1>A year of anomalies, replayed</h1>{parts}</body></html>\n"
    )
    return page.format(style=Markup(_STYLE), parts=Markup("\n").join(parts))


def _how(told: Told) -> Markup:
    return Markup(
        "<p>{days} of receipts, published by dunnhumby/84.51°, from {first} to {last} on the replay's calendar. Every "
        "morning at six what happened since the morning before lands, and a version of each product is made. The stock "
        "is derived from the sales, the customers' phone numbers are synthetic.</p>"
        "<p>Each version is profiled and judged by the functions that the mesh itself calls when it publishes. The "
        "products' tables are made by the domains' own SQL directly in DuckDB, day by day, and not by {count} builds "
        "in Dagster. The lifetime value and the demand forecast are left out: Python models of seconds to minutes, "
        "the first of which needs 304 days before its first version.</p>"
        "<p>The first {needed} versions are learned from and not judged. The detector's few constants were set by "
        "the days to {tuned}; what counts is {held}: days that it was not tuned on (but for one: the share of the rows "
        "that a value must have had to be called gone), and faults drawn by another seed.</p>"
    ).format(
        days=counted(len(told.days), "day"),
        first=told.days[0],
        last=told.days[-1],
        count=len(told.days),
        needed=NEEDED,
        tuned=told.tuned_on[1],
        held=f"{told.held_out[0]} to {told.held_out[1]}",
    )


def _quiet(told: Told) -> Markup:
    rows = (
        (
            tuned.product,
            f"{tuned.per_month:.2f}",
            f"{held.per_month:.2f}",
            f"{held.alarms} of {held.days}",
            held.figures,
        )
        for tuned, held in zip(told.quiet_tuned, told.quiet_held_out, strict=True)
    )
    head = ("Product", "A month, tuned on", "A month, held out", "Versions, held out", "Figures")
    says = Markup(
        "<h2>False alarms</h2><p>Versions of the year as it was with which an alarm begins. The aim is one a product "
        "and month at most. Some days were unusual indeed: the closed 25 December, Thanksgiving, the sweets of "
        "Halloween, and store 361, which sells nothing after the first of October.</p>"
    )
    return says + _table(head, rows, numbers=4)


def _found(told: Told) -> Markup:
    products = list(dict.fromkeys(one.product for one in told.found))
    cells = {(one.kind, one.product): _cell(one) for one in told.found}
    rows = ((kind.capitalize(), *(cells[kind, product] for product in products)) for kind in KINDS)
    where = "on the days tuned on" if told.tuning else "on the days held out"
    says = Markup(
        "<h2>Faults that were found, {where}</h2><p>Of those that change a product at all, and after how many versions "
        "(median; 1 is the first version that holds the fault). A version counts as found by an alarm that the year as "
        "it was has not.</p>"
    ).format(where=where)
    return says + _table(("Fault", *products), rows)


def _cell(one: Found) -> Markup:
    if not one.touched:
        return Markup('<span class="dim">does not change it</span>')
    state = "good" if one.found == one.touched else "bad" if not one.found else ""
    after = "" if one.versions is None else f" after {one.versions:g}"
    return Markup('<span class="{state}">{found} of {touched}</span>{after}').format(
        state=state, found=one.found, touched=one.touched, after=after
    )


def _pictures(told: Told) -> Markup:
    """Of each kind the first fault that was found, as its owners see it in the portal."""
    shown = {}
    for one in told.findings:
        if one.anomaly is not None and one.anomaly.points:
            shown.setdefault(one.fault.kind, one)
    figures = {}
    for at, (kind, one) in enumerate(shown.items(), 1):
        figure = unusual_figure(anomaly_out(one.anomaly), at) if one.anomaly else None
        if figure is not None:
            figures[kind] = figure
    plotter = Plotter()
    drawn = plotter.draw(list(figures.values()))
    plotter.close()
    parts = [
        Markup(
            "<figure><figcaption><b>{kind}</b>, {told}, from {day} on, in {product}. {says}</figcaption>{svg}</figure>"
        ).format(
            kind=kind.capitalize(),
            told=shown[kind].fault.told,
            day=shown[kind].fault.day,
            product=shown[kind].product,
            says=f"{one.figure.title}: {one.figure.says}",
            svg=one.svg or "",
        )
        for kind, one in zip(figures, drawn, strict=True)
    ]
    return Markup("<h2>As owners see them</h2>") + Markup("").join(parts)


def _missed(told: Told) -> Markup:
    missed: dict[Fault, list[str]] = {}
    for one in told.findings:
        if one.touched is not None and one.found is None:
            missed.setdefault(one.fault, []).append(one.product)
    rows = ((fault.kind.capitalize(), fault.told, fault.day, ", ".join(names)) for fault, names in missed.items())
    return Markup("<h2>Faults that were not found</h2>") + _table(("Fault", "What", "Day", "Not found in"), rows)


def _listed(told: Told) -> Markup:
    rows = ((one.product, one.day, _says(one.anomalies)) for one in told.false)
    listed = _table(("Product", "Version of", "What was unusual"), rows)
    return Markup(
        "<h2>Every false alarm</h2><details><summary>{count}, both halves of the year</summary>{listed}</details>"
    ).format(count=counted(len(told.false), "version"), listed=listed)


def _says(anomalies: tuple[Anomaly, ...]) -> Markup:
    return Markup("<br>").join(one.says + (f" ({one.deviations:g} ×)" if one.deviations else "") for one in anomalies)


def _table(head: tuple[str, ...], rows: Iterator[tuple[object, ...]], numbers: int = 0) -> Markup:
    """`numbers`: how many of the last columns hold some."""
    first = len(head) - numbers
    body = [
        Markup("<tr>") + Markup("").join(_cell_of(cell, at >= first) for at, cell in enumerate(row)) + Markup("</tr>")
        for row in rows
    ]
    if not body:
        return Markup('<p class="dim">None.</p>')
    titles = Markup("").join(
        Markup("<th{kind}>{name}</th>").format(kind=_kind(at >= first), name=name) for at, name in enumerate(head)
    )
    return Markup(
        '<div class="wide"><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'
    ).format(titles=titles, body=Markup("").join(body))


def _cell_of(cell: object, is_number: bool) -> Markup:
    return Markup("<td{kind}>{cell}</td>").format(kind=_kind(is_number), cell=escape(cell))


def _kind(is_number: bool) -> Markup:
    return Markup(' class="num"') if is_number else Markup("")
