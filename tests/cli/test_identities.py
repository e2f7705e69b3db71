"""`mesh identity` and `mesh token`, as the local operator and as somebody."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.quick import QuickMesh
from tests.tiny_mesh import write_project


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> QuickMesh:
    folder = tmp_path_factory.mktemp("named")
    made = QuickMesh(write_project(folder / "project"), folder / "home")
    first = made("identity", "list")
    assert "Made demo personas" in first.err
    assert "campaign-agent" in first.out
    return made


def test_an_identity_and_its_token_from_first_to_last(mesh):
    arguments = [
        "--kind",
        "agent",
        "--clearance",
        "gdpr",
        "--attribute",
        "regions=north,south",
        "--attribute",
        "level=3",
    ]
    added = mesh("identity", "add", "bot", *arguments, "--responsible", "maria.keller@retailer.example", "--json")
    assert added.code == 0, added.err
    assert "Made demo personas" not in added.err
    assert added.json["attributes"] == {"regions": ["north", "south"], "level": 3}
    created = mesh("token", "create", "bot", "--scope", "read:shop.*", "--scope", "request", "--days", "2")
    token = created.out.strip()
    assert token.startswith("mesh_")
    assert token not in created.err
    own = mesh("token", "list", "--json", MESH_TOKEN=token).json
    assert [(one["identity"], one["scopes"]) for one in own] == [("bot", ["read:shop.*", "request"])]
    assert token.split("_", 2)[2] not in str(own)
    assert mesh("identity", "show", "bot", "--json", MESH_TOKEN=token).json["clearances"] == ["gdpr"]
    wider = mesh("token", "create", "--scope", "read", MESH_TOKEN=token)
    assert (wider.code, "can't do more than" in wider.err) == (1, True)
    narrower = mesh("token", "create", "--scope", "read:shop.customers.v1", "--json", MESH_TOKEN=token).json
    assert mesh("identity", "disable", "bot").code == 0
    refused = mesh("token", "list", MESH_TOKEN=narrower["token"])
    assert (refused.code, "the token is not valid" in refused.err) == (1, True)
    assert mesh("identity", "enable", "bot").code == 0
    assert sorted(mesh("token", "revoke", own[0]["id"], "--json").json["revoked"]) == sorted(
        [own[0]["id"], narrower["id"]]
    )
    assert mesh("token", "list", MESH_TOKEN=narrower["token"]).code == 1
    assert [one["state"] for one in mesh("token", "list", "bot", "--all", "--json").json] == ["revoked"] * 2


@pytest.mark.parametrize(
    "command",
    [
        ("identity", "list"),
        ("identity", "add", "x"),
        ("identity", "disable", "operator"),
        ("identity", "show", "operator"),
        ("token", "create", "operator"),
        ("token", "list", "operator"),
        ("audit", "verify"),
        ("audit", "list", "--actor", "operator"),
        ("audit", "accept", "1", "--reason", "because"),
    ],
)
def test_who_does_not_administer_may_not(mesh, command):
    refused = mesh(*command, "--as", "analyst")
    assert refused.code == 1
    assert "may" in refused.err
    assert refused.out == ""


@pytest.mark.parametrize(
    ("command", "act"),
    [
        (("identity", "add", "x"), "administer identities"),
        (("token", "create", "operator"), "create a token"),
        (("audit", "verify"), "verify the audit log"),
        (("access", "approve", "3"), "approve"),
        (("access", "request", "shop.nothing.v1", "--reason", "why"), "request access"),
    ],
)
def test_what_somebody_may_not_do_is_on_record_once(mesh, command, act):
    before = mesh("audit", "list", "--kind", "refused", "--json").json
    assert mesh(*command, "--as", "analyst").code == 1
    entries = mesh("audit", "list", "--kind", "refused", "--json").json
    assert len(entries) == len(before) + 1
    assert (entries[0]["actor"], entries[0]["record"]["act"]) == ("analyst", act)
    assert entries[0]["record"]["code"] in ("denied", "unknown-port")


def test_the_operator_of_the_demo_administers(mesh):
    assert mesh("identity", "add", "eve", "--as", "operator").code == 0
    entry = mesh("audit", "list", "--kind", "identity-added", "--limit", "1", "--json", "--as", "operator").json[0]
    assert (entry["actor"], entry["record"]["identity"]) == ("operator", "eve")
    mesh("identity", "add", "eve", "--replace", "--team", "Sales")
    entry = mesh("audit", "list", "--kind", "identity-changed", "--json").json[0]
    assert entry["actor"].startswith("local:")
    assert entry["record"]["teams"] == ["Sales"]
    assert "eve" in mesh("identity", "list").out
    assert "Sales" in mesh("identity", "show", "eve").out


def test_a_clearance_that_opens_nothing_is_given_with_a_warning(mesh):
    made = mesh("identity", "add", "cleared", "--clearance", "nonsense", "--clearance", "gdpr")
    assert made.code == 0
    assert "asks for the clearance nonsense" in made.err
    assert "the clearance gdpr" not in made.err


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("identity", "add", "analyst"), "is known already"),
        (("identity", "add", "a b"), "an identity's id is"),
        (("identity", "add", "x", "--kind", "robot"), "One of: person, service, agent, product."),
        (("identity", "add", "x", "--attribute", "regions"), "write name=value"),
        (("identity", "add", "x", "--clearance", "GDPR!"), "can't be a clearance"),
        (("identity", "add", "x", "--domain", "nope"), "there is no domain 'nope'; one of: ledger, shop"),
        (("identity", "add", "x", "--purpose", "bar"), "no purpose 'bar'; one of: analytics,"),
        (("identity", "add", "x", "--responsible", "nobody"), "can't answer for x"),
        (("identity", "show", "nobody"), "there is no identity 'nobody'"),
        (("identity", "disable", "nobody"), "there is no identity 'nobody'"),
        (("token", "create"), "whose token?"),
        (("token", "create", "nobody"), "there is no identity 'nobody'"),
        (("token", "create", "analyst", "--scope", "write"), "is no scope"),
        (("token", "create", "analyst", "--days", "1000"), "at most 366 days"),
        (("token", "revoke", "0123456789"), "there is no token"),
        (("token", "list", "--as", "nobody"), "there is no persona 'nobody'; the demo has analyst"),
        (("token", "list", "--as", "../keys/audit.key"), "there is no persona"),
    ],
)
def test_what_was_asked_wrongly_is_told(mesh, command, says):
    told = mesh(*command)
    assert told.code in (1, 2)
    assert says in told.err
    assert told.out == ""


def test_a_wrong_token_in_the_environment_is_told(mesh):
    told = mesh("token", "list", MESH_TOKEN="mesh_0123456789_" + "A" * 43)
    assert (told.code, "the token is not valid" in told.err) == (1, True)


def test_a_control_database_that_cant_be_reached_is_told_without_its_password(mesh):
    told = mesh("identity", "list", MESH_CONTROL_DATABASE="postgresql://mesh:s3cret@127.0.0.1:1/mesh")
    assert told.code == 1
    assert "can't be used" in told.err
    assert "s3cret" not in told.err


def test_a_provider_that_is_configured_wrongly_is_told(mesh):
    told = mesh("identity", "list", MESH_OIDC_ISSUER="http://login.retailer.example")
    assert told.code == 1
    assert "MESH_OIDC_" in told.err


def test_the_home_of_a_mesh_is_not_needed_for_help(tmp_path: Path):
    nowhere = QuickMesh(write_project(tmp_path / "project"), tmp_path / "home")
    for group in ("identity", "token", "audit"):
        assert nowhere(group, "--help").code == 0
    assert not os.path.lexists(nowhere.home)


def test_the_version_is_told(mesh):
    told = mesh("--version")
    assert (told.code, told.out.split()[0]) == (0, "mesh")
