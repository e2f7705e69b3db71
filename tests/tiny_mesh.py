"""A mesh of two tiny domains, written into a folder: `shop` sells, `ledger` adds up. No dbt, a build takes a second."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb

REPOSITORY = Path(__file__).resolve().parents[1]
LANDED_AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

# order_id, customer (an address: masked), phone, segment, birth_year, amount
Order = tuple[int, str, str, str, int, str]
ORDERS: tuple[Order, ...] = (
    (1, "ada@mail.example", "+1-555-0101", "gold", 1970, "10.00"),
    (2, "bob@mail.example", "+1-555-0102", "gold", 1980, "20.50"),
    (3, "cleo@post.example", "+1-555-0103", "blue", 1990, "0.25"),
)

WORKSPACE = """\
load_from:
  - python_module: {module_name: domains.shop.definitions, location_name: shop}
  - python_module: {module_name: domains.ledger.definitions, location_name: ledger}
"""

DEFINITIONS = """\
from platform_resources.orchestration import domain_definitions

defs = domain_definitions("{name}")
"""

DOMAIN = """\
name: {name}
title: The {name}
purpose: For tests.
team: {name} team
owner: {name}@retailer.example
contact: {name}@retailer.example
channel: "#{name}"
"""

SOURCE = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.sources.order_lines
name: Order lines
version: 1.0.0
status: active
domain: shop
description: {purpose: What the till landed.}
servers:
  - {server: landing, type: local, path: till/order_lines/*.parquet, format: parquet}
schema:
  - name: order_lines
    physicalName: order_lines
    logicalType: object
    physicalType: file
    properties:
      - {name: order_id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true,
         primaryKeyPosition: 1}
      - {name: customer, logicalType: string, physicalType: VARCHAR, required: true}
      - {name: phone, logicalType: string, physicalType: VARCHAR}
      - {name: segment, logicalType: string, physicalType: VARCHAR}
      - {name: birth_year, logicalType: integer, physicalType: BIGINT}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(10,2)", required: true}
      - {name: ordered_at, logicalType: timestamp, physicalType: TIMESTAMP, required: true}
slaProperties:
  - {property: freshness, value: P3650D, element: order_lines.ordered_at}
team:
  name: shop team
  members: [{username: shop@retailer.example, role: owner}]
"""

PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: {domain}.{name}
name: {name}
version: 1.0.0
status: active
domain: {domain}
description: {{purpose: "The {name} of the {domain}.", usage: Read it., limitations: For tests only.}}
{inputs}outputPorts:
  - {{name: {name}, version: "1", contractId: {domain}.{name}.v1}}
team:
  name: {domain} team
  members: [{{username: {domain}@retailer.example, role: owner}}]
"""

LEDGER_INPUTS = """\
inputPorts:
  - {name: shop.orders, version: "1", contractId: shop.orders.v1}
"""

ORDERS_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.orders.v1
name: Orders
version: 1.0.0
status: active
domain: shop
description: {purpose: One row per order., usage: Read it., limitations: For tests only.}
schema:
  - name: orders
    physicalName: orders
    logicalType: object
    physicalType: table
    dataGranularityDescription: One order.
    properties:
      - {name: order_id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true,
         primaryKeyPosition: 1, classification: internal, description: Number of the order.}
      - name: customer
        logicalType: string
        physicalType: VARCHAR
        required: true
        classification: personal
        description: E-mail address of the customer.
        customProperties:
          - {property: mask, value: {strategy: partial, format: email, clearance: gdpr}}
      - name: phone
        logicalType: string
        physicalType: VARCHAR
        classification: personal
        description: Telephone number.
        customProperties:
          - {property: mask, value: {strategy: hash, clearance: gdpr}}
      - name: segment
        logicalType: string
        physicalType: VARCHAR
        classification: restricted
        description: How much the customer is worth.
        customProperties:
          - {property: mask, value: {strategy: redact, clearance: gdpr}}
      - name: birth_year
        logicalType: integer
        physicalType: BIGINT
        classification: personal
        description: Year of birth.
        customProperties:
          - {property: mask, value: {strategy: "null", clearance: gdpr}}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(10,2)", required: true, classification: internal,
         description: What was paid.}
      - {name: landed_at, logicalType: timestamp, physicalType: TIMESTAMP WITH TIME ZONE, required: true,
         classification: internal, description: When the till landed it.}
      - {name: load_id, logicalType: integer, physicalType: BIGINT, required: true, classification: internal,
         description: Number of the load.}
    quality:
      - name: no_free_orders
        type: sql
        query: SELECT count_if(amount <= 0) FROM {table}
        mustBe: 0
        dimension: accuracy
      - name: orders_stay_small
        type: sql
        query: SELECT max(amount) FROM {table}
        mustBeLessThan: 100
        dimension: conformity
        severity: warning
      - name: prices_look_right
        type: text
        dimension: accuracy
        description: The shop compares ten receipts a month with the till.
slaProperties:
  - {property: freshness, value: P3650D, element: orders.landed_at}
team:
  name: shop team
  members: [{username: shop@retailer.example, role: owner}]
customProperties:
  - {property: tier, value: bronze}
  - {property: refresh, value: on_update}
"""

