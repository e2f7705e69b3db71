"""A small domain that is right in every respect, for tests to break one thing at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

DOMAIN = """\
name: crm
title: Customer Relations
purpose: Knows who the customers are.
team: CRM Data
owner: ada.crm@example.com
contact: crm@example.com
channel: "#crm"
"""

CONTRACT = """\
# The promise of crm.customer_360.v1
apiVersion: v3.1.0
kind: DataContract
id: crm.customer_360.v1
name: Customer 360
version: 1.2.0
status: active
domain: crm
description:
  purpose: One row per household.
  usage: Join on household_id.
  limitations: Contact details are synthetic.
team:
  name: CRM Data
  members:
    - {username: ada.crm@example.com, role: owner}
    - {username: bob.crm@example.com, role: steward}
schema:
  - name: customer_360
    logicalType: object
    physicalType: table
    dataGranularityDescription: One household
    properties:
      - name: household_id
        logicalType: integer
        physicalType: BIGINT
        required: true
        primaryKey: true
        primaryKeyPosition: 1
        classification: internal
        description: Number of the household.
      - name: email
        logicalType: string
        physicalType: varchar(254)
        classification: personal
        logicalTypeOptions: {minLength: 3, maxLength: 254, pattern: '[^@]+@[^@]+'}
        customProperties:
          - {property: mask, value: {strategy: partial, clearance: gdpr}}
        quality:
          - name: email_known
            metric: nullValues
            mustBeLessOrEqualTo: 2
            unit: percent
            dimension: completeness
            severity: warning
      - name: spend
        logicalType: number
        physicalType: DECIMAL(18, 2)
      - name: home_store_id
        logicalType: integer
        physicalType: BIGINT
        relationships:
          - to: stores.store_id
      - name: updated_at
        logicalType: timestamp
        physicalType: TIMESTAMPTZ
        required: true
    relationships:
      - type: foreignKey
        from: [customer_360.household_id, customer_360.email]
        to: [customers.household_id, customers.email]
    quality:
      - name: households
        metric: rowCount
        mustBeBetween: [1, 10000]
        dimension: coverage
      - name: spend_total
        type: sql
        query: SELECT sum(spend) FROM {table}
        mustBe: 4596039.58
        dimension: accuracy
        businessImpact: Finance reports it.
slaProperties:
  - {property: freshness, value: PT15M, element: customer_360.updated_at}
  - {property: availability, value: 99.9, unit: percent}
  - {property: completeness, value: 98, unit: percent, element: "customer_360.email, customer_360.spend"}
  - {property: retention, value: 3, unit: y}
customProperties:
  - {property: tier, value: gold}
  - {property: refresh, value: on_update}
  - {property: scoreWeights, value: {completeness: 2, accuracy: 1}}
contractCreatedTs: 2026-01-31T10:00:00Z
"""

PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: crm.customer_360
name: customer_360
version: 1.2.0
status: active
domain: crm
description: {purpose: Know the customer.}
inputPorts:
  - {name: sales.bookings, version: "1", contractId: sales.bookings.v1}
outputPorts:
  - {name: customer_360, version: "1", description: One row per household., contractId: crm.customer_360.v1}
support:
  - {channel: "#crm", url: "https://chat.example.com/crm"}
team:
  name: CRM Data
  members:
    - {username: ada.crm@example.com, role: Product Owner}
"""

SOURCE = """\
apiVersion: v3.1.0
kind: DataContract
id: crm.source.{name}
version: 1.0.0
status: active
domain: crm
servers:
  - {{server: landing, type: local, path: crm_system/{name}/*.parquet, format: parquet}}
schema:
  - name: {name}
    properties:
{columns}
"""

Change = tuple[str, str]


def source(name: str, **columns: str) -> str:
    """The contract of a feed with columns {name: physical type}."""
    lines = "\n".join(f"      - {{name: {column}, physicalType: {kind}}}" for column, kind in columns.items())
    return SOURCE.format(name=name, columns=lines)


@pytest.fixture
def contract_text() -> str:
    return CONTRACT


@pytest.fixture
def product_text() -> str:
    return PRODUCT


@pytest.fixture
def domain_folder(tmp_path: Path) -> Path:
    """domains/crm with one product and two sources."""
    folder = tmp_path / "domains" / "crm"
    product = folder / "products" / "customer_360"
    product.mkdir(parents=True)
    (folder / "sources").mkdir()
    (folder / "domain.yaml").write_text(DOMAIN)
    (product / "product.odps.yaml").write_text(PRODUCT)
    (product / "v1.odcs.yaml").write_text(CONTRACT)
    customers = source("customers", household_id="BIGINT", email="VARCHAR")
    (folder / "sources" / "customers.odcs.yaml").write_text(customers)
    (folder / "sources" / "stores.odcs.yaml").write_text(source("stores", store_id="BIGINT"))
    return folder


@pytest.fixture
def contract_file(domain_folder: Path) -> Path:
    return domain_folder / "products" / "customer_360" / "v1.odcs.yaml"


@pytest.fixture
def product_file(domain_folder: Path) -> Path:
    return domain_folder / "products" / "customer_360" / "product.odps.yaml"


@pytest.fixture
def change() -> Callable[[Path, str, str], int]:
    """Replace a text in a file once and say on which line (1-based) it stood."""

    def replace(file: Path, old: str, new: str) -> int:
        text = file.read_text()
        assert text.count(old) >= 1, f"{old!r} is not in {file.name}"
        file.write_text(text.replace(old, new, 1))
        return text[: text.index(old)].count("\n") + 1

    return replace


@pytest.fixture
def standards() -> Path:
    """Official schemas, beside the repository; they are read there and never copied."""
    folder = Path(__file__).parents[3] / "shared" / "standards"
    if not folder.is_dir():
        pytest.skip("no official schemas beside the repository")
    return folder
