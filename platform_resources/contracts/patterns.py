"""Regular expressions of contracts and rule files, matched by RE2 in time linear in the text.

Python's own engine backtracks, and holds the interpreter while it does: `(a+)+b` tries 2^n ways on a text of n letters.
RE2 is the engine of DuckDB as well, so a contract's pattern means the same to a rule as to the audit of its data. It
looks neither ahead nor behind, and `\\d`, `\\w` and `\\b` know ASCII only (`\\p{L}` is any letter).
"""

from __future__ import annotations

from functools import lru_cache

import re2

LONGEST_PATTERN = 1_000
LONGEST_TEXT = 4_000  # what rules match
LARGEST = 20_000  # instructions: 4,000 characters take 60 ms at worst; the name of a column and a usual pattern 3 us

# The beginning of what RE2 says -> what to write instead.
_INSTEAD = {
    "invalid perl operator": "RE2 looks neither ahead nor behind; deny in another rule or test",
    "invalid escape sequence": r"RE2 refers back to no group and knows no such escape (`\z` is what others write `\Z`)",
    "bad repetition operator": "repeat once (`a+` for `a++`)",
    "invalid repetition size": "its repeats, written out, are more than 1,000; repeat less often",
    "pattern too large": "repeat less often",
}


class PatternError(ValueError):
    """A pattern that is not taken; the message says why and what to write instead."""


class Pattern:
    """A compiled pattern; `.` takes line breaks too. Safe between threads."""

    def __init__(self, compiled: re2._Regexp) -> None:
        self._compiled = compiled

    def matches(self, text: str) -> bool:
        """Whether the whole text is matched."""
        return self._compiled.fullmatch(_bytes(text)) is not None

    def found_in(self, text: str) -> bool:
        """Whether a part of the text is matched: what patterns of contracts ask for."""
        return self._compiled.search(_bytes(text)) is not None


@lru_cache(maxsize=512)  # loading and judging compile the same patterns
def compile_pattern(text: str) -> Pattern:
    """The compiled pattern.

    Raises
    ------
    PatternError
        when it is no pattern of RE2, too long or too large.
    """
    if len(text) > LONGEST_PATTERN:
        raise PatternError(f"it has {len(text):,} characters; {LONGEST_PATTERN:,} are the limit")
    options = re2.Options()
    options.dot_nl = True
    options.never_capture = True
    options.log_errors = False  # they are told to who wrote the pattern
    try:
        compiled = re2.compile(text.encode(), options)
    except UnicodeEncodeError:
        raise PatternError("it holds half a character (a lone surrogate)") from None
    except re2.error as bad:
        said = bad.args[0].decode(errors="replace")
        instead = next((f"; {told}" for start, told in _INSTEAD.items() if said.startswith(start)), "")
        raise PatternError(f"it is no regular expression of RE2 ({said}){instead}") from None
    if compiled.programsize > LARGEST:
        raise PatternError("its repeats, written out, are too many; repeat less often")
    return Pattern(compiled)


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")  # half a character counts as `?`
