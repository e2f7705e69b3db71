"""Write -> audit -> publish: what a consumer reads was proven against the contract, on exactly the rows published."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import duckdb

from platform_resources.contracts.model import Domain, OutputPort, Product
from platform_resources.governance import Candidate, Judgement, score_weights
from platform_resources.lake import (
    INTERNAL_SCHEMA,
    MeshSettings,
    PortAddress,
    Promise,
    Publication,
    Refusal,
    connect,
    current_snapshot,
    latest_publication,
    newest_entry,
    pin,
    publications,
    publish,
    qualified,
    quote_identifier,
    refuse,
    write_transaction,
)
from platform_resources.pipeline.documents import read_mesh
from platform_resources.pipeline.gate import judge_candidate, judgement_record
from platform_resources.pipeline.ledger import watermark
from platform_resources.pipeline.profiling import advice_record, profile_of
from platform_resources.pipeline.proofs import Standing, stands, still_served
from platform_resources.pipeline.published import published_ports
from platform_resources.quality import Audit, evaluate
from platform_resources.quality.anomalies import Judged
from platform_resources.quality.carried import Carried, Unproven
from platform_resources.quality.judgement_record import UNJUDGED, judged_in, numbered

_NEW_ROWS = "_rows_to_write"
_COMPUTED = "_rows_computed"
_TOLD = 30  # publications that an outcome tells


class ContractChangedError(RuntimeError):
    """A port's contract was edited between loading it and publishing."""


@dataclass(frozen=True)
class Outcome:
    """What became of a candidate: its audit, the gate's judgements, its publication when it passed. Times in seconds.

    `publication` is that of a later snapshot when another run published one meanwhile: it holds this candidate's data
    and what came after. `before`: what stood last in the port's log when the audit began. `anomalies`: of that
    publication, as its audit's record tells them. `built_on`: what the audit carried on. `log`: the
    last publications of the port, newest first; none where nothing was published or they can't be read.
    """

    port: str
    snapshot: int
    audit: Audit
    publication: Publication | None
    data_as_of: datetime | None
    audit_seconds: float
    publish_seconds: float
    judgements: tuple[Judgement, ...] = ()
    before: Publication | None = None
    anomalies: Judged = UNJUDGED
    built_on: Carried | Unproven | None = None
    log: tuple[Publication, ...] = ()

    @property
    def published(self) -> bool:
        return self.publication is not None


def replace_table(
    con: duckdb.DuckDBPyConnection, settings: MeshSettings, domain: str, table: str, rows: Any, run_id: str
) -> int:
    """Write the whole content of `internal.<table>` anew and return its row count.

    `rows` is anything DuckDB can scan: a relation of `con`, an Arrow table, a pandas frame. A relation is computed
    before the lake is locked, so it may read the table that it replaces and keeps no other writer waiting. Delete and
    insert, not CREATE OR REPLACE: with that the commit slows down 3.9 times in 1,000 versions. A change of columns
    makes a new table; versions published from the old one stay readable.
    """
    target = qualified(domain, INTERNAL_SCHEMA, table)
    if isinstance(rows, duckdb.DuckDBPyRelation):
        rows.create_view(_NEW_ROWS, replace=True)
        con.execute(f"CREATE OR REPLACE TEMP TABLE {_COMPUTED} AS FROM {_NEW_ROWS}")
        relation = con.table(_COMPUTED)
    else:
        relation = con.from_arrow(_as_arrow(rows))
    wanted = [(name, str(type_)) for name, type_ in zip(relation.columns, relation.types, strict=True)]
    relation.create_view(_NEW_ROWS, replace=True)
    definition = ", ".join(f"{quote_identifier(name)} {type_}" for name, type_ in wanted)
    columns = ", ".join(quote_identifier(name) for name, _ in wanted)
    with write_transaction(con, settings, domain, f"build {table}", run_id):
        existing = con.execute(
            "SELECT column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = ? AND schema_name = ? AND table_name = ? ORDER BY column_index",
            [domain, INTERNAL_SCHEMA, table],
        ).fetchall()
        if existing == wanted:
            con.execute(f"DELETE FROM {target}")
        else:
            con.execute(f"CREATE OR REPLACE TABLE {target} ({definition})")
        con.execute(f"INSERT INTO {target} ({columns}) SELECT {columns} FROM {_NEW_ROWS}")
        count = con.execute(f"SELECT count(*) FROM {target}").fetchone()[0]
    con.execute(f"DROP VIEW {_NEW_ROWS}")
    con.execute(f"DROP TABLE IF EXISTS {_COMPUTED}")
    return count


