"""Tokens: what they are good for, how they end, and that nobody can tell why one doesn't hold."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from platform_resources.access import Access, Caller, Identity
from platform_resources.access.callers.identities import save_identity, set_enabled
from platform_resources.access.callers.scopes import covers, within
from platform_resources.access.callers.tokens import MOST_LIVE, create_token, issue_token, list_tokens, revoke_token
from platform_resources.access.errors import (
    BadRequestError,
    ConflictError,
    DeniedError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from platform_resources.control.tables import tokens
from platform_resources.lake import MeshSettings, utc_now

PORT = "crm.customer_360.v1"


@pytest.fixture
def access(tmp_path: Path) -> Iterator[Access]:
    with Access(MeshSettings(home=tmp_path / "home", project=tmp_path), personas=False) as made:
        save_identity(made.control, Identity("ana", "person", "Ana"))
        save_identity(made.control, Identity("operator", "person", "Operator", administrator=True))
        yield made


def caller_of(access: Access, identity: str = "ana", **facts: object) -> Caller:
    return access.authenticate(create_token(access.control, identity, created_by="tests", **facts))


def public_id(token: str) -> str:
    return token.split("_")[1]


def test_a_token_says_who_calls_and_what_for(access):
    caller = caller_of(access, scopes=("read", "request"), purpose="analytics", lasts=timedelta(days=1))
    assert caller.identity.id == "ana"
    assert caller.scopes == {"read", "request"}
    assert caller.purpose == "analytics"
    assert timedelta(hours=23) < caller.expires_at - utc_now() <= timedelta(days=1)


def test_its_secret_is_kept_nowhere(access):
    token = create_token(access.control, "ana", created_by="tests", audit=access.audit)
    secret = token.split("_", 2)[2]
    access.close()
    kept = b"".join(file.read_bytes() for file in access.settings.home.rglob("*") if file.is_file())
    assert secret.encode() not in kept
    assert hashlib.sha256(secret.encode()).hexdigest().encode() in kept


def test_a_token_that_does_not_hold_never_says_why(access):
    token = create_token(access.control, "ana", created_by="tests")
    expired, revoked = (create_token(access.control, "ana", created_by="tests") for _ in range(2))
    with access.control.writing() as connection:
        connection.execute(update(tokens).where(tokens.c.id == public_id(expired)).values(expires_at=utc_now()))
    revoke_token(access.control, access.audit, public_id(revoked), "ana")
    save_identity(access.control, Identity("gone", "person", "Gone"))
    disabled = create_token(access.control, "gone", created_by="tests")
    set_enabled(access.control, access.audit, "gone", False, "operator")
    wrong_secret = f"mesh_{public_id(token)}_{'A' * 43}"
    unknown = f"mesh_0123456789_{'A' * 43}"
    strange = [
        "",
        "mesh_",
        "x",
        token[:-1],
        token + "A",
        token.upper(),
        f" {token}",
        "a.b.c",
        "\x00",
        "x" * 100_000,
        "é",
    ]
    told = set()
    for credential in (expired, revoked, disabled, wrong_secret, unknown, *strange[1:]):
        with pytest.raises(UnauthenticatedError) as refusal:
            access.authenticate(credential)
        told.add((refusal.value.message, refusal.value.remedy, str(refusal.value.facts)))
    assert len(told) == 1
    for nothing in ("", None):
        with pytest.raises(UnauthenticatedError, match="no token was shown"):
            access.authenticate(nothing)
    assert access.authenticate(token).identity.id == "ana"


def test_a_revoked_token_ends_in_other_processes_too(access):
    token = create_token(access.control, "ana", created_by="tests")
    code = """
import sys
from pathlib import Path
from platform_resources.access import Access, AccessError
from platform_resources.lake import MeshSettings

access = Access(MeshSettings(home=Path(sys.argv[1]), project=Path("/")), personas=False)
for line in sys.stdin:
    try:
        print(access.authenticate(line.strip()).identity.id, flush=True)
    except AccessError as error:
        print(error.code, flush=True)
