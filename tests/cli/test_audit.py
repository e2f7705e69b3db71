"""`mesh audit`: what happened, and whether the log of it is whole."""

from __future__ import annotations

import sqlite3

import pytest

from tests.cli.quick import QuickMesh
from tests.tiny_mesh import write_project


@pytest.fixture
def mesh(tmp_path) -> QuickMesh:
    made = QuickMesh(write_project(tmp_path / "project"), tmp_path / "home")
    assert made("identity", "add", "ana", "--team", "Sales").code == 0
    return made


def tamper(mesh: QuickMesh, *statements: str) -> None:
    """As somebody who may write the file, triggers or not."""
    with sqlite3.connect(mesh.home / "control.sqlite") as database:
        for statement in ("DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete", *statements):
            database.execute(statement)
    database.close()


def test_a_log_that_is_whole_says_so(mesh):
    told = mesh("audit", "verify")
    assert told.code == 0
    assert told.out.startswith("sound")
    report = mesh("audit", "verify", "--json").json
    assert report["sound"] is True
    assert report["entries"] == report["last"]


def test_a_change_and_a_cut_are_told(mesh):
    entries = mesh("audit", "verify", "--json").json["entries"]
    tamper(
        mesh, "UPDATE audit SET actor = 'somebody' WHERE sequence = 2", f"DELETE FROM audit WHERE sequence = {entries}"
    )
    told = mesh("audit", "verify")
    assert told.code == 1
    assert "2 signs of tampering" in told.out
    assert "altered entry 2 was changed" in told.err
    assert f"cut entry {entries} was cut off" in told.err
    signs = [(one["sign"], one["entry"]) for one in mesh("audit", "verify", "--json").json["findings"]]
    assert signs == [("altered", 2), ("cut", entries)]


def test_a_gap_can_be_explained(mesh):
    entries = mesh("audit", "verify", "--json").json["entries"]
    tamper(mesh, f"DELETE FROM audit WHERE sequence = {entries}")
    assert mesh("identity", "add", "ben").code == 0
    assert mesh("audit", "verify").code == 1
    gap = mesh("audit", "list", "--kind", "gap", "--json").json[0]["sequence"]
    assert mesh("audit", "accept", str(gap), "--reason", "restored from the backup of 3 March").code == 0
    told = mesh("audit", "verify")
    assert told.code == 0
    assert f"gaps that were explained: {gap}" in told.out
    wrong = mesh("audit", "accept", "1", "--reason", "x")
    assert (wrong.code, "is no gap" in wrong.err) == (1, True)


def test_a_log_without_its_key_is_not_verified_with_a_new_one(mesh):
    (mesh.home / "keys" / "audit.key").unlink()
    told = mesh("audit", "verify")
    assert told.code == 1
    assert "begun with a key that is not in" in told.err


def test_entries_are_listed_newest_first_by_what_is_asked(mesh):
    assert mesh("token", "create", "ana").code == 0
    entries = mesh("audit", "list", "--json").json
    assert [entry["sequence"] for entry in entries] == list(range(len(entries), 0, -1))
    assert [entry["kind"] for entry in entries[:2]] == ["token-created", "identity-added"]
    page = mesh("audit", "list", "--limit", "2")
    assert "token-created" in page.out
    assert f"older ones: --before {len(entries) - 1}" in page.err
    assert mesh("audit", "list", "--since", "2999-01-01").out.strip() == "no entry fits"
    assert mesh("audit", "list", "--actor", "nobody", "--json").json == []


def test_everybody_sees_what_is_on_record_of_oneself(mesh):
    assert mesh("token", "create", "--as", "analyst").code == 0
    entries = mesh("audit", "list", "--as", "analyst", "--json").json
    assert {entry["actor"] for entry in entries} == {"analyst"}
    assert entries[0]["kind"] == "token-created"


def test_a_kind_that_there_is_not_is_told_with_those_that_there_are(mesh):
    told = mesh("audit", "list", "--kind", "nonsense")
    assert (told.code, told.out) == (2, "")
    assert "grant-made" in told.err
    assert mesh("audit", "list", "--kind", "gap").code == 0
    assert mesh("audit", "list", "--kind", "grant-made", "--actor", "demo", "--json").json


def test_facts_are_told_in_a_line_for_people():
    from platform_resources.cli.audit import facts_text

    record = {
        "profile": "0123456789abcdef" * 4,
        "masked": {"email": ["partial"], "name": ["redact", "null"]},
        "ends_at": "2026-11-21T12:00:00.123456+00:00",
        "purpose": None,
    }
    told = facts_text(record)
    assert told.startswith("profile=0123456789ab masked=email (partial),name (redact,null) ends_at=")
    assert ".123456" not in told
