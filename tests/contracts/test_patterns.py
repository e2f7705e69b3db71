"""Patterns match what Python's and DuckDB's own engines match, in time linear in the text, whatever they repeat."""

from __future__ import annotations

import re

import duckdb
import pytest

from platform_resources.contracts.patterns import PatternError, compile_pattern

HONEST = [
    "[a-z][a-z0-9]*(_[a-z0-9]+)*",
    "(?:[a-z0-9]+_)*[a-z]+",
    r"[^@\s]+@[^@\s]+\.[a-z]{2,}",
    r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
    "(is|has|can)_.*",
    r"\d{4}-\d{2}-\d{2}",
    ".*(TODO|tbd).*",
    "(?i:tmp|temp)_.*",
    r"(?i).*\bselect\s.*",
    r".*\B_\b.*",
    "(?m:.*^is.*$.*)",
    "([a-z]+, )*[a-z]+",
    "(ab|cd)+",
    "(a|ab)*c",
    "(-[a-z]+_[a-z]+)*",
    "(?:a??b*?)+?",
    "(?:(?:a|\\b|)*b?)*",
    "a{0}b{2}(?:c{1,2}){0,3}",
    "é+|[a-z_]+",
]
# Python's own engine takes hours for these: a pattern, a text that it matches, one that it doesn't.
HOSTILE = [
    ("(?:.?){50}Z", "x" * 50 + "Z", "x" * 51 + "Z"),
    ("(?:.{0,9}){8}Z", "x" * 72 + "Z", "x" * 73 + "Z"),
    ("(?:.{1,3}){16}Z", "x" * 16 + "Z", "x" * 15 + "Z"),
    ("(?:a|.){18}Z", "a" * 18 + "Z", "a" * 17 + "Z"),
    ("(?:a|.)" * 40 + "Z", "a" * 40 + "Z", "a" * 41 + "Z"),
    (".?" * 140 + "Z", "a" * 140 + "Z", "a" * 141 + "Z"),
    ("a*b*" * 70 + "Z", "ab" * 70 + "Z", "ab" * 71 + "Z"),
    (".*.*.*=", "a=", "a=b"),
    ("(a+)+b", "aab", "aabb"),
    ("(a*)*", "aaa", "b"),
    ("(_a*a*)*b", "_aab", "aab"),
    ("([ab]x|[bc]x)*d", "axbxcxd", "axbd"),
    ("(-(a|ab)b?)*c", "-abb-ac", "-bc"),
    (r"(\w+\s?)*!", "is it!", "  it!"),
    ("(?:(?:(?:a*)*)*)*b", "b", "ba"),
    ("(?:[ab]*a[ab]{300})x", "a" * 301 + "x", "a" * 300 + "x"),
]
TEXTS = (
    "", "a", "b", "ab", "ba", "abc", "abab", "cd", "aab", "is_", "is_open", "a_b", "a_", "_a_", "tmp_x", "TEMP_x", 
    "x tbd y", "todo", "ana@retailer.example", "a@b.c", "2026-01-31", "2026-1-31", "Select 1", "preselect 1",
    "select", "a\nb",
    "a\n", "\n", "x\nis\ny", "a1b", "abccc", "bbcc", "-a_b-c_d", "a, b, c", "é", "éa", "\u0660", "\U0001f642",
)  # fmt: skip


@pytest.mark.parametrize("pattern", HONEST)
def test_a_pattern_matches_what_pythons_own_does(pattern: str) -> None:
    compiled, own = compile_pattern(pattern), re.compile(pattern, re.DOTALL)
    for text in TEXTS:
        if text or r"\B" not in pattern:  # of an empty text, Python 3.14 thinks otherwise than those before
            assert compiled.matches(text) is (own.fullmatch(text) is not None), text


@pytest.mark.parametrize(("pattern", "matched", "other"), HOSTILE)
def test_a_pattern_on_which_pythons_own_explodes_is_matched_all_the_same(
    pattern: str, matched: str, other: str
) -> None:
    compiled = compile_pattern(pattern)
    assert compiled.matches(matched)
    assert not compiled.matches(other)
    assert not compiled.matches("a_" * 2_000 + "!?")


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        (r"(a+)b\1", "refers back"),
        ("(?!tmp_).*", "neither ahead nor behind"),
        (".*(?<!_)", "neither ahead nor behind"),
        ("(?P=name)", "no regular expression"),
        ("a++b", "repeat once"),
        (r"a\Z", "RE2 refers back to no group and knows no such escape"),
        ("(?:a{999}){999}", "more than 1,000"),
        ("(?:.{0,10}){100}" * 60, "too many"),
        (r"(?:\pL\PL){400}" * 20, "too large"),
        ("(", "missing"),
        ("a\ud800", "half a character"),
        ("a" * 1_001, "1,001 characters"),
    ],
)
def test_other_patterns_are_refused_with_the_reason(pattern: str, says: str) -> None:
    with pytest.raises(PatternError, match=says):
        compile_pattern(pattern)


def test_a_pattern_means_the_same_to_a_rule_as_to_the_audit_of_the_data() -> None:
    with duckdb.connect() as con:
        for pattern in HONEST:
            compiled = compile_pattern(pattern)
            for text in TEXTS:
                whole, part = con.execute(
                    "SELECT regexp_full_match($1, $2, 's'), regexp_matches($1, $2, 's')", [text, pattern]
                ).fetchone()
                assert compiled.matches(text) is whole, (pattern, text)
                assert compiled.found_in(text) is part, (pattern, text)


def test_half_a_character_in_a_text_is_no_error() -> None:
    assert not compile_pattern("[a-z]+").matches("a\ud800")
