"""Profiles that were kept with what was published: the history of a port that its next version is compared with."""

from __future__ import annotations

import json
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
    snapshot: int
    published_at: datetime
    contract_sha256: str
    profile: dict[str, Any]


def read_profiles(
    con: duckdb.DuckDBPyConnection, port: PortAddress, days: int, until: int | None = None
) -> tuple[Profiled, ...]:
    """The last version of each of the newest `days` days (UTC) on which one was published, oldest first.

    `until`: as if none had been published from a later snapshot. A version without a profile is left out.
    Of a port that is published every ten minutes one row in 144 is read whole.
    """
    log = qualified(port.domain, MESH_SCHEMA, "publications")
    published = f"port = {quote_literal(str(port))} AND kind = 'publish'"
    if until is not None:
        published += f" AND snapshot <= {int(until)}"
    rows = con.execute(
        f"""
        SELECT number, snapshot, published_at, contract_sha256, audit -> '$.profile' AS profile
        FROM {log}
        WHERE {published} AND number IN (
            SELECT max(number) FROM {log} WHERE {published}
            GROUP BY CAST(timezone('UTC', published_at) AS DATE) ORDER BY 1 DESC LIMIT {int(days)}
        )
        ORDER BY number
        """
    ).fetchall()
    return tuple(Profiled(*facts, json.loads(profile)) for *facts, profile in rows if profile is not None)
