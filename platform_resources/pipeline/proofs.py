"""What a publication proves of its rows, kept in its row of the log, and how much of it still holds.

The proof names the table by its id, the snapshot, its rows, what its foreign keys point to, and a mark for each rule
whose count can be carried on. An audit builds on the port's last publication while the table only grew since.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from platform_resources.contracts.model import Contract
from platform_resources.lake import (
    INTERNAL_SCHEMA,
    InvalidNameError,
    MeshSettings,
    PortAddress,
    Publication,
    latest_publication,
    publications,
    qualified,
)
from platform_resources.lake.changes import TableChange, TableState, rows_at, rows_since, table_changes
from platform_resources.lake.names import quote_literal
from platform_resources.quality.carried import Carried, Count, Unproven, counts_of

_IN_THE_LOG = "proven"  # key in the record of an audit
_FORM = 2  # of that record: what another version of the platform wrote otherwise is not built on


@dataclass(frozen=True)
class Served:
    """What a port serves: the run tells publications of one number apart, should a lake be restored."""

    number: int
    run_id: str


Parent = TableState | Served


@dataclass(frozen=True)
class Proof:
    """What a publication was audited on. `parents`: by the name that the contract gives them."""

    table: str
    state: TableState
    snapshot: int
    parents: Mapping[str, Parent]

    def as_record(self, counts: Mapping[str, Count]) -> dict[str, Any]:
        """Plain values for the audit's record, with what it found of its rules besides their results."""
        return {
            _IN_THE_LOG: {
                "form": _FORM,
                "table": self.table,
                "table_id": self.state.id,
                "rows": self.state.rows,
                "snapshot": self.snapshot,
                "parents": {name: _plain(parent) for name, parent in self.parents.items()},
                "counts": {name: count.as_record() for name, count in counts.items()},
            }
        }


@dataclass(frozen=True)
class Standing:
    """A table as it stands: what of the last publication's proof holds, and the proof that an audit of now gives.

    `proof`: None for what is no table of the lake, of which nothing can be proven for later.
    """

    carried: Carried | Unproven
    proof: Proof | None = None


def stands(
    con: duckdb.DuckDBPyConnection,
    settings: MeshSettings,
    port: PortAddress,
    contract: Contract,
    inputs: Collection[str],
    last: Publication | None,
    snapshot: int,
) -> Standing:
    """Look at a port's table at a snapshot, and at the tables that its foreign keys point to.

    `con` has the port's lake attached at the snapshot, and those of the `inputs` (addresses of ports).
    """
    table = contract.table.physical_name
    named = {relation.to_table for relation in contract.table.relationships}
    points = {name: _pointed(name, port.domain, contract, inputs) for name in named}
    tables = {table, *(name for name in points.values() if isinstance(name, str))}
    before = _read(last.audit) if last is not None else None
    proof = None
    try:
        changes = table_changes(con, settings, port.domain, tables, before.snapshot if before else None, snapshot)
        if table not in changes:
            return Standing(Unproven("it is no table of the lake"))
        served = {name: _served(con, to) for name, to in points.items() if isinstance(to, PortAddress)}
        proof = Proof(table, changes[table].state, snapshot, _parents_now(points, changes, served))
        if last is None:
            return Standing(Unproven("nothing is published yet"), proof)
        return Standing(_carried(con, settings, port, last, before, proof, points, changes), proof)
    except duckdb.InterruptException:
        raise
    except duckdb.Error:  # then all rows are audited, as they would be without anything to build on
        return Standing(Unproven("what was proven can't be read"), proof)


def _carried(
    con: duckdb.DuckDBPyConnection,
    settings: MeshSettings,
    port: PortAddress,
    last: Publication,
    before: Proof | None,
    now: Proof,
    points: Mapping[str, str | PortAddress | None],
    changes: Mapping[str, TableChange],
) -> Carried | Unproven:
    """What of the last publication's proof holds, if it keeps one."""
    if before is None or before.snapshot != last.snapshot:
        return Unproven(f"publication #{last.number} keeps no proof to build on")
    if (obstacle := changes[now.table].obstacle(before.state)) is not None:
        return Unproven(f"{obstacle} since publication #{last.number}")
    sql = qualified(port.domain, INTERNAL_SCHEMA, now.table)
    return Carried(
        last.number,
        before.state.rows,
        changes[now.table].new_rows,
        rows_at(sql, before.snapshot),
        rows_since(sql, before.snapshot),
        counts_of(last.audit["results"], last.audit[_IN_THE_LOG]["counts"]),
        {name: _obstacle(con, settings, name, to, before.parents.get(name), changes) for name, to in points.items()},
    )


