"""The dbt-duckdb plugin that gives a dbt run the same lakes, settings and lock as everything else.

A dbt target is a domain: its lake is attached read-write under the target's `database`, and those of the products'
declared inputs read-only. The writer lock is held until dbt's process ends, or its run in a process that goes on: that
is what makes its commits safe.
"""

from __future__ import annotations

import os
from typing import Any

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin

from platform_resources.contracts import load_usable_domain
from platform_resources.lake import MeshSettings, PortAddress, attach_lakes, create_lake, lake_exists
from platform_resources.lake.connection import CONNECTION_CONFIG
from platform_resources.lake.lock import acquire

_held: list[tuple[int, duckdb.DuckDBPyConnection]] = []  # writer locks with their connections, of this process


def end_run() -> None:
    """Close what dbt left open and free the locks, when dbt ran inside a process that goes on."""
    DuckDBConnectionManager.close_all_connections()
    while _held:
        descriptor, connection = _held.pop()
        connection.close()
        os.close(descriptor)


class Plugin(BasePlugin):
    """Named in `dbt_project/profiles.yml`; dbt-duckdb looks for this class name."""

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:  # noqa: ARG002
        config.update(CONNECTION_CONFIG)

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        settings = MeshSettings.from_env()
        domain = self.creds.database
        declared = load_usable_domain(settings.domains / domain).domain.inputs
        inputs = {PortAddress.parse(port.address).domain for port in declared}
        create_lake(settings, domain)
        _held.append((acquire(settings, domain), conn))
        # An input that was never built is reported by the model that reads it, with its name.
        attach_lakes(
            conn, settings, own=domain, reads={name for name in inputs - {domain} if lake_exists(settings, name)}
        )
