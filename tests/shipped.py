"""The shipped products on made-up rows, published in two seconds: for tests of the catalog, portal and MCP server.

Documents, council and glossaries are the repository's own; each port is published three times with falling age and
changing scores, without build, audit or gate. Every value of a masked text column starts with CANARY. The identities
are the demo personas; `hidden_product` hides one product from who holds no grant on it.
"""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from platform_resources.access import Access, Caller
from platform_resources.access.callers.personas import persona_file, persona_names
from platform_resources.contracts import Contract, Mesh, Product, load_mesh
from platform_resources.contracts.model import Column
from platform_resources.lake import (
    MeshSettings,
    PortAddress,
    Promise,
    connect,
    create_lake,
    current_snapshot,
    publish,
    qualified,
    quote_identifier,
    quote_literal,
    utc_now,
)
from platform_resources.lake.column_lineage import TableLineage, record_lineage
from platform_resources.lineage.model import ColumnEdge, as_record, column_of
from platform_resources.quality import compile_checks
from tests.made_once import copy_of
from tests.tiny_mesh import REPOSITORY

ROWS = 20
PUBLICATIONS = 3
_CALLED_BEFORE = {"net_revenue": "net_sales"}  # in the port that it is made from


@dataclass
class ShippedMesh:
    settings: MeshSettings

    def token(self, persona: str) -> str:
        """Of a demo persona (analyst, service-desk, campaign-agent, maria.keller@..., privacy@..., operator)."""
        return persona_file(self.settings, persona).read_text(encoding="utf-8").strip()

    @contextmanager
    def access(self) -> Iterator[Access]:
        with Access(self.settings) as access:
            yield access

    def caller(self, access: Access, persona: str) -> Caller:
        return access.authenticate(self.token(persona))

    def publish(self, address: str, number: int = 1, of: int = 1) -> None:
        """Publish a port once more: as the `number`th of `of` publications, an hour apart, the last one now."""
        port = PortAddress.parse(address)
        contract = load_mesh(self.settings.domains).ports[address][1].contract
        _publish(self.settings, port, contract, number, of)


def make_shipped(folder: Path, publications: int = PUBLICATIONS) -> ShippedMesh:
    """All shipped products, published with the lineage of their columns, with the personas made."""
    copy_of(f"shipped-{publications}", lambda kept: _make(kept, publications), folder)
    return ShippedMesh(MeshSettings(home=folder / "home", project=folder / "project"))


