"""Is a document valid by its JSON schema? Only yes or no, from functions that the schema is compiled to.

`jsonschema` takes 1.1 ms for a contract of 12 columns and 50 ms to import; these functions take a tenth of that and
give the same answer (`tests/contracts/test_schemas.py` compares them). Almost every document is valid: `jsonschema`
is only asked for words about one that is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from platform_resources.contracts.documents import Kind
from platform_resources.contracts.schemas import ANNOTATIONS, SWITCH, prepared_schema, target

Accepts = Callable[[Any], bool]
Known = Callable[[dict[str, Any]], frozenset[str]]  # the keys of a mapping that (a part of) a schema speaks of

_NONE: frozenset[str] = frozenset()
# Beside the annotations: what is read together with another keyword, or says nothing about a value.
_SILENT = ANNOTATIONS | {"$schema", "$id", "$defs", "$comment", "then", "else"}


class _NotCompilableError(Exception):
    """The schema has a keyword that only `jsonschema` knows."""


@cache
def accepts(kind: Kind | Path) -> Accepts | None:
    """The compiled schema of one kind of document, or of a JSON schema's file; None when it can't be compiled."""
    schema = prepared_schema(kind)
    try:
        return _Compiler(schema).accepts(schema)
    except _NotCompilableError:
        return None


def _anything(_value: Any) -> bool:
    return True


def _nothing(_value: Any) -> bool:
    return False


_TYPES: dict[str, Accepts] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: value is True or value is False,
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())
    ),
}


def _same(one: Any, other: Any) -> bool:
    """Equality of JSON, in which `true` is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _unique(values: Sequence[Any]) -> bool:
    if all(isinstance(value, str) for value in values):
        return len(set(values)) == len(values)
    return not any(_same(value, other) for at, value in enumerate(values) for other in values[:at])


def _limit(keyword: str, limit: Any) -> Accepts:
    """The keywords that set a length or a size; each says nothing about values of other types."""
    number = _TYPES["number"]
    match keyword:
        case "minLength":
            return lambda value: not isinstance(value, str) or len(value) >= limit
        case "maxLength":
            return lambda value: not isinstance(value, str) or len(value) <= limit
        case "minItems":
            return lambda value: not isinstance(value, list) or len(value) >= limit
        case "maxItems":
            return lambda value: not isinstance(value, list) or len(value) <= limit
        case "minProperties":
            return lambda value: not isinstance(value, dict) or len(value) >= limit
        case "minimum":
            return lambda value: not number(value) or value >= limit
        case "maximum":
            return lambda value: not number(value) or value <= limit
        case "exclusiveMinimum":
            return lambda value: not number(value) or value > limit
        case "exclusiveMaximum":
            return lambda value: not number(value) or value < limit
        case "uniqueItems":
            return lambda value: not limit or not isinstance(value, list) or _unique(value)
        case "pattern":
            found = re.compile(limit).search
            return lambda value: not isinstance(value, str) or found(value) is not None
        case _:
            raise _NotCompilableError(keyword)


def _all(tests: Sequence[Accepts]) -> Accepts:
    if len(tests) < 2:
        return tests[0] if tests else _anything

    def every(value: Any) -> bool:
        for test in tests:  # noqa: SIM110  (`all` with a generator takes twice as long)
            if not test(value):
                return False
        return True

    return every


