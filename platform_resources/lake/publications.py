"""The publication log: which version of which port consumers read, its promise and its proof.

Publishing is one transaction in the domain's lake: the port's view is moved to a pinned snapshot and a row is added to
`<domain>.mesh.publications`. The data, its promise and its proof change together or not at all.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

import duckdb

from platform_resources.lake.connection import INTERNAL_SCHEMA, MESH_SCHEMA, write_transaction
from platform_resources.lake.files import seal_new_files
from platform_resources.lake.names import PortAddress, qualified, quote_identifier, quote_literal
from platform_resources.lake.settings import MeshSettings
from platform_resources.lake.timeline import Entry

SHARES = ("completeness", "accuracy")  # of values, in percent, beside the scores of an audit
_OF_COMPLETENESS, _DECODER = '"group": "completeness"', json.JSONDecoder()


class PublicationError(RuntimeError):
    """A publication or a rollback that can't be done; the message says why and what to do."""


@dataclass(frozen=True)
class Promise:
    """What a publication is held to: the contract as it was, byte for byte."""

    version: str
    sha256: str
    document: str


class _Packed:
    """A field of JSON that is kept as compressed text and read when it is asked for (0.1 ms).

    A process that serves keeps the newest publication of every port: the audits of 10,000 ports as mappings would take
    300 MB.
    """

    def __get__(self, owner: Any, _: type | None = None) -> dict[str, Any]:
        if owner is None:
            raise AttributeError("no default")  # what a dataclass asks a descriptor for
        return json.loads(zlib.decompress(owner.__dict__["_audit"]))

    def __set__(self, owner: Any, value: str | dict[str, Any]) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        owner.__dict__["_audit"] = zlib.compress(text.encode(), 1)


@dataclass(frozen=True)
class Filled:
    """What an audit found of one promise on completeness. `percent` is 0-100; None: it could not be measured."""

    check: str
    percent: float | None
    kept: bool


@dataclass(frozen=True)
class Figures:
    """How good an audit found a version: `scores` by dimension, and shares of values in percent where it tells them."""

    scores: Mapping[str, float]
    shares: Mapping[str, float]


@dataclass(frozen=True)
class Publication:
    """One row of the log. Times are UTC; `score` is 0-100; `audit` is the JSON of the audit that let it pass.

    A row of kind `retire` ends a port: nothing is served from then on. It repeats the facts of what was served last,
    and its `audit` says why; see `retirement`.
    """

    port: str
    number: int
    snapshot: int
    kind: Literal["publish", "rollback", "retire"]
    run_id: str
    contract_version: str
    contract_sha256: str
    columns: tuple[str, ...]
    row_count: int
    score: float
    audit: _Packed = _Packed()  # a mapping
    data_as_of: datetime | None
    published_at: datetime

    @cached_property
    def figures(self) -> Figures:
        """Kept: a page shows those of 60 publications, and to parse an audit with its profile takes 0.2 ms."""
        audit = self.audit
        found = {name: _percent(share.get("percent")) for name in SHARES if isinstance(share := audit.get(name), dict)}
        return Figures(
            {name: float(value) for name, value in (audit.get("scores") or {}).items()},
            {name: value for name, value in found.items() if value is not None},
        )

    @cached_property
    def filled(self) -> tuple[Filled, ...]:
        """The promises on completeness that it was audited for. Kept: adding up a month asks thousands of rows."""
        return tuple(
            Filled(found["name"], _percent(found.get("value")), bool(found["passed"]))
            for found in _results_of_completeness(zlib.decompress(self.__dict__["_audit"]).decode())
        )


def _results_of_completeness(audit: str) -> list[dict[str, Any]]:
    """Of the JSON of an audit only these are parsed (0.05 ms, all of it 0.2 ms); within a text quotes are escaped."""
    found, at = [], audit.find(_OF_COMPLETENESS)
    while at >= 0:
        found.append(_DECODER.raw_decode(audit, audit.rindex("{", 0, at))[0])
        at = audit.find(_OF_COMPLETENESS, at + 1)
    return found


