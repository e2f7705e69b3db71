"""Documents in and out: bytes stay, every change is told, nothing is half written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from platform_resources.contracts import ContractError, Document, check_document, load_mesh
from platform_resources.governance import Classification, Council
from platform_resources.self_service.exchange import plan_import
from platform_resources.self_service.exporting import bundle, find_product, zipped
from platform_resources.self_service.fitting import as_name
from platform_resources.self_service.foreign_types import duckdb_type, logical_type
from platform_resources.self_service.import_plan import ImportPlan, carry_out
from platform_resources.self_service.incoming import ExchangeError
from platform_resources.self_service.new_names import as_identifier
from tests.tiny_mesh import ORDERS_CONTRACT, PRODUCT, write_project

NOW = datetime(2026, 3, 2, 13, 0, tzinfo=UTC)

FOREIGN = """\
# The warehouse's orders, as another tool wrote them.
apiVersion: {version}
kind: DataContract
id: 53581432-6c55-4ba2-a65f-72344a91553a
version: v1.1
status: production
domain: seller
description: {{purpose: All orders.}}   # a comment that stays
servers:
  - {{server: prod, type: snowflake, account: acc, database: DB, schema: PUB}}
schema:
  - name: ORDERS_TBL
    physicalName: DB.PUB.ORDERS
    properties:
      - {{name: Order ID, logicalType: integer, physicalType: "NUMBER(38,0)", primaryKey: true, classification: PII}}
      - name: payload
        logicalType: object
        physicalType: VARIANT
      - name: updatedAt
        logicalType: date
        physicalType: TIMESTAMP_NTZ(9)
    quality:
      - {{type: library, {metric}: {row_count}, mustBeGreaterThan: 0, dimension: coverage}}
slaProperties:
  - {{property: freshness, value: 1, unit: d, element: ORDERS_TBL.updatedAt}}
