"""Verdicts of the JSON schema in words for the person who wrote the document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platform_resources.contracts.acceptance import accepts
from platform_resources.contracts.documents import Document, Kind, path_text
from platform_resources.contracts.findings import MAX_ERRORS, Finding, shown
from platform_resources.contracts.model import Severity
from platform_resources.contracts.reading import KeyPath
from platform_resources.contracts.schemas import parts, prepared_schema

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_TYPES = {
    "string": "text", "number": "a number", "integer": "a whole number", "boolean": "true or false",
    "array": "a list", "object": "a mapping", "null": "nothing",
}  # fmt: skip
_LIMITS = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "up to", "exclusiveMaximum": "below"}
_REFERENCE = "A column is written `<table>.<column>`, or `<domain>.<product>.v<major>.<column>` in another product."


def check_schema(document: Document, kind: Kind | Path) -> list[Finding]:
    """What the JSON schema of its kind finds wrong with a document, in the order of the file."""
    accepted = accepts(kind)
    if accepted is not None and accepted(document.data):
        return []
    from platform_resources.contracts.verdicts import validator  # noqa: PLC0415  (imports jsonschema, 50 ms)

    found: dict[tuple[KeyPath, str], Finding] = {}
    lenient = kind == "contract" and str(document.data.get("apiVersion")).startswith("v3.0")
    for error in _flat(validator(kind).iter_errors(document.data)):
        path = tuple(error.absolute_path)
        code, message, remedy = _words(error, path, kind)
        if lenient and _means_something(error, path):
            continue
        severity: Severity = "warning" if lenient and _tolerated(code, path) else "error"
        finding = Finding(document.path, document.line(path), path_text(path), message, remedy, severity, code)
        found.setdefault((path, code), finding)
        if len(found) > MAX_ERRORS:
            break
    return sorted(found.values(), key=lambda finding: finding.line)[:MAX_ERRORS]


def _tolerated(code: str, path: KeyPath) -> bool:
    """Whether the schema of v3.0 lets that pass: unknown keys below the root, and entries that say half of it."""
    if code == "missing-key":
        return len(path) > 1 and path[-1] in ("username", "property", "value")
    if code == "wrong-type":
        return path[0] == "servers" and path[-1] == "schema"
    return code == "unknown-key" and len(path) > 1


def _means_something(error: ValidationError, path: KeyPath) -> bool:
    """Whether v3.0 said it so, and it is read as v3.1 says it: `exclusiveMaximum: true`, `validValues` of a rule."""
    if error.validator == "type":
        return len(path) > 1 and path[-2] == "logicalTypeOptions" and error.instance in (True, False)
    return path[-1:] == ("validValues",) and "quality" in path


def _flat(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """`errors`, with a failed choice (`anyOf`, `oneOf`) replaced by what is wrong in the alternative that was meant."""
    for error in errors:
        alternatives: dict[Any, list[ValidationError]] = {}
        for inner in error.context or ():
            alternatives.setdefault(inner.schema_path[0], []).append(inner)
        meant = [found for found in alternatives.values() if not any(_wrong_kind(inner) for inner in found)]
        if error.validator in ("anyOf", "oneOf") and len(meant) == 1:
            yield from _flat(meant[0])
        else:
            yield error


def _wrong_kind(error: ValidationError) -> bool:
    return error.validator == "type" and not error.path


def _words(error: ValidationError, path: KeyPath, kind: Kind | Path) -> tuple[str, str, str]:
    """Code, message and remedy."""
    name = f"`{path[-1]}`" if path and isinstance(path[-1], str) else "This"
    match error.validator:
        case "required":
            return _missing(error, str(path[-1]))
        case "unevaluatedProperties" | "additionalProperties":
            return _unknown(error, str(path[-1]), kind)
        case "enum" | "const":
            return _not_allowed(error, name)
        case "type":
            return _wrong_type(error, name)
        case "minItems" | "maxItems" | "minLength" | "maxLength":
            least = error.validator.startswith("min")
            unit = "characters" if error.validator.endswith("Length") else "entries"
            wanted = f"at {'least' if least else 'most'} {error.validator_value} {unit}"
            message = f"{name} needs {wanted}; it has {len(error.instance)}."
            return "wrong-length", message, "Complete it, or leave the key out." if least else f"Keep {wanted}."
        case "uniqueItems":
            return "repeated-entry", f"{name} holds the same entry twice.", "Delete one."
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum":
            wanted = f"{_LIMITS[error.validator]} {error.validator_value}"
            return "out-of-range", f"{name} is {shown(error.instance)}, out of range.", f"Write a number {wanted}."
        case "pattern" if set(path) & {"from", "to"}:
            return "reference-form", f"{shown(error.instance)} names no column.", _REFERENCE
        case "pattern":
            message = f"{name} is {shown(error.instance)}, which has not the form that is asked for."
            return "wrong-form", message, f"Write it so that it matches `{error.validator_value}`."
        case "anyOf" | "oneOf" if {"from", "to"} & set(path):
            return "reference-form", f"{name} names no column or list of columns.", _REFERENCE
        case "anyOf" | "oneOf" if path and path[-1] == "team":
            return "wrong-type", "`team` must be a mapping.", "Write `name:` and `members:` below it."
        case "anyOf" | "oneOf" if "relationships" in path:
            return "reference-form", "`from` and `to` must be two texts, or two lists of the same length.", _REFERENCE
        case "anyOf" if (path and path[-1] in ("quality",)) or "quality" in path:
            return (
                "metric-missing",
                "This library rule says no `metric`.",
                ("Add `metric:`: nullValues, missingValues, invalidValues, duplicateValues or rowCount."),
            )
        case "anyOf" | "oneOf":
            kinds = _kinds(error.validator_value)
            remedy = f"Write {' or '.join(kinds)}." if kinds else "Choose one of the forms that the standard shows."
            return "wrong-type", f"{name} is {_kind_of(error.instance)}, which is not allowed here.", remedy
        case "not" if "relationships" in path:
            return (
                "reference-form",
                "A relationship of a column must not say `from`.",
                "Delete `from`: it is this column.",
            )
        case _:
            rule = shown(f"{error.validator}: {error.validator_value}")
            return "schema", f"{name} breaks a rule of its JSON schema.", f"Write it so that it keeps {rule}."


def _missing(error: ValidationError, key: str) -> tuple[str, str, str]:
    about = error.schema.get("properties", {}).get(key, {}).get("description", "")
    sentence = about.partition(". ")[0].rstrip(".")
    hint = f" ({sentence})" if 0 < len(sentence) <= 90 else ""
    return "missing-key", f"`{key}` is missing.", f"Add `{key}:`{hint}."


def _unknown(error: ValidationError, key: str, kind: Kind | Path) -> tuple[str, str, str]:
    known = sorted(known_keys(kind, id(error.schema)) if error.schema else ())
    if key in known:
        return "misplaced-key", f"{shown(key)} doesn't belong to an entry of this type.", "Delete it, or mend the type."
    close = get_close_matches(key[:60], known, 1, 0.7)
    if close:
        return "unknown-key", f"The standard knows no key {shown(key)} here.", f"Did you mean `{close[0]}`?"
    remedy = f"It knows {_listed(known)}." if len(known) <= 12 else "Check the indentation of this line."
    remedy = f"{remedy} What it can't say goes into `customProperties`."
    return "unknown-key", f"The standard knows no key {shown(key)} here.", remedy


def _not_allowed(error: ValidationError, name: str) -> tuple[str, str, str]:
    allowed = [error.validator_value] if error.validator == "const" else list(error.validator_value)
    close = get_close_matches(str(error.instance)[:60], [str(value) for value in allowed], 1, 0.6)
    remedy = f"Did you mean `{close[0]}`? " if close and len(allowed) > 1 else ""
    return "not-allowed", f"{name} is {shown(error.instance)}.", f"{remedy}Allowed: {_listed(allowed)}."


def _wrong_type(error: ValidationError, name: str) -> tuple[str, str, str]:
    wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    message = f"{name} must be {' or '.join(_TYPES[kind] for kind in wanted)}; it is {_kind_of(error.instance)}."
    value = error.instance
    if "string" in wanted and isinstance(value, int | float):
        return "wrong-type", message, f'Put it in quotes: "{str(value).lower()}".'
    if isinstance(value, str) and {"number", "integer", "boolean"} & set(wanted):
        return "wrong-type", message, "Write it without quotes or unit."
    if "array" in wanted:
        return "wrong-type", message, "Begin each entry on a line of its own with `- `."
    if value is None:
        return "wrong-type", message, "Give it a value, or delete the key."
    return "wrong-type", message, "Check the indentation of this line and the next."


def _kind_of(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None:
        return "empty"
    kind = "text" if isinstance(value, str) else "true/false" if isinstance(value, bool) else "a number"
    return f"{kind}: {shown(value)}"


def _kinds(alternatives: Iterable[Any]) -> list[str]:
    """What the alternatives of a choice are, in words; empty when one of them isn't just a type."""
    kinds = [part.get("type") if isinstance(part, dict) else None for part in alternatives]
    named = [_TYPES[kind] for kind in kinds if isinstance(kind, str)]
    return list(dict.fromkeys(named)) if len(named) == len(kinds) else []


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(str(value) for value in values)


@cache
def known_keys(kind: Kind | Path, schema_id: int) -> frozenset[str]:
    """Every key that a part of the compiled schema speaks of, whatever type the entry has."""
    root = prepared_schema(kind)
    part = next((part for part in parts(root) if id(part) == schema_id), {})
    return frozenset(_keys(part, root))


def _keys(schema: Any, root: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    yield from schema.get("properties", ())
    if "$ref" in schema:
        part: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            part = part[step]
        yield from _keys(part, root)
    for key in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(key, ()):
            yield from _keys(part, root)
    for cases in schema.get("x-switch", {}).values():
        for part in cases.values():
            yield from _keys(part, root)
    for key in ("then", "else"):
        yield from _keys(schema.get(key), root)
