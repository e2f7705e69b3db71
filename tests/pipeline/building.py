"""A domain of one feed and one product, written into a folder, and the means to land, spoil and build it.

`shop` ingests `lines`; its product `stock` is a table of `STOCK_ROWS` rows that must all be of one version. Processes
that the tests start import this module too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from platform_resources.contracts import Contract, Domain, load_domain
from platform_resources.lake import MeshSettings, connect
from platform_resources.pipeline import IngestReport, Outcome, audit_and_publish, ingest, replace_table

REPOSITORY = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
STOCK_ROWS = 100
COUNTED_AT = f"TIMESTAMPTZ '{NOW - timedelta(hours=9)}'"

DOMAIN = """\
name: shop
title: The shop
purpose: For tests.
team: shop team
owner: shop@retailer.example
contact: shop@retailer.example
channel: "#shop"
"""

SOURCE = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.sources.lines
name: Lines
version: 1.0.0
status: active
domain: shop
description: {purpose: What the till landed.}
servers:
  - {server: landing, type: local, path: till/lines/*.parquet, format: parquet}
schema:
  - name: lines
    physicalName: lines
    logicalType: object
    physicalType: file
    properties:
      - {name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(10,2)"}
      - name: currency
        logicalType: string
        physicalType: VARCHAR
        required: true
        quality:
          - {name: currency_is_usd, type: library, metric: invalidValues, arguments: {validValues: [USD]}, mustBe: 0,
             dimension: conformity}
      - {name: landed_at, logicalType: timestamp, physicalType: TIMESTAMP}
slaProperties:
  - {property: freshness, value: P3650D, element: lines.landed_at}
team:
  name: shop team
  members: [{username: shop@retailer.example, role: owner}]
"""

PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: shop.stock
name: stock
version: 1.0.0
status: active
domain: shop
description: {purpose: What is there., usage: Read it., limitations: For tests only.}
outputPorts:
  - {name: stock, version: "1", contractId: shop.stock.v1}
team:
  name: shop team
  members: [{username: shop@retailer.example, role: owner}]
"""

CONTRACT = f"""\
apiVersion: v3.1.0
kind: DataContract
id: shop.stock.v1
name: Stock
version: 1.0.0
status: active
domain: shop
description: {{purpose: What is there., usage: Read it., limitations: For tests only.}}
schema:
  - name: stock
    physicalName: stock
    logicalType: object
    physicalType: table
    dataGranularityDescription: One article.
    properties:
      - {{name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true, primaryKeyPosition: 1,
         classification: internal, description: Number of the article.}}
      - {{name: version, logicalType: integer, physicalType: BIGINT, required: true, classification: internal,
         description: Which build wrote the row.}}
      - {{name: counted_at, logicalType: timestamp, physicalType: TIMESTAMP WITH TIME ZONE, required: true,
         classification: internal, description: When it was counted.}}
    quality:
      - {{name: every_article, type: library, metric: rowCount, mustBe: {STOCK_ROWS}, dimension: coverage}}
      - name: one_version
        type: sql
        query: SELECT count(DISTINCT version) FROM {{table}}
        mustBe: 1
        dimension: consistency
slaProperties:
  - {{property: freshness, value: P3650D, element: stock.counted_at}}
team:
  name: shop team
  members: [{{username: shop@retailer.example, role: owner}}]
customProperties:
  - {{property: tier, value: bronze}}
  - {{property: refresh, value: on_update}}
