"""The guarded mesh with two more ports, for tests of consumers' SQL: `shop.visits.v1`, which `ana` may read too, and
`shop.secrets.v1`, which nobody was granted. Canaries stand in every masked column and everywhere in the hidden port.
"""

from __future__ import annotations

import re
from pathlib import Path

from platform_resources.lake import PortAddress
from tests.guarded import GuardedMesh, make_mesh, publish_rows

CANARY = re.compile(r"CANARY-|\b909_?000_?0\d\d\b|CANARY_HIDDEN", re.IGNORECASE)

_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.{name}.v1
name: {name}
version: 1.0.0
status: active
domain: shop
description: {{purpose: For tests., usage: Read it., limitations: For tests only.}}
schema:
  - name: {name}
    physicalName: {name}
    logicalType: object
    physicalType: table
    properties:
{columns}
slaProperties:
  - {{property: availability, value: 99.9, unit: percent}}
team:
  name: shop team
  members: [{{username: shop@retailer.example, role: owner}}]
"""
_COLUMN = "      - {{name: {name}, physicalType: '{type}', logicalType: {logical}, classification: internal{more}}}"
_VISITS = (
    ("visit_id", "BIGINT", "integer", ", required: true, primaryKey: true, primaryKeyPosition: 1"),
    ("customer_id", "BIGINT", "integer", ", required: true"),
    ("amount", "DECIMAL(12,2)", "number", ""),
    ("visited_at", "TIMESTAMP", "timestamp", ""),
    ("tags", "VARCHAR[]", "array", ", items: {logicalType: string, physicalType: VARCHAR}"),
    ("detail", "STRUCT(channel VARCHAR, staff VARCHAR)", "object", ""),
)
_SECRETS = (
    ("secret_id", "BIGINT", "integer", ", required: true, primaryKey: true, primaryKeyPosition: 1"),
    ("canary_hidden_column", "VARCHAR", "string", ""),
)


def _contract(name: str, columns: tuple[tuple[str, str, str, str], ...]) -> str:
    lines = [_COLUMN.format(name=n, type=t, logical=k, more=more) for n, t, k, more in columns]
    return _CONTRACT.format(name=name, columns="\n".join(lines))


def make_sql_mesh(folder: Path) -> GuardedMesh:
    mesh = make_mesh(folder)
    publish_rows(
        mesh.settings,
        PortAddress("shop", "visits", 1),
        _contract("visits", _VISITS),
        """SELECT range, range % 50, range * 1.5, TIMESTAMP '2026-01-01' + INTERVAL (range) HOUR,
                  CASE WHEN range % 3 = 0 THEN ['gift', 'sale'] ELSE ['sale'] END,
                  {'channel': CASE WHEN range % 2 = 0 THEN 'web' ELSE 'shop' END, 'staff': 's' || (range % 5)}
           FROM range(200)""",
    )
    publish_rows(
        mesh.settings,
        PortAddress("shop", "secrets", 1),
        _contract("secrets", _SECRETS),
        "SELECT range, 'CANARY-' || range || '-hidden' FROM range(20)",
    )
    mesh.grant("ana", "shop.visits.v1")
    mesh.grant("reggie", "shop.visits.v1")
    return mesh
