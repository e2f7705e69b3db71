"""Who was granted access is asked before a port breaks, whatever the documents say of its consumers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_resources.access import Identity
from platform_resources.governance import Judgement
from platform_resources.lake import utc_now
from platform_resources.pipeline import govern
from tests.guarded import CUSTOMERS, CUSTOMERS_CONTRACT, GuardedMesh, make_mesh

OWNER, BEN = "shop@retailer.example", "ben@retailer.example"
PROMISED = CUSTOMERS_CONTRACT.format(version="1.0.0", status="active")
BROKEN = CUSTOMERS_CONTRACT.format(version="1.1.0", status="active").replace(
    "name: balance, logicalType", "name: total, logicalType"
)
ENTRY = """\
consumers:
  - name: {name}
    kind: person
    contact: ben@retailer.example
    ports: [v1]
    consents: [{{version: 1.1.0, approver: ben@retailer.example, given: "2026-01-01"}}]
"""


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[GuardedMesh]:
    made = make_mesh(tmp_path)
    made.identity(Identity(OWNER, "person", "Owner"))
    made.identity(Identity(BEN, "person", "Ben", purpose="analytics"))
    for who in (OWNER, BEN):
        made.token(who, scopes=("request", "approve"))
    yield made
    made.access.close()


def grant(mesh: GuardedMesh) -> int:
    asked = mesh.access.requests.request(mesh.caller(BEN), str(CUSTOMERS), reason="A report.")
    done = mesh.access.requests.approve(mesh.caller(OWNER), asked.id)
    assert done.grant is not None
    return done.grant


def product(mesh: GuardedMesh) -> Path:
    return mesh.settings.domains / "shop" / "products" / "customers"


def breaking(mesh: GuardedMesh) -> list[Judgement]:
    (product(mesh) / "v1.odcs.yaml").write_text(BROKEN)
    judged = govern(mesh.settings, "shop", utc_now()).judgements
    return [item for item in judged if item.finding.code == "breaking-change"]


def test_the_holder_of_a_grant_is_asked_and_told_where_to_consent(mesh: GuardedMesh) -> None:
    assert {item.standing for item in breaking(mesh)} == {"warns"}  # grants that nobody asked for are no promise
    grant(mesh)
    found = breaking(mesh)
    assert "blocks" in {item.standing for item in found}
    blocking = next(item.finding for item in found if item.blocks)
    assert BEN in blocking.message
    assert "consumers.yaml" in blocking.remedy
    assert "holds a grant" in blocking.remedy


@pytest.mark.parametrize("name", [BEN, "Ben"])
def test_its_consent_stands_in_the_file_of_the_product(mesh: GuardedMesh, name: str) -> None:
    grant(mesh)
    (product(mesh) / "consumers.yaml").write_text(ENTRY.format(name=name))
    assert not any(item.blocks for item in breaking(mesh))
    (product(mesh) / "consumers.yaml").unlink()  # in the same commit as the break: nobody is silenced by it
    assert any(item.blocks for item in breaking(mesh))


def test_who_holds_no_grant_any_more_is_not_asked(mesh: GuardedMesh) -> None:
    mesh.access.requests.revoke(mesh.caller(BEN), grant(mesh), "Not needed any more.")
    assert not any(item.blocks for item in breaking(mesh))
