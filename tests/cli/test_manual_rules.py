"""Rules of type text: shown where people look at checks, and measured nowhere."""

from __future__ import annotations

from tests.cli.conftest import Mesh

RULE = {
    "name": "prices_look_right",
    "column": None,
    "description": "The shop compares ten receipts a month with the till.",
}


def test_a_manual_rule_is_shown_as_such(built: Mesh) -> None:
    assert built("show", "shop.orders", "--json").json["manual_rules"] == [RULE]
    assert built("audit", "shop.orders", "--explain", "--json").json["manual"] == [RULE]
    for command in (("show", "shop.orders"), ("audit", "shop.orders", "--explain")):
        told = built(*command).out
        assert "manual: looked after by people, not measured, counts in no score" in told.replace("Manual", "manual")
        assert "ten receipts a month" in told


def test_it_is_no_check_and_in_no_score(built: Mesh) -> None:
    told = built("audit", "shop.orders", "--json").json
    assert RULE["name"] not in {result["name"] for result in told["results"]}
    assert told["scores"]["accuracy"] == 100
