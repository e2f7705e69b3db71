"""Contract -> checks: names, groups, severities, dimensions."""

import re

from platform_resources.contracts.model import QualityRule
from platform_resources.quality import check_groups, compile_checks
from tests.quality.building import HERE, column, contract, library, relationship, sla, sql


def names(promise):
    return [check.name for check in compile_checks(promise)]


def test_implicit_promises_of_one_kind_are_published_as_one_check():
    columns = [column(f"c{i}", required=True, options={"minimum": 0}) for i in range(50)]
    groups = {group.name: group for group in check_groups(contract(columns))}
    assert set(groups) == {"schema", "extra_columns", "required", "range"}
    assert len(groups["required"].checks) == 50
    assert groups["required"].blocking
    assert not groups["extra_columns"].blocking


def test_an_explicit_rule_is_published_under_its_own_name():
    promise = contract([column("a")], [library("Rows are many!", "rowCount", mustBeGreaterThan=1)])
    group = check_groups(promise)[-1]
    assert (group.name, group.dimension, group.severity) == ("Rows_are_many", "coverage", "error")


def test_names_are_unique_and_fit_dagster_whatever_the_contract_says():
    twins = (library("no nulls", "nullValues", "a", mustBe=0), library("no nulls", "nullValues", "a", mustBe=0))
    columns = [
        column("a", required=True, unique=True, quality=twins),
        column("a b", required=True),
        column("a_b", required=True, quality=(library("no nulls", "nullValues", "a_b", mustBe=0),)),
        column("Größe", required=True, primary_key_position=1),
    ]
    rules = [sql(name, "SELECT 1", mustBe=1) for name in ("schema", "required", "required__a", "unique", "§", "x", "x")]
    promise = contract(columns, rules, [relationship(["a"], "t", ["b"]), relationship(["a"], "u", ["b"])])
    found = names(promise)
    assert len(found) == len(set(found))
    assert all(re.fullmatch(r"[A-Za-z0-9_]+", name) for name in found)
    published = [group.name for group in check_groups(promise)]
    assert len(published) == len(set(published))
    assert {"schema", "required", "unique", "schema__rule", "required__rule", "unique__rule"} <= set(published)


def test_the_order_of_rules_does_not_change_their_names():
    one = column("a", quality=(library("filled", "nullValues", "a", mustBe=0),))
    other = column("b", quality=(library("filled", "nullValues", "b", mustBe=0),))
    assert set(names(contract([one, other]))) == set(names(contract([other, one])))
    assert "filled__a" in names(contract([one, other]))


def test_a_primary_key_is_one_uniqueness_check_and_its_parts_are_required():
    columns = [column("b", primary_key_position=2), column("a", primary_key_position=1, required=True)]
    checks = {check.name: check for check in compile_checks(contract(columns))}
    assert checks["primary_key"].columns == ("a", "b")
    assert {"required__a", "required__b"} <= set(checks)


def test_a_column_that_is_key_and_unique_is_checked_once():
    assert "unique__a" not in names(contract([column("a", unique=True, primary_key_position=1)]))


def test_text_rules_are_documentation():
    rule = QualityRule("be nice", "text", HERE, description="values should be nice")
    assert names(contract([column("a")], [rule])) == ["schema", "extra_columns"]


def test_a_relationship_may_warn():
    promise = contract([column("a")], relationships=[relationship(["a"], "t", ["a"], severity="warning")])
    group = check_groups(promise)[-1]
    assert (group.name, group.severity, group.dimension) == ("relationships_warning", "warning", "consistency")


def test_service_levels_make_a_check_for_each_element():
    promise = contract(
        [column("a"), column("b")],
        service_levels=[
            sla("freshness", "PT15M", "people.a"),
            sla("completeness", 98, "people.a, people.b", "percent"),
            sla("availability", 99.9, unit="percent"),
        ],
    )
    assert names(promise)[2:] == ["freshness__a", "completeness__a", "completeness__b"]
    groups = {group.name: group.severity for group in check_groups(promise)}
    assert groups["freshness"] == "warning"  # refusing stale data would leave consumers with staler data
    assert groups["completeness"] == "error"


def test_dimension_and_severity_of_a_rule_win_over_the_defaults():
    rule = library("n", "nullValues", "a", mustBe=0, severity="info", dimension="accuracy")
    check = compile_checks(contract([column("a", quality=(rule,))]))[-1]
    assert (check.severity, check.dimension) == ("info", "accuracy")
