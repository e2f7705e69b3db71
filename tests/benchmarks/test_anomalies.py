"""The replayed year: one product, one fault, some weeks; and what its report tells."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from benchmarks.anomalies.__main__ import PROJECT, print_tables
from benchmarks.anomalies.faults import KINDS, Fault, faults_between
from benchmarks.anomalies.figures import false_alarms, found_of, halves, quiet
from benchmarks.anomalies.replaying import Replayed, alarms_of
from benchmarks.anomalies.report import Told, report
from benchmarks.anomalies.year import land_year

BOOKINGS = "sales.bookings"


def test_a_fault_is_found_in_the_replayed_weeks_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    with con:
        replayed = Replayed(con, PROJECT, land_year(con, tmp_path), [BOOKINGS])
        replayed.year(26, lambda _: None)
        profiles = [one.profile for one in replayed.histories[BOOKINGS]]
        assert [one.day for one in profiles[-3:]] == [day - timedelta(days=1) for day in replayed.days[-3:]]
        yen = Fault("currency change", replayed.days[22], 150.0, "amounts in JPY")
        (found,) = replayed.faulty(yen)
    alarms = alarms_of(replayed.histories[BOOKINGS])
    assert (found.touched, found.found, found.versions) == (23, 23, 1)
    assert found.anomaly is not None
    assert found.anomaly.feature.kind == "quantile"
    told = told_of(replayed, found, alarms)
    print_tables(told)
    lines = capsys.readouterr().out.splitlines()
    assert next(line for line in lines if line.startswith("currency change")).split() == [
        *("currency", "change", "1", "of", "1,", "after", "1"),
    ]
    page = report(told)
    assert "1 of 1</span> after 1" in page
    assert page.count("<svg") == 1
    assert not re.search(r"<script|<link|<img|url\(|https?://(?!www\.w3\.org/)", page)


def told_of(replayed: Replayed, found, alarms) -> Told:
    tuned_on, held_out = halves(replayed.days)
    false = false_alarms(BOOKINGS, replayed.days, alarms)
    return Told(
        days=tuple(replayed.days),
        tuned_on=tuned_on,
        held_out=held_out,
        false=tuple(false),
        quiet_tuned=(quiet(BOOKINGS, false, *tuned_on),),
        quiet_held_out=(quiet(BOOKINGS, false, *held_out),),
        findings=(found,),
        found=tuple(found_of([found])),
        tuning=False,
    )


def test_a_seed_draws_the_same_faults_of_every_kind_within_the_days() -> None:
    first = date(2026, 5, 17)
    drawn = faults_between(first, first + timedelta(days=100), 11, 3)
    assert drawn == faults_between(first, first + timedelta(days=100), 11, 3)
    assert [one.kind for one in drawn] == [kind for kind in KINDS for _ in range(3)]
    assert all(first <= one.day and one.until <= first + timedelta(days=100) for one in drawn)