TOTALS_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: ledger.totals.v1
name: Totals
version: 1.0.0
status: active
domain: ledger
description: {purpose: The sum of all orders., usage: Read it., limitations: For tests only.}
schema:
  - name: totals
    physicalName: totals
    logicalType: object
    physicalType: table
    dataGranularityDescription: One row in all.
    properties:
      - {name: orders, logicalType: integer, physicalType: BIGINT, required: true, classification: internal,
         description: How many.}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(38,2)", required: true, classification: internal,
         description: How much.}
      - {name: data_as_of, logicalType: timestamp, physicalType: TIMESTAMP WITH TIME ZONE, required: true,
         classification: internal, description: When the till landed the newest order.}
slaProperties:
  - {property: freshness, value: P3650D, element: totals.data_as_of}
team:
  name: ledger team
  members: [{username: ledger@retailer.example, role: owner}]
customProperties:
  - {property: tier, value: bronze}
  - {property: refresh, value: on_update}
"""

SHOP_MODELS = '''\
from platform_resources.orchestration import python_model


@python_model("orders", reads=["shop.internal.order_lines"])
def orders(lake):
    """Every order once, as it stands."""
    return lake.sql(
        "SELECT * EXCLUDE (ordered_at, _landed_at, _load_id), _landed_at AS landed_at, _load_id AS load_id "
        "FROM shop.internal.order_lines"
    )
'''

LEDGER_MODELS = '''\
from platform_resources.orchestration import python_model


@python_model("totals")
def totals(lake):
    """The sum of all orders."""
    return lake.sql(
        "SELECT count(*) AS orders, sum(amount) AS amount, max(landed_at) AS data_as_of FROM shop.orders.v1"
    )
'''


def write_project(root: Path) -> Path:
    """The whole project of the tiny mesh under `root`, with nothing landed and nothing built."""
    files = {
        "workspace.yaml": WORKSPACE,
        "domains/__init__.py": "",
        "domains/shop/__init__.py": "",
        "domains/shop/domain.yaml": DOMAIN.format(name="shop"),
        "domains/shop/definitions.py": DEFINITIONS.format(name="shop"),
        "domains/shop/assets.py": SHOP_MODELS,
        "domains/shop/sources/order_lines.odcs.yaml": SOURCE,
        "domains/shop/products/orders/product.odps.yaml": PRODUCT.format(domain="shop", name="orders", inputs=""),
        "domains/shop/products/orders/v1.odcs.yaml": ORDERS_CONTRACT,
        "domains/ledger/__init__.py": "",
        "domains/ledger/domain.yaml": DOMAIN.format(name="ledger"),
        "domains/ledger/definitions.py": DEFINITIONS.format(name="ledger"),
        "domains/ledger/assets.py": LEDGER_MODELS,
        "domains/ledger/products/totals/product.odps.yaml": PRODUCT.format(
            domain="ledger", name="totals", inputs=LEDGER_INPUTS
        ),
        "domains/ledger/products/totals/v1.odcs.yaml": TOTALS_CONTRACT,
        "governance/classifications.yaml": (REPOSITORY / "governance" / "classifications.yaml").read_text("utf-8"),
        "governance/purposes.yaml": (REPOSITORY / "governance" / "purposes.yaml").read_text("utf-8"),
    }
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root


def land(home: Path, orders: Sequence[Order] = ORDERS, extracted_at: datetime = LANDED_AT) -> Path:
    """Land one batch of order lines, as the till would."""
    folder = home / "landing" / "till" / "order_lines"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"order_lines_{extracted_at:%Y%m%dT%H%M%SZ}.parquet"
    hidden = folder / f".{file.name}"
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE batch (order_id BIGINT, customer VARCHAR, phone VARCHAR, segment VARCHAR, "
            "birth_year BIGINT, amount DECIMAL(10,2), ordered_at TIMESTAMP)"
        )
        at = extracted_at.astimezone(UTC).replace(tzinfo=None)
        con.executemany("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?)", [(*order, at) for order in orders])
        stamp = extracted_at.isoformat()
        con.execute(f"COPY batch TO '{hidden}' (FORMAT parquet, KV_METADATA {{extracted_at: '{stamp}'}})")
    hidden.rename(file)
    return file


def environment(root: Path, home: Path) -> dict[str, str]:
    """Environment of a process that works on the project under `root` with its state in `home`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MESH_", "DAGSTER_", "DBT_"))}
    return kept | {
        "MESH_PROJECT": str(root),
        "MESH_HOME": str(home),
        "PYTHONPATH": os.pathsep.join([str(root), str(REPOSITORY)]),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "COLUMNS": "200",
    }
