"""`mesh anomalies`: what is unusual about what is served, beside the versions before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from platform_resources.cli.common import AnyProductArgument, JsonFlag, named_ports
from platform_resources.cli.output import console, errors, moment, print_json
from platform_resources.contracts.wording import counted
from platform_resources.lake import MeshSettings, PortAddress, lake_exists, newest_entry

if TYPE_CHECKING:
    from platform_resources.catalog import PortState
    from platform_resources.catalog.view import CatalogView
    from platform_resources.quality.anomalies import Anomaly, Point
    from platform_resources.quality.features import Feature

_LINES = 7
_SEEN, _UNUSUAL, _USUAL = "•", "●", "░"


def add_to(app: typer.Typer) -> None:
    """Register the command of this module."""
    app.command(name="anomalies")(anomalies_command)


def anomalies_command(
    product: AnyProductArgument = None,
    json_output: JsonFlag = False,
) -> None:
    """What is unusual about the served versions beside those before them; it keeps nothing from being published."""
    found, unreadable = _found(product)
    if json_output:
        print_json({"ports": [_record(state) for state in found], "unreadable": unreadable})
    else:
        for state in found:
            _print_judged(state)
        if not found and not unreadable:
            errors.print("no product has a port yet", highlight=False)
        for message in unreadable:
            errors.print(f"[red]not told:[/] {escape(message)}", highlight=False)
    raise typer.Exit(1 if unreadable else 0)


def _found(product: str | None) -> tuple[list[PortState], list[str]]:
    """The ports of one product, or all; and of which a lake can't be read."""
    from platform_resources.catalog.view import CatalogView  # noqa: PLC0415  (0.5 s that `mesh --help` doesn't need)

    with closing(CatalogView(MeshSettings.from_env())) as view:
        named = named_ports(view, product)
        damaged = {state.product.domain for state in named if _is_damaged(view, state)}
    found = [state for state in named if state.product.domain not in damaged]
    told = [state.port.address for state in named if state.product.domain in damaged]
    return found, [f"{port}: its lake can't be read; `mesh fsck` tells damage" for port in told]


def _is_damaged(view: CatalogView, state: PortState) -> bool:
    """Whether nothing is known of what a port serves: where a lake can't be read, none seems to serve anything."""
    import duckdb  # noqa: PLC0415  (as above)

    port = PortAddress.parse(state.port.address)
    if state.publication is not None or not lake_exists(view.settings, port.domain):
        return False
    try:
        view.told(port, "newest entry", lambda con: newest_entry(con, port))
    except duckdb.Error:
        return True
    return False


def _print_judged(state: PortState) -> None:
    from platform_resources.catalog.anomalies import anomalies_of  # noqa: PLC0415  (as above)

    judged = anomalies_of(state)
    usual = "nothing is served" if state.publication is None else judged.says
    told = f"[yellow]{len(judged.anomalies)} unusual[/]" if judged.anomalies else f"[dim]{usual}[/]"
    console.print(f"[bold]{state.port.address}[/]  {told}", highlight=False)
    for anomaly in judged.anomalies:
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


def _record(state: PortState) -> dict[str, Any]:
    """For JSON: shares 0-1, ages in days."""
    from platform_resources.catalog.anomalies import anomalies_of  # noqa: PLC0415  (as above)

    judged = anomalies_of(state)
    return {
        "port": state.port.address,
        "publication": None if state.publication is None else state.publication.number,
        "judged": judged.profiled,
        "known_versions": judged.known,
        "needed_versions": judged.needed,
        "learning": judged.profiled and judged.learning,
        "watched_figures": judged.watched,
        "anomalies": [_anomaly_record(one) for one in judged.anomalies],
    }


def _anomaly_record(one: Anomaly) -> dict[str, Any]:
    plain, feature = asdict(one), one.feature
    del plain["feature"]
    return {"figure": feature.title, "kind": feature.kind, "column": feature.column, "of": feature.of, **plain}
