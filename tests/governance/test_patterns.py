"""Regular expressions of rules match what Python's own match, in time linear in the text, whatever they repeat."""

from __future__ import annotations

import re
import time

import pytest

from platform_resources.governance.patterns import LARGEST, LONGEST_TEXT, PatternError, compile_pattern

HONEST = [
    "[a-z][a-z0-9]*(_[a-z0-9]+)*",
    "(?:[a-z0-9]+_)*[a-z]+",
    r"[^@\s]+@[^@\s]+\.[a-z]{2,}",
    r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
    "(is|has|can)_.*",
    r"\d{4}-\d{2}-\d{2}",
    ".*(TODO|tbd).*",
    "(?i:tmp|temp)_.*",
    "(?!tmp_).*",
    "(?!.*(?:todo|tbd)).+",
    r"(?i).*\bselect\s.*",
    r".*\B_\b.*",
    "(?s:.*)(?<!_)",
    "(?<=a).*|a(?<=a)b*",
    "(?m:.*^is.*$.*)",
    r"\A(?=.*a)(?=.*b)[^\d]{2,8}?\Z",
    "([a-z]+, )*[a-z]+",
    "(ab|cd)+",
    "(a|ab)*c",
    "(-[a-z]+_[a-z]+)*",
    "(?:a??b*?)+?",
    "(?:(?:a|\\b|)*b?)*",
    "a{0}b{2}(?:c{1,2}){,3}",
    "(?!)|a",
    "é+|(?a:\\w)+",
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
    ("(?!(a+)+b)(?=(.*,)*x).*", "xb", "aab,x"),
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
    assert compile_pattern(pattern).matches(matched)
    assert not compile_pattern(pattern).matches(other)


@pytest.mark.parametrize("pattern", [*HONEST, *(pattern for pattern, _, _ in HOSTILE)])
def test_no_pattern_takes_long(pattern: str) -> None:
    compiled = compile_pattern(pattern)
    for hostile in ("a" * LONGEST_TEXT, "a_" * (LONGEST_TEXT // 2) + "!", "a@a." * (LONGEST_TEXT // 4) + "!"):
        before = time.process_time()
        compiled.matches(hostile[:LONGEST_TEXT])
        assert time.process_time() - before < 20  # some milliseconds where it can't explode, hours where it can


def test_what_is_kept_of_texts_that_were_read_is_bounded() -> None:
    compiled = compile_pattern("(?:[ab]*a[ab]{12})x")
    for number in range(3_000):
        compiled.matches(f"{number:012b}".replace("0", "a").replace("1", "b") + "x")
    assert len(compiled._kept) <= 2_001
    assert compiled.matches("a" * 13 + "x")


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        (r"(a+)b\1", "refers back"),
        ("(a)?(?(1)b|c)", "refers back"),
        ("a++b", "gives nothing back"),
        ("(?>a+)b", "gives nothing back"),
        ("(?<=ab).*", "looks behind"),
        (f"(?:.{{0,10}}){{{LARGEST // 10}}}", "1,000 characters"),
        (r"(?:^|\b|(?=a)|x)" * 18, "hang on"),
        ("(", "no regular expression"),
        ("a" * 301, "301 characters"),
    ],
)
def test_other_patterns_are_refused_with_the_reason(pattern: str, says: str) -> None:
    with pytest.raises(PatternError, match=says):
        compile_pattern(pattern)
