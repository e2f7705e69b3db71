"""The figures for people: three tables and the aims."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.aims import Aim
from benchmarks.figures import PHASES, FloorFigures, MeshFigures
from benchmarks.printing import figures_table

WIDTH = 100  # at least; narrower terminals would break the tables
_PRODUCT_PHASES = ("build", "audit", "publish")


def print_report(
    console: Console, floor: FloorFigures, history: float, cold: MeshFigures, tick: MeshFigures, goals: Sequence[Aim]
) -> None:
    """Totals against the floor, the split into phases, the products, the aims."""
    console.print()
    console.print(_totals(floor, history, cold, tick))
    console.print()
    console.print(_phases(cold, tick))
    console.print()
    console.print(_products(cold, tick))
    console.print()
    console.print(_aims(goals))


def _seconds(value: float) -> str:
    return f"{value:.2f} s"


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole > 0.005 else "–"


def _totals(floor: FloorFigures, history: float, cold: MeshFigures, tick: MeshFigures) -> Table:
    made = figures_table("", "wall", "CPU", "× floor", "× floor CPU", "peak memory", "rows ingested")
    made.add_row(
        "floor: plain SQL", _seconds(floor.wall), _seconds(floor.cpu), "1.0", "1.0", f"{floor.peak_mb:,.0f} MB", ""
    )
    made.add_row("[dim]  of it SQL[/]", f"[dim]{_seconds(floor.sql)}[/]", "", "", "", "", "")
    made.add_row("[dim]history landed[/]", f"[dim]{_seconds(history)}[/]", "", "", "", "", "")
    for name, run in (("mesh: cold build", cold), ("mesh: warm tick", tick)):
        made.add_row(
            name,
            _seconds(run.wall),
            _seconds(run.cpu),
            f"{run.wall / floor.wall:.1f}",
            f"{run.cpu / floor.cpu:.1f}",
            f"{run.peak_mb:,.0f} MB",
            f"{run.rows:,.0f}",
        )
    return made


def _phases(cold: MeshFigures, tick: MeshFigures) -> Table:
    made = figures_table("phase", "cold", "share", "tick", "share", "tick / cold")
    made.add_column("what it is")
    for phase, meaning in PHASES.items():
        cells = (cold.phases[phase], cold.wall), (tick.phases[phase], tick.wall)
        made.add_row(
            phase,
            *(text for part, whole in cells for text in (_seconds(part), _percent(part, whole))),
            _percent(tick.phases[phase], cold.phases[phase]),
            f"[dim]{escape(meaning)}[/]",
        )
    made.add_section()
    made.add_row("all", _seconds(cold.wall), "", _seconds(tick.wall), "", _percent(tick.wall, cold.wall), "")
    return made


def _products(cold: MeshFigures, tick: MeshFigures) -> Table:
    made = figures_table("product", "build", "audit", "publish", "audit / build", "tick: build", "audit", "publish")
    for product, phases in sorted(cold.products.items()):
        again = tick.products.get(product)
        made.add_row(
            product,
            *(_seconds(phases[phase]) for phase in _PRODUCT_PHASES),
            _percent(phases["audit"], phases["build"]),
            *(_seconds(again[phase]) if again else "[dim]not due[/]" for phase in _PRODUCT_PHASES),
        )
    return made


def _aims(goals: Sequence[Aim]) -> Table:
    made = figures_table("aim", "measured", "at most", "")
    made.add_column("")
    for aim in goals:
        verdict = "[green]met[/]" if aim.met else f"[red]missed × {aim.measured / aim.limit:.1f}[/]"
        made.add_row(
            aim.name,
            f"{aim.measured:.1f} {aim.unit}",
            f"{aim.limit:.1f} {aim.unit}",
            verdict,
            f"[dim]{escape(aim.explained)}[/]",
        )
    return made
