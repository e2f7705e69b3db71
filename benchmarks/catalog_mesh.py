"""A mesh of any number of products for the catalog: thirty columns each, terms, tags, lineage, a short past, no data.

Contracts and glossaries are files. The publication logs are written straight into the lakes, two transactions to a
domain: to publish 10,000 ports one by one would take an hour. Every text is its own, as if somebody had written it.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.search_speed import made_words
from platform_resources.lake import MeshSettings, connect, create_lake, current_snapshot, qualified, utc_now
from platform_resources.lake.connection import write_transaction
from platform_resources.quality.anomalies import NEEDED, Anomaly, Judged, Point
from platform_resources.quality.features import Feature
from platform_resources.quality.judgement_record import record_of
from platform_resources.quality.profile import ColumnProfile, Profile

COLUMNS = 30
DOMAINS = 50
_TERMS = 40  # of a domain
_FAN_OUT = 8  # products that read a product; the first of a domain is read by those of the next five domains
_HUBS = 5
_CHECKS = 40  # results in an audit
_VERSIONS = 3  # publications of a port, one a day
_UNUSUAL = 4  # every so many ports something is unusual ...
_POINTS = 42  # ... beside as many versions, of which most are made up
_TIERS = ("gold", "silver", "bronze")

_DOMAIN = """\
name: {domain}
title: {title}
purpose: {text}
team: Team {title}
owner: owner@{domain}.example
contact: team@retailer.example
channel: "#{domain}"
"""

_PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: {domain}.{product}
name: {title}
version: 1.0.0
status: active
domain: {domain}
tags: [{tags}]
description:
  purpose: {purpose}
  usage: select * from {domain}.{product}.v1
  limitations: {limitations}
{inputs}outputPorts:
  - {{name: {product}, version: "1", type: table, contractId: {domain}.{product}.v1}}
team:
  name: Team {domain}
  members:
    - {{username: owner@{domain}.example, role: owner}}
"""

_INPUTS = """\
inputPorts:
  - {{name: {read}, version: "1", contractId: {read}.v1}}
"""

_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: {domain}.{product}.v1
name: {title}
version: 1.0.0
status: active
domain: {domain}
tags: [{tags}]
description:
  purpose: {purpose}
  usage: select * from {domain}.{product}.v1
  limitations: {limitations}
team:
  name: Team {domain}
  members:
    - {{username: owner@{domain}.example, role: owner}}
schema:
  - name: {product}
    physicalName: {product}
    logicalType: object
    physicalType: table
    description: {limitations}
    properties:
{columns}    quality:
      - {{name: there_are_rows, type: library, metric: rowCount, mustBeGreaterThan: 0, dimension: completeness}}
slaProperties:
  - {{property: freshness, value: PT1H, element: {product}.landed_at, driver: analytics}}
  - {{property: availability, value: 99.5, unit: percent, driver: analytics}}
customProperties:
  - {{property: tier, value: {tier}}}
"""

_COLUMN = """\
      - name: {name}
        businessName: {title}
        logicalType: {logical}
        physicalType: {physical}
        required: true
        classification: {classification}
        description: {text}
        authoritativeDefinitions: [{{type: glossary, url: "glossary.yaml#{term}"}}]
