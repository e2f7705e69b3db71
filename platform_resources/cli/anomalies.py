"""`mesh anomalies`: what is unusual about what is served, beside the versions before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from platform_resources.cli.common import JsonFlag, no_product
from platform_resources.cli.output import console, errors, moment, print_json
from platform_resources.contracts.wording import counted
from platform_resources.lake import MeshSettings

if TYPE_CHECKING:
    from platform_resources.quality.anomalies import Anomaly, Judged, Point
    from platform_resources.quality.features import Feature

_LINES = 7
_SEEN, _UNUSUAL, _USUAL = "•", "●", "░"


def add_to(app: typer.Typer) -> None:
    """Register the command of this module."""
    app.command(name="anomalies")(anomalies_command)


def anomalies_command(
    product: Annotated[
        str | None, typer.Argument(help="crm.customer_360, or one port; without it, all.", show_default=False)
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """What is unusual about the served versions beside those before them; it keeps nothing from being published."""
    found, unreadable = _found(product)
    if json_output:
        print_json({"ports": [_record(port, judged) for port, judged in found], "unreadable": unreadable})
    else:
        for port, judged in found:
            _print_judged(port, judged)
        if not found and not unreadable:
            errors.print("no product has a port yet", highlight=False)
        for message in unreadable:
            errors.print(f"[red]not told:[/] {escape(message)}", highlight=False)
    raise typer.Exit(1 if unreadable else 0)


def _found(product: str | None) -> tuple[list[tuple[str, Judged]], list[str]]:
    """(address, what was found) of one product's ports, or of all; and of which a lake can't be read."""
    import duckdb  # noqa: PLC0415  (0.5 s with the next ones, which `mesh --help` doesn't need)

    from platform_resources.catalog.anomalies import anomalies_of  # noqa: PLC0415
    from platform_resources.catalog.view import CatalogView  # noqa: PLC0415

    found, unreadable = [], []
    with closing(CatalogView(MeshSettings.from_env())) as view:
        named = [state for state in view.ports() if product in (None, state.port.address, state.product.address)]
        if product is not None and not named:
            no_product(product)
        for state in named:
            try:
                found.append((state.port.address, anomalies_of(view, state)))
            except duckdb.Error:
                unreadable.append(f"{state.port.address}: its lake can't be read; `mesh fsck` tells damage")
    return sorted(found, key=lambda one: one[0]), unreadable


def _print_judged(port: str, judged: Judged) -> None:
    found = judged.anomalies
    verdict = f"[yellow]{len(found)} unusual[/]" if found else f"[dim]{judged.says}[/]"
    console.print(f"[bold]{port}[/]  {verdict}", highlight=False)
    for anomaly in found:
        console.print(f"  [yellow]{escape(anomaly.says)}[/]", highlight=False)
        console.print(f"  [dim]{escape(_standing(anomaly))}[/]", highlight=False)
        for line in plot(anomaly.feature, anomaly.points):
            console.print(f"    {line}", highlight=False)


def _standing(anomaly: Anomaly) -> str:
    since = f"since version {anomaly.since} of {moment(anomaly.since_at)}, {counted(anomaly.versions, 'version')}"
    return since if not anomaly.deviations else f"{anomaly.deviations:g} times the usual deviation; {since}"


def plot(feature: Feature, points: Sequence[Point]) -> Iterator[str]:
    """Lines of markup: what was seen of each version, and the interval in which that was expected."""
    from platform_resources.quality.anomaly_texts import value_text  # noqa: PLC0415  (as above)

    seen = [point for point in points if point.seen is not None]
    if len(seen) < 2:
        return
    every = [value for p in seen for value in (p.seen, p.low, p.high) if value is not None]
    bottom, top = min(every), max(every)
    height = (top - bottom) or 1.0

    def line(value: float) -> int:
        return round((_LINES - 1) * (value - bottom) / height)

    columns = [_column(point, line) for point in seen]
    for at in range(_LINES - 1, -1, -1):
        label = value_text(feature, {_LINES - 1: top, 0: bottom}[at]) if at in (0, _LINES - 1) else ""
        yield f"[dim]{label:>9}[/] {''.join(column[at] for column in columns)}"
    yield f"[dim]{'':>9} {seen[0].day.isoformat()} to {seen[-1].day.isoformat()}; {_USUAL} expected[/]"


def _column(point: Point, line: Any) -> list[str]:
    cells = [" "] * _LINES
    if point.low is not None and point.high is not None:
        for at in range(line(point.low), line(point.high) + 1):
            cells[at] = f"[dim]{_USUAL}[/]"
    assert point.seen is not None
    cells[line(point.seen)] = f"[bold yellow]{_UNUSUAL}[/]" if point.unusual else _SEEN
    return cells


def _record(port: str, judged: Judged) -> dict[str, Any]:
    """For JSON: shares 0-1, ages in days."""
    return {
        "port": port,
        "known_versions": judged.known,
        "needed_versions": judged.needed,
        "learning": judged.learning,
        "watched_figures": judged.watched,
        "anomalies": [_anomaly_record(one) for one in judged.anomalies],
    }


def _anomaly_record(one: Anomaly) -> dict[str, Any]:
    plain = asdict(one)
    feature = plain.pop("feature")
    return {"figure": one.feature.title, **feature, **plain}
