"""Pages and quoting, for any answer: nothing is lost, nothing comes twice, nothing is too large, nothing is unseen."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_resources.access.errors import BadQueryError
from platform_resources.serving.mcp.pages import page_of, size_of
from platform_resources.serving.mcp.quoting import quoted, visible

ENTRIES = st.lists(st.dictionaries(st.text("ab", max_size=3), st.text(max_size=40) | st.integers(), max_size=4))
ANSWERS = st.fixed_dictionaries(
    {"head": st.text(max_size=60), "one": ENTRIES, "deep": st.fixed_dictionaries({"two": ENTRIES})}
)
# Unicode's Default_Ignorable_Code_Point outside of category C, and the Braille pattern without dots.
BLANK = {*map(chr, range(0x180B, 0x1810)), *map(chr, range(0xFE00, 0xFE10)), *map(chr, range(0xE0000, 0xE1000))}
BLANK |= set("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
LISTS = ("one", "deep.two", "nothing.there")


@settings(max_examples=60, deadline=None)
@given(ANSWERS, st.integers(1200, 3000))
def test_pages_hold_each_entry_once_and_keep_within_the_budget(answer: dict[str, Any], budget: int) -> None:
    ones, twos, cursor, pages = [], [], None, 0
    while True:
        page, following, cut = page_of(answer, LISTS, cursor, budget)
        assert size_of(page) <= budget
        assert not cut
        assert page["head"] == answer["head"]
        ones, twos, pages = ones + page["one"], twos + page["deep"]["two"], pages + 1
        if following is None:
            break
        assert int(following) > int(cursor or 0)  # it goes on
        cursor = following
    assert (ones, twos) == (answer["one"], answer["deep"]["two"])


@pytest.mark.parametrize(
    "answer",
    [
        {"one": [{"text": "x" * 10_000_000}], "deep": {"two": []}},
        {"one": [{"tags": ["t" * 60] * 50_000}] * 3, "deep": {"two": []}},
        {"head": "x" * 1_000_000, "one": [{"a": 1}] * 10_000, "deep": {"two": [{"b": "é" * 5000}] * 30}},
    ],
)
def test_what_can_not_be_parted_is_shortened_and_says_so(answer: dict[str, Any]) -> None:
    page, _, cut = page_of(answer, LISTS, None)
    assert cut
    assert page["one"]
    assert size_of(page) <= 30 * 1024


@pytest.mark.parametrize("cursor", ["", "-1", "x", "1e3", "9" * 40, "१"])
def test_a_cursor_that_was_made_up_is_refused(cursor: str) -> None:
    with pytest.raises(BadQueryError):
        page_of({"one": []}, LISTS, cursor)


def test_a_cursor_beyond_the_end_is_an_empty_page() -> None:
    assert page_of({"one": [1, 2]}, ("one",), "999999999") == ({"one": []}, None, False)


@given(st.text() | st.text(st.sampled_from(sorted(BLANK))))
def test_every_character_of_quoted_text_is_seen(text: str) -> None:
    shown = visible(text)
    assert all(c in "\n\t" or unicodedata.category(c)[0] != "C" for c in shown)
    assert not BLANK.intersection(shown)
    assert visible(shown) == shown
    if text.isprintable() and text.isascii():
        assert shown == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a\u202eb", "a<U+202E>b"),  # right to left
        ("a\u200bb\ufeff", "a<U+200B>b<U+FEFF>"),  # no width
        ("".join(chr(0xE0000 + ord(c)) for c in "hi"), "<U+E0068><U+E0069>"),  # tags: text that nobody sees
        ("a\ufe0f\U000e0100", "a<U+FE0F><U+E0100>"),  # variation selectors
        ("a\u034fb\u115f\u1160", "a<U+034F>b<U+115F><U+1160>"),  # a joiner and fillers: letters that show nothing
        ("\u3164\uffa0\u2800x", "<U+3164><U+FFA0><U+2800>x"),
        ("\u180b\u180f\u17b4", "<U+180B><U+180F><U+17B4>"),
        ("a\x1b[31mb\r\n", "a<U+001B>[31mb<U+000D>\n"),
        ("Zürich ü 東京 naïve €", "Zürich ü 東京 naïve €"),
    ],
)
def test_what_no_eye_sees_is_written_out(text: str, told: str) -> None:
    assert quoted({text: [text]}) == {told: [told]}
