"""The JSON schemas of the documents, as they are used.

ODCS is judged by the official schema of v3.2.0 (from the package `open-data-contract-standard`; it takes v3.0.0 to
v3.2.0), Draft 2019-09. Four things about that schema are mended in memory, see `_mend`. Two modules judge by them:
`acceptance` says yes or no, `verdicts` says what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from platform_resources.contracts.documents import Kind

ANNOTATIONS = frozenset({"description", "title", "default", "examples", "deprecated", "format", "enumDescriptions"})
_INNER = ("items", "properties")  # the columns within a column
SWITCH = "x-switch"  # {key: {value: schema}}: the schema that the value of one key selects


@cache
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
       "needs" a `map`. (Such a column may have `items` or `properties`, as in v3.1.)
    2. v3.0 named a library metric by `rule`.
    3. `AnyType` takes everything, after up to seven tries.
    4. "Exactly one operator" is a `oneOf` of eight, whose failure says nothing; `contract_checks` says it better.
    """
    definitions = schema["$defs"]
    branches = definitions["SchemaBaseProperty"]["allOf"]
    inner: dict[str, Any] = {}
    for branch in branches:
        condition = branch.get("if", {})
        inner |= {key: part for key, part in branch.get("then", {}).get("properties", {}).items() if key in _INNER}
        for test in (condition, *condition.get("anyOf", ())):
            if "logicalType" in test.get("properties", {}):
                test["required"] = ["logicalType"]
    branches.append({"if": {"not": {"required": ["logicalType"]}}, "then": {"properties": inner}})
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
        result[SWITCH] = switches
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


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a schema, itself first."""
    if isinstance(schema, dict):
        yield schema
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from parts(inner)


def target(root: dict[str, Any], reference: str) -> dict[str, Any]:
    """The part of a schema that a `$ref` points to; looked up in `root` alone: nothing is fetched."""
    part = root
    for step in reference.removeprefix("#").removeprefix("/").split("/"):
        part = part[step] if step else part
    return part