"""


def write_domain(project: Path, contract: str = CONTRACT, source: str = SOURCE, name: str = "shop") -> Domain:
    folder = project / "domains" / name
    files = {
        "domain.yaml": DOMAIN,
        "sources/lines.odcs.yaml": source,
        "products/stock/product.odps.yaml": PRODUCT,
        "products/stock/v1.odcs.yaml": contract,
    }
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("shop", name), encoding="utf-8")
    return load_domain(folder)


def settings_of(root: Path) -> MeshSettings:
    return MeshSettings(home=root / "mesh", project=root)


class Till:
    """The source system: it lands batches in `landing/till/lines`."""

    def __init__(self, settings: MeshSettings) -> None:
        self.folder = settings.landing / "till" / "lines"
        self.folder.mkdir(parents=True, exist_ok=True)

    def land(
        self,
        name: str,
        ids: Iterable[int | None],
        *,
        amount: str = "1.00::DECIMAL(10,2)",
        currency: str = "'USD'",
        columns: str = "id, amount, currency, landed_at",
        extracted_at: datetime | str | None = NOW,
    ) -> Path:
        """One file with a row for each id; SQL texts say what else stands in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        hidden, file = self.folder / f".{name}.tmp", self.folder / name
        stamp = extracted_at.isoformat() if isinstance(extracted_at, datetime) else extracted_at
        metadata = f", KV_METADATA {{extracted_at: '{stamp}'}}" if stamp is not None else ""
        with duckdb.connect() as con:
            con.execute(
                f"CREATE TABLE batch AS SELECT {columns} FROM (SELECT unnest(?::BIGINT[]) AS id, {amount} AS amount, "
                f"{currency} AS currency, TIMESTAMP '2026-03-02 11:55:00' AS landed_at)",
                [list(ids)],
            )
            con.execute(f"COPY batch TO '{hidden}' (FORMAT parquet{metadata})")
        hidden.rename(file)
        return file

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


class Shop:
    """The platform's side: a domain, its lake and its landing zone."""

    def __init__(self, root: Path, domain: Domain | None = None) -> None:
        self.root = root
        self.settings = settings_of(root)
        self.domain = domain or write_domain(root)
        self.till = Till(self.settings)

    @property
    def source(self) -> Contract:
        return self.domain.sources[0]

    def redefine(self, source: str) -> None:
        self.domain = write_domain(self.root, source=source)

    def ingest(self, run_id: str = "run", now: datetime = NOW) -> IngestReport:
        with connect(self.settings, own="shop") as con:
            return ingest(con, self.settings, "shop", self.source, run_id, now)

    def query(self, sql: str) -> list[tuple]:
        with connect(self.settings, reads=["shop"]) as con:
            return con.execute(sql).fetchall()

    def ids(self) -> list[int]:
        """What the feed's table holds, in order; an id twice would be seen."""
        return [row[0] for row in self.query("SELECT id FROM shop.internal.lines ORDER BY id")]

    def quarantine(self) -> set[str]:
        folder = self.settings.quarantine / "shop" / "lines"
        return {path.name for path in folder.iterdir()} if folder.is_dir() else set()

    def build(self, version: int, fault: str | None = None) -> None:
        build_stock(self.settings, version, fault)

    def publish(self, run_id: str, now: datetime = NOW, sources: Sequence[str] = ()) -> Outcome:
        return publish_stock(self.settings, self.domain, run_id, now, sources)


STOCK_FAULTS = {
    None: "SELECT range AS id, {v} AS version FROM range({n})",
    "too few": "SELECT range AS id, {v} AS version FROM range({n} - 1)",
    "no version": "SELECT range AS id, CASE WHEN range <> 7 THEN {v} END AS version FROM range({n})",
    "one twice": "SELECT greatest(range, 1) AS id, {v} AS version FROM range({n})",
    "two versions": "SELECT range AS id, {v} - range % 2 AS version FROM range({n})",
}


def build_stock(settings: MeshSettings, version: int, fault: str | None = None, domain: str = "shop") -> None:
    """Write one version of `stock`, whole or with a fault that its contract forbids."""
    rows = STOCK_FAULTS[fault].format(v=f"{version}::BIGINT", n=STOCK_ROWS)
    query = f"SELECT *, {COUNTED_AT} AS counted_at FROM ({rows})"
    with connect(settings, own=domain) as con:
        replace_table(con, settings, domain, "stock", con.sql(query), f"build-{version}")


def publish_stock(
    settings: MeshSettings, domain: Domain, run_id: str, now: datetime | None = None, sources: Sequence[str] = ()
) -> Outcome:
    product = domain.products[0]
    return audit_and_publish(
        settings, domain, product, product.ports[0], run_id=run_id, now=now or NOW, sources=sources
    )


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)
