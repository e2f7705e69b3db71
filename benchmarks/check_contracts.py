"""Measure what the gate costs: `mesh check` over the shipped mesh, and over 250 to 1,000 generated contracts.

Every figure is of a whole process; what Python alone costs to start is measured beside it and taken off.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console

from benchmarks.many_contracts import write_mesh
from benchmarks.printing import figures_table, verdict
from benchmarks.processes import ROOT, Measured, measure

SIZES = (250, 500, 1000)
WALL_FOR_1000 = 2.0  # seconds
CPU_OF_SHIPPED = 1.0  # seconds beyond Python's start


@dataclass(frozen=True)
class Cost:
    """Seconds of one `mesh check` beyond Python's start, and how many documents it looked at."""

    name: str
    contracts: int
    wall: float
    cpu: float
    peak_mb: float


def check(name: str, contracts: int, project: Path, home: Path, runs: int) -> Cost:
    """The median cost of `mesh check` over a project; what it finds doesn't matter, but that it looks at all of it."""
    environment = {"MESH_PROJECT": str(project), "MESH_HOME": str(home)}
    done = [_beyond_start(environment) for _ in range(runs)]
    return Cost(
        name,
        contracts,
        median(cost.wall for cost in done),
        median(cost.cpu for cost in done),
        max(cost.peak_mb for cost in done),
    )


def _beyond_start(environment: dict[str, str]) -> Measured:
    start = measure("benchmarks.nothing")
    done = measure("benchmarks.check_driver", environment=environment)
    return Measured(done.wall - start.wall, done.cpu - start.cpu, done.peak_mb, done.output)


def generated(size: int, folder: Path) -> Path:
    """A project of `size` contracts, judged by the council of this repository."""
    write_mesh(folder, size)
    shutil.copytree(ROOT / "governance", folder / "governance")
    return folder


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.check_contracts", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="runs of each; medians are told")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as folder:
        root = Path(folder)
        costs = [check("shipped mesh", 6, ROOT, Path(root / "home"), given.runs)]
        for size in SIZES:
            project = generated(size, root / str(size))
            costs.append(check(f"{size:,} contracts", size, project, root / "home", given.runs))
    if given.json:
        print(json.dumps([cost.__dict__ for cost in costs], indent=2))
    else:
        _print(costs)


def _print(costs: Sequence[Cost]) -> None:
    console = Console(width=100)
    made = figures_table("mesh check", "wall", "CPU", "CPU each", "memory")
    for cost in costs:
        each = f"{1000 * cost.cpu / cost.contracts:.1f} ms" if cost.contracts >= SIZES[0] else "–"
        made.add_row(cost.name, f"{cost.wall:.2f} s", f"{cost.cpu:.2f} s", each, f"{cost.peak_mb:.0f} MB")
    console.print(made)
    shipped, *many = costs
    growth = (many[-1].cpu / many[0].cpu) / (many[-1].contracts / many[0].contracts)
    for name, value, limit, unit in (
        ("1,000 contracts, wall", many[-1].wall, WALL_FOR_1000, "s"),
        ("shipped mesh, CPU beyond Python's start", shipped.cpu, CPU_OF_SHIPPED, "s"),
        ("growth against linear", growth, 1.1, "×"),
    ):
        told = f"{name}: {value:.2f} {unit}, aim ≤ {limit} {unit}: "
        console.print(told + verdict(value <= limit), highlight=False)


if __name__ == "__main__":
    main()
