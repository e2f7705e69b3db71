"""What `datacontract breaking` (datacontract-cli) calls breaking for consumers, we call breaking; and we see more.

Both sides grade the same single edits of one contract. The second table holds what that tool grades as harmless and
the mesh does not: it documents why the mesh has a comparison of its own.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from datacontract.data_contract import DataContract
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from open_data_contract_standard.model import OpenDataContractStandard
from pydantic import ValidationError

from platform_resources.contracts.changes import compare_contracts
from tests.contracts.changing import COLUMNS, CONTRACT, Edit, add, compared, contract, drop, edited, put

logging.getLogger("datacontract").setLevel(logging.ERROR)

EMAIL, ORDER_ID, CUSTOMER = f"{COLUMNS}/email", f"{COLUMNS}/order_id", f"{COLUMNS}/customer_id"
STATUS, AMOUNT, TIME = f"{COLUMNS}/status", f"{COLUMNS}/amount", f"{COLUMNS}/ordered_at"
RULES = "schema/orders/quality"
NEW_RULE = {"name": "new", "type": "sql", "query": "select count(*) from {table} where amount is null", "mustBe": 0}

EDITS: dict[str, Edit] = {
    "table removed": drop("schema/orders"),
    "table renamed": put("schema/orders/name", "web_orders"),
    "table added": add("schema", {"name": "lines", "properties": [{"name": "line_id", "logicalType": "integer"}]}),
    "physical name of the table": put("schema/orders/physicalName", "t_orders"),
    "physical name of the table dropped": drop("schema/orders/physicalName"),
    "column removed": drop(EMAIL),
    "column renamed": put(f"{EMAIL}/name", "mail"),
    "column added": add(COLUMNS, {"name": "channel", "logicalType": "string"}),
    "required column added": add(COLUMNS, {"name": "channel", "logicalType": "string", "required": True}),
    "key column added": add(COLUMNS, {"name": "line", "logicalType": "integer", "primaryKey": True}),
    "physical name of a column": put(f"{EMAIL}/physicalName", "e_mail"),
    "logical type": put(f"{AMOUNT}/logicalType", "string"),
    "logical type dropped": drop(f"{AMOUNT}/logicalType"),
    "physical type": put(f"{AMOUNT}/physicalType", "DOUBLE"),
    "physical type narrower": put(f"{AMOUNT}/physicalType", "DECIMAL(10,2)"),
    "physical type by another name": put(f"{EMAIL}/physicalType", "TEXT"),
    "physical type dropped": drop(f"{AMOUNT}/physicalType"),
    "required dropped": drop(f"{AMOUNT}/required"),
    "required off": put(f"{AMOUNT}/required", False),
    "required on": put(f"{EMAIL}/required", True),
    "unique off": put(f"{ORDER_ID}/unique", False),
    "unique dropped": drop(f"{ORDER_ID}/unique"),
    "unique on": put(f"{EMAIL}/unique", True),
    "key off": put(f"{ORDER_ID}/primaryKey", False),
    "key dropped": drop(f"{ORDER_ID}/primaryKey"),
    "key of two columns": put(f"{CUSTOMER}/primaryKey", True),
    "key position": put(f"{ORDER_ID}/primaryKeyPosition", 2),
    "pattern": put(f"{EMAIL}/logicalTypeOptions/pattern", "^.+$"),
    "pattern dropped": drop(f"{EMAIL}/logicalTypeOptions/pattern"),
    "pattern of a key": put(f"{CUSTOMER}/logicalTypeOptions/pattern", "^C[0-9]{10}$"),
    "length grown": put(f"{EMAIL}/logicalTypeOptions/maxLength", 500),
    "length shrunk": put(f"{EMAIL}/logicalTypeOptions/maxLength", 100),
    "length dropped": drop(f"{EMAIL}/logicalTypeOptions/maxLength"),
    "least length lowered": put(f"{EMAIL}/logicalTypeOptions/minLength", 1),
    "minimum lowered": put(f"{AMOUNT}/logicalTypeOptions/minimum", -10),
    "minimum raised": put(f"{AMOUNT}/logicalTypeOptions/minimum", 10),
    "minimum dropped": drop(f"{AMOUNT}/logicalTypeOptions/minimum"),
    "maximum raised": put(f"{AMOUNT}/logicalTypeOptions/maximum", 200000),
    "exclusive maximum added": put(f"{AMOUNT}/logicalTypeOptions/exclusiveMaximum", 500),
    "all options dropped": drop(f"{EMAIL}/logicalTypeOptions"),
    "exclusive instead of inclusive": put(f"{AMOUNT}/logicalTypeOptions", {"exclusiveMinimum": 0, "maximum": 100000}),
    "exclusive and wider": put(f"{AMOUNT}/logicalTypeOptions", {"exclusiveMinimum": -5, "maximum": 100000}),
    "enum value added": add(f"{STATUS}/enum", {"value": "lost"}),
    "enum value removed": drop(f"{STATUS}/enum/paid"),
    "enum value changed": put(f"{STATUS}/enum/paid/value", "settled"),
    "enum dropped": drop(f"{STATUS}/enum"),
    "enum added": put(f"{EMAIL}/enum", [{"value": "a@b"}]),
    "link dropped": drop(f"{CUSTOMER}/relationships"),
    "link to another column": put(f"{CUSTOMER}/relationships/0/to", "customers.id"),
    "link added": put(f"{EMAIL}/relationships", [{"to": "contacts.email"}]),
    "link of the table dropped": drop("schema/orders/relationships/0"),
    "link of the table moved": put("schema/orders/relationships/0/from", "orders.email"),
    "link of another type": put(f"{CUSTOMER}/relationships/0/type", "lookup"),
    "rule removed": drop(f"{RULES}/totals"),
    "column's rule removed": drop(f"{EMAIL}/quality/email_known"),
    "all rules removed": drop(RULES),
    "rule added": add(RULES, NEW_RULE),
    "rule renamed": put(f"{RULES}/totals/name", "amounts"),
    "rule downgraded": put(f"{RULES}/totals/severity", "warning"),
    "rule downgraded in other words": put(f"{RULES}/totals/severity", "low"),
    "rule upgraded": put(f"{RULES}/mostly_paid/severity", "error"),
    "threshold weaker": put(f"{RULES}/totals/mustBeLessOrEqualTo", 10),
    "threshold stronger": put(f"{RULES}/totals/mustBeLessOrEqualTo", 0),
    "threshold by another operator": lambda d: (
        drop(f"{RULES}/totals/mustBeLessOrEqualTo")(d), put(f"{RULES}/totals/mustBeGreaterThan", 3)(d)),
    "threshold in percent": put(f"{RULES}/totals/unit", "percent"),
    "threshold dropped": drop(f"{RULES}/totals/mustBeLessOrEqualTo"),
    "rows between, wider": put(f"{RULES}/enough_rows/mustBeBetween", [1, 1000000]),
    "rows between, narrower": put(f"{RULES}/enough_rows/mustBeBetween", [100, 1000000]),
    "rows between, moved": put(f"{RULES}/enough_rows/mustBeBetween", [100, 2000000]),
    "percentage weaker": put(f"{EMAIL}/quality/email_known/mustBeLessThan", 20),
    "valid value added": add(f"{STATUS}/quality/status_listed/arguments/validValues", "lost"),
    "valid value removed": drop(f"{STATUS}/quality/status_listed/arguments/validValues/1"),
    "arguments dropped": drop(f"{STATUS}/quality/status_listed/arguments"),
    "doubles by one more column": add(f"{RULES}/no_doubles/arguments/properties", "status"),
    "another metric": put(f"{EMAIL}/quality/email_known/metric", "missingValues"),
    "another query": put(f"{RULES}/totals/query", "select 0"),
    "query dropped": drop(f"{RULES}/totals/query"),
    "freshness longer": put("slaProperties/freshness/value", "PT2H"),
    "freshness shorter": put("slaProperties/freshness/value", "PT30M"),
    "freshness in other words": put("slaProperties/freshness/value", "PT60M"),
    "freshness dropped": drop("slaProperties/freshness"),
    "freshness of another column": put("slaProperties/freshness/element", "orders.amount"),
    "freshness of no column": drop("slaProperties/freshness/element"),
    "all promises dropped": drop("slaProperties"),
    "vector": add(COLUMNS, {"name": "v", "logicalType": "vector", "logicalTypeOptions": {"dimensions": 3}}),
    "nested column": add(COLUMNS, {"name": "o", "logicalType": "object", "properties": [{"name": "x"}]}),
}  # fmt: skip

# What it grades as harmless, and what the mesh says: breaking for consumers.
HARMLESS_THERE: dict[str, Edit] = {
    "personal column declassified": put(f"{EMAIL}/classification", "public"),
    "personal column internal": put(f"{EMAIL}/classification", "internal"),
    "classification dropped": drop(f"{EMAIL}/classification"),
    "mask weaker": put(f"{EMAIL}/customProperties/mask/value/strategy", "partial"),
    "mask none": put(f"{EMAIL}/customProperties/mask/value/strategy", "none"),
    "mask dropped": drop(f"{EMAIL}/customProperties/mask"),
    "mask with another clearance": put(f"{EMAIL}/customProperties/mask/value/clearance", "staff"),
    "mask without clearance": drop(f"{EMAIL}/customProperties/mask/value/clearance"),
    "row filter dropped": drop("schema/orders/customProperties/rowFilter"),
    "row filter changed": put("schema/orders/customProperties/rowFilter/value/notIn", []),
    "availability lower": put("slaProperties/availability/value", 95),
    "availability dropped": drop("slaProperties/availability"),
    "completeness lower": put("slaProperties/completeness/value", 90),
    "completeness of fewer columns": put("slaProperties/completeness/element", "orders.email"),
    "another percentage lower": put("slaProperties/onTimeShare/value", 90),
    "more errors": put("slaProperties/errorRate/value", 2),
    "latency longer": put("slaProperties/latency/value", "PT1H"),
    "refreshed less often": put("slaProperties/frequency/value", "P1D"),
    "retention shorter": put("slaProperties/retention/value", "P1Y"),
    "personal data kept longer": put("slaProperties/retention/value", "P10Y"),
    "earlier end of support": put("slaProperties/endOfSupport/value", "2027-01-01"),
    "second approver removed": drop("roles/reader/secondLevelApprovers"),
    "one of two approvers removed": put("roles/reader/firstLevelApprovers", "ann@shop.example"),
    "access widened": put("roles/reader/access", "write"),
    "role without approval": add("roles", {"role": "anybody", "access": "read"}),
    "role removed": drop("roles/clerk"),
    "key in another order": lambda d: (
        put(f"{CUSTOMER}/primaryKey", True)(d), put(f"{CUSTOMER}/primaryKeyPosition", 1)(d),
        put(f"{ORDER_ID}/primaryKeyPosition", 2)(d)),
    "key of another pattern": put(f"{CUSTOMER}/logicalTypeOptions/pattern", "^K[0-9]{8}$"),
    "key shorter": put(f"{CUSTOMER}/logicalTypeOptions/maxLength", 8),
    "term rebound": put(f"{EMAIL}/authoritativeDefinitions/0/url", "glossary.yaml#login"),
    "term dropped": drop(f"{EMAIL}/authoritativeDefinitions"),
    "deprecated": put("status", "deprecated"),
    "retired": put("status", "retired"),
    "a draft again": put("status", "draft"),
    "warning removed": drop(f"{RULES}/mostly_paid"),
    "granularity": put("schema/orders/dataGranularityDescription", "One row per order line."),
    "server moved": put("servers/files/location", "s3://elsewhere/orders/*.parquet"),
    "server removed": drop("servers/files"),
    "currency": put(f"{AMOUNT}/customProperties/currency/value", "USD"),
    "semantic type": put(f"{EMAIL}/customProperties/semanticType/value", "login"),
    "calculated another way": put(f"{AMOUNT}/transformLogic", "sum(price)"),
    "another domain": put("domain", "web"),
    "dearer": put("price/priceAmount", 20),
    "tier lower": put("customProperties/tier/value", "bronze"),
    "refresh slower": put("customProperties/refresh/value", "0 * * * *"),
    "weight lower": put("customProperties/scoreWeights/value/accuracy", 1),
    "accuracy against something else": put("customProperties/accuracyReference/value/rule", "other"),
    "accuracy against nothing": drop("customProperties/accuracyReference"),
    "fewer to hide among": put("customProperties/kAnonymity/value/k", 2),
    "one more column in sight": add("customProperties/kAnonymity/value/shownWithoutClearance", "email"),
}  # fmt: skip
_SEEN_THERE_TOO = {"key in another order"}  # which takes a second key column, that it does see


def _theirs(after: dict[str, Any], perspective: str = "consumer") -> bool:
    """Whether `datacontract breaking` ends with 1."""
    before, changed = (OpenDataContractStandard.model_validate(copy.deepcopy(data)) for data in (CONTRACT, after))
    sides = [DataContract(data_contract=data, inline_references=False) for data in (before, changed)]
    return sides[0].breaking(sides[1], perspective=perspective).is_breaking


def _ours(after: dict[str, Any]) -> set[str]:
    found = compare_contracts(contract(CONTRACT), contract(after)).changes
    return {whom for change in found for whom in change.breaks}


@pytest.mark.parametrize("name", EDITS)
def test_what_it_calls_breaking_we_call_breaking(name: str) -> None:
    after = edited(EDITS[name])
    ours = _ours(after)
    assert "consumers" in ours or not _theirs(after)
    assert "producers" in ours or not _theirs(after, "producer")


def test_the_edits_are_many_and_it_finds_a_good_part_of_them_breaking() -> None:
    verdicts = [_theirs(edited(edit)) for edit in EDITS.values()]
    assert len(EDITS) >= 60
    assert 30 <= sum(verdicts) < len(verdicts)


@pytest.mark.parametrize("name", HARMLESS_THERE)
def test_what_it_calls_harmless_and_we_call_breaking(name: str) -> None:
    after = edited(HARMLESS_THERE[name])
    assert _theirs(after) is (name in _SEEN_THERE_TOO)
    assert compared(HARMLESS_THERE[name]).breaking


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _places(inner, (*path, key))


_PLACES = [path for path in _places(CONTRACT) if path[0] not in ("apiVersion", "kind")]


def _replaced(value: Any) -> st.SearchStrategy[Any]:
    """Other values of the same type."""
    if isinstance(value, bool):
        return st.just(not value)
    if isinstance(value, int | float):
        return st.integers(-5, 200).map(lambda n: n if isinstance(value, int) else n / 2)
    if isinstance(value, str):
        known = [
            "PT5M",
            "P2D",
            "string",
            "integer",
            "orders.amount",
            "error",
            "warning",
            "DOUBLE",
            "other",
            "2027-05-05",
        ]
        return st.sampled_from(known)
    return st.permutations(value) if isinstance(value, list) else st.just(value)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.data())
def test_any_two_edits_are_graded_no_milder_than_there(data: st.DataObject) -> None:
    after = copy.deepcopy(CONTRACT)
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(_PLACES))
        container: Any = after
        for step in path[:-1]:
            gone = step not in container if isinstance(container, dict) else step >= len(container)
            assume(not gone)
            container = container[step]
        step = path[-1]
        assume(step in container if isinstance(container, dict) else step < len(container))
        if data.draw(st.booleans()):
            del container[step]
        else:
            container[step] = data.draw(_replaced(container[step]))
    ours = _ours(after)
    try:
        theirs = {who: _theirs(after, who.removesuffix("s")) for who in ("consumers", "producers")}
    except (ValidationError, AttributeError, TypeError):
        assume(False)  # no document that the other side takes
    assert {who for who, breaking in theirs.items() if breaking} <= ours
