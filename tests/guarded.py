"""A mesh of one domain with one published port, made in half a second: for tests of who sees what. No dbt, no Dagster.

`shop.customers.v1` has a column for each kind of mask, and a canary in every masked value: text that starts with
CANARY, 909_... in numbers, the year 1909 in dates. No answer to a reader without clearance may hold one.
"""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from platform_resources.access import Access, Caller, Grant, Identity
from platform_resources.access.callers.identities import save_identity
from platform_resources.access.callers.tokens import create_token
from platform_resources.access.requests.grants import add_grant
from platform_resources.contracts import contract_of_text
from platform_resources.lake import (
    MeshSettings,
    PortAddress,
    Promise,
    Publication,
    connect,
    create_lake,
    current_snapshot,
    publish,
    qualified,
    utc_now,
)
from tests.made_once import copy_of
from tests.tiny_mesh import DOMAIN, PRODUCT, REPOSITORY

CUSTOMERS = PortAddress("shop", "customers", 1)

CUSTOMERS_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.customers.v1
name: Customers
version: {version}
status: {status}
domain: shop
description: {{purpose: One row per customer., usage: Read it., limitations: For tests only.}}
roles:
  - {{role: customers_reader, access: read, description: Reads personal columns masked.,
     firstLevelApprovers: shop@retailer.example}}
  - role: customers_gdpr_reader
    access: read
    description: Reads every column in clear.
    firstLevelApprovers: shop@retailer.example
    secondLevelApprovers: privacy@retailer.example
    customProperties:
      - {{property: clearances, value: [gdpr]}}
      - {{property: purposes, value: [customer_service]}}
  - role: customers_region_reader
    access: read
    description: Reads the customers of its own regions, personal columns masked.
    firstLevelApprovers: shop@retailer.example
    customProperties:
      - {{property: rowFilter, value: {{where: "list_contains(reader.regions, region)"}}}}
schema:
  - name: customers
    physicalName: customers
    logicalType: object
    physicalType: table
    properties:
      - {{name: customer_id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true,
         primaryKeyPosition: 1, classification: internal}}
      - {{name: region, logicalType: string, physicalType: VARCHAR, required: true, classification: internal}}
      - name: email
        logicalType: string
        physicalType: VARCHAR
        classification: personal
        customProperties: [{{property: mask, value: {{strategy: partial, format: email, clearance: gdpr}}}}]
      - name: name
        logicalType: string
        physicalType: VARCHAR
        classification: personal
        customProperties: [{{property: mask, value: {{strategy: redact, clearance: gdpr}}}}]
      - name: card
        logicalType: string
        physicalType: VARCHAR
        classification: personal
        customProperties: [{{property: mask, value: {{strategy: hash, clearance: gdpr}}}}]
      - name: income
        logicalType: integer
        physicalType: BIGINT
        classification: restricted
        customProperties: [{{property: mask, value: {{strategy: "null", clearance: gdpr}}}}]
      - {{name: balance, logicalType: number, physicalType: "DECIMAL(12,2)", required: true, classification: internal}}
      - {{name: joined_on, logicalType: timestamp, physicalType: TIMESTAMP, classification: internal}}
    quality:
      - {{name: letters_arrive, type: text, dimension: accuracy, description: The shop writes to ten customers a year.}}
slaProperties:
  - {{property: freshness, value: P3650D, element: customers.joined_on}}
  - {{property: availability, value: 99.9, unit: percent}}
team:
  name: shop team
  members: [{{username: shop@retailer.example, role: owner}}]
"""

COLUMNS = "customer_id BIGINT, region VARCHAR, email VARCHAR, name VARCHAR, card VARCHAR, income BIGINT, "
COLUMNS += "balance DECIMAL(12,2), joined_on TIMESTAMP"

# customer_id, region, email, name, card, income, balance, joined_on
Row = tuple[int, str, str | None, str | None, str | None, int | None, str, str]


def customers(count: int = 40) -> list[Row]:
    """Rows with a canary in every masked value; every fifth e-mail address is null."""
    regions = ("north", "south", "east", "west")
    return [
        (
            *(i, regions[i % 4], None if i % 5 == 0 else f"CANARY-{i}-mail@canary.example", f"CANARY-{i}-name"),
            *(f"CANARY-{i}-card", 909_000_000 + i, f"{i * 10}.50", f"2026-01-{1 + i % 28:02d}"),
        )
        for i in range(1, count + 1)
    ]


@dataclass
class GuardedMesh:
    """The mesh's settings, its access, and what tests do to it."""

    settings: MeshSettings
    access: Access
    tokens: dict[str, str] = field(default_factory=dict)

    def identity(self, identity: Identity) -> Identity:
        save_identity(self.access.control, identity)
        return identity

    def grant(self, consumer: str, port: str = str(CUSTOMERS), **facts: object) -> int:
        """A grant from yesterday on, for a year: `role`, `purpose`, `clearances`, `columns` as in `Grant`."""
        now = utc_now()
        given: dict = {"role": None, "purpose": "analytics", "starts_at": now - timedelta(days=1)}
        given |= {"ends_at": now + timedelta(days=365), **facts}
        return add_grant(self.access.control, Grant(0, consumer, port, **given))

    def token(self, identity: str, **facts: object) -> str:
        self.tokens[identity] = create_token(self.access.control, identity, created_by="tests", **facts)
        return self.tokens[identity]

    def caller(self, identity: str) -> Caller:
        return self.access.authenticate(self.tokens.get(identity) or self.token(identity))

    def publish(
        self,
        rows: Sequence[Row] | str | None = None,
        *,
        version: str = "1.0.0",
        contract: str | None = None,
        audit: dict | None = None,
    ) -> Publication:
        """Publish rows (or those of a SELECT) as the next publication of `shop.customers.v1`, contract in its file."""
        document = contract or CUSTOMERS_CONTRACT.format(version=version, status="active")
        file = self.settings.domains / "shop" / "products" / "customers" / "v1.odcs.yaml"
        file.write_text(document)
        return publish_rows(self.settings, CUSTOMERS, document, rows if rows is not None else customers(), audit)


