"""What a read leaves behind: an entry before its first byte, one at its end, and counts. Names, never values."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from platform_resources.access.errors import UnavailableError
from platform_resources.access.model import Caller, ReadQuery
from platform_resources.access.relations.reading import Served
from platform_resources.access.relations.usage import Usage
from platform_resources.control.audit_log import AuditLog
from platform_resources.control.database import ControlError

if TYPE_CHECKING:
    from platform_resources.access.relations.relation import GuardedRelation

_MAX_ADDRESS = 200  # characters of a port in the audit log


class ReadRecords:
    """The audit log and the counts of one process's reads. Safe between threads."""

    def __init__(self, audit: AuditLog, usage: Usage) -> None:
        self._audit = audit
        self._usage = usage
        self._owed: deque[Callable[[], None]] = deque()

    def refused(self, caller: Caller, port: object, **facts: object) -> None:
        """A read that may not be. Raises like `begun`: a refusal that nobody can see later is none."""
        self._append("refused", caller, str(port)[:_MAX_ADDRESS], **facts)

    def begun(self, relation: GuardedRelation, query: ReadQuery, form: str) -> int:
        """The number of a read's entry, which is written for good.

        Raises
        ------
        UnavailableError
            when it can't be: then nothing may be read.
        """
        self.settle()
        return self._append("read", relation.decision.caller, str(relation.port), **_facts(relation, query, form))

    def ended(self, relation: GuardedRelation, query: ReadQuery, entry: int, served: Served) -> None:
        """Count and audit what was handed out. It is out: an entry that can't be written now is owed, no error."""
        port, identity = str(relation.port), relation.decision.caller.identity.id
        if served.rows or served.outcome != "failed":
            columns = columns_used(relation, query)
            self._usage.record(port, identity, columns, served.rows, served.bytes, relation.door)
        try:
            self._tell(port, identity, entry, served)
        except (ControlError, SQLAlchemyError):
            self._owed.append(lambda: self._tell(port, identity, entry, served))

    def dropped(self, relation: GuardedRelation, query: ReadQuery, entry: int, served: Served) -> None:
        """The same for a reading that the collector found: it may have come from inside a lock, so it waits."""
        self._owed.append(lambda: self.ended(relation, query, entry, served))

    def settle(self) -> None:
        """Write what is owed."""
        for _ in range(len(self._owed)):
            with suppress(IndexError):  # another thread was faster
                owed = self._owed.popleft()
                try:
                    owed()
                except (ControlError, SQLAlchemyError):
                    self._owed.append(owed)

    def _tell(self, port: str, identity: str, entry: int, served: Served) -> None:
        self._audit.append(
            "served",
            identity,
            port,
            entry=entry,
            rows=served.rows,
            bytes=served.bytes,
            outcome=served.outcome,
            milliseconds=round(served.seconds * 1000, 1),
        )

    def _append(self, kind: str, caller: Caller, port: str, **facts: object) -> int:
        try:
            return self._audit.append(kind, caller.identity.id, port, credential=caller.credential, **facts)
        except (ControlError, SQLAlchemyError):
            raise UnavailableError(
                "the audit log can't be written now, so nothing is read", "Try again; `mesh audit verify` tells more."
            ) from None


def columns_used(relation: GuardedRelation, query: ReadQuery) -> tuple[str, ...]:
    """Columns that a query shows, compares or sorts by."""
    shown = relation.schema.names if query.columns is None else query.columns
    return tuple(dict.fromkeys([*shown, *(c.column for c in query.conditions), *(name for name, _ in query.order)]))


def _facts(relation: GuardedRelation, query: ReadQuery, form: str) -> dict[str, object]:
    """What the audit log keeps of a read; a filter of rows as it is declared, without the reader's attributes."""
    decision, masks = relation.decision, relation.decision.profile.columns
    role = relation.policy.role(decision.role)
    declared = (*relation.policy.row_filters, *(role.row_filters if role else ()))
    return {
        "grant": decision.grant,
        "role": decision.role,
        "purpose": decision.purpose,
        "publication": relation.publication.number,
        "columns": list(relation.columns_of(query)),
        "masked": {n: [mask.strategy for mask in masks[n]] for n in columns_used(relation, query) if masks[n]},
        "filtered": bool(decision.profile.filters),
        "row_filters": [f.where for f in declared] if decision.profile.filters else [],
        "conditions": [[c.column, c.operator] for c in query.conditions],
        "order": [name for name, _ in query.order],
        "limit": query.limit,
        "offset": query.offset,
        "door": relation.door,
        "form": form,
    }
