"""Who may ask for data: forms, who answers for whom, and that every change is on record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_resources.access import Access, Identity
from platform_resources.access.callers.identities import (
    check_identity,
    find_identity,
    get_identity,
    list_identities,
    save_identity,
    set_enabled,
)
from platform_resources.access.callers.tokens import create_token
from platform_resources.access.errors import BadRequestError, NotFoundError, UnauthenticatedError
from platform_resources.lake import MeshSettings

MARIA = Identity("maria@retailer.example", "person", "Maria", clearances=frozenset({"gdpr", "finance"}))
DESK = Identity("desk", "service", "Desk", clearances=frozenset({"gdpr", "health"}), responsible=MARIA.id)


@pytest.fixture
def access(tmp_path: Path) -> Iterator[Access]:
    with Access(MeshSettings(home=tmp_path / "home", project=tmp_path), personas=False) as made:
        save_identity(made.control, MARIA)
        save_identity(made.control, DESK)
        yield made


def test_what_is_saved_is_found(access):
    identity = Identity(
        "ana",
        "person",
        "Ana Lind",
        domain="finance",
        clearances=frozenset({"gdpr"}),
        attributes={
            "regions": ("north", "south"),
            "stores": (1, 2),
            "level": 3,
            "share": 0.5,
            "night": True,
            "none": (),
        },
        teams=frozenset({"Customer Insights", "/groups/a"}),
        purpose="analytics",
        administrator=True,
    )
    assert save_identity(access.control, identity) is True
    assert find_identity(access.control, "ana") == identity
    changed = replace(identity, name="Ana", clearances=frozenset())
    assert save_identity(access.control, changed) is False
    assert find_identity(access.control, "ana") == changed
    assert [one.id for one in list_identities(access.control)] == ["ana", "desk", MARIA.id]
    assert find_identity(access.control, "nobody") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": ""},
        {"id": "a b"},
        {"id": "../etc/passwd"},
        {"id": "*"},
        {"id": "local:root"},
        {"id": "a\n"},
        {"id": "x" * 201},
        {"kind": "robot"},
        {"name": ""},
        {"name": "a\x00b"},
        {"name": "a\u202eb"},
        {"domain": "CRM; drop table"},
        {"purpose": "every thing"},
        {"clearances": frozenset({"GDPR"})},
        {"clearances": frozenset({"a'b"})},
        {"teams": frozenset({""})},
        {"teams": frozenset({"a\nb"})},
        {"teams": frozenset({"privacy@retailer.example"})},
        {"teams": frozenset({"fin.revenue"})},
        {"id": "fin.revenue"},
        {"id": "\u212aen@retailer.example"},
        {"attributes": {"x": 10**400}},
        {"attributes": {"x": (2**63,)}},
        {"attributes": {"Region": "x"}},
        {"attributes": {"x": None}},
        {"attributes": {"x": {"a": 1}}},
        {"attributes": {"x": ("a", 1)}},
        {"attributes": {"x": (("a",),)}},
        {"attributes": {"x": float("nan")}},
        {"attributes": {"x": float("inf")}},
        {"attributes": {"x": "a\x00"}},
        {"attributes": {"x": tuple(range(1_001))}},
        {"responsible": "ana"},
        {"kind": "service", "administrator": True},
    ],
)
def test_what_can_be_no_identity_is_refused(wrong):
    with pytest.raises(BadRequestError):
        check_identity(replace(Identity("ana", "person", "Ana"), **wrong))


@given(st.text(max_size=20))
def test_an_id_that_is_accepted_is_safe_in_paths_logs_and_headers(text):
    try:
        check_identity(Identity(text, "person", "Somebody"))
    except BadRequestError:
        return
    assert text.isascii()
    assert text.isprintable()
    assert not set(text) & set("/\\'\"` :;*?%\n")
    assert not text.startswith(".")


def test_a_service_has_at_most_the_clearances_of_whoever_answers_for_it(access):
    assert find_identity(access.control, "desk").clearances == {"gdpr"}
    save_identity(access.control, replace(MARIA, clearances=frozenset()))
    assert find_identity(access.control, "desk").clearances == frozenset()
    assert get_identity(access.control, "desk").clearances == {"gdpr", "health"}


def test_a_service_ends_with_whoever_answers_for_it(access):
    token = create_token(access.control, "desk", created_by="tests")
    assert access.authenticate(token).identity.id == "desk"
    set_enabled(access.control, access.audit, MARIA.id, False, "operator")
    with pytest.raises(UnauthenticatedError):
        access.authenticate(token)
    set_enabled(access.control, access.audit, MARIA.id, True, "operator")
    assert access.authenticate(token).identity.id == "desk"


@pytest.mark.parametrize("who", ["desk", "nobody", "gone"])
def test_only_a_person_who_is_known_answers_for_another(access, who):
    save_identity(access.control, Identity("gone", "person", "Gone"))
    set_enabled(access.control, access.audit, "gone", False, "operator")
    with pytest.raises(BadRequestError, match="can't answer for"):
        save_identity(access.control, Identity("bot", "agent", "Bot", responsible=who))


def test_every_change_is_on_record_with_who_made_it(access):
    who = Identity("ana", "person", "Ana Lind", clearances=frozenset({"gdpr"}))
    for identity in (who, who, replace(who, clearances=frozenset(), name="Other")):
        save_identity(access.control, identity, audit=access.audit, actor="operator")
    for enabled in (False, False, True):
        set_enabled(access.control, access.audit, "ana", enabled, "operator")
    entries = access.audit.entries(actor="operator")
    assert [entry.kind for entry in reversed(entries)] == [
        *("identity-added", "identity-changed", "identity-disabled", "identity-enabled")
    ]
    assert entries[2].record == {"identity": "ana", "clearances": []}
    assert "Ana Lind" not in str(entries)


def test_a_refused_change_leaves_nothing(access):
    with pytest.raises(BadRequestError):
        save_identity(access.control, Identity("b c", "person", "B"), audit=access.audit, actor="operator")
    with pytest.raises(NotFoundError):
        set_enabled(access.control, access.audit, "nobody", False, "operator")
    assert access.audit.count() == 0


def test_an_address_is_one_person_however_it_is_written(access):
    assert save_identity(access.control, replace(MARIA, id="Maria@Retailer.Example")) is False
    assert [one.id for one in list_identities(access.control)] == ["desk", MARIA.id]
    assert get_identity(access.control, "MARIA@RETAILER.EXAMPLE") == get_identity(access.control, MARIA.id)
    save_identity(access.control, replace(DESK, responsible="Maria@Retailer.Example"))
    assert get_identity(access.control, "desk").responsible == MARIA.id
    set_enabled(access.control, access.audit, "Maria@retailer.example", False, "operator")
    assert find_identity(access.control, MARIA.id) is None
    assert save_identity(access.control, Identity("Desk", "service", "Another")) is True  # no address: case counts
