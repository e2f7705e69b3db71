"""The guard: identity + port -> guarded relation. The only way to data, whatever the door."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import duckdb

from platform_resources.access.copies import Copies
from platform_resources.access.decisions import decide
from platform_resources.access.errors import (
    DeniedError,
    NotPublishedError,
    RetiredPortError,
    UnavailableError,
    UnknownPortError,
)
from platform_resources.access.grants import grants_of
from platform_resources.access.lakes import WarmLakes
from platform_resources.access.masks import mask_key, mask_sql
from platform_resources.access.model import Caller, Decision, PortPolicy, ReadQuery
from platform_resources.access.policies import policy_of
from platform_resources.access.relation import GuardedRelation, Reading
from platform_resources.contracts import Contract, contract_of_text
from platform_resources.contracts.lifecycle import replacement_of
from platform_resources.contracts.model import OutputPort
from platform_resources.control import ControlDatabase
from platform_resources.control.audit_log import AuditLog
from platform_resources.lake import (
    INTERNAL_SCHEMA,
    LakeMissingError,
    MeshSettings,
    PortAddress,
    Publication,
    pin,
    publications,
    qualified,
    quote_identifier,
    retirement_of,
    utc_now,
)
from platform_resources.lake.publications import promise_of
from platform_resources.pipeline import read_mesh

if TYPE_CHECKING:
    import pyarrow as pa


class Guard:
    """Decides and reads for every caller of one process. Safe to share between threads."""

    def __init__(self, settings: MeshSettings, control: ControlDatabase, audit: AuditLog) -> None:
        self.settings = settings
        self._control = control
        self._audit = audit
        self._lakes = WarmLakes(settings)
        self.copies = Copies(settings, self._lakes)

    def open(
        self, caller: Caller, port: PortAddress, *, purpose: str | None = None, as_of: int | None = None
    ) -> GuardedRelation:
        """What `caller` may see of `port`, as it is served now or as publication `as_of` was.

        Raises
        ------
        AccessError
            when it may not, there is no such port or publication, or it can't be told now.
        """
        now = utc_now()
        try:
            con = self._lakes.cursor(port.domain)
        except LakeMissingError:
            raise UnknownPortError(f"there is no port {port}", "GET /api/v1/products lists what there is.") from None
        try:
            log = publications(con, port.domain, port)
            if not log:
                raise UnknownPortError(f"there is no port {port}", "GET /api/v1/products lists what there is.")
            publication = log[0] if as_of is None else next((p for p in log if p.number == as_of), None)
            if publication is None:
                raise NotPublishedError(f"{port} has no publication {as_of}", f"It has up to {log[0].number}.")
            contracts = self._contracts(con, port, publication, log)
            policy = policy_of(str(port), contracts, read_mesh(self.settings)[1].classifications)
            try:
                decision = decide(caller, policy, grants_of(self._control, caller.identity), purpose, now)
            except DeniedError as refusal:
                self._audit.append("refused", caller.identity.id, str(port), code=refusal.code, purpose=purpose)
                raise
            if log[0].kind == "retire":
                retirement = retirement_of(con, port)
                raise RetiredPortError(retirement.told(str(port)) if retirement else f"{port} was retired")
            return self._relation(con, decision, policy, port, publication, contracts)
        except duckdb.Error as error:
            raise UnavailableError(f"{port} can't be read now", "`mesh fsck` tells the damage.") from error
        finally:
            con.close()

    def _contracts(
        self, con: duckdb.DuckDBPyConnection, port: PortAddress, served: Publication, log: list[Publication]
    ) -> list[Contract]:
        """The contract that is served, and every later one up to today's: a mask of any of them holds."""
        later = {p.contract_sha256: p for p in reversed(log) if p.number >= served.number}
        own = promise_of(con, port, served)
        found = [contract_of_text(own.document, f"{port}.odcs.yaml")]
        found += [
            contract_of_text(promise_of(con, port, p).document, f"{port}.odcs.yaml")
            for sha, p in later.items()
            if sha != served.contract_sha256
        ]
        today = read_mesh(self.settings)[0].ports.get(str(port))
        return [*found, today[1].contract] if today else found

    def _relation(
        self,
        con: duckdb.DuckDBPyConnection,
        decision: Decision,
        policy: PortPolicy,
        port: PortAddress,
        publication: Publication,
        contracts: list[Contract],
    ) -> GuardedRelation:
        served = contracts[0]
        columns = {c.name: c for c in served.table.columns if c.name in publication.columns}
        selected = ", ".join(
            f"{mask_sql(columns[name], masks, partial(mask_key, self.settings))} AS {quote_identifier(name)}"
            for name, masks in decision.profile.columns.items()
            if name in columns
        )
        table = qualified(port.domain, INTERNAL_SCHEMA, served.table.physical_name)
        source = f"SELECT {selected} FROM {table} AT (VERSION => {int(publication.snapshot)})"
        if decision.profile.filters:
            source += " WHERE " + " AND ".join(f"({text})" for text in decision.profile.filters)
        schema = con.execute(f"SELECT * FROM ({source}) LIMIT 0").to_arrow_table().schema
        key = served.table.primary_key
        visible = all(name in decision.profile.columns and not decision.profile.columns[name] for name in key)
        notice = sunset = None
        if contracts[-1].status == "deprecated":
            other = replacement_of(OutputPort(port.product, port.major, str(port), contracts[-1]))
            end = contracts[-1].end_of_support
            notice = f"{port} is deprecated" + (f"; use {other}" if other else "")
            sunset = None if end is None else end.isoformat()
        return GuardedRelation(
            *(self, decision, policy, port, publication, source, schema, key if visible else (), notice, sunset)
        )

    def read(self, relation: GuardedRelation, query: ReadQuery, batch_rows: int) -> Reading:
        """See `GuardedRelation.read`."""
        text, parameters = relation.sql(query)
        decision = relation.decision
        entry = self._audit.append(
            "read",
            decision.caller.identity.id,
            str(relation.port),
            credential=decision.caller.credential,
            grant=decision.grant,
            purpose=decision.purpose,
            publication=relation.publication.number,
            columns=list(query.columns or relation.schema.names),
            masked=list(decision.profile.masked),
            filtered=bool(decision.profile.filters),
        )
        con = self._lakes.cursor(relation.port.domain)
        try:
            reader = con.execute(text, parameters).to_arrow_reader(batch_rows)
        except duckdb.Error:
            con.close()
            raise UnavailableError(f"{relation.port} can't be read now", "`mesh fsck` tells the damage.") from None
        return Reading(reader.schema, self._batches(con, reader, relation, entry), entry)

    def _batches(
        self, con: duckdb.DuckDBPyConnection, reader: pa.RecordBatchReader, relation: GuardedRelation, entry: int
    ) -> Iterator[pa.RecordBatch]:
        rows = 0
        try:
            with pin(self.settings, relation.port.domain, relation.publication.snapshot):
                for batch in reader:
                    rows += batch.num_rows
                    yield batch
        finally:
            con.close()
            caller = relation.decision.caller.identity.id
            self._audit.append("served", caller, str(relation.port), entry=entry, rows=rows, at=_text(utc_now()))

    def close(self) -> None:
        self._lakes.close()


def _text(moment: datetime) -> str:
    return moment.isoformat()
