"""Answers begin with a sentence and what matters; all that passed, each edge and facets are told on request."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.guarded import CUSTOMERS, CUSTOMERS_CONTRACT, GuardedMesh, publish_rows
from tests.mcp.agents import Agent
from tests.mcp.conftest import NEWCOMER, Agents, agents_on
from tests.shipped import ShippedMesh

PORT = str(CUSTOMERS)


def _result(name: str, passed: bool) -> dict[str, Any]:
    fixed = dict.fromkeys(("group", "threshold", "message"), "as it is") | {"dimension": "accuracy"}
    return fixed | {"name": name, "severity": "warning", "passed": passed, "value": 1, "failed_rows": 0, "score": 1.0}


def test_failed_checks_come_first_and_passed_ones_on_request(guarded: GuardedMesh, guarded_agents: Agents) -> None:
    results = [_result(f"check_{i}", i != 30) for i in range(300)]
    audit = {"passed": True, "score": 99.5, "scores": {"accuracy": 99.5}, "seconds": 1, "results": results}
    contract = CUSTOMERS_CONTRACT.format(version="1.0.0", status="active")
    publish_rows(guarded.settings, CUSTOMERS, contract, [], audit)
    ana = guarded_agents("ana")
    told = ana.told("get_quality", product=PORT)
    measured = told["answer"]["quality"]["measured"]
    assert (measured["checks"], measured["failed"], measured["passed"]) == (300, 1, True)
    assert [one["name"] for one in measured["results"]] == ["check_30"]
    assert "1 of 300 checks failed, none of severity error" in told["answer"]["summary"]
    assert any("`detail`" in hint for hint in told["hints"])
    page = ana.told("get_quality", product=PORT, detail=True)
    found = [one["name"] for one in page["answer"]["quality"]["measured"]["results"]]
    assert found[0] == "check_30"
    while page["next"]:
        page = ana.told("get_quality", product=PORT, detail=True, cursor=page["next"])
        found += [one["name"] for one in page["answer"]["quality"]["measured"]["results"]]
    assert sorted(found) == sorted(one["name"] for one in results)


@pytest.mark.parametrize(
    ("of", "asked"),
    [
        ("ports", {"product": "finance.revenue"}),
        ("columns", {"product": "finance.revenue", "column": "net_revenue"}),
    ],
)
def test_lineage_is_a_sentence_and_its_ends_edges_come_on_request(
    analyst: Agent, of: str, asked: dict[str, Any]
) -> None:
    told = analyst.told("get_lineage", **asked)
    assert told["answer"]["summary"].startswith("finance.revenue.v1")
    assert told["answer"][of]["upstream"]
    assert told["answer"][of]["edges"] is None
    assert any("`detail`" in hint for hint in told["hints"])
    assert analyst.answer("get_lineage", **asked, detail=True)[of]["edges"]


def test_facets_come_on_request_and_pages_go_on(analyst: Agent) -> None:
    assert analyst.answer("search_products", limit=4, detail=True)["facets"]["domain"]
    page = analyst.told("search_products", limit=4)
    assert page["answer"]["facets"] is None
    assert page["answer"]["summary"].startswith("6 products found, 4 told here")
    rest = analyst.told("search_products", limit=4, cursor=page["next"])
    hits = [hit["product"] for told in (page, rest) for hit in told["answer"]["hits"]]
    assert len(set(hits)) == len(hits) == 6


def test_hits_with_long_texts_come_on_more_pages(changed: Callable[[str], ShippedMesh]) -> None:
    mesh = changed("wordy")
    for file in mesh.settings.domains.rglob("*.odps.yaml"):
        document = yaml.safe_load(file.read_text())
        document["description"]["purpose"] = "long " * 2000
        file.write_text(yaml.safe_dump(document))
    source = agents_on(mesh)
    analyst = next(source)("analyst")
    found, cursor = [], None
    while True:
        page = analyst.told("search_products", limit=6, cursor=cursor)
        found += [hit["product"] for hit in page["answer"]["hits"]]
        cursor = page["next"]
        if cursor is None:
            break
    next(source, None)
    assert len(set(found)) == len(found) == 6


def test_the_sentence_counts_only_what_may_be_read(agents: Agents) -> None:
    assert "of which you may read 0" in agents(NEWCOMER).answer("search_products")["summary"]


def test_every_sentence_stands_first(analyst: Agent) -> None:
    for tool, asked in (
        ("get_quality", {"product": "crm.customer_360"}),
        ("get_lineage", {"product": "crm.customer_360"}),
        ("search_products", {"query": "turnover"}),
        ("impact_of_change", {"product": "sales.bookings"}),
    ):
        text = analyst.call(tool, **asked).content[0].text.partition("\n")[2]
        assert next(iter(json.loads(text)["answer"])) == "summary"
