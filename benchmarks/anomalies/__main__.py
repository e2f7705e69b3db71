"""Replay the year, judge every version, inject faults; a table here and a report as one HTML file."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb

from benchmarks.anomalies.faults import KINDS, Fault, faults_between
from benchmarks.anomalies.figures import Found, Quiet, false_alarms, found_of, halves, quiet
from benchmarks.anomalies.products import PRODUCTS
from benchmarks.anomalies.replaying import Finding, Replayed, alarms_of
from benchmarks.anomalies.report import Told, report
from benchmarks.anomalies.year import DAYS, land_year
from platform_resources.contracts.wording import counted

PROJECT = Path(__file__).resolve().parents[2]
_TUNED_BY, _HELD_OUT = 7, 11  # seeds
_WEEKS = 9  # of history before the first fault: the weekdays are known then


def main(argv: Sequence[str] | None = None) -> int:
    options = _options().parse_args(argv)
    began = time.monotonic()
    told = replay(options.products, options.days, options.faults, options.tuning, _progress)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(report(told), encoding="utf-8")
    print_tables(told)
    print(f"\n{time.monotonic() - began:.0f} s; the report: {options.out}")
    return 0


def replay(products: Sequence[str], days: int, each: int, tuning: bool, progress: Callable[[str], None]) -> Told:
    """The year as it was, then with `each` faults of every kind: on the days held out, or on those tuned by."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    with con, tempfile.TemporaryDirectory() as home:
        progress("the operational systems land the year")
        first = land_year(con, Path(home))
        replayed = Replayed(con, PROJECT, first, products)
        replayed.year(days, lambda day: progress(f"the year as it was: {day}"))
        alarms = {name: alarms_of(history) for name, history in replayed.histories.items()}
        false = [one for name in products for one in false_alarms(name, replayed.days, alarms[name])]
        tuned_on, held_out = halves(replayed.days)
        faults = _faults(tuned_on if tuning else held_out, first, each, _TUNED_BY if tuning else _HELD_OUT)
        findings: list[Finding] = []
        for number, fault in enumerate(faults, 1):
            progress(f"fault {number} of {len(faults)}: {fault.kind} on {fault.day}")
            findings += replayed.faulty(fault)
    progress("")
    return Told(
        days=tuple(replayed.days),
        tuned_on=tuned_on,
        held_out=held_out,
        false=tuple(false),
        quiet_tuned=tuple(quiet(name, false, *tuned_on) for name in products),
        quiet_held_out=tuple(quiet(name, false, *held_out) for name in products),
        findings=tuple(findings),
        found=tuple(found_of(findings)),
        tuning=tuning,
    )


def _faults(within: tuple[date, date], first: date, each: int, seed: int) -> list[Fault]:
    start = max(within[0], first + timedelta(weeks=_WEEKS))
    return faults_between(start, within[1], seed, each)


def print_tables(told: Told) -> None:
    print(f"{counted(len(told.days), 'day')} of publications, {told.days[0]} to {told.days[-1]}\n")
    print(f"{'false alarms a month':28}{'tuned on':>10}{'held out':>10}   versions with one that begins, held out")
    for tuned, held in zip(told.quiet_tuned, told.quiet_held_out, strict=True):
        print(f"{held.product:28}{tuned.per_month:>10.2f}{held.per_month:>10.2f}   {_of_days(held)}")
    where = "of the days tuned on" if told.tuning else "held out"
    print(f"\n{'faults found, ' + where:28}" + "".join(f"{name.partition('.')[2]:>24}" for name in _products(told)))
    for kind in KINDS:
        cells = (next(f for f in told.found if (f.kind, f.product) == (kind, name)) for name in _products(told))
        print(f"{kind:28}" + "".join(f"{_cell(one):>24}" for one in cells))
    print("\nfound of those that change the product at all, after so many versions (median; 1 is the first with it)")


def _products(told: Told) -> list[str]:
    return [one.product for one in told.quiet_held_out]


def _of_days(one: Quiet) -> str:
    return f"{one.alarms} of {one.days}"


def _cell(one: Found) -> str:
    if not one.touched:
        return "not changed"
    after = "" if one.versions is None else f", after {one.versions:g}"
    return f"{one.found} of {one.touched}{after}"


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.anomalies", description=__doc__)
    parser.add_argument("--products", nargs="+", choices=PRODUCTS, default=list(PRODUCTS), metavar="PRODUCT")
    parser.add_argument("--days", type=int, default=DAYS, help="of the year that are replayed (default: %(default)s)")
    parser.add_argument("--faults", type=int, default=4, help="of each kind (default: %(default)s)")
    parser.add_argument("--tuning", action="store_true", help="faults on the days that the detector was tuned on")
    parser.add_argument("--out", type=Path, default=Path(".mesh") / "anomalies.html", help="(default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
