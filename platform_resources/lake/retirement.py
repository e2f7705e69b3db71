"""The end of a port: its view is dropped, its history stays, and whoever wants to read it is told why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb

from platform_resources.lake.connection import write_transaction
from platform_resources.lake.names import PortAddress
from platform_resources.lake.publications import Publication, append_entry, newest_entry
from platform_resources.lake.settings import MeshSettings


@dataclass(frozen=True)
class Retirement:
    """The end of a port, as its log tells it."""

    number: int  # of its row in the log
    at: datetime
    reason: str | None = None
    replaced_by: str | None = None  # address of the port to read instead
    consumers: tuple[str, ...] = ()  # who still read it when it was retired by force

    def told(self, port: str) -> str:
        """One line for whoever wants to read the port."""
        why = f": {self.reason.rstrip('.')}" if self.reason else ""
        instead = f"; read {self.replaced_by} instead" if self.replaced_by else ""
        return f"{port} was retired on {self.at:%Y-%m-%d}{why}{instead}"


def retirement_of(con: duckdb.DuckDBPyConnection, port: PortAddress) -> Retirement | None:
    """When and why a port ended; None while it is served, or when it never was."""
    newest = newest_entry(con, port)
    return None if newest is None else retirement_in(newest)


def retirement_in(newest: Publication) -> Retirement | None:
    """The same by the last row of the port's log."""
    if newest.kind != "retire":
        return None
    facts = newest.audit.get("retirement", {})
    consumers = tuple(facts.get("consumers", ()))
    return Retirement(newest.number, newest.published_at, facts.get("reason"), facts.get("replaced_by"), consumers)


def retire(
    con: duckdb.DuckDBPyConnection,
    settings: MeshSettings,
    *,
    port: PortAddress,
    run_id: str,
    now: datetime,
    reason: str | None = None,
    replaced_by: str | None = None,
    consumers: Sequence[str] = (),
) -> Publication | None:
    """Stop serving a port: its view is dropped and a row of kind `retire` is logged, in one transaction.

    The log, the contracts and the private table stay. A port that is retired already keeps its row, which is returned;
    None when nothing of the port was ever published.
    """
    with write_transaction(con, settings, port.domain, f"retire {port}", run_id):
        last = newest_entry(con, port)
        if last is None or last.kind == "retire":
            return last
        con.execute(f"DROP VIEW IF EXISTS {port.sql}")
        facts = {"reason": reason, "replaced_by": replaced_by, "consumers": list(consumers)}
        audit = {"retirement": {name: value for name, value in facts.items() if value}}
        ended = replace(last, number=last.number + 1, kind="retire", run_id=run_id, audit=audit, published_at=now)
        append_entry(con, settings, port, ended)
    return ended