def _percent(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


_COLUMNS = (
    "port, number, snapshot, kind, run_id, contract_version, contract_sha256, columns, row_count, score, audit, "
    "data_as_of, published_at"
)


def _row(values: Sequence[Any]) -> Publication:
    fields = dict(zip(_COLUMNS.replace(" ", "").split(","), values, strict=True))
    fields["columns"] = tuple(fields["columns"])
    return Publication(**fields)


def _log(domain: str) -> str:
    return qualified(domain, MESH_SCHEMA, "publications")


def publications(
    con: duckdb.DuckDBPyConnection,
    domain: str,
    port: PortAddress | None = None,
    limit: int | None = None,
    before: int | None = None,
    above: int | None = None,
) -> list[Publication]:
    """The log of a lake (of one port, of its rows before a number or above one), newest first."""
    # Within a port numbers alone tell the order: of two runs at once, the later one may have begun earlier.
    # A literal: for the first parameter of a process DuckDB imports pandas, which is half of a small command's time.
    condition, order = ("", "published_at DESC, ") if port is None else (f"WHERE port = {quote_literal(str(port))}", "")
    for sign, bound in (("<", before), (">", above)):
        if bound is not None:
            condition += f" {'AND' if condition else 'WHERE'} number {sign} {int(bound)}"
    ending = f"LIMIT {int(limit)}" if limit else ""
    rows = con.execute(
        f"SELECT {_COLUMNS} FROM {_log(domain)} {condition} ORDER BY {order}number DESC {ending}"
    ).fetchall()
    return [_row(row) for row in rows]


def latest_publication(con: duckdb.DuckDBPyConnection, port: PortAddress) -> Publication | None:
    """What consumers of a port read now; None when nothing was ever published, or the port is retired."""
    newest = newest_entry(con, port)
    return None if newest is None or newest.kind == "retire" else newest


def newest_entry(con: duckdb.DuckDBPyConnection, port: PortAddress) -> Publication | None:
    """The last row of a port in the log, its retirement too; None when nothing was ever published."""
    return next(iter(publications(con, port.domain, port, limit=1)), None)


def newest_entries(con: duckdb.DuckDBPyConnection, domain: str) -> dict[str, Publication]:
    """Address -> the last row of the log, retirements too, of every port that a lake ever published; in one query."""
    rows = con.execute(
        f"SELECT {_COLUMNS} FROM {_log(domain)} QUALIFY number = max(number) OVER (PARTITION BY port)"
    ).fetchall()
    return {row[0]: _row(row) for row in rows}


def returned_contracts(con: duckdb.DuckDBPyConnection, domain: str) -> frozenset[str]:
    """Addresses of the ports whose newest row is under a contract that they had before another one."""
    rows = con.execute(
        f"""
        SELECT port
        FROM (
            SELECT port, contract_sha256, min(number) AS first, max(number) AS last FROM {_log(domain)} GROUP BY ALL
        )
        GROUP BY port
        HAVING max(last, 2)[2] > arg_max(first, last)  -- null where there was no other one
        """
    ).fetchall()
    return frozenset(row[0] for row in rows)


def append_entry(con: duckdb.DuckDBPyConnection, settings: MeshSettings, port: PortAddress, row: Publication) -> None:
    """Add a row to the log, with the seal of what was written since the last one; in an open transaction."""
    seal = seal_new_files(con, settings, port.domain)
    con.execute(
        f"INSERT INTO {_log(port.domain)} ({_COLUMNS}, seal) VALUES ({', '.join('?' * 14)})",
        [
            *(row.port, row.number, row.snapshot, row.kind, row.run_id, row.contract_version, row.contract_sha256),
            *(list(row.columns), row.row_count, row.score, json.dumps(row.audit), row.data_as_of, row.published_at),
            seal.as_json(),
        ],
    )


def publish(
    con: duckdb.DuckDBPyConnection,
    settings: MeshSettings,
    *,
    port: PortAddress,
    table: str,
    snapshot: int,
    columns: Sequence[str],
    promise: Promise,
    audit: dict[str, Any] | Callable[[int], dict[str, Any]],
    score: float,
    row_count: int,
    data_as_of: datetime | None,
    run_id: str,
    now: datetime,
    kind: Literal["publish", "rollback"] = "publish",
    judged_at: int | None = None,
) -> Publication:
    """Move the port to `internal.<table>` as it stood at `snapshot`, and log it.

    A second call with the same `run_id` for the port returns the publication that the first one made: a writer that
    was killed without knowing whether its commit held may simply try again. When a later snapshot was published
    meanwhile by another run, the port is not taken back to this one: the newest publication is returned.

    `audit`: its record, or what makes it of the number that the publication gets. `judged_at`: number of the port's
    newest row when its publication was decided (0: none).

    Raises
    ------
    PublicationError
        when the port was retired since that later snapshot was published, or since the publication was decided.
    """
    address, log = str(port), _log(port.domain)
    source = qualified(port.domain, INTERNAL_SCHEMA, table)
    selected = ", ".join(quote_identifier(column) for column in columns)
    with write_transaction(con, settings, port.domain, f"{kind} {address}", run_id):
        done = con.execute(f"SELECT {_COLUMNS} FROM {log} WHERE port = ? AND run_id = ?", [address, run_id]).fetchone()
        if done is not None:
            return _row(done)
        if judged_at is not None:
            newest = newest_entry(con, port)
            if newest is not None and newest.kind == "retire" and newest.number > judged_at:
                raise PublicationError(f"{address} was retired while this version was audited: it is not published")
        overtaken = con.execute(
            f"SELECT 1 FROM {log} WHERE port = ? AND kind = 'publish' AND snapshot > ? LIMIT 1", [address, snapshot]
        ).fetchone()
        if overtaken and kind == "publish":
            newest = con.execute(f"SELECT {_COLUMNS} FROM {log} WHERE port = ? ORDER BY number DESC LIMIT 1", [address])
            served = _row(newest.fetchone())
            if served.kind == "retire":
                raise PublicationError(f"{address} was retired while this version of it was built")
            return served
        number = con.execute(f"SELECT coalesce(max(number), 0) + 1 FROM {log} WHERE port = ?", [address]).fetchone()[0]
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {qualified(port.domain, port.product)}")
        con.execute(
            f"CREATE OR REPLACE VIEW {port.sql} AS SELECT {selected} FROM {source} AT (VERSION => {int(snapshot)})"
        )
        contracts = qualified(port.domain, MESH_SCHEMA, "contracts")
        con.execute(
            f"INSERT INTO {contracts} SELECT * FROM (VALUES (?, ?, ?, ?)) new(sha256, port, version, document) "
            f"WHERE NOT EXISTS (FROM {contracts} c WHERE c.sha256 = new.sha256 AND c.port = new.port)",
            [promise.sha256, address, promise.version, promise.document],
        )
        published = Publication(
            *(address, number, snapshot, kind, run_id, promise.version, promise.sha256, tuple(columns), row_count),
            *(score, audit(number) if callable(audit) else audit, data_as_of, now),
        )
        append_entry(con, settings, port, published)
    return published


@dataclass(frozen=True)
class Refusal:
    """A candidate that was not published, and the audit that it failed."""

    port: str
    snapshot: int
    run_id: str
    contract_version: str
    score: float
    audit: dict[str, Any]
    refused_at: datetime


_REFUSED = "port, snapshot, run_id, contract_version, score, audit, refused_at"


def refuse(con: duckdb.DuckDBPyConnection, settings: MeshSettings, refusal: Refusal) -> None:
    """Log a candidate that failed its audit; the port is not touched."""
    port = PortAddress.parse(refusal.port)
    with write_transaction(con, settings, port.domain, f"refuse {port}", refusal.run_id):
        con.execute(
            f"INSERT INTO {qualified(port.domain, MESH_SCHEMA, 'refusals')} VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                *(refusal.port, refusal.snapshot, refusal.run_id, refusal.contract_version, refusal.score),
                *(json.dumps(refusal.audit), refusal.refused_at),
            ],
        )