"""
    command = [sys.executable, "-c", code, str(access.settings.home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:

        def ask() -> str:
            other.stdin.write(f"{token}\n")
            other.stdin.flush()
            return other.stdout.readline().strip()

        assert ask() == "ana"
        revoke_token(access.control, access.audit, public_id(token), "ana")
        assert ask() == "unauthenticated"
        other.stdin.close()


def test_tokens_are_listed_without_their_secret(access):
    token = create_token(access.control, "ana", created_by="operator", label="notebook")
    create_token(access.control, "operator", created_by="operator")
    (listed,) = list_tokens(access.control, "ana")
    assert (listed.id, listed.label, listed.created_by) == (public_id(token), "notebook", "operator")
    assert token.split("_", 2)[2] not in repr(listed)
    assert len(list_tokens(access.control)) == 2
    assert listed.state(utc_now()) == "valid"
    assert listed.state(utc_now() + timedelta(days=91)) == "expired"


def test_when_it_was_last_used_is_kept_to_the_minute(access):
    token = create_token(access.control, "ana", created_by="tests")
    access.authenticate(token)
    access._last_use.close()  # waits for what is under way
    (first,) = list_tokens(access.control, "ana")
    assert first.last_used_at is not None
    with Access(access.settings, personas=False) as another:
        another.authenticate(token)
    assert list_tokens(access.control, "ana") == (first,)
    with access.control.writing() as connection:
        connection.execute(update(tokens).values(last_used_at=utc_now() - timedelta(minutes=2)))
    with Access(access.settings, personas=False) as another:
        another.authenticate(token)
    (last,) = list_tokens(access.control, "ana")
    assert last.last_used_at >= first.last_used_at
    access.authenticate(token)  # and nothing fails after the end


@pytest.mark.parametrize(
    "facts",
    [
        {"scopes": ()},
        {"scopes": ("write",)},
        {"scopes": ("read:",)},
        {"scopes": ("read:*",)},
        {"scopes": ("read:crm",)},
        {"scopes": ("read:crm.*.v1",)},
        {"scopes": ("admin:crm.*",)},
        {"lasts": timedelta(0)},
        {"lasts": timedelta(days=367)},
        {"purpose": "every thing"},
        {"label": "a\nb"},
    ],
)
def test_a_token_that_makes_no_sense_is_not_made(access, facts):
    with pytest.raises(BadRequestError):
        create_token(access.control, "ana", created_by="tests", **facts)
    assert list_tokens(access.control) == ()


def test_nobody_gets_a_token_who_is_not_known(access):
    with pytest.raises(NotFoundError):
        create_token(access.control, "nobody", created_by="tests")


def test_everybody_makes_narrower_tokens_for_itself(access):
    caller = caller_of(access, scopes=("read:crm.*", "request"), lasts=timedelta(days=2), purpose="analytics")
    own = access.authenticate(issue_token(access.control, access.audit, caller, scopes=(f"read:{PORT}",)))
    assert own.scopes == {f"read:{PORT}"}
    assert own.purpose == "analytics"
    assert own.expires_at <= caller.expires_at
    for wider in (("read",), ("admin",), ("read:crm.*", "approve"), ("read:sales.bookings.v1",)):
        with pytest.raises(DeniedError):
            issue_token(access.control, access.audit, caller, scopes=wider)
    with pytest.raises(DeniedError):
        issue_token(access.control, access.audit, caller, scopes=("request",), purpose="campaigns")
    with pytest.raises(DeniedError):
        issue_token(access.control, access.audit, caller, "operator", scopes=("request",))


def test_people_make_their_own_tokens_only(access):
    """An administrator's token for somebody else would read, or approve, as that person."""
    admin = caller_of(access, "operator", scopes=("admin", "read", "request", "approve"))
    for scope in ("read", "request", "approve"):
        with pytest.raises(DeniedError):
            issue_token(access.control, access.audit, admin, "ana", scopes=(scope,))
    pretending = caller_of(access, "ana", scopes=("admin",))
    with pytest.raises(DeniedError):
        issue_token(access.control, access.audit, pretending, "operator", scopes=("admin",))
    with pytest.raises(DeniedError):  # nor one that reads for itself, where its own token doesn't
        issue_token(access.control, access.audit, caller_of(access, "operator", scopes=("admin",)), scopes=("read",))


def test_tokens_of_a_service_are_made_by_who_answers_for_it_and_by_administrators(access):
    save_identity(access.control, Identity("ben", "person", "Ben"))
    save_identity(access.control, Identity("desk", "service", "Desk", responsible="ana"))
    save_identity(access.control, Identity("mill", "agent", "Mill"))
    answers = caller_of(access, scopes=("read", "approve"), lasts=timedelta(days=2))
    made = access.authenticate(issue_token(access.control, access.audit, answers, "desk", scopes=("read:crm.*",)))
    assert (made.identity.id, made.scopes) == ("desk", {"read:crm.*"})
    assert made.expires_at <= answers.expires_at
    admin = caller_of(access, "operator", scopes=("admin", "read"))
    assert access.authenticate(issue_token(access.control, access.audit, admin, "mill")).identity.id == "mill"
    refused = {
        "an administrator without read": (
            caller_of(access, "operator", scopes=("admin",)),
            "desk",
            "read",
        ),
        "a stranger": (caller_of(access, "ben"), "desk", "read"),
        "another's": (answers, "mill", "read"),
        "an approval": (answers, "desk", "approve"),
        "nobody known": (answers, "nobody", "read"),
    }
    for caller, owner, scope in refused.values():
        with pytest.raises(DeniedError):
            issue_token(access.control, access.audit, caller, owner, scopes=(scope,))


