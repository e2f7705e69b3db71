"""The guard: identity + port -> guarded relation. The only way to data, whatever the door."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb

from platform_resources.access.errors import (
    PORTS_ARE_LISTED,
    AccessError,
    NotPublishedError,
    RetiredPortError,
    UnavailableError,
    UnknownPortError,
)
from platform_resources.access.model import Caller, Grant, PortPolicy, Profile, ReadQuery
from platform_resources.access.policy.decisions import decide
from platform_resources.access.policy.masks import key_id, mask_key
from platform_resources.access.policy.policies import policy_of
from platform_resources.access.policy.visibility import visible
from platform_resources.access.relations.copies import Copies
from platform_resources.access.relations.described import PortView, describe
from platform_resources.access.relations.documents import Documents
from platform_resources.access.relations.hashed import COPIED_ROWS, HashedReads
from platform_resources.access.relations.kept import Kept
from platform_resources.access.relations.lakes import WarmLakes
from platform_resources.access.relations.reading import Reading, Served, Stream, TextReading
from platform_resources.access.relations.records import ReadRecords
from platform_resources.access.relations.relation import GuardedRelation
from platform_resources.access.relations.rendering import TextForm
from platform_resources.access.relations.served import PortLog, ServedPorts
from platform_resources.access.relations.shapes import Shape, shape_of
from platform_resources.access.relations.standing import LOOK_AGAIN_SECONDS, ended_meanwhile, still_stands
from platform_resources.access.relations.usage import Usage
from platform_resources.access.requests.grants import grants_of
from platform_resources.contracts import Contract
from platform_resources.control import ControlDatabase
from platform_resources.control.audit_log import AuditLog
from platform_resources.control.database import ControlError
from platform_resources.lake import InvalidNameError, MeshSettings, PortAddress, Publication, pin, utc_now
from platform_resources.lake.retirement import retirement_in

if TYPE_CHECKING:
    import pyarrow as pa


_POLICIES, _SHAPES = 2000, 2000  # kept
_MAX_TOLD = 200  # characters of an address that somebody made up, told back


@dataclass(frozen=True)
class PortPolicyNow:
    """A port, one of its publications (None: none is served), the contracts that count for it and what they say."""

    publication: Publication | None
    contracts: tuple[Contract, ...]
    policy: PortPolicy


class Guard:
    """Decides and reads for every caller of one process. Safe to share between threads."""

    def __init__(self, settings: MeshSettings, control: ControlDatabase, audit: AuditLog, usage: Usage) -> None:
        self.settings = settings
        self._control = control
        self.usage = usage
        self._records = ReadRecords(audit, usage)
        self.lakes = WarmLakes(settings)
        self.copies = Copies(settings, self.lakes)
        self.documents = Documents(settings)
        self.served = ServedPorts(settings, self.lakes)
        self.hashed = HashedReads(self.copies)
        self._policies: Kept[tuple[object, ...], tuple[tuple[Contract, ...], PortPolicy]] = Kept(_POLICIES)
        self._shapes: Kept[tuple[object, ...], Shape] = Kept(_SHAPES)

    def open(
        self,
        caller: Caller,
        port: PortAddress,
        *,
        purpose: str | None = None,
        as_of: int | None = None,
        door: str = "process",
    ) -> GuardedRelation:
        """What `caller` may see of `port`, as it is served now or as publication `as_of` was.

        A refusal is in the audit log when it is raised.

        Raises
        ------
        AccessError
            when it may not, there is no such port or publication, or it can't be told now.
        """
        try:
            return self._open(caller, port, purpose, as_of, door)
        except AccessError as refusal:
            self._records.refused(caller, port, code=refusal.code, purpose=purpose, as_of=as_of, door=door)
            raise

    def describe(
        self, caller: Caller, port: PortAddress, *, purpose: str | None = None, as_of: int | None = None
    ) -> PortView:
        """The schema of `port` as `caller` would get it. Raises like `open`; no read, so the audit log has none."""
        return describe(self._open(caller, port, purpose, as_of, "describe"))

    def policy(self, port: PortAddress) -> PortPolicy:
        """The policy of a port as it is served now, or as its contract of today says when nothing is published yet.

        Says nothing of who may know that there is such a port: that is for the caller of this method to ask.

        Raises
        ------
        UnknownPortError
            when there is no such port, neither published nor in the documents.
        """
        log = self.served.log(port)
        if log is not None:
            return self._policy(port, log, log.newest).policy
        today = self.documents.contract(port)
        if today is None:
            raise _unknown(port)
        return policy_of(str(port), [today], self.documents.now()[1])

    def _open(
        self, caller: Caller, port: PortAddress, purpose: str | None, as_of: int | None, door: str
    ) -> GuardedRelation:
        now = utc_now()
        grants = self._grants(caller)
        # Asked before anything is read of the port: hidden or not there, the answer takes as long.
        if not self._may_know(caller, port, grants, now) or (log := self.served.log(port)) is None:
            raise _unknown(port)
        if log.newest.kind == "retire":
            raise RetiredPortError(self._retirement_told(caller, port, log.newest, grants, now))
        chosen = log.newest if as_of is None else log.numbered(as_of)
        found = self._policy(port, log, log.newest if chosen is None or chosen.kind == "retire" else chosen)
        decision = decide(caller, found.policy, grants, purpose, now)
        if chosen is None or chosen.kind == "retire":
            raise NotPublishedError(f"{port} has no publication {as_of}", f"Its newest is {log.newest.number}.")
        if chosen.snapshot not in log.kept:
            raise NotPublishedError(
                f"the data of {port} #{chosen.number} was expired by the retention",
                f"Read a later publication; the newest is {log.newest.number}.",
            )
        shape = self._shape(decision.profile, found, port, chosen)
        instead = shape.replaced_by if self._may_know_of(caller, shape.replaced_by, grants, now) else None
        return GuardedRelation(
            guard=self,
            decision=decision,
            policy=found.policy,
            port=port,
            publication=chosen,
            source=shape.source,
            schema=shape.schema,
            key=shape.key,
            notice=(f"{port} is deprecated" + (f"; use {instead}" if instead else "")) if shape.deprecated else None,
            sunset=shape.sunset,
            types=shape.types,
            door=door,
        )

    def _grants(self, caller: Caller) -> tuple[Grant, ...]:
        try:
            return grants_of(self._control, caller.identity)
        except ControlError:
            raise UnavailableError("grants can't be read now", "Try again; `mesh status` tells the state.") from None

    def _may_know(self, caller: Caller, port: PortAddress, grants: tuple[Grant, ...], now: datetime) -> bool:
        """Whether a port may be named to a caller; one that is gone from the documents only to whom it was granted."""
        product = self.documents.product(port)
        if product is not None:
            return visible(caller, product, grants, now)
        return any(grant.is_on(str(port)) and grant.holds(now) for grant in grants)

    def _may_know_of(self, caller: Caller, address: str | None, grants: tuple[Grant, ...], now: datetime) -> bool:
        """The same of what a document names."""
        try:
            return address is not None and self._may_know(caller, PortAddress.parse(address), grants, now)
        except InvalidNameError:
            return False

    def _retirement_told(
        self, caller: Caller, port: PortAddress, newest: Publication, grants: tuple[Grant, ...], now: datetime
    ) -> str:
        retirement = retirement_in(newest)
        if retirement is None:
            return f"{port} was retired"
        if not self._may_know_of(caller, retirement.replaced_by, grants, now):
            retirement = replace(retirement, replaced_by=None)
        return retirement.told(str(port))

    def _policy(self, port: PortAddress, log: PortLog, publication: Publication) -> PortPolicyNow:
        _, council, version = self.documents.now()
        key = (port, version, tuple(e.contract_sha256 for e in log.entries), publication.contract_sha256)
        known = self._policies.get(key)
        if known is None or known[1].key_id != self._key_id(known[1]):
            today = self.documents.contract(port)
            published = self.served.contracts(port, log, publication, today)
            policy = policy_of(str(port), published, council, today)
            policy = replace(policy, key_id=self._key_id(policy))
            known = (*published, *([today] if today else [])), policy
            self._policies.put(key, known)
        return PortPolicyNow(publication, *known)

    def _key_id(self, policy: PortPolicy) -> str:
        """Which key hashes what is masked so; empty when nothing is."""
        hashes = any(mask.strategy == "hash" for masks in policy.masks.values() for mask in masks)
        return key_id(mask_key(self.settings)) if hashes else ""

    def _shape(self, profile: Profile, found: PortPolicyNow, port: PortAddress, publication: Publication) -> Shape:
        visible_columns = (tuple(profile.columns), profile.filters, profile.digest)
        key = (port, publication.number, publication.run_id, *visible_columns, self.documents.version)
        shape = self._shapes.get(key)
        if shape is None:
            try:
                con = self.lakes.cursor(port.domain)
                try:
                    shape = shape_of(con, self.settings, port, publication, found.contracts, profile)
                finally:
                    con.close()
            except duckdb.Error:
                raise _unreadable(port) from None
            self._shapes.put(key, shape)
        return shape

    def read(self, relation: GuardedRelation, query: ReadQuery, batch_rows: int) -> Reading:
        """See `GuardedRelation.read`."""
        stream, entry = self._stream(relation, query, batch_rows, None)
        return Reading(stream, stream.reader.schema, entry)

    def read_text(self, relation: GuardedRelation, query: ReadQuery, form: TextForm, batch_rows: int) -> TextReading:
        """See `GuardedRelation.read_text`."""
        stream, entry = self._stream(relation, query, batch_rows, form)
        return TextReading(stream, _selected(relation, query), entry, form)

    def _stream(
        self, relation: GuardedRelation, query: ReadQuery, batch_rows: int, form: TextForm | None
    ) -> tuple[Stream, int]:
        """Decide how to read, audit, then begin. A refused query is refused before it is audited as a read."""

        def written(rows: str) -> tuple[str, list]:
            return relation.sql_over(rows, query) if form is None else relation.text_sql_over(rows, query, form)

        looked = self._looked_at(relation)
        text, parameters = written(f"({relation.source})")
        entry = self._records.begun(relation, query, form or "arrow")
        held = ExitStack()
        try:
            con = self.hashed.cursor(relation, query)
            if con is not None:
                text, parameters = written(COPIED_ROWS)
            else:
                held.enter_context(pin(self.settings, relation.port.domain, relation.publication.snapshot))
                con = self.lakes.cursor(relation.port.domain)
            held.callback(con.close)
            reader = con.execute(text, parameters).to_arrow_reader(batch_rows)
        except BaseException as error:  # also Ctrl-C: the read is on record and must be ended there
            held.close()
            self._records.ended(relation, query, entry, Served(0, 0, "failed", 0.0))
            if isinstance(error, duckdb.Error | OSError):
                raise self._why_unreadable(relation) from None
            raise
        stream = Stream(
            con=con,
            reader=reader,
            held=held,
            told=lambda served: self._records.ended(relation, query, entry, served),
            dropped=lambda served: self._records.dropped(relation, query, entry, served),
            damaged=lambda: _unreadable(relation.port),
            ended=lambda: None if self.still_stands(relation) else ended_meanwhile(relation.port),
            looked=looked,
        )
        return stream, entry

    def _looked_at(self, relation: GuardedRelation) -> float:
        """When it was last seen that a relation may be read: now, if that was long ago.

        Raises
        ------
        DeniedError
            when it may not be any more; the audit log has it.
        """
        now = time.monotonic()
        if now - relation.decided <= LOOK_AGAIN_SECONDS:
            return relation.decided
        if self.still_stands(relation):
            return now
        error = ended_meanwhile(relation.port)
        decision = relation.decision
        facts = {"code": error.code, "purpose": decision.purpose, "door": relation.door}
        self._records.refused(decision.caller, relation.port, as_of=relation.publication.number, **facts)
        raise error

    def still_stands(self, relation: GuardedRelation) -> bool:
        """Whether what was decided when a relation was opened still holds; see `relations.standing`."""

        def policy_now() -> PortPolicy:
            log = self.served.log(relation.port)
            if log is None:
                raise _unknown(relation.port)
            return self._policy(relation.port, log, relation.publication).policy

        return still_stands(self._control, relation.decision, policy_now)

    def _why_unreadable(self, relation: GuardedRelation) -> AccessError:
        """A relation that was opened before its snapshot was expired, or a lake that can't be read."""
        with suppress(UnavailableError):
            log = self.served.log(relation.port)
            if log is not None and relation.publication.snapshot not in log.kept:
                number = relation.publication.number
                return NotPublishedError(
                    f"the data of {relation.port} #{number} was expired by the retention meanwhile"
                )
        return _unreadable(relation.port)

    def close(self) -> None:
        self._records.settle()
        self.hashed.close()
        self.lakes.close()


def _selected(relation: GuardedRelation, query: ReadQuery) -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415  (40 ms, and only here)

    return pa.schema([relation.schema.field(name) for name in relation.columns_of(query)])


def _unknown(port: PortAddress) -> UnknownPortError:
    return UnknownPortError(f"there is no port {str(port)[:_MAX_TOLD]}", PORTS_ARE_LISTED)


def _unreadable(port: PortAddress) -> UnavailableError:
    return UnavailableError(f"{port} can't be read now", "Try again; `mesh fsck` tells damage.")
