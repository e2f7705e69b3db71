"""One thing wrong at a time: found, on the right line, with advice; and what is right passes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from platform_resources.contracts import ContractError, check_document, load_contract, load_product, render_findings

Change = Callable[[Path, str, str], int]

# (what to replace, by what, code, part of message or remedy)
CONTRACT_FAULTS = [
    ("status: active\n", "", "missing-key", "Add one of"),
    ("status: active", "status: live", "status", "active"),
    ("version: 1.2.0", "version: 1.2", "wrong-type", 'quotes: "1.2"'),
    ("version: 1.2.0", 'version: "1.2"', "version-form", "1.0.0"),
    ("version: 1.2.0", "version: 2.0.0", "version-file", "v1.odcs.yaml"),
    ("domain: crm", "domain: sales", "domain-folder", "domain: crm"),
    ("kind: DataContract", "kind: DataProduct", "not-allowed", "DataContract"),
    ("apiVersion: v3.1.0", "apiVersion: v9.9.9", "not-allowed", "v3.1.0"),
    ("name: Customer 360", "nmae: Customer 360", "unknown-key", "Did you mean `name`"),
    ("dataGranularityDescription:", "dataGranularity:", "unknown-key", "`dataGranularityDescription`"),
    ("name: household_id", "name: HouseholdId", "name", "lower-case"),
    ("name: spend\n", "name: email\n", "name-twice", "line 32"),
    ("name: customer_360\n", "name: customers\n", "table-name", "name: customer_360"),
    ("        physicalType: BIGINT\n        required", "        required", "type-missing", "physicalType"),
    ("DECIMAL(18, 2)", "MONEY", "type", "DECIMAL(18,2)"),
    ("DECIMAL(18, 2)", "BIGINT; DROP TABLE x", "type", "no place"),
    ("logicalType: number", "logicalType: boolean", "type-conflict", "logicalType"),
    ("logicalType: number", "logicalType: nubmer", "not-allowed", "Did you mean `number`"),
    ("classification: personal", "classification: Top secret", "classification-form", "catalogue"),
    ("maxLength: 254", "maxLength: 2", "option-range", "Swap"),
    ("pattern: '[^@]+@[^@]+'", "pattern: '(?=x)'", "pattern", "neither ahead"),
    ("pattern: '[^@]+@[^@]+'", "pattern: '[a'", "pattern", "regular expression"),
    ("maxLength: 254", "maximum: 254", "unknown-key", "maxLength"),
    ("value: {strategy: partial, clearance: gdpr}", "value: partial", "mask", "strategy"),
    (
        "- {property: mask,",
        "- {property: mask, value: {strategy: x}}\n          - {property: mask,",
        "property-twice",
        "Keep",
    ),
    ("            mustBeLessOrEqualTo: 2\n", "", "rule-operator", "mustBe: 0"),
    ("mustBeLessOrEqualTo: 2", "mustBeLessOrEqualTo: 2\n            mustBe: 0", "rule-operator", "exactly one"),
    ("mustBeLessOrEqualTo: 2", "mustBeLessThen: 2", "rule-operator", "Did you mean `mustBeLessThan`"),
    ("mustBeLessOrEqualTo: 2", "mustBeLessOrEqualTo: 200", "rule-limit", "0 to 100"),
    ("mustBeLessOrEqualTo: 2", 'mustBeLessOrEqualTo: "2"', "wrong-type", "without quotes"),
    ("mustBeBetween: [1, 10000]", "mustBeBetween: [10000, 1]", "rule-limits", "smaller number first"),
    ("mustBe: 4596039.58", "mustBe: a lot", "rule-limit", "number"),
    ("name: households", "name: email_known", "rule-name-twice", "line 40"),
    ("name: households\n        ", "", "rule-name", "unique"),
    ("dimension: coverage", "dimension: validity", "not-allowed", "accuracy"),
    ("severity: warning", "severity: critical", "rule-severity", "error"),
    ("unit: percent\n            dimension", "unit: promille\n            dimension", "rule-unit", "percent"),
    ("metric: nullValues", "metric: rowCount", "rule-place", "table"),
    ("metric: rowCount", "metric: nullValues", "rule-place", "column"),
    ("metric: rowCount", "metric: duplicateValues", "rule-arguments", "properties"),
    (
        "metric: rowCount",
        "metric: duplicateValues\n        arguments: {properties: [emial]}",
        "unknown-column",
        "`email`",
    ),
    ("metric: nullValues", "metric: invalidValues", "rule-arguments", "validValues"),
    ("metric: nullValues", "metric: nulValues", "not-allowed", "Did you mean `nullValues`"),
    ("query: SELECT sum(spend) FROM {table}", "query: DELETE FROM {table}", "rule-query", "SELECT"),
    ("query: SELECT sum(spend) FROM {table}", "query: SELECT 1; SELECT 2", "rule-query", "SELECT"),
    ("value: PT15M", "value: 15, unit: m", "unit-m", "PT15M"),
    ("value: PT15M", "value: 15", "duration", "PT15M"),
    ("value: PT15M", "value: soon", "duration", "PT15M"),
    ("value: PT15M", "value: PT0S", "duration", "zero"),
    ("value: 3, unit: y", "value: 3, unit: m", "unit-m", "P3M"),
    ("element: customer_360.updated_at", "element: customer_360.email", "freshness-element", "TIMESTAMP"),
    ("element: customer_360.updated_at", "element: customer_360.updatd_at", "unknown-column", "`updated_at`"),
    ("element: customer_360.updated_at", "element: updated_at", "element-form", "customer_360.<column>"),
    (", element: customer_360.updated_at", "", "freshness-element", "element"),
    ("value: 99.9", "value: 199", "percentage", "100"),
    ("value: 99.9", "value: 99.9%", "percentage", "99.9"),
    ("customer_360.email, customer_360.spend", "customer_360.email, customer_360.spent", "unknown-column", "`spend`"),
    ("property: availability", "property: freshness", "promise-twice", "line"),
    ("PT15M,", "PT15M, customProperties: [{property: objective, value: 199}],", "percentage", "100"),
    ("PT15M,", 'PT15M, customProperties: [{property: objective, value: "99"}],', "percentage", "of the time"),
    ("99.9,", "99.9, customProperties: [{property: window, value: a month}],", "duration", "P30D"),
    ("99.9,", "99.9, customProperties: [{property: window, value: P99Y}],", "duration", "P10Y"),
    ("value: gold", "value: [gold]", "tier-form", "catalogue"),
    ("value: on_update", "value: hourly", "refresh", "cron"),
    ("{completeness: 2,", "{validity: 2,", "score-weights", "completeness"),
    (
        "[customer_360.household_id, customer_360.email]",
        "[customer_360.household, customer_360.email]",
        "unknown-column",
        "",
    ),
    ("[customer_360.household_id, customer_360.email]", "[customer_360.email]", "reference-form", "both sides"),
    (
        "[customers.household_id, customers.email]",
        "[customers.household_id, stores.email]",
        "reference-form",
        "one relationship",
    ),
    ("to: stores.store_id", "to: store_id", "reference-form", "<table>.<column>"),
    (
        "to: stores.store_id",
        "to: https://evil.example/x.yaml#/schema/a/properties/b",
        "reference-form",
        "never followed",
    ),
    ("to: stores.store_id", "from: a.b\n            to: stores.store_id", "reference-form", "Delete `from`"),
]


@pytest.mark.parametrize(
    ("old", "new", "code", "advice"),
    CONTRACT_FAULTS,
    ids=[f"{code}: {new.strip()[:30]}" for _, new, code, _ in CONTRACT_FAULTS],
)
def test_a_fault_in_a_contract_is_found_where_it_is(
    old: str, new: str, code: str, advice: str, contract_file: Path, change: Change
) -> None:
    line = change(contract_file, old, new)
    findings = [finding for finding in check_document(contract_file) if finding.severity == "error"]
    assert code in {finding.code for finding in findings}, render_findings(findings)
    finding = next(finding for finding in findings if finding.code == code)
    last = line + max(old.count("\n"), new.count("\n")) + 1
    assert line - 6 <= finding.line <= last, f"line {finding.line}, changed line {line}"
    assert advice in f"{finding.message} {finding.remedy}"
    assert finding.message[0] != " "
    assert finding.message.endswith(".")
    assert len(findings) <= 6, render_findings(findings)


@pytest.mark.parametrize(
    ("old", "new", "path", "offset"),
    [
        ("value: PT15M", "value: soon", "slaProperties[0].value", 0),
        ("logicalType: number", "logicalType: nubmer", "schema[0].properties[2].logicalType", 0),
        ("dimension: coverage", "dimension: validity", "schema[0].quality[0].dimension", 0),
        ("maxLength: 254", "maximum: 254", "schema[0].properties[1].logicalTypeOptions.maximum", 0),
        ("to: stores.store_id", "to: store_id", "schema[0].properties[3].relationships[0].to", 0),
        ("name: households", "name: email_known", "schema[0].quality[0].name", 0),
        ("value: gold", "value: Platinum", "customProperties[0].value", 0),
        ("            mustBeLessOrEqualTo: 2\n", "", "schema[0].properties[1].quality[0]", -2),
        ("status: active\n", "", "status", -6),
    ],
)
def test_lines_and_paths_are_exact(
    old: str, new: str, path: str, offset: int, contract_file: Path, change: Change
) -> None:
    line = change(contract_file, old, new)
    (finding,) = check_document(contract_file)
    assert finding.path == path
    assert finding.line == (line + offset if offset > -6 else 2)  # what is missing is reported at what it is missing in


def test_all_faults_of_a_file_are_told_in_one_round(contract_file: Path, change: Change) -> None:
    for old, new in [
        ("value: PT15M", "value: soon"),
        ("dataGranularityDescription:", "granularity:"),
        ("DECIMAL(18, 2)", "MONEY"),
    ]:
        change(contract_file, old, new)
    with pytest.raises(ContractError) as refused:
        load_contract(contract_file)
    assert [finding.code for finding in refused.value.findings] == ["unknown-key", "type", "duration"]
    assert [finding.line for finding in refused.value.findings] == sorted(f.line for f in refused.value.findings)


def test_warnings_do_not_keep_a_contract_from_being_used(contract_file: Path, change: Change) -> None:
    change(contract_file, "        dimension: coverage\n", "")
    change(contract_file, "  purpose: One row per household.\n", "")
    found = check_document(contract_file)
    assert [(f.code, f.severity) for f in found] == [("purpose-missing", "warning"), ("rule-dimension", "warning")]
    assert load_contract(contract_file).purpose is None


def test_a_contract_without_a_freshness_promise_can_not_be_used(contract_file: Path, change: Change) -> None:
    change(contract_file, "  - {property: freshness, value: PT15M, element: customer_360.updated_at}\n", "")
    with pytest.raises(ContractError, match="freshness-missing"):
        load_contract(contract_file)


def test_a_reference_to_another_product_needs_a_newer_standard(contract_file: Path, change: Change) -> None:
    change(contract_file, "to: stores.store_id", "to: sales.bookings.v1.store_id")
    assert [(f.code, f.severity) for f in check_document(contract_file)] == [("newer-standard", "info")]
    assert load_contract(contract_file).table.relationships[1].to_table == "sales.bookings.v1"


def test_nobody_answers_for_the_contract(contract_file: Path, change: Change) -> None:
    change(contract_file, "ada.crm@example.com, role: owner", "ada, role: owner")
    assert load_contract(contract_file).owners == ("bob.crm@example.com",)
    change(contract_file, "bob.crm@example.com, role: steward", 'bob.crm@example.com, dateOut: "2024-01-01"')
    assert [finding.code for finding in check_document(contract_file)] == ["owner-missing"]


def test_the_typed_view(contract_file: Path) -> None:
    contract = load_contract(contract_file)
    assert (contract.id, contract.version, contract.major, contract.domain) == (
        "crm.customer_360.v1",
        "1.2.0",
        1,
        "crm",
    )
    assert contract.freshness == timedelta(minutes=15)
    assert contract.owners == ("ada.crm@example.com",)
    assert contract.custom["scoreWeights"] == {"completeness": 2, "accuracy": 1}
    table = contract.table
    assert table.primary_key == ("household_id",)
    assert [column.name for column in table.columns if column.required] == ["household_id", "updated_at"]
    email = table.column("email")
    assert email is not None
    assert email.custom["mask"] == {"strategy": "partial", "clearance": "gdpr"}
    assert email.options["maxLength"] == 254
    rule = email.quality[0]
    assert (rule.name, rule.metric, rule.operator, rule.threshold) == (
        "email_known",
        "nullValues",
        "mustBeLessOrEqualTo",
        2,
    )
    assert (rule.unit, rule.severity, rule.dimension, rule.column) == ("percent", "warning", "completeness", "email")
    assert str(rule.origin) == f"{contract_file}:40 (schema[0].properties[1].quality[0])"
    rows, total = table.quality
    assert (rows.threshold, rows.severity, rows.column) == ((1, 10000), "error", None)
    assert (total.type, total.query, total.threshold) == ("sql", "SELECT sum(spend) FROM {table}", 4596039.58)
    composite, single = table.relationships
    assert composite.from_columns == ("household_id", "email")
    assert (composite.to_table, composite.to_columns) == ("customers", ("household_id", "email"))
    assert (single.from_columns, single.to_table, single.to_columns) == (("home_store_id",), "stores", ("store_id",))
    completeness = contract.sla_property("completeness")
    assert completeness is not None
    assert completeness.columns == ("email", "spend")
    assert len(contract.sha256) == 64


def test_key_positions_may_be_left_out(contract_file: Path, change: Change) -> None:
    change(contract_file, "        primaryKeyPosition: 1\n", "")
    change(contract_file, "physicalType: varchar(254)\n", "physicalType: varchar(254)\n        primaryKey: true\n")
    assert load_contract(contract_file).table.primary_key == ("household_id", "email")
    text = contract_file.read_text().replace("primaryKey: true\n", "primaryKey: true\n        primaryKeyPosition: 1\n")
    contract_file.write_text(text)
    assert [finding.code for finding in check_document(contract_file)] == ["key-position"]


def test_enums_of_odcs_3_2(contract_file: Path, change: Change) -> None:
    change(contract_file, "apiVersion: v3.1.0", "apiVersion: v3.2.0")
    change(contract_file, "name: email\n", "name: email\n        enum: [{value: a}, {value: b, label: B}]\n")
    assert check_document(contract_file) == []
    email = load_contract(contract_file).table.column("email")
    assert email is not None
    assert email.enum == ("a", "b")


PRODUCT_FAULTS = [
    ("name: customer_360\n", "name: customer_36\n", "name-folder", "name: customer_360"),
    ("domain: crm\n", "domain: sales\n", "domain-folder", "domain: crm"),
    ("domain: crm\n", "", "missing-key", "domain: crm"),
    ("status: active", "status: live", "status", "active"),
    ('customer_360, version: "1", des', 'customer_360, version: "2", des', "contract-missing", "v2.odcs.yaml"),
    ('customer_360, version: "1", des', "customer_360, version: 1, des", "wrong-type", '"1"'),
    ('customer_360, version: "1", des', "customer_360, version: one, des", "port-version", '"1"'),
    ('{name: customer_360, version: "1"', '{name: households, version: "1"', "port-name", "name: customer_360"),
    (", contractId: crm.customer_360.v1", "", "contract-id", "crm.customer_360.v1"),
    ("contractId: crm.customer_360.v1", "contractId: crm.other.v1", "contract-id", "Make them the same"),
    ("support:", '  - {name: customer_360, version: "1", contractId: x}\nsupport:', "port-twice", "line 12"),
    ("name: sales.bookings", "name: bookings", "input-name", "sales.bookings"),
    ("name: sales.bookings", "name: crm.customer_360", "input-self", "Delete"),
    ("outputPorts:", '  - {name: sales.bookings, version: "1", contractId: y}\noutputPorts:', "input-twice", "line 10"),
    (", contractId: sales.bookings.v1", "", "missing-key", "contractId"),
    ("ada.crm@example.com", "ada", "owner-missing", "username"),
    ("apiVersion: v1.0.0", "apiVersion: v3.1.0", "not-allowed", "v1.0.0"),
    ("support:", "suport:", "unknown-key", "Did you mean `support`"),
]


@pytest.mark.parametrize(
    ("old", "new", "code", "advice"), PRODUCT_FAULTS, ids=[f"{f[2]}: {f[1][:30]}" for f in PRODUCT_FAULTS]
)
def test_a_fault_in_a_product_is_found_where_it_is(
    old: str, new: str, code: str, advice: str, product_file: Path, change: Change
) -> None:
    line = change(product_file, old, new)
    findings = [finding for finding in check_document(product_file) if finding.severity == "error"]
    assert [finding.code for finding in findings] == [code], render_findings(findings)
    assert advice in f"{findings[0].message} {findings[0].remedy}"
    if code not in ("missing-key", "owner-missing"):
        assert findings[0].line == line


def test_the_typed_product(product_file: Path) -> None:
    product = load_product(product_file)
    assert (product.address, product.title, product.purpose) == ("crm.customer_360", None, "Know the customer.")
    assert product.owners == ("ada.crm@example.com",)
    assert [(port.address, port.contract_id) for port in product.inputs] == [("sales.bookings.v1", "sales.bookings.v1")]
    assert [(port.name, port.major, port.address) for port in product.ports] == [
        ("customer_360", 1, "crm.customer_360.v1")
    ]
    assert product.ports[0].contract.version == "1.2.0"


def test_a_product_may_have_a_name_for_people(product_file: Path, change: Change) -> None:
    change(product_file, "name: customer_360\n", "name: Customer 360\n")
    product = load_product(product_file)
    assert (product.name, product.title) == ("customer_360", "Customer 360")


def test_two_majors_live_side_by_side(product_file: Path, change: Change) -> None:
    first = (product_file.parent / "v1.odcs.yaml").read_text()
    second = first.replace("id: crm.customer_360.v1", "id: crm.customer_360.v2").replace(
        "version: 1.2.0", "version: 2.0.0"
    )
    (product_file.parent / "v2.odcs.yaml").write_text(second)
    assert [(f.code, f.severity) for f in check_document(product_file)] == [("contract-unused", "warning")]
    change(
        product_file, "support:", '  - {name: customer_360, version: "2", contractId: crm.customer_360.v2}\nsupport:'
    )
    assert [port.address for port in load_product(product_file).ports] == ["crm.customer_360.v1", "crm.customer_360.v2"]


def test_findings_are_rendered_for_people_and_tools(contract_file: Path, change: Change) -> None:
    line = change(contract_file, "value: PT15M", "value: 15, unit: m")
    findings = check_document(contract_file)
    place, advice = render_findings(findings, contract_file.parent).splitlines()
    assert place == f"v1.odcs.yaml:{line} slaProperties[0].value"
    assert advice == (
        "  error: `freshness`: the unit `m` means minutes to some tools and months to others. "
        "Write PT15M for minutes or P15M for months, and drop the unit. [unit-m]"
    )
    assert findings[0].as_dict() == {
        "file": str(contract_file),
        "line": line,
        "path": "slaProperties[0].value",
        "message": "`freshness`: the unit `m` means minutes to some tools and months to others.",
        "remedy": "Write PT15M for minutes or P15M for months, and drop the unit.",
        "severity": "error",
        "code": "unit-m",
    }


def test_a_flood_of_faults_is_cut_off(contract_file: Path) -> None:
    flood = "tags:\n" + "  - 1\n" * 4_000
    contract_file.write_text(contract_file.read_text() + flood)
    assert len(check_document(contract_file)) == 100
