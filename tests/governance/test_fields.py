"""Fields of rules are those of the standards, and a finding points to where they stand."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from platform_resources.contracts import contract_of_text
from platform_resources.contracts.documents import path_text
from platform_resources.contracts.schemas import prepared_schema
from platform_resources.governance import Council
from platform_resources.governance.fields import KNOWN_FIELDS, getter, parse_field, place
from platform_resources.governance.subjects import Around, Subject, World
from tests.tiny_mesh import ORDERS_CONTRACT


def keys(schema: Any, root: dict[str, Any]) -> set[str]:
    """Every key that a part of a schema speaks of."""
    if not isinstance(schema, dict):
        return set()
    found = set(schema.get("properties", ()))
    if "$ref" in schema:
        part: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            part = part[step]
        found |= keys(part, root)
    parts = [part for key in ("allOf", "anyOf", "oneOf") for part in schema.get(key, ())]
    parts += [part for cases in schema.get("x-switch", {}).values() for part in cases.values()]
    parts += [schema.get("then"), schema.get("else")]
    return found.union(*(keys(part, root) for part in parts))


def test_the_known_fields_are_those_of_the_standards() -> None:
    contract, product = prepared_schema("contract"), prepared_schema("product")
    parts = contract["$defs"]
    assert KNOWN_FIELDS["contract"] == keys(contract, contract)
    assert KNOWN_FIELDS["product"] == keys(product, product)
    assert KNOWN_FIELDS["table"] == keys(parts["SchemaObject"], contract)
    assert KNOWN_FIELDS["column"] >= keys(parts["SchemaProperty"], contract)
    assert KNOWN_FIELDS["rule"] == keys(parts["DataQuality"], contract)
    assert KNOWN_FIELDS["promise"] == keys(parts["ServiceLevelAgreementProperty"], contract)
    assert KNOWN_FIELDS["input"] == keys(product["$defs"]["inputPort"], product)
    domain = prepared_schema("domain")
    assert KNOWN_FIELDS["domain"] == keys(domain, domain)


@pytest.fixture
def around() -> Around:
    contract = contract_of_text(ORDERS_CONTRACT, "v1.odcs.yaml")
    return Around(World(Council(None), _day()), None, None, contract, "shop.orders.v1")


def column(around: Around, name: str) -> Subject:
    return next(found for found in around.columns if found.name == name)


@pytest.mark.parametrize(
    ("name", "field", "path", "line"),
    [
        ("customer", "description", "schema[0].properties[1].description", "E-mail address of"),
        ("customer", "custom.mask.format", "schema[0].properties[1].customProperties[0].value.format", "format: email"),
        ("customer", "custom.purpose", "schema[0].properties[1].customProperties", "customProperties:"),
        ("amount", "businessName", "schema[0].properties[5].businessName", "name: amount"),
        ("amount", "sla.freshness.value", "slaProperties[0].value", "property: freshness"),
        ("amount", "sla.availability.value", "slaProperties", "slaProperties:"),
        ("amount", "$contract.custom.tier", "customProperties[0].value", "property: tier"),
        ("amount", "$table.dataGranularityDescription", "schema[0].dataGranularityDescription", "One order."),
        ("amount", "$tier.freshness", "schema[0].properties[5]", "name: amount"),
        ("amount", "$facts.term", "schema[0].properties[5]", "name: amount"),
    ],
)
def test_a_finding_points_to_the_field_or_where_it_belongs(
    around: Around, name: str, field: str, path: str, line: str
) -> None:
    document, found = place(parse_field(field), column(around, name))
    assert path_text(found) == path
    assert line in ORDERS_CONTRACT.splitlines()[document.line(found) - 1]


def test_a_promise_with_a_unit_is_a_duration() -> None:
    text = ORDERS_CONTRACT.replace("value: P3650D", "value: 90, unit: min")
    contract = contract_of_text(text, "v1.odcs.yaml")
    around = Around(World(Council(None), _day()), None, None, contract, "shop.orders.v1")
    assert getter(parse_field("$contract.sla.freshness.value"))(column(around, "amount")) == "PT90M"


def test_nested_columns_are_subjects_with_the_name_of_their_outer_column() -> None:
    text = ORDERS_CONTRACT.replace(
        "      - {name: amount,",
        "      - {name: place, logicalType: object, properties: [{name: street}]}\n      - {name: amount,",
    )
    contract = contract_of_text(text, "v1.odcs.yaml")
    around = Around(World(Council(None), _day()), None, None, contract, "shop.orders.v1")
    street = column(around, "street")
    assert street.column == "place.street"
    assert path_text(street.path) == "schema[0].properties[5].properties[0]"
    assert Path("v1.odcs.yaml") == street.document.path


def _day() -> date:

    return date(2026, 3, 15)
