"""`mesh access`: asking, deciding and revoking from a terminal, as the demo's people and as holders of a token."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_resources.access import Access, Caller, Identity
from platform_resources.lake import MeshSettings
from tests.cli.conftest import Mesh
from tests.guarded import CUSTOMERS, GuardedMesh, make_mesh
from tests.running import Result
from tests.tiny_mesh import environment
from tests.warm import WarmProcess

PORT = str(CUSTOMERS)
OWNER, PRIVACY = "shop@retailer.example", "privacy@retailer.example"


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[GuardedMesh]:
    made = make_mesh(tmp_path)
    for who in (OWNER, PRIVACY):
        made.identity(Identity(who, "person", who, purpose="analytics"))
        made.token(who, scopes=("read", "request", "approve"))
    made.token("nobody", scopes=("read", "request"))
    yield made
    made.access.close()


@pytest.fixture
def tiny_mesh(built: Mesh, tmp_path: Path) -> Mesh:
    """A copy of the built mesh of two domains: `ledger.totals` reads `shop.orders.v1`."""
    copy = Mesh(tmp_path / "tiny" / "project", tmp_path / "tiny" / "home")
    shutil.copytree(built.project, copy.project)
    shutil.copytree(built.home, copy.home)
    return copy


def run(mesh: GuardedMesh, who: str, *arguments: str) -> Result:
    env = environment(mesh.settings.project, mesh.settings.home) | {"MESH_TOKEN": mesh.tokens[who]}
    done = WarmProcess("platform_resources.cli", "access", *arguments, cwd=mesh.settings.project, env=env).finish(120)
    assert "Traceback" not in done.out + done.err, done.err
    return done


def test_from_the_question_to_the_end_of_the_grant(mesh: GuardedMesh) -> None:
    wanted = ("--role", "customers_gdpr_reader", "--purpose", "customer_service", "--days", "30")
    asked = run(mesh, "nobody", "request", PORT, *wanted, "--reason", "Callers ask.", "--json").json
    assert (asked["state"], asked["waits_for"], asked["levels"]) == ("pending", [OWNER], 2)
    assert [item["id"] for item in run(mesh, OWNER, "inbox", "--json").json] == [asked["id"]]
    number = str(asked["id"])
    half = run(mesh, OWNER, "approve", number, "--conditions", "No exports.")
    assert half.code == 0
    assert f"{PRIVACY} (approval 2 of 2)" in half.out
    again = run(mesh, OWNER, "approve", number)
    assert again.code == 1
    assert "somebody else" in again.err
    done = run(mesh, PRIVACY, "approve", number, "--json").json
    assert done["state"] == "approved"
    (held,) = run(mesh, "nobody", "grants", "--json").json
    assert (held["id"], held["conditions"], held["in_force"]) == (done["grant"], "No exports.", True)
    ended = run(mesh, "nobody", "revoke", str(held["id"]), "--reason", "Done.")
    assert ended.code == 0
    assert PORT in ended.out
    assert run(mesh, "nobody", "grants", "--json").json == []
    listed = run(mesh, OWNER, "grants", PORT, "--ended")
    assert "revoked by nobody: Done." in " ".join(listed.out.split())


def test_what_can_not_be_done_is_told_in_a_line_or_two(mesh: GuardedMesh) -> None:
    for arguments, told in (
        (("request", PORT, "--reason", "Why.", "--purpose", "fun"), "purpose"),
        (("request", "shop.nothing.v1", "--reason", "Why."), "no port shop.nothing.v1"),
        (("show", "7"), "no request 7"),
        (("approve", "7"), "may not approve"),
        (("revoke", "7", "--reason", "Why."), "no grant 7"),
    ):
        refused = run(mesh, "nobody", *arguments)
        assert refused.code == 1, arguments
        assert told in refused.err
        assert len(refused.err.splitlines()) <= 3
    assert run(mesh, "nobody", "list").out.strip() == "No requests."
    assert run(mesh, OWNER, "inbox").out.strip() == "Nothing waits for you."


def test_who_may_not_approve_is_told_who_does(mesh: GuardedMesh) -> None:
    asked = run(mesh, "nobody", "request", PORT, "--reason", "Why.", "--purpose", "analytics", "--json").json
    refused = run(mesh, "nobody", "approve", str(asked["id"]))
    assert refused.code == 1
    assert "nobody may not approve" in refused.err
    assert f"Who does: {OWNER}, by a token with the scope `approve`." in refused.err


def test_a_product_without_its_version_is_told_its_ports(mesh: GuardedMesh) -> None:
    refused = run(mesh, "nobody", "request", PORT.rpartition(".")[0], "--reason", "Why.")
    assert refused.code == 1
    assert f"has the port {PORT}" in " ".join(refused.err.split())
    assert "GET" not in refused.err.replace("or GET /api/v1/products", "")


def test_a_product_whose_input_was_taken_back_is_not_built_and_the_others_are(tiny_mesh: Mesh) -> None:
    with Access(MeshSettings(home=tiny_mesh.home, project=tiny_mesh.project), personas=False) as access:
        owner = Caller(Identity(OWNER, "person", "Owner"), frozenset({"approve"}))
        (given,) = access.requests.grants(owner)
        assert (given.consumer, given.port) == ("ledger.totals", "shop.orders.v1")
        access.requests.revoke(owner, given.id, "Refunds are counted twice.")
    done = tiny_mesh("run", "ledger.totals", "shop.orders", "--json")
    assert done.code == 1
    assert done.json["built"] == ["shop.orders.v1"]
    assert list(done.json["failures"]) == ["ledger.totals"]
    told = done.json["failures"]["ledger.totals"]
    for part in ("shop.orders.v1", OWNER, "Refunds are counted twice", "mesh access request"):
        assert part in told
