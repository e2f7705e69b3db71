"""All tools at one scale, told as they are measured, and in a table at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.printing import figures_table, verdict
from benchmarks.quality.data import contracts
from benchmarks.quality.peers.broken import make_broken
from benchmarks.quality.peers.measuring import Bench
from benchmarks.quality.peers.promised import task_of
from benchmarks.quality.peers.tools import TOOLS
from benchmarks.quality.published import Aims, lines, verdicts

_COLUMNS = ("seconds", "against ours", "peak memory", "rules", "runs")
TODAY = "1999-01-01"  # the last line of the data was shipped a month before


def compare_tools(console: Console, folder: Path, data: Path, runs: int) -> list[dict[str, Any]]:
    """The figures of every tool on `data`, a folder with `<table>/*.parquet`, as they are kept in the results."""
    task = task_of(contracts(), TODAY)
    bench = Bench(folder, task)
    broken = make_broken(task, data, folder / "peers" / "broken")
    found = []
    for tool in TOOLS:
        figures, details = bench.measure(bench.prepare(tool, broken), data, runs)
        seconds = figures.why or f"{figures.seconds:.2f} s, {figures.peak_mb:,.0f} MB, {len(figures.checks)} rules"
        console.print(f"  {figures.title}: {seconds}", highlight=False)
        if details:
            console.print(details, markup=False, highlight=False, style="dim")
        unchecked = sorted(rule.name for rule in task.rules if rule.name not in figures.checks)
        found.append(asdict(figures) | {"not_checked": unchecked})
    return found


def print_tools(console: Console, scales: Sequence[Mapping[str, Any]]) -> None:
    """A table for each scale that has tools, then whether the aims are met."""
    for one in scales:
        if not one.get("tools"):
            continue
        made = figures_table(f"SF{one['scale']}: whole process", *_COLUMNS)
        for line in lines(one):
            if line.seconds is None:
                made.add_row(line.title, line.why, "", "", "", "")
                continue
            times = f"{line.seconds / one['audit_seconds']:.1f} ×"
            rules = "–" if line.checks is None else f"{line.checks} of {one['rules']}"
            made.add_row(line.title, f"{line.seconds:.2f}", times, f"{line.peak_mb:,.0f} MB", rules, str(line.runs))
        for what, measured, asked, met in verdicts(one, Aims()):
            made.add_row(f"[bold]{what}[/]", measured, asked, verdict(met), "", "")
        console.print(made)
        for tool in one["tools"]:
            if tool["not_checked"] and not tool["why"]:
                console.print(f"{tool['title']} does not check {', '.join(tool['not_checked'])}", highlight=False)
