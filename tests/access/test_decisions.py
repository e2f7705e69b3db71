"""Who may read what, for which purpose: decisions one by one, and 200,000 at random against a naive reference."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from platform_resources.access.errors import DeniedError, PurposeMissingError
from platform_resources.access.model import Caller, Grant, Identity, Mask, PortPolicy, ReadingRole, RowFilter
from platform_resources.access.policy.decisions import decide
from tests.access.naive_policies import decided

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PORT = "shop.customers.v1"
PURPOSES = {
    "analytics": frozenset({"public", "internal"}),
    "campaigns": frozenset({"public", "internal", "personal"}),
    "customer_service": frozenset({"public", "internal", "personal", "restricted"}),
}
POLICY = PortPolicy(
    PORT,
    {
        "id": (),
        "email": (Mask("partial", "gdpr"),),
        "card": (Mask("hash", "gdpr"), Mask("redact", "board")),
        "income": (Mask("null", "gdpr"),),
        "odd": (Mask("redact"),),
    },
    roles=(
        ReadingRole("reader"),
        ReadingRole("gdpr_reader", frozenset({"customer_service", "campaigns"}), frozenset({"gdpr"})),
        ReadingRole("own_rows", None, frozenset({"gdpr", "board"}), (RowFilter("id = reader.number", "board"),)),
    ),
    owners=("owner@x",),
    classifications={
        "id": frozenset({"internal"}),
        **dict.fromkeys(["email", "card"], frozenset({"personal"})),
        "income": frozenset({"restricted"}),
        "odd": frozenset({""}),
    },
    purposes=PURPOSES,
)


def grant(number: int = 1, **facts: Any) -> Grant:
    kept = {
        "role": None,
        "purpose": "analytics",
        "starts_at": NOW - timedelta(days=1),
        "ends_at": NOW + timedelta(days=1),
    }
    return Grant(number, "ana", PORT, **{**kept, **facts})


def caller(*clearances: str, **facts: Any) -> Caller:
    who = Identity("ana", "person", "Ana", clearances=frozenset(clearances), purpose="analytics")
    return Caller(replace(who, **facts))


def in_clear(*args: Any) -> set[str]:
    columns = decide(*args, NOW).profile.columns
    return {name for name, masks in columns.items() if not masks}


SERVICE = {"role": "gdpr_reader", "purpose": "customer_service", "clearances": frozenset({"gdpr"})}


def test_a_reader_without_clearance_sees_masks() -> None:
    found = decide(caller(), POLICY, [grant()], None, NOW)
    assert found.profile.masked == ("email", "card", "income", "odd")
    assert (found.role, found.grant, found.purpose) == ("reader", 1, "analytics")


def test_clear_view_needs_identity_and_grant_and_role_and_purpose() -> None:
    assert in_clear(caller("gdpr"), POLICY, [grant(**SERVICE)], "customer_service") == {"id", "email", "income"}
    assert in_clear(caller(), POLICY, [grant(**SERVICE)], "customer_service") == {"id"}
    assert in_clear(caller("gdpr"), POLICY, [grant(**SERVICE | {"role": None})], "customer_service") == {"id"}
    both = {"clearances": frozenset({"gdpr", "board"})}
    assert in_clear(caller("gdpr"), POLICY, [grant(**both)], "analytics") == {"id"}
    assert in_clear(caller("gdpr", "board"), POLICY, [grant(**SERVICE | both)], "customer_service") == {
        *("id", "email", "income")
    }
    wide = replace(POLICY, roles=(ReadingRole("gdpr_reader", clearances=frozenset({"gdpr", "board"})),))
    assert "card" in in_clear(caller("gdpr", "board"), wide, [grant(**SERVICE | both)], "customer_service")
    campaign = grant(**SERVICE | {"purpose": "campaigns"})
    assert in_clear(caller("gdpr"), POLICY, [campaign], "campaigns") == {"id", "email"}


def test_a_role_that_lifts_more_than_was_approved_opens_nothing() -> None:
    wider = replace(POLICY, roles=(ReadingRole("reader", clearances=frozenset({"gdpr"})),))
    assert in_clear(caller("gdpr"), wider, [grant(purpose="customer_service")], "customer_service") == {"id"}


def test_what_a_purpose_does_not_admit_is_masked_though_the_contract_says_no_mask() -> None:
    policy = replace(POLICY, classifications={**POLICY.classifications, "id": frozenset({"restricted"})})
    assert in_clear(caller("gdpr"), policy, [grant()], "analytics") == set()


def test_without_a_catalogue_any_purpose_is_taken_and_lifts_nothing() -> None:
    policy = replace(POLICY, purposes=None)
    anything = grant(purpose="anything", clearances=frozenset({"gdpr", "board"}))
    assert in_clear(caller("gdpr", "board"), policy, [anything], "anything") == {"id"}


@pytest.mark.parametrize(
    ("facts", "purpose", "told"),
    [
        ({"ends_at": NOW}, None, "mesh access request"),
        ({"starts_at": NOW + timedelta(seconds=1)}, None, "mesh access request"),
        ({"revoked_at": NOW}, None, "mesh access request"),
        ({"port": "shop.other.v1"}, None, "mesh access request"),
        ({}, "campaigns", "Declare the purpose of the grant: analytics."),
        ({}, "anything", "Declare one of: analytics, campaigns, customer_service."),
        ({"role": "gone"}, None, "another role"),
        ({"role": "gdpr_reader"}, None, "gdpr_reader is for campaigns, customer_service"),
    ],
)
def test_a_refusal_says_what_to_do(facts: dict[str, Any], purpose: str | None, told: str) -> None:
    with pytest.raises(DeniedError) as refused:
        decide(caller(), POLICY, [replace(grant(), **facts)], purpose, NOW)
    assert told in refused.value.remedy


def test_the_purposes_of_several_grants_are_told_in_one_sentence() -> None:
    held = [replace(grant(), id=number, purpose=name) for number, name in enumerate(("campaigns", "analytics"), 1)]
    with pytest.raises(DeniedError) as refused:
        decide(caller(), POLICY, held, "customer_service", NOW)
    assert refused.value.remedy == "Declare the purpose of one of the grants: analytics, campaigns."


def test_a_read_without_a_purpose_is_refused() -> None:
    with pytest.raises(PurposeMissingError) as refused:
        decide(caller(purpose=None), POLICY, [grant()], None, NOW)
    assert "analytics" in refused.value.remedy
    assert (
        decide(replace(caller(purpose=None), purpose="analytics"), POLICY, [grant()], None, NOW).purpose == "analytics"
    )


def test_a_credential_reaches_no_further_than_its_scopes() -> None:
    for scopes in ({"request"}, {"read:crm.*"}, set()):
        with pytest.raises(DeniedError, match="doesn't reach"):
            decide(replace(caller(), scopes=frozenset(scopes)), POLICY, [grant()], None, NOW)
    decide(replace(caller(), scopes=frozenset({"read:shop.*"})), POLICY, [grant()], None, NOW)


def test_owners_read_their_port_masked_and_for_a_purpose() -> None:
    owner = caller("gdpr", "board", id="owner@x")
    found = decide(owner, POLICY, [], "customer_service", NOW)
    assert (found.grant, found.role) == (None, "reader")
    assert found.profile.masked == ("email", "card", "income", "odd")
    with pytest.raises(PurposeMissingError):
        decide(caller(id="owner@x", purpose=None), POLICY, [], None, NOW)
    closed = replace(POLICY, roles=(replace(POLICY.roles[0], purposes=frozenset({"campaigns"})),))
    with pytest.raises(DeniedError):
        decide(owner, closed, [], "analytics", NOW)


def test_rights_of_two_grants_are_never_added_up() -> None:
    narrow = grant(1, columns=frozenset({"email"}), clearances=frozenset({"gdpr"}), purpose="customer_service")
    wide = grant(2, purpose="customer_service")
    found = decide(caller("gdpr"), POLICY, [narrow, wide], "customer_service", NOW)
    assert set(found.profile.columns) in ({"email"}, set(POLICY.masks))
    assert found == decide(caller("gdpr"), POLICY, [wide, narrow], "customer_service", NOW)
    widest = grant(3, **SERVICE)
    found = decide(caller("gdpr"), POLICY, [narrow, wide, widest], "customer_service", NOW)
    assert found.grant == 3


def test_row_filters_are_bound_and_lifted_by_their_clearance_only_where_the_grant_lifts_it() -> None:
    own = grant(role="own_rows")
    found = decide(caller(attributes={"number": 7}), POLICY, [own], None, NOW)
    assert found.profile.filters == ("TRY((id = 7))",)
    assert decide(caller("board"), POLICY, [own], None, NOW).profile.filters == ("TRY((id = NULL))",)
    lifting = grant(role="own_rows", clearances=frozenset({"board"}))
    assert decide(caller("board"), POLICY, [lifting], None, NOW).profile.filters == ()


def test_a_filter_that_cannot_be_evaluated_denies() -> None:
    policy = replace(POLICY, row_filters=(RowFilter("nothing = 1"),))
    with pytest.raises(DeniedError, match="which rows"):
        decide(caller(), policy, [grant()], None, NOW)


def test_the_digest_differs_with_all_that_changes_what_is_seen() -> None:
    def digest(policy: PortPolicy = POLICY, who: Caller | None = None, **facts: Any) -> str:
        return decide(who or caller(), policy, [grant(**facts)], None, NOW).profile.digest

    def masked(mask: Mask) -> PortPolicy:
        return replace(POLICY, masks={**POLICY.masks, "email": (mask,)})

    seen = [
        digest(),
        digest(masked(Mask("redact", "gdpr"))),
        digest(masked(Mask("partial", "gdpr", {"format": "email"}))),
        digest(masked(Mask("partial", "gdpr", {"format": "phone"}))),
        digest(replace(POLICY, key_id="another")),
        digest(columns=frozenset({"id", "email"})),
        digest(role="own_rows"),
        digest(role="own_rows", who=caller(attributes={"number": 1})),
        digest(role="own_rows", who=caller(attributes={"number": 2})),
    ]
    assert len(set(seen)) == len(seen)
    assert digest(who=caller(id="another reader")) == digest()


def at_random(draw: random.Random) -> tuple[Caller, PortPolicy, list[Grant], str | None]:
    """A policy, a reader and grants, of few words so that they often meet."""

    def some(words: Any, most: int = 2) -> frozenset[str]:
        return frozenset(draw.sample(words, draw.randint(0, most)))

    clearances, purposes, columns = ["gdpr", "board"], ["analytics", "campaigns", "customer_service"], list("abcd")
    classes = ["public", "personal", "restricted", ""]
    masks = {
        name: tuple(Mask("redact", draw.choice([None, *clearances])) for _ in range(draw.choice([0, 0, 1, 2])))
        for name in columns
    }
    filters = [RowFilter("a = 1")]
    roles = tuple(
        ReadingRole(
            name, draw.choice([None, some(purposes, 3)]), some(clearances), tuple(filters[: draw.randint(0, 1)])
        )
        for name in "xyz"[: draw.randint(1, 3)]
    )
    known = {name: some(classes, 3) for name in purposes[: draw.randint(2, 3)]}
    secrecy = {name: frozenset({draw.choice(classes)}) for name in columns}
    policy = PortPolicy(
        PORT, masks, (), roles, ("ana",) if draw.random() < 0.2 else (), secrecy, draw.choice([None, known, known])
    )
    grants = [
        Grant(
            number,
            "ana",
            draw.choice([PORT, PORT, PORT, "*", "shop.other.v1"]),
            draw.choice([None, None, "x", "y", "z"]),
            draw.choice(purposes),
            NOW + timedelta(days=draw.choice([-1, 0, *[1] * 8])),
            NOW - timedelta(days=draw.choice([-1, 0, *[1] * 8])),
            some(clearances),
            draw.choice([None, some(columns, 3)]),
            revoked_at=draw.choice([*[None] * 8, NOW]),
        )
        for number in range(1, draw.randint(2, 5))
    ]
    who = Identity("ana", "person", "Ana", clearances=some(clearances), purpose=draw.choice([None, "analytics"]))
    scopes = draw.choice([*[{"read"}] * 6, {"read:shop.*"}, {"read:crm.*"}, {"request"}])
    return (
        Caller(who, frozenset(scopes), draw.choice([None, "campaigns"])),
        policy,
        grants,
        draw.choice([None, *purposes]),
    )


def test_decisions_equal_the_reference() -> None:
    draw = random.Random(4)
    allowed = 0
    for _ in range(25_000):
        reader, policy, grants, _ = at_random(draw)
        for purpose in (None, "analytics", "campaigns", "customer_service"):
            for shown in (grants, grants[::-1]):  # 200,000 in all; the order of grants decides nothing
                try:
                    found = decide(reader, policy, shown, purpose, NOW)
                except DeniedError:
                    found = None
                expected = decided(reader, policy, grants, purpose, NOW)
                if found is None:
                    assert expected is None
                    continue
                allowed += 1
                clear = {name: not masks for name, masks in found.profile.columns.items()}
                assert (found.role, found.grant, clear) == expected
    assert allowed > 40_000
