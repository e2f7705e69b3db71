"""A published promise that changes: who is hit, who consented, and what the gate says."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from platform_resources.contracts import load_mesh
from platform_resources.governance import Judgement, PublishedPort, judge, load_council
from platform_resources.governance.evolution import judge_changes
from tests.council_files import write_council
from tests.tiny_mesh import ORDERS_CONTRACT, write_project

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
V1 = "shop/products/orders/v1.odcs.yaml"
READER = "ledger/products/totals/product.odps.yaml"
INPUT = '  - {name: shop.orders, version: "1", contractId: shop.orders.v1}\n'
MASK = "{strategy: partial, format: email, clearance: gdpr}"
NO_MASK = "{strategy: partial, format: name, clearance: gdpr}"
DESK = """\
consumers:
  - name: Fraud desk
    kind: team
    contact: fraud@retailer.example
    purpose: Finds stolen cards.
    ports: [v1]
    columns: [customer, phone]
"""


@pytest.fixture
def domains(tmp_path: Path) -> Path:
    return write_project(tmp_path) / "domains"


def change(domains: Path, file: str, *pairs: tuple[str, str]) -> None:
    text = (domains / file).read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    (domains / file).write_text(text, encoding="utf-8")


def reads(domains: Path, *properties: str) -> None:
    """What ledger.totals says of its input."""
    entries = "".join(f"      - {{property: {text}}}\n" for text in properties)
    entry = '  - name: shop.orders\n    version: "1"\n    contractId: shop.orders.v1\n    customProperties:\n'
    change(domains, READER, (INPUT, entry + entries))


def desk(domains: Path, more: str = "", text: str = DESK) -> None:
    (domains / "shop/products/orders/consumers.yaml").write_text(text + more, encoding="utf-8")


def judged(domains: Path, document: str = ORDERS_CONTRACT, domain: str | None = None) -> list[Judgement]:
    mesh = load_mesh(domains)
    assert not [finding for finding in mesh.findings if finding.severity == "error"], mesh.findings
    served = PublishedPort("shop.orders.v1", 3, "1.0.0", document, NOW, NOW)
    return judge_changes(mesh, {"shop.orders.v1": served}, NOW, domain=domain)


def only(found: list[Judgement], code: str = "breaking-change") -> Judgement:
    chosen = [item for item in found if item.finding.code == code]
    assert len(chosen) == 1, [item.finding for item in found]
    return chosen[0]


def line(domains: Path, file: str, text: str) -> int:
    lines = (domains / file).read_text(encoding="utf-8").splitlines()
    return next(number for number, found in enumerate(lines, 1) if text in found)


def test_nothing_is_said_of_what_is_published_as_it_stands(domains: Path) -> None:
    assert judged(domains) == []


def test_comments_and_layout_are_no_change(domains: Path) -> None:
    change(domains, V1, ("apiVersion:", "# what we promise\napiVersion:"))
    assert judged(domains) == []


class TestBreaking:
    def test_it_names_the_consumers_and_the_fields_that_they_read(self, domains: Path) -> None:
        reads(domains, "columns, value: [order_id, customer, amount]", "purpose, value: Sums.")
        desk(domains)
        change(domains, V1, (MASK, NO_MASK), ("version: 1.0.0", "version: 1.1.0"))
        found = only(judged(domains))
        assert found.blocks
        assert (found.product, found.column) == ("shop.orders", "customer")
        assert found.finding.severity == "error"
        assert found.finding.line == line(domains, V1, NO_MASK)
        assert found.finding.path == "schema[0].properties[1].customProperties[0].value"
        assert "ledger.totals (reads customer, order_id, amount)" in found.finding.message
        assert "Fraud desk (reads customer, phone)" in found.finding.message
        assert "shop.orders.v2" in found.finding.remedy

    def test_a_removed_column_is_told_where_its_table_stands(self, domains: Path) -> None:
        change(domains, V1, ("      - name: phone\n", "      - name: telephone\n"))
        found = only(judged(domains))
        assert found.blocks
        assert "`phone` is gone" in found.finding.message
        assert "ledger.totals (reads all columns)" in found.finding.message
        assert found.finding.line == line(domains, V1, "properties:")

    def test_who_reads_other_columns_is_not_hit(self, domains: Path) -> None:
        reads(domains, "columns, value: [order_id, amount]")
        change(domains, V1, (MASK, NO_MASK), ("version: 1.0.0", "version: 1.1.0"))
        found = only(judged(domains))
        assert found.standing == "warns"
        assert "No registered consumer" in found.finding.message

    @pytest.mark.parametrize(
        "said", ["[Customer]", "[order_id, CUSTOMER]", "[]", "[order_id, custmer]", "[order_id, 3]"]
    )
    def test_what_is_said_of_columns_hides_nobody(self, domains: Path, said: str) -> None:
        """Letters of any case are one name; an empty list or an unknown name counts as all columns."""
        reads(domains, f"columns, value: {said}")
        change(domains, V1, (MASK, NO_MASK), ("version: 1.0.0", "version: 1.1.0"))
        found = only(judged(domains))
        assert found.blocks
        assert "ledger.totals (reads " in found.finding.message

    def test_a_column_that_goes_is_a_known_one(self, domains: Path) -> None:
        reads(domains, "columns, value: [order_id, phone]")
        change(domains, V1, ("      - name: phone\n", "      - name: telephone\n"), (MASK, NO_MASK))
        found = [item for item in judged(domains) if item.finding.code == "breaking-change"]
        assert {item.column: item.blocks for item in found} == {"customer": False, "phone": True}

    def test_a_change_of_the_whole_table_hits_everybody(self, domains: Path) -> None:
        reads(domains, "columns, value: [order_id]")
        change(domains, V1, ("value: P3650D", "value: P3651D"), ("version: 1.0.0", "version: 1.1.0"))
        assert "ledger.totals (reads order_id)" in only(judged(domains)).finding.message

    def test_a_product_whose_documents_are_broken_is_not_forgotten(self, domains: Path) -> None:
        change(domains, READER, ("status: active", "status: nonsense"))
        change(domains, V1, (MASK, NO_MASK))
        mesh = load_mesh(domains)
        served = PublishedPort("shop.orders.v1", 3, "1.0.0", ORDERS_CONTRACT, NOW, NOW)
        found = only(judge_changes(mesh, {"shop.orders.v1": served}, NOW, domain="shop"))
        assert "ledger.totals" in found.finding.message

    def test_where_nobody_is_registered_it_warns(self, domains: Path) -> None:
        change(domains, READER, ("inputPorts:\n", ""), (INPUT, ""))
        change(domains, V1, (MASK, NO_MASK), ("version: 1.0.0", "version: 1.1.0"))
        found = only(judged(domains))
        assert found.standing == "warns"
        assert "Nobody is registered" in found.finding.message

    def test_a_published_draft_may_change(self, domains: Path) -> None:
        change(domains, V1, (MASK, NO_MASK), ("version: 1.0.0", "version: 1.1.0"))
        assert judged(domains, ORDERS_CONTRACT.replace("status: active", "status: draft")) == []

    @pytest.mark.parametrize(
        ("tiers", "blocks"), [("bronze: {}\n  silver: {}", True), ("silver: {}\n  bronze: {}", False)]
    )
    def test_how_tiers_compare_is_the_councils(self, domains: Path, tmp_path: Path, tiers: str, blocks: bool) -> None:
        """`tiers.yaml` names the tier that promises most first."""
        folder = write_council(tmp_path / "council", files={"tiers.yaml": f"tiers:\n  {tiers}\n"})
        change(domains, V1, ("tier, value: bronze", "tier, value: silver"), ("version: 1.0.0", "version: 1.1.0"))
        served = {"shop.orders.v1": PublishedPort("shop.orders.v1", 3, "1.0.0", ORDERS_CONTRACT, NOW, NOW)}
        found = judge(load_mesh(domains), load_council(folder), served, NOW)
        assert any(item.blocks for item in found if item.finding.code == "breaking-change") is blocks

    def test_what_breaks_nobody_passes(self, domains: Path) -> None:
        change(domains, V1, ("value: P3650D", "value: P10D"), ("version: 1.0.0", "version: 1.1.0"))
        assert judged(domains) == []

    def test_only_the_domain_that_is_asked_for_is_judged(self, domains: Path) -> None:
        change(domains, V1, (MASK, NO_MASK))
        assert judged(domains, domain="ledger") == []


class TestConsent:
    CONSENT = "consents, value: [{version: 1.1.0, approver: ledger@retailer.example, given: 2026-11-20%s}]"

    def broken(self, domains: Path, more: str = "", version: str = "1.1.0") -> Judgement:
        reads(domains, "columns, value: [order_id, customer]", self.CONSENT % more)
        change(domains, V1, (MASK, NO_MASK), ("version: 1.0.0", f"version: {version}"))
        return only(judged(domains))

    def test_it_lets_the_change_pass(self, domains: Path) -> None:
        found = self.broken(domains)
        assert found.standing == "informs"
        assert "ledger.totals (reads customer, order_id) consented to 1.1.0" in found.finding.message

    def test_it_may_be_for_the_columns_alone(self, domains: Path) -> None:
        assert self.broken(domains, ", columns: [customer]").standing == "informs"

    def test_its_columns_are_the_same_in_any_case(self, domains: Path) -> None:
        assert self.broken(domains, ", columns: [Customer]").standing == "informs"

    def test_it_does_not_hold_for_other_columns(self, domains: Path) -> None:
        assert self.broken(domains, ", columns: [order_id]").blocks

    def test_it_does_not_hold_for_another_version(self, domains: Path) -> None:
        assert self.broken(domains, version="1.2.0").blocks

    def test_of_the_whole_table_it_must_cover_what_is_read(self, domains: Path) -> None:
        reads(domains, "columns, value: [order_id, customer]", self.CONSENT % ", columns: [customer]")
        change(domains, V1, ("value: P3650D", "value: P3651D"), ("version: 1.0.0", "version: 1.1.0"))
        assert only(judged(domains)).blocks
        change(domains, READER, ("columns: [customer]", "columns: [customer, order_id]"))
        assert only(judged(domains)).standing == "informs"

    def test_it_does_not_hold_before_its_day(self, domains: Path) -> None:
        self.broken(domains)
        change(domains, READER, ("given: 2026-11-20", "given: 2026-11-22"))
        assert only(judged(domains)).blocks

    def test_it_does_not_hold_for_a_version_that_is_published_already(self, domains: Path) -> None:
        self.broken(domains)
        assert only(judged(domains, ORDERS_CONTRACT.replace("version: 1.0.0", "version: 1.1.0"))).blocks

    def test_everybody_must_consent(self, domains: Path) -> None:
        desk(domains)
        found = self.broken(domains)
        assert found.blocks
        assert "Without consent of Fraud desk (reads customer, phone)." in found.finding.message
        consent = "    consents: [{version: 1.1.0, approver: fraud@retailer.example, given: 2026-11-21}]\n"
        desk(domains, consent)
        assert only(judged(domains)).standing == "informs"

    @pytest.mark.parametrize(
        ("approver", "why"),
        [
            ("shop@retailer.example", "an owner of shop.orders, which asks for the consent"),
            ("eve@retailer.example", "neither"),
        ],
    )
    def test_nobody_else_gives_it_for_a_product(self, domains: Path, approver: str, why: str) -> None:
        self.broken(domains)
        change(domains, READER, ("approver: ledger@retailer.example", f"approver: {approver}"))
        found = judged(domains)
        assert only(found).blocks
        assert f"The consent by {approver} doesn't count for ledger.totals" in only(found).finding.message
        told = only(found, "consent-not-theirs")
        assert (told.product, told.standing) == ("ledger.totals", "warns")
        assert why in told.finding.message
        assert "ledger@retailer.example" in told.finding.remedy
        assert told.finding.line == line(domains, READER, "approver")

    def test_nobody_else_gives_it_for_a_team(self, domains: Path) -> None:
        desk(domains, "    consents: [{version: 1.1.0, approver: shop@retailer.example, given: 2026-11-21}]\n")
        self.broken(domains)
        found = judged(domains)
        assert "Without consent of Fraud desk (reads customer, phone)." in only(found).finding.message
        told = only(found, "consent-not-theirs")
        assert (told.product, told.finding.file.name) == ("shop.orders", "consumers.yaml")
        assert "an owner of shop.orders" in told.finding.message
        assert "fraud@retailer.example" in told.finding.remedy

    def test_the_owner_of_the_domain_may_give_it(self, domains: Path) -> None:
        change(domains, READER, ("username: ledger@retailer.example", "username: sums@retailer.example"))
        assert self.broken(domains).standing == "informs"

    def test_addresses_are_the_same_in_any_case(self, domains: Path) -> None:
        self.broken(domains)
        change(domains, READER, ("approver: ledger@retailer.example", "approver: Ledger@Retailer.example"))
        found = judged(domains)
        assert only(found).standing == "informs"
        assert len(found) == 1

    def test_the_remedy_is_what_makes_it_pass(self, domains: Path) -> None:
        desk(domains)
        reads(domains, "columns, value: [order_id, customer]")
        change(domains, V1, (MASK, NO_MASK))
        remedy = only(judged(domains)).finding.remedy
        texts = re.findall(r"`([^`]*)`", remedy)
        assert len(texts) == 3
        change(domains, V1, ("version: 1.0.0", texts[0]))
        change(domains, READER, ("    customProperties:\n", f"    customProperties:\n      - {texts[1]}\n"))
        desk(domains, f"    {texts[2]}\n")
        assert f"{READER}:{line(domains, READER, 'name: shop.orders')}" in remedy
        assert "shop/products/orders/consumers.yaml:2" in remedy
        assert only(judged(domains)).standing == "informs"


class TestVersion:
    def test_an_addition_asks_for_a_minor_version(self, domains: Path) -> None:
        column = "      - {name: colour, logicalType: string, physicalType: VARCHAR, description: Its colour.}\n"
        change(domains, V1, ("      - name: phone\n", column + "      - name: phone\n"))
        found = only(judged(domains), "version-not-raised")
        assert found.standing == "warns"
        assert found.finding.remedy == "Write `version: 1.1.0`."
        assert found.finding.line == line(domains, V1, "version: 1.0.0")
        change(domains, V1, ("version: 1.0.0", "version: 1.1.0"))
        assert judged(domains) == []

    def test_wording_asks_for_a_patch(self, domains: Path) -> None:
        change(domains, V1, ("Telephone number.", "Number of the telephone."))
        assert only(judged(domains), "version-not-raised").finding.remedy == "Write `version: 1.0.1`."

    def test_it_never_goes_back(self, domains: Path) -> None:
        change(domains, V1, ("Telephone number.", "Number of the telephone."))
        published = ORDERS_CONTRACT.replace("version: 1.0.0", "version: 1.3.0")
        found = only(judged(domains, published), "version-lowered")
        assert found.blocks
        assert "1.3.1" in found.finding.remedy


class TestLife:
    def test_a_deprecation_waits_for_nobody(self, domains: Path) -> None:
        change(
            domains,
            V1,
            ("status: active", "status: deprecated"),
            ("version: 1.0.0", "version: 1.1.0"),
            ("slaProperties:\n", "slaProperties:\n  - {property: endOfSupport, value: 2027-03-31}\n"),
        )
        assert judged(domains) == []

    @pytest.mark.parametrize(
        ("end", "standing"),
        [("2026-12-21", None), ("2026-12-20", "blocks"), ("2026-11-21", "blocks"), ("2020-01-01", "blocks")],
    )
    def test_an_end_must_leave_time_to_move(self, domains: Path, end: str, standing: str | None) -> None:
        change(
            domains,
            V1,
            ("status: active", "status: deprecated"),
            ("version: 1.0.0", "version: 1.1.0"),
            ("slaProperties:\n", f"slaProperties:\n  - {{property: endOfSupport, value: {end}}}\n"),
        )
        found = judged(domains)
        assert [item.standing for item in found] == ([standing] if standing else [])
        if standing:
            assert found[0].finding.line == line(domains, V1, "endOfSupport")
            assert "30 days" in found[0].finding.remedy
            assert "2026-12-21" in found[0].finding.remedy
            consent = "consents, value: [{version: 1.1.0, approver: ledger@retailer.example, given: 2026-11-20}]"
            reads(domains, consent)
            assert only(judged(domains)).standing == "informs"

    def test_an_end_that_comes_earlier_than_promised_does(self, domains: Path) -> None:
        promise = "slaProperties:\n  - {{property: endOfSupport, value: {}}}\n"
        change(domains, V1, ("slaProperties:\n", promise.format("2027-03-31")), ("version: 1.0.0", "version: 1.1.0"))
        published = ORDERS_CONTRACT.replace("slaProperties:\n", promise.format("2027-12-31"))
        found = only(judged(domains, published))
        assert found.blocks
        assert "ends earlier than promised" in found.finding.message


class TestWhatIsSaidOfConsumers:
    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ("    kind: team\n", "    kind: squad\n", "`kind`"),
            ("    contact: fraud@retailer.example\n", "", "`contact` is missing"),
            ("    ports: [v1]\n", "    ports: [1]\n", "text"),
            ("    purpose: Finds stolen cards.\n", "    purposes: Finds stolen cards.\n", "purpose"),
            ("consumers:\n", "readers:\n", "consumers"),
            ("kind: team", "kind: team\n    kind: person", "kind"),
        ],
    )
    def test_a_broken_list_blocks_for_nobody_knows_who_is_missing(
        self, domains: Path, old: str, new: str, words: str
    ) -> None:
        desk(domains, text=DESK.replace(old, new, 1))
        found = [item for item in judged(domains) if item.blocks]
        assert found
        assert {item.product for item in found} == {"shop.orders"}
        assert {item.finding.file.name for item in found} == {"consumers.yaml"}
        assert any(words in item.finding.message for item in found)

    @pytest.mark.parametrize(
        ("old", "new", "code", "remedy"),
        [
            ("columns: [customer, phone]", "columns: [customer, phones]", "consumer-column", "Did you mean `phone`?"),
            ("ports: [v1]", "ports: [v1, v7]", "consumer-port", "The ports are v1."),
            ("contact: fraud@retailer.example", "contact: '#fraud'", "consumer-contact", "address"),
        ],
    )
    def test_what_does_not_fit_the_port_warns(self, domains: Path, old: str, new: str, code: str, remedy: str) -> None:
        desk(domains, text=DESK.replace(old, new, 1))
        found = only(judged(domains), code)
        assert found.standing == "warns"
        assert remedy in found.finding.remedy
        assert found.finding.line == line(domains, "shop/products/orders/consumers.yaml", new)

    def test_a_consumer_of_a_deprecated_port_is_told(self, domains: Path) -> None:
        desk(domains)
        change(domains, V1, ("status: active", "status: deprecated"))
        document = (domains / V1).read_text(encoding="utf-8")
        assert "deprecated" in only(judged(domains, document), "consumer-port").finding.message

    def test_the_case_of_a_column_is_no_mistake(self, domains: Path) -> None:
        reads(domains, "columns, value: [Order_ID]")
        desk(domains, text=DESK.replace("phone]", "Phone]"))
        assert judged(domains) == []

    def test_an_empty_list_of_columns_is_told(self, domains: Path) -> None:
        reads(domains, "columns, value: []")
        found = only(judged(domains), "consumer-column")
        assert (found.standing, found.product) == ("warns", "ledger.totals")
        assert "every column counts as read" in found.finding.message

    def test_inputs_are_looked_at_too(self, domains: Path) -> None:
        reads(domains, "columns, value: [order_id, amounts]", "consents, value: [{version: 1.1.0}]")
        found = judged(domains)
        column, consent = only(found, "consumer-column"), only(found, "consent-incomplete")
        assert column.product == consent.product == "ledger.totals"
        assert column.finding.remedy == "Did you mean `amount`?"
        assert "`approver` or `given`" in consent.finding.message


def test_several_changes_are_mended_by_one_consent(domains: Path) -> None:
    """Each is told, the way out once: nobody reads the same paragraph seven times."""
    change(domains, V1, (MASK, NO_MASK), ("DECIMAL(10,2)", "DECIMAL(10,0)"), ("version: 1.0.0", "version: 1.1.0"))
    found = [item for item in judged(domains) if item.blocks]
    assert len(found) >= 2
    first, *others = (item.finding for item in found)
    assert "consents" in first.remedy
    assert "columns: [" not in first.remedy.split("consents", 1)[1]
    assert all(other.remedy.startswith(f"As for line {first.line}:") for other in others)
