"""Service levels as the API tells them: of a log that reaches back a month, and to whom what is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from platform_resources.access import Identity
from platform_resources.lake import connect, utc_now
from platform_resources.operations import Probe
from platform_resources.operations.history import record
from tests.guarded import CUSTOMERS, CUSTOMERS_CONTRACT, GuardedMesh
from tests.serving.conftest import Api

PORT = "/api/v1/products/shop/customers/v1"
PROMISED = """\
slaProperties:
  - property: freshness
    value: P10D
    element: customers.joined_on
    customProperties: [{property: objective, value: 99}, {property: window, value: P30D}]
  - {property: completeness, value: 90, unit: percent, element: "customers.region, customers.email"}
"""
HOUR = timedelta(hours=1)


def audit(region: float, email: float) -> dict[str, Any]:
    found = {"group": "completeness", "dimension": "completeness", "severity": "error", "threshold": "≥ 90 percent"}
    shares = {"completeness__region": region, "completeness__email": email}
    told = {"message": "", "failed_rows": 0, "score": 1.0}
    results = [{**found, **told, "name": n, "value": value, "passed": value >= 90} for n, value in shares.items()]
    return {"results": results, "scores": {}}


def served_for_a_month(mesh: GuardedMesh) -> None:
    """Four publications, the newest data of each as it was published: the third came an hour too late."""
    text = CUSTOMERS_CONTRACT.format(version="1.0.0", status="active")
    before, _, rest = text.partition("slaProperties:\n")
    contract = f"{before}{PROMISED}{rest[rest.index('  - {property: availability') :]}"
    for found in (audit(100, 95), audit(100, 91.5), audit(99, 96)):
        mesh.publish(contract=contract, audit=found)
    now = utc_now()
    with connect(mesh.settings, own="shop") as con:
        for number, hours in enumerate((720, 700, 459, 219), 1):
            at = now - hours * HOUR
            con.execute(
                "UPDATE shop.mesh.publications SET published_at = ?, data_as_of = ?, contract_sha256 = "
                "(SELECT arg_max(contract_sha256, number) FROM shop.mesh.publications) WHERE port = ? AND number = ?",
                [at, at, str(CUSTOMERS), number],
            )


@pytest.fixture
def month(api: Api) -> Api:
    served_for_a_month(api.mesh)
    return api


def told(api: Api, who: str) -> dict[str, Any]:
    answer = api.get(who, f"{PORT}/slos")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_hour_late_in_a_month_of_99_percent(month: Api) -> None:
    levels = {level["kind"]: level for level in told(month, "ana")["levels"]}
    fresh = levels["freshness"]
    assert (fresh["state"], fresh["objective_percent"], fresh["window_days"]) == ("met", 99, 30)
    assert (fresh["budget_seconds"], fresh["missed_seconds"]) == (7.2 * 3600, 3600)
    assert fresh["budget_left_seconds"] == 6.2 * 3600
    assert fresh["measured_percent"] == pytest.approx(100 * (1 - 1 / 720), abs=0.001)
    assert fresh["burn_rates"] == {"1 h": 0, "6 h": 0, "3 d": 0}
    assert levels["availability"]["state"] == "unknown", "nothing was probed"
    probed = [Probe(str(CUSTOMERS), utc_now(), "in-process", True, 1.0, None, 4)]
    record(month.mesh.access.control, probed, timedelta(minutes=3), utc_now())
    levels = {level["kind"]: level for level in told(month, "ana")["levels"]}
    assert (levels["availability"]["state"], levels["availability"]["measured_percent"]) == ("met", 100)


def test_completeness_is_told_by_its_worst_and_by_what_is_served(month: Api) -> None:
    found = told(month, "ana")
    complete = {level["kind"]: level for level in found["levels"]}["completeness"]
    assert (complete["state"], complete["objective_percent"], complete["measured_percent"]) == ("met", 100, 100)
    assert {
        c["column"]: (c["promised_percent"], c["current_percent"], c["worst_percent"]) for c in found["columns"]
    } == {
        "region": (90, 99, 99),
        "email": (90, 96, 91.5),
    }


def test_completeness_of_what_a_reader_does_not_see_is_not_told(month: Api) -> None:
    month.mesh.identity(Identity("clerk", "person", "Clerk", purpose="analytics"))
    month.mesh.grant("clerk", role="customers_reader", columns=frozenset({"region"}))
    with month.client(month.mesh.token("clerk")) as clerk:
        columns = {one["column"]: one for one in clerk.get(f"{PORT}/slos").json()["columns"]}
    assert columns["region"]["worst_percent"] == 99
    assert (columns["email"]["current_percent"], columns["email"]["worst_percent"]) == (None, None)
    for one in told(month, "reggie")["columns"]:
        assert (one["current_percent"], one["worst_percent"]) == (None, None), "it reads some rows only"


def test_who_may_not_know_of_a_product_is_told_of_no_service_level(month: Api) -> None:
    product = month.mesh.settings.domains / "shop" / "products" / "customers" / "product.odps.yaml"
    product.write_text(product.read_text() + "customProperties:\n  - {property: visibility, value: granted}\n")
    assert month.get("ana", f"{PORT}/slos").status_code == 200
    hidden, unknown = month.get("nobody", f"{PORT}/slos"), month.get("nobody", f"{PORT[:-1]}7/slos")
    assert (hidden.status_code, unknown.status_code) == (404, 404)
    assert hidden.json()["code"] == unknown.json()["code"]
