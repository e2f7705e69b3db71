"""The audit log on real databases: every kind of tampering is found, and nothing else is taken for it."""

from __future__ import annotations

import hashlib
import random
import signal
import stat
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from platform_resources.control import ControlDatabase, ControlError
from platform_resources.control.audit_chain import Fact
from platform_resources.control.audit_log import AuditLog
from platform_resources.lake import utc_now
from tests.control.test_database import start_together

PORT = "shop.customers.v1"


@pytest.fixture
def log(control: ControlDatabase) -> AuditLog:
    made = AuditLog(control)
    for number in range(1, 11):
        made.append("read", f"reader-{number % 3}", PORT, columns=["email", "name"], number=number)
    return made


@contextmanager
def past_the_fence(control: ControlDatabase) -> Iterator[Connection]:
    """As somebody who owns the database and takes its triggers off."""
    with control.writing() as connection:
        if control.is_sqlite:
            for act in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS audit_no_{act}"))
        else:
            connection.execute(text("DROP TRIGGER IF EXISTS audit_is_append_only ON audit"))
        yield connection


def signs(log: AuditLog) -> set[tuple[str, int]]:
    return {(finding.sign, finding.sequence) for finding in log.verify().findings}


def test_a_log_that_nobody_touched_is_sound(log):
    report = log.verify()
    assert report.sound
    assert report.entries == report.head.sequence == 10


def test_an_empty_log_is_sound(control):
    assert AuditLog(control).verify().sound


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", "2020-01-01 00:00:00.000000"),
        ("kind", "served"),
        ("actor", "somebody-else"),
        ("port", "shop.orders.v1"),
        ("port", None),
        ("record", '{"number": 5}'),
        ("previous", "0" * 64),
        ("digest", "0" * 64),
    ],
)
def test_a_change_of_any_column_is_found(control, log, column, value):
    with past_the_fence(control) as connection:
        connection.execute(text(f"UPDATE audit SET {column} = :value WHERE sequence = 5"), {"value": value})
    assert signs(log) == {("altered", 5)}


def test_a_value_of_a_strange_type_is_found(settings):
    control = ControlDatabase(settings)
    log = AuditLog(control)
    for _ in range(3):
        log.append("read", "ana", PORT)
    with past_the_fence(control) as connection:
        connection.execute(text("UPDATE audit SET at = 'once', actor = x'ff' WHERE sequence = 2"))
    assert signs(log) == {("altered", 2)}
    with pytest.raises(ControlError, match=r"entry 2 .* can't be read"):
        log.entries()
    control.close()


def test_an_entry_that_is_missing_is_found(control, log):
    with past_the_fence(control) as connection:
        connection.execute(text("DELETE FROM audit WHERE sequence IN (4, 5)"))
    assert signs(log) == {("removed", 4)}


def test_the_first_entry_missing_is_found(control, log):
    with past_the_fence(control) as connection:
        connection.execute(text("DELETE FROM audit WHERE sequence = 1"))
    assert signs(log) == {("removed", 1)}


@pytest.mark.parametrize("left", [0, 3, 9])
def test_a_tail_that_was_cut_is_found(control, log, left):
    with past_the_fence(control) as connection:
        connection.execute(text("DELETE FROM audit WHERE sequence > :left"), {"left": left})
    assert signs(log) == {("cut", left + 1)}


@pytest.mark.parametrize("left", [0, 9])
def test_a_cut_stays_on_record_when_the_log_goes_on(control, log, left):
    with past_the_fence(control) as connection:
        connection.execute(text("DELETE FROM audit WHERE sequence > :left"), {"left": left})
    assert AuditLog(control).append("read", "ana", PORT) == 12  # 11 says what was lost; no number is used twice
    log.append("read", "ana", PORT)
    assert signs(AuditLog(control)) == {("cut", left + 1)}
    log.accept_gap(11, "operator", "restored from the backup of 3 March")
    report = log.verify()
    assert report.sound
    assert report.accepted == (11,)
    with pytest.raises(ControlError, match="is no gap"):
        log.accept_gap(12, "operator", "because")


def test_entries_that_were_exchanged_are_found(control, log):
    with past_the_fence(control) as connection:
        for old, new in ((4, 99), (5, 4), (99, 5)):
            connection.execute(text("UPDATE audit SET sequence = :new WHERE sequence = :old"), {"old": old, "new": new})
    assert {("altered", 4), ("altered", 5)} <= signs(log)


