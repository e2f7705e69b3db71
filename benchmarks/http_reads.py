"""Measure reading over HTTP on loopback: 1 M rows of ten columns in every form, small reads (50 at once too), SQL.

The server is a process of its own (`mesh serve`), the reader this one. "In-process" is the same guarded relation read
to Arrow batches without HTTP. Medians, the ways in turns, so that a slow minute hits all of them.
"""

from __future__ import annotations

import argparse
import http.client
import json
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles

import pyarrow as pa
from rich.console import Console

from benchmarks.guarded_mesh import make_mesh, port_of
from benchmarks.printing import figures_table, verdict
from benchmarks.served import served
from platform_resources.access import Access, Caller
from platform_resources.access.callers.tokens import create_token

ROWS = 1_000_000
IN_PROCESS, ARROW = "in-process, Arrow batches", "Arrow stream, to batches"
FORMS = {ARROW: "arrow", "NDJSON": "ndjson", "CSV": "csv", "Parquet": "parquet"}
ARROW_RATIO, NDJSON_ROWS, FIRST_BYTE_MS, SQL_MS = 0.9, 1_000_000, 50.0, 15.0
_SMALL_READS, _READERS = 200, 50
_PORT = port_of("clear")
_DATA = f"/api/v1/products/{_PORT.domain}/{_PORT.product}/v{_PORT.major}/data"
_SQL = f"SELECT region, count(*) AS customers, sum(balance) AS balance FROM {_PORT} GROUP BY region"
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Figures:
    """Seconds of each bulk way; milliseconds (median, p99) of small reads; of SQL: over HTTP, and in-process."""

    rows: int
    seconds: Mapping[str, float]
    first_byte: tuple[float, float]
    crowded: tuple[float, float]
    sql: tuple[float, float]


class Reader:
    """One kept connection to the server."""

    def __init__(self, url: str, token: str) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=120)
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, query: str) -> http.client.HTTPResponse:
        self._connection.request("GET", f"{_DATA}?{query}", headers=self._headers)
        return self._checked()

    def sql(self, text: str) -> http.client.HTTPResponse:
        body, headers = json.dumps({"sql": text}), {"Content-Type": "application/json"}
        self._connection.request("POST", "/api/v1/sql?format=arrow", body, self._headers | headers)
        return self._checked()

    def _checked(self) -> http.client.HTTPResponse:
        answer = self._connection.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"the server answers {answer.status}: {answer.read()[:500]!r}")
        return answer


def measure(access: Access, caller: Caller, reader: Callable[[], Reader], rows: int, runs: int) -> Figures:
    one = reader()
    ways: dict[str, Callable[[], None]] = {IN_PROCESS: lambda: _in_process(access, caller)}
    for way, form in FORMS.items():
        ways[way] = lambda form=form: _bulk(one, form)
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(runs + 1):  # the first one warms both sides, and doesn't count
        for way, act in ways.items():
            taken[way].append(_seconds(act))
    small = [_seconds(lambda: _small(one)) * 1000 for _ in range(_SMALL_READS)]
    asked: list[tuple[float, float]] = []
    for _ in range(runs * 3 + 1):
        asked.append((_seconds(lambda: one.sql(_SQL).read()), _seconds(lambda: access.sql.run(caller, _SQL).table())))
    return Figures(
        rows,
        {way: median(all_of[1:]) for way, all_of in taken.items()},
        _summary(small),
        _summary(_crowded(reader)),
        (median(o for o, _ in asked[1:]) * 1000, median(i for _, i in asked[1:]) * 1000),
    )


def _summary(milliseconds: Sequence[float]) -> tuple[float, float]:
    return median(milliseconds), quantiles(milliseconds, n=100)[-1]


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _in_process(access: Access, caller: Caller) -> None:
    with access.guard.open(caller, _PORT).read() as reading:
        for _ in reading:
            pass


def _bulk(reader: Reader, form: str) -> None:
    answer = reader.get(f"format={form}")
    if form == "arrow":
        for _ in pa.ipc.open_stream(pa.PythonFile(answer, "r")):
            pass
        answer.read()
        return
    while answer.read(_READ_BYTES):
        pass


def _small(reader: Reader) -> None:
    """Until the first byte of the body; the rest is read so that the connection can be used again."""
    answer = reader.get("filter=customer_id:eq:4711&limit=1")
    answer.read(1)
    answer.read()


def _crowded(reader: Callable[[], Reader]) -> list[float]:
    """Small reads of 50 readers at once, each one after the other."""
    taken: list[float] = []

    def read() -> None:
        mine = reader()
        taken.extend([_seconds(lambda: _small(mine)) * 1000 for _ in range(_SMALL_READS // 10)])

    threads = [threading.Thread(target=read) for _ in range(_READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.http_reads", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="runs of each; medians are told")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as folder:
        access, caller, _ = make_mesh(Path(folder), given.rows)
        with access, served(access.settings) as url:
            token = create_token(access.control, caller.identity.id, created_by="benchmark")
            figures = measure(access, caller, lambda: Reader(url, token), given.rows, given.runs)
    if given.json:
        print(json.dumps(asdict(figures), indent=2))
    else:
        _print(figures)


def _print(figures: Figures) -> None:
    console = Console(width=100)
    titles = (f"{figures.rows:,} rows, 10 columns, HTTP", "wall", "rows/s", "speed of in-process", "aim", "")
    made = figures_table(*titles)
    for way, seconds in figures.seconds.items():
        speed, rate = figures.seconds[IN_PROCESS] / seconds, figures.rows / seconds
        aim = met = ""
        if way == ARROW:
            aim, met = f"≥ {ARROW_RATIO:g} ×", verdict(speed >= ARROW_RATIO)
        elif way == "NDJSON":
            aim, met = f"≥ {NDJSON_ROWS:,}/s", verdict(rate >= NDJSON_ROWS)
        made.add_row(way, f"{seconds * 1000:.0f} ms", f"{rate:,.0f}", f"{speed:.2f}", aim, met)
    console.print(made)
    middle, late = figures.first_byte
    told = f"first byte of a small read: {middle:.1f} ms, p99 {late:.1f} ms, aim ≤ {FIRST_BYTE_MS:g} ms: "
    console.print(told + verdict(middle <= FIRST_BYTE_MS), highlight=False)
    middle, late = figures.crowded
    console.print(f"the same by {_READERS} readers at once: {middle:.1f} ms, p99 {late:.1f} ms", highlight=False)
    over, inside = figures.sql
    told = f"SQL over HTTP: {over:.1f} ms, {over - inside:+.1f} ms over the same in-process, aim ≤ {SQL_MS:g} ms: "
    console.print(told + verdict(over - inside <= SQL_MS), highlight=False)


if __name__ == "__main__":
    main()
