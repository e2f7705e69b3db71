"""A dbt project's manifest, made by dbt itself -> contracts; what has no counterpart is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from platform_resources.contracts import Document, load_mesh
from platform_resources.governance import Council
from platform_resources.self_service.exchange import plan_import
from platform_resources.self_service.import_plan import ImportPlan, carry_out
from platform_resources.self_service.incoming import ExchangeError
from tests.tiny_mesh import write_project

NOW = datetime(2026, 3, 2, 13, 0, tzinfo=UTC)

MODELS = """\
version: 2

groups:
  - name: sales_team
    owner: {name: Grace Hopper, email: grace@retailer.example}

sources:
  - name: shop
    database: shop
    schema: orders
    tables:
      - name: v1
        config:
          loaded_at_field: landed_at
          freshness: {warn_after: {count: 6, period: hour}, error_after: {count: 1, period: day}}

models:
  - name: customers
    config: {access: public}
    columns:
      - {name: id, data_type: bigint, data_tests: [unique, not_null]}

  - name: sold
    description: One row per order line that was sold.
    config:
      access: public
      group: sales_team
      tags: [sales, daily]
      meta: {tier: silver, sla_review: yearly, refresh: whenever}
      grants: {select: [reporters]}
    constraints:
      - {type: primary_key, columns: [order_id, line]}
      - {type: check, expression: amount > 0}
    data_tests:
      - unique_combination_of_columns: {arguments: {combination_of_columns: [order_id, status]}}
      - expression_is_true: {arguments: {expression: "amount >= 0"}}
    columns:
      - {name: order_id, data_type: int64, description: Number of the order.}
      - {name: line, data_type: integer}
      - name: customer_id
        data_type: integer
        data_tests:
          - relationships: {arguments: {to: ref('customers'), field: id}}
          - not_null: {config: {severity: warn, warn_if: ">10"}}
      - name: status
        data_type: character varying(20)
        data_tests:
          - accepted_values: {arguments: {values: [open, paid]}}
          - not_null: {config: {where: "line = 1"}}
      - {name: eMail, data_type: text, config: {meta: {contains_pii: true, source_field: E-MAIL}, tags: [contact]}}
      - {name: amount, data_type: "numeric(18,2)"}
      - {name: landed_at, data_type: timestamptz}
      - {name: note}

  - name: stock
    latest_version: 1
    config: {access: public}
    columns:
      - {name: store_id, data_type: integer}
    versions:
      - v: 1
        deprecation_date: 2030-01-31
      - v: 2
        columns:
          - include: all
          - {name: counted_at, data_type: timestamp}

  - name: hidden
    columns: [{name: id, data_type: integer}]

exposures:
  - name: dashboard
    type: dashboard
    owner: {email: a@b.example}
    depends_on: [ref('sold')]

unit_tests:
  - name: adds_up
    model: customers
    given: []
    expect: {rows: [{id: 1}]}
"""
FILES = {
    "dbt_project.yml": "name: till\nversion: '1.0.0'\nprofile: till\nmacro-paths: [macros]\n",
    "profiles.yml": "till: {target: dev, outputs: {dev: {type: duckdb, path: ':memory:'}}}\n",
    "models/models.yml": MODELS,
    "models/customers.sql": "select 1::bigint as id",
    "models/sold.sql": "select * from {{ source('shop', 'v1') }} join {{ ref('hidden') }} using (id)",
    "models/stock_v1.sql": "select 1 as store_id",
    "models/stock_v2.sql": "select 1 as store_id, now() as counted_at",
    "models/hidden.sql": "select 1 as id",
    "tests/no_gaps.sql": "select * from {{ ref('sold') }} where amount is null",
    "macros/tests.sql": "{% test expression_is_true(model, expression) %} select * from {{ model }} "
    "where not ({{ expression }}) {% endtest %}\n"
    "{% test unique_combination_of_columns(model, combination_of_columns) %} "
    "select 1 from {{ model }} group by {{ combination_of_columns | join(', ') }} having count(*) > 1 {% endtest %}\n",
}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of a small project with everything in it that a contract can take over, parsed by dbt."""
    folder = tmp_path_factory.mktemp("till")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return parsed(folder)


def parsed(folder: Path, *options: str) -> Path:
    done = subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "parse", "--profiles-dir", str(folder), *options],
        cwd=folder,
        env=os.environ | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "target" / "manifest.json"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project")


