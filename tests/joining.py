"""Two more products for the tiny mesh, whose columns must join: `shop.customers` and `ledger.visits`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from platform_resources.lake import MeshSettings, PortAddress, Promise, connect, current_snapshot, publish
from tests.tiny_mesh import PRODUCT, write_project

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CUSTOMERS, VISITS = "shop.customers.v1", "ledger.visits.v1"

SEMANTIC_TYPES = """\
types:
  - id: customer_id
    title: Customer number
    description: Number of a customer.
    names: [customer_id, client_id]
    logicalType: integer
    physicalType: BIGINT
    options: {minimum: 1}
    reference: shop.customers.v1.customer_id
    joinRate: 100
  - id: region_code
    title: Region
    description: Where it is.
    names: [region_code]
    logicalType: string
    physicalType: VARCHAR
    options: {pattern: "^[A-Z]{2}$"}
    joinRate: 50
  - id: money
    title: Money
    description: An amount.
    names: [amount]
    logicalType: number
    physicalType: DECIMAL(10,2)
    options: {minimum: 0}
"""

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: {address}
name: {table}
version: 1.0.0
status: active
domain: {domain}
description: {{purpose: For tests., usage: Read it., limitations: For tests only.}}
schema:
  - name: {table}
    physicalName: {table}
    logicalType: object
    physicalType: table
    dataGranularityDescription: One row each.
    properties:
      - {{name: customer_id, logicalType: {logical}, physicalType: {physical}, classification: {classification},
         description: Number of the customer.}}
      - {{name: region_code, logicalType: string, physicalType: VARCHAR, classification: internal,
         description: Where.}}
      - {{name: amount, logicalType: number, physicalType: "DECIMAL(10,2)", classification: internal,
         description: How much.}}
      - {{name: landed_at, logicalType: timestamp, physicalType: TIMESTAMP WITH TIME ZONE, required: true,
         classification: internal, description: When it landed.}}
slaProperties:
  - {{property: freshness, value: P3650D, element: {table}.landed_at}}
team:
  name: {domain} team
  members: [{{username: {domain}@retailer.example, role: owner}}]
customProperties:
  - {{property: tier, value: bronze}}
"""

Row = tuple[Any, str | None, str]  # customer_id, region_code, amount


def write_joining_project(root: Path, *, physical: str = "BIGINT", classification: str = "internal") -> MeshSettings:
    """The tiny mesh with the two products and the council's semantic types; `physical` is the type in the ledger."""
    project = write_project(root / "project")
    (project / "governance").mkdir(exist_ok=True)
    (project / "governance" / "semantic_types.yaml").write_text(SEMANTIC_TYPES, encoding="utf-8")
    for address, kind in ((CUSTOMERS, "BIGINT"), (VISITS, physical)):
        port = PortAddress.parse(address)
        folder = project / "domains" / port.domain / "products" / port.product
        folder.mkdir(parents=True)
        (folder / "product.odps.yaml").write_text(PRODUCT.format(domain=port.domain, name=port.product, inputs=""))
        logical = "integer" if kind == "BIGINT" else "string"
        text = CONTRACT.format(
            address=address,
            table=port.product,
            domain=port.domain,
            logical=logical,
            physical=kind,
            classification=classification,
        )
        (folder / "v1.odcs.yaml").write_text(text, encoding="utf-8")
    return MeshSettings(home=root / "home", project=project)


def publish_rows(settings: MeshSettings, address: str, rows: Sequence[Row], *, run: str = "first") -> None:
    """Publish rows at a port, without an audit: what a proof must find is what no audit of one port can see."""
    port = PortAddress.parse(address)
    file = settings.domains / port.domain / "products" / port.product / "v1.odcs.yaml"
    kind = "VARCHAR" if "customer_id, logicalType: string" in file.read_text() else "BIGINT"
    with connect(settings, own=port.domain) as con:
        table = f"{port.domain}.internal.{port.product}"
        con.execute(f"DROP TABLE IF EXISTS {table}")
        con.execute(
            f"CREATE TABLE {table} (customer_id {kind}, region_code VARCHAR, amount DECIMAL(10,2), "
            "landed_at TIMESTAMP WITH TIME ZONE)"
        )
        con.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?)", [(*row, NOW) for row in rows])
        publish(
            con,
            settings,
            port=port,
            table=port.product,
            snapshot=current_snapshot(con, port.domain),
            columns=["customer_id", "region_code", "amount", "landed_at"],
            promise=Promise("1.0.0", f"{address}-{run}", file.read_text()),
            audit={},
            score=100.0,
            row_count=len(rows),
            data_as_of=NOW,
            run_id=f"{address}-{run}",
            now=NOW,
        )
