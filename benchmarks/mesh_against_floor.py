"""Measure the whole mesh against plain DuckDB SQL and print the ratios.

Each run takes a fresh home: the operational systems land the year, one run of the mesh builds the six products, ten
more minutes land, a second run takes them. The floor is measured before and after, so that a machine that is busy for
a while slows both; the medians of all runs are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
from rich.console import Console

from benchmarks.aims import aims
from benchmarks.figures import FloorFigures, MeshFigures, median_floor, median_mesh, mesh_figures
from benchmarks.processes import MeasuredProcessError, measure
from benchmarks.report import WIDTH, print_report

_TICK = timedelta(minutes=10)
_BUSIEST_HOUR = 17  # New York: 70 receipt lines in ten minutes, against one or two at night


@dataclass(frozen=True)
class Measurement:
    """All that one run gave. `history`: seconds of landing the year, which is not the mesh's work."""

    floor: tuple[FloorFigures, FloorFigures]
    history: float
    cold: MeshFigures
    tick: MeshFigures


def next_busy_moment(now: datetime) -> datetime:
    """The coming 17:00 in New York: every benchmark gets the same kind of tick, at whatever hour it is started."""
    local = now.astimezone(ZoneInfo("America/New_York"))
    busy = local.replace(hour=_BUSIEST_HOUR, minute=0, second=0, microsecond=0)
    return (busy if busy > local else busy + timedelta(days=1)).astimezone(UTC)


def measure_floor() -> FloorFigures:
    measured = measure("benchmarks.floor")
    return FloorFigures(measured.wall, measured.cpu, sum(json.loads(measured.output).values()), measured.peak_mb)


def measure_mesh(home: Path) -> MeshFigures:
    """One run over what has landed in a home."""
    measured = measure("benchmarks.driver", environment={"MESH_HOME": str(home)})
    return mesh_figures(measured, json.loads(measured.output.splitlines()[-1]))


def land(home: Path, until: datetime) -> float:
    """Let the operational systems land all that is due at a moment; the seconds it took."""
    arguments = ["--home", str(home), "--once", "--quiet", "--now", until.isoformat()]
    return measure("operational_systems", arguments).wall


def one_run(console: Console, parent: Path | None) -> Measurement:
    """The floor, then a mesh from nothing and its first tick, then the floor again."""
    with tempfile.TemporaryDirectory(prefix="mesh-bench-", dir=parent) as folder, console.status("") as status:
        home, moment = Path(folder), next_busy_moment(datetime.now(UTC))
        status.update("the floor: six products in plain SQL")
        before = measure_floor()
        status.update("the operational systems land the year")
        history = land(home, moment)
        status.update("the mesh, cold: ingest, build, audit, publish")
        cold = measure_mesh(home)
        land(home, moment + _TICK)
        status.update("the mesh, warm: ten more minutes")
        tick = measure_mesh(home)
        status.update("the floor again")
        return Measurement((before, measure_floor()), history, cold, tick)


def measure_all(console: Console, runs: int, parent: Path | None) -> list[Measurement]:
    console.print(f"[bold]The mesh against plain DuckDB SQL[/]  {_machine()}", highlight=False)
    done = []
    for number in range(1, runs + 1):
        run = one_run(console, parent)
        done.append(run)
        console.print(
            f"[dim]run {number} of {runs}: floor {run.floor[0].wall:.1f} and {run.floor[1].wall:.1f} s, "
            f"cold build {run.cold.wall:.1f} s, tick {run.tick.wall:.1f} s[/]",
            highlight=False,
        )
    return done


def _machine() -> str:
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, DuckDB {duckdb.__version__}"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mesh_against_floor", description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=3, help="how often everything is measured (default: 3)")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write all figures to this file too")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="put the temporary homes here, e.g. on another disk")
    options = parser.parse_args(argv)
    if options.runs < 1:
        parser.error("--runs is at least 1")
    if options.json is not None and not options.json.resolve().parent.is_dir():
        parser.error(f"--json: there is no folder {options.json.resolve().parent}")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code. Missed aims are told, not failed: machines differ."""
    options = _arguments(argv)
    console = Console()
    if console.width < WIDTH:
        console = Console(width=WIDTH)
    try:
        runs = measure_all(console, options.runs, options.folder)
    except MeasuredProcessError as error:
        Console(stderr=True).print(f"benchmark: {error}", markup=False, highlight=False)
        return 1
    floor = median_floor([figures for run in runs for figures in run.floor])
    cold, tick = median_mesh([run.cold for run in runs]), median_mesh([run.tick for run in runs])
    goals = aims(floor, cold, tick)
    history = median(run.history for run in runs)
    print_report(console, floor, history, cold, tick, goals)
    if options.json is not None:
        record: dict[str, Any] = {
            "machine": _machine(),
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "floor": asdict(floor),
            "history_seconds": history,
            "cold": asdict(cold),
            "tick": asdict(tick),
            "ratios": {
                "cold_to_floor": cold.wall / floor.wall,
                "tick_to_floor": tick.wall / floor.wall,
                "tick_to_cold": tick.wall / cold.wall,
            },
            "aims": [{**asdict(aim), "met": aim.met} for aim in goals],
            "runs": [asdict(run) for run in runs],
        }
        options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        console.print(f"\n[dim]all figures: {options.json}[/]", highlight=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
