"""A realistic contract as plain values, and edits of it, for the tests of what a change means."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from platform_resources.contracts import Comparison, Contract, compare_contracts, contract_of_text

Edit = Callable[[dict[str, Any]], object]

CONTRACT: dict[str, Any] = {
    "apiVersion": "v3.2.0",
    "kind": "DataContract",
    "id": "shop.orders.v1",
    "name": "Orders",
    "version": "1.4.2",
    "status": "active",
    "domain": "shop",
    "tenant": "retailer",
    "dataProduct": "orders",
    "tags": ["orders", "gold"],
    "description": {"purpose": "One row per order.", "usage": "Read it.", "limitations": "Web orders only."},
    "price": {"priceAmount": 10, "priceCurrency": "EUR", "priceUnit": "month"},
    "servers": [
        {"server": "mesh", "type": "duckdb", "database": "shop", "schema": "orders"},
        {"server": "files", "type": "s3", "location": "s3://shop/orders/*.parquet", "format": "parquet"},
    ],
    "schema": [
        {
            "name": "orders",
            "physicalName": "orders",
            "logicalType": "object",
            "physicalType": "table",
            "description": "Orders of the web shop.",
            "dataGranularityDescription": "One row per order.",
            "properties": [
                {
                    "name": "order_id",
                    "logicalType": "integer",
                    "physicalType": "BIGINT",
                    "primaryKey": True,
                    "primaryKeyPosition": 1,
                    "required": True,
                    "unique": True,
                    "classification": "internal",
                    "description": "Number of the order.",
                    "logicalTypeOptions": {"minimum": 1},
                    "authoritativeDefinitions": [{"type": "glossary", "url": "glossary.yaml#order"}],
                },
                {
                    "name": "email",
                    "logicalType": "string",
                    "physicalType": "VARCHAR",
                    "classification": "personal",
                    "description": "E-mail address of the customer.",
                    "logicalTypeOptions": {"pattern": "^[^@]+@[^@]+$", "minLength": 3, "maxLength": 254},
                    "authoritativeDefinitions": [{"type": "glossary", "url": "glossary.yaml#email"}],
                    "customProperties": [
                        {"property": "mask", "value": {"strategy": "hash", "clearance": "gdpr"}},
                        {"property": "semanticType", "value": "email"},
                    ],
                    "quality": [
                        {
                            "name": "email_known",
                            "type": "library",
                            "metric": "nullValues",
                            "unit": "percent",
                            "mustBeLessThan": 5,
                            "severity": "error",
                            "dimension": "completeness",
                        }
                    ],
                },
                {
                    "name": "customer_id",
                    "logicalType": "string",
                    "physicalType": "VARCHAR",
                    "required": True,
                    "classification": "internal",
                    "logicalTypeOptions": {"pattern": "^C[0-9]{8}$", "maxLength": 9},
                    "relationships": [{"type": "foreignKey", "to": "customers.customer_id"}],
                },
                {
                    "name": "status",
                    "logicalType": "string",
                    "physicalType": "VARCHAR",
                    "classification": "public",
                    "enum": [{"value": "open"}, {"value": "paid"}, {"value": "sent"}],
                    "criticalDataElement": True,
                    "quality": [
                        {
                            "name": "status_listed",
                            "type": "library",
                            "metric": "invalidValues",
                            "arguments": {"validValues": ["open", "paid", "sent"]},
                            "mustBe": 0,
                        }
                    ],
                },
                {
                    "name": "amount",
                    "logicalType": "number",
                    "physicalType": "DECIMAL(18,2)",
                    "required": True,
                    "classification": "internal",
                    "description": "What was paid.",
                    "transformLogic": "sum(price * quantity)",
                    "logicalTypeOptions": {"minimum": 0, "maximum": 100000},
                    "customProperties": [{"property": "currency", "value": "EUR"}],
                },
                {
                    "name": "ordered_at",
                    "logicalType": "timestamp",
                    "physicalType": "TIMESTAMP WITH TIME ZONE",
                    "required": True,
                    "classification": "internal",
                },
            ],
            "relationships": [{"type": "foreignKey", "from": "orders.status", "to": "states.state"}],
            "quality": [
                {"name": "enough_rows", "type": "library", "metric": "rowCount", "mustBeBetween": [10, 1000000]},
                {
                    "name": "no_doubles",
                    "type": "library",
                    "metric": "duplicateValues",
                    "arguments": {"properties": ["order_id", "customer_id"]},
                    "mustBe": 0,
                },
                {
                    "name": "totals",
                    "type": "sql",
                    "query": "select count(*) from {table} where amount < 0",
                    "mustBeLessOrEqualTo": 3,
                    "severity": "error",
                },
                {
                    "name": "mostly_paid",
                    "type": "sql",
                    "query": "select count(*) from {table} where status = 'open'",
                    "mustBeLessThan": 100,
                    "severity": "warning",
                },
            ],
            "customProperties": [{"property": "rowFilter", "value": {"column": "status", "notIn": ["test"]}}],
        }
    ],
    "slaProperties": [
        {"property": "freshness", "value": "PT1H", "element": "orders.ordered_at"},
        {"property": "availability", "value": 99.9, "unit": "percent"},
        {"property": "completeness", "value": 98, "unit": "percent", "element": "orders.email, orders.amount"},
        {"property": "retention", "value": "P3Y"},
        {"property": "latency", "value": "PT15M"},
        {"property": "frequency", "value": "PT10M"},
        {"property": "errorRate", "value": 1, "unit": "percent"},
        {"property": "onTimeShare", "value": 95, "unit": "percent"},
        {"property": "endOfSupport", "value": "2028-01-01"},
    ],
    "roles": [
        {
            "role": "reader",
            "access": "read",
            "firstLevelApprovers": "ann@shop.example, bob@shop.example",
            "secondLevelApprovers": "privacy@shop.example",
        },
        {
            "role": "clerk",
            "access": "read",
            "firstLevelApprovers": "ann@shop.example",
            "secondLevelApprovers": "privacy@shop.example",
        },
    ],
    "team": {"name": "Shop", "members": [{"username": "ann@shop.example", "role": "owner"}]},
    "support": [{"channel": "#shop", "tool": "slack", "url": "https://chat.example/shop"}],
    "customProperties": [
        {"property": "tier", "value": "gold"},
        {"property": "refresh", "value": "*/10 * * * *"},
        {"property": "scoreWeights", "value": {"accuracy": 3, "completeness": 2}},
        {"property": "accuracyReference", "value": {"port": "till.receipts.v1", "rule": "totals"}},
        {"property": "kAnonymity", "value": {"k": 5, "shownWithoutClearance": ["status"], "masked": ["email"]}},
    ],
}  # fmt: skip


def contract(data: dict[str, Any], name: str = "v1.odcs.yaml") -> Contract:
    return contract_of_text(json.dumps(data), name)  # JSON is YAML


def edited(*edits: Edit) -> dict[str, Any]:
    data = copy.deepcopy(CONTRACT)
    for edit in edits:
        edit(data)
    return data


def compared(*edits: Edit) -> Comparison:
    """The contract against itself after `edits`."""
    return compare_contracts(contract(CONTRACT, "old.yaml"), contract(edited(*edits), str(Path("new.yaml"))))


def at(data: Any, place: str) -> tuple[Any, str | int]:
    """The container and the last step of a place such as `schema/orders/properties/email/unique`.

    A step into a list of mappings is the first of their values that tells them apart, or an index.
    """
    steps = place.split("/")
    for step in steps[:-1]:
        data = data[_step(data, step)]
    return data, _step(data, steps[-1])


def _step(data: Any, step: str) -> str | int:
    if isinstance(data, dict):
        return step
    for index, entry in enumerate(data):
        names = ("name", "property", "role", "username", "server", "channel", "value", "to", "url")
        if isinstance(entry, dict) and step in {str(entry.get(name)) for name in names}:
            return index
    return int(step)


def put(place: str, value: Any) -> Edit:
    def edit(data: dict[str, Any]) -> None:
        container, step = at(data, place)
        container[step] = value

    return edit


def drop(place: str) -> Edit:
    def edit(data: dict[str, Any]) -> None:
        container, step = at(data, place)
        del container[step]

    return edit


def add(place: str, value: Any) -> Edit:
    """Append to the list at `place`."""

    def edit(data: dict[str, Any]) -> None:
        container, step = at(data, place)
        container[step].append(value)

    return edit


COLUMNS = "schema/orders/properties"
