"""Requests for access: who may ask, who decides, and what a grant then opens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from platform_resources.access import AccessError, AccessRequest, Caller, Identity
from platform_resources.access.callers.identities import set_enabled
from platform_resources.access.callers.names import is_named
from platform_resources.access.errors import (
    BadRequestError,
    ConflictError,
    DeniedError,
    RetiredPortError,
    UnknownPortError,
    UnknownRequestError,
)
from platform_resources.access.relations.served import PortLog, ServedPorts
from platform_resources.control.tables import access_requests, audit
from platform_resources.lake import PortAddress, connect, retire, utc_now
from platform_resources.pipeline import documents
from tests.guarded import CUSTOMERS, CUSTOMERS_CONTRACT, GuardedMesh, make_mesh
from tests.work import statements_of

PORT = str(CUSTOMERS)
GDPR = "customers_gdpr_reader"
OWNER, PRIVACY, COUNCIL = "shop@retailer.example", "privacy@retailer.example", "dora@retailer.example"
BOTH = f"{OWNER}, {COUNCIL}"
ALL = ("read", "request", "approve")


@pytest.fixture
def mesh(tmp_path: Path):
    made = make_mesh(tmp_path)
    made.identity(Identity(OWNER, "person", "Shop owner", domain="shop", purpose="analytics"))
    made.identity(Identity(PRIVACY, "person", "Privacy officer"))
    made.identity(Identity("ben", "person", "Ben", purpose="analytics", teams=frozenset({"insights"})))
    made.identity(Identity("bot", "agent", "Bot", responsible="ben", purpose="analytics"))
    made.identity(Identity("operator", "person", "Operator", administrator=True))
    for who in (OWNER, PRIVACY, "ben", "bot", "ana", "nobody"):
        made.token(who, scopes=ALL)
    made.token("operator", scopes=("admin",))
    yield made
    made.access.close()


def ask(mesh: GuardedMesh, who: str = "ben", role: str | None = None, **facts: object) -> AccessRequest:
    given: dict = {"purpose": "analytics", "reason": "To see who buys what.", "days": 30, **facts}
    return mesh.access.requests.request(mesh.caller(who), PORT, role, **given)


def ask_for_clear(mesh: GuardedMesh, who: str = "ben", **facts: object) -> AccessRequest:
    return ask(mesh, who, GDPR, **{"purpose": "customer_service", **facts})


def approved_by(mesh: GuardedMesh, first: str, second: str = PRIVACY) -> None:
    """Let the contract name other approvers."""
    text = CUSTOMERS_CONTRACT.format(version="1.0.0", status="active")
    text = text.replace(f"firstLevelApprovers: {OWNER}", f"firstLevelApprovers: '{first}'")
    mesh.publish(contract=text.replace(f"secondLevelApprovers: {PRIVACY}", f"secondLevelApprovers: '{second}'"))


def entries(mesh: GuardedMesh) -> list[str]:
    with mesh.access.control.reading() as connection:
        return list(connection.execute(audit.select().order_by(audit.c.sequence)).mappings().all())


def kinds(mesh: GuardedMesh) -> list[str]:
    return [entry["kind"] for entry in entries(mesh)]


def can_read(mesh: GuardedMesh, who: str, purpose: str | None = None) -> bool:
    try:
        mesh.access.guard.open(mesh.caller(who), CUSTOMERS, purpose=purpose)
    except DeniedError:
        return False
    return True


def test_the_owner_approves_and_the_port_can_be_read(mesh: GuardedMesh) -> None:
    assert not can_read(mesh, "ben")
    asked = ask(mesh)
    assert (asked.state, asked.role, asked.waits_for) == ("pending", "customers_reader", (OWNER,))
    assert [item.id for item in mesh.access.requests.inbox(mesh.caller(OWNER))] == [asked.id]
    done = mesh.access.requests.approve(mesh.caller(OWNER), asked.id, conditions="No lists of single customers.")
    assert done.state == "approved"
    assert can_read(mesh, "ben")
    (grant,) = mesh.access.requests.grants(mesh.caller("ben"))
    assert grant.id == done.grant
    assert grant.conditions == "No lists of single customers."
    assert grant.granted_by == (OWNER,)
    assert grant.ends_at - grant.starts_at == timedelta(days=30)
    assert grant.review_at is not None
    assert grant.starts_at < grant.review_at < grant.ends_at
    assert kinds(mesh)[-3:] == ["request-made", "request-approved", "grant-made"]
    assert mesh.access.requests.inbox(mesh.caller(OWNER)) == ()


def test_what_opens_personal_data_needs_the_owner_first_and_then_the_privacy_office(mesh: GuardedMesh) -> None:
    requests, asked = mesh.access.requests, ask_for_clear(mesh)
    assert asked.levels == 2
    assert any("clearance gdpr" in notice for notice in asked.notices)
    assert requests.inbox(mesh.caller(PRIVACY)) == ()
    with pytest.raises(ConflictError, match="first approval"):
        requests.approve(mesh.caller(PRIVACY), asked.id)
    half = requests.approve(mesh.caller(OWNER), asked.id)
    assert (half.state, half.waits_for) == ("pending", (PRIVACY,))
    assert not can_read(mesh, "ben", "customer_service")
    with pytest.raises(DeniedError, match="somebody else"):
        requests.approve(mesh.caller(OWNER), asked.id)
    assert [item.id for item in requests.inbox(mesh.caller(PRIVACY))] == [asked.id]
    done = requests.approve(mesh.caller(PRIVACY), asked.id)
    assert done.state == "approved"
    (grant,) = requests.grants(mesh.caller("ben"))
    assert (grant.clearances, grant.granted_by) == (frozenset({"gdpr"}), (OWNER, PRIVACY))
    assert can_read(mesh, "ben", "customer_service")


def test_without_a_second_approver_in_the_contract_nobody_can_open_personal_data(mesh: GuardedMesh) -> None:
    asked = ask_for_clear(mesh)
    text = CUSTOMERS_CONTRACT.format(version="1.0.0", status="active")
    mesh.publish(contract=text.replace("    secondLevelApprovers: privacy@retailer.example\n", ""))
    open_still = mesh.access.requests.get(mesh.caller("ben"), asked.id)
    assert open_still.waits_for == ()
    assert any("secondLevelApprovers" in notice for notice in open_still.notices)
    with pytest.raises(ConflictError) as refused:
        mesh.access.requests.approve(mesh.caller(OWNER), asked.id)
    assert "secondLevelApprovers" in refused.value.remedy
    with pytest.raises(ConflictError, match="names no second approver"):
        ask_for_clear(mesh, "ana")
    unmasked_only = ask_for_clear(mesh, "ana", columns=["region", "balance"])  # opens nothing: one approval will do
    assert mesh.access.requests.approve(mesh.caller(OWNER), unmasked_only.id).state == "approved"


def test_an_approver_who_left_the_contract_has_not_approved(mesh: GuardedMesh) -> None:
    requests, asked = mesh.access.requests, ask_for_clear(mesh)
    requests.approve(mesh.caller(OWNER), asked.id)
    mesh.identity(Identity(COUNCIL, "person", "Dora", domain="shop"))
    mesh.token(COUNCIL, scopes=ALL)
    approved_by(mesh, COUNCIL)
    with pytest.raises(ConflictError, match="first approval"):
        requests.approve(mesh.caller(PRIVACY), asked.id)
    assert any(OWNER in notice for notice in requests.get(mesh.caller("ben"), asked.id).notices)
    requests.approve(mesh.caller(COUNCIL), asked.id)
    assert requests.approve(mesh.caller(PRIVACY), asked.id).state == "approved"
    (grant,) = requests.grants(mesh.caller("ben"))
    assert grant.granted_by == (COUNCIL, PRIVACY)


def test_one_person_never_gives_both_approvals(mesh: GuardedMesh) -> None:
    text = CUSTOMERS_CONTRACT.format(version="1.0.0", status="active")
    both = f"secondLevelApprovers: '{PRIVACY}, {OWNER}'"
    mesh.publish(contract=text.replace(f"secondLevelApprovers: {PRIVACY}", both))
    asked = ask_for_clear(mesh)
    mesh.access.requests.approve(mesh.caller(OWNER), asked.id)
    with pytest.raises(DeniedError, match="somebody else"):
        mesh.access.requests.approve(mesh.caller(OWNER), asked.id)


def test_nobody_approves_what_is_their_own(mesh: GuardedMesh) -> None:
    requests = mesh.access.requests
    approved_by(mesh, BOTH)
    own = ask(mesh, OWNER)
    assert own.waits_for == (COUNCIL,)
    assert requests.inbox(mesh.caller(OWNER)) == ()
    with pytest.raises(DeniedError, match="your own"):
        requests.approve(mesh.caller(OWNER), own.id)
    mesh.identity(Identity("till", "service", "Till", responsible=OWNER, purpose="analytics"))
    mesh.token("till", scopes=ALL)
    for by, consumer in ((OWNER, "till"), ("till", "till")):
        asked = ask(mesh, by, consumer=consumer)
        with pytest.raises(DeniedError, match="answer for"):
            requests.approve(mesh.caller(OWNER), asked.id)
        requests.withdraw(mesh.caller(by), asked.id)
    mesh.identity(Identity(OWNER, "person", "Shop owner", domain="shop", teams=frozenset({"insights"})))
    of_team = ask(mesh, "ben", consumer="team:insights")
    with pytest.raises(DeniedError, match="your own"):
        requests.approve(mesh.caller(OWNER), of_team.id)


def test_what_nobody_may_decide_on_is_refused_when_it_is_asked(mesh: GuardedMesh) -> None:
    """It would wait for ever: its only approver asks, or answers for who asks."""
    mesh.identity(Identity("till", "service", "Till", responsible=OWNER, purpose="analytics"))
    mesh.token("till", scopes=ALL)
    for by, consumer in ((OWNER, OWNER), (OWNER, "till"), ("till", "till"), (OWNER, "shop.customers")):
        with pytest.raises(ConflictError, match=rf"customers_reader of {PORT} has nobody .* first approval") as refused:
            ask(mesh, by, consumer=consumer)
        assert "firstLevelApprovers of customers_reader" in refused.value.remedy
        assert f"an owner of {PORT} ({OWNER})" in refused.value.remedy
    assert "request-made" not in kinds(mesh)
    approved_by(mesh, BOTH)
    asked = ask(mesh, "till")
    assert asked.waits_for == (COUNCIL,)
    assert any(f"nobody is known here as {COUNCIL}" in notice for notice in asked.notices)
    mesh.identity(Identity(COUNCIL, "person", "Dora"))
    assert mesh.access.requests.get(mesh.caller("till"), asked.id).notices == ()


def test_a_team_decides_unless_it_is_the_team_s_own(mesh: GuardedMesh) -> None:
    """Who is in a team is not all known here."""
    approved_by(mesh, "team:insights")
    assert ask(mesh).waits_for == ("team:insights",)  # ben is of the team: another member decides
    with pytest.raises(ConflictError, match="team:insights asks"):
        ask(mesh, consumer="team:insights")


def test_two_approvals_take_two_people(mesh: GuardedMesh) -> None:
    requests = mesh.access.requests
    approved_by(mesh, OWNER, OWNER)
    with pytest.raises(ConflictError, match="give the other one"):
        ask_for_clear(mesh)
    approved_by(mesh, BOTH, OWNER)
    mesh.identity(Identity(COUNCIL, "person", "Dora"))
    mesh.token(COUNCIL, scopes=ALL)
    asked = ask_for_clear(mesh)
    assert asked.waits_for == (COUNCIL,)
    approved_by(mesh, "team:desk", OWNER)
    mesh.identity(Identity(OWNER, "person", "Shop owner", teams=frozenset({"desk"})))
    assert requests.inbox(mesh.caller(OWNER)) == ()
    with pytest.raises(ConflictError, match=r"other approval .* alone"):
        requests.approve(mesh.caller(OWNER), asked.id)
    approved_by(mesh, BOTH, OWNER)
    assert requests.approve(mesh.caller(COUNCIL), asked.id).waits_for == (OWNER,)
    assert requests.approve(mesh.caller(OWNER), asked.id).state == "approved"


@pytest.mark.parametrize("how", ["answers for it", "is disabled"])
def test_an_open_request_that_nobody_may_decide_on_says_so(mesh: GuardedMesh, how: str) -> None:
    requests, asked = mesh.access.requests, ask(mesh, "bot")
    if how == "is disabled":
        set_enabled(mesh.access.control, mesh.access.audit, OWNER, False, "operator")
    else:
        mesh.identity(Identity("bot", "agent", "Bot", responsible=OWNER, purpose="analytics"))
        with pytest.raises(DeniedError, match="your own") as refused:
            requests.approve(mesh.caller(OWNER), asked.id)
        assert "nobody who may" in refused.value.remedy
    told = requests.get(mesh.caller("bot"), asked.id)
    assert told.waits_for == ()
    (notice,) = told.notices
    assert "has nobody who may give its first approval" in notice
    assert "firstLevelApprovers" in notice
    assert requests.withdraw(mesh.caller("bot"), asked.id).state == "withdrawn"


def test_a_port_that_was_taken_down_is_not_asked_for(mesh: GuardedMesh) -> None:
    """Its documents call it active still."""
    asked = ask(mesh)
    with connect(mesh.settings, own="shop") as con:
        retire(con, mesh.settings, port=CUSTOMERS, run_id="end", now=utc_now())
    with pytest.raises(RetiredPortError):
        ask(mesh, "nobody")
    with pytest.raises(UnknownPortError) as unknown:  # the product in the place of its port
        mesh.access.requests.request(mesh.caller("ben"), "shop.customers", purpose="analytics", reason="Why not.")
    assert PORT not in unknown.value.remedy
    told = mesh.access.requests.get(mesh.caller("ben"), asked.id)
    assert (told.waits_for, told.notices) == ((), (f"{PORT} was retired",))
    assert mesh.access.requests.inbox(mesh.caller(OWNER)) == ()


@pytest.mark.parametrize("how", ["taken down", "retired by its contract", "without the role"])
def test_what_a_port_offers_no_more_is_denied_by_who_decided_on_it(mesh: GuardedMesh, how: str) -> None:
    """Who asked may be gone, and nobody else withdraws it."""
    requests, asked = mesh.access.requests, ask(mesh)
    set_enabled(mesh.access.control, mesh.access.audit, "ben", False, "operator")
    contract = CUSTOMERS_CONTRACT.format(version="1.0.0", status="active")
    if how == "taken down":
        with connect(mesh.settings, own="shop") as con:
            retire(con, mesh.settings, port=CUSTOMERS, run_id="end", now=utc_now())
    elif how == "without the role":
        mesh.publish(contract=contract.replace("role: customers_reader,", "role: customers_other_reader,"))
    else:
        mesh.publish(contract=contract.replace("status: active", "status: retired"))
    with pytest.raises(AccessError):
        requests.approve(mesh.caller(OWNER), asked.id)
    with pytest.raises(DeniedError):  # of another role
        requests.deny(mesh.caller(PRIVACY), asked.id)
    assert requests.deny(mesh.caller(OWNER), asked.id, "It has ended.").state == "denied"


def test_an_address_in_other_letters_is_nobody_else(mesh: GuardedMesh) -> None:
    """Approvers match whatever the case, so an owner's second identity would approve the first one's request."""
    mesh.identity(Identity("Shop@Retailer.example", "person", "Shop owner", purpose="analytics"))
    mesh.token("Shop@Retailer.example", scopes=ALL)
    approved_by(mesh, BOTH)
    asked = ask(mesh, OWNER)
    with pytest.raises(DeniedError, match="your own"):
        mesh.access.requests.approve(mesh.caller("Shop@Retailer.example"), asked.id)
    assert mesh.caller("Shop@Retailer.example").identity.id == OWNER


def test_disabling_a_bot_frees_nobody_to_approve_what_it_asked(mesh: GuardedMesh) -> None:
    mesh.identity(Identity("helper", "service", "Helper", responsible=OWNER, purpose="analytics"))
    mesh.token("helper", scopes=ALL)
    approved_by(mesh, BOTH)
    asked = ask(mesh, "helper")
    set_enabled(mesh.access.control, mesh.access.audit, "helper", False, "operator")
    with pytest.raises(DeniedError, match="your own"):
        mesh.access.requests.approve(mesh.caller(OWNER), asked.id)


def test_a_team_is_no_person_and_no_product(mesh: GuardedMesh) -> None:
    """Names of teams come from anywhere, an OpenID provider's groups too: one gives nothing but that team's."""
    names = (OWNER, "shop.customers", "nobody", "insights")
    for team in names:  # those that look like something else can't be saved; should one be stored, it is a team
        member = Identity("guest", "person", "Guest", teams=frozenset({team}))
        assert not is_named(member, names)
        assert is_named(member, (f"team:{team}",))
    asked = ask(mesh, "nobody")
    mesh.access.requests.approve(mesh.caller(OWNER), asked.id)
    mesh.identity(Identity("eve", "person", "Eve", purpose="analytics", teams=frozenset({"nobody"})))
    mesh.token("eve", scopes=ALL)
    assert can_read(mesh, "nobody")
    assert not can_read(mesh, "eve")
    with pytest.raises(UnknownRequestError):
        mesh.access.requests.get(mesh.caller("eve"), asked.id)


def test_a_contract_may_name_a_team_that_approves(mesh: GuardedMesh) -> None:
    approved_by(mesh, "team:desk")
    mesh.identity(Identity("dora", "person", "Dora", teams=frozenset({"desk"})))
    mesh.token("dora", scopes=ALL)
    asked = ask(mesh)
    assert asked.waits_for == ("team:desk",)
    assert mesh.access.requests.approve(mesh.caller("dora"), asked.id).state == "approved"


def test_what_nobody_goes_by_any_more_is_granted_nothing(mesh: GuardedMesh) -> None:
    asked = ask(mesh)
    with mesh.access.control.writing() as connection:
        connection.execute(access_requests.update().values(consumer="crm.gone"))
    with pytest.raises(ConflictError, match="nobody goes by"):
        mesh.access.requests.approve(mesh.caller(OWNER), asked.id)
    assert mesh.access.requests.deny(mesh.caller(OWNER), asked.id).state == "denied"


def test_agents_services_and_narrow_tokens_never_decide(mesh: GuardedMesh) -> None:
    asked = ask(mesh, "ana")
    mesh.identity(Identity(OWNER, "agent", "Takes the owner's name"))
    with pytest.raises(DeniedError, match="no person"):
        mesh.access.requests.approve(mesh.caller(OWNER), asked.id)
    mesh.identity(Identity(OWNER, "person", "Shop owner"))
    mesh.token(OWNER, scopes=("read", "request"))
    for act in (mesh.access.requests.approve, mesh.access.requests.deny):
        with pytest.raises(DeniedError, match=r"may not (approve|deny)"):
            act(mesh.caller(OWNER), asked.id)
    mesh.token("ana", scopes=("read",))
    with pytest.raises(DeniedError, match="may not request"):
        ask(mesh, "ana", role="customers_region_reader")


def test_one_asks_for_oneself_and_those_that_one_answers_for(mesh: GuardedMesh) -> None:
    assert ask(mesh, consumer="team:insights").consumer == "team:insights"
    assert ask(mesh, consumer="bot").consumer == "bot"
    approved_by(mesh, BOTH)
    assert ask(mesh, OWNER, consumer="shop.customers").consumer == "shop.customers"
    for stranger in ("ana", "desk", "team:other", "insights", "shop.customers"):
        with pytest.raises(DeniedError, match="in the name of"):
            ask(mesh, consumer=stranger)


def test_a_grant_to_a_team_is_one_to_its_members(mesh: GuardedMesh) -> None:
    asked = ask(mesh, consumer="team:insights")
    mesh.access.requests.approve(mesh.caller(OWNER), asked.id)
    assert can_read(mesh, "ben")
    assert not can_read(mesh, "nobody")


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"purpose": "world_domination"}, "purpose"),
        ({"purpose": "analytics", "role": GDPR}, "not for analytics"),
        ({"role": "no_such_role"}, "no such role"),
        ({"days": 0}, "1 to 365 days"),
        ({"days": 366}, "1 to 365 days"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 2001}, "reason"),
        ({"reason": "bell\a"}, "reason"),
        ({"columns": []}, "columns"),
        ({"columns": ["region", "no_such_column"]}, "columns"),
    ],
)
def test_what_can_not_be_asked(mesh: GuardedMesh, facts: dict, told: str) -> None:
    with pytest.raises(BadRequestError, match=told):
        ask(mesh, **facts)
    assert "request-made" not in kinds(mesh)


def test_ports_that_can_not_be_asked_for(mesh: GuardedMesh) -> None:
    with pytest.raises(UnknownPortError) as unknown:
        mesh.access.requests.request(mesh.caller("ben"), "shop.nothing.v1", purpose="analytics", reason="Why not.")
    product = mesh.settings.domains / "shop" / "products" / "customers" / "product.odps.yaml"
    text = product.read_text()
    product.write_text(text + "customProperties:\n  - {property: visibility, value: granted}\n")
    with pytest.raises(UnknownPortError) as hidden:
        ask(mesh)
    assert str(hidden.value).replace(PORT, "") == str(unknown.value).replace("shop.nothing.v1", "")
    assert ask(mesh, "ana", role="customers_region_reader").state == "pending"  # she has a grant, so she sees it
    product.write_text(text)
    for status, error in (("draft", ConflictError), ("retired", RetiredPortError)):
        mesh.publish(contract=CUSTOMERS_CONTRACT.format(version="1.0.0", status=status))
        with pytest.raises(error):
            ask(mesh)


def test_the_same_is_not_asked_twice_at_once(mesh: GuardedMesh) -> None:
    first = ask(mesh)
    with pytest.raises(ConflictError, match=f"request {first.id}"):
        ask(mesh)
    mesh.access.requests.withdraw(mesh.caller("ben"), first.id)
    assert ask(mesh).id != first.id


def test_a_denial_is_final(mesh: GuardedMesh) -> None:
    requests, asked = mesh.access.requests, ask_for_clear(mesh)
    requests.approve(mesh.caller(OWNER), asked.id)
    denied = requests.deny(mesh.caller(PRIVACY), asked.id, "Ask for fewer columns.")
    assert (denied.state, denied.approvals[-1].comment) == ("denied", "Ask for fewer columns.")
    for act in (requests.approve, requests.deny):
        with pytest.raises(ConflictError, match="denied already"):
            act(mesh.caller(OWNER), asked.id)
    with pytest.raises(ConflictError, match="denied already"):
        requests.withdraw(mesh.caller("ben"), asked.id)
    assert requests.grants(mesh.caller("ben")) == ()


def test_requests_are_seen_by_who_asks_who_decides_and_administrators(mesh: GuardedMesh) -> None:
    requests, asked = mesh.access.requests, ask(mesh, "bot")
    for who in ("bot", "ben", OWNER, PRIVACY, "operator"):
        assert requests.get(mesh.caller(who), asked.id).id == asked.id
        assert [item.id for item in requests.list(mesh.caller(who))] == [asked.id]
    assert requests.list(mesh.caller("ana")) == ()
    for number in (asked.id, 4711):
        for act in (requests.get, requests.approve, requests.withdraw):
            with pytest.raises(UnknownRequestError, match=f"no request {number}"):
                act(mesh.caller("ana"), number)
    with pytest.raises(DeniedError):
        requests.approve(mesh.caller("operator"), asked.id)


def test_what_others_ask_and_hold_makes_nothing_slower_for_who_may_not_know_of_it(mesh: GuardedMesh) -> None:
    """Counted in statements: each request that is looked at asks who is behind it."""
    requests = mesh.access.requests

    def looked() -> int:
        caller = mesh.caller("nobody")
        with statements_of(mesh.access.control) as counted:
            assert requests.list(caller) == requests.inbox(caller) == requests.grants(caller) == ()
        return len(counted)

    def more(numbers: range) -> int:
        for number in numbers:
            other = f"other-{number}@retailer.example"
            mesh.identity(Identity(other, "person", "Other"))
            mesh.token(other, scopes=ALL)
            ask(mesh, other)
            mesh.grant(other)
        return looked()

    assert more(range(1)) == more(range(1, 6))


def test_to_tell_what_waits_for_somebody_takes_no_more_than_to_list_it(mesh: GuardedMesh) -> None:
    requests, owner = mesh.access.requests, mesh.caller(OWNER)
    for who in ("ben", "ana", "bot", "nobody"):
        ask(mesh, who)
    with statements_of(mesh.access.control) as to_list:
        assert len(requests.list(owner, "pending")) == 4
    with statements_of(mesh.access.control) as to_tell:
        assert len(requests.inbox(owner)) == 4
    assert len(to_tell) <= len(to_list)


def at_once(acts: list[Callable[[], object]]) -> list[object]:
    """What became of each act: its result or its error."""

    def tried(act: Callable[[], object]) -> object:
        try:
            return act()
        except AccessError as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(tried, acts))


@pytest.mark.parametrize("act", ["approve", "deny"])
def test_who_decides_keeps_nobody_waiting_while_the_lake_is_read(
    mesh: GuardedMesh, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    """Each read is written down in the control database, and a lake may take its time."""
    approved_by(mesh, BOTH)
    requests, owner = mesh.access.requests, mesh.caller(OWNER)
    others, own = ask(mesh), ask(mesh, OWNER)
    read_log = ServedPorts.log

    def read_while_others_read(served: ServedPorts, port: PortAddress) -> PortLog | None:
        mesh.access.audit.append("read", "ana", PORT)
        return read_log(served, port)

    monkeypatch.setattr(ServedPorts, "log", read_while_others_read)
    assert getattr(requests, act)(owner, others.id).state != "pending"
    with pytest.raises(DeniedError, match="your own"):
        getattr(requests, act)(owner, own.id)
    assert "read" in kinds(mesh)


def test_who_left_the_contract_decides_no_more_where_lists_tell_it_later(
    mesh: GuardedMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a big mesh lists are told by documents that were looked at some seconds ago."""
    monkeypatch.setattr(documents, "_FEW", 0)
    monkeypatch.setattr(documents, "_SHARE", 1e9)  # no look in the background but the first
    requests, owner, asked = mesh.access.requests, mesh.caller(OWNER), ask(mesh)
    grant = mesh.grant("nobody")
    for thread in threading.enumerate():
        if thread.name == "documents":
            thread.join()
    mesh.identity(Identity(COUNCIL, "person", "Dora"))
    mesh.token(COUNCIL, scopes=ALL)
    for file in (mesh.settings.domains / "shop" / "products" / "customers").iterdir():
        file.write_text(file.read_text().replace(OWNER, COUNCIL))
    assert [item.id for item in requests.inbox(owner)] == [asked.id]
    for act in (requests.approve, requests.deny):
        with pytest.raises(UnknownRequestError):
            act(owner, asked.id)
    with pytest.raises(UnknownRequestError):
        requests.revoke(owner, grant, "Not needed any more.")
    assert requests.approve(mesh.caller(COUNCIL), asked.id).state == "approved"


