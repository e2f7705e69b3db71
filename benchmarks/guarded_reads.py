"""Measure reading through the guard: 1 M rows of ten columns under each mask, as text, and the decision alone.

All reads are of one table in one lake, from Parquet, to Arrow batches. "Raw" is the table read by DuckDB itself on a
warm connection, without the guard; medians, and the ways in turns, so that a slow minute hits all of them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console

from benchmarks.guarded_mesh import DOMAIN, TABLE, make_mesh, port_of
from benchmarks.printing import figures_table, verdict
from platform_resources.access import Access, Caller, ReadQuery
from platform_resources.access.relations.relation import BATCH_ROWS
from platform_resources.lake import qualified

ROWS = 1_000_000
RAW = "raw: DuckDB alone"
# Way -> (product, form of text or None). The order is that of the table.
WAYS: dict[str, tuple[str, str | None]] = {
    "in clear": ("clear", None),
    "redact, 2 columns": ("redacted", None),
    "null, 2 columns": ("emptied", None),
    "generalise, 2 columns": ("generalised", None),
    "partial, e-mail": ("partly", None),
    "row filter, 1 of 6": ("filtered", None),
    "NDJSON": ("clear", "ndjson"),
    "CSV": ("clear", "csv"),
}
HASHED, COPIED = "keyed hash, first read", "keyed hash, from the copy"
AIMS = {"redact, 2 columns": 1.0, "null, 2 columns": 1.0, "generalise, 2 columns": 1.0, HASHED: 3.0, COPIED: 1.05}
DECISION_MS, NDJSON_ROWS = 1.0, 1_000_000
_DECISIONS = 200


@dataclass(frozen=True)
class Figures:
    """Seconds of each way, and of one decision."""

    rows: int
    seconds: Mapping[str, float]
    decision: float

    def ratio(self, way: str) -> float:
        return self.seconds[way] / self.seconds[RAW]


def measure(access: Access, caller: Caller, snapshot: int, rows: int, runs: int) -> Figures:
    ways: dict[str, Callable[[], None]] = {RAW: lambda: _raw(access, snapshot)}
    for way, (product, form) in WAYS.items():
        ways[way] = lambda product=product, form=form: _read(access, caller, product, form)
    ways[HASHED] = lambda: _read_hashed(access, caller)
    taken: dict[str, list[float]] = {way: [] for way in (*ways, COPIED)}
    for _ in range(runs + 1):  # the first one warms files, schemas and connections, and doesn't count
        for way, act in ways.items():
            taken[way].append(_seconds(act))
    for _ in range(2):  # the second read begins the copy
        _read(access, caller, "hashed", None)
    access.guard.hashed.wait()
    turns = [(_seconds(ways[RAW]), _seconds(lambda: _read(access, caller, "hashed", None))) for _ in range(runs + 1)]
    taken[COPIED] = [copied for _, copied in turns]
    seconds = {way: median(all_of[1:]) for way, all_of in taken.items()}
    # Measured later than the others: as a share of the raw reads between which it was.
    seconds[COPIED] *= seconds[RAW] / median(raw for raw, _ in turns[1:])
    access.guard.open(caller, port_of("clear"))
    decision = median(_seconds(lambda: access.guard.open(caller, port_of("clear"))) for _ in range(_DECISIONS))
    return Figures(rows, seconds, decision)


def _seconds(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _raw(access: Access, snapshot: int) -> None:
    con = access.guard.lakes.cursor(DOMAIN)
    table = qualified(DOMAIN, "internal", TABLE)
    for _ in con.execute(f"SELECT * FROM {table} AT (VERSION => {snapshot})").to_arrow_reader(BATCH_ROWS):
        pass
    con.close()


def _read(access: Access, caller: Caller, product: str, form: str | None) -> None:
    relation = access.guard.open(caller, port_of(product))
    with relation.read() if form is None else relation.read_text(ReadQuery(), form) as reading:
        for _ in reading:
            pass


def _read_hashed(access: Access, caller: Caller) -> None:
    """A first read: never from a copy."""
    access.guard.hashed.forget()
    _read(access, caller, "hashed", None)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guarded_reads", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="runs of each; medians are told")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as folder:
        access, caller, snapshot = make_mesh(Path(folder), given.rows)
        with access:
            figures = measure(access, caller, snapshot, given.rows, given.runs)
    if given.json:
        print(json.dumps({"rows": figures.rows, "decision": figures.decision, "seconds": figures.seconds}, indent=2))
    else:
        _print(figures)


def _print(figures: Figures) -> None:
    console = Console(width=100)
    made = figures_table(f"{figures.rows:,} rows, 10 columns", "wall", "× raw", "rows/s", "aim", "")
    for way, seconds in figures.seconds.items():
        aim = AIMS.get(way)
        limit = "" if aim is None else f"≤ {aim:g} ×"
        met = "" if aim is None else verdict(figures.ratio(way) <= aim)
        if way == "NDJSON":
            limit, met = f"≥ {NDJSON_ROWS:,}/s", verdict(figures.rows / seconds >= NDJSON_ROWS)
        rate = f"{figures.rows / seconds:,.0f}"
        made.add_row(way, f"{seconds * 1000:.0f} ms", f"{figures.ratio(way):.2f}", rate, limit, met)
    console.print(made)
    told = f"the guard's decision: {figures.decision * 1e6:.0f} µs, aim ≤ {DECISION_MS * 1000:.0f} µs: "
    console.print(told + verdict(figures.decision * 1000 <= DECISION_MS), highlight=False)


if __name__ == "__main__":
    main()
