"""What consumers read now, as governance needs it: the latest promise of every port of a lake."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from platform_resources.governance import PublishedPort
from platform_resources.lake import MESH_SCHEMA, MeshSettings, connect, lake_exists, qualified


def published_ports(con: duckdb.DuckDBPyConnection, domain: str) -> dict[str, PublishedPort]:
    """Address -> the latest publication of each served port in the log of one attached lake (30 ms)."""
    log, contracts = qualified(domain, MESH_SCHEMA, "publications"), qualified(domain, MESH_SCHEMA, "contracts")
    rows = con.execute(
        f"""
        SELECT p.port, p.number, p.contract_version, c.document, p.published_at, p.first
        FROM (
            SELECT
                *,
                min(published_at) OVER (PARTITION BY port) AS first,
                max(number) OVER (PARTITION BY port) AS newest
            FROM {log}
        ) AS p
        INNER JOIN {contracts} AS c ON c.sha256 = p.contract_sha256 AND c.port = p.port
        WHERE p.number = p.newest AND p.kind <> 'retire'
        """
    ).fetchall()
    return {row[0]: PublishedPort(*row) for row in rows}


def published_in(settings: MeshSettings, domains: Iterable[str]) -> dict[str, PublishedPort]:
    """The same for several domains, each read by itself; one without a lake has published nothing."""
    found: dict[str, PublishedPort] = {}
    existing = [domain for domain in domains if lake_exists(settings, domain)]
    if existing:
        with connect(settings, reads=existing) as con:
            for domain in existing:
                found |= published_ports(con, domain)
    return found
