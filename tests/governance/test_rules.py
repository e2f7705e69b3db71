"""Rules over a mesh: whom they are for, since when, what they say and where, and what happens when they fail."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from platform_resources.contracts import Mesh, contract_of_text, load_mesh
from platform_resources.governance import (
    Candidate,
    Council,
    Judgement,
    check_examples,
    judge,
    judge_contract,
    judge_rules,
)
from platform_resources.governance.days import noon, today
from tests.council_files import COUNCIL, rule, sound_council
from tests.tiny_mesh import ORDERS_CONTRACT, write_project

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
ORDERS = "domains/shop/products/orders/v1.odcs.yaml"
Council_of = Callable[..., Council]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The tiny mesh, whose orders are of the tier gold here."""
    root = write_project(tmp_path / "project")
    file = root / ORDERS
    file.write_text(re.sub(r"value: bronze", "value: gold", file.read_text(encoding="utf-8")), encoding="utf-8")
    return root


@pytest.fixture
def council_of(tmp_path: Path) -> Council_of:
    """The council of some rules (changes of the rule in `council_files`), in a folder of its own."""

    def council(*rules: dict[str, Any], files: dict[str, str] | None = None) -> Council:
        folder = tmp_path / f"governance{sum(1 for _ in tmp_path.iterdir())}"
        return sound_council(folder, rules or [rule()], files=files)

    return council


def mesh(project: Path, *edits: tuple[str, str, str]) -> Mesh:
    """The tiny mesh after replacing some texts in its files."""
    for file, old, new in edits:
        path = project / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return load_mesh(project / "domains")


NO_WORDS = (ORDERS, "description: What was paid.", "businessName: Amount")


def one(judgements: list[Judgement]) -> Judgement:
    assert len(judgements) == 1, [str(item.finding) for item in judgements]
    return judgements[0]


def test_a_breach_blocks_and_says_what_where_and_how_to_mend_it(project: Path, council_of: Council_of) -> None:
    found = one(judge_rules(mesh(project, NO_WORDS), council_of(), NOW))
    finding = found.finding
    assert (found.standing, found.product, found.column) == ("blocks", "shop.orders", "amount")
    assert finding.file == project / ORDERS
    assert "name: amount" in finding.file.read_text(encoding="utf-8").splitlines()[finding.line - 1]
    assert finding.path == "schema[0].properties[5].description"
    assert (finding.message, finding.remedy) == ("`amount` has no description.", "Add `description:`.")
    assert (finding.severity, finding.code) == ("error", "DOC-001")
    assert found.rule is not None
    assert found.rule.title == "Columns are described"


def test_the_mended_mesh_has_no_finding(project: Path, council_of: Council_of) -> None:
    assert judge_rules(mesh(project), council_of(), NOW) == []


@pytest.mark.parametrize(
    ("now", "standing", "severity", "until", "says"),
    [
        (
            datetime(2025, 12, 31, 23, 59, tzinfo=UTC),
            "announced",
            "info",
            "2026-01-01",
            "The rule holds from 2026-01-01.",
        ),
        (datetime(2026, 1, 1, tzinfo=UTC), "grace", "warning", "2026-03-31", "Until 2026-03-31 this only warns."),
        (datetime(2026, 3, 31, 23, 59, tzinfo=UTC), "grace", "warning", "2026-03-31", "Until 2026-03-31"),
        (datetime(2026, 4, 1, tzinfo=UTC), "blocks", "error", "None", "has no description."),
    ],
)
def test_a_rule_is_announced_then_warns_then_blocks(
    project: Path, council_of: Council_of, now: datetime, standing: str, severity: str, until: str, says: str
) -> None:
    found = one(judge_rules(mesh(project, NO_WORDS), council_of(rule(graceUntil="2026-03-31")), now))
    assert (found.standing, found.finding.severity, str(found.until)) == (standing, severity, until)
    assert says in found.finding.message
    assert found.blocks is (standing == "blocks")


@pytest.mark.parametrize(("severity", "standing"), [("warning", "warns"), ("info", "informs")])
def test_a_milder_rule_never_blocks(project: Path, council_of: Council_of, severity: str, standing: str) -> None:
    found = judge_rules(mesh(project, NO_WORDS), council_of(rule(severity=severity)), NOW)
    assert one(found).standing == standing
    assert not any(item.blocks for item in found)


