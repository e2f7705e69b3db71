"""Regular expressions of rules cost bounded time, or are refused with a way to mend them."""

from __future__ import annotations

import time

import pytest

from platform_resources.governance.patterns import LONGEST_TEXT, PatternError, compile_pattern


@pytest.mark.parametrize(
    "pattern",
    [
        "[a-z][a-z0-9]*(_[a-z0-9]+)*",
        "(?:[a-z0-9]+_)*[a-z]+",
        r"[^@\s]+@[^@\s]+\.[a-z]{2,}",
        r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
        "(is|has|can)_.*",
        r"\d{4}-\d{2}-\d{2}",
        ".*(TODO|tbd).*",
        "(?i:tmp|temp)_.*",
        "(?!tmp_).*",
        "([a-z]+, )*[a-z]+",
        "(ab|cd)+",
        "(a|ab)*c",
        "(-[a-z]+_[a-z]+)*",
    ],
)
def test_honest_patterns_are_taken_and_fast(pattern: str) -> None:
    compiled = compile_pattern(pattern)
    for hostile in ("a" * LONGEST_TEXT, "a_" * (LONGEST_TEXT // 2) + "!", "a@a." * (LONGEST_TEXT // 4) + "!"):
        before = time.process_time()
        compiled.fullmatch(hostile[:LONGEST_TEXT])
        assert time.process_time() - before < 20  # microseconds where it can't explode, hours where it can


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b",
        "(a*)*",
        "(a|a)*b",
        "(_a*a*)*b",
        "(_a?a?)*b",
        "([ab]x|[bc]x)*d",
        "(-(a|ab)b?)*c",
        "([a-z]+[a-z0-9]*)+",
        "(.*,)*x",
        r"(\w+\s?)*!",
        "(a?b?)*c",
        "((a+)_?)+",
    ],
)
def test_exponential_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(PatternError, match="exponential"):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        (".*.*.*=", "cubic"),
        (r"(a+)b\1", "refers back"),
        ("(", "no regular expression"),
        ("a" * 301, "301 characters"),
    ],
)
def test_other_patterns_are_refused_with_the_reason(pattern: str, says: str) -> None:
    with pytest.raises(PatternError, match=says):
        compile_pattern(pattern)
