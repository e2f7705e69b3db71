"""Documents made from a JSON schema, in all its branches: for properties that must hold for any of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import assume, reject
from hypothesis import strategies as st
from jsonschema import Draft201909Validator

# Texts that writers and readers of YAML stumble over, among others.
TRICKY = [
    *("NO", "on", "null", "~", "1.0", "1_000", "0x1F", "2024-01-31", "12:30", "=", "v1", "<<", "?", "", " a ", "é"),
    *("- a", "a: b", "a #b", "#b", "{a}", "[", "'", '"', "*a", "&a", "!a", "%a", "@a", "`a"),
]
PLAIN = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), max_size=12)
TEXTS = st.sampled_from(["a", "name", "tbl.a", *TRICKY]) | PLAIN
NAMES = st.sampled_from(["a", "b", "tbl", "col_1", "Name", "x-y"])
NUMBERS = st.integers(-(10**12), 10**12) | st.floats(allow_nan=False, allow_infinity=False, width=32)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2))

Schema = dict[str, Any]
_DEEPEST = 20  # objects within objects


class Maker:
    """Draws values of one schema. What contradicts another part of it is taken out by `prune` afterwards."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self.validator = Draft201909Validator(root)

    @st.composite
    @staticmethod
    def documents(draw: st.DrawFn, maker: Maker, **fixed: Any) -> Any:
        """Valid documents with some keys set to `fixed` values."""
        document = maker.value(draw, maker.root, 0)
        document |= copy.deepcopy(fixed)
        assume(maker.prune(document))
        assume(all(document.get(key) == value for key, value in fixed.items()))
        return document

    def prune(self, document: Any) -> bool:
        """Delete what the official validator refuses until it refuses nothing; False when that can't be reached."""
        for _ in range(12):
            error = next(self.validator.iter_errors(document), None)
            if error is None:
                return True
            path = list(_deepest(error).absolute_path)
            if not path:
                return False
            holder = document
            for step in path[:-1]:
                holder = holder[step]
            del holder[path[-1]]
        return False

    def value(self, draw: st.DrawFn, schema: Any, depth: int) -> Any:
        parts = list(self.parts(draw, schema))
        for part in parts:
            if "enum" in part or "const" in part:
                return draw(st.sampled_from(part.get("enum", [part.get("const")])))
        kinds = [part["type"] for part in parts if "type" in part]
        kind = kinds[0] if kinds else "object" if any("properties" in part for part in parts) else "any"
        if isinstance(kind, list):
            kind = draw(st.sampled_from(kind))
        match kind:
            case "object":
                return self.mapping(draw, parts, depth)
            case "array":
                return self.entries(draw, parts, depth)
            case "string":
                return self.text(draw, parts)
            case "boolean":
                return draw(st.booleans())
            case "null":
                return None
            case "integer":
                return draw(st.integers(0, 40))
            case "number":
                return draw(NUMBERS)
            case _:
                return draw(ANYTHING)

    def parts(self, draw: st.DrawFn, schema: Any) -> Iterator[Schema]:
        """The schema itself, what it refers to, and one alternative of each choice."""
        if not isinstance(schema, dict):
            return
        yield schema
        if "$ref" in schema:
            yield from self.parts(draw, self.target(schema["$ref"]))
        for part in schema.get("allOf", ()):
            yield from self.parts(draw, part)
        for key in ("oneOf", "anyOf"):
            if key in schema:
                yield from self.parts(draw, draw(st.sampled_from(schema[key])))

    def target(self, reference: str) -> Schema:
        part = self.root
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]
        return part

    def mapping(self, draw: st.DrawFn, parts: list[Schema], depth: int) -> dict[str, Any]:
        if depth > _DEEPEST:
            reject()  # keys that require each other: another example, before Python's stack ends
        made: dict[str, Any] = {}
        waiting = list(parts)
        while waiting:
            part = waiting.pop(0)
            known = part.get("properties", {})
            required = [key for key in part.get("required", ()) if key not in made]
            optional = [key for key in known if key not in made and key not in required]
            # Few keys deep down, so that documents stay small; those that decide about others come more often.
            wanted = (
                draw(st.lists(st.sampled_from(optional), max_size=max(1, 5 - depth), unique=True)) if optional else []
            )
            for key in [*required, *wanted]:
                if depth < 7 or key in required:
                    made[key] = self.value(draw, known.get(key, {"type": "string"}), depth + 1)
            if "if" in part:
                holds = self.validator.evolve(schema=part["if"]).is_valid(made)
                waiting += self.parts(draw, part.get("then" if holds else "else", {}))
        closed = any(part.get("additionalProperties", True) is False for part in parts)
        closed |= any(part.get("unevaluatedProperties", True) is False for part in parts)
        if not closed and draw(st.booleans()):
            made |= draw(st.dictionaries(TEXTS, ANYTHING, max_size=2))
        return made

    def entries(self, draw: st.DrawFn, parts: list[Schema], depth: int) -> list[Any]:
        merged: Schema = {}
        for part in reversed(parts):
            merged |= part
        least = merged.get("minItems", 0)
        size = draw(st.integers(least, max(least, min(merged.get("maxItems", 2), 2))))
        return [self.value(draw, merged.get("items", {}), depth + 1) for _ in range(size)]

    def text(self, draw: st.DrawFn, parts: list[Schema]) -> str:
        for part in parts:
            if "pattern" in part:
                return draw(
                    st.from_regex(
                        part["pattern"],
                        fullmatch=True,
                        alphabet=st.characters(codec="ascii", exclude_categories=("C",)),
                    )
                )
        return draw(TEXTS)


def _deepest(error: Any) -> Any:
    """The innermost error of a failed choice: what to take out."""
    while error.context:
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    return error


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a document, itself first."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, inner in items for place in places(inner, (*path, key)))]


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        document = document[step]
    return document
