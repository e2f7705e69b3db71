"""A revoked grant opens nothing, in no process and in no stream, a second later."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from platform_resources.access import Identity, ReadQuery
from platform_resources.access.callers.identities import set_enabled
from platform_resources.access.callers.tokens import revoke_token
from platform_resources.access.errors import DeniedError
from tests.guarded import CUSTOMERS, GuardedMesh, make_mesh
from tests.tiny_mesh import environment

# Reads again and again; says when it began to read what it got, and when it was refused.
READER = """
import sys, time
from platform_resources.access import Access, AccessError, ReadQuery
from platform_resources.lake import MeshSettings, PortAddress

with Access(MeshSettings.from_env(), personas=False) as access:
    while True:
        began = time.time()
        try:
            relation = access.guard.open(access.authenticate(sys.argv[1]), PortAddress.parse("shop.customers.v1"))
            with relation.read(ReadQuery(limit=1)) as reading:
                assert reading.table().num_rows == 1
        except AccessError as error:
            print("refused", began, error.code, flush=True)
            break
        print("read", began, flush=True)
"""


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[GuardedMesh]:
    made = make_mesh(tmp_path)
    made.token("ana", scopes=("read", "request"))
    yield made
    made.access.close()


def test_another_process_refuses_within_a_second(mesh: GuardedMesh) -> None:
    (grant,) = mesh.access.requests.grants(mesh.caller("ana"))
    command = [sys.executable, "-c", READER, mesh.tokens["ana"]]
    env = environment(mesh.settings.project, mesh.settings.home)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        for _ in range(5):
            assert process.stdout.readline().startswith("read ")
        mesh.access.requests.revoke(mesh.caller("ana"), grant.id, "Not needed any more.")
        revoked = time.time()
        *read, last = process.stdout.read().splitlines()
    assert last.startswith("refused ")
    assert last.endswith(" denied")
    assert all(float(line.split()[1]) < revoked + 1 for line in read)


def test_an_open_stream_is_cut(mesh: GuardedMesh) -> None:
    (grant,) = mesh.access.requests.grants(mesh.caller("ana"))
    relation = mesh.access.guard.open(mesh.caller("ana"), CUSTOMERS)
    with relation.read(ReadQuery(), batch_rows=1) as reading:
        batches = iter(reading)
        next(batches)
        time.sleep(0.6)
        next(batches)  # looked again: the grant holds
        mesh.access.requests.revoke(mesh.caller("ana"), grant.id, "Not needed any more.")
        time.sleep(0.6)
        with pytest.raises(DeniedError, match="ended"):
            for _ in batches:
                pass


MANY = "SELECT i, 'north', 'a@b.example', 'n', 'c', 1, 1.0, TIMESTAMP '2026-01-01' FROM range(400000) AS numbers(i)"
OWNER = "shop@retailer.example"


def _forget_the_owner(mesh: GuardedMesh) -> None:
    file = mesh.settings.domains / "shop" / "products" / "customers" / "v1.odcs.yaml"
    file.write_text(file.read_text().replace(f"username: {OWNER}", "username: eve@retailer.example"))


def _revoke_the_grant(mesh: GuardedMesh) -> None:
    mesh.token("ana", scopes=("read", "request"))
    grant = next(g for g in mesh.access.requests.grants(mesh.caller("ana")) if g.consumer == "ana")
    mesh.access.requests.revoke(mesh.caller("ana"), grant.id, "Not needed any more.")


ENDS: dict[str, tuple[str, Callable[[GuardedMesh], object]]] = {
    "grant": ("ana", _revoke_the_grant),
    "token": ("ana", lambda m: revoke_token(m.access.control, m.access.audit, m.tokens["ana"].split("_")[1], "op")),
    "identity": ("ana", lambda m: set_enabled(m.access.control, m.access.audit, "ana", False, "op")),
    "responsible": ("bot", lambda m: set_enabled(m.access.control, m.access.audit, "ana", False, "op")),
    "clearance": ("desk", lambda m: m.identity(Identity("desk", "service", "Desk", purpose="customer_service"))),
    "ownership": (OWNER, _forget_the_owner),
}


@pytest.mark.parametrize(
    ("how", "what"),
    [
        *(("held", what) for what in ENDS),
        ("stream", "identity"),
        ("text", "ownership"),
        ("sql", "grant"),
        ("sql", "token"),
    ],
)
def test_whatever_ends_the_right_ends_the_reading(mesh: GuardedMesh, what: str, how: str) -> None:
    who, end = ENDS[what]
    mesh.identity(Identity(OWNER, "person", "Owner", purpose="quality_assurance"))
    mesh.identity(Identity("bot", "service", "Bot", purpose="analytics", responsible="ana"))
    mesh.grant("bot", role="customers_reader")
    if how != "held":
        mesh.publish(MANY, version="1.0.1")
    caller, guard = mesh.caller(who), mesh.access.guard
    relation = guard.open(caller, CUSTOMERS)
    pieces = iter(())
    if how == "stream":
        pieces = iter(relation.read(batch_rows=1000))
    elif how == "text":
        pieces = iter(relation.read_text(batch_rows=1000))
    elif how == "sql":
        pieces = iter(mesh.access.sql.run(caller, "select customer_id, email from shop.customers.v1"))
    if how != "held":
        next(pieces)
    end(mesh)
    time.sleep(1.1)
    with pytest.raises(DeniedError, match="ended or changed"):
        relation.read() if how == "held" else next(pieces)
    (last, *_) = mesh.access.audit.entries(kind="refused" if how == "held" else "served")
    assert (last.actor, last.record.get("outcome")) == (who, None if how == "held" else "revoked")


def test_what_holds_goes_on(mesh: GuardedMesh) -> None:
    mesh.identity(Identity(OWNER, "person", "Owner", purpose="quality_assurance"))
    for who in ("ana", "desk", "reggie", OWNER):
        relation = mesh.access.guard.open(mesh.caller(who), CUSTOMERS)
        time.sleep(0.6)
        mesh.publish(version="1.0.1")  # another publication under another contract that says the same
        mesh.grant(who, role="customers_gdpr_reader", purpose="customer_service")
        with relation.read(batch_rows=1) as reading:
            batches = iter(reading)
            next(batches)
            time.sleep(0.6)
            assert sum(batch.num_rows for batch in batches) > 10
