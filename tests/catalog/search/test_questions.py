"""Plain questions: what is found when no product answers all words, and how that is told."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from platform_resources.catalog.index import ProductEntry, TermEntry
from platform_resources.catalog.search import Asked, Found, Search
from tests.catalog.search.made import NOW, Entries, product

CUSTOMERS = product("crm.customers", columns=("buyer_number",))
STOCK = product("shop.stock", limitations="What customers leave on the shelf.", columns=("pieces",))
TERMS = {
    "crm.stage": TermEntry(
        *(
            "crm.stage",
            "crm",
            "stage",
            "Stage",
            "How near a customer is to leaving.",
            ("activity",),
            None,
            None,
            (),
            (),
        ),
    )
}


def ask(text: str, *products: ProductEntry, knows: bool = False) -> Found:
    """Of a mesh that has these products."""
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Search(Path(folder), Entries(*products, terms=TERMS))) as search,
    ):
        return search.find(Asked(text), lambda _: knows, NOW)


def told(found: Found) -> list[tuple[str, tuple[str, ...]]]:
    return [(hit.product.address, hit.without) for hit in found.hits]


def test_a_name_that_answers_most_counts_over_prose_that_says_all() -> None:
    found = ask("which customers are about to leave", STOCK, CUSTOMERS)
    assert told(found) == [("crm.customers", ("leave",)), ("shop.stock", ())]


@pytest.mark.parametrize(
    ("question", "without"),
    [
        ("Who buys at night?", ("night",)),
        ("zzyx qqxv buyers", ("zzyx", "qqxv")),
        ("customer's numbers", ()),
        ("buyer", ()),
        ("crm.customers.v1", ()),
    ],
)
def test_a_hit_says_what_it_leaves_open(question: str, without: tuple[str, ...]) -> None:
    assert told(ask(question, CUSTOMERS, product("shop.pears"))) == [("crm.customers", without)]


def test_who_answers_more_words_comes_first() -> None:
    both = product("shop.returns_by_week")
    found = ask("returns qqxv week zzyx jjkq", product("shop.returns"), both, CUSTOMERS)
    assert told(found) == [("shop.returns_by_week", ("qqxv", "zzyx", "jjkq"))]
    found = ask("returns qqxv pears zzyx jjkq", product("shop.returns"), product("shop.pears"), CUSTOMERS)
    assert {address for address, _ in told(found)} == {"shop.returns", "shop.pears"}


def test_terms_near_the_words_are_offered_where_some_are_open() -> None:
    found = ask("customers who leave", CUSTOMERS)
    assert [term.address for term, _ in found.related] == ["crm.stage"]
    assert not ask("customers", CUSTOMERS).related
    assert not ask("customers qqxv stage", CUSTOMERS, product("crm.stage_customers_qqxv")).related


@pytest.mark.parametrize("question", ["customers leave", "buyers at night", "night", "zzyx leave buyer qqxv"])
def test_a_hidden_product_that_answers_all_changes_nothing(question: str) -> None:
    secret = product("crm.customers_leave", hidden=True, columns=("buyer_night", "zzyx_qqxv"))
    without = ask(question, STOCK, CUSTOMERS)
    there = ask(question, STOCK, CUSTOMERS, secret)
    assert (told(there), there.total, there.facets) == (told(without), without.total, without.facets)
    assert [term for term, _ in there.related] == [term for term, _ in without.related]
    assert told(ask(question, STOCK, CUSTOMERS, secret, knows=True))[0][0] == secret.address
