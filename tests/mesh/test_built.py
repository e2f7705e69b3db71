"""The six products of the shipped year, as consumers find them."""

from __future__ import annotations

import pytest

from tests.mesh.conftest import PORTS, Mesh

pytestmark = pytest.mark.slow

OPENING_YEAR = "business_date < (select min(business_date) from finance.revenue.v1) + 365"


def test_six_products_are_published_with_scores(built: Mesh) -> None:
    status = built.status()
    assert tuple(sorted(status)) == PORTS
    for port, state in status.items():
        assert state["published"], port
        assert state["publication"] == 1
        assert 90 < state["score"] <= 100, port
        assert len(state["scores"]) >= 5, port
        assert "refused" not in state
        assert state["freshness"]["promised_seconds"] > 0
        assert state["owner"].endswith("@retailer.example")
    assert built("status", "--json").json["problems"] == []
    assert status["crm.customer_360.v1"]["rows"] == 2_469
    assert status["inventory.inventory_levels.v1"]["rows"] == 809
    assert status["sales.bookings.v1"]["rows"] >= 1_469_307


def test_net_revenue_of_the_shipped_year_and_both_bridges(built: Mesh) -> None:
    (year,) = built.query(
        "select sum(net_revenue) as net, sum(gross_bookings) as gross, sum(customer_spend) as spend, "
        "sum(gross_bookings - loyalty_discount - retailer_coupon_match - net_revenue) as gross_to_net, "
        "sum(net_revenue - manufacturer_coupon - customer_spend) as net_to_spend, "
        f"count(distinct business_date) as days from finance.revenue.v1 where {OPENING_YEAR}"
    )
    assert year == {
        "net": "4596039.58",
        "gross": "5392232.87",
        "spend": "4569679.68",
        "gross_to_net": "0.00",
        "net_to_spend": "0.00",
        "days": 364,
    }


def test_finance_and_sales_report_the_same_revenue(built: Mesh) -> None:
    (difference,) = built.query(
        "select (select sum(net_revenue) from finance.revenue.v1) "
        "- (select sum(net_sales) from sales.bookings.v1) as it"
    )
    assert difference == {"it": "0.00"}


@pytest.mark.parametrize(
    ("product", "rules"),
    [
        (
            "sales.bookings",
            ("every_opening_year_redemption_finds_its_receipt", "gross_to_net_bridge_closes_in_total", "primary_key"),
        ),
        ("finance.revenue", ("opening_year_net_revenue", "revenue_reconciles_with_bookings", "primary_key")),
        ("crm.customer_360", ("totals_reconcile_to_bookings", "primary_key")),
    ],
)
def test_facts_of_the_year_are_proved_by_rules(built: Mesh, product: str, rules: tuple[str, ...]) -> None:
    audit = built("show", product, "--json").json["audit"]
    results = {item["name"]: item for item in audit["results"]}
    for rule in rules:
        assert results[rule]["passed"], rule
    assert audit["passed"]


def test_contact_details_come_masked(built: Mesh) -> None:
    rows = built.query("select first_name, email, phone, income from crm.customer_360.v1 limit 50")
    assert all("***" in row["email"] and "*" in row["phone"] and row["income"] is None for row in rows)


def test_every_lake_is_sound(built: Mesh) -> None:
    done = built("fsck", "--json")
    assert done.json["sound"], done.json
    assert len(done.json["lakes"]) == 5


def test_a_second_run_builds_nothing(built: Mesh) -> None:
    report = built("run", "--json").json
    assert (report["ok"], report["built"], report["ingested_rows"], report["failures"]) == (True, [], 0, {})
    assert {state["publication"] for state in built.status().values()} == {1}
