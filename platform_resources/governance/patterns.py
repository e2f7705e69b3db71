"""Regular expressions of rule files, held to those whose cost is bounded.

Python's engine backtracks: `(a+)+b` tries 2^n ways on a text of n letters. A pattern is therefore taken only when no
repeated part can be split in more than one way, and a text of more than `LONGEST_TEXT` characters is not looked at.
What is left is at worst quadratic: 4,000 characters take 30 ms.
"""

from __future__ import annotations

import re
from functools import lru_cache
from re import _constants as ops  # the parse tree of a pattern has no public door
from re import _parser as parser
from typing import Any

LONGEST_PATTERN = 300
LONGEST_TEXT = 4_000
_MANY = 50  # more repetitions than this count as unbounded

_REPEATS = (ops.MAX_REPEAT, ops.MIN_REPEAT)
_SINGLE = (ops.LITERAL, ops.NOT_LITERAL, ops.IN, ops.ANY)
# Stand-ins for all that is no ASCII: enough to tell whether two sets of characters overlap.
_ALPHABET = "".join(map(chr, range(128))) + "éλж漢🙂\u00a0\u0660"


class PatternError(ValueError):
    """A pattern that is not taken; the message says why and what to write instead."""


@lru_cache(maxsize=1_024)  # loading and judging compile the same rules
def compile_pattern(text: str) -> re.Pattern[str]:
    """The compiled pattern, to be used on whole values; `.` takes line breaks too.

    Raises
    ------
    PatternError
        when it is no pattern, is too long, refers back to a group, or could cost exponential time.
    """
    if len(text) > LONGEST_PATTERN:
        raise PatternError(f"it has {len(text)} characters; {LONGEST_PATTERN} are the limit")
    try:
        tree = parser.parse(text, re.DOTALL)
        compiled = re.compile(text, re.DOTALL)
    except re.error as bad:
        raise PatternError(f"it is no regular expression ({bad.msg}, at character {(bad.pos or 0) + 1})") from None
    except (OverflowError, RecursionError):
        raise PatternError("it is nested or repeated too far") from None
    _check(tree)
    if _overlapping_repeats(tree) > 2:
        raise PatternError(
            "three repeats in a row can share the same text, which costs cubic time; put a character between them"
            " that they don't take"
        )
    return compiled


def _check(sequence: Any) -> None:
    """Refuse references and ambiguous repeats, at any depth."""
    for op, argument in sequence:
        if op in (ops.GROUPREF, ops.GROUPREF_EXISTS):
            raise PatternError("it refers back to a group; write the alternatives out")
        inner = _inside(op, argument)
        loose = op in _REPEATS and argument[1] > _MANY and _varies(inner[0])
        if loose and (_ambiguous(inner[0]) or not _delimited(inner[0])):
            raise PatternError(
                "a repeated part repeats something itself, which can cost exponential time; begin that part with a"
                " character that stands nowhere else in it, as in `[a-z]+(_[a-z]+)*`"
            )
        for part in inner:
            _check(part)


def _inside(op: Any, argument: Any) -> list[Any]:
    """The sequences within one element."""
    if op in _REPEATS or op is ops.POSSESSIVE_REPEAT:
        return [argument[2]]
    if op is ops.SUBPATTERN:
        return [argument[3]]
    if op is ops.BRANCH:
        return list(argument[1])
    if op in (ops.ASSERT, ops.ASSERT_NOT):
        return [argument[1]]
    return [argument] if op is ops.ATOMIC_GROUP else []


def _varies(sequence: Any) -> bool:
    """Whether it can take a text in more than one way, or texts of more than one length."""
    for op, argument in sequence:
        if op in (*_REPEATS, ops.POSSESSIVE_REPEAT) and argument[0] != argument[1]:
            return True
        if op is ops.BRANCH and not _distinct(argument[1]):
            return True
        if any(_varies(part) for part in _inside(op, argument)):
            return True
    return False


def _distinct(branches: Any) -> bool:
    """Whether the first character says which alternative it is."""
    firsts = [_characters(*branch[0]) if len(branch) else None for branch in branches]
    known = [first for first in firsts if first is not None]
    return len(known) == len(firsts) and sum(map(len, known)) == len(frozenset().union(*known))