@pytest.mark.parametrize(
    ("scope", "holds"),
    [
        ({}, True),
        ({"domains": ["shop"]}, True),
        ({"domains": ["ledger"]}, False),
        ({"tiers": ["gold"]}, True),
        ({"tiers": ["silver"]}, False),
        ({"lifecycle": ["active"]}, True),
        ({"lifecycle": ["draft", "deprecated"]}, False),
        ({"classifications": ["internal"]}, True),  # of the column itself
        ({"classifications": ["personal"]}, False),  # other columns are personal, this one isn't
        ({"domains": ["shop"], "tiers": ["silver"]}, False),
    ],
)
def test_a_rule_is_for_its_scope_only(project: Path, council_of: Council_of, scope: Any, holds: bool) -> None:
    found = judge_rules(mesh(project, NO_WORDS), council_of(rule(scope=scope)), NOW)
    assert len(found) == int(holds)


def test_the_classification_of_a_contract_is_that_of_any_column(project: Path, council_of: Council_of) -> None:
    purpose = rule(
        appliesTo="contract", scope={"classifications": ["restricted"]},
        require={"field": "custom.purposeLimit", "exists": True}, message="{$classification.name}: {id}", examples=[
            {"failing": {"schema": [{"name": "t", "properties": [{"name": "a", "classification": "restricted"}]}]},
             "mended": {"customProperties": [{"property": "purposeLimit", "value": "x"}]}}],
    )  # fmt: skip
    council = council_of(purpose)
    assert one(judge_rules(mesh(project), council, NOW)).finding.message == "restricted: shop.orders.v1"
    assert check_examples(council.rules[0], council) == []


def test_a_domain_can_be_judged_alone(project: Path, council_of: Council_of) -> None:
    everywhere = council_of(rule(require={"field": "businessName", "exists": True}))
    broken = mesh(project)
    products = {item.product for item in judge_rules(broken, everywhere, NOW)}
    assert products == {"shop.orders", "ledger.totals"}
    assert {item.product for item in judge_rules(broken, everywhere, NOW, domain="ledger")} == {"ledger.totals"}


def test_retired_products_are_left_alone_unless_named(project: Path, council_of: Council_of) -> None:
    contract = contract_of_text(ORDERS_CONTRACT.replace("status: active", "status: retired"), ORDERS)
    strict = rule(require={"field": "businessName", "exists": True})
    assert judge_contract(council_of(strict).rules, contract, council_of(strict), NOW) == []
    council = council_of({**strict, "scope": {"lifecycle": ["retired"]}})
    assert len(judge_contract(council.rules, contract, council, NOW)) == len(contract.table.columns)


MASKED = rule(
    id="SEC-002", family="security", where={"field": "$classification.mask", "is": "required"},
    require={"field": "custom.mask.clearance", "is": {"field": "$classification.clearance"}},
    message="`{name}` is {classification}: seen with {custom.mask.clearance}, not {$classification.clearance}.",
    examples=[{
        "failing": {"name": "email", "classification": "personal"},
        "mended": {"name": "email", "classification": "personal",
                   "customProperties": [{"property": "mask", "value": {"clearance": "gdpr"}}]}}],
)  # fmt: skip


def test_a_rule_looks_into_the_catalogue_of_classifications(project: Path, council_of: Council_of) -> None:
    found = one(judge_rules(mesh(project), council_of(MASKED), NOW))
    assert found.finding.message == "`segment` is restricted: seen with gdpr, not board."
    assert found.finding.path == "schema[0].properties[3].customProperties[0].value.clearance"


@pytest.mark.parametrize(("promise", "holds"), [("PT1H", True), ("PT60M", True), ("P1D", False)])
def test_a_rule_compares_with_the_template_of_the_tier(
    project: Path, council_of: Council_of, promise: str, holds: bool
) -> None:
    template = rule(
        appliesTo="contract", at="sla.freshness",
        require={"field": "sla.freshness.value", "atMost": {"field": "$tier.freshness"}},
        message="{sla.freshness.value} is longer than {$tier.freshness} of {$tier.name}.",
    )  # fmt: skip
    found = judge_rules(mesh(project, (ORDERS, "P3650D", promise)), council_of(template), NOW)
    found = [item for item in found if item.product == "shop.orders"]
    assert bool(found) is not holds
    if found:
        assert found[0].finding.message == "P1D is longer than PT1H of gold."
        assert found[0].finding.path == "slaProperties[0]"


