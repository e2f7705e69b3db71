"""Regular expressions of rule files, matched in time linear in the text.

Python's own engine backtracks, and holds the interpreter while it does: `(a+)+b` tries 2^n ways on a text of n letters,
`(?:.?){50}Z` as well. Here a pattern becomes one set of positions (Glushkov's automaton), and a text is read once, from
its end: after each character it is known from which positions the rest of the text is matched. That tells alternatives,
repeats and looks ahead alike, whatever they nest, and is the same set for the same end of a text, so it is kept. A text
of n characters costs at most n times the positions of the pattern: 4,000 characters and 1,000 positions 1 s, the name
of a column 1.5 microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from re import _constants as ops  # the parse tree of a pattern has no public door
from re import _parser as parser
from typing import Any

LONGEST_PATTERN = 300
LONGEST_TEXT = 4_000
LARGEST = 1_000  # positions: characters of a pattern with its repeats written out
_MOST_CONDITIONS = 4_000  # ways from one position to the next that hang on `^`, `\b` or a look ahead
_KEPT = 2_000  # steps, of 0.5 KB each

_SINGLE = (ops.LITERAL, ops.NOT_LITERAL, ops.IN, ops.ANY)
_END, _ANYWHERE = 1, 2  # the two positions that take no character: the text's end, and what always holds
_FIRST = 2  # number of the first position that does
_OF_CLASSES = re.IGNORECASE | re.ASCII | re.DOTALL

# Where a match can go on: conditions that must hold here (as bits) -> positions (as bits).
Following = Mapping[int, int]


class PatternError(ValueError):
    """A pattern that is not taken; the message says why and what to write instead."""


@lru_cache(maxsize=512)  # loading and judging compile the same rules
def compile_pattern(text: str) -> Pattern:
    """The compiled pattern, to be used on whole values; `.` takes line breaks too.

    Raises
    ------
    PatternError
        when it is no pattern, is too long or too large, or asks for what can't be told in linear time.
    """
    if len(text) > LONGEST_PATTERN:
        raise PatternError(f"it has {len(text)} characters; {LONGEST_PATTERN} are the limit")
    try:
        tree = parser.parse(text, re.DOTALL)
        if _size(tree) > LARGEST:
            raise PatternError(
                f"its repeats, written out, have more than {LARGEST:,} characters; repeat less often"
                " (`longerThan` asks for a length)"
            )
        return Pattern(tree)
    except re.error as bad:
        raise PatternError(f"it is no regular expression ({bad.msg}, at character {(bad.pos or 0) + 1})") from None
    except (OverflowError, RecursionError):
        raise PatternError("it is nested or repeated too far") from None


class Pattern:
    """A pattern as positions, each with what may follow it. Safe between threads."""

    def __init__(self, tree: Any) -> None:
        built = _Builder()
        self._start = built.sequence(tree, {0: _END}, tree.state.flags)
        self._follow, self._conditions, self._classes = built.follow, built.conditions, built.classes
        if sum(map(len, built.follow)) > _MOST_CONDITIONS:
            raise _too_conditional()
        self._plain = [] if self._conditions else [follow.get(0, 0) for follow in built.follow]
        self._taking: dict[frozenset[re.Pattern[str]], tuple[tuple[int, int], ...]] = {}
        self._kept: dict[int, _Read] = {}
        self._steps = 0
        self._at_end = _Read(self, _END | _ANYWHERE)

    def matches(self, text: str) -> bool:
        """Whether the whole text is matched."""
        read = self._at_end
        for character in reversed(text):
            read = read[character]
        if read.whole is None:
            read.whole = _holds(self._start, read.positions, self._true(read.positions, None))
        return read.whole

    def before(self, positions: int, character: str) -> _Read:
        """What matches the rest of a text that begins one character earlier."""
        found = _ANYWHERE
        if self._conditions:
            true = self._true(positions, character)
            for number, bit in self._takers(character):
                if _holds(self._follow[number], positions, true):
                    found |= bit
        else:  # the same, four times as fast
            plain = self._plain
            for number, bit in self._takers(character):
                if plain[number] & positions:
                    found |= bit
        self._steps += 1
        if self._steps > _KEPT:
            self._steps, self._kept, self._taking = 0, {}, {}
            self._at_end = _Read(self, _END | _ANYWHERE)
        return self._kept.setdefault(found, _Read(self, found))

    def _takers(self, character: str) -> tuple[tuple[int, int], ...]:
        """The positions that take a character: number and bit."""
        taking = frozenset(test for test in self._classes if test.fullmatch(character))
        known = self._taking.get(taking)
        if known is None:
            numbers = sorted(number for test in taking for number in self._classes[test])
            known = self._taking[taking] = tuple((number, 1 << (_FIRST + number)) for number in numbers)
        return known

    def _true(self, positions: int, previous: str | None) -> int:
        """The conditions that hold between `previous` (None: nothing stands before) and a rest; inner ones first."""
        true = 0
        for number, (before, rest, negated) in enumerate(self._conditions):
            here = previous is not None and before is not None and before.fullmatch(previous) is not None
            ahead = rest is not None and _holds(rest, positions, true)
            if before is None and rest is None:  # where the text begins
                here = previous is None
            if (here != ahead) != negated:
                true |= 1 << number
        return true


class _Read(dict[str, "_Read"]):
    """Positions from which the end of a text, as far as it was read, is matched; by the character before it, the next.

    A look-up costs 30 ns; what was never read is worked out once.
    """

    __slots__ = ("pattern", "positions", "whole")

    def __init__(self, pattern: Pattern, positions: int) -> None:
        super().__init__()
        self.pattern, self.positions = pattern, positions
        self.whole: bool | None = None  # whether this is all of the text, and matched

    def __missing__(self, character: str) -> _Read:
        found = self[character] = self.pattern.before(self.positions, character)
        return found


class _Builder:
    """Builds the positions from the end of a pattern to its start."""

    def __init__(self) -> None:
        self.follow: list[Following] = []  # of each position that takes a character
        self.classes: dict[re.Pattern[str], list[int]] = {}  # what takes a character -> its positions
        # (what the character before must be, what the rest must match, whether that is denied): true when just one
        # of the two holds, so that `\b` needs no third kind. Neither: where the text begins.
        self.conditions: list[tuple[re.Pattern[str] | None, Following | None, bool]] = []
        self._loops = 0

    def sequence(self, elements: Any, after: Following, flags: int) -> Following:
        for op, argument in reversed(list(elements)):
            after = self._element(op, argument, after, flags)
        return after

    def _element(self, op: Any, argument: Any, after: Following, flags: int) -> Following:
        if op in _SINGLE:
            return self._position(_class(op, argument, flags), after)
        if op is ops.SUBPATTERN:
            _, added, removed, inner = argument
            return self.sequence(inner, after, (flags | added) & ~removed)
        if op is ops.BRANCH:
            return _either(*(self.sequence(branch, after, flags) for branch in argument[1]))
        if op in (ops.MAX_REPEAT, ops.MIN_REPEAT):
            return self._repeat(*argument, after, flags)
        if op is ops.AT:
            return self._at(argument, after, flags)
        if op in (ops.ASSERT, ops.ASSERT_NOT):
            return self._look(*argument, op is ops.ASSERT_NOT, after, flags)
        if op is ops.FAILURE:
            return {}
        if op in (ops.GROUPREF, ops.GROUPREF_EXISTS):
            raise PatternError("it refers back to a group; write the alternatives out")
        raise PatternError("a part of it gives nothing back (`a++`, `(?>...)`); write it without")

    def _position(self, takes: re.Pattern[str], after: Following) -> Following:
        bit = 1 << (_FIRST + len(self.follow))
        self.follow.append(after)
        self.classes.setdefault(takes, []).append(len(self.follow) - 1)
        return {0: bit}

    def _repeat(self, least: int, most: Any, inner: Any, after: Following, flags: int) -> Following:
        found = after
        if most is ops.MAXREPEAT:
            found = self._loop(inner, after, flags)
        else:
            for _ in range(most - least):
                found = _either(after, self.sequence(inner, found, flags))
        for _ in range(least):
            found = self.sequence(inner, found, flags)
        return found

    def _loop(self, inner: Any, after: Following, flags: int) -> Following:
        """Any number of times: what follows the end of `inner` is its start, or what comes after."""
        self._loops += 1
        again = 1 << (_FIRST + 2 * LARGEST + self._loops)  # stands for that until the start is known
        first = len(self.follow)
        entered = self.sequence(inner, {0: again}, flags)
        start = _either(after, {needs: mask for needs, found in entered.items() if (mask := found & ~again)})
        for number in range(first, len(self.follow)):
            follow = self.follow[number]
            if any(positions & again for positions in follow.values()):
                plain = {needs: mask for needs, found in follow.items() if (mask := found & ~again)}
                back = [_given(needs, start) for needs, found in follow.items() if found & again]
                self.follow[number] = _either(plain, *back)
        return start

    def _at(self, where: Any, after: Following, flags: int) -> Following:
        if where in (ops.AT_BEGINNING, ops.AT_BEGINNING_STRING):
            begins = self._condition(None, None)
            found = _given(begins, after)
            if where is ops.AT_BEGINNING and flags & re.MULTILINE:
                return _either(found, _given(self._condition(_test("\n", 0), None), after))
            return found
        if where in (ops.AT_END, ops.AT_END_STRING):
            rest: Following = {0: _END}
            if where is ops.AT_END:  # before a last line break too
                line = {0: _ANYWHERE} if flags & re.MULTILINE else rest
                rest = _either(rest, self._position(_test("\n", 0), line))
            return _given(self._condition(None, rest), after)
        word = _test(r"\w", flags & re.ASCII)
        rest = self._position(word, {0: _ANYWHERE})
        return _given(self._condition(word, rest, where is ops.AT_NON_BOUNDARY), after)

    def _look(self, direction: int, inner: Any, denied: bool, after: Following, flags: int) -> Following:
        if direction > 0:
            return _given(self._condition(None, self.sequence(inner, {0: _ANYWHERE}, flags), denied), after)
        only = list(inner)
        if len(only) != 1 or only[0][0] not in _SINGLE:
            raise PatternError("it looks behind by more than one character; write what comes before out")
        return _given(self._condition(_class(*only[0], flags), None, denied), after)

    def _condition(self, before: re.Pattern[str] | None, rest: Following | None, denied: bool = False) -> int:
        self.conditions.append((before, rest, denied))
        return 1 << (len(self.conditions) - 1)


def _holds(following: Following, positions: int, true: int) -> bool:
    return any(found & positions and needs & true == needs for needs, found in following.items())


def _either(*all_of: Following) -> Following:
    found: dict[int, int] = {}
    for following in all_of:
        for needs, positions in following.items():
            found[needs] = found.get(needs, 0) | positions
    if len(found) > _MOST_CONDITIONS // 50:
        raise _too_conditional()
    return found


def _given(condition: int, following: Following) -> Following:
    """The same where a condition holds."""
    return _either(*({needs | condition: positions} for needs, positions in following.items()))


def _too_conditional() -> PatternError:
    return PatternError("too many ways through it hang on `^`, `$`, `\\b` or a look ahead; use fewer of them")


def _size(sequence: Any) -> int:
    """How many elements it has with its repeats written out."""
    size = 0
    for op, argument in sequence:
        if op in (ops.MAX_REPEAT, ops.MIN_REPEAT):
            least, most, inner = argument
            size += 1 + _size(inner) * (least + 1 if most is ops.MAXREPEAT else most)
        elif op is ops.SUBPATTERN:
            size += 1 + _size(argument[3])
        elif op is ops.BRANCH:
            size += 1 + sum(map(_size, argument[1]))
        elif op in (ops.ASSERT, ops.ASSERT_NOT):
            size += 1 + _size(argument[1])
        else:
            size += 1
    return size


def _class(op: Any, argument: Any, flags: int) -> re.Pattern[str]:
    """What takes the one character of an element, written anew from its parse tree."""
    if op is ops.ANY:
        return _test(".", flags & _OF_CLASSES)
    if op is not ops.IN:
        return _test(f"[{'^' if op is ops.NOT_LITERAL else ''}{_escaped(argument)}]", flags & _OF_CLASSES)
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
    return _test(f"[{text}]", flags & _OF_CLASSES)


@lru_cache(maxsize=1_024)  # rules share a handful of classes
def _test(text: str, flags: int) -> re.Pattern[str]:
    return re.compile(text, flags)


_CATEGORIES = {
    ops.CATEGORY_DIGIT: r"\d", ops.CATEGORY_NOT_DIGIT: r"\D", ops.CATEGORY_SPACE: r"\s",
    ops.CATEGORY_NOT_SPACE: r"\S", ops.CATEGORY_WORD: r"\w", ops.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip


def _escaped(code: int) -> str:
    return f"\\U{code:08x}"
