"""What was served of a port and what was refused, in the few facts that questions about time need."""

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

    def since(self, moment: datetime) -> Timeline:
        """The same since a later moment, with what was served and what was refused last before it."""
        begins = max((entry.number for entry in self.entries if entry.published_at < moment), default=0)
        failed = max((one.refused_at for one in self.refused if one.refused_at < moment), default=moment)
        return Timeline(
            tuple(entry for entry in self.entries if entry.number >= begins),
            tuple(one for one in self.refused if one.refused_at >= failed),
        )


def read_refused(con: duckdb.DuckDBPyConnection, port: PortAddress, since: datetime) -> tuple[Failed, ...]:
    """What was refused of a port since a moment, with what was refused last before it.

    Most ports have none: that is asked first, for it takes half as long as to read those that there are.
    """
    of_port, moment = quote_literal(str(port)), f"CAST({quote_literal(since.isoformat())} AS TIMESTAMPTZ)"
    refusals = qualified(port.domain, MESH_SCHEMA, "refusals")
    count, first = con.execute(
        f"""
        SELECT count(*), coalesce(max(refused_at) FILTER (WHERE refused_at < {moment}), {moment})
        FROM {refusals} WHERE port = {of_port}
        """
    ).fetchall()[0]
    if not count:
        return ()
    rows = con.execute(
        f"""
        SELECT refused_at, contract_version, score, audit ->> '$.results[*].name', audit ->> '$.results[*].severity',
               audit ->> '$.results[*].passed'
        FROM {refusals}
        WHERE port = {of_port} AND refused_at >= ?
        ORDER BY refused_at
        """,
        [first],
    ).fetchall()
    return tuple(_failed(*row) for row in rows)


def _failed(
    at: datetime, version: str, score: float, names: list[str], severities: list[str], passed: list[str]
) -> Failed:
    checks = zip(names, severities, passed, strict=False)
    return Failed(at, version, score, tuple(n for n, severity, p in checks if severity == "error" and p == "false"))
