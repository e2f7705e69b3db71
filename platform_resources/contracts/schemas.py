"""The JSON schemas of the documents, and a validator of them that is fast and knows what it was looking for.

ODCS is judged by the official schema of v3.2.0 (from the package `open-data-contract-standard`; it takes v3.0.0 to
v3.2.0), with `jsonschema`, Draft 2019-09. Four things about that schema are mended in memory, see `_mend`. The keyword
`unevaluatedProperties` and chains of `if` cost `jsonschema` 100 ms for a contract of 60 columns; the two keywords
replaced here give the same verdicts in a quarter of that (`tests/contracts/test_schemas.py` compares them).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jsonschema import Draft201909Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from platform_resources.contracts.documents import Kind

_ANNOTATIONS = {"description", "title", "default", "examples", "deprecated", "format"}
_SWITCH = "x-switch"  # {key: {value: schema}}: the schema that the value of one key selects

Target = Callable[[str], Mapping[str, Any]]  # the part of the schema that a `$ref` points to


@cache
def validator(kind: Kind | Path) -> Any:
    """The compiled validator of one kind of document, or of a JSON schema's file; built once in a process (6 ms)."""
    schema = prepared_schema(kind)
    return _validator_class(schema)(schema)


def prepared_schema(kind: Kind | Path) -> dict[str, Any]:
    """The schema as it is used: official or ours, mended, with its chains of `if` turned into switches."""
    schema = json.loads(_schema_file(kind).read_text(encoding="utf-8"))
    if kind == "contract":
        _mend(schema)
    return _switched(schema)


def _schema_file(kind: Kind | Path) -> Path:
    if isinstance(kind, Path):
        return kind
    if kind == "contract":
        spec = find_spec("open_data_contract_standard")  # found, not imported: the import brings pydantic
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError(
                "the package `open-data-contract-standard`, which holds the ODCS schema, is missing"
            )
        return Path(spec.submodule_search_locations[0]) / "schema.json"
    return Path(__file__).with_name("odps.schema.json" if kind == "product" else "domain.schema.json")


def _mend(schema: dict[str, Any]) -> None:
    """Mend what the official v3.2.0 schema gets wrong for documents of v3.0 and v3.1.

    1. Its conditions on `logicalType` also hold where the key is missing, so that every column without a logical type
       "needs" a `map`.
    2. v3.0 named a library metric by `rule`.
    3. `AnyType` takes everything, after up to seven tries.
    4. "Exactly one operator" is a `oneOf` of eight, whose failure says nothing; `contract_checks` says it better.
    """
    definitions = schema["$defs"]
    for branch in definitions["SchemaBaseProperty"]["allOf"]:
        condition = branch.get("if", {})
        for test in (condition, *condition.get("anyOf", ())):
            if "logicalType" in test.get("properties", {}):
                test["required"] = ["logicalType"]
    library = definitions["DataQualityLibrary"]
    library["anyOf"] = [{"required": ["metric"]}, {"required": ["rule"]}]
    library.pop("required", None)
    definitions["DataQuality"]["allOf"][0]["if"]["anyOf"].append({"required": ["rule"]})
    definitions["AnyType"] = {}
    operators = definitions["DataQualityOperators"]
    operators["properties"] = {k: v for branch in operators.pop("oneOf") for k, v in branch["properties"].items()}


def _switched(schema: Any) -> Any:
    """`schema` with every `{"if": {key: const}, "then": ...}` of an `allOf` moved into one switch on that key."""
    if isinstance(schema, list):
        return [_switched(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: _switched(value) for key, value in schema.items()}
    switches: dict[str, dict[Any, Any]] = {}
    others = []
    branches = result.get("allOf")
    for branch in branches if isinstance(branches, list) else ():
        cases = _cases(branch.get("if")) if branch.keys() <= {"if", "then"} and "then" in branch else None
        if cases is None or any(value in switches.get(key, {}) for key, value in cases):
            others.append(branch)
            continue
        for key, value in cases:
            switches.setdefault(key, {})[value] = branch["then"]
    if switches:
        result[_SWITCH] = switches
        del result["allOf"]
        if others:
            result["allOf"] = others
    return result


def _cases(condition: Any) -> list[tuple[str, str]] | None:
    """The (key, text) pairs any of which fulfils a condition; None when it asks for something else."""
    if not isinstance(condition, dict):
        return None
    if condition.keys() == {"anyOf"}:
        parts = [_cases(part) for part in condition["anyOf"]]
        return None if None in parts else [case for part in parts for case in part or ()]
    if condition.keys() != {"properties", "required"} or len(condition["properties"]) != 1:
        return None
    ((key, test),) = condition["properties"].items()
    if condition["required"] != [key] or test.keys() != {"const"} or not isinstance(test["const"], str):
        return None
    return [(key, test["const"])]


def _validator_class(root: dict[str, Any]) -> Any:
    """Draft 2019-09 with the keywords of this module, and references looked up in `root` alone: nothing is fetched."""

    @cache
    def target(reference: str) -> dict[str, Any]:
        part = root
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]
        return part

    def follow(validator: Any, reference: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
        yield from validator.descend(instance, target(reference))

    def unevaluated(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        """One error per key that no part of the schema speaks of (the official schemas only know `false` here)."""
        if allowed is False and isinstance(instance, dict):
            left = set(instance)
            _forget_known(validator, schema, instance, left, target)
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
            _SWITCH: _switch,
            "unevaluatedProperties": unevaluated,
            "additionalProperties": _additional,
            "required": _required,
        },
    )


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a schema, itself first."""
    if isinstance(schema, dict):
        yield schema
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from parts(inner)


def _only_type(schema: Mapping[str, Any]) -> str | None:
    """The one type that a schema asks for, when it asks for nothing else."""
    name = schema.get("type")
    return name if isinstance(name, str) and schema.keys() - _ANNOTATIONS == {"type"} else None


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


def _additional(_validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if allowed is False and isinstance(instance, dict):
        yield from _unknown_keys(instance, set(instance) - schema.get("properties", {}).keys())


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
    validator: Any, schema: Mapping[str, Any], instance: Mapping[str, Any], left: set[str], target: Target
) -> None:
    """Take out of `left` the keys that `schema`, or a part of it that applies to `instance`, has properties for."""
    left.difference_update(schema.get("properties", ()))
    if not left:
        return
    if "$ref" in schema:
        _forget_known(validator, target(schema["$ref"]), instance, left, target)
    for part in schema.get("allOf", ()):
        _forget_known(validator, part, instance, left, target)
    for key, cases in schema.get(_SWITCH, {}).items():
        selected = _selected(cases, instance, key)
        if selected is not None:
            _forget_known(validator, selected, instance, left, target)
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        if left and validator.evolve(schema=part).is_valid(instance):
            _forget_known(validator, part, instance, left, target)
    if left and "if" in schema:
        holds = validator.evolve(schema=schema["if"]).is_valid(instance)
        if holds:
            _forget_known(validator, schema["if"], instance, left, target)
        _forget_known(validator, schema.get("then" if holds else "else", {}), instance, left, target)