def _as_arrow(rows: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415  (0.2 s that only Python models pay)

    return rows if isinstance(rows, pa.Table) else pa.Table.from_pandas(rows, preserve_index=False)


def _data_as_of(
    con: duckdb.DuckDBPyConnection, domain: Domain, product: Product, sources: Sequence[str]
) -> datetime | None:
    """The moment up to which everything that the product promises to be fresh about is known.

    The earliest of: the watermark of each of its sources that has a freshness promise, and what each input port is
    known as of. None when nothing upstream promises freshness, or when such a source never delivered: then nothing is
    known, and the age of the data is that of its newest row.
    """
    promised = {source.table.name for source in domain.sources if source.sla_property("freshness")}
    moments = [watermark(con, domain.name, source) for source in sources if source in promised]
    if None in moments:
        return None
    for port in product.inputs:
        publication = latest_publication(con, PortAddress.parse(port.address))
        if publication is not None:
            moments.append(publication.data_as_of)
    known = [moment for moment in moments if moment is not None]
    return min(known) if known else None


def _promise(port: OutputPort) -> Promise:
    contract = port.contract
    document = contract.file.read_bytes()
    if hashlib.sha256(document).hexdigest() != contract.sha256:
        raise ContractChangedError(
            f"{contract.file} changed since it was loaded, so {port.address} can't be audited against it; run it again "
            "(a running code location: reload it first)"
        )
    return Promise(contract.version, contract.sha256, document.decode("utf-8"))


def _columns_of_siblings(domain: Domain, port: OutputPort) -> set[str]:
    """What other ports promise from the table of this one: a major may be another choice of the same columns."""
    tables = [other.contract.table for other in domain.ports if other.address != port.address]
    shared = [table for table in tables if table.physical_name == port.contract.table.physical_name]
    return {column.name for table in shared for column in table.columns}


def audit_and_publish(
    settings: MeshSettings,
    domain: Domain,
    product: Product,
    port: OutputPort,
    *,
    run_id: str,
    now: datetime,
    sources: Sequence[str] = (),
) -> Outcome:
    """Pin the lake, audit the product's table against the port's contract, publish it when audit and gate let it.

    `sources` are the landed feeds that the product is built from: their watermarks say how fresh its data is.
    Everything is read at the pinned snapshot, so what is written meanwhile disturbs neither the audit nor the port.

    Raises
    ------
    ContractChangedError
        when the contract's file is not what was loaded: the log would keep another promise than the one audited.
    """
    promise = _promise(port)
    address = PortAddress.parse(port.address)
    contract, council = port.contract, read_mesh(settings)[1]
    table = contract.table.physical_name
    table_sql = qualified(domain.name, INTERNAL_SCHEMA, table)
    inputs = [PortAddress.parse(item.address) for item in product.inputs]
    allowed = [str(item) for item in inputs]
    with connect(settings, own=domain.name) as writer:
        snapshot, logged = current_snapshot(writer, domain.name), newest_entry(writer, address)
        started = time.perf_counter()
        with (
            pin(settings, domain.name, snapshot),
            connect(settings, reads={item.domain for item in inputs}, at={domain.name: snapshot}) as reader,
        ):
            data_as_of = _data_as_of(reader, domain, product, sources)
            last = logged if logged is not None and logged.kind != "retire" else None
            standing = stands(reader, settings, address, contract, allowed, last, snapshot)
            audit = evaluate(
                reader,
                contract,
                table_sql,
                now=now,
                data_as_of=data_as_of,
                allowed_tables=allowed,
                other_columns=_columns_of_siblings(domain, port),
                carried=standing.carried,
                weights=score_weights(council, contract),
            )
            proof = _proof_record(reader, standing, audit)
            profile = profile_of(reader, contract, council, table_sql, now)
        audited = time.perf_counter()
        candidate = Candidate(str(address), audit.score, audit.scores, audit.rows, _age_seconds(now, data_as_of))
        judgements = judge_candidate(settings, published_ports(writer, domain.name), candidate, promise.sha256, now)
        record = audit.as_record() | {"governance": [judgement_record(item, settings.project) for item in judgements]}
        number, publication = (logged.number if logged else 0), None
        if audit.passed and not any(item.blocks for item in judgements):
            advice = advice_record(writer, address, profile, number + 1, now, promise.sha256)
            publication = publish(
                writer,
                settings,
                port=address,
                table=table,
                snapshot=snapshot,
                columns=[column.name for column in contract.table.columns],
                promise=promise,
                audit=partial(numbered, record | proof | advice),
                score=audit.score,
                row_count=audit.rows,
                data_as_of=data_as_of,
                run_id=run_id,
                now=now,
                judged_at=number,
            )
        else:
            refuse(
                writer,
                settings,
                Refusal(str(address), snapshot, run_id, contract.version, audit.score, record, now),
            )
        publish_seconds = time.perf_counter() - audited
        log = () if publication is None else last_publications(writer, address)
    unusual = judged_in({} if publication is None else publication.audit)
    found = judgements, logged, unusual, standing.carried, log
    return Outcome(str(address), snapshot, audit, publication, data_as_of, audited - started, publish_seconds, *found)


def last_publications(con: duckdb.DuckDBPyConnection, port: PortAddress) -> tuple[Publication, ...]:
    """What an outcome tells of the log.

    Nothing where it can't be read now: the version is published, and must not look as if it had failed.
    """
    try:
        return tuple(publications(con, port.domain, port, limit=_TOLD))
    except duckdb.InterruptException:
        raise
    except duckdb.Error:
        return ()


def _proof_record(reader: duckdb.DuckDBPyConnection, standing: Standing, audit: Audit) -> dict[str, Any]:
    """What the audit built on, and what later ones may build on: nothing where it can't be read what stands now."""
    built_on = {"built_on": standing.carried.as_record()}
    if standing.proof is None:
        return built_on
    try:
        return built_on | still_served(reader, standing.proof).as_record(audit.counts)
    except duckdb.InterruptException:
        raise
    except duckdb.Error:
        return built_on


def _age_seconds(now: datetime, data_as_of: datetime | None) -> float | None:
    return None if data_as_of is None else max((now - data_as_of).total_seconds(), 0.0)
