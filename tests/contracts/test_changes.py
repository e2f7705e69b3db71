"""Two versions of a contract: every difference is seen once, graded, and told where it stands."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_resources.contracts import Change, Contract, compare_contracts, contract_of_text
from platform_resources.contracts.changes.of_promises import refreshes_a_year
from platform_resources.contracts.changes.of_properties import grade_property
from tests.contracts.changing import COLUMNS, CONTRACT, Edit, add, at, compared, contract, drop, edited, put
from tests.work import calls_of

EMAIL, ORDER_ID, CUSTOMER, AMOUNT = (f"{COLUMNS}/{name}" for name in ("email", "order_id", "customer_id", "amount"))
STATUS, RULES = f"{COLUMNS}/status", "schema/orders/quality"


def one(*edits: Edit) -> Change:
    found = compared(*edits).changes
    assert len(found) == 1, [change.path for change in found]
    return found[0]


class TestWhatIsSeen:
    def test_a_contract_is_like_itself(self) -> None:
        found = compared()
        assert found.changes == ()
        assert found.suggested_version == "1.4.2"
        assert found.version_is_enough

    def test_layout_comments_and_the_order_of_sets_are_no_change(self) -> None:
        data = edited()
        for place in ("slaProperties", "roles", "servers", "customProperties", "tags", RULES, f"{STATUS}/enum"):
            container, step = at(data, place)
            container[step].reverse()
        text = "# comment\n" + json.dumps(dict(reversed(data.items())), indent=3)
        assert compare_contracts(contract(CONTRACT), contract_of_text(text, "x")).changes == ()

    def test_columns_in_another_order_are_told_and_break_nobody(self) -> None:
        change = one(lambda data: data["schema"][0]["properties"].reverse())
        assert (change.path, change.effect, change.breaks) == ("schema.orders.properties", "neutral", ())

    def test_a_change_is_told_by_identity_and_by_place(self) -> None:
        text = json.dumps(CONTRACT, indent=1)
        new = text.replace('"hash"', '"partial"')
        found = compare_contracts(contract_of_text(text, "old.yaml"), contract_of_text(new, "new.yaml"))
        (change,) = found.changes
        assert change.path == "schema.orders.properties.email.customProperties.mask.value"
        assert change.field == "email.mask"
        assert change.columns == ("email",)
        assert change.place == "schema[0].properties[1].customProperties[0].value"
        assert str(change.file) == "new.yaml"
        assert new.splitlines()[change.line - 1].strip().startswith('"value"')

    def test_what_is_gone_stands_in_the_old_document(self) -> None:
        text = json.dumps(CONTRACT, indent=1)
        new = json.dumps(edited(drop(EMAIL)), indent=1)
        found = compare_contracts(contract_of_text(text, "old.yaml"), contract_of_text(new, "new.yaml"))
        (change,) = found.changes
        assert (change.kind, str(change.file)) == ("removed", "old.yaml")
        assert '"name": "email"' in text.splitlines()[change.line]
        assert change.place == "schema[0].properties"

    def test_keys_that_no_view_knows_are_covered(self) -> None:
        change = one(put("somethingNew", {"deep": [7]}))
        assert change.path == "somethingNew.deep.7"
        assert change.effect == "neutral"
        assert one(put("somethingNew", None)).effect == "neutral"

    def test_a_renamed_column_is_told_as_such_and_breaks(self) -> None:
        found = compared(put(f"{EMAIL}/name", "mail"))
        assert found.renamed == {"email": "mail"}
        assert {(change.kind, change.columns[0]): change.breaks for change in found.changes} == {
            ("added", "mail"): ("producers",),
            ("removed", "email"): ("consumers",),
        }

    def test_another_column_in_the_place_of_one_is_no_new_name(self) -> None:
        other = {"name": "age", "logicalType": "integer", "physicalType": "BIGINT"}
        assert compared(put(EMAIL, other)).renamed == {}

    def test_a_rule_without_a_name_is_found_by_what_it_checks(self) -> None:
        def nameless(data: dict[str, Any]) -> None:
            del data["schema"][0]["quality"][2]["name"]

        before = contract(edited(nameless))
        after = contract(edited(nameless, lambda data: put(f"{RULES}/2/mustBeLessOrEqualTo", 9)(data)))
        (change,) = compare_contracts(before, after).changes
        assert (change.before, change.after, change.effect) == (3, 9, "loosens")

    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def test_no_edit_goes_unseen(self, data: st.DataObject) -> None:
        after = copy.deepcopy(CONTRACT)
        container: Any = after
        while True:
            steps = list(container) if isinstance(container, dict) else list(range(len(container)))
            step = data.draw(st.sampled_from(steps))
            inner = container[step]
            if not isinstance(inner, dict | list) or not inner or data.draw(st.integers(0, 3)) == 0:
                break
            container = inner
        if data.draw(st.booleans()):
            del container[step]
        else:
            container[step] = data.draw(st.sampled_from(["another text", 4711, {"new": {"key": "x"}}, [1], True]))
        changes = compare_contracts(contract(CONTRACT), contract(after)).changes
        assert changes
        assert len({(change.keys, change.kind, str(change.after)) for change in changes}) == len(changes)
        back = compare_contracts(contract(after), contract(CONTRACT)).changes
        assert back
        for change in (*changes, *back):
            assert change.reason.endswith(".")
            assert change.reason[0].isupper() or change.reason[0] == "`"
            assert change.effect != "neutral" or not change.breaks


TIGHTENS: dict[str, Edit] = {
    "column": add(COLUMNS, {"name": "channel", "logicalType": "string"}),
    "required": put(f"{EMAIL}/required", True),
    "length": put(f"{EMAIL}/logicalTypeOptions/maxLength", 100),
    "listed value gone": drop(f"{STATUS}/enum/sent"),
    "rule": add(RULES, {"name": "r", "type": "library", "metric": "rowCount", "mustBeGreaterThan": 1}),
    "threshold": put(f"{RULES}/totals/mustBeLessOrEqualTo", 1),
    "severity": put(f"{RULES}/mostly_paid/severity", "error"),
    "freshness": put("slaProperties/freshness/value", "PT5M"),
    "availability": put("slaProperties/availability/value", 99.99),
    "errors": put("slaProperties/errorRate/value", 0.5),
    "completeness of more": put("slaProperties/completeness/element", "orders.email, orders.amount, orders.status"),
    "end later": put("slaProperties/endOfSupport/value", "2030-01-01"),
    "no end": drop("slaProperties/endOfSupport"),
    "new promise": add("slaProperties", {"property": "timeToRepair", "value": "PT4H"}),
    "refresh": put("customProperties/refresh/value", "on_update"),
    "classification": put(f"{AMOUNT}/classification", "restricted"),
    "anonymity": put("customProperties/kAnonymity/value/k", 10),
    "link": put(f"{EMAIL}/relationships", [{"to": "contacts.email"}]),
}
HARMLESS: dict[str, Edit] = {
    "wording": put(f"{EMAIL}/description", "The address."),
    "purpose": put("description/purpose", "Orders, one a row."),
    "tags": add("tags", "web"),
    "member": add("team/members", {"username": "eve@shop.example"}),
    "chat": put("support/#shop/url", "https://chat.example/other"),
    "freshness in other words": put("slaProperties/freshness/value", "PT60M"),
    "retention in other words": put("slaProperties/retention/value", "P36M15D"),
    "objective in other words": put(
        "slaProperties/freshness/customProperties", [{"property": "objective", "value": 100}]
    ),
    "refresh at another minute": put("customProperties/refresh/value", "5-59/10 * * * *"),
    "an approver for another": put("roles/reader/secondLevelApprovers", "dpo@shop.example"),
    "approvers in another order": put("roles/reader/firstLevelApprovers", "bob@shop.example,ann@shop.example"),
    "dimension": put(f"{RULES}/totals/dimension", "accuracy"),
    "version": put("version", "1.4.3"),
    "standard": put("apiVersion", "v3.1.0"),
    "elements in another order": put("slaProperties/completeness/element", "orders.amount, orders.email"),
    "error is what is meant": put(f"{RULES}/enough_rows/severity", "error"),
    "optional is what is meant": put(f"{EMAIL}/required", False),
}


class TestGrades:
    @pytest.mark.parametrize("name", TIGHTENS)
    def test_more_is_promised(self, name: str) -> None:
        found = compared(TIGHTENS[name])
        assert {change.effect for change in found.changes} == {"tightens"}
        assert not found.breaking
        assert found.suggested_version == "1.5.0"

    @pytest.mark.parametrize("name", HARMLESS)
    def test_the_same_is_promised(self, name: str) -> None:
        found = compared(HARMLESS[name])
        assert found.changes
        assert {change.effect for change in found.changes} == {"neutral"}
        assert not found.breaking_for("producers")

    @pytest.mark.parametrize(
        ("edit", "reason"),
        [
            (put(f"{CUSTOMER}/logicalTypeOptions/maxLength", 20), "keys of another form"),
            (put(f"{CUSTOMER}/physicalType", "BIGINT"), "another type no longer joins"),
            (put(f"{EMAIL}/physicalType", "BIGINT"), "expects the old type"),
            (put(f"{EMAIL}/customProperties/mask/value/strategy", "redact"), "see less than before"),
            (put(f"{CUSTOMER}/primaryKey", True), "by (order_id, customer_id) instead of (order_id)"),
            (put("slaProperties/retention/value", "P10Y"), "Personal data is kept longer"),
            (add("roles", {"role": "guest", "access": "read"}), "nobody has to approve"),
            (
                add("roles", {"role": "guest", "access": "read", "firstLevelApprovers": "a@b.example"}),
                "without the second approval",
            ),
        ],
    )
    def test_the_reason_says_what_happens(self, edit: Edit, reason: str) -> None:
        found = compared(edit).breaking
        assert any(reason in change.reason for change in found), [change.reason for change in found]

    @pytest.mark.parametrize(
        ("before", "after", "effect", "breaks", "reason"),
        [
            ({"unit": "month"}, {"unit": "day"}, "loosens", True, "more finely"),
            ({"unit": "day"}, {"unit": "week"}, "both", True, "more coarsely"),
            ({"unit": "week"}, {"unit": "month"}, "both", True, "in other places"),
            ({"bucket": 10}, {"bucket": 5}, "loosens", True, "more finely"),
            ({"bucket": 10}, {"bucket": 30}, "both", True, "more coarsely"),
            ({"bucket": 10}, {"bucket": 15}, "both", True, "in other places"),
            ({"bucket": 10}, {"bucket": 10.0}, "neutral", False, ""),
            ({"bands": [10, 20, 30]}, {"bands": [10, 30]}, "both", True, "more coarsely"),
            ({"bands": [10, 30]}, {"bands": [10, 20, 30]}, "loosens", True, "more finely"),
            ({"bands": [10, 25]}, {"bucket": 5}, "loosens", True, "more finely"),
            ({"bucket": 10}, {"bands": "x"}, "both", True, "not known"),
        ],
    )
    def test_a_generalisation_is_coarser_or_finer(
        self, before: dict[str, Any], after: dict[str, Any], effect: str, breaks: bool, reason: str
    ) -> None:
        place = f"{EMAIL}/customProperties/mask/value"
        sides = [contract(edited(put(place, {"strategy": "generalise", **options}))) for options in (before, after)]
        found = compare_contracts(*sides).changes
        assert {change.effect for change in found} <= {effect}
        assert all(bool(change.breaks) == breaks and reason in change.reason for change in found), found
        assert found or effect == "neutral"

    @pytest.mark.parametrize(
        ("before", "after", "effect", "breaks", "reason"),
        [
            ("partial", "generalise", "both", True, "see less"),
            ("hash", "generalise", "loosens", True, "hides less"),
            ("generalise", "null", "both", True, "see less"),
        ],
    )
    def test_strategies_have_an_order(self, before: str, after: str, effect: str, breaks: bool, reason: str) -> None:
        place = f"{EMAIL}/customProperties/mask/value/strategy"
        (change,) = compare_contracts(*(contract(edited(put(place, name))) for name in (before, after))).changes
        assert (change.effect, bool(change.breaks)) == (effect, breaks)
        assert reason in change.reason

    @pytest.mark.parametrize(
        ("before", "after", "effect", "breaks"),
        [
            ({}, {"objective": 99}, "loosens", True),
            ({"objective": 99}, {"objective": 99.5}, "tightens", False),
            ({"objective": 99}, {}, "tightens", False),
            ({"window": "P30D"}, {"window": "P7D"}, "both", True),
            ({}, {"window": "P30D"}, "neutral", False),
        ],
    )
    def test_how_much_of_the_time_a_promise_has_to_hold_is_promised(
        self, before: dict[str, Any], after: dict[str, Any], effect: str, breaks: bool
    ) -> None:
        place = "slaProperties/freshness/customProperties"
        sides = [
            contract(edited(put(place, [{"property": name, "value": value} for name, value in said.items()])))
            for said in (before, after)
        ]
        found = compare_contracts(*sides)
        assert {change.effect for change in found.changes} == {effect}
        assert bool(found.breaking) == breaks

    @pytest.mark.parametrize(
        ("name", "before", "after", "effect", "breaks"),
        [
            ("clearances", None, ["gdpr"], "loosens", False),
            ("clearances", ["gdpr"], None, "both", True),
            ("clearances", ["gdpr"], ["board"], "loosens", False),
            ("purposes", None, ["analytics"], "both", True),
            ("purposes", ["analytics"], None, "loosens", False),
            ("purposes", ["analytics"], ["analytics", "campaigns"], "loosens", False),
            ("purposes", ["analytics", "campaigns"], ["analytics"], "both", True),
            ("rowFilter", None, {"where": "status = 'paid'"}, "both", True),
            ("rowFilter", {"where": "status = 'paid'"}, None, "loosens", True),
            (
                "rowFilter",
                {"where": "status = 'paid'"},
                {"where": "status = 'paid'", "clearance": "a"},
                "loosens",
                True,
            ),
            ("rowFilter", {"where": "status = 'paid'"}, {"where": "status = 'open'"}, "both", True),
        ],
    )
    def test_what_a_role_opens(self, name: str, before: Any, after: Any, effect: str, breaks: bool) -> None:
        def role(value: Any) -> Edit:
            listed = [] if value is None else [{"property": name, "value": value}]
            return put("roles/reader/customProperties", [{"property": "other", "value": 1}, *listed])

        found = compare_contracts(*(contract(edited(role(value))) for value in (before, after))).changes
        assert {change.effect for change in found} == {effect}
        assert any(change.breaks for change in found) == breaks

    def test_who_knows_of_a_product(self) -> None:
        hide = add("customProperties", {"property": "visibility", "value": "granted"})
        assert one(hide).effect == "both"
        (change,) = compare_contracts(contract(edited(hide)), contract(CONTRACT)).changes
        assert change.effect == "loosens"

    def test_a_longer_retention_of_impersonal_data_is_a_service(self) -> None:
        def impersonal(data: dict[str, Any]) -> None:
            put(f"{EMAIL}/classification", "internal")(data)

        before = contract(edited(impersonal))
        after = contract(edited(impersonal, put("slaProperties/retention/value", "P10Y")))
        (change,) = compare_contracts(before, after).changes
        assert change.effect == "tightens"

    def test_classifications_of_another_council(self) -> None:
        order = ("open", "personal", "public")  # a council may use the words as it likes
        after = contract(edited(put(f"{EMAIL}/classification", "public")))
        (change,) = compare_contracts(contract(CONTRACT), after, order).changes
        assert change.effect == "tightens"
        (change,) = compare_contracts(contract(CONTRACT), after, ("internal", "secret")).changes
        assert change.effect == "both"  # of words that it doesn't know the worst is assumed

    def test_tiers_of_another_council(self) -> None:
        def of_tier(name: str) -> Contract:
            return contract(edited(put("customProperties/tier/value", name)))

        for names, effect in (("gold silver", "loosens"), ("silver gold", "tightens"), ("wood stone", "both")):
            before, after = map(of_tier, names.split())
            assert [change.effect for change in compare_contracts(before, after).changes] == [effect]
        before, after = of_tier("wood"), of_tier("stone")
        assert compare_contracts(before, after, tiers=("wood", "stone")).changes[0].effect == "tightens"
        assert compare_contracts(before, after, tiers=("stone", "wood")).changes[0].effect == "loosens"

    def test_which_columns_are_touched(self) -> None:
        assert one(put("slaProperties/freshness/value", "PT2H")).columns == ()
        assert one(put("slaProperties/completeness/value", 90)).columns == ("amount", "email")
        assert one(put(f"{RULES}/no_doubles/mustBe", 5)).columns == ("customer_id", "order_id")
        assert one(put(f"{RULES}/totals/mustBeLessOrEqualTo", 5)).columns == ()
        assert one(drop("schema/orders/relationships/0")).columns == ("status",)
        assert one(put(f"{EMAIL}/quality/email_known/mustBeLessThan", 9)).columns == ("email",)
        assert not one(put(f"{EMAIL}/quality/email_known/mustBeLessThan", 9)).touches("amount")


class TestVersions:
    @pytest.mark.parametrize(
        ("edit", "suggested"),
        [
            (drop(EMAIL), "2.0.0"),
            (add(COLUMNS, {"name": "channel"}), "1.5.0"),
            (put("name", "Web orders"), "1.4.3"),
            (put("version", "1.9.0"), "1.4.2"),
        ],
    )
    def test_the_suggestion_counts_from_the_old_version(self, edit: Edit, suggested: str) -> None:
        assert compared(edit).suggested_version == suggested

    @pytest.mark.parametrize(
        ("version", "enough"), [("1.4.2", False), ("1.4.9", False), ("1.5.0", True), ("1.10.0", True), ("2.0.0", True)]
    )
    def test_a_higher_version_is_enough(self, version: str, enough: bool) -> None:
        found = compared(add(COLUMNS, {"name": "channel"}), put("version", version))
        assert found.version_is_enough is enough


@pytest.mark.parametrize(
    ("refresh", "times"),
    [
        ("on_update", float("inf")),
        ("*/10 * * * *", 6 * 24 * 365),
        ("0 * * * *", 24 * 365),
        ("0 4 * * *", 365),
        ("0 4,16 * * *", 730),
        ("30 6 * * 1-5", 365 * 5 / 7),
        ("0 6 1 * *", 365 / 31),
        ("0 6 1 1 *", 365 / 31 / 12),
        ("0 6 * * 0,7", 365 / 7),
        ("now and then", None),
        ("0 25 * * *", None),
        ("*/0 * * * *", None),
        ("5-1 * * * *", None),
    ],
)
def test_how_often_a_product_is_refreshed(refresh: str, times: float | None) -> None:
    found = refreshes_a_year(refresh)
    assert found == times if times is None else found == pytest.approx(times)


def test_the_cost_of_a_comparison_grows_with_the_columns_only() -> None:
    def cost(count: int) -> int:
        data = edited()
        columns = data["schema"][0]["properties"]
        for number in range(count):
            columns.append({**copy.deepcopy(columns[1]), "name": f"c{number}"})
        changed = copy.deepcopy(data)
        put("slaProperties/freshness/value", "PT2H")(changed)
        before, after = contract(data), contract(changed)
        assert len(compare_contracts(before, after).changes) == 1
        return calls_of(lambda: compare_contracts(before, after))

    narrow, wide = cost(30), cost(120)
    assert wide < 4 * narrow * 1.2


@pytest.mark.parametrize(
    "place",
    [f"{STATUS}/quality/status_listed/arguments/validValues", f"{STATUS}/enum", f"{STATUS}/logicalTypeOptions"],
)
def test_a_long_list_is_graded_once(place: str) -> None:
    """1,000 values more beside 1,000 that were there: each is told, and the time grows with their number only."""
    values: list[Any] = [f"v{number}" for number in range(2_000)]
    if place.endswith("enum"):
        values = [{"value": value} for value in values]

    def listing(count: int) -> Any:
        return {"enum": values[:count]} if place.endswith("Options") else values[:count]

    before, after = (contract(edited(put(place, listing(count)))) for count in (1_000, 2_000))
    found = compare_contracts(before, after).changes
    assert calls_of(lambda: compare_contracts(before, after)) < 1_000 * 1_000 / 2  # not each value with each
    assert len(found) == 1_000
    assert {(change.effect, change.columns) for change in found} == {("loosens", ("status",))}
    back = compare_contracts(after, before).changes
    assert {(change.kind, change.effect) for change in back} == {("removed", "tightens")}


def test_two_lists_of_one_contract_are_graded_apart() -> None:
    rule = f"{STATUS}/quality/status_listed/arguments/validValues"
    found = compared(
        put(rule, ["open", "paid"]), put(f"{STATUS}/enum", [{"value": v} for v in ("open", "paid", "sent", "x")])
    )
    assert {change.keys[-2]: change.effect for change in found.changes} == {
        "validValues": "tightens",
        "enum": "loosens",
    }


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        ([1, 2], [2.0, 1.0], []),
        ([1, 0], [True, False], ["added", "added", "removed", "removed"]),
        (["1"], [1], ["added", "removed"]),
        ([1, None], [None, 1, 1], []),
    ],
)
def test_values_of_lists_are_told_apart_as_yaml_does(old: list[Any], new: list[Any], kinds: list[str]) -> None:
    place = f"{STATUS}/quality/status_listed/arguments/validValues"
    before, after = (contract(edited(put(place, side))) for side in (old, new))
    assert sorted(change.kind for change in compare_contracts(before, after).changes) == kinds


@pytest.mark.parametrize("name", ["replacedBy", "retirement"])
def test_what_is_told_of_an_end_promises_nothing_else(name: str) -> None:
    verdict = grade_property(name, None, "crm.customer_360.v2", (), None, "crm.customer_360.v2")
    assert (verdict.effect, verdict.breaks) == ("neutral", ())
    assert "no meaning" not in verdict.reason