def test_what_was_made_for_a_service_ends_with_the_token_that_made_it(access):
    save_identity(access.control, Identity("desk", "service", "Desk", responsible="ana"))
    answers = create_token(access.control, "ana", created_by="tests")
    made = issue_token(access.control, access.audit, access.authenticate(answers), "desk")
    revoke_token(access.control, access.audit, public_id(answers), "ana")
    with pytest.raises(UnauthenticatedError):
        access.authenticate(made)


def test_nobody_has_tokens_without_number(access):
    made = [create_token(access.control, "ana", created_by="tests") for _ in range(MOST_LIVE)]
    with pytest.raises(ConflictError, match="50 tokens"):
        create_token(access.control, "ana", created_by="tests")
    create_token(access.control, "operator", created_by="tests")
    revoke_token(access.control, access.audit, public_id(made[0]), "ana")
    create_token(access.control, "ana", created_by="tests")


def test_with_a_token_end_those_that_were_made_with_it(access):
    parent = create_token(access.control, "ana", created_by="tests")
    child = issue_token(access.control, access.audit, access.authenticate(parent))
    grandchild = issue_token(access.control, access.audit, access.authenticate(child))
    other = create_token(access.control, "ana", created_by="tests")
    ended = revoke_token(access.control, access.audit, public_id(parent), "ana")
    assert set(ended) == {public_id(token) for token in (parent, child, grandchild)}
    assert revoke_token(access.control, access.audit, public_id(parent), "ana") == ()
    for token in (parent, child, grandchild):
        with pytest.raises(UnauthenticatedError):
            access.authenticate(token)
    assert access.authenticate(other).identity.id == "ana"


def test_tokens_of_others_are_nobodys_business(access):
    token = create_token(access.control, "operator", created_by="tests")
    told = []
    for public in (public_id(token), "0123456789"):
        with pytest.raises(NotFoundError) as refusal:
            revoke_token(access.control, access.audit, public, "ana", owner="ana")
        told.append(refusal.value.message.replace(public, "..."))
    assert told[0] == told[1]


def test_what_is_done_with_tokens_is_on_record(access):
    token = create_token(access.control, "ana", created_by="operator", audit=access.audit)
    revoke_token(access.control, access.audit, public_id(token), "ana")
    revoked, created = access.audit.entries()
    assert (created.kind, created.actor, created.record["token"]) == ("token-created", "operator", public_id(token))
    assert (revoked.kind, revoked.actor, revoked.record["tokens"]) == ("token-revoked", "ana", [public_id(token)])
    assert token.split("_", 2)[2] not in f"{revoked}{created}"


def test_a_database_that_cant_be_asked_is_no_wrong_token(access):
    token = create_token(access.control, "ana", created_by="tests")
    with access.control.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE tokens RENAME TO hidden")
    with pytest.raises(UnavailableError):
        access.authenticate(token)


@pytest.mark.parametrize(
    ("scopes", "action", "port", "may"),
    [
        ({"read"}, "read", PORT, True),
        ({"read"}, "read", None, True),
        ({"read"}, "request", None, False),
        ({"read:crm.*"}, "read", PORT, True),
        ({"read:crm.*"}, "read", None, True),
        ({"read:crm.*"}, "read", "crmx.customer_360.v1", False),
        ({"read:crm.*"}, "read", "sales.bookings.v1", False),
        ({"read:crm.customer_360.*"}, "read", PORT, True),
        ({"read:crm.customer_360.*"}, "read", "crm.customer_360_more.v1", False),
        ({f"read:{PORT}"}, "read", PORT, True),
        ({f"read:{PORT}"}, "read", "crm.customer_360.v12", False),
        ({"request", "approve"}, "read", PORT, False),
        ({"request"}, "request", PORT, True),
        (set(), "read", None, False),
    ],
)
def test_what_a_scope_reaches(scopes, action, port, may):
    assert Caller(Identity("ana", "person", "Ana"), frozenset(scopes)).may(action, port) is may


def test_only_administrators_administer():
    scopes = frozenset({"admin"})
    assert not Caller(Identity("ana", "person", "Ana"), scopes).may("admin")
    assert Caller(Identity("op", "person", "Op", administrator=True), scopes).may("admin")
    assert not Caller(Identity("op", "person", "Op", administrator=True), frozenset({"read"})).may("admin")


_SCOPES = st.sampled_from(
    ["read", "read:a.*", "read:b.*", "read:a.x.*", "read:a.y.*", "read:a.x.v1", "read:b.x.v1", "request", "admin"]
)


@given(st.frozensets(_SCOPES, min_size=1), st.frozensets(_SCOPES))
def test_a_token_within_another_reaches_nothing_that_the_other_does_not(wanted, held):
    ports = [f"{domain}.{product}.v{major}" for domain in "abc" for product in "xyz" for major in (1, 2)]
    if within(wanted, held):
        for action in ("read", "request", "approve", "admin"):
            assert all(covers(held, action, port) for port in ports if covers(wanted, action, port))


def test_what_it_holds_is_within_itself():
    held = {"read:a.*", "request"}
    assert within(held, held)
    assert not within({"read"}, held)