def latest_refusal(con: duckdb.DuckDBPyConnection, port: PortAddress) -> Refusal | None:
    """The newest candidate of a port that was refused, whatever was published since."""
    row = con.execute(
        f"SELECT {_REFUSED} FROM {qualified(port.domain, MESH_SCHEMA, 'refusals')} "
        "WHERE port = ? ORDER BY refused_at DESC LIMIT 1",
        [str(port)],
    ).fetchone()
    return None if row is None else _refusal(row)


def latest_refusals(con: duckdb.DuckDBPyConnection, domain: str) -> dict[str, Refusal]:
    """Address -> the newest candidate that was refused, of every port of a lake; in one query."""
    rows = con.execute(
        f"SELECT {_REFUSED} FROM {qualified(domain, MESH_SCHEMA, 'refusals')} "
        "QUALIFY row_number() OVER (PARTITION BY port ORDER BY refused_at DESC) = 1"
    ).fetchall()
    return {row[0]: _refusal(row) for row in rows}


def _refusal(row: Sequence[Any]) -> Refusal:
    *facts, audit, refused_at = row
    return Refusal(*facts, audit=json.loads(audit), refused_at=refused_at)


def promise_of(con: duckdb.DuckDBPyConnection, port: PortAddress, publication: Publication | Entry) -> Promise:
    """The contract document that a publication was held to."""
    row = con.execute(
        f"SELECT version, sha256, document FROM {qualified(port.domain, MESH_SCHEMA, 'contracts')} "
        f"WHERE sha256 = {quote_literal(publication.contract_sha256)} AND port = {quote_literal(str(port))}"
    ).fetchone()
    if row is None:
        raise PublicationError(f"the contract of {port} #{publication.number} is not in the log; run `mesh fsck`")
    return Promise(*row)