def plan(project: Path, manifest: Path, *models: str, into: str | None = "shop") -> ImportPlan:
    return plan_import([manifest], load_mesh(project / "domains"), Council(None), {}, NOW, into=into, models=models)


def documents(planned: ImportPlan) -> dict[str, Any]:
    return {
        f"{file.path.parent.name}/{file.path.name}": Document.parse(file.raw, file.path).data for file in planned.files
    }


def test_public_models_become_products(project: Path, manifest: Path) -> None:
    planned = plan(project, manifest)
    made = documents(planned)
    assert set(made) == {
        "customers/v1.odcs.yaml",
        "customers/product.odps.yaml",
        "sold/v1.odcs.yaml",
        "sold/product.odps.yaml",
        "stock/v1.odcs.yaml",
        "stock/v2.odcs.yaml",
        "stock/product.odps.yaml",
    }
    told = {finding.code for finding in planned.findings if finding.severity == "error"}
    assert told <= {"freshness-missing"}  # the one thing that dbt doesn't know and nobody may make up
    carry_out(planned)
    assert (project / "domains/shop/products/sold/v1.odcs.yaml").is_file()


def test_what_a_model_says_is_in_its_contract(project: Path, manifest: Path) -> None:
    made = documents(plan(project, manifest))
    contract = made["sold/v1.odcs.yaml"]
    assert contract["status"] == "draft"
    assert contract["tags"] == ["sales", "daily"]
    assert contract["description"] == {"purpose": "One row per order line that was sold."}
    assert contract["team"]["members"] == [
        {"username": "grace@retailer.example", "role": "owner", "name": "Grace Hopper"}
    ]
    assert contract["roles"] == [{"role": "reporters", "access": "select"}]
    assert contract["slaProperties"] == [{"property": "freshness", "value": "P1D", "element": "sold.landed_at"}]
    assert {p["property"]: p["value"] for p in contract["customProperties"]} == {
        "tier": "silver",
        "sla_review": "yearly",
        "dbt_refresh": "whenever",
    }
    table = contract["schema"][0]
    columns = {column["name"]: column for column in table["properties"]}
    assert {name: column["physicalType"] for name, column in columns.items()} == {
        "order_id": "BIGINT",
        "line": "INTEGER",
        "customer_id": "INTEGER",
        "status": "VARCHAR",
        "e_mail": "VARCHAR",
        "amount": "DECIMAL(18,2)",
        "landed_at": "TIMESTAMP WITH TIME ZONE",
        "note": "VARCHAR",
    }
    assert columns["order_id"]["description"] == "Number of the order."
    assert [columns[name].get("primaryKeyPosition") for name in ("order_id", "line")] == [1, 2]
    assert columns["customer_id"]["relationships"] == [{"type": "foreignKey", "to": "customers.id"}]
    (weak,) = columns["customer_id"]["quality"]
    assert (weak["metric"], weak["severity"], weak["mustBeLessOrEqualTo"]) == ("nullValues", "warning", 10)
    assert columns["status"]["quality"][0]["arguments"] == {"validValues": ["open", "paid"]}
    assert columns["e_mail"]["classification"] == "personal"
    assert columns["e_mail"]["tags"] == ["contact"]
    assert {"property": "source_field", "value": "E-MAIL"} in columns["e_mail"]["customProperties"]
    assert table["quality"][0]["arguments"] == {"properties": ["order_id", "status"]}
    assert made["sold/product.odps.yaml"]["inputPorts"] == [
        {"name": "shop.orders", "version": "1", "contractId": "shop.orders.v1"}
    ]
    assert made["customers/v1.odcs.yaml"]["schema"][0]["properties"][0] == {
        "name": "id",
        "logicalType": "integer",
        "physicalType": "BIGINT",
        "unique": True,
        "required": True,
    }


def test_versions_of_a_model_are_ports_of_one_product(project: Path, manifest: Path) -> None:
    made = documents(plan(project, manifest, "stock"))
    assert [port["version"] for port in made["stock/product.odps.yaml"]["outputPorts"]] == ["1", "2"]
    first, second = made["stock/v1.odcs.yaml"], made["stock/v2.odcs.yaml"]
    assert (first["version"], second["version"]) == ("1.0.0", "2.0.0")
    assert first["slaProperties"] == [{"property": "endOfSupport", "value": "2030-01-31"}]
    assert [column["name"] for column in second["schema"][0]["properties"]] == ["store_id", "counted_at"]
    assert second["schema"][0]["physicalName"] == "stock_v2"
    assert set(documents(plan(project, manifest, "stock.v2"))) == {"stock/v2.odcs.yaml", "stock/product.odps.yaml"}