class _Compiler:
    """Compiles the parts of one schema; each part that is referred to once."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._referred: dict[str, Accepts] = {}

    def accepts(self, schema: Any) -> Accepts:
        if isinstance(schema, bool):
            return _anything if schema else _nothing
        tests = [
            self._keyword(keyword, argument, schema) for keyword, argument in schema.items() if keyword not in _SILENT
        ]
        return _all(tests)

    def _keyword(self, keyword: str, argument: Any, schema: Mapping[str, Any]) -> Accepts:
        match keyword:
            case "$ref":
                return self._reference(argument)
            case "type":
                kinds = [_TYPES[name] for name in ([argument] if isinstance(argument, str) else argument)]
                return kinds[0] if len(kinds) == 1 else lambda value: any(kind(value) for kind in kinds)
            case "enum" | "const":
                return _one_of([argument] if keyword == "const" else argument)
            case "properties":
                return self._properties(argument)
            case "required":
                keys = frozenset(argument)
                return lambda value: not isinstance(value, dict) or value.keys() >= keys
            case "additionalProperties":
                return self._additional(argument, schema)
            case "unevaluatedProperties" if argument is False:
                return self._only_known(schema)
            case "items" if not isinstance(argument, list):
                item = self.accepts(argument)
                return lambda value: not isinstance(value, list) or all(map(item, value))
            case "allOf":
                return _all([self.accepts(part) for part in argument])
            case "anyOf":
                parts = [self.accepts(part) for part in argument]
                return lambda value: any(part(value) for part in parts)
            case "oneOf":
                choices = [self.accepts(part) for part in argument]
                return lambda value: sum(choice(value) for choice in choices) == 1
            case "not":
                refused = self.accepts(argument)
                return lambda value: not refused(value)
            case "if":
                condition, then, otherwise = (self.accepts(schema.get(key, True)) for key in ("if", "then", "else"))
                return lambda value: then(value) if condition(value) else otherwise(value)
            case _ if keyword == SWITCH:
                return self._switch(argument)
            case _:
                return _limit(keyword, argument)

    def _reference(self, reference: str) -> Accepts:
        if not reference.startswith("#"):
            raise _NotCompilableError(reference)
        if reference not in self._referred:
            self._referred[reference] = lambda value: self._referred[reference](value)  # for what refers to itself
            self._referred[reference] = self.accepts(target(self._root, reference))
        return self._referred[reference]

    def _properties(self, known: Mapping[str, Any]) -> Accepts:
        tests = {key: test for key, part in known.items() if (test := self.accepts(part)) is not _anything}

        def properties(value: Any) -> bool:
            if isinstance(value, dict):
                for key, inner in value.items():
                    test = tests.get(key)
                    if test is not None and not test(inner):
                        return False
            return True

        return properties

    def _additional(self, allowed: Any, schema: Mapping[str, Any]) -> Accepts:
        if "patternProperties" in schema:
            raise _NotCompilableError("patternProperties")
        known = frozenset(schema.get("properties", ()))
        test = self.accepts(allowed)

        def additional(value: Any) -> bool:
            if not isinstance(value, dict) or value.keys() <= known:
                return True
            return all(test(inner) for key, inner in value.items() if key not in known)

        return additional

    def _switch(self, switches: Mapping[str, Mapping[str, Any]]) -> Accepts:
        compiled = [
            (key, {value: self.accepts(part) for value, part in cases.items()}) for key, cases in switches.items()
        ]

        def switch(value: Any) -> bool:
            if isinstance(value, dict):
                for key, cases in compiled:
                    chosen = value.get(key)
                    if isinstance(chosen, str) and chosen in cases and not cases[chosen](value):
                        return False
            return True

        return switch

    def _only_known(self, schema: Mapping[str, Any]) -> Accepts:
        always, sometimes = self._known(schema)

        def only_known(value: Any) -> bool:
            if not isinstance(value, dict) or value.keys() <= always:
                return True
            left = value.keys() - always
            for known in sometimes:
                left -= known(value)
            return not left

        return only_known

    def _known(self, schema: Mapping[str, Any]) -> tuple[frozenset[str], list[Known]]:
        """Keys that a schema speaks of in every case, and functions for those that depend on the value."""
        always = set(schema.get("properties", ()))
        sometimes: list[Known] = []
        certain = [target(self._root, schema["$ref"])] if "$ref" in schema else []
        for part in (*certain, *schema.get("allOf", ())):
            keys, more = self._known(part)
            always |= keys
            sometimes += more
        for key, cases in schema.get(SWITCH, {}).items():
            sometimes.append(self._known_by_case(key, cases))
        for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
            sometimes.append(self._known_if(part, part, False))
        if "if" in schema:
            sometimes.append(self._known_if(schema["if"], schema["if"], False))
            sometimes.append(self._known_if(schema["if"], schema.get("then", True), schema.get("else", True)))
        return frozenset(always), sometimes

    def _known_by_case(self, key: str, cases: Mapping[str, Any]) -> Known:
        by_case = {value: self._known_of(part) for value, part in cases.items()}

        def known(value: dict[str, Any]) -> frozenset[str]:
            chosen = value.get(key)
            return by_case[chosen](value) if isinstance(chosen, str) and chosen in by_case else _NONE

        return known

    def _known_if(self, condition: Any, then: Any, otherwise: Any) -> Known:
        holds, if_true, if_false = self.accepts(condition), self._known_of(then), self._known_of(otherwise)
        return lambda value: if_true(value) if holds(value) else if_false(value)

    def _known_of(self, schema: Any) -> Known:
        if isinstance(schema, bool):
            return lambda _value: _NONE
        always, sometimes = self._known(schema)
        if not sometimes:
            return lambda _value: always
        return lambda value: always.union(*(known(value) for known in sometimes))


def _one_of(allowed: Sequence[Any]) -> Accepts:
    if all(isinstance(value, str) for value in allowed):
        texts = frozenset(allowed)
        return lambda value: isinstance(value, str) and value in texts
    return lambda value: any(_same(value, one) for one in allowed)
