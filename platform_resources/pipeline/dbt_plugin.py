"""The dbt-duckdb plugin that gives a dbt run the same lakes, settings and lock as everything else.

A dbt target is a domain: its lake is attached read-write under the target's `database`, and those of the products'
declared inputs read-only. The writer lock is held until the dbt process ends, which is what makes its commits safe.
"""

from __future__ import annotations

from typing import Any

import duckdb
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin

from platform_resources.contracts import load_usable_domain
from platform_resources.lake import MeshSettings, PortAddress, attach_lakes, create_lake, lake_exists
from platform_resources.lake.connection import CONNECTION_CONFIG
from platform_resources.lake.lock import acquire


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
        self._lock = acquire(settings, domain)
        # An input that was never built is reported by the model that reads it, with its name.
        attach_lakes(
            conn, settings, own=domain, reads={name for name in inputs - {domain} if lake_exists(settings, name)}
        )