def still_served(con: duckdb.DuckDBPyConnection, proof: Proof) -> Proof:
    """The proof after an audit: without ports that published meanwhile, of which nobody knows which one was read."""
    now = {
        name: parent
        for name, parent in proof.parents.items()
        if not isinstance(parent, Served) or parent == _served(con, PortAddress.parse(name))
    }
    return replace(proof, parents=now)


def _pointed(written: str, domain: str, contract: Contract, inputs: Collection[str]) -> str | PortAddress | None:
    """The private table of the domain, or the input port, that a contract means; None when it is neither."""
    own, parts = contract.table, written.split(".")
    if len(parts) == 1:
        named = (table.physical_name for table in contract.tables if table.name == written)
        return own.physical_name if written in (own.name, own.physical_name) else next(named, written)
    if parts[:2] == [domain, INTERNAL_SCHEMA] and len(parts) == 3:
        return parts[2]
    try:
        return PortAddress.parse(written) if written in inputs else None
    except InvalidNameError:
        return None


def _parents_now(
    points: Mapping[str, str | PortAddress | None],
    changes: Mapping[str, TableChange],
    served: Mapping[str, Served | None],
) -> dict[str, Parent]:
    tables = {name: changes[to].state for name, to in points.items() if isinstance(to, str) and to in changes}
    return {**tables, **{name: one for name, one in served.items() if one is not None}}


def _served(con: duckdb.DuckDBPyConnection, port: PortAddress) -> Served | None:
    """None when the port was never published, or its domain has no lake yet."""
    attached = f"SELECT 1 FROM duckdb_databases() WHERE database_name = {quote_literal(port.domain)}"
    if con.execute(attached).fetchone() is None:
        return None
    found = latest_publication(con, port)
    return None if found is None else Served(found.number, found.run_id)


def _obstacle(
    con: duckdb.DuckDBPyConnection,
    settings: MeshSettings,
    written: str,
    to: str | PortAddress | None,
    then: Parent | None,
    changes: Mapping[str, TableChange],
) -> str | None:
    """Why keys that were found in a parent may be gone; None when they are all there."""
    if isinstance(to, str) and isinstance(then, TableState) and to in changes:
        obstacle = changes[to].obstacle(then)
        return None if obstacle is None else f"of {written}, {obstacle}"
    if isinstance(to, PortAddress) and isinstance(then, Served):
        return _port_obstacle(con, settings, to, then)
    return f"what became of {written} is not known"


def _port_obstacle(
    con: duckdb.DuckDBPyConnection, settings: MeshSettings, port: PortAddress, then: Served
) -> str | None:
    """The same for a port: it serves the same publication, or a later one of a table that only grew."""
    now = latest_publication(con, port)
    if now is not None and (now.number, now.run_id) == (then.number, then.run_id):
        return None
    older = publications(con, port.domain, port, limit=1, before=then.number + 1)
    new, old = (None if one is None else _read(one.audit) for one in (now, older[0] if older else None))
    if new is None or old is None or (older[0].number, older[0].run_id) != (then.number, then.run_id):
        return f"what became of {port} since its #{then.number} is not known"
    changes = table_changes(con, settings, port.domain, [new.table], old.snapshot, new.snapshot)
    obstacle = changes[new.table].obstacle(old.state) if new.table in changes else "the table is gone"
    return None if obstacle is None else f"of {port}, {obstacle}"


def _plain(parent: Parent) -> dict[str, Any]:
    if isinstance(parent, Served):
        return {"number": parent.number, "run_id": parent.run_id}
    return {"table_id": parent.id, "rows": parent.rows}


def _parent(record: Mapping[str, Any]) -> Parent:
    if "number" in record:
        return Served(record["number"], record["run_id"])
    return TableState(record["table_id"], record["rows"])


def _read(audit: Mapping[str, Any]) -> Proof | None:
    """The proof in the record of an audit; None in those from before there were any, or of another form."""
    found = audit.get(_IN_THE_LOG) or {}
    if found.get("form") != _FORM:
        return None
    parents = {name: _parent(parent) for name, parent in found["parents"].items()}
    return Proof(found["table"], TableState(found["table_id"], found["rows"]), found["snapshot"], parents)
