"""The publication logs of all lakes in the few columns that a question about the past needs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import duckdb

from platform_resources.lake import MESH_SCHEMA, MeshSettings, connect, lake_exists, qualified


@dataclass(frozen=True)
class Run:
    """One publication, as a rule on publications sees it. Scores are 0-100, the age in seconds."""

    port: str
    number: int
    version: str  # of the contract
    sha256: str  # of the contract's bytes
    published_at: datetime
    rows: int
    score: float
    scores: Mapping[str, float]
    age_seconds: float | None


@dataclass(frozen=True)
class History:
    """Everything that was ever published, oldest first within a port, and the contracts that it was held to."""

    runs: tuple[Run, ...] = ()
    contracts: Mapping[tuple[str, str], str] | None = None  # (port, SHA-256) -> the document

    def text(self, run: Run) -> str | None:
        return (self.contracts or {}).get((run.port, run.sha256))


def read_history(settings: MeshSettings, domains: Iterable[str]) -> History:
    """The logs of the lakes that there are: two queries for each, 40 ms."""
    runs: list[Run] = []
    contracts: dict[tuple[str, str], str] = {}
    existing = [domain for domain in domains if lake_exists(settings, domain)]
    if existing:
        with connect(settings, reads=existing) as con:
            for domain in existing:
                runs += _runs(con, domain)
                rows = con.execute(f"SELECT port, sha256, document FROM {qualified(domain, MESH_SCHEMA, 'contracts')}")
                contracts |= {(port, sha256): document for port, sha256, document in rows.fetchall()}
    return History(tuple(runs), contracts)


def _runs(con: duckdb.DuckDBPyConnection, domain: str) -> list[Run]:
    rows = con.execute(
        f"""
        SELECT port, number, contract_version, contract_sha256, published_at, row_count, score, audit -> '$.scores',
               greatest(epoch(published_at) - epoch(data_as_of), 0)
        FROM {qualified(domain, MESH_SCHEMA, "publications")}
        WHERE kind <> 'retire'
        ORDER BY port, number
        """
    ).fetchall()
    return [Run(*row[:7], json.loads(row[7] or "{}"), row[8]) for row in rows]