def _ambiguous(sequence: Any) -> bool:
    """Whether it could take one text in two ways; in doubt, yes."""
    flat = _flat(sequence)
    for at, (op, argument) in enumerate(flat):
        inner = _inside(op, argument)
        if any(map(_ambiguous, inner)):
            return True
        if op is ops.BRANCH:
            written = [branch for branch in argument[1] if len(branch)]
            if len(argument[1]) - len(written) > 1 or not _distinct(written):
                return True
        if op in _REPEATS and argument[0] != argument[1] and _varies(argument[2]) and not _delimited(argument[2]):
            return True
        if _varies([(op, argument)]) and _shares_what_follows(_taken([(op, argument)]), flat[at + 1 :]):
            return True
    return False


def _shares_what_follows(taken: frozenset[str], following: Any) -> bool:
    """Whether something takes one of these characters before a character comes that isn't one of them."""
    for element in following:
        if taken & _taken([element]):
            return True
        if element[0] in _SINGLE:
            return False
    return False


def _delimited(sequence: Any) -> bool:
    """Whether it begins, or ends, with one character that nothing else in it takes: then it splits in one way only."""
    flat = list(sequence)
    while len(flat) == 1 and flat[0][0] is ops.SUBPATTERN:
        flat = list(flat[0][1][3])
    for mark, others in ((flat[:1], flat[1:]), (flat[-1:], flat[:-1])):
        if mark and mark[0][0] in _SINGLE:
            edge = _characters(*mark[0])
            if edge is not None and not edge & _taken(others):
                return True
    return False


def _taken(sequence: Any) -> frozenset[str]:
    """Every character that some element takes."""
    found: frozenset[str] = frozenset()
    for op, argument in sequence:
        found |= _characters(op, argument) or frozenset()
        for part in _inside(op, argument):
            found |= _taken(part)
    return found


def _characters(op: Any, argument: Any) -> frozenset[str] | None:
    """What an element of one character takes, out of the alphabet; None for any other element."""
    if op not in _SINGLE:
        return None
    if op is ops.LITERAL:
        return frozenset(chr(argument))
    return _members(_class_text(op, argument))


@lru_cache(maxsize=1_024)  # rules share a handful of classes, and each is asked for several times
def _members(text: str) -> frozenset[str]:
    """The letters of the alphabet that a class takes."""
    return frozenset(re.findall(text, _ALPHABET, re.DOTALL))


def _class_text(op: Any, argument: Any) -> str:
    """A pattern for one element, written anew from its parse tree."""
    if op is ops.ANY:
        return "."
    if op is not ops.IN:
        return f"[{'^' if op is ops.NOT_LITERAL else ''}{_escaped(argument)}]"
    text = ""
    for kind, value in argument:
        if kind is ops.NEGATE:
            text = "^" + text
        elif kind is ops.LITERAL:
            text += _escaped(value)
        elif kind is ops.RANGE:
            text += f"{_escaped(value[0])}-{_escaped(value[1])}"
        else:
            text += _CATEGORIES[value]
    return f"[{text}]"


_CATEGORIES = {
    ops.CATEGORY_DIGIT: r"\d", ops.CATEGORY_NOT_DIGIT: r"\D", ops.CATEGORY_SPACE: r"\s",
    ops.CATEGORY_NOT_SPACE: r"\S", ops.CATEGORY_WORD: r"\w", ops.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip


def _escaped(code: int) -> str:
    return f"\\U{code:08x}"


def _overlapping_repeats(sequence: Any) -> int:
    """The largest number of unbounded repeats, one after the other, that could share one stretch of text."""
    most, run, shared = 0, 0, frozenset[str]()
    for op, argument in _flat(sequence):
        repeated = op in _REPEATS and argument[1] > _MANY
        taken = _taken([(op, argument)])
        if repeated:
            run, shared = (run + 1, shared & taken) if shared & taken else (1, taken)
            most = max(most, run)
        elif op in _SINGLE and not taken & shared:
            run, shared = 0, frozenset()
        most = max([most, *map(_overlapping_repeats, _inside(op, argument))])
    return most


def _flat(sequence: Any) -> list[Any]:
    """The elements of a sequence, with those of plain groups in their place."""
    found: list[Any] = []
    for op, argument in sequence:
        found += _flat(argument[3]) if op is ops.SUBPATTERN else [(op, argument)]
    return found
