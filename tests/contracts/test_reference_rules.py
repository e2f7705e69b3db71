"""Rules that compare with a reference: what can't be run is found, what changes is graded, the standard allows them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft201909Validator

from platform_resources.contracts import check_document, compare_contracts, load_usable_domain
from platform_resources.contracts.contract_view import OPERATORS
from platform_resources.contracts.reference_rules import Counterpart, reference_rule_of
from tests.contracts.changing import CONTRACT, Edit, add, contract, edited, put

Change = Callable[[Path, str, str], int]

SAID: dict[str, Any] = {
    "metric": "differingValues",
    "reference": "sales.bookings.v1",
    "key": ["order_id"],
    "compare": {"amount": "sum(net_sales)", "status": "state"},
    "upTo": {"order_id": "number"},
    "tolerance": {"absolute": 0.01},
    "mustBeLessThan": 1,
}
RULE: dict[str, Any] = {
    "name": "amounts_agree", "type": "custom", "engine": "mesh", "implementation": SAID, "unit": "percent",
    "dimension": "accuracy",
}  # fmt: skip
INSIDE = "schema/orders/quality/amounts_agree/implementation"


def changed(*edits: Edit) -> dict[str, str]:
    """Place in the rule -> effect, of each change of a contract that has the rule."""
    with_rule = add("schema/orders/quality", copy.deepcopy(RULE))
    sides = contract(edited(with_rule)), contract(edited(with_rule, *edits))
    return {c.path.rpartition("amounts_agree.")[2]: c.effect for c in compare_contracts(*sides).changes}


def test_a_rule_is_read_as_it_is_written() -> None:
    found = reference_rule_of(SAID)
    assert found.compare == (Counterpart("amount", "net_sales", "sum"), Counterpart("status", "state"))
    assert (found.key, found.up_to, found.absolute) == ((("order_id", "order_id"),), ("order_id", "number"), 0.01)
    assert found.columns == ("amount", "status", "order_id")
    assert found.reference_columns == ("order_id", "number", "net_sales", "state")


def test_the_standard_allows_it() -> None:
    """By the official schema as it is, which allows no operator beside a custom rule."""
    (package,) = find_spec("open_data_contract_standard").submodule_search_locations
    judge = Draft201909Validator(json.loads((Path(package) / "schema.json").read_text()))
    place = {"name": "orders", "properties": [{"name": "x", "logicalType": "string"}]}
    for rule, allowed in ((RULE, True), ({**RULE, "mustBe": 0}, False)):
        document = {key: CONTRACT[key] for key in ("apiVersion", "kind", "id", "version", "status")}
        found = list(judge.iter_errors({**document, "schema": [{**place, "quality": [rule]}]}))
        assert (["quality" in error.absolute_path for error in found] == []) == allowed


@pytest.mark.parametrize(
    ("edit", "path", "effect"),
    [
        (put(f"{INSIDE}/tolerance/absolute", 0.05), "implementation.tolerance.absolute", "loosens"),
        (put(f"{INSIDE}/tolerance/absolute", 0), "implementation.tolerance.absolute", "tightens"),
        (put(f"{INSIDE}/tolerance/relative", 0.5), "implementation.tolerance.relative", "loosens"),
        (put(f"{INSIDE}/tolerance", {"relative": 0.1}), "implementation.tolerance", "both"),
        (put(f"{INSIDE}/mustBeLessThan", 2), "implementation.mustBeLessThan", "loosens"),
        (put(f"{INSIDE}/mustBeLessThan", 0.5), "implementation.mustBeLessThan", "tightens"),
        (put(f"{INSIDE}/unmatched", "differ"), "implementation.unmatched", "tightens"),
        (put(f"{INSIDE}/unmatched", "tell"), "implementation.unmatched", "neutral"),
        (put(f"{INSIDE}/compare/email", "mail"), "implementation.compare.email", "tightens"),
        (put(f"{INSIDE}/compare", {"amount": "sum(net_sales)"}), "implementation.compare.status", "loosens"),
        (put(f"{INSIDE}/compare/amount", "sum(gross)"), "implementation.compare.amount", "both"),
        (put(f"{INSIDE}/reference", "sales.bookings.v2"), "implementation.reference", "both"),
        (put(f"{INSIDE}/key", ["customer_id"]), "implementation.key.customer_id", "both"),
        (put("schema/orders/quality/amounts_agree/unit", "rows"), "unit", "both"),
        (put("schema/orders/quality/amounts_agree/severity", "warning"), "severity", "loosens"),
        (put("schema/orders/quality/amounts_agree/engine", "soda"), "engine", "both"),
    ],
)
def test_what_a_change_does_to_the_promise(edit: Edit, path: str, effect: str) -> None:
    found = changed(edit)
    assert {effect} == {found[name] for name in found if name.startswith(path)}


FAULTS = [
    ("metric: differingValues", "metric: sameValues", "rule-reference", "metric: differingValues"),
    ("key: [household_id]", "key: [household]", "unknown-column", "household_id"),
    ("compare: {spend:", "compare: {spent:", "unknown-column", "spend"),
    ("upTo: household_id", "upTo: load", "unknown-column", "load"),
    ("sum(net_sales)", "sum(*)", "rule-reference", "only count takes *"),
    ("tolerance: {absolute: 0.01}", "tolerance: 0.01", "rule-reference", "{absolute: 0.01}"),
    ("tolerance:", "tolerence:", "rule-reference", "Known are"),
    ("mustBe: 0}", "mustBe: none}", "rule-limit", "number"),
    (", mustBe: 0}", "}", "rule-operator", "mustBe: 0"),
    ("mustBe: 0}", "mustBeLessThan: 101}\n        unit: percent", "rule-limit", "0 to 100"),
]
IN_A_FILE = """\
      - name: spend_agrees
        type: custom
        engine: mesh
        implementation:
          {metric: differingValues, reference: sales.bookings.v1, key: [household_id], upTo: household_id,
           compare: {spend: sum(net_sales)}, tolerance: {absolute: 0.01}, mustBe: 0}
        dimension: accuracy
