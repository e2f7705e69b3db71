"""Library metrics with every operator, unit and argument."""

import pytest

from platform_resources.contracts.model import QualityRule
from platform_resources.quality.thresholds import OPERATORS
from tests.quality.building import (
    HERE,
    audit,
    column,
    contract,
    database,
    judge,
    library,
    relationship,
    sla,
    values,
)


def x(type_=None, **more):
    return column("x", type_, **more)


LIBRARY = {  # metric: (rows, arguments, bad rows of 10)
    "nullValues": (["NULL"] * 3 + ["'a'"] * 7, {}, 3),
    "missingValues": (["NULL", "''", "'n/a'"] + ["'a'"] * 7, {"missingValues": [None, "", "n/a"]}, 3),
    "invalidValues": (["'x'", "'y'", "'z'", "NULL"] + ["'a'"] * 6, {"validValues": ["a", "b"]}, 3),
    "duplicateValues": (["'a'"] * 3 + ["'b'"] * 2 + [f"'{i}'" for i in range(5)], {}, 3),
}


@pytest.mark.parametrize("unit", ["rows", "percent"])
@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("metric", LIBRARY)
def test_every_metric_with_every_operator_and_unit(metric, operator, unit):
    rows, arguments, bad = LIBRARY[metric]
    value = bad if unit == "rows" else bad * 10
    truths = {
        "mustBe": (value, value + 1),
        "mustNotBe": (value + 1, value),
        "mustBeGreaterThan": (value - 1, value),
        "mustBeGreaterOrEqualTo": (value, value + 1),
        "mustBeLessThan": (value + 1, value),
        "mustBeLessOrEqualTo": (value, value - 1),
        "mustBeBetween": ([value, value + 1], [value + 1, value + 2]),
        "mustNotBeBetween": ([value + 1, value + 2], [value, value + 1]),
    }[operator]
    for threshold, expected in zip(truths, (True, False), strict=True):
        rule = library("rule", metric, "x", unit, arguments=arguments, **{operator: threshold})
        found = judge(values("VARCHAR", *rows), "rule", x(quality=(rule,)))
        assert found.evaluated, found.message
        assert (found.value, found.failed_rows, found.passed) == (value, bad, expected)


@pytest.mark.parametrize("operator", OPERATORS)
def test_row_count(operator):
    pair = operator.endswith("Between")
    rule = library("n", "rowCount", **{operator: [3, 5] if pair else 3})
    found = [judge(values("INT", *["1"] * n), "n", x(), rules=[rule]).passed for n in range(1, 7)]
    assert (
        found
        == {
            "mustBe": [False, False, True, False, False, False],
            "mustNotBe": [True, True, False, True, True, True],
            "mustBeGreaterThan": [False, False, False, True, True, True],
            "mustBeGreaterOrEqualTo": [False, False, True, True, True, True],
            "mustBeLessThan": [True, True, False, False, False, False],
            "mustBeLessOrEqualTo": [True, True, True, False, False, False],
            "mustBeBetween": [False, False, True, True, True, False],
            "mustNotBeBetween": [True, True, False, False, False, True],
        }[operator]
    )


@pytest.mark.parametrize(
    ("metric", "arguments", "bad"),
    [
        ("missingValues", {}, 2),  # NULL and the empty text
        ("missingValues", {"missingValues": ["n/a"]}, 2),  # NULL and n/a
        ("invalidValues", {"pattern": "^[a-z]$"}, 2),  # "" and n/a
        ("invalidValues", {"validValues": ["a", ""], "pattern": "^.?$"}, 1),
    ],
)
def test_arguments_of_metrics(metric, arguments, bad):
    rule = library("rule", metric, "x", arguments=arguments, mustBe=0)
    assert judge(values("VARCHAR", "NULL", "''", "'n/a'", "'a'"), "rule", x(quality=(rule,))).failed_rows == bad


def test_missing_values_that_the_type_cannot_hold_are_never_found():
    rule = library("rule", "missingValues", "x", arguments={"missingValues": ["N/A", 0]}, mustBe=0)
    assert judge(values("INT", "0", "1", "NULL"), "rule", x(quality=(rule,))).failed_rows == 2


def test_duplicates_over_several_properties():
    rule = library("rule", "duplicateValues", arguments={"properties": ["people.a", "b"]}, mustBe=0)
    select = "SELECT * FROM (VALUES (1, 'a'), (1, 'a'), (1, 'b'), (2, NULL), (2, NULL)) AS v(a, b)"
    assert judge(select, "rule", column("a"), column("b"), rules=[rule]).failed_rows == 1


@pytest.mark.parametrize(
    "rule",
    [
        library("rule", "freshValues", "x", mustBe=0),
        library("rule", "nullValues", "x"),
        library("rule", "nullValues", "x", unit="parsec", mustBe=0),
        library("rule", "nullValues", mustBe=0),
        library("rule", "duplicateValues", mustBe=0),
        library("rule", "invalidValues", "x", mustBe=0),
        library("rule", "invalidValues", "x", arguments={"validValue": ["a"]}, mustBe=0),
        library("rule", "invalidValues", "x", arguments={"validValues": "a"}, mustBe=0),
        library("rule", "missingValues", "x", arguments={"missing": ["a"]}, mustBe=0),
        library("rule", "rowCount", unit="percent", mustBe=0),
        library("rule", "rowCount", mustBeLessThan="many"),
    ],
)
def test_a_rule_that_means_nothing_has_failed_and_blocks(rule):
    found = judge(values("VARCHAR", "'a'"), "rule", x(), rules=[rule])
    assert (found.passed, found.evaluated, found.blocks) == (False, False, True)


def test_a_rule_of_another_engine_is_reported_and_does_not_block():
    found = judge(values("INT", "1"), "soda", x(), rules=[QualityRule("soda", "custom", HERE)])
    assert (found.passed, found.severity, found.blocks) == (False, "warning", False)
    assert "another engine" in found.message


def test_an_empty_table_breaks_no_rule_about_its_rows():
    rules = [
        library("few", "nullValues", "x", "percent", mustBeLessThan=1),
        library("some", "rowCount", mustBeGreaterThan=0),
    ]
    columns = [x("INTEGER", required=True, unique=True, options={"minimum": 0}), column("t", primary_key_position=1)]
    with database("SELECT 1 AS x, 'a' AS t WHERE false") as con:
        promise = contract(
            columns, rules, [relationship(["x"], "people", ["x"])], [sla("completeness", 99, "people.x")]
        )
        found = audit(con, promise)
    assert [r.name for r in found.failures] == ["some"]
    assert found.rows == 0
