"""A mesh of one port for each way to hide something: the same table of ten columns, published under other contracts."""

from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta
from pathlib import Path

from benchmarks.processes import ROOT
from platform_resources.access import Access, Caller, Grant, Identity
from platform_resources.access.callers.identities import save_identity
from platform_resources.access.requests.grants import add_grant
from platform_resources.lake import (
    MeshSettings,
    PortAddress,
    Promise,
    connect,
    create_lake,
    current_snapshot,
    publish,
    qualified,
    utc_now,
)

DOMAIN, TABLE = "shop", "customers"
COLUMNS = {
    "customer_id": "BIGINT",
    "region": "VARCHAR",
    "email": "VARCHAR",
    "name": "VARCHAR",
    "card": "VARCHAR",
    "income": "BIGINT",
    "balance": "DECIMAL(12,2)",
    "joined_on": "DATE",
    "score": "DOUBLE",
    "seen_at": "TIMESTAMP WITH TIME ZONE",
}
_LOGICAL = {"BIGINT": "integer", "VARCHAR": "string", "DATE": "date", "TIMESTAMP WITH TIME ZONE": "timestamp"}
_ROWS = """
SELECT
    i::BIGINT, ['north', 'south', 'east', 'west', 'centre', 'abroad'][1 + i % 6], 'user' || i || '@mail.example',
    'Customer ' || (i % 50000), '4000-' || (1000000000 + i), (i * 7919 % 100000)::BIGINT,
    (i % 100000 / 100)::DECIMAL(12,2), DATE '2015-01-01' + (i % 4000)::INTEGER, i * 0.37,
    TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_seconds(i)
FROM range({rows}) AS numbers(i)"""

# Product -> column -> mask; `filtered` shows one region of six.
MASKS: dict[str, dict[str, str]] = {
    "clear": {},
    "redacted": {"email": "{strategy: redact}", "name": "{strategy: redact}"},
    "emptied": {"email": '{strategy: "null"}', "income": '{strategy: "null"}'},
    "generalised": {
        "income": "{strategy: generalise, bucket: 10000}",
        "joined_on": "{strategy: generalise, unit: year}",
    },
    "partly": {"email": "{strategy: partial, format: email}"},
    "hashed": {"card": "{strategy: hash}"},
    "filtered": {},
}
_READER = "reader@retailer.example"


def port_of(product: str) -> PortAddress:
    return PortAddress(DOMAIN, product, 1)


def make_mesh(folder: Path, rows: int) -> tuple[Access, Caller, int]:
    """A process's access to the mesh, a reader with a grant on every port, and the snapshot of the data."""
    (folder / "domains").mkdir(parents=True)
    (folder / "governance").symlink_to(ROOT / "governance")
    settings = MeshSettings(home=folder / "home", project=folder)
    create_lake(settings, DOMAIN)
    with connect(settings, own=DOMAIN) as con:
        private = qualified(DOMAIN, "internal", TABLE)
        con.execute(f"CREATE TABLE {private} ({', '.join(f'{n} {t}' for n, t in COLUMNS.items())})")
        con.execute(f"INSERT INTO {private} {_ROWS.format(rows=rows)}")
        snapshot = current_snapshot(con, DOMAIN)
        for product, masks in MASKS.items():
            document = _contract(product, masks)
            publish(
                con,
                settings,
                port=port_of(product),
                table=TABLE,
                snapshot=snapshot,
                columns=list(COLUMNS),
                promise=Promise("1.0.0", hashlib.sha256(document.encode()).hexdigest(), document),
                audit={"results": []},
                score=100.0,
                row_count=rows,
                data_as_of=None,
                run_id=str(uuid.uuid4()),
                now=utc_now(),
            )
    access = Access(settings, personas=False)
    identity = Identity(_READER, "person", "Reader", purpose="analytics")
    save_identity(access.control, identity)
    now = utc_now()
    span = {"starts_at": now - timedelta(days=1), "ends_at": now + timedelta(days=1)}
    for product in MASKS:
        add_grant(access.control, Grant(0, _READER, str(port_of(product)), None, "analytics", **span))
    return access, Caller(identity, frozenset({"read"})), snapshot


def _contract(product: str, masks: dict[str, str]) -> str:
    properties = "\n".join(
        f'      - {{name: {name}, logicalType: {_LOGICAL.get(kind, "number")}, physicalType: "{kind}", '
        f"classification: internal, primaryKey: {'true, primaryKeyPosition: 1' if name == 'customer_id' else 'false'}"
        + (f", customProperties: [{{property: mask, value: {masks[name]}}}]" if name in masks else "")
        + "}"
        for name, kind in COLUMNS.items()
    )
    hidden = "[{property: rowFilter, value: {where: \"region = 'north'\"}}]" if product == "filtered" else "[]"
    return f"""\
apiVersion: v3.1.0
kind: DataContract
id: {DOMAIN}.{product}.v1
name: {product}
version: 1.0.0
status: active
domain: {DOMAIN}
description: {{purpose: For the benchmark., usage: Read it., limitations: None.}}
schema:
  - name: {TABLE}
    physicalName: {TABLE}
    logicalType: object
    physicalType: table
    customProperties: {hidden}
    properties:
{properties}
team:
  name: {DOMAIN}
  members: [{{username: owner@retailer.example, role: owner}}]
"""
