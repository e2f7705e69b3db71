"""The first twenty questions of a new analyst, answered from nothing but the tools, on the shipped products."""

from __future__ import annotations

import pytest

from tests.mcp.agents import Agent
from tests.mcp.conftest import NEWCOMER, Agents

DATA = ("crm.customer_360", "crm.customer_lifetime_value", "finance.revenue", "inventory.inventory_levels")


def test_01_what_products_are_there(analyst: Agent) -> None:
    found = {hit["product"] for hit in analyst.answer("search_products", limit=25)["hits"]}
    assert found == {*DATA, "sales.bookings", "supply_chain.demand_forecast"}


def test_02_which_product_has_customer_lifetime_value(analyst: Agent) -> None:
    found = analyst.answer("search_products", query="customer lifetime value")["hits"]
    assert found[0]["product"] == "crm.customer_lifetime_value"
    assert found[0]["why"]


def test_03_where_is_our_turnover(analyst: Agent) -> None:
    found = analyst.answer("search_products", query="turnover")
    assert found["hits"][0]["product"] == "finance.revenue"
    assert "finance.revenue" in {term["term"] for term in found["terms"]}


def test_04_who_owns_it_and_how_do_i_reach_them(analyst: Agent) -> None:
    told = analyst.answer("get_product", product="crm.customer_lifetime_value")
    assert told["product"]["owners"] == ["maria.keller@retailer.example"]
    assert told["product"]["support"]
    assert told["port"]["team"]


def test_05_what_is_it_for_and_what_not(analyst: Agent) -> None:
    told = analyst.answer("get_product", product="finance.revenue")["port"]
    assert told["purpose"]
    assert told["usage"]
    assert told["limitations"]


def test_06_how_fresh_is_it_and_is_the_promise_kept(analyst: Agent) -> None:
    told = analyst.answer("get_product", product="crm.customer_360")
    fresh = told["port"]["freshness"]
    assert fresh["promised_seconds"] == 900
    assert (fresh["state"] == "fresh") == (fresh["age_seconds"] <= fresh["promised_seconds"])
    assert told["availability"]["promised_percent"] == 99.9
    assert told["availability"]["state"] == "unknown"  # nothing was probed yet, and it says so


def test_07_how_good_is_it_and_how_was_it(analyst: Agent) -> None:
    told = analyst.answer("get_quality", product="crm.customer_360")
    assert told["quality"]["measured"]["passed"]
    assert set(told["quality"]["measured"]["scores"]) >= {"completeness", "accuracy", "uniqueness"}
    assert told["quality"]["measured"]["checks"] > told["quality"]["measured"]["failed"]
    assert 90 < told["quality"]["measured"]["completeness_percent"] < 100  # not every household tells its income
    assert 90 < told["quality"]["measured"]["accuracy_percent"] < 100
    assert "scores" in told["summary"]
    assert [one["number"] for one in told["recent"]] == [3, 2, 1]


def test_08_what_is_one_row_and_what_is_the_key(analyst: Agent) -> None:
    told = analyst.answer("get_schema", product="crm.customer_360")
    assert "household" in told["granularity"]
    assert [c["name"] for c in told["columns"] if c["key_position"]] == ["household_id"]


def test_09_what_does_a_column_mean(analyst: Agent) -> None:
    (column,) = analyst.answer("get_schema", product="finance.revenue", columns=["net_revenue"])["columns"]
    assert column["description"]
    assert column["terms"][0]["definition"]


def test_10_which_columns_are_personal_and_how_do_i_get_them(analyst: Agent) -> None:
    told = analyst.told("get_schema", product="crm.customer_360")
    personal = [c for c in told["answer"]["columns"] if c["classification"] == "personal"]
    assert {"email", "first_name", "phone"} <= {c["name"] for c in personal}
    email = next(c for c in personal if c["name"] == "email")
    assert email["masks"][0]["clearance"] == "gdpr"
    assert any("request_access" in hint for hint in told["hints"])
    roles = analyst.answer("get_product", product="crm.customer_360")["port"]["access"]["roles"]
    clear = next(role for role in roles if "gdpr" in role["clearances"])
    assert clear["role"] == "customer_360_gdpr_reader"
    assert len(clear["approvers"]) == 2


def test_11_what_is_the_difference_between_bookings_and_revenue(analyst: Agent) -> None:
    told = analyst.answer("compare_terms", one="bookings", other="revenue")
    assert told["standing"] == "told apart"
    assert told["relations"][0]["type"] == "follows"
    assert all(term["definition"] for term in told["terms"])


def test_12_what_does_a_word_mean_and_where_is_it(analyst: Agent) -> None:
    told = analyst.answer("get_term", term="turnover")
    assert told["term"] == "finance.revenue"
    assert told["formula"]
    assert told["columns"]


