"""What each state of a port asks of its owner, and what is said to whoever reads it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from platform_resources.contracts import Mesh, load_mesh
from platform_resources.contracts.lifecycle import by_preference, lifecycle_of, port_of_table
from platform_resources.governance import Judgement, PublishedPort
from platform_resources.governance.endings import input_notices, port_notice, still_reading
from platform_resources.governance.lifecycle import judge_lifecycle
from tests.tiny_mesh import ORDERS_CONTRACT, write_project

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
V1, PRODUCT = "shop/products/orders/v1.odcs.yaml", "shop/products/orders/product.odps.yaml"
READER = "ledger/products/totals/product.odps.yaml"


@pytest.fixture
def domains(tmp_path: Path) -> Path:
    return write_project(tmp_path) / "domains"


def change(domains: Path, file: str, *pairs: tuple[str, str]) -> None:
    text = (domains / file).read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    (domains / file).write_text(text, encoding="utf-8")


def add_v2(domains: Path, status: str = "active") -> None:
    text = ORDERS_CONTRACT.replace("shop.orders.v1", "shop.orders.v2").replace("version: 1.0.0", "version: 2.0.0")
    text = text.replace("physicalName: orders", "physicalName: orders_v2").replace(
        "status: active", f"status: {status}"
    )
    (domains / "shop/products/orders/v2.odcs.yaml").write_text(text, encoding="utf-8")
    port = '  - {name: orders, version: "2", contractId: shop.orders.v2}\n'
    change(domains, PRODUCT, ("contractId: shop.orders.v1}\n", f"contractId: shop.orders.v1}}\n{port}"))


def deprecate(domains: Path, until: str | None, replaced_by: str | None = None) -> None:
    pairs = [("status: active", "status: deprecated")]
    if until:
        pairs.append(("slaProperties:\n", f"slaProperties:\n  - {{property: endOfSupport, value: {until}}}\n"))
    if replaced_by:
        entry = f"  - {{property: replacedBy, value: {replaced_by}}}\n"
        pairs.append(("\ncustomProperties:\n", f"\ncustomProperties:\n{entry}"))
    change(domains, V1, *pairs)


def published(*addresses: str, document: str = ORDERS_CONTRACT) -> dict[str, PublishedPort]:
    return {address: PublishedPort(address, 3, "1.0.0", document, NOW, NOW) for address in addresses}


def judged(
    domains: Path, served: dict[str, PublishedPort] | None = None, domain: str | None = None
) -> dict[str, Judgement]:
    mesh = load_mesh(domains)
    assert not [finding for finding in mesh.findings if finding.severity == "error"], mesh.findings
    found = judge_lifecycle(mesh, served or {}, NOW, domain=domain)
    assert len({item.finding.code for item in found}) == len(found)
    return {item.finding.code: item for item in found}


def line(domains: Path, file: str, text: str) -> int:
    lines = (domains / file).read_text(encoding="utf-8").splitlines()
    return next(number for number, found in enumerate(lines, 1) if text in found)


def test_a_mesh_of_active_ports_has_nothing_to_tell(domains: Path) -> None:
    add_v2(domains)
    assert judged(domains, published("shop.orders.v1", "shop.orders.v2", "ledger.totals.v1")) == {}


class TestStates:
    @pytest.mark.parametrize(
        ("product", "contract", "state"),
        [
            ("active", "active", "active"),
            ("active", "draft", "draft"),
            ("draft", "active", "draft"),
            ("active", "deprecated", "deprecated"),
            ("deprecated", "active", "deprecated"),
            ("deprecated", "draft", "draft"),
            ("retired", "active", "retired"),
            ("draft", "retired", "retired"),
            ("proposed", "active", "proposed"),
        ],
    )
    def test_product_and_contract_together_make_the_state(
        self, domains: Path, product: str, contract: str, state: str
    ) -> None:
        change(domains, PRODUCT, ("status: active", f"status: {product}"))
        change(domains, V1, ("status: active", f"status: {contract}"))
        assert lifecycle_of(*load_mesh(domains).ports["shop.orders.v1"]) == state

    def test_the_port_to_read_first_is_the_newest_active_one(self, domains: Path) -> None:
        add_v2(domains, "draft")
        product, _ = load_mesh(domains).ports["shop.orders.v1"]
        assert [port.major for port in by_preference(product)] == [1, 2]
        change(domains, "shop/products/orders/v2.odcs.yaml", ("status: draft", "status: active"))
        product, _ = load_mesh(domains).ports["shop.orders.v1"]
        assert [port.major for port in by_preference(product)] == [2, 1]

    def test_a_table_belongs_to_the_port_whose_contract_names_it(self, domains: Path) -> None:
        add_v2(domains)
        shop = load_mesh(domains).usable["shop"].domain
        assert port_of_table(shop, "orders")[1].address == "shop.orders.v1"
        assert port_of_table(shop, "orders_v2")[1].address == "shop.orders.v2"
        assert port_of_table(shop, "order_lines") is None

    def test_of_two_ports_on_one_table_the_newest_that_is_built_decides(self, domains: Path) -> None:
        add_v2(domains)
        change(domains, "shop/products/orders/v2.odcs.yaml", ("physicalName: orders_v2", "physicalName: orders"))
        assert port_of_table(load_mesh(domains).usable["shop"].domain, "orders")[1].major == 2
        change(domains, "shop/products/orders/v2.odcs.yaml", ("status: active", "status: proposed"))
        assert port_of_table(load_mesh(domains).usable["shop"].domain, "orders")[1].major == 1


class TestDeprecated:
    def test_it_needs_an_end_date(self, domains: Path) -> None:
        deprecate(domains, None)
        found = judged(domains)
        assert found["end-of-support"].blocks
        assert found["end-of-support"].product == "shop.orders"
        assert found["end-of-support"].finding.line == line(domains, V1, "slaProperties:")
        change(domains, V1, ("slaProperties:\n", "slaProperties:\n  - {property: endOfSupport, value: 2027-03-31}\n"))
        assert set(judged(domains)) == {"input-deprecated"}

    @pytest.mark.parametrize("until", ["soon", "31.03.2027", "2027-03-31T10:00:00Z", "2027-13-01"])
    def test_the_end_date_is_a_day(self, domains: Path, until: str) -> None:
        deprecate(domains, f'"{until}"')
        found = judged(domains)["end-of-support"]
        assert found.blocks
        assert found.finding.line == line(domains, V1, "endOfSupport")
        assert "YYYY-MM-DD" in found.finding.remedy

    def test_it_can_not_begin_when_it_has_ended_already(self, domains: Path) -> None:
        deprecate(domains, "2026-11-20")
        found = judged(domains, published("shop.orders.v1"))["end-of-support"]
        assert found.blocks
        assert "past: 2026-11-20" in found.finding.message

    def test_after_its_end_the_owner_and_the_consumers_are_warned(self, domains: Path) -> None:
        deprecate(domains, "2026-11-20")
        was = ORDERS_CONTRACT.replace("status: active", "status: deprecated")
        found = judged(domains, published("shop.orders.v1", document=was))
        assert set(found) == {"support-ended", "input-deprecated"}
        assert found["support-ended"].standing == "warns"
        assert "ledger.totals" in found["support-ended"].finding.message
        reader = found["input-deprecated"]
        assert (reader.product, reader.finding.line) == ("ledger.totals", line(domains, READER, "name: shop.orders"))
        assert "ended on 2026-11-20 (1 day ago)" in reader.finding.message
        (domains / READER).write_text((domains / READER).read_text().replace("status: active", "status: retired"))
        assert judged(domains, published("shop.orders.v1", document=was))["support-ended"].standing == "informs"

    def test_its_consumers_are_told_the_date_and_the_replacement(self, domains: Path) -> None:
        add_v2(domains)
        deprecate(domains, "2027-03-31", "shop.orders.v2")
        found = judged(domains, domain="ledger")
        assert set(found) == {"input-deprecated"}
        assert found["input-deprecated"].standing == "warns"
        assert "2027-03-31 (130 days left); use shop.orders.v2" in found["input-deprecated"].finding.message
        assert found["input-deprecated"].finding.remedy == "Read shop.orders.v2 instead."

    def test_it_names_what_replaces_it_when_something_does(self, domains: Path) -> None:
        deprecate(domains, "2027-03-31")
        assert "replaced-by" not in judged(domains)
        add_v2(domains)
        found = judged(domains)["replaced-by"]
        assert found.standing == "warns"
        assert "shop.orders.v2" in found.finding.remedy

    @pytest.mark.parametrize(
        ("other", "fault"),
        [("shop.orders.v1", "the port itself"), ("shop.orders.v3", "no port"), ("orders", "no port")],
    )
    def test_what_replaces_it_is_another_port(self, domains: Path, other: str, fault: str) -> None:
        deprecate(domains, "2027-03-31", other)
        assert fault in judged(domains)["replaced-by"].finding.message


class TestRetired:
    def test_a_port_that_is_read_is_not_retired(self, domains: Path) -> None:
        change(
            domains,
            READER,
            (
                "contractId: shop.orders.v1}",
                "contractId: shop.orders.v1, customProperties: [{property: columns, value: [amount, landed_at]}]}",
            ),
        )
        change(domains, V1, ("status: active", "status: retired"))
        found = judged(domains, published("shop.orders.v1"))
        held = found["retired-with-consumers"]
        assert (held.blocks, held.product) == (True, "shop.orders")
        assert held.finding.line == line(domains, V1, "status:")
        assert "ledger.totals (amount, landed_at)" in held.finding.message
        assert found["input-retired"].standing == "warns"  # the reader is not blocked by what its producer does

    def test_a_team_that_reads_it_counts_as_much_as_a_product(self, domains: Path) -> None:
        change(domains, V1, ("status: active", "status: retired"))
        change(domains, READER, ("status: active", "status: retired"))
        (domains / "shop/products/orders/consumers.yaml").write_text(
            "consumers:\n  - {name: Service desk, kind: team, contact: desk@retailer.example, purpose: Calls., "
            "ports: [v1], columns: [phone]}\n",
            encoding="utf-8",
        )
        held = judged(domains, published("shop.orders.v1"))["retired-with-consumers"]
        assert held.blocks
        assert "Service desk (phone)" in held.finding.message

    def test_it_is_when_nobody_reads_it(self, domains: Path) -> None:
        change(domains, V1, ("status: active", "status: retired"))
        change(domains, READER, ("status: active", "status: retired"))
        assert "retired-with-consumers" not in judged(domains, published("shop.orders.v1"))

    def test_what_is_not_served_any_more_has_nothing_to_hold(self, domains: Path) -> None:
        change(domains, V1, ("status: active", "status: retired"))
        assert set(judged(domains, {})) == {"input-retired"}

    def test_force_needs_a_reason_and_names_the_consumers(self, domains: Path) -> None:
        word = "\ncustomProperties:\n  - {property: retirement, value: {forced: true}}"
        change(domains, V1, ("status: active", "status: retired"), ("\ncustomProperties:", word))
        held = judged(domains, published("shop.orders.v1"))["retired-with-consumers"]
        assert held.blocks
        assert "without a `reason`" in held.finding.message
        change(domains, V1, ("{forced: true}", '{forced: true, reason: "the till is gone"}'))
        told = judged(domains, published("shop.orders.v1"))["retired-with-consumers"]
        assert told.standing == "warns"
        assert "the till is gone" in told.finding.message
        assert "ledger.totals" in told.finding.message

    def test_a_retired_product_points_to_its_own_file(self, domains: Path) -> None:
        change(domains, PRODUCT, ("status: active", "status: retired"))
        held = judged(domains, published("shop.orders.v1"))["retired-with-consumers"]
        assert held.finding.file == domains / PRODUCT
        assert held.finding.line == line(domains, PRODUCT, "status:")

    def test_a_reader_whose_documents_are_broken_counts(self, domains: Path) -> None:
        change(domains, V1, ("status: active", "status: retired"))
        change(domains, READER, ("status: active", "status: nonsense"))
        mesh = load_mesh(domains)
        assert "shop.orders.v1" not in mesh.readers
        assert still_reading(mesh, "shop.orders.v1") == ("ledger.totals",)
        assert [item.blocks for item in judge_lifecycle(mesh, published("shop.orders.v1"), NOW)] == [True]


class TestBackwards:
    @pytest.mark.parametrize("status", ["draft", "proposed"])
    def test_what_others_read_does_not_become_a_draft_again(self, domains: Path, status: str) -> None:
        change(domains, V1, ("status: active", f"status: {status}"))
        held = judged(domains, published("shop.orders.v1"))["lifecycle-backwards"]
        assert held.blocks
        assert held.finding.line == line(domains, V1, "status:")
        assert "ledger.totals" in held.finding.message

    def test_a_draft_stays_one(self, domains: Path) -> None:
        change(domains, V1, ("status: active", "status: draft"))
        was = ORDERS_CONTRACT.replace("status: active", "status: draft")
        assert judged(domains, published("shop.orders.v1", document=was)) == {}


class TestRemoved:
    def test_a_port_that_is_read_is_not_removed(self, domains: Path) -> None:
        add_v2(domains)
        (domains / V1).unlink()
        change(domains, PRODUCT, ('  - {name: orders, version: "1", contractId: shop.orders.v1}\n', ""))
        found = judged(domains, published("shop.orders.v1", "shop.orders.v2"))
        held = found["retired-with-consumers"]
        assert (held.blocks, held.product) == (True, "shop.orders")
        assert held.finding.line == line(domains, PRODUCT, "outputPorts:")
        assert "ledger.totals" in held.finding.message
        assert found["input-removed"].standing == "warns"
        assert "Read shop.orders.v2" in found["input-removed"].finding.remedy

    def test_a_whole_product_neither(self, domains: Path) -> None:
        for file in (domains / "shop/products/orders").iterdir():
            file.unlink()
        (domains / "shop/products/orders").rmdir()
        found = judged(domains, published("shop.orders.v1"))
        assert found["retired-with-consumers"].blocks
        assert found["retired-with-consumers"].finding.file == domains / "shop/domain.yaml"
        assert found["input-removed"].standing == "warns"

    def test_one_that_nobody_is_known_to_read_is_told_and_served_on(self, domains: Path) -> None:
        change(domains, READER, ("status: active", "status: retired"))
        found = judged(domains, published("shop.orders.v1", "shop.orders.v7"))
        told = found["port-removed"]
        assert (told.standing, told.product, told.finding.severity) == ("warns", "shop.orders", "warning")
        assert "goes on being served" in told.finding.message
        assert "mesh retire shop.orders.v7" in told.finding.remedy

    def test_a_product_that_is_gone_with_its_registered_consumers_is_told(self, domains: Path) -> None:
        change(domains, READER, ("status: active", "status: retired"))
        shutil.rmtree(domains / "shop/products/orders")
        told = judged(domains, published("shop.orders.v1"))["port-removed"]
        assert (told.standing, told.finding.file) == ("warns", domains / "shop/domain.yaml")

    def test_broken_documents_remove_nothing(self, domains: Path) -> None:
        change(domains, V1, ("status: active", "status: nonsense"))
        mesh = load_mesh(domains)
        assert judge_lifecycle(mesh, published("shop.orders.v1"), NOW) == []


class TestUnknownInputs:
    def test_an_input_that_never_was_blocks_its_reader(self, domains: Path) -> None:
        change(domains, READER, ("name: shop.orders", "name: shop.order"))
        found = judged(domains)["input-unknown"]
        assert (found.blocks, found.product) == (True, "ledger.totals")
        assert found.finding.remedy == "Did you mean shop.orders.v1?"
        assert found.finding.line == line(domains, READER, "name: shop.order")

    def test_so_does_a_major_that_is_not_there_yet(self, domains: Path) -> None:
        change(domains, READER, ('version: "1", contractId: shop', 'version: "2", contractId: shop'))
        assert judged(domains)["input-unknown"].blocks

    def test_a_domain_that_can_not_be_read_is_not_held_against_its_readers(self, domains: Path) -> None:
        change(domains, "shop/domain.yaml", ("name: shop", "name: 7"))
        mesh = load_mesh(domains)
        assert "shop" in mesh.broken
        assert judge_lifecycle(mesh, {}, NOW) == []


class TestNotices:
    def notice(self, mesh: Mesh, address: str = "shop.orders.v1") -> str | None:
        return port_notice(mesh, *mesh.ports[address], NOW.date())

    def test_of_a_deprecated_port_and_of_who_reads_it(self, domains: Path) -> None:
        add_v2(domains)
        deprecate(domains, "2027-03-31", "shop.orders.v2")
        mesh = load_mesh(domains)
        told = "deprecated, served until 2027-03-31 (130 days left); use shop.orders.v2"
        assert self.notice(mesh) == f"{told}; still read by ledger.totals"
        assert self.notice(mesh, "shop.orders.v2") is None
        reader, _ = mesh.ports["ledger.totals.v1"]
        ((item, text),) = input_notices(mesh, reader, NOW.date())
        assert item.address == "shop.orders.v1"
        assert text == f"reads shop.orders.v1, which is {told}"

    def test_of_the_last_day(self, domains: Path) -> None:
        deprecate(domains, "2026-11-21")
        assert "today is the last day" in (self.notice(load_mesh(domains)) or "")

    @pytest.mark.parametrize(("status", "told"), [("draft", "may change any day"), ("proposed", "not built yet")])
    def test_of_what_is_not_there_yet(self, domains: Path, status: str, told: str) -> None:
        change(domains, V1, ("status: active", f"status: {status}"))
        assert told in (self.notice(load_mesh(domains)) or "")
