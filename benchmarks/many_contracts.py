"""A mesh of any number of contracts, each of twelve columns, five rules and a full SLA; half read another's port."""

from __future__ import annotations

from pathlib import Path

_PER_DOMAIN = 50

_DOMAIN = """\
name: {domain}
title: Domain {domain}
purpose: Owns products for the benchmark.
team: Team {domain}
owner: owner@retailer.example
contact: team@retailer.example
channel: "#{domain}"
"""

_PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: {domain}.{product}
name: {product}
version: 1.0.0
status: active
domain: {domain}
description:
  purpose: One of many products that the benchmark of the gate is made of, with twelve columns and five rules.
  usage: select key_id, amount_2 from {domain}.{product}.v1 where amount_3 > 0
  limitations: Nobody ever builds it, so there is nothing to be read from it.
tags: [benchmark]
{inputs}outputPorts:
  - {{name: {product}, version: "1", type: table, contractId: {domain}.{product}.v1,
     description: "One row per key, about a thousand."}}
support:
  - {{channel: "#{domain}", tool: slack, scope: interactive, url: "https://chat.retailer.example/{domain}"}}
team:
  name: Team {domain}
  members:
    - {{username: owner@retailer.example, name: Olga Owner, role: owner}}
    - {{username: steward@retailer.example, name: Stefan Steward, role: steward}}
"""

_INPUTS = """\
inputPorts:
  - name: {read}
    version: "1"
    contractId: {read}.v1
    customProperties:
      - {{property: purpose, value: Amounts of the product before are added up.}}
      - {{property: columns, value: [key_id, amount_2, landed_at]}}
"""

_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: {domain}.{product}.v1
name: Product {product}
version: 1.0.0
status: active
domain: {domain}
description:
  purpose: One of many products that the benchmark of the gate is made of, with twelve columns and five rules.
  usage: select key_id, amount_2 from {domain}.{product}.v1 where amount_3 > 0
  limitations: Nobody ever builds it, so there is nothing to be read from it.
team:
  name: Team {domain}
  members:
    - {{username: owner@retailer.example, role: owner}}
    - {{username: steward@retailer.example, role: steward}}
support:
  - {{channel: "#{domain}", tool: slack, scope: interactive, url: "https://chat.retailer.example/{domain}"}}
roles:
  - {{role: {product}_reader, access: read, firstLevelApprovers: owner@retailer.example}}
schema:
  - name: {product}
    physicalName: {product}
    logicalType: object
    physicalType: table
    description: The amounts of a key, as they stood when the newest line landed.
    dataGranularityDescription: One row per key of the benchmark.
    properties:
{columns}
    quality:
      - {{name: there_are_rows, type: library, metric: rowCount, mustBeGreaterThan: 0, dimension: completeness,
         description: The port is not empty.}}
      - {{name: amounts_are_positive, type: sql, query: "select count(*) from {{table}} where amount_3 < 0", mustBe: 0,
         dimension: accuracy, description: No amount is negative.}}
      - {{name: keys_are_unique, type: library, metric: duplicateValues, arguments: {{properties: [key_id]}}, mustBe: 0,
         dimension: uniqueness, description: One row per key.}}
      - {{name: amounts_are_known, type: sql, query: "select count(*) from {{table}} where amount_4 is null", mustBe: 0,
         dimension: completeness, description: Amounts are known.}}
      - {{name: amounts_are_small, type: sql, query: "select max(amount_5) from {{table}}", mustBeLessThan: 1000000,
         dimension: conformity, severity: warning, description: Amounts are plausible.}}
slaProperties:
  - {{property: freshness, value: PT1H, element: {product}.landed_at, driver: analytics}}
  - {{property: availability, value: 99.5, unit: percent, driver: analytics}}
  - {{property: completeness, value: 98, unit: percent, element: "{product}.amount_3", driver: analytics}}
  - {{property: retention, value: P3Y, driver: regulatory}}
customProperties:
  - {{property: tier, value: silver}}
  - {{property: refresh, value: on_update}}
"""

_COLUMN = """\
      - name: amount_{number}
        businessName: Amount {number}
        logicalType: number
        physicalType: DECIMAL(18,2)
        required: true
        classification: internal
        description: Amount number {number} of the row, in USD.
        logicalTypeOptions: {{minimum: 0}}
        authoritativeDefinitions: [{{type: glossary, url: "glossary.yaml#amount_{number}"}}]
"""

_KEY = """\
      - name: key_id
        businessName: Key
        logicalType: integer
        physicalType: BIGINT
        primaryKey: true
        primaryKeyPosition: 1
        required: true
        unique: true
        classification: internal
        description: Number of the row, the same in every product of the benchmark.
        authoritativeDefinitions: [{type: glossary, url: "glossary.yaml#key_id"}]
"""

_LANDED = """\
      - name: landed_at
        businessName: Landed at
        logicalType: timestamp
        physicalType: TIMESTAMP WITH TIME ZONE
        required: true
        classification: public
        description: When the newest line of the row landed.
        authoritativeDefinitions: [{type: glossary, url: "glossary.yaml#landed_at"}]
"""


_TERM = """\
  - name: {name}
    title: {title}
    definition: What {title} means in the benchmark, the same in every domain of it.
"""


def _glossary(domain: str) -> str:
    names = ["key_id", "landed_at", *(f"amount_{number}" for number in range(2, 12))]
    terms = "".join(_TERM.format(name=name, title=name.replace("_", " ").capitalize()) for name in names)
    return f"domain: {domain}\nterms:\n{terms}"


def write_mesh(root: Path, contracts: int) -> None:
    """Write `domains/` with that many products of one contract each below `root`, 50 to a domain."""
    columns = (_KEY + "".join(_COLUMN.format(number=number) for number in range(2, 12)) + _LANDED).rstrip("\n")
    (root / "domains").mkdir(parents=True)
    (root / "workspace.yaml").write_text("load_from: []\n", encoding="utf-8")
    for index in range(contracts):
        domain, product = f"domain_{index // _PER_DOMAIN:03}", f"product_{index % _PER_DOMAIN:03}"
        folder = root / "domains" / domain
        if index % _PER_DOMAIN == 0:
            folder.mkdir()
            (folder / "domain.yaml").write_text(_DOMAIN.format(domain=domain), encoding="utf-8")
            (folder / "glossary.yaml").write_text(_glossary(domain), encoding="utf-8")
        # Half of the products read the one before them, at times across domains.
        read = f"domain_{(index - 1) // _PER_DOMAIN:03}.product_{(index - 1) % _PER_DOMAIN:03}"
        inputs = _INPUTS.format(read=read) if index % 2 else ""
        names = {"domain": domain, "product": product}
        place = folder / "products" / product
        place.mkdir(parents=True)
        (place / "product.odps.yaml").write_text(_PRODUCT.format(**names, inputs=inputs), encoding="utf-8")
        (place / "v1.odcs.yaml").write_text(_CONTRACT.format(**names, columns=columns), encoding="utf-8")
