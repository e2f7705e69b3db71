"""What is promised to consumers now, as governance needs it: the latest promise of every served port."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import duckdb

from platform_resources.governance import PublishedPort
from platform_resources.lake import (
    MESH_SCHEMA,
    CatalogStamp,
    MeshSettings,
    catalog_stamp,
    connect,
    lake_exists,
    qualified,
)
from platform_resources.pipeline.holders import with_holders


def published_ports(con: duckdb.DuckDBPyConnection, domain: str) -> dict[str, PublishedPort]:
    """Address -> the latest promise of each served port in the log of one attached lake (30 ms).

    A roll back serves older data, but takes no promise back: what counts is the contract that was published last.
    """
    log, contracts = qualified(domain, MESH_SCHEMA, "publications"), qualified(domain, MESH_SCHEMA, "contracts")
    rows = con.execute(
        f"""
        WITH logged AS (
            SELECT
                *,
                min(published_at) OVER port AS first,
                max(number) OVER port AS newest,
                max(published_at) OVER port AS latest,
                max(number) FILTER (kind = 'publish') OVER port AS promised,
                max(number) FILTER (kind = 'retire') OVER port AS retired
            FROM {log}
            WINDOW port AS (PARTITION BY port)
        )
        SELECT p.port, p.newest, p.contract_version, c.document, p.latest, p.first
        FROM logged AS p
        INNER JOIN {contracts} AS c ON c.sha256 = p.contract_sha256 AND c.port = p.port
        WHERE p.number = p.promised AND p.newest IS DISTINCT FROM p.retired
        """
    ).fetchall()
    return {row[0]: PublishedPort(*row) for row in rows}


def published_in(settings: MeshSettings, domains: Iterable[str]) -> dict[str, PublishedPort]:
    """The same for several domains; one without a lake has published nothing.

    Kept in the process until a lake's catalog changes: a tick judges several ports, each by what all have published.
    """
    found: dict[str, PublishedPort] = {}
    for domain in domains:
        if lake_exists(settings, domain):
            found |= dict(_published_at(settings, domain, catalog_stamp(settings, domain)))
    return found


def published_where_readable(settings: MeshSettings, domains: Iterable[str]) -> dict[str, PublishedPort]:
    """The same without the domains whose lake can't be read: one damaged lake must not stop the others.

    Nothing slips through by that: a publication reads its own log again, and fails when it can't.
    """
    found: dict[str, PublishedPort] = {}
    for domain in domains:
        try:
            found |= published_in(settings, [domain])
        except duckdb.Error:
            continue
    return found


def _published_at(
    settings: MeshSettings, domain: str, stamp: CatalogStamp | None
) -> tuple[tuple[str, PublishedPort], ...]:
    return _read(settings, domain) if stamp is None else _kept(settings, domain, stamp)


@lru_cache(maxsize=256)
def _kept(settings: MeshSettings, domain: str, _stamp: CatalogStamp) -> tuple[tuple[str, PublishedPort], ...]:
    return _read(settings, domain)


def _read(settings: MeshSettings, domain: str) -> tuple[tuple[str, PublishedPort], ...]:
    with connect(settings, reads=[domain]) as con:
        return tuple(with_holders(settings, published_ports(con, domain)).items())
