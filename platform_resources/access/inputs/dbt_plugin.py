"""The dbt-duckdb plugin that gives a dbt run the same lakes, settings and lock as everything else.

A dbt target is a domain: its lake is attached read-write under the target's `database`, and the declared and granted
inputs of its products as `guarded_inputs` shows them. The writer lock is held until dbt's process ends, or its run in a
process that goes on: that is what makes its commits safe.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin

from platform_resources.access.inputs.facade import guarded_inputs, refused_inputs
from platform_resources.contracts import Product, load_usable_domain
from platform_resources.lake import MeshSettings, attach_lakes, create_lake
from platform_resources.lake.connection import CONNECTION_CONFIG
from platform_resources.lake.lock import acquire

_held: list[ExitStack] = []  # writer locks, connections and inputs of this process


@dataclass(frozen=True)
class _Run:
    """What dbt was started for, when it runs inside a process that goes on."""

    models: frozenset[str]
    id: str
    masked: dict[str, frozenset[str]] = field(default_factory=dict)  # filled when dbt connects


_runs: list[_Run] = []  # of this process; at most one, because dbt's own state is the process's


@contextmanager
def dbt_run(models: Iterable[str], run: str) -> Iterator[dict[str, frozenset[str]]]:
    """Around dbt in this process: at the end closes what it left open and frees the locks.

    Tells the columns that its models saw masked, by input port, once dbt ran.
    """
    started = _Run(frozenset(models), run)
    _runs.append(started)
    try:
        yield started.masked
    finally:
        _runs.clear()
        DuckDBConnectionManager.close_all_connections()
        while _held:
            _held.pop().close()


class Plugin(BasePlugin):
    """Named in `dbt_project/profiles.yml`; dbt-duckdb looks for this class name."""

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:  # noqa: ARG002
        config.update(CONNECTION_CONFIG)

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        settings = MeshSettings.from_env()
        name = self.creds.database
        products = load_usable_domain(settings.domains / name).domain.products
        create_lake(settings, name)
        stack = ExitStack()
        _held.append(stack)
        stack.callback(os.close, acquire(settings, name))
        stack.callback(conn.close)
        attach_lakes(conn, settings, own=name)
        refused = refused_inputs(settings, products)
        allowed = [product for product in products if product.address not in refused]
        # An input that was never built is reported by the model that reads it, with its name.
        run = _runs[-1] if _runs else None
        facts = {"run": run.id, "built": _built(allowed, run.models)} if run else {}
        masked = stack.enter_context(guarded_inputs(conn, settings, allowed, missing_ok=True, **facts))
        if run:
            run.masked.update(masked)


def _built(products: Sequence[Product], models: frozenset[str]) -> list[Product]:
    """Products of which one of the models is; where none is, the models are for all of them."""
    named = [p for p in products if models & {port.contract.table.physical_name for port in p.ports}]
    return named or list(products)
