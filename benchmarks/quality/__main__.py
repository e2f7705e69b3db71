"""Measure an audit of 40 rules against only scanning the columns that they use: whole processes, medians, ratios."""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
from rich.console import Console

from benchmarks.printing import figures_table, verdict
from benchmarks.processes import Measured, MeasuredProcessError, measure
from benchmarks.quality.data import DataMissingError, make_lake

RATIO = 1.15  # of the scan: the aim


def measure_both(folder: Path, scale: int, runs: int) -> tuple[list[Measured], list[Measured]]:
    """Audits and scans in turn, so that a machine that is busy for a while slows both; after one of each to warm up."""
    found: tuple[list[Measured], list[Measured]] = ([], [])
    for run in range(runs + 1):
        for into, module in zip(found, ("ours", "scan"), strict=True):
            measured = measure(f"benchmarks.quality.{module}", [str(folder), str(scale)])
            if run:
                into.append(measured)
    return found


def figures(audits: Sequence[Measured], scans: Sequence[Measured], scale: int) -> dict[str, Any]:
    """Medians of whole processes: seconds, MB, and the ratio of both."""
    told = json.loads(audits[0].output)
    wall, limit = median(one.wall for one in audits), median(one.wall for one in scans)
    return {
        "scale": scale,
        "rules": told["rules"],
        "failed": told["failed"],
        "audit_seconds": wall,
        "scan_seconds": limit,
        "ratio": wall / limit,
        "audit_peak_mb": median(one.peak_mb for one in audits),
        "scan_peak_mb": median(one.peak_mb for one in scans),
        "audit_inside_seconds": median(json.loads(one.output)["seconds"] for one in audits),
        "scan_inside_seconds": median(json.loads(one.output)["seconds"] for one in scans),
    }


def print_figures(console: Console, found: Sequence[dict[str, Any]]) -> None:
    made = figures_table("40 rules of lineitem and orders", *(f"SF{one['scale']}" for one in found))
    rows = (
        ("audit, whole process", "audit_seconds", "s"),
        ("  of it the audit itself", "audit_inside_seconds", "s"),
        ("only scanning the columns used, whole process", "scan_seconds", "s"),
        ("  of it the scan itself", "scan_inside_seconds", "s"),
        ("audit, peak memory", "audit_peak_mb", "MB"),
        ("scan, peak memory", "scan_peak_mb", "MB"),
    )
    for title, key, unit in rows:
        made.add_row(title, *(f"{one[key]:,.{2 if unit == 's' else 0}f} {unit}" for one in found))
    aims = (f"{one['ratio']:.2f} ×, aim {RATIO:g}: {verdict(one['ratio'] <= RATIO)}" for one in found)
    made.add_row("[bold]audit against the scan[/]", *aims)
    console.print(made)
    for one in found:
        for message in one["failed"]:
            console.print(f"SF{one['scale']}: {message}", markup=False, highlight=False)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code. A missed aim is told, not failed: machines differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--scales", type=int, nargs="+", default=[1], metavar="SF", help="1 is 6 M rows (default)")
    parser.add_argument("--runs", type=int, default=5, help="of which the median counts (default: 5)")
    parser.add_argument("--keep", type=Path, help="a folder that keeps the data, for another run")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write all figures to this file too")
    given = parser.parse_args(argv)
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, DuckDB {duckdb.__version__}"
    console = Console(width=110)
    console.print(f"[bold]Quality[/]  {machine}", highlight=False)
    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as temporary:
        folder = (given.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        try:
            found = []
            for scale in given.scales:
                make_lake(folder, scale)
                found.append(figures(*measure_both(folder, scale, given.runs), scale))
        except (DataMissingError, MeasuredProcessError) as error:
            Console(stderr=True).print(f"benchmark: {error}", markup=False, highlight=False)
            return 1
    print_figures(console, found)
    if given.json is not None:
        given.json.write_text(json.dumps({"machine": machine, "figures": found}, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