"""


class CatalogMesh:
    """`count` products below `folder`; `write` makes them. The same numbers give the same mesh."""

    def __init__(self, folder: Path, count: int) -> None:
        self.settings = MeshSettings(home=folder / "home", project=folder / "project")
        self.count = count
        self.words = made_words()
        self._chance = random.Random(count)

    @property
    def hub(self) -> str:
        """A port with a column, `amount_01`, from which columns of all products of six domains come."""
        return f"{_domain(0)}.{_product(0)}.v1"

    def write(self) -> None:
        self.settings.domains.mkdir(parents=True)
        (self.settings.project / "workspace.yaml").write_text("load_from: []\n", encoding="utf-8")
        for number in range(min(DOMAINS, self.count)):
            members = range(number, self.count, DOMAINS)
            self._write_domain(number)
            documents = [self._write_product(number, at) for at, _ in enumerate(members)]
            self._publish(number, documents)

    def _write_domain(self, number: int) -> None:
        domain, folder = _domain(number), self.settings.domains / _domain(number)
        folder.mkdir()
        text = _DOMAIN.format(domain=domain, title=f"Domain {number}", text=self._text(12))
        (folder / "domain.yaml").write_text(text, encoding="utf-8")
        terms = "".join(
            f"  - name: {_term(number, at)}\n    title: {self._text(2)}\n    definition: {self._text(15)}\n"
            f"    synonyms: [{self._text(2)}, {self._text(2)}]\n"
            for at in range(_TERMS)
        )
        (folder / "glossary.yaml").write_text(f"domain: {domain}\nterms:\n{terms}", encoding="utf-8")

    def _write_product(self, number: int, at: int) -> tuple[str, str]:
        """Name of a product and the text of its contract."""
        domain, product = _domain(number), _product(at)
        read = _read_by(number, at)
        names = {"domain": domain, "product": product, "title": self._text(3), "tier": self._chance.choice(_TIERS)}
        texts = {"purpose": self._text(25), "limitations": self._text(20), "tags": ", ".join(self._words(2))}
        contract = _CONTRACT.format(**names, **texts, columns="".join(self._columns(number)))
        inputs = "" if read is None else _INPUTS.format(read=read)
        folder = self.settings.domains / domain / "products" / product
        folder.mkdir(parents=True)
        (folder / "product.odps.yaml").write_text(_PRODUCT.format(**names, **texts, inputs=inputs), encoding="utf-8")
        (folder / "v1.odcs.yaml").write_text(contract, encoding="utf-8")
        return product, contract

    def _columns(self, domain: int) -> Iterator[str]:
        for at in range(COLUMNS):
            last = at == COLUMNS - 1
            yield _COLUMN.format(
                name="landed_at" if last else f"amount_{at:02}" if at < 10 else f"{self._words(1)[0]}_{at:02}",
                title=self._text(2),
                logical="timestamp" if last else "number",
                physical="TIMESTAMP WITH TIME ZONE" if last else "DECIMAL(18,2)",
                classification=self._chance.choice(["public", "internal", "confidential"]),
                text=self._text(14),
                term=_term(domain, self._chance.randrange(_TERMS)),
            )

    def _publish(self, number: int, documents: Sequence[tuple[str, str]]) -> None:
        domain = _domain(number)
        create_lake(self.settings, domain)
        with connect(self.settings, own=domain) as con:
            with write_transaction(con, self.settings, domain, "lineage", "lineage"):
                _insert_lineage(con, number, [name for name, _ in documents])
            snapshot = current_snapshot(con, domain)
            with write_transaction(con, self.settings, domain, "publications", "publications"):
                _insert_publications(con, domain, documents, snapshot, self._chance, self.words)

    def _text(self, count: int) -> str:
        return " ".join(self._words(count)).capitalize()

    def _words(self, count: int) -> list[str]:
        return self._chance.choices(self.words, k=count)


def _domain(number: int) -> str:
    return f"domain_{number:02}"


def _term(domain: int, at: int) -> str:
    return f"term_{domain:02}_{at}"  # two domains that call two things alike are kept from publishing


def _product(at: int) -> str:
    return f"product_{at:04}"


def _read_by(number: int, at: int) -> str | None:
    """The product that a product reads: a tree in each domain, and the first of some domains reads the hub."""
    if at:
        return f"{_domain(number)}.{_product((at - 1) // _FAN_OUT)}"
    return f"{_domain(0)}.{_product(0)}" if 0 < number <= _HUBS else None


def _insert_lineage(con: duckdb.DuckDBPyConnection, number: int, products: Sequence[str]) -> None:
    domain = _domain(number)
    log = qualified(domain, "mesh", "column_lineage")
    con.execute(
        f"CREATE TABLE IF NOT EXISTS {log} (table_name VARCHAR, number BIGINT, edges JSON, reads VARCHAR[], "
        "run_id VARCHAR, recorded_at TIMESTAMPTZ)"
    )
    rows = []
    for at, product in enumerate(products):
        read, table = _read_by(number, at), f"{domain}.internal.{product}"
        names = [] if read is None else [f"amount_{column:02}" for column in range(10)]
        edges = [[f"{read}.v1.{n}", f"{table}.{n}", "DIRECT", "AGGREGATION", False, "sql", True] for n in names]
        rows.append({"table_name": product, "number": at + 1, "edges": json.dumps(edges), "run_id": "lineage"})
    found = _as_table(rows)  # noqa: F841  (DuckDB reads it by its name)
    con.execute(f"INSERT INTO {log} SELECT table_name, number, edges, NULL, run_id, now() FROM found")


def _result(name: str, score: float) -> dict[str, Any]:
    """One check of an audit, as the pipeline writes it."""
    return {
        **{"name": name, "group": "rules", "dimension": "completeness", "severity": "error", "passed": True},
        **{"value": score, "threshold": "as promised", "message": f"{name} holds", "failed_rows": 0, "score": 1.0},
    }


def _advice(at: int, now: datetime, chance: random.Random) -> dict[str, Any]:
    """The profile of a version and what is unusual about it, as the pipeline writes them."""
    rows = chance.randrange(1_000_000)
    columns = {f"amount_{number:02}": _column_profile(chance) for number in range(COLUMNS)}
    days = [now.date() - timedelta(days=_POINTS - 1 - number) for number in range(_POINTS)]
    points = tuple(
        Point(number, day, chance.gauss(rows, 9), rows, rows - 40, rows + 40) for number, day in enumerate(days)
    )
    says = f"rows: {rows:,}, expected {rows // 2:,} ({rows // 3:,} to {rows // 2 + 9:,})"
    facts = (9.5, rows, rows // 2, rows // 3, rows // 2 + 9)
    found = Anomaly(Feature("rows"), _VERSIONS, now, 1, says, *facts, points=points)
    judged = Judged(NEEDED, 3 * COLUMNS, (found,) if at % _UNUSUAL == 0 else ())
    return {"profile": Profile(rows, 20_000, 3600, columns=columns).as_json(), **record_of(judged, _VERSIONS)}


def _column_profile(chance: random.Random) -> ColumnProfile:
    low = round(chance.random(), 4)
    return ColumnProfile("DECIMAL(18,2)", low, round(1 - low, 4), (low, low + 1, low + 2), 1.5)


def _insert_publications(
    con: duckdb.DuckDBPyConnection,
    domain: str,
    documents: Sequence[tuple[str, str]],
    snapshot: int,
    chance: random.Random,
    words: Sequence[str],
) -> None:
    now, rows = utc_now(), []
    for number, (product, text) in enumerate(documents):
        score = round(chance.uniform(80, 100), 2)
        audit = {
            **{"passed": True, "score": score, "scores": {"completeness": score, "accuracy": 99.0}, "seconds": 0.1},
            "results": [_result(name, score) for name in chance.choices(words, k=_CHECKS)],
        }
        at = now - timedelta(minutes=chance.randrange(120))
        audit |= _advice(number, at, chance)
        rows.append(
            {
                "port": f"{domain}.{product}.v1",
                "snapshot": snapshot,
                "sha256": hashlib.sha256(text.encode()).hexdigest(),
                "document": text,
                "row_count": chance.randrange(1_000_000),
                "score": score,
                "audit": json.dumps(audit),
                "moment": at,
            }
        )
    found = _as_table(rows)  # noqa: F841  (DuckDB reads it by its name)
    con.execute(
        f"""
        INSERT INTO {qualified(domain, "mesh", "publications")}
        SELECT port, number, snapshot, 'publish', 'made-' || number, '1.0.0', sha256,
            ['amount_00', 'amount_01', 'landed_at'], row_count, score, audit, moment - age, moment - age, NULL
        FROM found, (SELECT range AS number, to_days({_VERSIONS} - range) AS age FROM range(1, {_VERSIONS} + 1))
        """
    )
    con.execute(
        f"INSERT INTO {qualified(domain, 'mesh', 'contracts')} SELECT sha256, port, '1.0.0', document FROM found"
    )


def _as_table(rows: list[dict[str, Any]]) -> Any:
    import pyarrow as pa  # noqa: PLC0415  (40 MB that no process has which is measured)

    return pa.Table.from_pylist(rows)