@pytest.mark.parametrize("other", ["approve", "deny", "withdraw"])
def test_of_two_decisions_at_once_one_holds(mesh: GuardedMesh, other: str) -> None:
    requests = mesh.access.requests
    callers: dict[str, Caller] = {name: mesh.caller(name) for name in (OWNER, "ben")}
    by = callers["ben" if other == "withdraw" else OWNER]
    for _ in range(5):
        asked = ask(mesh)
        acts = [
            partial(requests.approve, callers[OWNER], asked.id),
            partial(getattr(requests, other), by, asked.id),
        ]
        lost = [item for item in at_once(acts) if isinstance(item, AccessError)]
        assert [type(item) for item in lost] == [ConflictError]
        after = requests.get(callers["ben"], asked.id)
        granted = [grant for grant in requests.grants(callers["ben"]) if grant.request == asked.id]
        assert len(granted) == (after.state == "approved")
    made = kinds(mesh)
    assert made.count("grant-made") == len(requests.grants(callers["ben"]))


@pytest.mark.parametrize("who", [OWNER, "ben", "operator"])
def test_a_revoked_grant_opens_nothing_from_then_on(mesh: GuardedMesh, who: str) -> None:
    requests, asked = mesh.access.requests, ask(mesh)
    grant = requests.approve(mesh.caller(OWNER), asked.id).grant
    assert grant is not None
    assert can_read(mesh, "ben")
    with pytest.raises(BadRequestError):
        requests.revoke(mesh.caller(who), grant, " ")
    ended = requests.revoke(mesh.caller(who), grant, "Not needed any more.")
    assert (ended.revoked_by, ended.revoked_because) == (who, "Not needed any more.")
    assert not can_read(mesh, "ben")
    assert "grant-revoked" in kinds(mesh)
    with pytest.raises(ConflictError, match="revoked already"):
        requests.revoke(mesh.caller(who), grant, "Again.")
    assert requests.grants(mesh.caller("ben")) == ()
    assert [item.id for item in requests.grants(mesh.caller("ben"), ended=True)] == [grant]


