"""What the roles of the shipped contracts show, by the decision that every door makes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from platform_resources.access.model import Caller, Grant, Identity
from platform_resources.access.policy.decisions import decide
from platform_resources.access.policy.policies import policy_of
from platform_resources.contracts import load_contract
from platform_resources.governance import load_council
from platform_resources.lake import utc_now

REPOSITORY = Path(__file__).parents[2]
CUSTOMERS = "crm.customer_360.v1"


def test_the_campaign_role_shows_personal_columns_to_the_cleared_and_restricted_ones_to_nobody() -> None:
    contract = load_contract(REPOSITORY / "domains/crm/products/customer_360/v1.odcs.yaml")
    policy = policy_of(CUSTOMERS, [contract], load_council(REPOSITORY / "governance"))
    role = policy.role("customer_360_campaign_reader")
    assert role is not None
    now, cleared = utc_now(), frozenset({"gdpr"})
    given = Grant(1, "ana", CUSTOMERS, role.name, "campaigns", now + timedelta(days=1), now, role.clearances)
    seen = {}
    for clearances in (frozenset(), cleared):
        ana = Identity("ana", "person", "Ana", clearances=clearances, attributes={"lifecycle_stages": ("new",)})
        seen[clearances] = set(decide(Caller(ana), policy, [given], "campaigns", now).profile.masked)
    classes = {column.name: column.classification for column in contract.table.columns}
    restricted = {name for name, kind in classes.items() if kind == "restricted" and name in seen[frozenset()]}
    assert restricted
    assert seen[cleared] == restricted
    assert {"first_name", "email", "phone"} <= seen[frozenset()] - seen[cleared]