def _make(folder: Path, publications: int) -> None:
    project = folder / "project"
    for part in ("domains", "governance"):
        shutil.copytree(REPOSITORY / part, project / part, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (project / "workspace.yaml").write_text("load_from: []\n", encoding="utf-8")
    mesh = ShippedMesh(MeshSettings(home=folder / "home", project=project))
    documents = load_mesh(mesh.settings.domains)
    for address, (product, port) in sorted(documents.ports.items()):
        built = _lineage(documents, product, port.contract)
        for number in range(1, publications + 1):  # the builds after the first find the same lineage
            told = built if number == 1 else None
            _publish(mesh.settings, PortAddress.parse(address), port.contract, number, publications, told)
    with mesh.access():
        assert "analyst" in persona_names(mesh.settings)


def hide(mesh: ShippedMesh, product: str) -> None:
    """Give a product (`crm.customer_360`) `visibility: granted`."""
    domain, name = product.split(".")
    file = mesh.settings.domains / domain / "products" / name / "product.odps.yaml"
    text = file.read_text(encoding="utf-8")
    assert "customProperties:\n  - {property: visibility" not in text
    file.write_text(text + "customProperties:\n  - {property: visibility, value: granted}\n", encoding="utf-8")


def _lineage(mesh: Mesh, product: Product, contract: Contract) -> TableLineage:
    """A column comes from those that its contract declares, else from those of its name that the product reads."""
    table = contract.table
    read = [
        f"{item.address}.{column.name}"
        for item in product.inputs
        if item.address in mesh.ports
        for column in mesh.ports[item.address][1].contract.table.columns
        if item.columns is None or column.name in item.columns
    ]
    edges = [
        ColumnEdge(
            *(source, f"{product.domain}.internal.{table.physical_name}.{column.name}"),
            *("DIRECT", "IDENTITY" if column_of(source) == column.name else "TRANSFORMATION", False, "sql", True),
        )
        for column in table.columns
        for source in [s.name for s in column.sources] or _alike(column, read)
        if column_of(source) is not None
    ]
    reads = tuple(sorted({*read, *(edge.source for edge in edges)}))
    return TableLineage(table.physical_name, tuple(map(tuple, as_record(edges))), reads)


def _alike(column: Column, read: list[str]) -> list[str]:
    return [name for name in read if column_of(name) in (column.name, _CALLED_BEFORE.get(column.name))]


def _publish(
    settings: MeshSettings,
    port: PortAddress,
    contract: Contract,
    number: int,
    of: int,
    lineage: TableLineage | None = None,
) -> None:
    at = utc_now() - timedelta(hours=of - number)
    table = contract.table
    private = qualified(port.domain, "internal", table.physical_name)
    create_lake(settings, port.domain)
    columns = ", ".join(f"{quote_identifier(c.name)} {c.physical_type}" for c in table.columns)
    values = ", ".join(_value(column, at) for column in table.columns)
    with connect(settings, own=port.domain) as con:
        con.execute(f"CREATE TABLE IF NOT EXISTS {private} ({columns})")
        con.execute(f"DELETE FROM {private}")
        con.execute(f"INSERT INTO {private} SELECT {values} FROM range(1, {ROWS + 1}) t(i)")
        if lineage is not None:
            record_lineage(con, settings, port.domain, [lineage], "build", at)
        document = (contract.file).read_bytes()
        publish(
            con,
            settings,
            port=port,
            table=table.physical_name,
            snapshot=current_snapshot(con, port.domain),
            columns=[c.name for c in table.columns],
            promise=Promise(contract.version, hashlib.sha256(document).hexdigest(), document.decode()),
            audit=_audit(contract, number),
            score=_score(contract, number),
            row_count=ROWS,
            data_as_of=at,
            run_id=str(uuid.uuid4()),
            now=at,
        )


def _value(column: Column, at: datetime) -> str:
    """SQL of a value in row `i` that fits the column's type."""
    type_ = (column.physical_type or "VARCHAR").upper()
    if type_ == "VARCHAR":
        if "mask" in column.custom:
            return f"'CANARY-' || i || '-{column.name}'"
        if column.enum:
            return quote_literal(str(column.enum[0]))
        return quote_literal(str(column.examples[0])) if column.examples else f"'{column.name} ' || i"
    if type_ == "DATE":
        return f"DATE '{at:%Y-%m-%d}' - CAST(i * 30 AS INTEGER)"
    if type_.startswith("TIMESTAMP"):
        return f"CAST('{at:%Y-%m-%d %H:%M:%S}' AS {type_}) - INTERVAL 1 DAY * 20 * (i - 1)"
    if type_ == "BOOLEAN":
        return "i % 2 = 0"
    if type_.endswith("]") or type_.startswith(("STRUCT", "MAP", "UUID", "BLOB", "TIME", "JSON")):
        return f"CAST(NULL AS {type_})"
    return f"CAST(i % 10 AS {type_})"


def _score(contract: Contract, number: int) -> float:
    """90-99.9, another one for each port and publication, the same in every run."""
    digest = hashlib.sha256(f"{contract.id}{number}".encode()).digest()
    return round(90 + digest[0] / 25.6, 2)


def _audit(contract: Contract, number: int) -> dict[str, Any]:
    checks = compile_checks(contract)
    results = [
        {
            "name": check.name,
            "group": check.group,
            "dimension": check.dimension,
            "severity": check.severity,
            "passed": True,
            "value": 0,
            "threshold": "as promised",
            "message": "holds",
            "failed_rows": 0,
            "score": 1.0,
        }
        for check in checks
    ]
    score = _score(contract, number)
    scores = dict.fromkeys(sorted({c.dimension for c in checks if c.dimension}), score)
    share = {
        "percent": score,
        "promised": 90.0,
        "values": 2000,
        "bad": round(20 * (100 - score)),
        "columns": ["a", "b"],
    }
    shares: dict[str, Any] = {"completeness": share}
    if any(check.kind == "differing_values" for check in checks):
        shares["accuracy"] = {**share, "references": ["sales.bookings.v1"], "unmatched": 3}
    return {"passed": True, "score": score, "scores": scores, **shares, "seconds": 0.1, "results": results}