def test_an_entry_that_was_put_in_is_found(control, log):
    with past_the_fence(control) as connection:
        connection.execute(
            text(
                "INSERT INTO audit SELECT 11, at, kind, actor, port, record, digest, :digest FROM audit"
                " WHERE sequence = 10"
            ),
            {"digest": "ab" * 32},
        )
    assert signs(log) == {("altered", 11)}


def test_a_chain_made_anew_without_the_key_is_found(control, log):
    with past_the_fence(control) as connection:
        previous = ""
        for sequence in range(1, 11):
            digest = hashlib.sha256(f"{previous}{sequence}".encode()).hexdigest()
            connection.execute(
                text("UPDATE audit SET actor = 'ana', previous = :p, digest = :d WHERE sequence = :s"),
                {"p": previous, "d": digest, "s": sequence},
            )
            previous = digest
    assert {("altered", sequence) for sequence in range(1, 11)} <= signs(log)
    with pytest.raises(ControlError, match="begun with a key that is not"):
        AuditLog(control).append("read", "ana", PORT)  # nothing genuine is left that this key could go on from


@pytest.mark.parametrize("damage", ["gone", "changed", "other key"])
def test_an_anchor_that_is_no_anchor_is_found_and_stays_on_record(control, log, damage):
    anchor = control.settings.home / "keys" / "audit.anchor"
    match damage:
        case "gone":
            anchor.unlink()
        case "changed":
            anchor.write_bytes(anchor.read_bytes().replace(b"10 ", b"05 "))
        case "other key":
            anchor.write_text("0" * 20 + " " + "a" * 64 + " " + "b" * 64 + "\n")
    assert signs(log) == {("anchor", 0)}
    log.append("read", "ana", PORT)
    assert signs(log) == {("anchor", 11)}


def test_a_log_is_not_continued_without_its_key(control, log):
    (control.settings.home / "keys" / "audit.key").unlink()
    with pytest.raises(ControlError, match="begun with a key that is not in"):
        AuditLog(control).append("read", "ana", PORT)
    (control.settings.home / "keys" / "audit.key").write_text("ab" * 32)
    with pytest.raises(ControlError, match="begun with a key that is not in"):
        AuditLog(control).append("read", "ana", PORT)


