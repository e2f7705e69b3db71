"""Words and queries, whatever they hold."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from platform_resources.catalog.search import Asked, Search
from platform_resources.catalog.search.reasons import Meant
from platform_resources.catalog.search.spelling import Form, Word
from platform_resources.catalog.search.words import (
    MOST_WORDS,
    STEMS,
    analyzers,
    named_parts,
    query_words,
    spelt,
    stems,
)
from tests.catalog.search.made import NOW, Entries, product


@pytest.mark.parametrize("text", ["customer_360", "customer-360", "Customer 360", "customer360", "customer360s"[:-1]])
def test_ways_to_write_a_name_are_equal(text: str) -> None:
    assert spelt(text) == "custom 360"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("netSales", "net sale"),
        ("customers", "custom"),
        ("Größe", "große"),
        ("été", "ete"),
        ("a@b.example", "a b exampl"),
    ],
)
def test_stems(text: str, parts: str) -> None:
    assert " ".join(stems(text)) == " ".join(stems(parts))


@given(st.text(alphabet="abcxyzABCXYZ019 _-.@é", max_size=60) | st.text(st.characters(max_codepoint=127), max_size=60))
def test_plain_letters_are_cut_as_the_engine_does(text: str) -> None:
    assert stems(text) == tuple(analyzers()[STEMS].analyze(text))


@pytest.mark.parametrize("text", ["dying", "skies", "capabilities", "buys", "leaves", "Netherlands", "tries", "as is"])
def test_a_word_is_found_in_its_text_whatever_its_stem_is(text: str) -> None:
    words = tuple(text.split())
    meant = Meant.of([Word(word, (Form(word, " ".join(stems(word)), 1.0),), word) for word in words])
    assert meant.match(f"The {text} of all.")[1] == words


def test_what_a_question_is_about() -> None:
    assert query_words("How much is a customer worth?") == ["customer", "worth"]
    assert query_words("what is it") == ["what", "is", "it"]  # nothing else was said
    assert len(query_words(" ".join(f"w{'x' * n}" for n in range(1, 39)))) <= MOST_WORDS


def test_rows_of_words() -> None:
    assert named_parts("net revenue") == {"net": 1, "revenu": 1, "net revenu": 2}


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Search:
    entries = Entries(product("crm.customers", columns=("net_sales",)), product("sales.bookings"))
    return Search(tmp_path_factory.mktemp("search"), entries)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=300) | st.text(alphabet='AND OR NOT()"~*:-^[]{}\\/+.customer_', max_size=80))
def test_no_text_is_too_strange(search: Search, text: str) -> None:
    found = search.find(Asked(text), lambda _: False, NOW)
    assert found.total >= len(found.hits)


def test_ten_kilobytes(search: Search) -> None:
    for text in ("x" * 10_240, "ab " * 3_400, "\u202e" * 10_240, "customers " * 1_024):
        search.find(Asked(text), lambda _: False, NOW)
