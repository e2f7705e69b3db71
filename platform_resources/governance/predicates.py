"""`where` and `require` of a rule -> one fast function of a subject.

A predicate is compiled once and called for every column of the mesh, so whatever can be decided from the rule alone is
decided here; a test of a plain field costs 0.2 microseconds. What is missing fulfils no test but the negative ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from platform_resources.contracts.findings import shown
from platform_resources.contracts.patterns import LONGEST_TEXT, PatternError, compile_pattern
from platform_resources.contracts.reading import KeyPath
from platform_resources.governance.facts import Need
from platform_resources.governance.fields import (
    FieldError,
    FieldPath,
    Getter,
    check_field,
    getter,
    needs_of,
    parse_field,
)
from platform_resources.governance.model import Council
from platform_resources.governance.model import Subject as Kind
from platform_resources.governance.subjects import Subject
from platform_resources.governance.values import (
    at_least,
    at_most,
    contains,
    day,
    longer,
    magnitude,
    one_of,
    same,
    there,
)

Predicate = Callable[[Subject], bool]
ValueTest = Callable[[Any, Subject], bool]  # of the field's value (None: missing) and the subject

COMBINED = ("all", "any", "none")
CATALOGUES = ("classifications", "tiers", "semanticTypes")
# Test -> what its argument must be, for messages.
TESTS: Mapping[str, str] = {
    "exists": "true or false",
    "is": "a text, a number, true or false, or {field: <path>}",
    "isNot": "a text, a number, true or false, or {field: <path>}",
    "in": "a list of values, or {field: <path>}",
    "notIn": "a list of values, or {field: <path>}",
    "matches": "a regular expression",
    "notMatches": "a regular expression",
    "contains": "a text, a number, true or false, or {field: <path>}",
    "atLeast": "a number, an ISO 8601 duration such as PT1H, a date, or {field: <path>}",
    "atMost": "a number, an ISO 8601 duration such as PT1H, a date, or {field: <path>}",
    "longerThan": "a whole number",
    "known": "classifications, tiers or semanticTypes",
    "each": "a predicate",
    "some": "a predicate",
    "after": "today, a date such as 2026-01-31, or {field: <path>}",
    "before": "today, a date such as 2026-01-31, or {field: <path>}",
}
_MOST_DEPTH = 8
_MOST_ROOTED = 2  # lists of a whole table or contract within each other: 100 columns of 100 columns of 100 columns


@dataclass(frozen=True)
class Flaw:
    """What is wrong within a predicate, at a key path relative to it."""

    path: KeyPath
    code: str
    message: str
    remedy: str


@dataclass
class Compiler:
    """Compiles the predicates of one rule; what is wrong with them is collected in `flaws`, not raised."""

    kind: Kind
    council: Council | None = None  # without one, nothing is looked up in its catalogues
    flaws: list[Flaw] = field(default_factory=list)
    needs: set[Need] = field(default_factory=set)  # what must surround a subject for its fields to be looked up
    _entries: int = 0  # how deep within `each` and `some`, where a path begins at the entry
    _rooted: int = 0  # how many of these go over a list that begins at a root, and so is as long every time

    def compile(self, predicate: Any, path: KeyPath = ()) -> Predicate:
        """The function that `predicate` writes; where it has flaws, one that always holds."""
        if not isinstance(predicate, dict) or not predicate:
            return self._flaw(
                path, "predicate", "A predicate is a mapping.", "Write for example {field: description, exists: true}."
            )
        if len(path) > 4 * _MOST_DEPTH:
            return self._flaw(path, "predicate", "This predicate is nested too deep.", "Split the rule in two.")
        combined = [key for key in predicate if key in COMBINED]
        if combined and len(predicate) > 1:
            key = next(key for key in predicate if key != combined[0])
            return self._flaw(
                (*path, key), "predicate", f"{shown(key)} stands beside {shown(combined[0])}.",
                f"Put everything into `all: [...]`, with `{combined[0]}` as one of its entries.",
            )  # fmt: skip
        if combined:
            return self._combined(combined[0], predicate[combined[0]], (*path, combined[0]))
        return self._tests(predicate, path)

    def field(self, text: Any, path: KeyPath) -> FieldPath | None:
        """The field path `text`; None, with a flaw, when there can be no such field."""
        if not isinstance(text, str):
            self._flaw(path, "field", "A field is a text.", "Write a path such as `custom.mask.strategy`.")
            return None
        try:
            parsed = parse_field(text)
            if parsed.root or (self._entries == 0 and parsed.steps):
                check_field(parsed, self.kind, self.council)
            elif self._entries == 0:
                raise FieldError("`.` is an entry of a list.", "Use it within `each` or `some`.")
        except FieldError as bad:
            self._flaw(path, "field", bad.message, bad.remedy)
            return None
        self.needs |= needs_of(parsed)
        return parsed

    def _combined(self, key: str, parts: Any, path: KeyPath) -> Predicate:
        if not isinstance(parts, list) or not parts:
            return self._flaw(
                path, "predicate", f"`{key}` needs a list of predicates.", f"Write `{key}: [{{...}}, {{...}}]`."
            )
        compiled = tuple(self.compile(part, (*path, index)) for index, part in enumerate(parts))
        match key:
            case "all":
                return _all(compiled)
            case "any":
                return _any(compiled)
            case _:
                found = _any(compiled)
                return lambda subject: not found(subject)

    def _tests(self, predicate: Mapping[str, Any], path: KeyPath) -> Predicate:
        tests = {key: argument for key, argument in predicate.items() if key != "field"}
        for key in tests:
            if key not in TESTS:
                close = get_close_matches(str(key), [*TESTS, *COMBINED, "field"], 1, 0.6)
                remedy = f"Did you mean `{close[0]}`?" if close else f"There are {', '.join(TESTS)}."
                return self._flaw((*path, key), "test", f"There is no test {shown(key)}.", remedy)
        if "field" not in predicate:
            return self._flaw(path, "predicate", "The predicate says no `field`.", "Add `field: <path>`.")
        parsed = self.field(predicate["field"], (*path, "field"))
        if not tests:
            return self._flaw(
                path, "predicate", "Nothing is asked of the field.", "Add a test, such as `exists: true`."
            )
        rooted = parsed is not None and parsed.root != ""
        self._rooted += rooted
        compiled = [self._test(key, argument, (*path, key)) for key, argument in tests.items()]
        self._rooted -= rooted
        return _always if parsed is None else _fused(getter(parsed), predicate["field"], tests, compiled)

    def _test(self, test: str, argument: Any, path: KeyPath) -> ValueTest:
        if isinstance(argument, dict) and argument.keys() == {"field"} and test in _COMPARED:
            parsed = self.field(argument["field"], (*path, "field"))
            return _always_value if parsed is None else _compared(_COMPARED[test], getter(parsed))
        match test:
            case "exists" if isinstance(argument, bool):
                return (lambda value, _: there(value)) if argument else (lambda value, _: not there(value))
            case "is" | "isNot" | "contains" if isinstance(argument, str | int | float):
                compare = _COMPARED[test]
                return lambda value, subject: compare(value, argument, subject)
            case "in" | "notIn" if isinstance(argument, list) and argument and not any(map(_nested, argument)):
                return _listed(argument, wanted=test == "in")
            case "matches" | "notMatches" if isinstance(argument, str):
                return self._pattern(argument, path, wanted=test == "matches")
            case "atLeast" | "atMost" if magnitude(argument) is not None:
                compare = _COMPARED[test]
                return lambda value, subject: compare(value, argument, subject)
            case "longerThan" if isinstance(argument, int) and not isinstance(argument, bool) and argument >= 0:
                return lambda value, _: longer(value, argument)
            case "known" if argument in CATALOGUES:
                return self._known(argument)
            case "each" | "some":
                return self._entries_test(test, argument, path)
            case "after" | "before" if argument == "today" or day(argument) is not None:
                compare = _COMPARED[test]
                return lambda value, subject: compare(value, argument, subject)
        self._flaw(
            path, "argument", f"{shown(test)} can't be asked with {shown(argument)}.", f"It takes {TESTS[test]}."
        )
        return _always_value

    def _pattern(self, text: str, path: KeyPath, *, wanted: bool) -> ValueTest:
        try:
            matched = compile_pattern(text).matches
        except PatternError as bad:
            self._flaw(path, "pattern", f"{shown(text)} can't be used: {bad}.", "Mend the pattern.")
            return _always_value
        if wanted:
            return lambda value, _: isinstance(value, str) and len(value) <= LONGEST_TEXT and matched(value)
        return lambda value, _: not isinstance(value, str) or (len(value) <= LONGEST_TEXT and not matched(value))

    def _known(self, catalogue: str) -> ValueTest:
        council = self.council or Council(None)
        entries: Mapping[str, Any] = {
            "classifications": council.classifications,
            "tiers": council.tiers,
            "semanticTypes": council.semantic_types,
        }[catalogue]
        names = frozenset(entries)
        return lambda value, _: isinstance(value, str) and value in names

    def _entries_test(self, test: str, argument: Any, path: KeyPath) -> ValueTest:
        if self._rooted > _MOST_ROOTED:
            self._flaw(
                path, "predicate", f"More than {_MOST_ROOTED} lists that begin with `$` stand within each other.",
                "Apply the rule to `table` or `column`, so that it goes over less.",
            )  # fmt: skip
            return _always_value
        self._entries += 1
        holds = self.compile(argument, path)
        self._entries -= 1
        if test == "each":
            return lambda value, subject: all(holds(subject.entry(entry)) for entry in _entries(value))
        return lambda value, subject: any(holds(subject.entry(entry)) for entry in _entries(value))

    def _flaw(self, path: KeyPath, code: str, message: str, remedy: str) -> Predicate:
        self.flaws.append(Flaw(path, code, message, remedy))
        return _always


def fields_of(predicate: Any) -> list[str]:
    """The fields that a predicate names, outside of `each` and `some`, in its order."""
    if not isinstance(predicate, dict):
        return []
    found = [predicate["field"]] if isinstance(predicate.get("field"), str) else []
    for key in COMBINED:
        parts = predicate.get(key)
        for part in parts if isinstance(parts, list) else ():
            found += fields_of(part)
    return found


def _after(value: Any, limit: Any, subject: Subject) -> bool:
    one, other = day(value), subject.around.world.today if limit == "today" else day(limit)
    return one is not None and other is not None and one > other


def _before(value: Any, limit: Any, subject: Subject) -> bool:
    one, other = day(value), subject.around.world.today if limit == "today" else day(limit)
    return one is not None and other is not None and one < other


# Tests whose argument may be another field: (value, argument, subject) -> holds.
_COMPARED: Mapping[str, Callable[[Any, Any, Subject], bool]] = {
    "is": lambda value, argument, _: same(value, argument),
    "isNot": lambda value, argument, _: not same(value, argument),
    "in": lambda value, argument, _: one_of(value, argument),
    "notIn": lambda value, argument, _: not one_of(value, argument),
    "contains": lambda value, argument, _: contains(value, argument),
    "atLeast": lambda value, argument, _: at_least(value, argument),
    "atMost": lambda value, argument, _: at_most(value, argument),
    "after": _after,
    "before": _before,
}


def _compared(compare: Callable[[Any, Any, Subject], bool], argument: Getter) -> ValueTest:
    """A test against another field, which holds where that field is missing: there is nothing to compare with."""

    def test(value: Any, subject: Subject) -> bool:
        other = argument(subject)
        return other is None or compare(value, other, subject)

    return test


def _listed(allowed: list[Any], *, wanted: bool) -> ValueTest:
    if all(isinstance(entry, str) for entry in allowed):
        words = frozenset(allowed)
        if wanted:
            return lambda value, _: isinstance(value, str) and value in words
        return lambda value, _: not isinstance(value, str) or value not in words
    return lambda value, _: one_of(value, allowed) is wanted


def _fused(get: Getter, name: str, tests: Mapping[str, Any], compiled: list[ValueTest]) -> Predicate:
    """One function for the field and its tests; the commonest are spared a call or two."""
    if len(compiled) > 1:
        several = tuple(compiled)

        def holds(subject: Subject) -> bool:
            value = get(subject)
            return all(test(value, subject) for test in several)

        return holds
    ((test, argument),) = tests.items()
    if test == "is" and isinstance(argument, str):
        if name.isidentifier():
            return lambda subject: subject.data.get(name) == argument
        return lambda subject: get(subject) == argument
    if test == "exists" and argument is True and name.isidentifier():
        return lambda subject: there(subject.data.get(name))
    only = compiled[0]
    return lambda subject: only(get(subject), subject)


def _all(parts: tuple[Predicate, ...]) -> Predicate:
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        first, second = parts
        return lambda subject: first(subject) and second(subject)
    return lambda subject: all(part(subject) for part in parts)


def _any(parts: tuple[Predicate, ...]) -> Predicate:
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        first, second = parts
        return lambda subject: first(subject) or second(subject)
    return lambda subject: any(part(subject) for part in parts)


def _entries(value: Any) -> list[Any]:
    """What `each` and `some` go over: a list; nothing for what is missing; else the one value."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _nested(value: Any) -> bool:
    return isinstance(value, list | dict) or value is None


def _always(_: Subject) -> bool:
    return True


def _always_value(_: Any, __: Subject) -> bool:
    return True
