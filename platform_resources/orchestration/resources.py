"""`LakeResource`: the lakes of the mesh as a Dagster resource, on top of dagster-duckdb's `DuckDBResource`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import duckdb
from dagster_duckdb import DuckDBResource

from platform_resources.access.inputs.facade import guarded_inputs
from platform_resources.contracts import Product
from platform_resources.lake import MeshSettings, attach_lakes
from platform_resources.lake.connection import CONNECTION_CONFIG


class LakeResource(DuckDBResource):
    """DuckDB connections that see a domain's own lake read-write and its inputs read-only.

    The connection itself is dagster-duckdb's; that one stays open after an exception in the body, so it is closed here.
    """

    @property
    def settings(self) -> MeshSettings:
        return MeshSettings.from_env()

    @contextmanager
    def get_connection(
        self, own: str | None = None, reads: Iterable[str] = (), builds: Sequence[Product] = (), run: str | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """`own` and `reads` are domains whose lakes are attached whole: for the platform's own steps.

        `builds` are products whose models get the connection: what they declare as inputs is there as `guarded_inputs`
        shows it.
        """
        with super().get_connection() as connection:
            try:
                attach_lakes(connection, self.settings, own=own, reads=reads)
                with guarded_inputs(connection, self.settings, builds, run):
                    yield connection
            finally:
                connection.close()


@cache
def lake_resource() -> LakeResource:
    """The one instance: merged definitions may not hold two resources of one name."""
    return LakeResource(database=":memory:", connection_config=dict(CONNECTION_CONFIG))