def test_a_column_is_of_a_semantic_type_by_name_or_by_its_word(project: Path, council_of: Council_of) -> None:
    typed = rule(
        where={"field": "$facts.semanticType", "exists": True},
        require={"field": "physicalType", "is": {"field": "$type.physicalType"}},
        message="`{name}` is a {$facts.semanticType} of {physicalType}.",
    )
    edits = [
        (
            ORDERS,
            "{name: load_id, logicalType: integer, physicalType: BIGINT",
            "{name: household_id, physicalType: INTEGER",
        ),
        (ORDERS, "What was paid.}", "x, customProperties: [{property: semanticType, value: customer_id}]}"),
    ]
    found = judge_rules(mesh(project, *edits), council_of(typed), NOW)
    assert [item.finding.message for item in found] == [
        "`amount` is a customer_id of DECIMAL(10,2).",
        "`household_id` is a customer_id of INTEGER.",
    ]


def test_every_kind_of_subject_is_judged(project: Path, council_of: Council_of) -> None:
    never = {"require": {"field": "name", "is": "nothing is called that"}, "message": "{$facts.address}"}
    kinds = ["product", "contract", "table", "column", "rule", "input"]
    rules = [rule(id=f"DOC-00{at}", appliesTo=kind, **never) for at, kind in enumerate(kinds, 1)]
    rules.append(rule(id="DOC-009", appliesTo="promise", require={"field": "value", "is": "never"}, message="m"))
    found = judge_rules(mesh(project), council_of(*rules), NOW)
    counted = {
        item: sum(j.rule is not None and j.rule.applies_to == item for j in found) for item in [*kinds, "promise"]
    }
    assert counted["product"] == counted["contract"] == counted["table"] == 2
    assert counted["input"] == 1
    assert counted["rule"] >= 2
    assert counted["promise"] >= 1
    assert counted["column"] >= 8
    assert {item.product for item in found} == {"shop.orders", "ledger.totals"}


def test_a_rule_on_a_product_points_into_the_product(project: Path, council_of: Council_of) -> None:
    support = rule(
        appliesTo="product", require={"field": "support", "longerThan": 0}, message="{name}: {$domain.owner}"
    )
    found = judge_rules(mesh(project), council_of(support), NOW, domain="shop")
    assert one(found).finding.file.name == "product.odps.yaml"
    assert found[0].finding.message == "orders: shop@retailer.example"


def test_the_consumers_of_a_port_are_counted(project: Path, council_of: Council_of) -> None:
    lonely = rule(
        appliesTo="contract", require={"field": "$facts.consumers", "atLeast": 1}, message="{$facts.consumers}"
    )
    found = one(judge_rules(mesh(project), council_of(lonely), NOW))
    assert (found.product, found.finding.message) == ("ledger.totals", "0")


def test_a_version_that_waits_is_judged_by_what_was_measured(project: Path, council_of: Council_of) -> None:
    least = rule(
        appliesTo="publication", require={"field": "score", "atLeast": {"field": "$tier.minimumScore"}},
        message="Scored {score}, {$tier.minimumScore} is the least. Accuracy: {scores.accuracy}.",
        examples=[{"failing": {"score": 80}, "mended": {"score": 95}, "within": {"contract": {
            "customProperties": [{"property": "tier", "value": "gold"}]}}}],
    )  # fmt: skip
    council = council_of(least)
    candidate = Candidate("shop.orders.v1", 85.5, {"accuracy": 70.0}, 3)
    assert judge_rules(mesh(project), council, NOW) == []
    found = one(judge_rules(mesh(project), council, NOW, candidate=candidate))
    assert found.finding.message == "Scored 85.5, 90 is the least. Accuracy: 70.0."
    assert judge_rules(mesh(project), council, NOW, candidate=replace(candidate, score=90.0)) == []
    assert check_examples(council.rules[0], council) == []


def test_somebodys_text_in_a_message_stays_on_one_short_line(project: Path, council_of: Council_of) -> None:
    told = rule(require={"field": "description", "longerThan": 9000}, message="{description}")
    long = mesh(project, (ORDERS, "What was paid.", '"' + "line\\n" * 400 + '"'))
    found = judge_rules(long, council_of(told), NOW, domain="shop")
    message = next(item.finding.message for item in found if item.column == "amount")
    assert "\n" not in message
    assert len(message) == 80


PYTHON = """\
from platform_resources.governance import Problem

def check(subject):
    words = (subject.get("description") or "").split()
    if len(words) < 3:
        yield Problem("description", f"`{subject.name}` says {len(words)} words.", "Write three at least.")
"""
WORDY = rule("require", "message", "remedy", python="wordy.py", examples=[
    {"failing": {"name": "a", "description": "one two"}, "mended": {"name": "a", "description": "one two three"}}
])  # fmt: skip