def publish_rows(
    settings: MeshSettings,
    port: PortAddress,
    document: str,
    rows: Sequence[Sequence[object]] | str,
    audit: dict | None = None,
) -> Publication:
    """Write rows into the private table of a port's contract and publish them, without build, audit or gate."""
    table = contract_of_text(document, "v1.odcs.yaml").table
    create_lake(settings, port.domain)
    private = qualified(port.domain, "internal", table.physical_name)
    columns = ", ".join(f'"{c.name}" {c.physical_type}' for c in table.columns)
    with connect(settings, own=port.domain) as con:
        con.execute(f"CREATE TABLE IF NOT EXISTS {private} ({columns})")
        con.execute(f"DELETE FROM {private}")
        if isinstance(rows, str):
            con.execute(f"INSERT INTO {private} {rows}")
        elif rows:
            row = f"({', '.join('?' * len(table.columns))})"  # all rows at once: one by one takes 40 ms each
            values = [value for one in rows for value in one]
            con.execute(f"INSERT INTO {private} VALUES {', '.join([row] * len(rows))}", values)
        count = con.execute(f"SELECT count(*) FROM {private}").fetchone()[0]
        now = utc_now()
        return publish(
            con,
            settings,
            port=port,
            table=table.physical_name,
            snapshot=current_snapshot(con, port.domain),
            columns=[c.name for c in table.columns],
            promise=Promise(_version(document), hashlib.sha256(document.encode()).hexdigest(), document),
            audit=audit or {"results": []},
            score=100.0,
            row_count=count,
            data_as_of=now,
            run_id=str(uuid.uuid4()),
            now=now,
        )


def _version(document: str) -> str:
    return contract_of_text(document, "v1.odcs.yaml").version


def write_project(folder: Path) -> Path:
    """The files of the mesh: one domain, one product, the council's catalogues."""
    product = folder / "domains" / "shop" / "products" / "customers"
    product.mkdir(parents=True)
    (folder / "workspace.yaml").write_text("load_from: []\n")
    (folder / "domains" / "shop" / "domain.yaml").write_text(DOMAIN.format(name="shop"))
    (product / "product.odps.yaml").write_text(PRODUCT.format(domain="shop", name="customers", inputs=""))
    (folder / "governance").mkdir()
    for file in (REPOSITORY / "governance").glob("*.yaml"):
        shutil.copy(file, folder / "governance" / file.name)
    return folder


def make_mesh(folder: Path) -> GuardedMesh:
    """`shop.customers.v1` published with 40 rows, and three identities with grants on it:

    `ana` (no clearance), `desk` (a service, clearance gdpr, role customers_gdpr_reader, purpose customer_service) and
    `reggie` (an agent, regions north and south, role customers_region_reader). `nobody` is known and has no grant.
    """
    copy_of("guarded", _make, folder)
    settings = MeshSettings(home=folder / "home", project=folder / "project")
    return GuardedMesh(settings, Access(settings, personas=False))


def _make(folder: Path) -> None:
    project = write_project(folder / "project")
    settings = MeshSettings(home=folder / "home", project=project)
    mesh = GuardedMesh(settings, Access(settings, personas=False))
    mesh.publish()
    mesh.identity(Identity("ana", "person", "Ana", purpose="analytics"))
    mesh.identity(Identity("desk", "service", "Desk", clearances=frozenset({"gdpr"}), purpose="customer_service"))
    mesh.identity(
        Identity("reggie", "agent", "Reggie", attributes={"regions": ("north", "south")}, purpose="analytics")
    )
    mesh.identity(Identity("nobody", "person", "Nobody", purpose="analytics"))
    mesh.grant("ana", role="customers_reader")
    mesh.grant("desk", role="customers_gdpr_reader", purpose="customer_service", clearances=frozenset({"gdpr"}))
    mesh.grant("reggie", role="customers_region_reader")
    mesh.access.close()


__all__ = ["COLUMNS", "CUSTOMERS", "CUSTOMERS_CONTRACT", "GuardedMesh", "customers", "make_mesh", "publish_rows"]
