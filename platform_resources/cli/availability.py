"""`mesh probe`, `mesh availability`: can the ports be read, and is that as much as was promised?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from platform_resources.cli.common import AnyProductArgument, JsonFlag, no_product, read_mesh
from platform_resources.cli.output import console, duration, errors, moment, print_json, table
from platform_resources.lake import MeshSettings, utc_now

if TYPE_CHECKING:
    from platform_resources.operations import Availability, Probe, ServiceLevel

STATES = {"met": "green", "at risk": "yellow", "broken": "red", "unknown": "dim"}


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command(name="probe")(probe_command)
    app.command(name="availability")(availability_command)


def probe_command(
    url: Annotated[
        str | None,
        typer.Option(
            help="The API to read through, http://...; else MESH_API_URL, else in-process.", show_default=False
        ),
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Read every published port once through its door, and note whether it answers."""
    from platform_resources.operations import probe  # noqa: PLC0415  (SQLAlchemy and httpx)

    report = probe(MeshSettings.from_env(), url)
    if json_output:
        print_json(
            {
                "probes": [_probe_record(one) for one in report.probes],
                "unknown": [{"port": one.port, "reason": one.reason} for one in report.unknown],
            }
        )
    else:
        if report.probes:
            console.print(_probe_table(report.probes))
        for reason, ports in _by_reason((missed.port, missed.reason) for missed in report.unknown).items():
            errors.print(f"[yellow]not judged, and not counted:[/] {escape(reason)} ({ports})", highlight=False)
        if not report.probes and not report.unknown:
            errors.print("no port is published", highlight=False)
    raise typer.Exit(1 if report.down or report.unknown else 0)


def _probe_table(probes: Iterable[Probe]) -> Table:
    made = table("port", "door", "", ("ms", "right"), ("publication", "right"))
    for one in probes:
        verdict = "[green]up[/]" if one.up else f"[red]down: {escape(one.reason or '')}[/]"
        number = "–" if one.publication is None else f"#{one.publication}"
        made.add_row(one.port, escape(one.door), verdict, f"{one.milliseconds:,.0f}", number)
    return made


def _by_reason(told: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Reason -> its ports in one text, from pairs of a port and its reason."""
    found: dict[str, list[str]] = defaultdict(list)
    for port, reason in told:
        found[reason].append(port)
    return {reason: ", ".join(ports) for reason, ports in found.items()}


def availability_command(
    product: AnyProductArgument = None,
    json_output: JsonFlag = False,
) -> None:
    """Availability over the promised window: measured, error budget, how fast it burns."""
    from platform_resources.control import ControlDatabase  # noqa: PLC0415  (SQLAlchemy)
    from platform_resources.operations import availability_of  # noqa: PLC0415

    settings = MeshSettings.from_env()
    mesh, _ = read_mesh(settings)
    ports = [address for address, (owner, _) in mesh.ports.items() if product in (None, address, owner.address)]
    if not ports:
        no_product(product)
    control, now = ControlDatabase(settings), utc_now()
    try:
        found = [availability_of(control, mesh, address, now) for address in sorted(ports)]
    finally:
        control.close()
    if json_output:
        print_json({"availability": [availability_record(one) for one in found]})
        return
    made = table(
        *("port", "state", ("promised %", "right"), ("measured %", "right"), ("probed %", "right")),
        *(("down", "right"), ("budget left", "right"), *((f"burn {name}", "right") for name in found[0].burn)),
        *("last probe", "door"),
    )
    for one in found:
        made.add_row(
            one.port,
            f"[{STATES[one.state]}]{one.state}[/]",
            "–" if one.objective.percent is None else f"{one.objective.percent:g}",
            percent_text(one.measured),
            percent_text(one.coverage, 1),
            duration(one.downtime),
            budget_text(one),
            *("–" if rate is None else f"{rate:.1f}" for rate in one.burn.values()),
            "never" if one.last is None else f"{moment(one.last.at)} {'up' if one.last.up else 'down'}",
            "–" if one.last is None else escape(one.last.door),
        )
    console.print(made)
    down = ((one.port, one.last.reason or "") for one in found if one.last is not None and not one.last.up)
    for reason, named in _by_reason(down).items():
        errors.print(f"[red]down:[/] {escape(reason)} ({named})", highlight=False)


def measured(settings: MeshSettings, port: str) -> Availability | None:
    """The availability of one port; None when nothing was probed yet, or nothing can be told."""
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from platform_resources.control import ControlDatabase, ControlError  # noqa: PLC0415
    from platform_resources.operations import availability_of  # noqa: PLC0415

    control = ControlDatabase(settings)
    if control.is_embedded and not settings.home.is_dir():
        return None
    try:
        found = availability_of(control, read_mesh(settings)[0], port, utc_now())
    except (ControlError, SQLAlchemyError, KeyError):
        return None
    finally:
        control.close()
    return None if found.last is None else found


def measured_text(one: Availability) -> str:
    """`99.982 % measured, 41 min of the error budget left (95 %), met`"""
    last = "" if one.last is None or one.last.up else f"; [red]down now: {escape(one.last.reason or '')}[/]"
    seen = f"{percent_text(one.measured)} % measured, {budget_text(one)} of the error budget left"
    return f"{seen}, [{STATES[one.state]}]{one.state}[/]{last}"


def availability_record(one: Availability) -> dict[str, Any]:
    """For JSON: percentages 0-100, lengths of time in seconds."""
    left = one.budget_left
    return {
        "port": one.port,
        "state": one.state,
        "promised_percent": one.objective.percent,
        "window_seconds": one.objective.window.total_seconds(),
        "measured_percent": one.measured,
        "coverage_percent": one.coverage,
        "downtime_seconds": one.downtime.total_seconds(),
        "budget_left_seconds": None if left is None else left.total_seconds(),
        "budget_left_percent": one.budget_left_percent,
        "burn_rates": dict(one.burn),
        "last_probe": None if one.last is None else _probe_record(one.last),
    }


def budget_text(one: ServiceLevel) -> str:
    """`41 min (95 %)`, below zero when it is overdrawn."""
    if one.budget_left is None:
        return "–"
    share = one.budget_left_percent
    overdrawn = one.budget_left < timedelta(0)
    text = f"-{duration(-one.budget_left)}" if overdrawn else duration(one.budget_left)
    return text if share is None else f"{text} ({share:.0f} %)"


def _probe_record(one: Probe) -> dict[str, Any]:
    return {
        "port": one.port,
        "at": one.at,
        "door": one.door,
        "up": one.up,
        "reason": one.reason,
        "milliseconds": one.milliseconds,
        "publication": one.publication,
    }


def percent_text(value: float | None, digits: int = 3) -> str:
    """Never rounded up: 99.9996 is not 100."""
    if value is None:
        return "–"
    return f"{int(value * 10**digits) / 10**digits:.{digits}f}"
