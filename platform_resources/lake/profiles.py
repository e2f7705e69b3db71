"""Profiles that were kept with what was published: the history of a port that its next version is compared with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from platform_resources.lake.connection import MESH_SCHEMA
from platform_resources.lake.names import PortAddress, qualified, quote_literal


@dataclass(frozen=True)
class Profiled:
    """A version that was published (no rollback: that is no new data), with the JSON of its profile."""

    number: int
    published_at: datetime
    contract_sha256: str
    profile: dict[str, Any]


def read_profiles(con: duckdb.DuckDBPyConnection, port: PortAddress, days: int) -> tuple[Profiled, ...]:
    """The last version of each of the newest `days` days (UTC) on which one was published, oldest first.

    Versions that the port was rolled back from are left out, those without a profile too. Of a port that is published
    every ten minutes one row in 144 is read whole.
    """
    log = qualified(port.domain, MESH_SCHEMA, "publications")
    leading = f"port = {quote_literal(str(port))} AND kind = 'publish'"
    leading += "".join(f" AND number NOT BETWEEN {first} AND {last}" for first, last in _left(_returns(con, log, port)))
    rows = con.execute(
        f"""
        SELECT number, published_at, contract_sha256, audit -> '$.profile' AS profile
        FROM {log}
        WHERE {leading} AND number IN (
            SELECT max(number) FROM {log} WHERE {leading}
            GROUP BY CAST(timezone('UTC', published_at) AS DATE) ORDER BY 1 DESC LIMIT {int(days)}
        )
        ORDER BY number
        """
    ).fetchall()
    return tuple(Profiled(*facts, json.loads(profile)) for *facts, profile in rows if profile is not None)


def _returns(con: duckdb.DuckDBPyConnection, log: str, port: PortAddress) -> list[tuple[int, int]]:
    """(number of a rollback, number of the version that it went back to), newest first."""
    return con.execute(
        f"""
        SELECT back.number, max(version.number)
        FROM {log} AS back
        INNER JOIN {log} AS version ON version.snapshot = back.snapshot AND version.number < back.number
        WHERE back.port = {quote_literal(str(port))} AND back.kind = 'rollback'
            AND version.port = back.port AND version.kind = 'publish'
        GROUP BY back.number ORDER BY 1 DESC
        """
    ).fetchall()


def _left(returns: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """First and last number of each stretch of the log that a port was rolled back from.

    A rollback within such a stretch leads nowhere either.

    >>> _left([(9, 7), (6, 2), (4, 1)])
    [(8, 9), (3, 6)]
    """
    found, way = [], None
    for number, to in returns:
        if way is None or number < way:
            found.append((to + 1, number))
            way = to
    return found
