"""Predicates: what each test asks, and the laws that hold whatever they are asked of."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from platform_resources.contracts import Document
from platform_resources.contracts.lines import Lines
from platform_resources.governance import Council
from platform_resources.governance.predicates import TESTS, Compiler, Flaw, Predicate
from platform_resources.governance.subjects import Around, Subject, World

TODAY = date(2026, 3, 15)
AROUND = Around(World(Council(None), TODAY), None, None)


def subject(data: dict[str, Any]) -> Subject:
    return Subject("column", data, Document(Path("v1.odcs.yaml"), b"", data, Lines(1, {})), (), AROUND)


def compiled(predicate: Any) -> Predicate:
    compiler = Compiler("column")
    ready = compiler.compile(predicate)
    if any("within each other" in flaw.message for flaw in compiler.flaws):
        reject()  # what is made up may nest deeper than is taken
    assert not compiler.flaws, compiler.flaws
    return ready


def holds(predicate: Any, data: dict[str, Any]) -> bool:
    return compiled(predicate)(subject(data))


def flaw(predicate: Any) -> Flaw:
    compiler = Compiler("column")
    compiler.compile(predicate)
    assert len(compiler.flaws) == 1, compiler.flaws
    return compiler.flaws[0]


TAGGED = {"customProperties": [{"property": "mask", "value": {"strategy": "hash", "length": 64}}], "tags": ["a", "b"]}


@pytest.mark.parametrize(
    ("field", "test", "argument", "value", "expected"),
    [
        ("description", "exists", True, "x", True),
        ("description", "exists", True, "  ", False),
        ("description", "exists", True, None, False),
        ("tags", "exists", True, [], False),
        ("description", "exists", False, "", True),
        ("required", "exists", True, False, True),
        ("required", "is", True, True, True),
        ("required", "is", 1, True, False),
        ("primaryKeyPosition", "is", 1, 1.0, True),
        ("name", "isNot", "a", None, True),
        ("name", "in", ["a", "b"], "b", True),
        ("name", "in", ["a", 1], True, False),
        ("name", "notIn", ["a"], None, True),
        ("name", "matches", "[a-z]+", "abc", True),
        ("name", "matches", "[a-z]+", "abc1", False),
        ("name", "matches", "[0-9]+", 12, False),
        ("description", "matches", ".*todo.*", "first\ntodo\nlast", True),
        ("name", "notMatches", "tmp_.*", "tmp_a", False),
        ("name", "notMatches", "tmp_.*", None, True),
        ("tags", "contains", "b", ["a", "b"], True),
        ("description", "contains", "row", "One row.", True),
        ("description", "contains", 3, "3", False),
        ("primaryKeyPosition", "atLeast", 2, 2, True),
        ("primaryKeyPosition", "atLeast", "2026-01-01", 2, False),
        ("description", "atMost", "PT1H", "PT60M", True),
        ("description", "atMost", "PT1H", "PT61M", False),
        ("description", "atLeast", "2026-01-31", "2026-02-01T10:00:00Z", True),
        ("description", "atLeast", 99.5, "99.9", True),
        ("description", "atLeast", 99.5, "high", False),
        ("description", "longerThan", 3, " abc ", False),
        ("tags", "longerThan", 1, ["a", "b"], True),
        ("description", "after", "today", "2026-03-16", True),
        ("description", "after", "today", "2026-03-15", False),
        ("description", "before", "2026-03-15", "2026-03-14", True),
        ("description", "before", "today", "soon", False),
        ("tags", "each", {"field": ".", "matches": "[a-z]"}, ["a", "B"], False),
        ("tags", "some", {"field": ".", "is": "B"}, ["a", "B"], True),
    ],
)
def test_what_a_test_asks(field: str, test: str, argument: Any, value: Any, expected: bool) -> None:
    assert holds({"field": field, test: argument}, {field: value}) is expected


def test_several_tests_of_one_field_must_all_hold() -> None:
    predicate = {"field": "name", "exists": True, "notIn": ["id"], "matches": "[a-z_]+"}
    assert holds(predicate, {"name": "store_id"})
    assert not holds(predicate, {"name": "id"})
    assert not holds(predicate, {"name": "Store"})


def test_paths_lead_into_mappings_lists_and_custom_properties() -> None:
    assert holds({"field": "custom.mask.strategy", "is": "hash"}, TAGGED)
    assert holds({"field": "custom.mask.length", "atLeast": 64}, TAGGED)
    assert holds({"field": "tags.1", "is": "b"}, TAGGED)
    assert holds({"field": "tags.7", "exists": False}, TAGGED)
    links = {"authoritativeDefinitions": [{"type": "glossary", "url": "x"}, {"type": "other"}]}
    assert holds({"field": "authoritativeDefinitions.type", "contains": "glossary"}, links)
    assert holds({"field": "authoritativeDefinitions.url", "longerThan": 0}, links)


def test_a_field_is_compared_with_another_and_with_nothing_where_that_is_missing() -> None:
    same = {"field": "physicalName", "is": {"field": "name"}}
    assert holds(same, {"name": "a", "physicalName": "a"})
    assert not holds(same, {"name": "a", "physicalName": "b"})
    assert holds(same, {"physicalName": "b"})
    assert not holds(same, {"name": "a"})


def test_within_each_paths_begin_at_the_entry_and_dollar_paths_at_its_surroundings() -> None:
    predicate = {"field": "quality", "each": {"all": [{"field": "dimension", "exists": True}]}}
    assert holds(predicate, {"quality": [{"dimension": "accuracy"}]})
    assert not holds(predicate, {"quality": [{"dimension": "accuracy"}, {"name": "x"}]})
    named = {"field": "quality", "some": {"field": "custom.owner", "is": "ada"}}
    assert holds(named, {"quality": [{"customProperties": [{"property": "owner", "value": "ada"}]}]})


@pytest.mark.parametrize(
    ("predicate", "path", "says"),
    [
        ({"field": "descripton", "exists": True}, ("field",), "Did you mean `description`?"),
        ({"field": "$contracts.status", "exists": True}, ("field",), "Did you mean `$contract`?"),
        ({"field": "$facts.consumer", "exists": True}, ("field",), "Did you mean `$facts.consumers`?"),
        ({"field": "a..b", "exists": True}, ("field",), "Write keys joined by dots"),
        ({"field": "name", "atLeats": 3}, ("atLeats",), "Did you mean `atLeast`?"),
        ({"field": "name"}, (), "Add a test"),
        ({"exists": True}, (), "Add `field: <path>`"),
        ({"all": []}, ("all",), "Write `all:"),
        ({"all": [{"field": "name", "is": "a"}], "field": "name"}, ("field",), "Put everything into `all: [...]`"),
        ({"any": [{"field": "name", "exists": "yes"}]}, ("any", 0, "exists"), "It takes true or false."),
        ({"field": "name", "atLeast": "soon"}, ("atLeast",), "ISO 8601"),
        ({"field": "name", "after": "2026-13-01"}, ("after",), "today, a date"),
        ({"field": "name", "known": "colours"}, ("known",), "classifications, tiers or semanticTypes"),
        ({"field": "name", "matches": "("}, ("matches",), "Mend the pattern"),
        ({"field": ".", "is": "a"}, ("field",), "Use it within `each` or `some`."),
        ({"field": "tags", "each": {"field": "$nowhere.a", "exists": True}}, ("each", "field"), "Begin with"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_remedy(predicate: Any, path: tuple[Any, ...], says: str) -> None:
    found = flaw(predicate)
    assert found.path == path
    assert says in found.remedy


words = st.sampled_from(["a", "b", "A-1", "2026-03-15", "PT1H", "P1D", "99.5", "", " "])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | words | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(
    ["name", "description", "tags", "quality", "custom.mask", "custom.mask.strategy", "tags.0", "sla.freshness.value",
     "$contract.status", "$product.name", "$domain.title", "$table.name", "$classification.mask", "$tier.freshness",
     "$type.id", "$facts.semanticType", "$facts.consumers", "$facts.checks", "$facts.address"]
)  # fmt: skip
others = st.fixed_dictionaries({"field": fields})
scalars = st.booleans() | st.integers(-3, 3) | words
arguments: dict[str, st.SearchStrategy[Any]] = {
    "exists": st.booleans(),
    "is": scalars | others,
    "isNot": scalars | others,
    "in": st.lists(scalars, min_size=1, max_size=3) | others,
    "notIn": st.lists(scalars, min_size=1, max_size=3) | others,
    "matches": st.sampled_from(["[a-z]+", ".*", r"\d{4}-.*"]),
    "notMatches": st.sampled_from(["[a-z]+", ".*", r"\d{4}-.*"]),
    "contains": scalars | others,
    "atLeast": st.sampled_from([0, 99.5, "PT1H", "2026-03-15"]) | others,
    "atMost": st.sampled_from([0, 99.5, "PT1H", "2026-03-15"]) | others,
    "longerThan": st.integers(0, 3),
    "known": st.sampled_from(["classifications", "tiers", "semanticTypes"]),
    "after": st.sampled_from(["today", "2026-03-15"]) | others,
    "before": st.sampled_from(["today", "2026-03-15"]) | others,
}
tests = st.sampled_from(sorted(arguments)).flatmap(
    lambda test: st.builds(lambda field, argument: {"field": field, test: argument}, fields, arguments[test])
)


def _larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    combined, entries = st.sampled_from(["all", "any", "none"]), st.sampled_from(["each", "some"])
    parts = st.lists(inner, min_size=1, max_size=3)
    return st.builds(lambda key, those: {key: those}, combined, parts) | st.builds(
        lambda field, key, inside: {"field": field, key: inside}, fields, entries, inner
    )


predicates = st.recursive(tests, _larger, max_leaves=4)
nodes = st.fixed_dictionaries(
    {},
    optional={
        "name": values, "description": values, "tags": values, "quality": values, "classification": values,
        "customProperties": st.lists(
            st.fixed_dictionaries({"property": st.just("mask") | values, "value": values}) | values, max_size=2
        ) | values,
    },
)  # fmt: skip


def test_the_properties_below_ask_every_test() -> None:
    assert {*arguments, "each", "some"} == set(TESTS)


@settings(max_examples=200, deadline=None)
@given(predicates, nodes)
def test_no_predicate_raises_whatever_the_document_holds(predicate: Any, data: Any) -> None:
    assert isinstance(compiled(predicate)(subject(data)), bool)


@settings(max_examples=100, deadline=None)
@given(st.lists(predicates, min_size=1, max_size=3), nodes)
def test_none_is_not_any_and_all_is_no_exception(parts: list[Any], data: Any) -> None:
    assert holds({"none": parts}, data) is not holds({"any": parts}, data)
    assert holds({"all": parts}, data) is not holds({"any": [{"none": [part]} for part in parts]}, data)


@settings(max_examples=100, deadline=None)
@given(fields, predicates, nodes)
def test_each_holds_when_not_some_entry_fails(field: str, inside: Any, data: Any) -> None:
    some_fails = holds({"field": field, "some": {"none": [inside]}}, data)
    assert holds({"field": field, "each": inside}, data) is not some_fails


@pytest.mark.parametrize(("test", "opposite"), [("is", "isNot"), ("in", "notIn"), ("matches", "notMatches")])
def test_a_negative_test_is_the_opposite(test: str, opposite: str) -> None:
    @settings(max_examples=60, deadline=None)
    @given(arguments[test], values)
    def check(argument: Any, value: Any) -> None:
        if isinstance(argument, dict):  # a missing field to compare with makes both hold
            return
        data = {"description": value}
        positive = holds({"field": "description", test: argument}, data)
        assert positive is not holds({"field": "description", opposite: argument}, data)

    check()
