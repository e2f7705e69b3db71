"""Who reads a port: documents, grants and use brought together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_resources.access import ReadQuery
from platform_resources.access.model import EVERY_PORT, Identity
from platform_resources.catalog.consumption import PortConsumer, consumption, consumption_told
from platform_resources.lake import utc_now
from platform_resources.pipeline import read_mesh
from tests.guarded import CUSTOMERS, GuardedMesh, make_mesh

CONSUMERS = """\
consumers:
  - {name: Desk, kind: service, contact: desk@retailer.example, ports: [v1]}
  - {name: Press office, kind: team, contact: press@retailer.example, ports: [v1]}
"""


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[GuardedMesh]:
    made = make_mesh(tmp_path)
    (made.settings.domains / "shop" / "products" / "customers" / "consumers.yaml").write_text(CONSUMERS)
    yield made
    made.access.close()


def read(mesh: GuardedMesh, who: str) -> None:
    with mesh.access.guard.open(mesh.caller(who), CUSTOMERS).read(ReadQuery(limit=1)) as reading:
        reading.table()


def found(mesh: GuardedMesh) -> dict[str, PortConsumer]:
    mesh.access.usage.flush()
    documents = read_mesh(mesh.settings)[0]
    return {item.name: item for item in consumption(documents, mesh.access.control, str(CUSTOMERS), utc_now())}


def test_each_consumer_is_told_once_with_what_every_source_knows(mesh: GuardedMesh) -> None:
    mesh.identity(Identity("browser", "person", "Browser", purpose="analytics"))
    mesh.grant("browser", EVERY_PORT)
    for who in ("ana", "desk", "browser"):
        read(mesh, who)
    by_name = found(mesh)
    assert {name: item.standing for name, item in by_name.items()} == {
        "ana": "not registered",
        "browser": "not registered",
        "desk": "reads",  # the entry of consumers.yaml and the identity are one
        "reggie": "never reads",
        "Press office": "never reads",
    }
    assert by_name["desk"].registered is not None
    assert (by_name["desk"].kind, len(by_name["desk"].grants)) == ("service", 1)
    assert by_name["reggie"].kind == "agent"
    assert by_name["browser"].grants == ()
    assert by_name["ana"].reads is not None
    assert (by_name["ana"].reads.count, by_name["ana"].reads.last) == (1, utc_now().date())
    told = consumption_told(tuple(by_name.values()))
    assert "3 of 5 read it" in told
    assert "not registered: ana, browser" in told


def test_a_grant_that_ended_is_no_consumption(mesh: GuardedMesh) -> None:
    for grant in mesh.access.requests.grants(mesh.caller("reggie")):
        mesh.token("reggie", scopes=("read", "request"))
        mesh.access.requests.revoke(mesh.caller("reggie"), grant.id, "Over.")
    assert "reggie" not in found(mesh)
