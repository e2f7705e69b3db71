"""What is wrong with a document, by its JSON schema: `jsonschema`, Draft 2019-09, with some keywords of our own.

The keyword `unevaluatedProperties` and chains of `if` cost `jsonschema` 100 ms for a contract of 60 columns; those
replaced here give the same verdicts in a quarter of that (`tests/contracts/test_schemas.py` compares them).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from jsonschema import Draft201909Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from platform_resources.contracts.documents import Kind
from platform_resources.contracts.schemas import ANNOTATIONS, SWITCH, parts, prepared_schema, target

Target = Callable[[str], Mapping[str, Any]]  # the part of the schema that a `$ref` points to


@cache
def validator(kind: Kind | Path) -> Any:
    """The validator of one kind of document, or of a JSON schema's file; built once in a process (6 ms)."""
    schema = prepared_schema(kind)
    return _validator_class(schema)(schema)


def _validator_class(root: dict[str, Any]) -> Any:
    """Draft 2019-09 with the keywords of this module, and references looked up in `root` alone: nothing is fetched."""
    find = cache(partial(target, root))

    def follow(validator: Any, reference: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
        yield from validator.descend(instance, find(reference))

    def unevaluated(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        """One error per key that no part of the schema speaks of (the official schemas only know `false` here)."""
        if allowed is False and isinstance(instance, dict):
            left = set(instance)
            _forget_known(validator, schema, instance, left, find)
            yield from _unknown_keys(instance, left)

    simple = {id(part): name for part in parts(root) if (name := _only_type(part)) is not None}

    def properties(validator: Any, known: Mapping[str, Any], instance: Any, _schema: Any) -> Iterator[ValidationError]:
        """The keyword itself, but a plain type is looked at here: a `descend` for each scalar is half of all cost."""
        if isinstance(instance, dict):
            for key, value in instance.items():
                part = known.get(key)
                if part is not None and not _is_type(value, simple.get(id(part))):
                    yield from validator.descend(value, part, path=key, schema_path=key)

    return extend(
        Draft201909Validator,
        {
            "$ref": follow,
            "properties": properties,
            SWITCH: _switch,
            "unevaluatedProperties": unevaluated,
            "additionalProperties": _additional,
            "required": _required,
        },
    )


def _only_type(schema: Mapping[str, Any]) -> str | None:
    """The one type that a schema asks for, when it asks for nothing else."""
    name = schema.get("type")
    return name if isinstance(name, str) and schema.keys() - ANNOTATIONS == {"type"} else None


def _is_type(value: Any, name: str | None) -> bool:
    """Whether `value` surely has the type; in doubt (numbers, nothing) the validator decides."""
    return (name == "string" and isinstance(value, str)) or (name == "boolean" and isinstance(value, bool))


def _switch(validator: Any, switches: Mapping[str, Any], instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for key, cases in switches.items():
            selected = _selected(cases, instance, key)
            if selected is not None:
                yield from validator.descend(instance, selected, schema_path=key)


def _selected(cases: Mapping[str, Any], instance: Mapping[str, Any], key: str) -> Any:
    value = instance.get(key)
    return cases.get(value) if isinstance(value, str) else None


def _additional(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, dict) or allowed is True:
        return
    left = set(instance) - schema.get("properties", {}).keys()
    left = {key for key in left if not any(re.search(pattern, key) for pattern in schema.get("patternProperties", ()))}
    if allowed is False:
        yield from _unknown_keys(instance, left)
        return
    for key, value in instance.items():
        if key in left:
            yield from validator.descend(value, allowed, path=key)


def _unknown_keys(instance: Mapping[str, Any], left: set[str]) -> Iterator[ValidationError]:
    for key in instance:
        if key in left:
            yield ValidationError(f"unknown key {key}", path=[key])


def _required(_validator: Any, keys: list[str], instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for key in keys:
            if key not in instance:
                yield ValidationError(f"missing key {key}", path=[key])


def _forget_known(
    validator: Any, schema: Mapping[str, Any], instance: Mapping[str, Any], left: set[str], find: Target
) -> None:
    """Take out of `left` the keys that `schema`, or a part of it that applies to `instance`, has properties for."""
    left.difference_update(schema.get("properties", ()))
    if not left:
        return
    if "$ref" in schema:
        _forget_known(validator, find(schema["$ref"]), instance, left, find)
    for part in schema.get("allOf", ()):
        _forget_known(validator, part, instance, left, find)
    for key, cases in schema.get(SWITCH, {}).items():
        selected = _selected(cases, instance, key)
        if selected is not None:
            _forget_known(validator, selected, instance, left, find)
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        if left and validator.evolve(schema=part).is_valid(instance):
            _forget_known(validator, part, instance, left, find)
    if left and "if" in schema:
        holds = validator.evolve(schema=schema["if"]).is_valid(instance)
        if holds:
            _forget_known(validator, schema["if"], instance, left, find)
        _forget_known(validator, schema.get("then" if holds else "else", {}), instance, left, find)
