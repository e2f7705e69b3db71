"""1 % more lines: an audit that builds on the last publication against one of all rows; each in a process of its own.

The lake holds the lines of the first 99 % of the orders, audited and published; then those of the others come.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

from benchmarks.printing import figures_table, verdict
from benchmarks.processes import Measured, measure
from benchmarks.quality.data import DOMAIN, TABLES, contracts, make_lake, table_sql
from platform_resources.lake import (
    MeshSettings,
    PortAddress,
    Promise,
    Publication,
    connect,
    create_lake,
    current_snapshot,
    latest_publication,
    publish,
)
from platform_resources.pipeline.proofs import Standing, stands
from platform_resources.quality import Audit, evaluate

RATIO = 0.05  # of the audit of all rows: the aim
_NOW = datetime(1999, 1, 1, tzinfo=UTC)
_TABLE, _PORT = "lineitem", PortAddress(DOMAIN, "lineitem", 1)
_KEYS = 6_000_000  # of the orders at SF1
_WAYS = ("all", "new")


def lake_of_appended(folder: Path, scale: int) -> MeshSettings:
    place = folder / f"sf{scale}-appended"
    return MeshSettings(project=place, home=place / "home")


def make_appended(folder: Path, scale: int) -> None:
    """The lake with both parts of lineitem, the first one published; made when it is not there yet."""
    settings = lake_of_appended(folder, scale)
    done = settings.project / "loaded"
    if done.exists():
        return
    files = make_lake(folder, scale).project
    settings.project.mkdir(parents=True, exist_ok=True)
    create_lake(settings, DOMAIN)
    limit = _KEYS * scale * 99 // 100
    with connect(settings, own=DOMAIN) as con:
        for name in TABLES:
            first = f"WHERE l_orderkey <= {limit}" if name == _TABLE else ""
            con.execute(f"CREATE OR REPLACE TABLE {table_sql(name)} AS FROM '{files / name}.parquet' {first}")
        _publish(con, settings)
        con.execute(f"INSERT INTO {table_sql(_TABLE)} FROM '{files / _TABLE}.parquet' WHERE l_orderkey > {limit}")
    done.touch()


def _publish(con: Any, settings: MeshSettings) -> None:
    audit, standing = _audit(con, settings, None)
    contract = contracts()[_TABLE]
    publish(
        con,
        settings,
        port=_PORT,
        table=_TABLE,
        snapshot=standing.proof.snapshot,
        columns=[column.name for column in contract.table.columns],
        promise=Promise(contract.version, contract.sha256, ""),
        audit=audit.as_record() | standing.proof.as_record(audit.counts),
        score=audit.score,
        row_count=audit.rows,
        data_as_of=None,
        run_id="first",
        now=_NOW,
    )


def _audit(con: Any, settings: MeshSettings, last: Publication | None) -> tuple[Audit, Standing]:
    """What a publication asks of the lake: how the table stands, and all its rules."""
    contract = contracts()[_TABLE]
    standing = stands(con, settings, _PORT, contract, (), last, current_snapshot(con, DOMAIN))
    return evaluate(con, contract, table_sql(_TABLE), _NOW, carried=standing.carried), standing


def measure_appended(folder: Path, scale: int, runs: int) -> dict[str, Any]:
    """Medians in seconds, of whole processes and of the audits alone."""
    make_appended(folder, scale)
    found: dict[str, list[Measured]] = {way: [] for way in _WAYS}
    for run in range(runs + 1):
        for way, into in found.items():
            measured = measure("benchmarks.quality.appended", [str(folder), str(scale), way])
            if run:
                into.append(measured)
    inside = {way: median(json.loads(one.output)["seconds"] for one in found[way]) for way in _WAYS}
    told = json.loads(found["new"][0].output)
    return {
        "scale": scale,
        "rows": told["rows"],
        "new_rows": told["new_rows"],
        "failed": told["failed"],
        "all_inside_seconds": inside["all"],
        "new_inside_seconds": inside["new"],
        "ratio": inside["new"] / inside["all"],
        "all_seconds": median(one.wall for one in found["all"]),
        "new_seconds": median(one.wall for one in found["new"]),
    }


def print_appended(console: Console, found: Sequence[dict[str, Any]]) -> None:
    made = figures_table("1 % of lineitem appended since the last publication", *(f"SF{one['scale']}" for one in found))
    rows = (
        ("audit of all rows", "all_inside_seconds"),
        ("audit of the new rows, what was proven carried on", "new_inside_seconds"),
        ("audit of all rows, whole process", "all_seconds"),
        ("audit of the new rows, whole process", "new_seconds"),
    )
    for title, key in rows:
        made.add_row(title, *(f"{one[key]:,.3f} s" for one in found))
    aims = (f"{one['ratio']:.1%}, aim {RATIO:.0%}: {verdict(one['ratio'] <= RATIO)}" for one in found)
    made.add_row("[bold]new against all[/]", *aims)
    console.print(made)


def main(folder: str, scale: str, way: str) -> None:
    """One audit of lineitem as it stands: of `all` rows, or of the `new` ones; told as JSON."""
    settings = lake_of_appended(Path(folder), int(scale))
    with connect(settings, reads=[DOMAIN]) as con:
        last = latest_publication(con, _PORT)  # read before every audit
        began = time.perf_counter()
        audit, standing = _audit(con, settings, last if way == "new" else None)
        seconds = time.perf_counter() - began
    failed = [result.message for result in audit.results if not result.passed]
    new_rows = getattr(standing.carried, "new_rows", None)
    print(json.dumps({"rows": audit.rows, "new_rows": new_rows, "failed": failed, "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