def test_nothing_is_dropped_in_silence(project: Path, manifest: Path) -> None:
    planned = plan(project, manifest)
    told = {item.where: item.why for item in planned.not_taken}
    assert "amount > 0" in told["model sold, constraint check on the table"]
    assert any("expression_is_true" in where and "amount >= 0" in why for where, why in told.items())
    assert any("where line = 1" in why for why in told.values())
    assert "a test of its own SQL" in told["model sold, test no_gaps"]
    assert "consumers.yaml" in told["model sold, exposure dashboard"]
    assert "model customers, unit test adds_up" in told
    assert "model stock.v2, latest_version 1" in told
    assert "not chosen" in told["hidden"]
    changed = {
        change.path: (change.before, change.after)
        for file in planned.files
        if file.path.parent.name == "sold"
        for change in file.changes
    }
    assert changed["schema[0].properties[0].physicalType"] == ("int64", "BIGINT")
    assert changed["schema[0].properties[4].name"] == ("eMail", "e_mail")
    assert changed["schema[0].properties[7].physicalType"] == (None, "VARCHAR")


def test_types_of_the_catalog_count_where_the_manifest_says_none(project: Path, manifest: Path, tmp_path: Path) -> None:
    copy = tmp_path / "manifest.json"
    copy.write_bytes(manifest.read_bytes())
    columns = {"NOTE": {"type": "DATE"}, "EXTRA": {"type": "DOUBLE"}}
    (tmp_path / "catalog.json").write_text(json.dumps({"nodes": {"model.till.sold": {"columns": columns}}}))
    made = documents(plan(project, copy, "sold"))["sold/v1.odcs.yaml"]["schema"][0]["properties"]
    assert {c["name"]: c["physicalType"] for c in made if c["name"] in ("note", "extra")} == {
        "note": "DATE",
        "extra": "DOUBLE",
    }


def test_a_manifest_of_another_warehouse(project: Path, manifest: Path, tmp_path: Path) -> None:
    content = json.loads(manifest.read_bytes())
    content["metadata"]["adapter_type"] = "snowflake"
    column = content["nodes"]["model.till.sold"]["columns"]["amount"]
    column["data_type"] = "NUMBER(38,4)"
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    made = documents(plan(project, tmp_path / "manifest.json", "sold"))["sold/v1.odcs.yaml"]["schema"][0]
    assert next(c for c in made["properties"] if c["name"] == "amount")["physicalType"] == "DECIMAL(38,4)"


def test_wrong_calls_are_told(project: Path, manifest: Path, tmp_path: Path) -> None:
    with pytest.raises(ExchangeError, match=r"did you mean stock\.v2"):
        plan(project, manifest, "stock.v3")
    with pytest.raises(ExchangeError, match="--into DOMAIN"):
        plan(project, manifest, into=None)
    content = json.loads(manifest.read_bytes())
    for node in content["nodes"].values():
        node["access"] = "protected"
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(ExchangeError, match=r"no model of the manifest is public .* customers, hidden, sold"):
        plan(project, tmp_path / "manifest.json")
    content["metadata"]["dbt_schema_version"] = "https://schemas.getdbt.com/dbt/manifest/v9.json"
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(ExchangeError, match=r"older than 1\.6"):
        plan(project, tmp_path / "manifest.json", "sold")
    (tmp_path / "manifest.json").write_text('{"metadata": {"dbt_schema_version": ".../dbt/catalog/v1.json"}}')
    with pytest.raises(ExchangeError, match="no manifest"):
        plan(project, tmp_path / "manifest.json", "sold")


def test_the_shipped_project(project: Path, tmp_path: Path) -> None:
    """A manifest of the mesh's own dbt project: every type is DuckDB's already."""
    source = Path(__file__).resolve().parents[2] / "dbt_project"
    made = parsed(source, "--target", "crm", "--target-path", str(tmp_path / "t"), "--log-path", str(tmp_path / "l"))
    assert made  # dbt writes where --target-path says
    planned = plan(project, tmp_path / "t" / "manifest.json", "customer_360")
    contract = documents(planned)["customer_360/v1.odcs.yaml"]
    assert len(contract["schema"][0]["properties"]) == 37
    assert contract["schema"][0]["properties"][0]["required"] is True
    assert not [f for f in planned.findings if f.severity == "error" and f.code != "freshness-missing"]