"""


@pytest.fixture
def with_rule(contract_file: Path) -> Path:
    text = contract_file.read_text()
    contract_file.write_text(text.replace("slaProperties:\n", f"{IN_A_FILE}slaProperties:\n", 1))
    return contract_file


def test_a_right_one_passes(with_rule: Path) -> None:
    assert check_document(with_rule) == []


@pytest.mark.parametrize(("old", "new", "code", "said"), FAULTS)
def test_what_can_not_be_run_is_found_where_it_stands(
    old: str, new: str, code: str, said: str, with_rule: Path, change: Change
) -> None:
    change(with_rule, old, new)
    (finding,) = check_document(with_rule)
    assert finding.code == code
    assert said in f"{finding.message} {finding.remedy}"
    assert finding.path.startswith("schema[0].quality[2].implementation")


def test_the_reference_is_a_declared_input(domain_folder: Path) -> None:
    """As that of a foreign key, and with columns that it has."""
    file = domain_folder / "products" / "customer_360" / "v1.odcs.yaml"
    text = file.read_text()
    rule = {**RULE, "implementation": {**SAID, "key": ["household_id"], "compare": ["household_id"]}}
    del rule["implementation"]["upTo"]
    wanted = {"finance.revenue.v1": "reference-input", "nowhere": "reference-table", "sales.bookings.v1": None}
    for reference, code in wanted.items():
        rule["implementation"]["reference"] = reference
        document = yaml.safe_load(text)
        document["schema"][0]["quality"] = [json.loads(json.dumps(rule))]
        file.write_text(yaml.safe_dump(document, sort_keys=False))
        blocked = load_usable_domain(domain_folder).blocked
        assert [finding.code for found in blocked.values() for finding in found] == ([code] if code else [])


def test_what_it_reads_of_an_input_is_declared(domain_folder: Path) -> None:
    folder = domain_folder / "products" / "customer_360"
    product = (folder / "product.odps.yaml").read_text()
    said = "contractId: sales.bookings.v1, customProperties: [{property: columns, value: [household_id, net_sales]}]}"
    (folder / "product.odps.yaml").write_text(product.replace("contractId: sales.bookings.v1}", said))
    text = (folder / "v1.odcs.yaml").read_text().replace("slaProperties:\n", f"{IN_A_FILE}slaProperties:\n", 1)
    (folder / "v1.odcs.yaml").write_text(text)
    assert load_usable_domain(domain_folder).findings == ()
    (folder / "v1.odcs.yaml").write_text(text.replace("sum(net_sales)", "sum(customer_spend)"))
    (finding,) = load_usable_domain(domain_folder).findings
    assert (finding.code, finding.severity) == ("undeclared-column", "warning")
    assert "customer_spend" in finding.message


def test_operators_are_those_of_any_rule() -> None:
    assert all(name.startswith("must") for name in OPERATORS)
