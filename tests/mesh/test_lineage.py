"""The lineage of the shipped products, as their real builds wrote it down."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mesh.conftest import Mesh

pytestmark = pytest.mark.slow
B = "sales.bookings.v1"


def edges(mesh: Mesh, port: str) -> dict[tuple[str, str], dict[str, Any]]:
    done = mesh("lineage", port, "--as", "operator", "--json")
    assert done.code == 0, done.err
    assert done.json["doubts"] == []  # the documents say what the builds do
    return {(edge["source"], edge["target"]): edge for edge in done.json["columns"]}


def test_a_figure_is_followed_from_the_report_to_the_till(built: Mesh) -> None:
    revenue, bookings = edges(built, "finance.revenue.v1"), edges(built, B)
    assert revenue[f"{B}.net_sales", "finance.revenue.v1.net_revenue"]["subtype"] == "AGGREGATION"
    assert revenue[f"{B}.store_id", "finance.revenue.v1"]["type"] == "INDIRECT"
    source = bookings["sales.internal.receipts.sales_value", f"{B}.net_sales"]
    assert (source["type"], source["known_from"], source["observed"]) == ("DIRECT", "sql", True)
    done = built("lineage", "path", "sales.internal.receipts.sales_value", "finance.revenue.v1.net_revenue", "--json")
    assert [[edge["target"] for edge in way] for way in done.json["paths"]] == [
        [f"{B}.net_sales", "finance.revenue.v1.net_revenue"]
    ]


def test_lineage_goes_through_private_tables_of_several_models(built: Mesh) -> None:
    """customer_days is dbt's, and lifetime value is made of it in Python."""
    whole, value = edges(built, "crm.customer_360.v1"), edges(built, "crm.customer_lifetime_value.v1")
    assert whole["crm.internal.customers.email", "crm.customer_360.v1.email"]["subtype"] == "IDENTITY"
    assert whole[f"{B}.net_sales", "crm.customer_360.v1.net_sales"]["subtype"] == "AGGREGATION"
    historic = value[f"{B}.net_sales", "crm.customer_lifetime_value.v1.historic_net_sales"]
    assert (historic["known_from"], historic["subtype"]) == ("declared", "AGGREGATION")
    assert not any(source.startswith("crm.internal.customer_days") for source, _ in value)


@pytest.mark.parametrize(
    "port", ["crm.customer_lifetime_value.v1", "inventory.inventory_levels.v1", "supply_chain.demand_forecast.v1"]
)
def test_what_python_models_declare_was_really_read(built: Mesh, port: str) -> None:
    found = edges(built, port)
    assert found
    assert all(edge["observed"] is True for edge in found.values())


def test_a_change_reaches_every_domain(built: Mesh) -> None:
    done = built("impact", f"{B}.business_date", "--json", "--as", "operator")
    assert set(done.json["ports"]) == {
        *("crm.customer_360.v1", "crm.customer_lifetime_value.v1", "finance.revenue.v1"),
        "supply_chain.demand_forecast.v1",
    }
    assert done.json["consumer_count"] == len(done.json["consumers"])
