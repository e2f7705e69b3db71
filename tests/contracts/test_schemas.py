"""Our fast validator gives the verdicts of `jsonschema` itself, and our schemas those of the official ones."""

from __future__ import annotations

import copy
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft201909Validator

from platform_resources.contracts import Document, check_document
from platform_resources.contracts.acceptance import accepts
from platform_resources.contracts.verdicts import validator
from tests.work import calls_of

FULL_CONTRACT = b"""
apiVersion: v3.2.0
kind: DataContract
id: 53581432-6c55-4ba2-a65f-72344a91553a
version: 1.1.0
status: active
servers:
  - {server: pg, type: postgres, host: localhost, port: 5432, database: d, schema: s}
  - {server: landing, type: local, path: a/*.parquet, format: parquet}
schema:
  - name: tbl
    logicalType: object
    relationships: [{from: [tbl.a, tbl.b], to: [other.a, other.b]}]
    quality:
      - {type: sql, query: "SELECT 1", mustBeBetween: [1, 2]}
      - {type: custom, engine: soda, implementation: {a: b}}
      - {type: text, description: looked at by hand}
    properties:
      - {name: a, logicalType: string, logicalTypeOptions: {minLength: 1, pattern: x}, relationships: [{to: other.a}]}
      - {name: b, logicalType: date, logicalTypeOptions: {minimum: "2020-01-01"}, examples: [1, null, {a: b}]}
      - {name: c, logicalType: integer, quality: [{metric: nullValues, mustBe: 0, arguments: {x: y}}]}
      - {name: d, logicalType: array, items: {logicalType: string}}
      - {name: e, logicalType: object, properties: [{name: f, logicalType: timestamp}]}
      - {name: g, logicalType: map, map: {key: {logicalType: string}, value: {logicalType: number}}}
      - {name: h, logicalType: vector, logicalTypeOptions: {dimensions: 3}, enum: [{value: 1}]}
slaProperties: [{property: freshness, value: 4, unit: d, element: tbl.b}]
team: [{username: a, role: owner, dateIn: "2022-10-01"}]
roles: [{role: r, access: read}]
support: [{channel: c, url: "https://example.com"}]
customProperties: [{property: p, value: [1, {a: null}]}]
"""
FULL_PRODUCT = b"""
apiVersion: v1.0.0
kind: DataProduct
id: fbe8d147-28db-4f1d-bedf-a3fe9f458427
status: draft
name: Customer
domain: seller
tags: [customer]
description: {purpose: a, limitations: b, usage: c, customProperties: [{property: p, value: 1}]}
inputPorts: [{name: payments, version: "1.0.0", contractId: a, tags: [x]}]
outputPorts:
  - {name: raw, version: "2", type: tables, sbom: [{url: "https://a.b"}], inputContracts: [{id: a, version: "1"}]}
managementPorts: [{name: m, content: dictionary, type: topic}]
support: [{channel: c, url: "https://a.b", tool: slack, scope: interactive}]
team: {name: t, members: [{username: j@example.com, role: owner, dateIn: "2023-01-15"}], tags: [a]}
authoritativeDefinitions: [{type: tutorial, url: "https://a.b"}]
productCreatedTs: "2023-01-15T10:30:00Z"
"""
JUNK = [
    None,
    True,
    0,
    1.5,
    "",
    "x",
    "library",
    "sql",
    "custom",
    "date",
    "map",
    [],
    ["x"],
    {},
    {"name": "x"},
    {"to": "a.b"},
]


def data_of(raw: bytes) -> Any:
    return Document.parse(raw, Path("x.yaml")).data


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, inner in items for place in places(inner, (*path, key)))]


@st.composite
def damaged(draw: st.DrawFn, raw: bytes) -> Any:
    """A right document with one to three values replaced, deleted or added somewhere."""
    document = copy.deepcopy(data_of(raw))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([place for place in places(document) if place]))
        holder = document
        for step in path[:-1]:
            holder = holder[step]
        match draw(st.sampled_from(["replace", "delete", "add", "swap"])):
            case "replace":
                holder[path[-1]] = copy.deepcopy(draw(st.sampled_from(JUNK)))
            case "delete":
                del holder[path[-1]]
            case "add" if isinstance(holder, dict):
                key = draw(st.sampled_from(["x", "type", "metric", "mustBe", "query", "items", "map", "from"]))
                holder[key] = copy.deepcopy(draw(st.sampled_from(JUNK)))
            case _ if isinstance(holder, dict):
                holder["logicalType" if "logicalType" in holder else "type"] = draw(st.sampled_from(["string", "sql"]))
    return document


