"""Ticks: what falls due lands once, whatever happens in between."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from operational_systems import ReplayError

EVENTS = {"receipts": "transaction_timestamp", "coupon_redemptions": "redeemed_at", "stock_movements": "moved_at"}


def events(home):
    """The rows of the feeds of events since shortly before the first start, without the files that they came in."""
    return {
        feed: home.query(f"select * exclude (filename) from {feed} where {moment} >= '2026-11-20' order by all")
        for feed, moment in EVENTS.items()
    }


def test_any_cut_into_batches_lands_the_same_events(home, history, first_start, tmp_path):
    other = type(home)(tmp_path / "other")
    shutil.copytree(history.path, other.path)
    for minutes in (10, 17, 333, 1_000, 4_321):
        home.replay.land_due(first_start + timedelta(minutes=minutes))
    [batch] = other.replay.land_due(first_start + timedelta(minutes=4_321))
    assert batch.rows["point_of_sale/receipts"] > 10_000
    assert events(home) == events(other)


def test_a_tick_without_events_lands_heartbeats(home, first_start):
    night = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
    home.replay.land_due(night)
    before = set(home.landed())
    [batch] = home.replay.land_due(night + timedelta(seconds=1))
    assert set(batch.rows.values()) == {0, 1}
    assert batch.rows["point_of_sale/control_totals"] == 1
    assert sorted(set(home.landed()) - before) == [
        "crm_system/customers/customers_20261121T100001Z.parquet",
        "point_of_sale/control_totals/control_totals_20261121T100001Z.parquet",
        "point_of_sale/coupon_redemptions/coupon_redemptions_20261121T100001Z.parquet",
        "point_of_sale/receipts/receipts_20261121T100001Z.parquet",
        "warehouse/stock_movements/stock_movements_20261121T100001Z.parquet",
    ]
    assert home.query("""
        select lines, receipts, sales_value::varchar, extracted_at::varchar from control_totals
        order by extracted_at desc limit 1
    """) == [(0, 0, "0.00", "2026-11-21 10:00:01")]


def test_nothing_is_due_twice_or_when_the_clock_goes_back(home, first_start):
    assert home.replay.land_due(first_start + timedelta(milliseconds=900)) == []
    assert home.replay.land_due(first_start - timedelta(days=1)) == []


def test_a_batch_that_was_interrupted_at_any_file_is_finished_with_the_same_bytes(home, first_start):
    until = first_start + timedelta(minutes=10)
    state = home.path / "operational_systems" / "state.json"
    pending = json.loads(state.read_text()) | {"pending_until": until.isoformat()}
    before = set(home.landed())
    home.replay.land_due(until)
    whole = home.landed()
    for lost in sorted(set(whole) - before):
        (home.path / "landing" / lost).unlink()
        state.write_text(json.dumps(pending))
        later = home.replay.land_due(until)
        assert [batch.interval.end for batch in later] == [until]
        assert home.landed() == whole, lost


def test_an_interrupted_batch_keeps_its_interval_when_the_clock_has_gone_on(home, first_start):
    until = first_start + timedelta(minutes=10)
    state = home.path / "operational_systems" / "state.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"pending_until": until.isoformat()}))
    batches = home.replay.land_due(until + timedelta(minutes=5))
    assert [batch.interval.end for batch in batches] == [until, until + timedelta(minutes=5)]
    assert [batch.number for batch in batches] == [2, 3]


def test_the_books_are_derived_again_when_they_are_lost(home, history, first_start, tmp_path):
    shutil.rmtree(home.path / "operational_systems" / "books")
    [batch] = home.replay.land_due(first_start + timedelta(days=1))
    assert batch.rows["warehouse/stock_movements"] > 100


def test_history_never_lands_over_files_of_which_nothing_is_known(home, first_start):
    (home.path / "operational_systems" / "state.json").unlink()
    before = home.landed()
    with pytest.raises(ReplayError, match="start afresh in an empty home"):
        home.replay.land_due(first_start + timedelta(days=1))
    assert home.landed() == before


def test_a_damaged_state_is_named(home, first_start):
    state = home.path / "operational_systems" / "state.json"
    state.write_text("{")
    with pytest.raises(ReplayError, match=r"state\.json is damaged"):
        home.replay.land_due(first_start + timedelta(days=1))


def test_killed_at_any_time_it_neither_loses_nor_doubles_an_event(home, history, first_start, tmp_path):
    """Each call lands an hour more and is killed a little later after its start than the one before."""
    now = first_start
    for kill in range(12):
        now += timedelta(hours=1)
        process = subprocess.Popen(
            [sys.executable, "-m", "operational_systems", "--home", home.path, "--tick", "1", "--now", now.isoformat()],
            stdout=subprocess.DEVNULL,
        )
        time.sleep(0.25 + 0.05 * kill)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    end = now + timedelta(hours=1)
    home.replay.land_due(end)
    other = type(home)(tmp_path / "other")
    shutil.copytree(history.path, other.path)
    other.replay.land_due(end)
    assert events(home) == events(other)


def test_the_history_may_be_killed_too(tmp_path, history, first_start):
    home = type(history)(tmp_path / "home")
    call = [
        sys.executable,
        "-m",
        "operational_systems",
        "--home",
        home.path,
        "--once",
        "--now",
        first_start.isoformat(),
    ]
    for wait in (0.9, 1.6):
        process = subprocess.Popen(call, stdout=subprocess.DEVNULL)
        time.sleep(wait)
        process.kill()
        process.wait()
    end = first_start + timedelta(minutes=1)
    home.replay.land_due(end)
    other = type(home)(tmp_path / "other")
    shutil.copytree(history.path, other.path)
    other.replay.land_due(end)
    for feed, moment in EVENTS.items():
        question = f"select count(*), min({moment}), max({moment}) from {feed}"
        assert home.query(question) == other.query(question)
