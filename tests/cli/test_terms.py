"""`mesh glossary` and `mesh interop`, as people and programs call them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Mesh
from tests.joining import CUSTOMERS, VISITS, publish_rows, write_joining_project

SHOP = """\
domain: shop
terms:
  - name: bookings
    title: Bookings
    definition: What the tills have booked, before anything is deducted.
    unit: USD
    relations:
      - {type: precedes, term: ledger.revenue, note: The discounts lie between the two.}
  - name: amount
    title: Amount
    definition: What a customer pays for one order.
"""
LEDGER = """\
domain: ledger
terms:
  - name: revenue
    title: Revenue
    definition: What is left of bookings after all discounts.
    formula: bookings less discounts
    unit: USD
    synonyms: [turnover]
  - name: amount
    title: Amount
    definition: The amounts of all orders together.
    relations:
      - {type: derived_from, term: shop.amount}
"""


@pytest.fixture
def worded(empty: Mesh) -> Mesh:
    (empty.project / "domains" / "shop" / "glossary.yaml").write_text(SHOP)
    (empty.project / "domains" / "ledger" / "glossary.yaml").write_text(LEDGER)
    contract = empty.project / "domains" / "ledger" / "products" / "totals" / "v1.odcs.yaml"
    text = contract.read_text()
    link = 'authoritativeDefinitions: [{type: glossary, url: "glossary.yaml#amount"}]'
    contract.write_text(text.replace("description: How much.}", f"description: How much., {link}}}"))
    return empty


def test_a_mesh_without_terms_says_where_they_go(empty: Mesh) -> None:
    done = empty("glossary")
    assert done.code == 0
    assert "glossary.yaml" in done.out


def test_all_terms_are_listed_by_domain_with_their_columns(worded: Mesh) -> None:
    done = worded("glossary")
    assert done.code == 0
    lines = [line.split() for line in done.out.splitlines()]
    assert ["ledger"] in lines
    assert ["shop"] in lines
    assert ["amount", "1"] in [line[:2] for line in lines]
    listed = worded("glossary", "--json").json
    assert [item["term"] for item in listed] == ["ledger.revenue", "ledger.amount", "shop.bookings", "shop.amount"]
    assert listed[1]["columns"] == ["ledger.totals.v1.amount"]


def test_a_term_is_found_by_any_of_its_words(worded: Mesh) -> None:
    (found,) = worded("glossary", "Turnover", "--json").json
    assert found["term"] == "ledger.revenue"
    assert found["relations"] == [
        {"type": "follows", "term": "shop.bookings", "note": "The discounts lie between the two."}
    ]
    text = worded("glossary", "amounts").out
    assert "ledger.amount" in text
    assert "mesh glossary ledger.amount shop.amount" in text


def test_two_terms_are_compared(worded: Mesh) -> None:
    done = worded("glossary", "revenue", "bookings")
    assert done.code == 0
    assert "ledger.revenue and shop.bookings: not the same" in done.out
    assert "shop.bookings precedes ledger.revenue. The discounts lie between the two." in done.out
    found = worded("glossary", "revenue", "shop.amount", "--json").json
    assert (found["standing"], found["relations"]) == ("unrelated", [])


@pytest.mark.parametrize(
    ("words", "said"),
    [(["turnovr"], "turnover"), (["amount", "revenue"], "ledger.amount, shop.amount"), (["a", "b", "c"], "quotes")],
)
def test_what_is_asked_wrongly_is_answered_with_what_there_is(worded: Mesh, words: list[str], said: str) -> None:
    done = worded("glossary", *words)
    assert done.code == 2
    assert said in done.err


def test_a_broken_glossary_is_told_beside_the_others(worded: Mesh) -> None:
    (worded.project / "domains" / "shop" / "glossary.yaml").write_text("terms: [")
    done = worded("glossary")
    assert done.code == 0
    assert "revenue" in done.out
    assert "shop/glossary.yaml" in done.err


def test_joins_are_reported_and_a_missed_rate_fails(tmp_path: Path) -> None:
    settings = write_joining_project(tmp_path)
    mesh = Mesh(settings.project, settings.home)
    publish_rows(settings, CUSTOMERS, [(1, "NY", "1.00"), (2, "NY", "1.00")])
    publish_rows(settings, VISITS, [(1, "NY", "1.00")])
    done = mesh("interop", "customer_id")
    assert done.code == 0
    assert "joins" in done.out
    assert "no drift" in done.out
    publish_rows(settings, VISITS, [(1, "NY", "1.00"), (9, "new", "1.00")], run="second")
    done = mesh("interop")
    assert done.code == 1
    assert "missed" in done.out
    assert (
        "1 of 2 values of ledger.visits.v1.customer_id are not in shop.customers.v1.customer_id, such as 9" in done.out
    )
    assert "region_code" in done.out
    report = mesh("interop", "--json")
    assert report.code == 1
    assert [join["rate"] for join in report.json["joins"] if join["type"] == "customer_id"] == [50.0]


def test_a_type_that_the_council_does_not_know_is_asked_wrongly(tmp_path: Path, empty: Mesh) -> None:
    settings = write_joining_project(tmp_path / "joining")
    done = Mesh(settings.project, settings.home)("interop", "customer")
    assert done.code == 2
    assert "customer_id" in done.err
    done = empty("interop")
    assert done.code == 1
    assert "semantic_types.yaml" in done.err