def test_13_where_does_net_revenue_come_from(analyst: Agent) -> None:
    told = analyst.answer("get_lineage", product="finance.revenue", column="net_revenue", detail=True)["columns"]
    assert [node["column"] for node in told["upstream"]] == ["sales.bookings.v1.net_sales"]
    assert [edge["known_from"] for edge in told["edges"]] == ["sql"]


def test_14_how_does_one_column_get_into_another(analyst: Agent) -> None:
    told = analyst.answer(
        "get_lineage", product="sales.bookings", column="net_sales", to="finance.revenue.v1.net_revenue"
    )
    assert told["path"]["paths"]


def test_15_what_breaks_when_a_column_changes(analyst: Agent) -> None:
    told = analyst.answer("impact_of_change", product="sales.bookings", column="net_sales")
    assert {"finance.revenue", "crm.customer_360"} <= {one["product"] for one in told["hit"]}
    assert all(one["owners"] and one["support"] for one in [told["asked"], *told["hit"]])
    assert told["summary"]


def test_15_who_is_hit_is_told_by_name_to_owners_others_are_told_whom_to_ask(agents: Agents) -> None:
    asked = {"product": "crm.customer_360", "column": "email"}
    told = agents("analyst").told("impact_of_change", **asked)
    assert told["answer"]["consumer_count"]
    assert told["answer"]["consumers"] is None
    assert told["answer"]["asked"]["owners"] == ["maria.keller@retailer.example"]
    assert any("withheld" in hint and "`asked`" in hint for hint in told["hints"])
    owner = agents("maria.keller@retailer.example").told("impact_of_change", **asked)
    assert len(owner["answer"]["consumers"]) == owner["answer"]["consumer_count"]
    assert not any("withheld" in hint for hint in owner["hints"])
    names = {one["name"] for one in owner["answer"]["consumers"]}
    assert {who: agents(who).answer("impact_of_change", **asked)["you"] for who in ("analyst", "service-desk")} == {
        who: who in names for who in ("analyst", "service-desk")
    }
    assert "service-desk" in names


def test_16_may_i_use_it_for_marketing(analyst: Agent) -> None:
    purposes = analyst.answer("list_my_access")["purposes"]
    assert "campaigns" in {purpose["name"] for purpose in purposes}
    (fit,) = analyst.answer("check_fitness", products=["crm.customer_360"], purpose="campaigns")["fits"]
    assert fit["verdict"] in ("yes", "no")
    assert any("campaigns" in evidence["need"] for evidence in fit["evidence"])


def test_17_is_it_fresh_and_long_enough_for_my_report(analyst: Agent) -> None:
    fits = analyst.answer("check_fitness", products=["finance.revenue"], max_age="PT30M", history="P100Y")["fits"]
    (fit,) = fits
    assert fit["verdict"] == "no"
    assert len(fit["evidence"]) >= 2


def test_18_show_me_five_rows(analyst: Agent) -> None:
    told = analyst.told(
        "query_product",
        product="crm.customer_360",
        columns=["household_id", "email", "lifecycle_stage"],
        filters=[{"column": "household_id", "operator": "le", "value": 100}],
        order=["-household_id"],
        limit=5,
    )
    assert len(told["answer"]["rows"]) == 5
    assert told["answer"]["publications"] == {"crm.customer_360.v1": 3}
    assert told["answer"]["masked"] == {"crm.customer_360.v1": ["email"]}
    assert told["answer"]["purpose"] == "analytics"
    assert "CANARY" not in str(told)


def test_19_top_three_departments_by_revenue(analyst: Agent) -> None:
    sql = "SELECT store_id, sum(net_revenue) AS revenue FROM finance.revenue.v1 GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3"
    told = analyst.answer("query_product", sql=sql)
    assert told["columns"] == ["store_id", "revenue"]
    assert len(told["rows"]) == 3
    assert told["rows"] == sorted(told["rows"], key=lambda row: -row[1])


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_20_i_may_not_read_it_so_i_ask_and_look_what_became_of_it(agents: Agents, mode: str) -> None:
    newcomer = agents(NEWCOMER, mode)
    product = {"auto": "sales.bookings", "legacy": "finance.revenue"}[mode]
    refusal = newcomer.refusal("query_product", product=product)
    assert "denied" in refusal
    assert "request_access" in refusal
    made = newcomer.told("request_access", product=product, purpose="analytics", reason="First steps")
    assert made["answer"]["state"] == "pending"
    assert made["answer"]["waits_for"]
    assert any("`waits_for`" in hint for hint in made["hints"])
    mine = newcomer.answer("list_my_access")
    assert mine["requests"][0]["id"] == made["answer"]["id"]
    assert mine["me"]["grants"] == []
    again = newcomer.refusal("request_access", product=product, purpose="analytics", reason="First steps")
    assert "conflict" in again
    assert "request_access" not in newcomer.refusal("query_product", product="crm.nothing")
