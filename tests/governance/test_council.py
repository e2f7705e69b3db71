"""The council's own files: each rule is proved by its examples, holds on the shipped mesh, and can fire there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from platform_resources.contracts import load_mesh
from platform_resources.governance import Candidate, Judgement, judge, load_council
from platform_resources.governance.examples import check_examples
from platform_resources.governance.model import Council, Family, Rule
from platform_resources.governance.rules import standing_of

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
IN_TWO_YEARS = NOW + timedelta(days=731)
COUNCIL = load_council(ROOT / "governance")
RULES = {rule.id: rule for rule in COUNCIL.rules}

CUSTOMER_360 = "crm/products/customer_360/v1.odcs.yaml"
LIFETIME_VALUE = "crm/products/customer_lifetime_value/v1.odcs.yaml"
BOOKINGS = "sales/products/bookings/v1.odcs.yaml"
REVENUE = "finance/products/revenue/v1.odcs.yaml"
FORECAST = "supply_chain/products/demand_forecast/v1.odcs.yaml"
INVENTORY = "inventory/products/inventory_levels/v1.odcs.yaml"
CUSTOMER_360_PRODUCT = "crm/products/customer_360/product.odps.yaml"
REVENUE_PRODUCT = "finance/products/revenue/product.odps.yaml"

DELETED = object()
NULL = {"strategy": "null", "clearance": "gdpr"}
# Rule -> what breaks it on the shipped mesh: (file, path to a field, new value), the first in the file in which it is
# found. A name in a path is looked up in a list by `name`, `property` or `role`.
MUTATIONS: dict[str, list[tuple[str, str, Any]]] = {
    "NAM-001": [(CUSTOMER_360, "schema.0.properties.demographics_known.name", "demographics")],
    "NAM-002": [(CUSTOMER_360, "schema.0.properties.contact_updated_at.name", "contact_updated")],
    "NAM-003": [
        (CUSTOMER_360, "schema.0.properties.first_purchase_date.name", "first_purchase"),
        (CUSTOMER_360, "schema.0.quality.purchases_agree_with_bookings", DELETED),  # it compares the column
    ],
    "NAM-004": [(CUSTOMER_360, "schema.0.properties.age.name", "str_age")],
    "NAM-005": [(CUSTOMER_360, "schema.0.properties.purchase_days.name", "purchase_cnt")],
    "NAM-006": [(REVENUE, "schema.0.properties.store_id.name", "store_key")],
    "NAM-007": [(REVENUE, "schema.0.properties.store_id.name", "shop_id")],
    "QUA-001": [(LIFETIME_VALUE, "schema.0.properties.household_id.primaryKey", False)],
    "QUA-002": [(FORECAST, "schema.0.quality.there_is_a_forecast", DELETED)],
    "QUA-003": [
        (REVENUE, "schema.0.quality.there_is_revenue.dimension", "coverage"),
        (REVENUE, "schema.0.quality.revenue_is_attributed_to_a_department.dimension", "coverage"),
    ],
    "QUA-004": [(FORECAST, "schema.0.quality", [])],
    "QUA-005": [(REVENUE, "schema.0.quality.there_is_revenue.dimension", DELETED)],
    "QUA-006": [(REVENUE, "schema.0.quality.there_is_revenue.description", DELETED)],
    "QUA-007": [(REVENUE, "schema.0.quality.there_is_revenue.businessImpact", DELETED)],
    "QUA-008": [],  # a low score, not a document: see test_a_low_score_is_not_published
    "QUA-009": [(REVENUE, "schema.0.properties.net_revenue.required", False)],
    "SEC-001": [(CUSTOMER_360, "schema.0.properties.receipts.classification", DELETED)],
    "SEC-002": [(CUSTOMER_360, "schema.0.properties.income.customProperties.mask", DELETED)],
    "SEC-003": [(CUSTOMER_360, "schema.0.properties.email.classification", "internal")],
    "SEC-004": [
        (REVENUE, "schema.0.properties.department.required", False),
        (REVENUE, "schema.0.properties.department.customProperties", [{"property": "mask", "value": NULL}]),
    ],
    "SEC-005": [(CUSTOMER_360, "roles.customer_360_campaign_reader.secondLevelApprovers", DELETED)],
    "SEC-006": [(REVENUE, "roles.reader.firstLevelApprovers", DELETED)],
    "SEC-007": [(CUSTOMER_360, "slaProperties.retention.value", "P10Y")],
    "SEC-008": [(CUSTOMER_360, "customProperties.kAnonymity", DELETED)],
    "SEC-009": [(CUSTOMER_360, "schema.0.properties.phone.logicalTypeOptions.pattern", r"^\+1-[0-9-]{12}$")],
    "SEC-010": [(CUSTOMER_360_PRODUCT, "inputPorts.0.customProperties", DELETED)],
    "SEC-011": [(CUSTOMER_360, "roles.customer_360_gdpr_reader.description", DELETED)],
    "SLA-001": [(FORECAST, "customProperties.tier", DELETED)],
    "SLA-002": [(REVENUE, "slaProperties.freshness.value", "PT2H")],
    "SLA-003": [(REVENUE, "slaProperties.availability.value", 99)],
    "SLA-004": [(REVENUE, "slaProperties.completeness.value", 90)],
    "SLA-005": [(REVENUE, "slaProperties.completeness.element", DELETED)],
    "SLA-006": [(REVENUE, "slaProperties.freshness.driver", DELETED)],
    "SLA-007": [(CUSTOMER_360, "slaProperties.retention", {"property": "retention", "value": 3, "unit": "y"})],
    "SLA-008": [(FORECAST, "slaProperties.freshness.value", "PT4H")],
    "SLA-009": [(CUSTOMER_360, "slaProperties.freshness.value", "PT10M")],
    "LIF-001": [(REVENUE_PRODUCT, "status", "active"), (BOOKINGS, "status", "draft")],
    "LIF-004": [(REVENUE_PRODUCT, "version", "0.9.0")],
    "LIF-005": [(CUSTOMER_360_PRODUCT, "inputPorts.0.contractId", "sales.bookings")],
    "LIF-006": [(REVENUE, "status", "active"), (REVENUE_PRODUCT, "status", "draft")],
    "LIF-007": [(REVENUE, "status", "draft")],
    "INT-001": [(REVENUE, "schema.0.properties.net_revenue.physicalType", "DOUBLE")],
    "INT-002": [(REVENUE, "schema.0.properties.currency_code.logicalTypeOptions", DELETED)],
    "INT-003": [(REVENUE, "schema.0.properties.store_id.logicalTypeOptions", DELETED)],
    "INT-004": [(REVENUE, "schema.0.properties.currency_code.name", "paid_in")],
    "INT-005": [(REVENUE, "schema.0.properties.loyalty_discount.name", "staff_discount")],
    "INT-006": [(REVENUE, "schema.0.properties.landed_at.physicalType", "TIMESTAMP")],
    "INT-007": [(REVENUE, "id", "revenue"), (REVENUE_PRODUCT, "outputPorts.0.contractId", "revenue")],
    "INT-008": [],  # announced for 2030: see test_what_is_announced_only_informs
    "DOC-001": [(REVENUE, "description.limitations", DELETED)],
    "DOC-002": [(REVENUE, "description.usage", "Ask the team.")],
    "DOC-003": [(REVENUE, "schema.0.properties.net_revenue.description", "Net revenue.")],
    "DOC-004": [(REVENUE, "schema.0.dataGranularityDescription", DELETED)],
    "DOC-005": [(REVENUE, "schema.0.properties.net_revenue.businessName", DELETED)],
    "DOC-006": [(REVENUE, "schema.0.properties.net_revenue.examples", DELETED)],
    "DOC-007": [(REVENUE_PRODUCT, "description.usage", DELETED)],
    "DOC-008": [(REVENUE_PRODUCT, "outputPorts.0.description", DELETED)],
    "OWN-001": [(REVENUE_PRODUCT, "team.members.0.role", "analyst")],
    "OWN-002": [(REVENUE, "team.members.1", DELETED)],
    "OWN-003": [(REVENUE, "team.members.1.username", "jweber")],
    "OWN-004": [(REVENUE, "support", DELETED)],
}

# Rules whose remedy holds the YAML to write, with nothing left to fill in: here it is written as it stands.
FOLLOWED = (
    *("QUA-002", "QUA-009", "SEC-002", "SEC-003", "SEC-007", "SLA-001", "SLA-003", "LIF-004", "LIF-007"),
    *("INT-001", "INT-002", "INT-003", "INT-005", "INT-006", "OWN-004"),
)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the documents of the shipped domains."""
    copy = tmp_path_factory.mktemp("shipped") / "domains"
    shutil.copytree(ROOT / "domains", copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture
def edited(shipped: Path) -> Iterator[Path]:
    """The same, to be changed by one test."""
    kept = {file: file.read_bytes() for file in shipped.rglob("*.yaml")}
    yield shipped
    for file, content in kept.items():
        if file.read_bytes() != content:
            file.write_bytes(content)


def judged(domains: Path, now: datetime = NOW, candidate: Candidate | None = None) -> list[Judgement]:
    mesh = load_mesh(domains)
    assert [finding for finding in mesh.findings if finding.severity == "error"] == []
    return judge(mesh, COUNCIL, {}, now, candidate=candidate)


def change(domains: Path, file: str, path: str, value: Any) -> None:
    document = yaml.safe_load((domains / file).read_text(encoding="utf-8"))
    place: Any = document
    steps = path.split(".")
    for step in steps[:-1]:
        place = place[found(place, step)]
    last = found(place, steps[-1])
    if value is DELETED:
        del place[last]
    else:
        place[last] = value
    (domains / file).write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")


def found(place: Any, step: str) -> Any:
    """The key of a mapping or the index of a list that a step of a path means."""
    if not isinstance(place, list):
        return step
    if step.isdigit():
        return int(step)
    return next(
        index
        for index, entry in enumerate(place)
        if step in (entry.get("name"), entry.get("property"), entry.get("role"))
    )


def follow(item: Judgement) -> None:
    """Write the YAML of a remedy: entries to the list that the finding points to, keys to what it is about."""
    file = item.finding.file
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    *steps, last = [int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", item.finding.path)]
    subject: Any = document
    for step in steps:
        subject = subject[step]
    for text in re.findall(r"`([^`]+)`", item.finding.remedy):
        written = yaml.safe_load(text) if re.match(r"\{|\w+: ", text) else None
        if not isinstance(written, dict):
            continue
        if written.keys() & {"property", "name"}:
            written = {last: [written]}
        for key, value in written.items():
            if isinstance(value, list):
                names = {entry.get("property") for entry in value} - {None}
                kept = [entry for entry in subject.get(key) or [] if entry.get("property") not in names]
                value = [*kept, *value]
            subject[key] = value
        if "status" in written:
            break  # a second way out
    file.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")


def of(rule: str, judgements: list[Judgement]) -> list[Judgement]:
    return [item for item in judgements if item.finding.code == rule]


class TestTheFiles:
    def test_all_of_them_can_be_applied(self) -> None:
        assert COUNCIL.findings == ()
        assert len(list((ROOT / "governance/rules").glob("*.yaml"))) == len(COUNCIL.rules)

    def test_each_is_named_by_its_id_and_carries_its_editor_schema(self) -> None:
        for rule in COUNCIL.rules:
            file = rule.origin.file
            assert re.fullmatch(rf"{rule.id}-[a-z0-9-]+\.yaml", file.name)
            first = file.read_text(encoding="utf-8").splitlines()[0]
            assert first.startswith("# yaml-language-server: $schema=")
            assert (file.parent / first.partition("=")[2]).resolve().is_file()

    def test_every_family_has_rules_and_there_are_enough(self) -> None:
        assert {rule.family for rule in COUNCIL.rules} == set(get_args(Family))
        assert len(COUNCIL.rules) >= 25
        prefixes = {rule.family: rule.id[:3] for rule in COUNCIL.rules}
        assert all(rule.id.startswith(prefixes[rule.family]) for rule in COUNCIL.rules)

    def test_catalogues_are_there(self) -> None:
        assert list(COUNCIL.classifications) == ["public", "internal", "personal", "restricted"]
        assert set(COUNCIL.tiers) == {"gold", "silver", "bronze"}
        assert {"customer_id", "store_id", "money", "business_date", "email"} <= set(COUNCIL.semantic_types)
        assert COUNCIL.mandate.approvers
        assert COUNCIL.mandate.longest_waiver_days

    def test_references_of_semantic_types_exist(self) -> None:
        ports = load_mesh(ROOT / "domains").ports
        for kind in COUNCIL.semantic_types.values():
            if kind.reference:
                address, _, column = kind.reference.rpartition(".")
                assert ports[address][1].contract.table.column(column) is not None

    def test_reasons_and_remedies_are_sentences(self) -> None:
        for rule in COUNCIL.rules:
            assert len(rule.reason) > 60
            for text in (rule.reason, rule.message, rule.remedy):
                assert not text or text.rstrip('`"').endswith((".", "…")), f"{rule.id}: {text}"

    def test_rules_on_secrecy_and_ownership_know_no_exception(self) -> None:
        assert {rule.id for rule in COUNCIL.rules if not rule.waivable} == {"SEC-001", "SEC-002", "SEC-003", "OWN-001"}


class TestTheExamples:
    @pytest.mark.parametrize("rule", COUNCIL.rules, ids=RULES)
    def test_failing_fails_and_mended_passes(self, rule: Rule) -> None:
        assert rule.examples
        assert check_examples(rule, COUNCIL) == []


class TestTheShippedMesh:
    @pytest.mark.parametrize("now", [NOW, IN_TWO_YEARS], ids=["today", "in two years"])
    def test_nothing_is_found_that_blocks_or_warns(self, now: datetime) -> None:
        found = [item for item in judged(ROOT / "domains", now) if item.rule and item.standing != "announced"]
        assert [(item.finding.code, str(item.finding.file), item.finding.message) for item in found] == []

    @pytest.mark.parametrize("days", [0, 800, 2_000, 4_000])
    def test_no_day_comes_on_which_a_rule_begins_to_block(self, days: int) -> None:
        assert [
            item for item in judged(ROOT / "domains", NOW + timedelta(days=days)) if item.rule and item.blocks
        ] == []

    def test_no_waiver_is_shipped_that_could_run_out(self) -> None:
        assert COUNCIL.waivers == ()

    def test_every_rule_can_fire_here(self) -> None:
        assert set(MUTATIONS) == set(RULES)

    @pytest.mark.parametrize("rule", [rule for rule, edits in MUTATIONS.items() if edits])
    def test_a_broken_field_is_found_where_it_stands(self, edited: Path, rule: str) -> None:
        for file, path, value in MUTATIONS[rule]:
            change(edited, file, path, value)
        file = MUTATIONS[rule][0][0]
        product = ".".join(file.split("/")[:3:2])
        items = [item for item in of(rule, judged(edited)) if item.product == product]
        assert items
        for item in items:
            assert item.finding.file == edited / file
            assert item.standing == standing_of(RULES[rule], NOW.date())[0]
            assert item.finding.line > 0
            said = RULES[rule].message + RULES[rule].remedy
            assert "nothing" in said or "nothing" not in item.finding.message + item.finding.remedy

    @pytest.mark.parametrize("rule", FOLLOWED)
    def test_doing_what_the_remedy_says_makes_it_go_away(self, edited: Path, rule: str) -> None:
        for file, path, value in MUTATIONS[rule]:
            change(edited, file, path, value)
        for item in of(rule, judged(edited)):
            follow(item)
        assert of(rule, judged(edited)) == []

    def test_a_low_score_is_not_published(self, shipped: Path) -> None:
        low = Candidate("crm.customer_360.v1", 61.5, {"accuracy": 61.5}, 2469)
        (item,) = of("QUA-008", judged(shipped, candidate=low))
        assert item.blocks
        assert "61.5" in item.finding.message
        assert "75" in item.finding.message
        late = Candidate("crm.customer_360.v1", 83.3, {"timeliness": 0.0}, 2469)
        assert of("QUA-008", judged(shipped, candidate=late)) == []

    @pytest.mark.parametrize(
        ("end", "replaced_by", "told"),
        [
            (None, None, {"end-of-support"}),
            ("2026-11-20", None, {"support-ended"}),  # the day after the last one
            (NOW.date().isoformat(), None, set()),  # the last day is served
            ("2099-12-31", "finance.revenue.v9", {"replaced-by"}),
        ],
    )
    def test_the_end_of_a_port_is_told_once(
        self, edited: Path, end: str | None, replaced_by: str | None, told: set[str]
    ) -> None:
        """By the platform, in whose hands it is; the council has no second word on it."""
        change(edited, REVENUE, "status", "deprecated")
        for key, name, value in (
            ("slaProperties", "endOfSupport", end),
            ("customProperties", "replacedBy", replaced_by),
        ):
            if value is not None:
                entries = yaml.safe_load((edited / REVENUE).read_text(encoding="utf-8"))[key]
                change(edited, REVENUE, key, [*entries, {"property": name, "value": value}])
        found = [
            item for item in judged(edited) if item.finding.file == edited / REVENUE and item.standing != "announced"
        ]
        assert [item.finding.code for item in found] == sorted(told)

    def test_a_product_may_be_retired_as_a_whole(self, edited: Path) -> None:
        change(edited, REVENUE_PRODUCT, "status", "retired")
        assert [item for item in judged(edited) if item.product == "finance.revenue" and item.blocks] == []

    def test_what_is_announced_only_informs(self, shipped: Path) -> None:
        items = of("INT-008", judged(shipped))
        assert len(items) == 6
        assert {item.standing for item in items} == {"announced"}
        assert {item.until for item in items} == {date(2030, 1, 1)}
        assert {item.standing for item in of("INT-008", judged(shipped, datetime(2030, 1, 1, tzinfo=UTC)))} == {"warns"}

    def test_drafts_are_only_held_to_what_guards_people(self, edited: Path) -> None:
        for file in (REVENUE, REVENUE_PRODUCT):
            change(edited, file, "status", "draft")
        change(edited, REVENUE, "customProperties.tier.value", "bronze")
        for path in ("schema.0.quality", "support", "roles", "description.limitations"):
            change(edited, REVENUE, path, DELETED)
        change(edited, REVENUE, "schema.0.properties.net_revenue.classification", DELETED)
        found = {item.finding.code for item in judged(edited) if item.product == "finance.revenue" and item.blocks}
        assert found & set(RULES) == {"SEC-001"}


def test_a_retention_follows_the_catalogue(edited: Path) -> None:
    """One truth: who shortens the retention in the catalogue tightens the rule with it."""
    shorter = {
        name: type(entry)(entry.name, entry.rank, {**entry.fields, "longestRetention": "P1Y"})
        if "longestRetention" in entry.fields
        else entry
        for name, entry in COUNCIL.classifications.items()
    }
    council = Council(COUNCIL.folder, COUNCIL.mandate, COUNCIL.rules, COUNCIL.tiers, shorter, COUNCIL.semantic_types)
    (item,) = of("SEC-007", judge(load_mesh(edited), council, {}, NOW))
    assert item.product == "crm.customer_360"
    assert "P1Y" in item.finding.message


def test_the_waiver_of_the_readme_holds_and_runs_out(edited: Path, tmp_path: Path) -> None:
    folder = tmp_path / "governance"
    shutil.copytree(ROOT / "governance", folder)
    (text,) = re.findall(r"```yaml\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (folder / "waivers").mkdir(exist_ok=True)
    (folder / "waivers/examples-of-inventory.yaml").write_text(text, encoding="utf-8")
    council = load_council(folder)
    assert [finding.message for finding in council.findings] == []
    change(edited, INVENTORY, "schema.0.properties.quantity_on_hand.examples", DELETED)
    mesh = load_mesh(edited)
    standings = {
        day: of("DOC-006", judge(mesh, council, {}, datetime.fromisoformat(f"{day}T12:00+00:00")))
        for day in ("2027-02-01", "2027-04-01")
    }
    assert [item.standing for item in standings["2027-02-01"]] == ["waived"]
    assert [item.standing for item in standings["2027-04-01"]] == ["blocks"]
    assert "2027-03-31" in standings["2027-04-01"][0].finding.message


@pytest.mark.parametrize("file", ["tiers.yaml", "classifications.yaml", "semantic_types.yaml"])
def test_nobody_is_blocked_by_a_broken_catalogue(shipped: Path, tmp_path: Path, file: str) -> None:
    folder = tmp_path / "governance"
    shutil.copytree(ROOT / "governance", folder)
    with (folder / file).open("a", encoding="utf-8") as catalogue:
        catalogue.write("tpyo: here\n")
    council = load_council(folder)
    assert {finding.code for finding in council.findings} == {"unknown-key", "rules-off"}
    assert len(council.rules) < len(COUNCIL.rules)
    judgements = judge(load_mesh(shipped), council, {}, NOW)
    assert [str(item.finding) for item in judgements if item.blocks] == []
