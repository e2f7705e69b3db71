"""Measure an audit of 40 rules against only scanning the columns, and other tools: whole processes, medians, ratios."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

from benchmarks.printing import figures_table, verdict
from benchmarks.processes import Measured, MeasuredProcessError, measure
from benchmarks.quality.appended import measure_appended, print_appended
from benchmarks.quality.data import files_of_lake, make_lake
from benchmarks.quality.environments import InstallError
from benchmarks.quality.machine import machine, machine_text
from benchmarks.quality.peers.comparing import compare_tools, print_tools
from benchmarks.quality.planning import measure_planning, print_planning
from benchmarks.quality.published import Aims
from benchmarks.quality.recording import redraw, write_results

_RECORDED = [1, 10]  # scales of the results that are kept


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
        "runs": len(audits),
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
    aims = (f"{one['ratio']:.2f} ×, aim {Aims.scan:g}: {verdict(one['ratio'] <= Aims.scan)}" for one in found)
    made.add_row("[bold]audit against the scan[/]", *aims)
    console.print(made)
    for one in found:
        for message in one["failed"]:
            console.print(f"SF{one['scale']}: {message}", markup=False, highlight=False)


def measured_scales(console: Console, folder: Path, given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The figures of each scale, as they come."""
    for scale in given.scales:
        settings = make_lake(folder, scale)
        one = figures(*measure_both(folder, scale, given.runs), scale)
        one["appended"] = measure_appended(folder, scale, given.runs)
        if given.peers:
            one["tools"] = compare_tools(console, folder, files_of_lake(settings), given.runs)
        yield one


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code. A missed aim is told, not failed: machines differ."""
    given = _arguments(argv)
    console, told_of = Console(width=120), machine()
    if given.redraw:
        redraw()
        return 0
    console.print(f"[bold]Quality[/]  {machine_text(told_of)}", highlight=False)
    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as temporary:
        folder = (given.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        try:
            found = list(measured_scales(console, folder, given))
        except (InstallError, MeasuredProcessError) as error:
            Console(stderr=True).print(f"benchmark: {error}", markup=False, highlight=False)
            return 1
    planned = measure_planning()
    print_figures(console, found)
    print_planning(console, planned)
    print_appended(console, [one["appended"] for one in found])
    print_tools(console, found)
    results = {"measured": f"{datetime.now(UTC):%Y-%m-%d}", "machine": told_of, "planning": planned, "scales": found}
    if given.json is not None:
        given.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    if given.record:
        write_results(results)
        redraw()
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--scales", type=int, nargs="+", metavar="SF", help="1 is 6 M rows (default)")
    parser.add_argument("--runs", type=int, default=5, help="of which the median counts (default: 5)")
    parser.add_argument("--peers", action="store_true", help="measure other tools, too; they are installed from PyPI")
    parser.add_argument("--keep", type=Path, help="a folder that keeps data and tools, for another run")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write all figures to this file too")
    parser.add_argument(
        "--record",
        action="store_true",
        help="with --peers and both scales, and keep the results: the README's table and picture are made of them",
    )
    parser.add_argument("--redraw", action="store_true", help="make table and picture of the kept results, and no more")
    given = parser.parse_args(argv)
    given.peers = given.peers or given.record
    given.scales = given.scales or (_RECORDED if given.record else [1])
    return given


if __name__ == "__main__":
    raise SystemExit(main())