def test_a_python_rule_finds_problems(project: Path, council_of: Council_of) -> None:
    council = council_of(WORDY, files={"rules/wordy.py": PYTHON})
    found = judge_rules(mesh(project), council, NOW, domain="shop")
    told = {item.column: item for item in found}
    assert told["phone"].finding.message == "`phone` says 2 words."
    assert told["phone"].finding.path == "schema[0].properties[2].description"
    assert told["phone"].blocks
    assert "customer" not in told
    assert check_examples(council.rules[0], council) == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('    return [][subject.data["nothing"]]\n', "KeyError: 'nothing' (line 2)"),
        ("    yield 1 / 0\n", "ZeroDivisionError: division by zero (line 2)"),
        ('    yield "text"\n', "str instead of Problem(path, message, remedy)"),
        (
            '    from platform_resources.governance import Problem\n    yield Problem("$nowhere.x", "m", "r")\n',
            "is no place where a field path can begin",
        ),
    ],
)
def test_a_python_rule_that_fails_is_told_on_its_file_and_is_no_pass(
    project: Path, council_of: Council_of, body: str, says: str
) -> None:
    council = council_of(WORDY, files={"rules/wordy.py": f"def check(subject):\n{body}"})
    found = one(judge_rules(mesh(project), council, NOW))
    assert found.product is None
    assert found.finding.file == council.rules[0].origin.file
    assert found.finding.severity == "error"
    assert says in found.finding.message
    assert "Traceback" not in str(found.finding)
    assert judge(mesh(project), council, {}, NOW)
    assert check_examples(council.rules[0], council)


def test_one_contract_of_the_past_is_judged_alone(council_of: Council_of) -> None:
    product = rule(id="OWN-001", appliesTo="product", require={"field": "support", "exists": True})
    about = rule(id="OWN-002", appliesTo="contract", require={"field": "$product.support", "exists": True})
    mesh_wide = rule(id="OWN-003", appliesTo="contract", require={"field": "$facts.consumers", "atLeast": 9})
    council = council_of(rule(), product, about, mesh_wide)
    contract = contract_of_text(
        ORDERS_CONTRACT.replace("description: What was paid.", "businessName: x"), "v1.odcs.yaml"
    )
    found = one(judge_contract(council.rules, contract, council, NOW))
    assert (found.product, found.column) == ("shop.orders", "amount")


def test_with_its_product_rules_on_products_are_judged_too(project: Path, council_of: Council_of) -> None:
    council = council_of(rule(id="OWN-001", appliesTo="product", require={"field": "support", "exists": True}))
    product, port = mesh(project).ports["shop.orders.v1"]
    assert one(judge_contract(council.rules, port.contract, council, NOW, product)).finding.code == "OWN-001"
    assert judge_contract(council.rules, port.contract, council, NOW) == []


def test_a_rule_for_a_domain_that_is_not_there_is_told(project: Path, council_of: Council_of) -> None:
    council = council_of(rule(scope={"domains": ["shop", "sohp"]}))
    found = judge(mesh(project), council, {}, NOW)
    finding = one([item for item in found if item.finding.code == "scope"]).finding
    assert (finding.path, finding.code, finding.remedy) == ("scope.domains[1]", "scope", "There are ledger, shop.")
    assert "sohp" in finding.file.read_text(encoding="utf-8").splitlines()[finding.line - 1]


@pytest.mark.parametrize(
    ("zone", "hour", "blocked"),
    [
        (None, 23, False),
        ("Europe/Berlin", 22, False),
        ("Europe/Berlin", 23, True),  # midnight there
        ("America/New_York", 23, False),
    ],
)
def test_the_last_day_of_a_grace_ends_where_the_council_is(
    project: Path, council_of: Council_of, zone: str | None, hour: int, blocked: bool
) -> None:
    text = COUNCIL if zone is None else f"{COUNCIL}timeZone: {zone}\n"
    council = council_of(rule(graceUntil="2026-11-21"), files={"council.yaml": text})
    now = datetime(2026, 11, 21, hour, 30, tzinfo=UTC)
    found = [item for item in judge(mesh(project, NO_WORDS), council, {}, now) if item.rule]
    assert [item.blocks for item in found] == [blocked]
    assert today(now, council).day == (22 if blocked else 21)
    day = now.date()
    assert today(noon(day, council), council) == day
