"""A domain is loaded whole, or as far as its documents can be used."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_resources.contracts import (
    ContractError,
    check_document,
    contract_of_text,
    load_contract,
    load_domain,
    load_domain_partially,
    load_usable_domain,
)

Change = Callable[[Path, str, str], int]


@pytest.fixture
def second_product(domain_folder: Path) -> Path:
    """crm.household_value, which reads crm.customer_360.v1."""
    folder = domain_folder / "products" / "household_value"
    shutil.copytree(domain_folder / "products" / "customer_360", folder)
    for file in folder.iterdir():
        text = file.read_text().replace("customer_360", "household_value")
        input_port = 'inputPorts:\n  - {name: crm.customer_360, version: "1", contractId: crm.customer_360.v1}'
        file.write_text(text.replace("inputPorts:", input_port))
    return folder


def codes(folder: Path) -> list[str]:
    return [finding.code for finding in load_domain_partially(folder)[1]]


def test_a_whole_domain(domain_folder: Path, second_product: Path) -> None:
    domain = load_domain(domain_folder)
    assert (domain.name, domain.title, domain.team_name) == ("crm", "Customer Relations", "CRM Data")
    assert (domain.owner, domain.contact, domain.channel) == ("ada.crm@example.com", "crm@example.com", "#crm")
    assert [product.address for product in domain.products] == ["crm.customer_360", f"crm.{second_product.name}"]
    assert [port.address for port in domain.ports] == ["crm.customer_360.v1", "crm.household_value.v1"]
    assert [port.address for port in domain.inputs] == ["sales.bookings.v1", "crm.customer_360.v1"]
    assert [source.table.name for source in domain.sources] == ["customers", "stores"]
    assert domain.sources[0].servers[0]["path"] == "crm_system/customers/*.parquet"


def test_a_domain_with_nothing_but_a_descriptor(domain_folder: Path) -> None:
    shutil.rmtree(domain_folder / "products")
    shutil.rmtree(domain_folder / "sources")
    assert load_domain(domain_folder).ports == ()


@pytest.mark.parametrize("broken", ["a: [", "a: &x 1", "apiVersion: v3.1.0\nkind: DataContract\n", ""])
@pytest.mark.parametrize("file", ["v1.odcs.yaml", "product.odps.yaml"])
def test_one_broken_document_stops_only_its_product(
    broken: str, file: str, domain_folder: Path, second_product: Path
) -> None:
    (domain_folder / "products" / "customer_360" / file).write_text(broken)
    usable = load_usable_domain(domain_folder)
    assert [product.name for product in usable.domain.products] == [second_product.name]
    assert [source.table.name for source in usable.domain.sources] == ["customers", "stores"]
    assert list(usable.blocked) == ["customer_360"]
    assert usable.blocked["customer_360"][0].file.name == file
    assert usable.other_errors == ()
    with pytest.raises(ContractError) as refused:
        load_domain(domain_folder)
    assert set(usable.blocked["customer_360"]) <= set(refused.value.findings)


def test_a_product_folder_without_a_document(domain_folder: Path) -> None:
    (domain_folder / "products" / "empty").mkdir()
    domain, findings = load_domain_partially(domain_folder)
    assert [product.name for product in domain.products] == ["customer_360"]
    assert [(finding.code, finding.file.name) for finding in findings] == [("file-missing", "product.odps.yaml")]


def test_a_broken_source_is_left_out_and_told(domain_folder: Path, change: Change) -> None:
    change(domain_folder / "sources" / "stores.odcs.yaml", "path: crm_system/stores", "path: ../../etc")
    usable = load_usable_domain(domain_folder)
    assert [source.table.name for source in usable.domain.sources] == ["customers"]
    assert [finding.code for finding in usable.other_errors][:1] == ["source-path"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("name: crm\n", "name: sales\n", "name-folder"),
        ("name: crm\n", "name: main\n", "name-reserved"),
        ("name: crm\n", "name: C-R-M\n", "name"),
        ("owner: ada.crm@example.com\n", "owner: Ada\n", "owner-email"),
        ("owner: ada.crm@example.com\n", "", "missing-key"),
        ("team: CRM Data\n", "team: {name: CRM Data}\n", "wrong-type"),
        ("title:", "tilte:", "unknown-key"),
        ('channel: "#crm"', "channel: #crm", "wrong-type"),
        ("name: crm\n", "name: crm\nname: crm\n", "duplicate-key"),
    ],
)
def test_a_domain_without_a_usable_descriptor_is_refused(
    old: str, new: str, code: str, domain_folder: Path, change: Change
) -> None:
    change(domain_folder / "domain.yaml", old, new)
    assert code in [finding.code for finding in check_document(domain_folder / "domain.yaml")]
    for load in (load_domain, load_domain_partially, load_usable_domain):
        with pytest.raises(ContractError) as refused:
            load(domain_folder)
        assert code in [finding.code for finding in refused.value.findings]


def test_a_folder_that_is_no_domain(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ContractError):
            load_domain_partially(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        ("products/household_value/v1.odcs.yaml", "id: crm.household_value.v1", "id: crm.customer_360.v1", "id-twice"),
        (
            "products/household_value/product.odps.yaml",
            "name: crm.customer_360",
            "name: crm.customer_36",
            "input-missing",
        ),
        ("products/household_value/product.odps.yaml", "crm.customer_360.v1}", "crm.customer_360.v2}", "contract-id"),
        ("products/household_value/v1.odcs.yaml", "to: stores.store_id", "to: store.store_id", "reference-table"),
        ("products/household_value/v1.odcs.yaml", "to: stores.store_id", "to: stores.shop_id", "unknown-column"),
        ("products/household_value/v1.odcs.yaml", "stores.store_id", "crm.customer_360.v1.x", "unknown-column"),
        ("products/household_value/v1.odcs.yaml", "stores.store_id", "finance.revenue.v1.store_id", "reference-input"),
    ],
)
def test_documents_that_contradict_each_other(
    file: str, old: str, new: str, code: str, domain_folder: Path, second_product: Path, change: Change
) -> None:
    if code == "id-twice":
        change(
            second_product / "product.odps.yaml",
            "contractId: crm.household_value.v1",
            "contractId: crm.customer_360.v1",
        )
    line = change(domain_folder / file, old, new)
    usable = load_usable_domain(domain_folder)
    assert list(usable.blocked) == [second_product.name]
    (finding,) = usable.blocked[second_product.name]
    assert (finding.code, finding.file) == (code, domain_folder / file)
    assert finding.line == line


@pytest.mark.parametrize(
    "target", ["customer_360.household_id", "crm.customer_360.v1.email", "sales.bookings.v1.store_id"]
)
def test_references_to_products_and_declared_inputs(
    target: str, domain_folder: Path, second_product: Path, change: Change
) -> None:
    change(second_product / "v1.odcs.yaml", "to: stores.store_id", f"to: {target}")
    load_domain(domain_folder)


def test_who_refers_to_a_broken_product_is_not_blamed(
    domain_folder: Path, second_product: Path, change: Change
) -> None:
    change(second_product / "v1.odcs.yaml", "to: stores.store_id", "to: customer_360.household_id")
    (domain_folder / "products" / "customer_360" / "v1.odcs.yaml").write_text("nothing: here\n")
    assert list(load_usable_domain(domain_folder).blocked) == ["customer_360"]


def test_a_feed_must_not_bear_the_name_of_a_product(domain_folder: Path) -> None:
    text = (domain_folder / "sources" / "stores.odcs.yaml").read_text().replace("stores", "customer_360")
    (domain_folder / "sources" / "customer_360.odcs.yaml").write_text(text)
    usable = load_usable_domain(domain_folder)
    assert [finding.code for finding in usable.other_errors] == ["name-clash"]
    assert [source.table.name for source in usable.domain.sources] == ["customers", "stores"]


@pytest.mark.parametrize("name", ["internal", "mesh", "main", "Customer", "9lives", "a-b"])
def test_names_that_a_product_can_not_bear(name: str, domain_folder: Path) -> None:
    product = domain_folder / "products" / "customer_360"
    for file in product.iterdir():
        file.write_text(file.read_text().replace("customer_360", name))
    product.rename(product.with_name(name))
    usable = load_usable_domain(domain_folder)
    assert {finding.code for finding in usable.blocked[name]} & {"name", "name-reserved"}


def test_files_that_nobody_reads_are_told(domain_folder: Path) -> None:
    (domain_folder / "sources" / "weather.odcs.yml").write_text("a: b")
    (domain_folder / "products" / "customer_360" / "V2.odcs.yaml").write_text("a: b")
    _, findings = load_domain_partially(domain_folder)
    assert [(f.code, f.severity, f.file.name) for f in findings] == [
        ("file-ignored", "warning", "weather.odcs.yml"),
        ("file-ignored", "warning", "V2.odcs.yaml"),
    ]


def test_a_relative_folder_works_too(domain_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(domain_folder)
    assert load_domain(Path()).name == "crm"
    monkeypatch.chdir(domain_folder.parent.parent)
    assert load_domain(Path("domains/crm")).products[0].address == "crm.customer_360"


def test_a_published_contract_is_read_as_it_was(contract_text: str, contract_file: Path) -> None:
    read = contract_of_text(contract_text, "crm.customer_360.v1")
    assert read.sha256 == load_contract(contract_file).sha256
    assert read.table.columns[0].name == "household_id"
    assert contract_of_text("id: a\n", "x").tables == ()
    with pytest.raises(ContractError):
        contract_of_text("a: [", "x")


def test_a_file_of_no_known_kind(tmp_path: Path) -> None:
    file = tmp_path / "notes.yaml"
    file.write_text("a: b\n")
    assert [finding.code for finding in check_document(file)] == ["kind"]
