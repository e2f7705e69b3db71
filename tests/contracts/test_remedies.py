"""Every finding's «how to mend it», applied, makes it go away: one row per code, and no code without a row."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import platform_resources.contracts as room
from platform_resources.contracts import ContractError, Document, Finding, check_document, load_domain_partially
from platform_resources.contracts.schema_check import check_schema
from tests.contracts.conftest import CONTRACT, PRODUCT, source

ROOM = Path(room.__file__).parent
C, P, S = "products/customer_360/v1.odcs.yaml", "products/customer_360/product.odps.yaml", "sources/stores.odcs.yaml"
C2, P2 = "products/household_value/v1.odcs.yaml", "products/household_value/product.odps.yaml"
D = "domain.yaml"

Edit = tuple[str, str | None, str | None]  # file, old text (None: all of it), new text (None: delete the file)


@dataclass(frozen=True)
class Row:
    """`spoil` brings the finding about; `mend` does what its remedy says; `told` is that, as the remedy puts it."""

    code: str
    spoil: list[Edit]
    mend: list[Edit]
    told: str

    def __str__(self) -> str:
        return f"{self.code}: {self.told[:30]}"


def row(code: str, file: str, right: str, wrong: str, told: str, mended: str | None = None) -> Row:
    """A text made wrong, and then mended: into what it was, or into `mended`."""
    return Row(code, [(file, right, wrong)], [(file, wrong, right if mended is None else mended)], told)


FRESHNESS = "  - {property: freshness, value: PT15M, element: customer_360.updated_at}\n"
MEMBERS = CONTRACT[CONTRACT.index("  members:") : CONTRACT.index("schema:")]
PORT = '  - {name: customer_360, version: "1", description: One row per household., contractId: crm.customer_360.v1}\n'
SECOND_TABLE = "  - name: more\n    properties:\n      - {name: a, physicalType: BIGINT}\nslaProperties:\n"
SELF = '  - {name: crm.customer_360, version: "1", contractId: crm.customer_360.v1}\n'
SECOND = CONTRACT.replace("id: crm.customer_360.v1", "id: crm.customer_360.v2").replace("1.2.0", "2.0.0")
STORES = source("stores", store_id="BIGINT")
STORES_SCHEMA = STORES[STORES.index("schema:") :]
STORES_SERVERS = STORES[STORES.index("servers:") : STORES.index("schema:")]

NULLS = "metric: nullValues\n            "
SUM = "type: sql\n        query: SELECT sum(spend) FROM {table}\n        mustBe: 4596039.58"
COMPARED = (
    "type: custom\n        engine: mesh\n        implementation: {metric: differingValues, mustBe: 0,\n"
    "          reference: sales.bookings.v1, key: [household_id], compare: {spend: sum(spend)}}"
)
UPDATED = "        logicalType: timestamp\n"
LATE, NEVER, SOON = (
    f"        logicalTypeOptions: {{minimum: '{text}'}}\n"
    for text in ("lately", "9999-12-31T23:59:59-05:00", "2026-01-31T08:00:00+01:00")
)
ZONE, NO_ZONE = (f"        logicalTypeOptions: {{timezone: {text}}}\n" for text in ("true", "false"))
WRITTEN = "        logicalTypeOptions: {format: yyyy-MM-dd HH:mm:ss}\n"
SPEND = "        physicalType: DECIMAL(18, 2)\n"
PARTS = (
    "      - name: parts\n        logicalType: array\n        physicalType: BIGINT[]\n"
    "        items: {logicalType: integer, primaryKey: true}\n"
)
OTHER_PARTS = PARTS.replace("primaryKey: true", "physicalType: VARCHAR")
BIGINT = "        physicalType: BIGINT\n"


def sourced(code: str, wrong: str, mended: str, told: str) -> Row:
    """A source that the first column of the second product declares."""
    line = f"{BIGINT}        transformSourceObjects: [{wrong}]\n"
    return Row(code, [(C2, BIGINT, line)], [(C2, f"[{wrong}]", f"[{mended}]")], told)


PARTIAL = "strategy: partial, format: email"
SPEND = "        physicalType: DECIMAL(18, 2)\n"
MASK = "        customProperties: [{{property: mask, value: {{strategy: {}}}}}]\n"
BUCKET = MASK.format("generalise, bucket: 10")
HIGH = "customProperties:\n  - {property: mask, value: {strategy: hash}}\n  - {property: tier"
LOW = "customProperties:\n  - {property: tier"
TABLE = "    dataGranularityDescription: One household\n"
FILTER = "    customProperties: [{{property: rowFilter, value: {}}}]\n"
WHERE = '{where: "list_contains(reader.regions, region)"}'
ROLE = "roles:\n  - {{role: reader, access: read, customProperties: [{{property: {}, value: {}}}]}}\nschema:\n"
HIDDEN = "customProperties: [{{property: visibility, value: {}}}]\nsupport:\n"

ROWS = [
    # the standard's JSON schema
    row("missing-key", C, "status: active\n", "", "Add one of proposed, draft, active", "status: active\n"),
    row("missing-key", P, ", contractId: sales.bookings.v1", "", "Add `contractId:`"),
    row("missing-key", D, "title: Customer Relations\n", "", "Add `title:`"),
    row("unknown-key", C, "dataGranularityDescription:", "dataGranularity:", "`dataGranularityDescription`"),
    row("unknown-key", D, "purpose:", "purposes:", "Did you mean `purpose`"),
    row("misplaced-key", C, "metric: rowCount\n", "metric: rowCount\n        query: SELECT 1\n", "Delete it, or mend"),
    row(
        "not-allowed",
        C,
        "dimension: coverage",
        "dimension: validity",
        "Allowed: accuracy, completeness",
        "dimension: conformity",
    ),
    row("not-allowed", S, "type: local", "type: floppy", "Allowed: api,"),
    row("wrong-type", P, 'customer_360, version: "1"', "customer_360, version: 1", 'Put it in quotes: "1"'),
    row("wrong-type", C, "mustBeLessOrEqualTo: 2", 'mustBeLessOrEqualTo: "2"', "without quotes"),
    row(
        "wrong-type", C, MEMBERS, "  members: ada.crm@example.com\n", "Begin each entry on a line of its own with `- `"
    ),
    row("wrong-length", C, "mustBeBetween: [1, 10000]", "mustBeBetween: [1]", "Complete it"),
    row(
        "wrong-length",
        C,
        "mustBeBetween: [1, 10000]",
        "mustBeBetween: [1, 2, 3]",
        "Keep at most 2",
        "mustBeBetween: [1, 3]",
    ),
    row("repeated-entry", C, "mustBeBetween: [1, 10000]", "mustBeBetween: [1, 1]", "Delete one", "mustBe: 1"),
    row("out-of-range", C, "minLength: 3", "minLength: -3", "Write a number from 0"),
    row(
        "wrong-form",
        C,
        "name: CRM Data\n",
        "name: CRM Data\n  id: CRM Data\n",
        "matches `^[A-Za-z0-9_-]+$`",
        "name: CRM Data\n  id: crm_data\n",
    ),
    row("reference-form", C, "to: stores.store_id", "to: store_id", "`<table>.<column>`"),
    row(
        "reference-form",
        C,
        "[customer_360.household_id, customer_360.email]",
        "[customer_360.email]",
        "as many on both",
    ),
    row(
        "metric-missing",
        C,
        "metric: rowCount",
        "type: library",
        "Add `metric:`: nullValues",
        "type: library\n        metric: rowCount",
    ),
    # a contract
    row("version-form", C, "version: 1.2.0", 'version: "1.2"', "major.minor.patch"),
    row("version-file", C, "version: 1.2.0", "version: 2.0.0", "has a version 1.x.y"),
    row("id-empty", C, "id: crm.customer_360.v1", 'id: ""', "Give the contract an id"),
    row("status", C, "status: active", "status: live", "Write one of proposed, draft, active"),
    row(
        "owner-missing",
        C,
        CONTRACT[CONTRACT.index("team:") : CONTRACT.index("schema:")],
        "",
        "Add `team: {name: …, members: [{username: person@example.com, role: owner}]}`",
        "team: {name: …, members: [{username: person@example.com, role: owner}]}\n",
    ),
    row(
        "purpose-missing",
        C,
        CONTRACT[CONTRACT.index("description:") : CONTRACT.index("team:")],
        "",
        "Add `description: {purpose: …}`",
        "description: {purpose: …}\n",
    ),
    row("schema-missing", S, STORES_SCHEMA, "", "Add `schema:` with one table"),
    row(
        "columns-missing",
        S,
        "    properties:\n      - {name: store_id, physicalType: BIGINT}",
        "",
        "Add `properties:` with a `name` each",
    ),
    row("several-tables", C, "slaProperties:\n", SECOND_TABLE, "Give it a contract and a port of its own"),
    row("table-name", C, "  - name: customer_360\n", "  - name: customers\n", "Write `name: customer_360`"),
    row("domain-folder", C, "domain: crm\n", "domain: sales\n", "Write `domain: crm`"),
    row("name", C, "name: household_id\n", "name: HouseholdId\n", "a lower-case letter, then lower-case letters"),
    row("name-twice", C, "name: spend\n", "name: email\n", "Rename or delete one"),
    row("type-missing", C, "        physicalType: TIMESTAMPTZ\n", "", "for example `physicalType: VARCHAR`"),
    row("type", C, "DECIMAL(18, 2)", "MONEY", "such as BIGINT or DECIMAL(18,2)", "DECIMAL(18,2)"),
    row(
        "type-rounds",
        C,
        "        physicalType: BIGINT\n        relationships",
        "        physicalType: HUGEINT\n        relationships",
        "Write `physicalType: DECIMAL(38,0)`",
        "        physicalType: DECIMAL(38,0)\n        relationships",
    ),
    row("type-conflict", C, "logicalType: number", "logicalType: boolean", "Mend `logicalType`"),
    row("classification-form", C, "classification: personal", "classification: Top Secret", "such as personal"),
    row("option-range", C, "maxLength: 254", "maxLength: 2", "Swap or mend", "maxLength: 3"),
    row("option-type", C, "        logicalType: string\n", "", "Add it"),
    row("option-type", C, "physicalType: varchar(254)", "physicalType: BLOB", "mend `physicalType`"),
    row("option-format", C, "pattern: '[^@]+@[^@]+'", "format: emial", "Did you mean `email`", "format: email"),
    row("option-limit", C, UPDATED, f"{UPDATED}{LATE}", "Write it as 2026-01-31", f"{UPDATED}{SOON}"),
    row("option-limit", C, UPDATED, f"{UPDATED}{NEVER}", "Write it as 2026-01-31", f"{UPDATED}{SOON}"),
    row("option-zone", C, UPDATED, f"{UPDATED}{NO_ZONE}", "mend `timezone`", f"{UPDATED}{ZONE}"),
    row("told-only", C, UPDATED, f"{UPDATED}{WRITTEN}", "Delete it"),
    row("promise-inside", C, SPEND, f"{SPEND}{PARTS}", "Deliver it as a column of its own"),
    row("type-inside", C, SPEND, f"{SPEND}{OTHER_PARTS}", "the column's own type is what is delivered"),
    row("physical-name", C, "      - name: spend\n", "      - name: spend\n        physicalName: SPEND\n", "Delete it"),
    row("pattern", C, "pattern: '[^@]+@[^@]+'", "pattern: '(?=x)'", "without look-ahead", "pattern: 'x'"),
    row(
        "key-position",
        C,
        "physicalType: varchar(254)\n",
        "physicalType: varchar(254)\n        primaryKey: true\n        primaryKeyPosition: 1\n",
        "Number the columns of the key 1, 2, 3",
        "physicalType: varchar(254)\n        primaryKey: true\n        primaryKeyPosition: 2\n",
    ),
    row(
        "unknown-column",
        C,
        "element: customer_360.updated_at",
        "element: customer_360.updatd_at",
        "Did you mean `updated_at`",
    ),
    Row(
        "newer-standard",
        [(C2, "to: stores.store_id", "to: sales.bookings.v1.store_id")],
        [(C2, "apiVersion: v3.1.0", "apiVersion: v3.2.0")],
        "write `apiVersion: v3.2.0`",
    ),
    # its rules
    row("rule-name", C, "name: households\n        ", "", "Add one, unique in the contract"),
    row(
        "rule-name-twice",
        C,
        "name: households",
        "name: email_known",
        "Give this rule a name of its own",
        "name: household_count",
    ),
    row("rule-dimension", C, "        dimension: coverage\n", "", "Add one of accuracy"),
    row("rule-severity", C, "severity: warning", "severity: critical", "Write error", "severity: error"),
    row(
        "rule-unit",
        C,
        "unit: percent\n            dimension",
        "unit: promille\n            dimension",
        "Write rows or percent",
    ),
    row(
        "rule-operator",
        C,
        "            mustBeLessOrEqualTo: 2\n",
        "",
        "for example `mustBe: 0`",
        "            mustBe: 0\n",
    ),
    row(
        "rule-operator",
        C,
        "mustBeLessOrEqualTo: 2",
        "mustBeLessThen: 2",
        "Did you mean `mustBeLessThan`",
        "mustBeLessThan: 2",
    ),
    row("rule-limit", C, "mustBeLessOrEqualTo: 2", "mustBeLessOrEqualTo: 200", "Write a number from 0 to 100"),
    row("rule-limits", C, "mustBeBetween: [1, 10000]", "mustBeBetween: [10000, 1]", "Write the smaller number first"),
    row(
        "rule-metric",
        C,
        "metric: nullValues",
        "rule: emptyValues",
        "Write `metric:` with one of nullValues",
        "metric: nullValues",
    ),
    row("rule-place", C, "metric: nullValues", "metric: rowCount", "Move it to the table's `quality`"),
    row(
        "rule-arguments",
        C,
        "metric: nullValues",
        "metric: invalidValues",
        "Add `arguments: {validValues: [a, b]}`",
        "metric: invalidValues\n            arguments: {validValues: [a, b]}",
    ),
    row("rule-arguments", C, "metric: nullValues", f"{NULLS}arguments: {{share: 2}}", "It knows none: delete it"),
    row(
        "rule-engine",
        C,
        "type: sql\n        query: SELECT sum(spend) FROM {table}\n        mustBe: 4596039.58",
        "type: custom\n        engine: soda\n        implementation: checks for t",
        "Write it as `type: sql`",
    ),
    row(
        "rule-text",
        C,
        "type: sql\n        query: SELECT sum(spend) FROM {table}\n        mustBe: 4596039.58",
        "type: text",
        "Add what people are to look after",
        "type: text\n        description: Finance looks at it every month.",
    ),
    row("rule-reference", C, SUM, COMPARED.replace("differing", "same"), "Write metric: differingValues", COMPARED),
    Row(
        "undeclared-column",
        [
            (P, "bookings.v1}", "bookings.v1, customProperties: [{property: columns, value: [spend]}]}"),
            (C, SUM, COMPARED),
        ],
        [(P, "value: [spend]", "value: [spend, household_id]")],
        "Add it to `columns` of the input",
    ),
    row(
        "rule-query", C, "query: SELECT sum(spend) FROM {table}", "query: DELETE FROM {table}", "Write a single SELECT"
    ),
    # its promises and the mesh's own properties
    row(
        "freshness-missing",
        C,
        FRESHNESS,
        "",
        "{property: freshness, value: PT15M, element: <table>.<timestamp column>}",
    ),
    row("freshness-element", C, ", element: customer_360.updated_at", "", "Add `element: <table>.<timestamp column>`"),
    row("freshness-element", C, "customer_360.updated_at}", "customer_360.email}", "type TIMESTAMP or TIMESTAMPTZ"),
    row("element-form", C, "element: customer_360.updated_at", "element: updated_at", "Write `customer_360.<column>`"),
    row("promise-twice", C, FRESHNESS, FRESHNESS * 2, "Keep one"),
    row("duration", C, "value: PT15M", "value: 15", "Write ISO 8601 such as PT15M"),
    row("unit-m", C, "value: PT15M", "value: 15, unit: m", "Write PT15M for minutes"),
    row("percentage", C, "value: 99.9", "value: 99.9%", "for example 99.9"),
    row(
        "property-twice",
        C,
        "  - {property: tier, value: gold}\n",
        "  - {property: tier, value: gold}\n" * 2,
        "Keep one of them",
    ),
    row(
        "mask",
        C,
        "value: {strategy: partial, clearance: gdpr}",
        "value: partial",
        "Write `value: {strategy: partial, clearance: gdpr}`",
    ),
    # who may see what
    row("mask-key", C, "partial, clearance", "partial, clearence", "Did you mean `clearance`"),
    row("mask-key", C, "strategy: partial,", "strategy: partial, bucket: 10,", "Delete it, or write"),
    row("mask-strategy", C, "strategy: partial", "strategy: partail", "Did you mean `partial`"),
    row(
        "mask-option", C, "strategy: partial", "strategy: partial, format: mail", "Write email, phone or name", PARTIAL
    ),
    row("mask-type", C, SPEND, SPEND + MASK.format("partial"), "Use generalise", SPEND + MASK.format("redact")),
    row("mask-type", C, SPEND, SPEND + MASK.format("hash"), "Use redact, or generalise", SPEND + BUCKET),
    row("mask-option", C, SPEND, SPEND + MASK.format("generalise"), "Write `bucket: 10`", SPEND + BUCKET),
    row(
        "mask-null",
        C,
        "strategy: partial, clearance: gdpr}}",
        'strategy: "null"}}\n        required: true',
        "or write `required: false`",
        'strategy: "null"}}\n        required: false',
    ),
    row("policy-key", C, "{property: mask,", "{property: Mask,", "Write `mask`"),
    row(
        "policy-place",
        C,
        "customProperties:\n  - {property: tier",
        HIGH,
        "Move it to `customProperties` of a column",
        LOW,
    ),
    row(
        "row-filter", C, TABLE, TABLE + FILTER.format("region = 1"), "reader.<attribute>", TABLE + FILTER.format(WHERE)
    ),
    row(
        "row-filter-key",
        C,
        TABLE,
        TABLE + FILTER.format("{where: a = 1, clearence: gdpr}"),
        "Did you mean `clearance`",
        TABLE + FILTER.format("{where: a = 1, clearance: gdpr}"),
    ),
    row(
        "role-clearances",
        C,
        "schema:\n",
        ROLE.format("clearances", "gdpr"),
        "[gdpr]",
        ROLE.format("clearances", "[gdpr]"),
    ),
    row(
        "role-purposes",
        C,
        "schema:\n",
        ROLE.format("purposes", "[]"),
        "[analytics]",
        ROLE.format("purposes", "[analytics]"),
    ),
    row(
        "policy-key", C, "schema:\n", ROLE.format("purpose", "[a]"), "Write `purposes`", ROLE.format("purposes", "[a]")
    ),
    row("visibility", P, "support:\n", HIDDEN.format("secret"), "or granted (only", HIDDEN.format("granted")),
    row("tier-form", C, "value: gold", "value: [gold]", "such as gold"),
    row("refresh", C, "value: on_update", "value: hourly", "Write on_update, or a cron text", 'value: "0 5 * * *"'),
    row("score-weights", C, "{completeness: 2,", "{validity: 2,", "a number from 0 for each of accuracy, completeness"),
    # a source
    row(
        "source-server",
        S,
        STORES_SERVERS,
        "",
        "Add `servers: [{server: landing, type: local, path: <system>/<feed>/*.parquet, format: parquet}]`",
        "servers: [{server: landing, type: local, path: crm_system/stores/*.parquet, format: parquet}]\n",
    ),
    row("source-path", S, "path: crm_system", "path: ../crm_system", "Write it relative, without `..`"),
    # a product
    row(
        "name-folder",
        P,
        "name: customer_360\n",
        "name: customer_36\n",
        "a name for people: Customer 360",
        "name: Customer 360\n",
    ),
    row(
        "port-missing",
        P,
        "outputPorts:\n" + PORT,
        "",
        'Add `outputPorts: [{name: customer_360, version: "1", contractId: …}]`',
        'outputPorts: [{name: customer_360, version: "1", contractId: crm.customer_360.v1}]\n',
    ),
    row(
        "port-name",
        P,
        '{name: customer_360, version: "1"',
        '{name: households, version: "1"',
        "Write `name: customer_360`",
    ),
    row(
        "port-version",
        P,
        'customer_360, version: "1"',
        "customer_360, version: one",
        'Write its major number in quotes: "1"',
    ),
    row("port-twice", P, PORT, PORT * 2, "Delete one"),
    row(
        "contract-id",
        P,
        "household., contractId: crm.customer_360.v1}",
        "household.}",
        "Add `contractId: crm.customer_360.v1`",
    ),
    row("contract-missing", P, PORT, PORT + PORT.replace('"1"', '"2"'), "Write v2.odcs.yaml, or delete the port"),
    Row(
        "contract-unused",
        [("products/customer_360/v2.odcs.yaml", None, SECOND)],
        [(P, "support:", '  - {name: customer_360, version: "2", contractId: crm.customer_360.v2}\nsupport:')],
        'Add a port with `version: "2"`',
    ),
    row("input-name", P, "name: sales.bookings", "name: bookings", "for example sales.bookings"),
    row("input-self", P, "inputPorts:\n", "inputPorts:\n" + SELF, "Delete this port"),
    row("input-twice", P2, "inputPorts:\n" + SELF, "inputPorts:\n" + SELF * 2, "Delete one"),
    # a domain, and its documents side by side
    row("name-reserved", D, "name: crm\n", "name: main\n", "Choose another one than"),
    row("owner-email", D, "owner: ada.crm@example.com", "owner: Ada", "Write the address of the person"),
    Row(
        "file-ignored",
        [("sources/weather.odcs.yml", None, "a: b\n")],
        [("sources/weather.odcs.yml", None, None)],
        "or delete it",
    ),
    Row(
        "id-twice",
        [
            (C2, "id: crm.household_value.v1", "id: crm.customer_360.v1"),
            (P2, "contractId: crm.household_value.v1", "contractId: crm.customer_360.v1"),
        ],
        [
            (C2, "id: crm.customer_360.v1", "id: crm.household_value.v1"),
            (P2, "household., contractId: crm.customer_360.v1", "household., contractId: crm.household_value.v1"),
        ],
        "Give each contract an id of its own",
    ),
    Row(
        "name-clash",
        [("sources/customer_360.odcs.yaml", None, STORES.replace("stores", "customer_360"))],
        [
            ("sources/customer_360.odcs.yaml", None, None),
            ("sources/homes.odcs.yaml", None, STORES.replace("stores", "homes")),
        ],
        "Rename the feed's table (and its file)",
    ),
    row("input-missing", P2, "name: crm.customer_360,", "name: crm.customer_36,", "Did you mean `crm.customer_360.v1`"),
    row("reference-table", C, "to: stores.store_id", "to: store.store_id", "Did you mean `stores`"),
    Row(
        "reference-input",
        [
            (C2, "to: stores.store_id", "to: finance.revenue.v1.store_id"),
            (C2, "apiVersion: v3.1.0", "apiVersion: v3.2.0"),
        ],
        [(P2, "inputPorts:\n", 'inputPorts:\n  - {name: finance.revenue, version: "1", contractId: x}\n')],
        "Add it to `inputPorts`",
    ),
    sourced("source-form", "customers", "crm.internal.customers", "Write <port or table>.<column>"),
    sourced("source-input", "finance.revenue.v1.day", "crm.customer_360.v1.email", "Add it to `inputPorts`"),
    sourced("source-private", "sales.internal.receipts.day", "crm.internal.stores.store_id", "Read a port of sales"),
    sourced("source-column", "crm.internal.stores.store", "crm.internal.stores.store_id", "Did you mean `store_id`"),
    Row(
        "source-column",
        [
            (P2, SELF, SELF.replace("}", ", customProperties: [{property: columns, value: [household_id]}]}")),
            (C2, BIGINT, f"{BIGINT}        transformSourceObjects: [crm.customer_360.v1.email]\n"),
        ],
        [(P2, "[household_id]", "[household_id, email]")],
        "Add it to `columns` of the input",
    ),
]

# What is refused while it is read: code, text, mended text, what the remedy says.
TEXTS: list[tuple[str, bytes, bytes, str]] = [
    ("alias", b"a: *x\n", b"a: x\n", "Write the value out"),
    ("anchor", b"a: &x 1\n", b"a: 1\n", "Write the value out"),
    ("tag", b"a: !!str 1\n", b"a: 1\n", "Delete it"),
    ("merge-key", b"a:\n  <<: {c: 1}\n", b"a:\n  c: 1\n", "Write the keys out"),
    ("directive", b"%YAML 1.2\n---\na: 1\n", b"---\na: 1\n", "Delete that line"),
    ("second-document", b"a: 1\n---\nb: 2\n", b"a: 1\n", "Keep one document per file"),
    ("duplicate-key", b"a: 1\na: 2\n", b"a: 2\n", "Keep one of them"),
    ("key-not-text", b"1: a\n", b'"1": a\n', 'Put it in quotes: "1"'),
    ("no-mapping", b"hello\n", b"apiVersion: v3.1.0\nkind: DataContract\n", "`apiVersion:` and `kind:`"),
    ("not-finite", b"a: .inf\n", b"a: 1\n", "Write a number"),
    ("long-number", b"a: " + b"9" * 70 + b"\n", b'a: "' + b"9" * 70 + b'"\n', "Put it in quotes as a text"),
    ("not-utf-8", "a: é\n".encode("latin-1"), "a: é\n".encode(), "Save it as UTF-8"),
    ("byte-order-mark", b"\xef\xbb\xbfa: b\n", b"a: b\n", "Save it as UTF-8 without BOM"),
    ("bad-character", "a: b\u202e\n".encode(), b"a: b\n", "Delete it"),
    ("too-deep", b"a: " + b"[" * 30 + b"]" * 30, b"a: []\n", "Flatten it"),
    ("too-many-values", b"a: [" + b"1," * 6_000 + b"]", b"a: [" + b"1," * 40 + b"]", "Split it"),
    ("file-too-large", b"a: 1 #" + b"x" * 300_000, b"a: 1\n", "move examples and long texts into the documentation"),
    ("yaml-syntax", b"a: b: c\n", b'a: "b: c"\n', "Put a text that holds `: ` in quotes"),
    ("yaml-syntax", b"a:\n\tb: 1\n", b"a:\n  b: 1\n", "Indent with spaces, not tabs"),
    ("yaml-syntax", b"a: 'b\n", b"a: 'b'\n", "A quote or bracket is opened and never closed"),
    ("yaml-syntax", b"a: [b c: d]]\n", b"a: [b, c]\n", ""),
    ("yaml-syntax", b"a: @b\n", b'a: "@b"\n', "put a text that begins with @, ` or % in quotes"),
]

# Codes that no text of a domain brings about; each has a test of its own below.
ELSEWHERE = {"kind", "schema", "lossy-edit", "file-missing", "file-unreadable", "not-a-file", "symlink-outside"}


def codes_in_the_source() -> set[str]:
    """Every code that the room can give a finding, read off its modules."""
    return {code for file in ROOM.glob("*.py") for code in _codes(ast.parse(file.read_text()), file.name)}


def _codes(tree: ast.AST, name: str) -> Iterator[str]:
    places = {"finding": 0, "RefusedError": 0, "_finding": 1, "Finding": 6, "Misfit": 0}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            at = places.get(called)
            if at is not None and len(node.args) > at:
                yield from _texts(node.args[at])
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and name == "schema_check.py":
            yield from _texts(node.value.elts[0])
        elif isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "code" for target in node.targets):
            yield from _texts(node.value)


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)


@pytest.fixture
def domain(domain_folder: Path) -> Path:
    """`crm` with a second product, household_value, that reads the first."""
    folder = domain_folder / "products" / "household_value"
    folder.mkdir()
    (folder / "v1.odcs.yaml").write_text(CONTRACT.replace("customer_360", "household_value"))
    text = PRODUCT.replace("customer_360", "household_value").replace("inputPorts:\n", f"inputPorts:\n{SELF}")
    (folder / "product.odps.yaml").write_text(text)
    assert findings(domain_folder) == []
    return domain_folder


def findings(folder: Path) -> list[Finding]:
    try:
        return load_domain_partially(folder)[1]
    except ContractError as refused:
        return list(refused.findings)


def apply(folder: Path, edits: list[Edit]) -> None:
    for name, old, new in edits:
        file = folder / name
        if new is None:
            file.unlink()
        elif old is None:
            file.write_text(new)
        elif old:
            assert old in file.read_text(), f"{old!r} is not in {name}"
            file.write_text(file.read_text().replace(old, new, 1))


def test_every_code_has_a_row() -> None:
    tested = {item.code for item in ROWS} | {code for code, *_ in TEXTS} | ELSEWHERE
    assert codes_in_the_source() - tested == set()
    assert tested - codes_in_the_source() == set()


@pytest.mark.parametrize("item", ROWS, ids=str)
def test_a_finding_goes_away_when_its_remedy_is_applied(item: Row, domain: Path) -> None:
    before = {name: (domain / name).read_text() for name in (C, P, S, C2, P2, D)}
    apply(domain, item.spoil)
    found = [finding for finding in findings(domain) if finding.code == item.code]
    assert found, findings(domain)
    assert any(item.told in finding.remedy for finding in found), [finding.remedy for finding in found]
    if any(old == "" for _, old, _ in item.mend):  # a text that was taken out: it comes back where it stood, or mended
        (name, right, _), (_, _, mended) = item.spoil[0], item.mend[0]
        assert right is not None
        assert mended is not None
        (domain / name).write_text(before[name].replace(right, mended, 1))
    apply(domain, item.mend)
    assert findings(domain) == []


@pytest.mark.parametrize(("code", "wrong", "mended", "told"), TEXTS, ids=[f"{t[0]} {t[3][:20]}" for t in TEXTS])
def test_a_refused_text_is_read_when_the_remedy_is_applied(code: str, wrong: bytes, mended: bytes, told: str) -> None:
    with pytest.raises(ContractError) as refused:
        Document.parse(wrong, Path("x.yaml"))
    (finding,) = refused.value.findings
    assert finding.code == code
    assert told in finding.remedy
    Document.parse(mended, Path("x.yaml"))


def test_files_that_are_none(domain: Path) -> None:
    file = domain / C
    text = file.read_text()

    def code() -> str:
        (finding,) = (finding for finding in findings(domain) if finding.file == file)
        assert finding.remedy
        return finding.code

    file.unlink()
    assert [f.code for f in findings(domain)] == ["contract-missing"]
    assert [f.code for f in check_document(file)] == ["file-missing"]
    os.mkfifo(file)
    assert code() == "not-a-file"
    file.unlink()
    file.symlink_to(file)
    assert code() == "file-unreadable"
    file.unlink()
    outside = domain.parent / "elsewhere.yaml"
    outside.write_text(text)
    file.symlink_to(outside)
    assert code() == "symlink-outside"
    file.unlink()
    file.write_text(text)  # «put the file itself into the folder»
    assert findings(domain) == []


def test_a_document_of_no_kind(tmp_path: Path) -> None:
    file = tmp_path / "notes.yaml"
    file.write_text("id: a\n")
    (finding,) = check_document(file)
    assert (finding.code, finding.path) == ("kind", "kind")
    assert "`kind: DataContract`" in finding.remedy
    file.write_text("id: a\nkind: DataContract\n")
    assert "kind" not in [finding.code for finding in check_document(file)]


def test_a_rule_of_a_json_schema_that_has_no_words_of_its_own(tmp_path: Path) -> None:
    schema = tmp_path / "x.schema.json"
    schema.write_text(json.dumps({"properties": {"a": {"multipleOf": 5}}}))
    (finding,) = check_schema(Document.parse(b"a: 7\n", Path("x.yaml")), schema)
    assert (finding.code, finding.path, finding.line) == ("schema", "a", 1)
    assert "`multipleOf: 5`" in finding.remedy
    assert check_schema(Document.parse(b"a: 10\n", Path("x.yaml")), schema) == []


def test_an_edit_that_can_not_be_written() -> None:
    document = Document.parse(b"a: 1\n", Path("x.yaml"))
    with pytest.raises(ContractError) as refused:
        document.edit(lambda tree: tree.update(a=(1, 2)))
    (finding,) = refused.value.findings
    assert finding.code == "lossy-edit"
    assert document.edit(lambda tree: tree.update(a=[1, 2])).data == {"a": [1, 2]}