def official_odcs() -> dict[str, Any]:
    """The official schema with the mends for documents that v3.0 and v3.1 allow; operators stay as they are."""
    spec = find_spec("open_data_contract_standard")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    schema = json.loads((Path(spec.submodule_search_locations[0]) / "schema.json").read_text())
    for branch in schema["$defs"]["SchemaBaseProperty"]["allOf"]:
        for test in (branch.get("if", {}), *branch.get("if", {}).get("anyOf", ())):
            if "logicalType" in test.get("properties", {}):
                test["required"] = ["logicalType"]
    inner = {"items": {"$ref": "#/$defs/SchemaItemProperty"}}
    inner["properties"] = {"type": "array", "items": {"$ref": "#/$defs/SchemaProperty"}}
    branch = {"if": {"not": {"required": ["logicalType"]}}, "then": {"properties": inner}}
    schema["$defs"]["SchemaBaseProperty"]["allOf"].append(branch)
    library = schema["$defs"]["DataQualityLibrary"]
    library["anyOf"] = [{"required": ["metric"]}, {"required": ["rule"]}]
    del library["required"]
    schema["$defs"]["DataQuality"]["allOf"][0]["if"]["anyOf"].append({"required": ["rule"]})
    operators = schema["$defs"]["DataQualityOperators"]
    operators["properties"] = {k: v for part in operators.pop("oneOf") for k, v in part["properties"].items()}
    return schema


REFERENCE = Draft201909Validator(official_odcs())


def test_the_full_documents_are_valid() -> None:
    assert REFERENCE.is_valid(data_of(FULL_CONTRACT))
    assert validator("contract").is_valid(data_of(FULL_CONTRACT))
    assert validator("product").is_valid(data_of(FULL_PRODUCT))


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(damaged(FULL_CONTRACT))
def test_the_fast_validator_agrees_with_jsonschema(document: Any) -> None:
    valid = REFERENCE.is_valid(document)
    assert validator("contract").is_valid(document) == valid
    assert accepts("contract")(document) == valid


def test_odps_schema_agrees_with_the_official_one(standards: Path) -> None:
    official = Draft201909Validator(json.loads((standards / "odps" / "odps-json-schema-v1.0.0.json").read_text()))

    @settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(damaged(FULL_PRODUCT))
    def agree(document: Any) -> None:
        document["apiVersion"] = "v1.0.0"
        valid = official.is_valid(document)
        assert validator("product").is_valid(document) == valid
        assert accepts("product")(document) == valid

    agree()


def test_odps_v0_9_documents_are_taken(standards: Path) -> None:
    official = Draft201909Validator(json.loads((standards / "odps" / "odps-json-schema-v0.9.0.json").read_text()))
    document = dict(data_of(FULL_PRODUCT), apiVersion="v0.9.0", team=[{"username": "j@example.com"}])
    document["inputPorts"] = [{"name": "payments", "version": "1.0.0", "contractId": "a"}]
    assert official.is_valid(document)
    assert validator("product").is_valid(document)


def test_our_sample_is_valid_for_the_official_schemas(standards: Path, contract_text: str, product_text: str) -> None:
    odcs = json.loads((standards / "odcs" / "odcs-json-schema-v3.1.0.json").read_text())
    odps = json.loads((standards / "odps" / "odps-json-schema-v1.0.0.json").read_text())
    assert list(Draft201909Validator(odcs).iter_errors(data_of(contract_text.encode()))) == []
    assert list(Draft201909Validator(odps).iter_errors(data_of(product_text.encode()))) == []


def test_contracts_of_v3_0_are_taken(tmp_path: Path, standards: Path) -> None:
    text = """
apiVersion: v3.0.2
kind: DataContract
id: old
version: 1.0.0
status: active
team:
  - {username: a@example.com, role: Owner, comment: keeper of the grail}
schema:
  - name: tbl
    properties:
      - {name: a, physicalType: VARCHAR, quality: [{name: r, rule: duplicateCount, mustBe: 0, dimension: uniqueness}]}
    quality: [{name: s, type: library, rule: rowCount, mustBeGreaterThan: 5, dimension: coverage}]
"""
    official = Draft201909Validator(json.loads((standards / "odcs" / "odcs-json-schema-v3.0.2.json").read_text()))
    assert official.is_valid(data_of(text.encode()))
    file = tmp_path / "old.odcs.yaml"
    file.write_text(text)
    assert [(finding.code, finding.severity) for finding in check_document(file)] == [("unknown-key", "warning")]


@pytest.mark.parametrize("columns", [60])
def test_a_large_contract_is_checked_quickly(columns: int, contract_file: Path) -> None:
    text = contract_file.read_text()
    column = text[text.index("      - name: email\n") : text.index("      - name: spend\n")]
    many = "".join(column.replace("email", f"email_{n}") for n in range(columns))
    contract_file.write_text(text.replace("      - name: spend\n", many + "      - name: spend\n"))
    assert check_document(contract_file) == []
    assert calls_of(lambda: check_document(contract_file)) < 130_000  # the official schema alone costs 100-fold
