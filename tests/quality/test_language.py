"""What ODCS lets a contract say of its data is measured or named, and `docs/quality.md` says which: key by key.

The official schema is walked, so that a key of a later version of the standard is missed here and not in a contract.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from platform_resources.contracts import Contract, check_document, contract_of_text
from tests.quality.building import audit, database, result
from tests.tiny_mesh import REPOSITORY

PAGE = REPOSITORY / "docs" / "quality.md"
CONTRACT = """\
apiVersion: {version}
kind: DataContract
id: crm.people.v1
version: 1.0.0
status: active
domain: crm
schema:
  - name: people
    properties:
      - {{name: x, physicalType: {type}{more}}}
"""
ON_LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
MOMENTS = {
    "date": ("DATE", "2026-01-01", "2026-01-02", "2026-01-03"),
    "timestamp": ("TIMESTAMP", "2026-01-01", "2026-01-02T00:00:00+00:00", "2026-01-02T00:00:01"),
    "time": ("TIME", "07:59:59", "08:00", "08:00:01"),
}
# (logical type, option) -> (physical type, options, good value, bad value), values as texts that are cast to the type
MEASURED = {
    ("string", "minLength"): ("VARCHAR", "minLength: 2", "éé", "a"),
    ("string", "maxLength"): ("VARCHAR", "maxLength: 2", "éé", "abc"),
    ("string", "pattern"): ("VARCHAR", "pattern: 'a+b'", "xaab", "b"),
    ("string", "format"): ("VARCHAR", "format: email", "a@b.de", "a@b"),
    **{
        (kind, option): (physical, f"{option}: {limit}", good, bad)
        for kind, physical in (("integer", "BIGINT"), ("number", "DECIMAL(9,2)"))
        for option, limit, good, bad in (
            ("minimum", 0.5, "1", "0"),
            ("maximum", 1.5, "1", "2"),
            ("exclusiveMinimum", 0, "1", "0"),
            ("exclusiveMaximum", 1, "0", "1"),
            ("multipleOf", 5, "-10", "7"),
        )
    },
    **{
        (kind, option): (
            physical,
            f"{option}: '{limit}'",
            *((after, before) if "Min" in option or option == "minimum" else (before, after)),
        )
        for kind, (physical, before, limit, after) in MOMENTS.items()
        for option in ON_LIMITS
    },
    ("integer", "format"): ("BIGINT", "format: u8", "255", "256"),
    ("object", "required"): (
        "STRUCT(a INTEGER, b INTEGER)",
        "required: [b]",
        "{'a': NULL, 'b': 1}",
        "{'a': 1, 'b': NULL}",
    ),
    ("object", "minProperties"): (
        "STRUCT(a INTEGER, b INTEGER)",
        "minProperties: 2",
        "{'a': 1, 'b': 1}",
        "{'a': 1, 'b': NULL}",
    ),
    ("object", "maxProperties"): ("MAP(VARCHAR, INTEGER)", "maxProperties: 1", "{a=1}", "{a=1, b=2}"),
    ("array", "minItems"): ("INTEGER[]", "minItems: 1", "[1]", "[]"),
    ("array", "maxItems"): ("INTEGER[]", "maxItems: 1", "[1]", "[1, 2]"),
    ("array", "uniqueItems"): ("INTEGER[]", "uniqueItems: true", "[1, 2, NULL, NULL]", "[1, 1]"),
    ("vector", "dimensions"): ("FLOAT[]", "dimensions: 2", "[1, 2]", "[1]"),
    ("vector", "normalized"): ("FLOAT[]", "normalized: true", "[0.6, 0.8]", "[1, 1]"),
}
# (logical type, option) -> (physical type, options, code of the finding)
CHECKED = {
    ("number", "format"): ("DOUBLE", "format: f32", "option-format"),
    ("timestamp", "timezone"): ("TIMESTAMP", "timezone: true", "option-zone"),
    ("time", "timezone"): ("TIME", "timezone: true", "option-zone"),
    ("timestamp", "defaultTimezone"): ("TIMESTAMP", "defaultTimezone: Europe/Berlin", "option-zone"),
    ("time", "defaultTimezone"): ("TIME", "defaultTimezone: Europe/Berlin", "option-zone"),
    ("vector", "elementType"): ("DOUBLE[]", "elementType: float32", "option-format"),
}
# Rule on a column of 1, 2, NULL, 2 that holds, and one that doesn't.
SQL = "type: sql, query: 'SELECT max(x) FROM {table}'"
RULES = {
    "type: library": ("type: library, metric: nullValues, mustBe: 1", "metric: nullValues, mustBe: 0"),
    "type: sql": (f"{SQL}, mustBe: 2", f"{SQL}, mustBe: 1"),
    "metric": ("metric: duplicateValues, mustBe: 1", "metric: missingValues, mustBe: 0"),
    "rule": ("rule: duplicateCount, mustBe: 1", "rule: nullCheck, mustBe: 0"),
    "arguments": (
        "metric: invalidValues, arguments: {validValues: [1, 2]}, mustBe: 0",
        "metric: invalidValues, arguments: {validValues: [1]}, mustBe: 0",
    ),
    "mustBe": ("metric: nullValues, mustBe: 1", "metric: nullValues, mustBe: 2"),
    "mustNotBe": ("metric: nullValues, mustNotBe: 2", "metric: nullValues, mustNotBe: 1"),
    "mustBeGreaterThan": ("metric: nullValues, mustBeGreaterThan: 0", "metric: nullValues, mustBeGreaterThan: 1"),
    "mustBeGreaterOrEqualTo": (
        "metric: nullValues, mustBeGreaterOrEqualTo: 1",
        "metric: nullValues, mustBeGreaterOrEqualTo: 2",
    ),
    "mustBeLessThan": ("metric: nullValues, mustBeLessThan: 2", "metric: nullValues, mustBeLessThan: 1"),
    "mustBeLessOrEqualTo": ("metric: nullValues, mustBeLessOrEqualTo: 1", "metric: nullValues, mustBeLessOrEqualTo: 0"),
    "mustBeBetween": ("metric: nullValues, mustBeBetween: [0, 1]", "metric: nullValues, mustBeBetween: [2, 3]"),
    "mustNotBeBetween": (
        "metric: nullValues, mustNotBeBetween: [2, 3]",
        "metric: nullValues, mustNotBeBetween: [1, 2]",
    ),
    "unit": ("metric: nullValues, mustBe: 25, unit: percent", "metric: nullValues, mustBeLessThan: 25, unit: percent"),
    "query": (
        "type: sql, query: 'SELECT max({field}) FROM ${model}', mustBe: 2",
        "type: sql, query: 'SELECT min({column}) FROM {object}', mustBe: 2",
    ),
}


@cache
def schema() -> dict[str, Any]:
    spec = find_spec("open_data_contract_standard")
    assert spec is not None
    folder = next(iter(spec.submodule_search_locations or ()))
    return json.loads((Path(folder) / "schema.json").read_text(encoding="utf-8"))["$defs"]


def keys(*definitions: str) -> set[str]:
    return {key for name in definitions for key in schema()[name].get("properties", ())}


def options_of_the_standard() -> set[tuple[str, str]]:
    found = set()
    for branch in schema()["SchemaBaseProperty"]["allOf"]:
        tests = branch.get("if", {}).get("anyOf", [branch.get("if", {})])
        kinds = [test["properties"]["logicalType"]["const"] for test in tests if "properties" in test]
        options = branch.get("then", {}).get("properties", {}).get("logicalTypeOptions", {}).get("properties", {})
        found |= {(kind, option) for kind in kinds for option in options}
    return found


def table(title: str) -> list[list[str]]:
    """The cells of each row below a title of the page."""
    section = re.split(r"(?m)^## ", PAGE.read_text(encoding="utf-8").partition(f"## {title}\n")[2])[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def words(title: str) -> dict[str, str]:
    """Key -> measured, checked or told."""
    return {key: row[1] for row in table(title) for key in re.findall(r"`([^`]+)`", row[0])}


def words_of_options() -> dict[tuple[str, str], str]:
    return {
        (kind, key): row[2]
        for row in table("Options of a logical type")
        for kind in row[0].split(", ")
        for key in re.findall(r"`([^`]+)`", row[1])
    }


def test_the_page_names_every_option_of_the_standard() -> None:
    told = words_of_options()
    assert told.keys() == options_of_the_standard()
    assert {option for option, word in told.items() if word == "measured"} == MEASURED.keys()
    assert {option for option, word in told.items() if word == "checked"} == CHECKED.keys()
    assert set(told.values()) == {"measured", "checked", "told"}


def test_the_page_names_every_key_of_a_column() -> None:
    inner = {"properties", "items", "map"}
    known = keys("SchemaBaseProperty", "SchemaElement") - {"logicalTypeOptions"} | inner
    assert words("Columns").keys() - {"logicalTypeOptions.enum"} == known


def test_the_page_names_every_key_of_a_rule() -> None:
    operators = {key for branch in schema()["DataQualityOperators"]["oneOf"] for key in branch["properties"]}
    known = keys("DataQuality", "DataQualityLibrary", "DataQualitySql", "DataQualityCustom") | operators
    kinds = {f"type: {kind}" for kind in schema()["DataQuality"]["properties"]["type"]["enum"]}
    told = words("Rules (`quality`)")
    assert told.keys() == known - {"type"} | kinds
    assert {key for key, word in told.items() if word == "measured"} == RULES.keys() | {"severity", "dimension"}


def test_the_page_names_every_key_of_a_relationship() -> None:
    assert words("Relationships and service levels").keys() >= keys("RelationshipBase")


def promised(more: str, type_: str, version: str = "v3.2.0") -> Contract:
    return contract_of_text(CONTRACT.format(version=version, type=f'"{type_}"', more=more), "v1.odcs.yaml")


@pytest.mark.parametrize(("kind", "option"), MEASURED)
def test_an_option_that_is_measured_finds_the_value_that_breaks_it(kind: str, option: str) -> None:
    type_, options, good, bad = MEASURED[kind, option]
    promise = promised(f", logicalType: {kind}, logicalTypeOptions: {{{options}}}", type_)
    rows = " UNION ALL ".join(f"SELECT CAST($${value}$$ AS {type_}) AS x" for value in (good, bad))
    with database(f"{rows} UNION ALL SELECT NULL") as con:
        failed = [found for found in audit(con, promise).results if not found.passed]
        assert [(found.evaluated, found.failed_rows) for found in failed] == [(True, 1)], failed


@pytest.mark.parametrize(("kind", "option"), MEASURED)
def test_it_finds_the_value_in_objects_and_lists_too(kind: str, option: str) -> None:
    type_, options, good, bad = MEASURED[kind, option]
    asked = f"logicalType: {kind}, logicalTypeOptions: {{{options}}}"
    member = promised(f", logicalType: object, properties: [{{name: m, {asked}}}]", f"STRUCT(m {type_})")
    item = promised(f", logicalType: array, items: {{{asked}}}", f"{type_}[]")
    values = [f"CAST($${value}$$ AS {type_})" for value in (good, bad)]
    for promise, rows in (
        (member, " UNION ALL ".join(f"SELECT {{'m': {value}}} AS x" for value in values)),
        (item, f"SELECT [{', '.join(values)}, NULL] AS x"),
    ):
        with database(f"{rows} UNION ALL SELECT NULL") as con:
            failed = [found for found in audit(con, promise).results if not found.passed]
        assert [(found.evaluated, found.failed_rows) for found in failed] == [(True, 1)], failed


@pytest.mark.parametrize(("kind", "option"), CHECKED)
def test_an_option_that_is_checked_is_found_in_the_document(kind: str, option: str, tmp_path: Path) -> None:
    type_, options, code = CHECKED[kind, option]
    file = tmp_path / "v1.odcs.yaml"
    more = f", logicalType: {kind}, logicalTypeOptions: {{{options}}}"
    file.write_text(CONTRACT.format(version="v3.2.0", type=f'"{type_}"', more=more))
    found = [finding for finding in check_document(file) if finding.code == code]
    assert [(each.path.endswith(option), bool(each.remedy), each.line) for each in found] == [(True, True, 10)]


def test_only_lists_of_numbers_have_a_length_of_one(tmp_path: Path) -> None:
    file = tmp_path / "v1.odcs.yaml"
    for type_, codes in (("FLOAT[]", []), ("TINYINT[]", []), ("VARCHAR[]", ["option-type"])):
        more = ", logicalType: vector, logicalTypeOptions: {normalized: true}"
        file.write_text(CONTRACT.format(version="v3.2.0", type=f'"{type_}"', more=more))
        assert [found.code for found in check_document(file) if found.code.startswith("option")] == codes


@pytest.mark.parametrize("key", RULES)
def test_a_key_of_a_rule_decides_whether_it_holds(key: str) -> None:
    for rule, holds in zip(RULES[key], (True, False), strict=True):
        promise = promised(f", quality: [{{name: asked, {rule}}}]", "INTEGER")
        with database("SELECT unnest([1, 2, NULL, 2]) AS x") as con:
            found = result(audit(con, promise), "asked")
        assert (found.evaluated, found.passed) == (True, holds), found.message


def test_severity_and_dimension_are_those_of_the_rule() -> None:
    rule = ", quality: [{name: asked, metric: nullValues, mustBe: 0, severity: info, dimension: coverage}]"
    with database("SELECT NULL::INTEGER AS x") as con:
        found = audit(con, promised(rule, "INTEGER"))
    assert (result(found, "asked").severity, result(found, "asked").check.dimension) == ("info", "coverage")
    assert found.passed


@pytest.mark.parametrize(
    ("more", "type_"),
    [
        (", logicalType: integer, logicalTypeOptions: {maximum: 1, exclusiveMaximum: true}", "INTEGER"),
        (
            ", quality: [{name: asked, rule: validValues, validValues: [0, 2], mustBe: 0, dimension: conformity}]",
            "INTEGER",
        ),
    ],
)
def test_what_only_v3_0_says_is_measured_and_no_error(more: str, type_: str, tmp_path: Path) -> None:
    file = tmp_path / "v1.odcs.yaml"
    file.write_text(CONTRACT.format(version="v3.0.2", type=type_, more=more))
    assert not any("logicalTypeOptions" in each.path or "quality" in each.path for each in check_document(file))
    with database("SELECT unnest([0, 1, NULL]) AS x") as con:
        failed = [found for found in audit(con, promised(more, type_, "v3.0.2")).results if not found.passed]
    assert [(found.evaluated, found.failed_rows) for found in failed] == [(True, 1)], failed
