"""Measure the Python client: the same rows in-process, over HTTP, and from its cache when the mesh says that they hold.

The server is a process of its own on the same machine. All ways end in one Arrow table; they are measured in turns, and
medians are told. Of a small read (100 rows) what counts is the time until it is there.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console

from benchmarks.guarded_mesh import make_mesh, port_of
from benchmarks.printing import figures_table, verdict
from benchmarks.served import UNLIMITED, served
from platform_resources.access.callers.tokens import create_token
from platform_resources.client import Mesh

ROWS, SMALL = 1_000_000, 100
IN_PROCESS, OVER_HTTP = "in-process", "over HTTP, nothing kept"
STREAMED, FIRST, HELD, UNASKED = (
    "over HTTP, in batches",
    "over HTTP, kept",
    "kept, mesh asked (304)",
    "kept, within max_age",
)
HTTP_SHARE = 0.9  # of the speed in-process


@dataclass(frozen=True)
class Figures:
    """Seconds of each way, for all rows and for a small read."""

    rows: int
    seconds: Mapping[str, float]
    small: Mapping[str, float]


def measure(url: str, token: str, cache: Path, rows: int, runs: int) -> Figures:
    address = str(port_of("clear"))
    with (
        Mesh(token=token) as embedded,
        Mesh(url, token=token, cache=False) as plain,
        Mesh(url, token=token, cache=cache) as keeping,
        Mesh(url, token=token, cache=cache, max_age=3600) as trusting,
    ):

        def ways(limit: int | None) -> dict[str, Callable[[], object]]:
            def first() -> object:
                keeping.cache.clear()
                return keeping.read(address, limit=limit).arrow()

            def streamed() -> None:
                for _ in plain.read(address, limit=limit).batches():
                    pass

            return {
                IN_PROCESS: lambda: embedded.read(address, limit=limit).arrow(),
                OVER_HTTP: lambda: plain.read(address, limit=limit).arrow(),
                STREAMED: streamed,
                FIRST: first,
                HELD: lambda: keeping.read(address, limit=limit).arrow(),
                UNASKED: lambda: trusting.read(address, limit=limit).arrow(),
            }

        return Figures(rows, _in_turns(ways(None), runs), _in_turns(ways(SMALL), 4 * runs))


def _in_turns(ways: Mapping[str, Callable[[], object]], runs: int) -> dict[str, float]:
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(runs + 1):  # the first one warms connections and doesn't count
        for way, act in ways.items():
            began = time.perf_counter()
            act()
            taken[way].append(time.perf_counter() - began)
    return {way: median(all_of[1:]) for way, all_of in taken.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.client_reads", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="runs of each; medians are told")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as folder:
        access, caller, _ = make_mesh(Path(folder) / "mesh", given.rows)
        token = create_token(access.control, caller.identity.id, created_by="benchmark")
        settings = access.settings
        access.close()
        # Limits of a reader would be what is measured otherwise.
        os.environ |= {"MESH_HOME": str(settings.home), "MESH_PROJECT": str(settings.project), **UNLIMITED}
        with served(settings) as url:
            figures = measure(url, token, Path(folder) / "cache", given.rows, given.runs)
    if given.json:
        print(json.dumps({"rows": figures.rows, "seconds": figures.seconds, "small": figures.small}, indent=2))
    else:
        _print(figures)


def _print(figures: Figures) -> None:
    console = Console(width=100)
    made = figures_table(f"{figures.rows:,} rows, 10 columns, to one table", "wall", "× in-process", f"{SMALL} rows")
    base = figures.seconds[IN_PROCESS]
    for way, seconds in figures.seconds.items():
        made.add_row(way, f"{seconds * 1000:.0f} ms", f"{seconds / base:.2f}", f"{figures.small[way] * 1000:.1f} ms")
    console.print(made)
    share = base / figures.seconds[OVER_HTTP]
    told = f"over HTTP at {share:.2f} of the speed in-process, aim ≥ {HTTP_SHARE}: "
    console.print(told + verdict(share >= HTTP_SHARE), highlight=False)


if __name__ == "__main__":
    main()