def test_a_stranger_neither_sees_nor_ends_a_grant(mesh: GuardedMesh) -> None:
    grant = mesh.access.requests.approve(mesh.caller(OWNER), ask(mesh).id).grant
    assert grant is not None
    with pytest.raises(UnknownRequestError):
        mesh.access.requests.revoke(mesh.caller("nobody"), grant, "Because.")
    assert mesh.access.requests.grants(mesh.caller("nobody")) == ()
    assert can_read(mesh, "ben")


def test_grants_end_by_themselves_and_are_looked_at_before(mesh: GuardedMesh) -> None:
    now = utc_now()
    past = {"starts_at": now - timedelta(days=9), "review_at": now - timedelta(days=4)}
    mesh.grant("ben", ends_at=now - timedelta(seconds=1), **past)
    due = mesh.grant("nobody", ends_at=now + timedelta(days=1), **past)
    assert not can_read(mesh, "ben")
    assert can_read(mesh, "nobody")
    assert [grant.id for grant in mesh.access.requests.due_for_review(mesh.caller(OWNER))] == [due]
    assert mesh.access.requests.due_for_review(mesh.caller("ben")) == ()


def test_the_audit_log_holds_no_words_of_people(mesh: GuardedMesh) -> None:
    asked = ask(mesh, reason="SECRET because")
    mesh.access.requests.deny(mesh.caller(OWNER), asked.id, "SECRET too")
    assert "SECRET" not in str(entries(mesh))
