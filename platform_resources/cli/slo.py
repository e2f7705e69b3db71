"""`mesh slo`: service levels over the promised window, and how much of their error budgets is left."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from platform_resources.cli.availability import STATES, budget_text, percent_text
from platform_resources.cli.common import AnyProductArgument, JsonFlag, named_ports
from platform_resources.cli.output import console, duration, errors, print_json, table
from platform_resources.lake import MeshSettings, utc_now

if TYPE_CHECKING:
    from platform_resources.operations import PortLevels, ServiceLevel
    from platform_resources.operations.objectives import Kind


def add_to(app: typer.Typer) -> None:
    """Register the command of this module."""
    app.command(name="slo")(slo_command)


def slo_command(
    product: AnyProductArgument = None,
    json_output: JsonFlag = False,
) -> None:
    """Service levels: freshness, completeness and availability over the promised window, and their error budgets."""
    found, unreadable = _found(product)
    if json_output:
        print_json({"ports": [_record(one) for one in found], "unreadable": unreadable})
    else:
        if not found and not unreadable:
            errors.print("no product has a port yet", highlight=False)
        for index, one in enumerate(found):
            if index:
                console.print()
            _print_levels(one)
            if product is not None and one.columns:
                _print_columns(one)
        for message in unreadable:
            errors.print(f"[red]not told:[/] {escape(message)}", highlight=False)
    raise typer.Exit(1 if unreadable else 0)


def _found(product: str | None) -> tuple[list[PortLevels], list[str]]:
    """The levels of one product's ports, or of all; and of which a lake can't be read."""
    from platform_resources.access import Access, AccessError  # noqa: PLC0415  (0.5 s that `mesh --help` doesn't need)
    from platform_resources.catalog.view import CatalogView  # noqa: PLC0415
    from platform_resources.operations import levels_of  # noqa: PLC0415

    found, unreadable, now = [], [], utc_now()
    with (
        Access(MeshSettings.from_env(), personas=False) as access,
        closing(CatalogView(access.settings, access.guard.lakes, access.control)) as view,
    ):
        for state in named_ports(view, product):
            try:
                found.append(levels_of(access, view, state, now))
            except AccessError as error:
                unreadable.append(f"{error.message}. {error.remedy or ''}".strip())
    return found, unreadable


def _print_levels(one: PortLevels) -> None:
    from platform_resources.operations.objectives import BURN_WINDOWS  # noqa: PLC0415  (as above)

    console.print(f"[bold]{one.port}[/]", highlight=False)
    if not one.told:
        console.print("[dim]nothing is promised[/]")
        return
    made = table(
        *("level", "state", ("promised", "right"), ("measured", "right"), ("missed", "right")),
        *(("budget left", "right"), (f"burn {', '.join(BURN_WINDOWS)}", "right")),
    )
    for column, width in zip(made.columns, (12, 7, 14, 17, 10), strict=False):
        column.min_width = width  # so that the tables of several ports stand below each other
    for kind, level in one.told.items():
        made.add_row(*_cells(kind, level))
    console.print(made)


def _cells(kind: Kind, level: ServiceLevel) -> list[str]:
    objective, counts = level.objective, level.measured is not None
    counted = duration(objective.window * level.coverage / 100, 1)
    return [
        kind,
        f"[{STATES[level.state]}]{level.state}[/]",
        "–" if objective.percent is None else f"{objective.percent:g} % of {duration(objective.window, 1)}",
        f"{percent_text(level.measured)} % of {counted}" if counts else "–",
        "–" if not counts else duration(level.missed) if level.missed else "none",
        "none allowed" if level.budget_left == timedelta(0) == objective.budget else budget_text(level),
        "  ".join("–" if rate is None else f"{rate:.1f}" for rate in level.burn.values()),
    ]


def _print_columns(one: PortLevels) -> None:
    made = table("column", *((title, "right") for title in ("promised %", "now %", "worst %")))
    for column in one.columns:
        values = (column.promised, column.now, column.worst)
        made.add_row(escape(column.column), *(percent_text(value) for value in values))
    console.print(made)


def _record(one: PortLevels) -> dict[str, Any]:
    """For JSON: percentages 0-100, lengths of time in seconds."""
    return {
        "port": one.port,
        "levels": [_level_record(kind, level) for kind, level in one.told.items()],
        "columns": [
            {
                "column": column.column,
                "promised_percent": column.promised,
                "current_percent": column.now,
                "worst_percent": column.worst,
            }
            for column in one.columns
        ],
    }


def _level_record(kind: Kind, level: ServiceLevel) -> dict[str, Any]:
    return {
        "kind": kind,
        "state": level.state,
        "objective_percent": level.objective.percent,
        "window_seconds": level.objective.window,
        "measured_percent": level.measured,
        "coverage_percent": level.coverage,
        "missed_seconds": level.missed,
        "budget_seconds": level.objective.budget,
        "budget_left_seconds": level.budget_left,
        "budget_left_percent": level.budget_left_percent,
        "burn_rates": dict(level.burn),
    }