team: {team}
"""
V3_0 = FOREIGN.format(
    version="v3.0.2", metric="rule", row_count="countCheck", team='[{username: ceastwood, dateIn: "2022-08-02"}]'
)
V3_1 = FOREIGN.format(
    version="v3.1.0", metric="metric", row_count="rowCount", team="{name: Sellers, members: [{username: ceastwood}]}"
)
V3_2 = FOREIGN.format(version="v3.2.0", metric="metric", row_count="rowCount", team="{name: Sellers}")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project")


LEVELS = ("public", "internal", "personal", "restricted")
COUNCIL = Council(None, classifications={name: Classification(name, rank, {}) for rank, name in enumerate(LEVELS)})


def plan(project: Path, *paths: Path, into: str | None = None) -> ImportPlan:
    return plan_import(paths, load_mesh(project / "domains"), COUNCIL, {}, NOW, into=into)


def changes(planned: ImportPlan, name: str) -> dict[str, tuple[object, object]]:
    file = next(file for file in planned.files if file.path.name == name)
    return {change.path: (change.before, change.after) for change in file.changes}


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


@pytest.mark.parametrize("form", ["folder", "zip", "files"])
def test_a_product_goes_out_and_comes_in_with_every_byte(project: Path, tmp_path: Path, form: str) -> None:
    product, _ = find_product(project / "domains", "shop.orders")
    out = bundle(product, None)
    target = tmp_path / "out"
    target.mkdir()
    for name, raw in out.items():
        (target / name).write_bytes(raw)
    (target / "shop.orders.zip").write_bytes(zipped(out, "shop.orders"))
    paths = {
        "folder": [target],
        "zip": [target / "shop.orders.zip"],
        "files": [target / "product.odps.yaml", target / "v1.odcs.yaml"],
    }[form]
    other = write_project(tmp_path / "other")
    folder = other / "domains/shop/products/orders"
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()

    planned = plan(other, *paths)
    carry_out(planned)

    assert planned.usable
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == out
    assert all(not file.changes for file in planned.files)
    again = plan(other, *paths)
    assert {file.state for file in again.files} == {"unchanged"}
    assert carry_out(again) == ()


def test_a_product_finds_the_contracts_that_lie_beside_it(project: Path, tmp_path: Path) -> None:
    (tmp_path / "anything.yaml").write_text(ORDERS_CONTRACT)
    (tmp_path / "other.yaml").write_text("no: document\n")
    (tmp_path / "shop.odps.yaml").write_text(PRODUCT.format(domain="shop", name="orders", inputs=""))
    planned = plan(project, tmp_path / "shop.odps.yaml")
    assert {file.path.name: file.state for file in planned.files} == {
        "v1.odcs.yaml": "unchanged",
        "product.odps.yaml": "unchanged",
    }


def test_the_same_documents_make_the_same_bundle(project: Path) -> None:
    product, _ = find_product(project / "domains", "shop.orders.v1")
    assert zipped(bundle(product, None), "a") == zipped(bundle(product, None), "a")


@pytest.mark.parametrize("text", [V3_0, V3_1, V3_2], ids=["v3.0", "v3.1", "v3.2"])
def test_a_foreign_contract_is_fitted_field_by_field(project: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "in.yaml").write_text(text)
    planned = plan(project, tmp_path / "in.yaml", into="shop")

    assert planned.usable, planned.findings
    told = changes(planned, "v1.odcs.yaml")
    assert told["version"] == ("v1.1", "1.1.0")
    assert told["status"] == ("production", "active")
    assert told["schema[0].name"] == ("ORDERS_TBL", "orders_tbl")
    assert told["schema[0].properties[0].name"] == ("Order ID", "order_id")
    assert told["schema[0].properties[0].physicalType"] == ("NUMBER(38,0)", "DECIMAL(38,0)")
    assert told["schema[0].properties[0].classification"] == ("PII", "personal")
    assert told["schema[0].properties[1].physicalType"] == ("VARIANT", "JSON")
    assert told["schema[0].properties[2].logicalType"] == ("date", "timestamp")
    assert told["slaProperties[0].element"] == ("ORDERS_TBL.updatedAt", "orders_tbl.updated_at")
    assert told["schema[0].quality[0].name"][0] is None
    carry_out(planned)
    folder = project / "domains/shop/products/orders_tbl"
    written = (folder / "v1.odcs.yaml").read_text()
    assert "# The warehouse's orders, as another tool wrote them." in written
    assert "# a comment that stays" in written
    kept = Document.load(folder / "v1.odcs.yaml").data
    remembered = next(p["value"] for p in kept["customProperties"] if p["property"] == "importedValues")
    assert remembered["schema[0].properties[0].physicalType"] == "NUMBER(38,0)"  # what came in can be told from it
    assert Document.load(folder / "product.odps.yaml").data["status"] == "draft"
    assert not [f for f in check_document(folder / "v1.odcs.yaml") if f.severity == "error"]


def test_classifications_without_a_council(project: Path, tmp_path: Path) -> None:
    (tmp_path / "in.yaml").write_text(V3_1.replace("classification: PII", "classification: Top Secret"))
    mesh = load_mesh(project / "domains")
    planned = plan_import([tmp_path / "in.yaml"], mesh, Council(None), {}, NOW, into="shop")
    told = changes(planned, "v1.odcs.yaml")
    assert told["schema[0].properties[0].classification"] == ("Top Secret", "top_secret")
    assert planned.usable, planned.findings
    cautious = changes(plan(project, tmp_path / "in.yaml", into="shop"), "v1.odcs.yaml")
    assert cautious["schema[0].properties[0].classification"] == ("Top Secret", "restricted")


def test_what_is_not_told_as_changed_is_as_it_was(project: Path, tmp_path: Path) -> None:
    (tmp_path / "in.yaml").write_text(V3_1)
    planned = plan(project, tmp_path / "in.yaml", into="shop")
    before = Document.load(tmp_path / "in.yaml").data
    after = next(file for file in planned.files if file.path.name == "v1.odcs.yaml")
    told = changes(planned, "v1.odcs.yaml")

    def leaves(value: object, path: str = "") -> dict[str, object]:
        if isinstance(value, dict):
            parts = [leaves(v, f"{path}.{k}" if path else k) for k, v in value.items()]
        elif isinstance(value, list):
            parts = [leaves(v, f"{path}[{i}]") for i, v in enumerate(value)]
        else:
            return {path: value}
        return {key: leaf for part in parts for key, leaf in part.items()}

    was, now = leaves(dict(before)), leaves(dict(Document.parse(after.raw, after.path).data))
    differing = {path for path in was.keys() | now.keys() if was.get(path) != now.get(path)}
    assert {path for path in differing if not any(path.startswith(change) for change in told)} == set()


def test_of_several_tables_each_becomes_a_product(project: Path, tmp_path: Path) -> None:
    text = V3_1.replace(
        "slaProperties:\n",
        "  - name: returns\n    properties:\n      - {name: order_id, physicalType: BIGINT}\n"
        "      - {name: at, logicalType: timestamp}\n"
        "slaProperties:\n  - {property: retention, value: P1Y, element: returns.at}\n",
    )
    (tmp_path / "two.yaml").write_text(text)
    planned = plan(project, tmp_path / "two.yaml", into="shop")
    assert {f"{file.path.parent.name}/{file.path.name}" for file in planned.files} == {
        "orders_tbl/v1.odcs.yaml",
        "orders_tbl/product.odps.yaml",
        "returns/v1.odcs.yaml",
        "returns/product.odps.yaml",
    }
    by_name = {file.path.parent.name: Document.parse(file.raw, file.path).data for file in planned.files[:2]}
    assert [entry["element"] for entry in by_name["orders_tbl"]["slaProperties"]] == ["orders_tbl.updated_at"]
    assert [entry["element"] for entry in by_name["returns"]["slaProperties"]] == ["returns.at"]
    assert by_name["returns"]["id"] != by_name["orders_tbl"]["id"]
    with pytest.raises(ExchangeError, match="--into shop to make a product of each"):
        plan(project, tmp_path / "two.yaml", into="shop.sales")


@pytest.mark.parametrize("version", ["v0.9.0", "v1.0.0"])
def test_a_foreign_product_of_either_version(project: Path, tmp_path: Path, version: str) -> None:
    team = "[{username: somebody}]" if version == "v0.9.0" else "{name: Sellers, members: [{username: somebody}]}"
    (tmp_path / "p.yaml").write_text(
        f"apiVersion: {version}\nkind: DataProduct\nid: fbe8d147-28db-4f1d-bedf-a3fe9f458427\nname: Sales\n"
        "domain: seller\nstatus: In Production\n"
        "inputPorts:\n  - {name: shoporders, version: 1.0.0, contractId: shop.orders.v1}\n"
        "outputPorts:\n  - {name: Sold Items, version: 2.0.0, contractId: 53581432-6c55-4ba2-a65f-72344a91553a}\n"
        f"team: {team}\n"
    )
    (tmp_path / "c.yaml").write_text(V3_1)
    planned = plan(project, tmp_path / "p.yaml", into="ledger")
    assert planned.usable, planned.findings
    assert [file.path.name for file in planned.files] == ["v2.odcs.yaml", "product.odps.yaml"]
    made = Document.parse(planned.files[1].raw, Path("p")).data
    assert made["outputPorts"][0]["name"] == "sold_items"
    assert made["inputPorts"][0] == {"name": "shop.orders", "version": "1", "contractId": "shop.orders.v1"}
    assert changes(planned, "v2.odcs.yaml")["version"] == ("v1.1", "2.1.0")


def test_a_product_without_its_contracts_is_refused(project: Path, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(PRODUCT.format(domain="shop", name="lonely", inputs=""))
    with pytest.raises(ExchangeError, match=r"contracts shop\.lonely\.v1 .* not among the files"):
        plan(project, tmp_path / "p.yaml")


def test_a_new_major_is_added_to_the_product_that_is_there(project: Path, tmp_path: Path) -> None:
    text = ORDERS_CONTRACT.replace("version: 1.0.0\nstatus", "version: 2.0.0\nstatus").replace("orders.v1", "orders.v2")
    (tmp_path / "new.yaml").write_text(text)
    planned = plan(project, tmp_path / "new.yaml")
    assert {file.path.name: file.state for file in planned.files} == {
        "v2.odcs.yaml": "new",
        "product.odps.yaml": "extended",
    }
    carry_out(planned)
    folder = project / "domains/shop/products/orders"
    assert (folder / "v2.odcs.yaml").read_text() == text
    assert [port["version"] for port in Document.load(folder / "product.odps.yaml").data["outputPorts"]] == ["1", "2"]


def test_nothing_is_replaced_unless_asked(project: Path, tmp_path: Path) -> None:
    (tmp_path / "v1.yaml").write_text(ORDERS_CONTRACT + "# more\n")
    before = snapshot(project)
    planned = plan(project, tmp_path / "v1.yaml")
    with pytest.raises(ExchangeError, match=r"v1\.odcs\.yaml\n--dry-run"):
        carry_out(planned)
    assert snapshot(project) == before
    carry_out(planned, force=True)
    assert (project / "domains/shop/products/orders/v1.odcs.yaml").read_text() == ORDERS_CONTRACT + "# more\n"


def test_nothing_is_half_written(project: Path, tmp_path: Path) -> None:
    folder = project / "domains/shop/products/orders"
    text = ORDERS_CONTRACT.replace("version: 1.0.0\nstatus", "version: 2.0.0\nstatus").replace("orders.v1", "orders.v2")
    (tmp_path / "new.yaml").write_text(text)
    planned = plan(project, tmp_path / "new.yaml")
    (folder / "product.odps.yaml").unlink()
    (folder / "product.odps.yaml").mkdir()
    with pytest.raises(ExchangeError, match="nothing was written"):
        carry_out(planned)
    assert not (folder / "v2.odcs.yaml").exists()


def test_what_changed_meanwhile_stops_the_import_whole(project: Path, tmp_path: Path) -> None:
    (tmp_path / "in.yaml").write_text(V3_1)
    planned = plan(project, tmp_path / "in.yaml", into="shop")
    folder = project / "domains/shop/products/orders_tbl"
    folder.mkdir()
    (folder / "product.odps.yaml").write_text("mine: true\n")
    with pytest.raises(ExchangeError, match="nothing was written"):
        carry_out(planned)
    assert [file.name for file in folder.iterdir()] == ["product.odps.yaml"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("just: yaml\n", "no document that can be taken in"),
        (V3_1.replace("domain: seller\n", ""), "names no domain; say --into DOMAIN"),
        (V3_1, "no domain 'seller'; say --into DOMAIN"),
        ("apiVersion: v3.1.0\nkind: DataContract\nid: a\nversion: 1.0.0\nstatus: draft\n", "promises no table"),
    ],
)
def test_what_cannot_be_taken_in_is_told(project: Path, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "in.yaml").write_text(text)
    with pytest.raises(ExchangeError, match=message):
        plan(project, tmp_path / "in.yaml")


def test_hostile_yaml_is_refused_with_its_place(project: Path, tmp_path: Path) -> None:
    (tmp_path / "in.yaml").write_text("kind: DataContract\na: &x [1]\nb: *x\n")
    with pytest.raises(ContractError, match="anchor"):
        plan(project, tmp_path / "in.yaml", into="shop")


def test_a_bundle_may_name_any_path_and_still_lands_in_its_product(project: Path, tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../../../evil.odcs.yaml", V3_1)
    planned = plan(project, tmp_path / "evil.zip", into="shop")
    assert {file.path.parent for file in planned.files} == {project / "domains/shop/products/orders_tbl"}


@pytest.mark.parametrize(
    ("written", "dialect", "expected"),
    [
        ("NUMBER(38,0)", "snowflake", "DECIMAL(38,0)"),
        ("FLOAT", "snowflake", "DOUBLE"),
        ("TIMESTAMP_TZ", "snowflake", "TIMESTAMP WITH TIME ZONE"),
        ("VARIANT", "snowflake", "JSON"),
        ("INT64", "bigquery", "BIGINT"),
        ("TIMESTAMP", "bigquery", "TIMESTAMP WITH TIME ZONE"),
        ("ARRAY<STRUCT<a INT64, b STRING>>", "bigquery", "STRUCT(a BIGINT, b VARCHAR)[]"),
        ("timestamp without time zone", "postgres", "TIMESTAMP"),
        ("character varying(20)", "postgres", "VARCHAR"),
        ("jsonb", "postgres", "JSON"),
        ("super", "redshift", "JSON"),
        ("struct<a:int,b:array<string>>", "databricks", "STRUCT(a INTEGER, b VARCHAR[])"),
        ("NVARCHAR(20)", "tsql", "VARCHAR"),
        ("BIT", "tsql", "BOOLEAN"),
        ("DATETIME2", "tsql", "TIMESTAMP"),
        ("MONEY", "tsql", "DECIMAL(19,4)"),
        ("VARCHAR2(20)", "oracle", "VARCHAR"),
        ("int unsigned", "mysql", "UINTEGER"),
        ("tinyint(1)", "mysql", "TINYINT"),
        ("enum('a','b')", "mysql", "VARCHAR"),
        ("LowCardinality(String)", "clickhouse", "VARCHAR"),
        ("Nullable(UInt64)", "clickhouse", "UBIGINT"),
        ("DateTime64(3)", "clickhouse", "TIMESTAMP"),
        ("NUMBER(10,2)", None, "DECIMAL(10,2)"),
        ("VARCHAR", None, "VARCHAR"),
        ("no such thing", None, None),
    ],
)
def test_types_of_other_warehouses(written: str, dialect: str | None, expected: str | None) -> None:
    assert duckdb_type(written, dialect) == expected


def test_names_and_logical_types() -> None:
    assert [as_name(t) for t in ("Customer Orders (EU)", "orderLines", "CUSTOMER_ID", "2nd Größe", "…")] == [
        "customer_orders_eu",
        "order_lines",
        "customer_id",
        "n2nd_groesse",
        "unnamed",
    ]
    assert [logical_type(t) for t in ("DECIMAL(1,0)", "VARCHAR[]", "UUID", "TIMESTAMP WITH TIME ZONE", "TIME")] == [
        "number",
        "array",
        "string",
        "timestamp",
        "time",
    ]


def test_of_ports_with_several_names_each_becomes_a_product(project: Path, tmp_path: Path) -> None:
    tables = V3_1.replace(
        "slaProperties:\n",
        "  - name: returns\n    properties:\n      - {name: at, logicalType: timestamp}\nslaProperties:\n"
        "  - {property: freshness, value: P1D, element: returns.at}\n",
    )
    (tmp_path / "c.yaml").write_text(tables)
    contract = "53581432-6c55-4ba2-a65f-72344a91553a"
    text = (
        "apiVersion: v1.0.0\nkind: DataProduct\nid: p\nname: Sales\nstatus: active\noutputPorts:\n"
        f"  - {{name: ordersTbl, version: 1.0.0, contractId: {contract}}}\n"
        f"  - {{name: returns, version: 0.3.0, contractId: {contract}}}\n"
        "team: {name: Sellers}\n"
    )
    (tmp_path / "p.yaml").write_text(text)
    planned = plan(project, tmp_path / "p.yaml", into="shop")
    made = {f"{f.path.parent.name}/{f.path.name}": Document.parse(f.raw, f.path).data for f in planned.files}
    assert set(made) == {
        "orders_tbl/v1.odcs.yaml",
        "orders_tbl/product.odps.yaml",
        "returns/v1.odcs.yaml",
        "returns/product.odps.yaml",
    }
    assert [table["name"] for table in made["returns/v1.odcs.yaml"]["schema"]] == ["returns"]
    assert [port["name"] for port in made["returns/product.odps.yaml"]["outputPorts"]] == ["returns"]
    assert len({document["id"] for document in made.values()}) == 4
    assert planned.usable, planned.findings
    with pytest.raises(ExchangeError, match="2 tables as ports"):
        plan(project, tmp_path / "p.yaml", into="shop.sales")


@pytest.mark.parametrize(
    ("written", "name"),
    [("HTTPStatus", "http_status"), ("Umsatz %", "umsatz_percent"), ("2. Größe (€)", "n2_groesse_eur")],
)
def test_a_word_has_one_name_whether_it_is_imported_or_scaffolded(written: str, name: str) -> None:
    assert (as_name(written), as_identifier(written)) == (name, name)