def roll_back(
    con: duckdb.DuckDBPyConnection,
    settings: MeshSettings,
    *,
    port: PortAddress,
    table: str,
    to: int,
    run_id: str,
    now: datetime,
) -> Publication:
    """Publish an earlier publication again, with its own promise and proof.

    Raises
    ------
    PublicationError
        when there is no publication `to`, it is served already, or its snapshot was expired by the retention.

    A retired port is served again by it; whether it may be is for the caller to know, by the port's contract.
    """
    log = publications(con, port.domain, port)
    if not log:
        raise PublicationError(f"{port} was never published: there is nothing to roll back to")
    target = next((p for p in log if p.number == to), None)
    if target is None:
        raise PublicationError(f"{port} has no publication #{to}; it has #{log[-1].number} to #{log[0].number}")
    if target.kind == "retire":
        raise PublicationError(f"#{to} is the retirement of {port}, no data; choose a publication before it")
    if log[0].kind != "retire" and target.snapshot == log[0].snapshot:
        raise PublicationError(f"{port} serves the data of #{to} already (#{log[0].number})")
    kept = con.execute(
        "SELECT count(*) FROM ducklake_snapshots(?) WHERE snapshot_id = ?", [port.domain, target.snapshot]
    ).fetchone()[0]
    if not kept:
        raise PublicationError(f"the data of {port} #{to} was expired by the retention; choose a later publication")
    return publish(
        con,
        settings,
        port=port,
        table=table,
        snapshot=target.snapshot,
        columns=target.columns,
        promise=promise_of(con, port, target),
        audit=target.audit,
        score=target.score,
        row_count=target.row_count,
        data_as_of=target.data_as_of,
        run_id=run_id,
        now=now,
        kind="rollback",
    )