def test_key_and_anchor_are_their_owners_alone(control, log):
    for name in ("audit.key", "audit.anchor"):
        assert stat.S_IMODE((control.settings.home / "keys" / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit WHERE sequence = 10"])
def test_the_database_itself_refuses_to_change_entries(control, log, statement):
    with pytest.raises((DBAPIError, ControlError), match="append-only"), control.writing() as connection:
        connection.execute(text(statement))
    assert log.verify().sound


def test_an_act_and_its_entry_are_stored_together_or_not_at_all(control, log):
    with control.writing() as connection:
        assert log.append_in(connection, "token-created", "ana", token="abc") == 11
    with pytest.raises(RuntimeError), control.writing() as connection:
        log.append_in(connection, "token-created", "ana", token="abc")
        raise RuntimeError
    assert log.count() == 11
    assert log.verify().sound
    assert log.append("read", "ana") == 12


def test_no_secret_enters(control, log):
    token = "mesh_0123456789_" + "s3cret-Of_the.token".replace(".", "-")
    jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJl"
    log.append("read", token, f"{token}.v1", sql=f"select '{token}'", headers={token: [jwt, (token,)]}, odd={token})
    with control.reading() as connection:
        row = str(connection.execute(text("SELECT * FROM audit WHERE sequence = 11")).one())
    assert "s3cret" not in row
    assert "eyJ" not in row
    assert "mesh_0123456789" in row
    assert log.verify().sound


def test_strange_text_does_no_harm(control, log):
    odd = "\x00 \ud800 \u202e ' \" \\ \n ü 🐟"
    log.append("read", "a\nb\x00", "x" * 1000, odd=odd, when=utc_now(), long="y" * 100_000)
    report = log.verify()
    assert report.sound
    entry = log.entries(limit=1)[0]
    assert len(entry.port or "") == 200
    assert len(entry.record["long"]) == 10_000


def test_entries_are_found_by_what_is_asked(control, log):
    log.append("refused", "reader-1", "shop.orders.v1", code="denied")
    assert [entry.sequence for entry in log.entries(limit=3)] == [11, 10, 9]
    assert [entry.sequence for entry in log.entries(before=9, limit=2)] == [8, 7]
    assert [entry.sequence for entry in log.entries(actor="reader-1")] == [11, 10, 7, 4, 1]
    assert [entry.sequence for entry in log.entries(actor="reader-1", port=PORT, limit=1)] == [10]
    assert [entry.record for entry in log.entries(kind="refused")] == [{"code": "denied"}]
    now = utc_now()
    assert log.entries(since=now + timedelta(hours=1)) == ()
    assert len(log.entries(since=now - timedelta(hours=1), until=now + timedelta(hours=1))) == 11


def test_threads_that_append_at_once_lose_nothing(control, log):
    numbers: list[int] = []

    def append() -> None:
        numbers.extend(log.append("read", "ana", PORT) for _ in range(20))

    threads = [threading.Thread(target=append) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(11, 331))
    assert log.verify().sound


def test_nothing_that_waits_with_a_failed_append_is_taken_for_written(settings, monkeypatch):
    monkeypatch.setattr("platform_resources.control.database._WAIT_SECONDS", 0.2)
    control = ControlDatabase(settings)
    log = AuditLog(control)
    log.append("read", "ana")
    failed: list[ControlError] = []

    def append() -> None:
        try:
            log.append("read", "ana")
        except ControlError as error:
            failed.append(error)

    with ControlDatabase(settings).writing():
        threads = [threading.Thread(target=append) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(failed) == 5
    assert log.count() == 1
    assert log.verify().sound
    control.close()


_APPENDING = """
import sys
from pathlib import Path
from platform_resources.control import ControlDatabase
from platform_resources.control.audit_log import AuditLog
from platform_resources.lake import MeshSettings

control = ControlDatabase(MeshSettings(home=Path(sys.argv[1]), project=Path("/")), sys.argv[2] or None)
log = AuditLog(control)
print("ready", flush=True)
for _ in range(int(sys.argv[3])):
    print(log.append("read", "ana", "shop.customers.v1"), flush=True)
"""


def test_processes_that_are_killed_while_they_append_raise_no_alarm(control, log):
    """And no entry whose `append` had returned is lost: those were acted upon."""
    url = "" if control.is_sqlite else control._url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", _APPENDING, str(control.settings.home), url, "100000"]
    chance = random.Random(7)
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8 if control.is_sqlite else 4)
    ]
    for process in running:
        process.stdout.readline()
    acknowledged = {int(running[0].stdout.readline())}  # one, however slow the machine is
    for process in running:
        time.sleep(chance.uniform(0.02, 0.15))
        process.send_signal(signal.SIGKILL)
        assert log.verify().sound  # the others go on meanwhile
        lines = process.communicate()[0].splitlines(keepends=True)
        acknowledged |= {int(line) for line in lines if line.endswith("\n")}
    log.append("read", "ana", PORT)
    report = log.verify()
    assert report.sound, report.findings
    assert report.accepted == ()
    assert report.entries == report.head.sequence
    assert acknowledged
    assert max(acknowledged) <= report.head.sequence


def test_processes_that_begin_a_log_together_share_its_key(settings):
    first = _APPENDING.replace('print("ready", flush=True)\n', "").replace(
        "control = ", 'print("ready", flush=True)\nsys.stdin.readline()\ncontrol = '
    )
    assert start_together(first, 4, str(settings.home), "", "10") == [0] * 4
    control = ControlDatabase(settings)
    report = AuditLog(control).verify()
    assert report.sound, report.findings
    assert report.entries == 40
    control.close()


def test_a_long_log_is_verified_in_flat_memory(settings):
    control = ControlDatabase(settings)
    log = AuditLog(control)
    fact = Fact.of("read", "ana", PORT, {"columns": [f"column_{number}" for number in range(20)]})
    peaks = []
    for length in (4_000, 12_000):
        with control.writing() as connection:
            for _ in range(length // 2_000):
                log._write(connection, [fact] * 2_000)
        tracemalloc.start()
        assert log.verify().sound
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert log.count() == 16_000
    assert peaks[1] < 1.5 * peaks[0]
    control.close()
