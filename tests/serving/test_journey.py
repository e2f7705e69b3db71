"""From finding a product to reading it, by HTTP alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from platform_resources.access import Identity
from tests.serving.conftest import Api

ROOT = "/api/v1"
PORT = f"{ROOT}/products/shop/customers/v1"


@pytest.fixture
def join(api: Api) -> Iterator[Callable[..., None]]:
    with ExitStack() as stack:

        def made(identity: Identity, *scopes: str) -> None:
            api.mesh.identity(identity)
            api.clients[identity.id] = stack.enter_context(api.client(api.mesh.token(identity.id, scopes=scopes)))

        yield made


def test_a_stranger_finds_a_product_asks_for_it_and_reads_it(api: Api, join: Callable[..., None]) -> None:
    stranger = Identity("nobody", "person", "Nobody", clearances=frozenset({"gdpr"}), purpose="customer_service")
    join(stranger, "read", "request")
    for approver in ("shop@retailer.example", "privacy@retailer.example"):
        join(Identity(approver, "person", approver), "read", "approve")

    # Finds it, and reads what it means and how its columns would come.
    (found,) = api.get("nobody", f"{ROOT}/products?q=customers").json()["products"]
    assert found["ports"][0]["address"] == "shop.customers.v1"
    schema = api.get("nobody", f"{PORT}/schema").json()
    assert {c["name"] for c in schema["columns"] if c["masked"]} == {"email", "name", "card", "income"}

    # Is refused, and told how to ask.
    refused = api.get("nobody", f"{PORT}/data")
    assert refused.status_code == 403
    assert "access" in refused.json()["remedy"]

    # Asks; the first approval is not enough for columns in clear.
    asked = {
        **{"port": "shop.customers.v1", "role": "customers_gdpr_reader", "purpose": "customer_service"},
        **{"reason": "Calls customers back.", "days": 30},
    }
    made = api.clients["nobody"].post(f"{ROOT}/access/requests", json=asked)
    assert made.status_code == 201, made.text
    request = made.headers["location"]
    assert made.json()["waits_for"] == ["shop@retailer.example"]
    again = api.clients["nobody"].post(f"{ROOT}/access/requests", json=asked)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    (waiting,) = api.get("shop@retailer.example", f"{ROOT}/access/requests?inbox=true").json()["requests"]
    assert waiting["reason"] == "Calls customers back."
    assert api.clients["nobody"].post(f"{request}/approve", json={}).status_code == 403
    first = api.clients["shop@retailer.example"].post(f"{request}/approve", json={"conditions": "On the phone only."})
    assert (first.status_code, first.json()["state"]) == (200, "pending")
    assert first.json()["waits_for"] == ["privacy@retailer.example"]
    assert api.get("nobody", f"{PORT}/data").status_code == 403
    second = api.clients["privacy@retailer.example"].post(f"{request}/approve", json={"comment": "Fine."})
    assert (second.status_code, second.json()["state"]) == (200, "approved")

    # Reads, in clear.
    rows = api.get("nobody", f"{PORT}/data?limit=3&columns=email,region")
    assert rows.status_code == 200, rows.text
    assert "CANARY" in rows.text
    (grant,) = api.get("nobody", f"{ROOT}/me").json()["grants"]
    assert grant["conditions"] == "On the phone only."
    assert {c["name"] for c in api.get("nobody", f"{PORT}/schema").json()["columns"] if c["masked"]} == set()

    # Until it is revoked: from the next read on.
    ended = api.clients["shop@retailer.example"].post(
        f"{ROOT}/access/grants/{grant['id']}/revoke", json={"reason": "Over."}
    )
    assert ended.status_code == 200, ended.text
    assert api.get("nobody", f"{PORT}/data").status_code == 403
    kinds = [e["kind"] for e in api.get("nobody", f"{ROOT}/audit").json()["entries"]]
    assert "request-made" in kinds
