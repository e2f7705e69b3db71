"""The audit log: append-only, each entry chained to the one before by a keyed digest.

What `verify` finds, of what somebody does who can write the database but not read `$MESH_HOME/keys`: a changed,
inserted, moved or removed entry, a chain made anew, and a tail that was cut off. A cut is put on record by the next
append, too, as an entry of kind "gap", so that going on after it hides nothing.

What is not found: the removal of entries whose `append` never returned, because its process was killed between the
commit and the anchor. Nothing was done on them yet. After a power failure SQLite may have lost the last commits: that
is a gap as well. And nothing can be told of what somebody does who has the key.

Nothing is ever deleted. A read takes two entries, 1.2 KB with indexes: a million reads are 1.2 GB.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, func, select

from platform_resources.control.audit_anchor import Anchor, AnchorDamagedError
from platform_resources.control.audit_chain import GAP, GAP_ACCEPTED, Fact, Head, digest_of
from platform_resources.control.audit_verify import AuditReport, holds, moment_of, stored, verify_log
from platform_resources.control.database import ControlDatabase, ControlError, after_commit
from platform_resources.control.tables import audit
from platform_resources.lake import utc_now
from platform_resources.lake.keys import key_file, secret_key


@dataclass(frozen=True)
class AuditEntry:
    sequence: int
    at: datetime
    kind: str  # "read", "served", "refused", "token-created", "request-approved", ...
    actor: str
    port: str | None
    record: dict[str, Any]
    digest: str


@dataclass
class _Waiting:
    """A fact that waits for its transaction, and what became of it."""

    fact: Fact
    done: bool = False
    sequence: int = 0
    error: ControlError | None = None


class AuditLog:
    """Append and read entries. Safe to share between threads; any number of processes may append at once."""

    def __init__(self, control: ControlDatabase) -> None:
        self._control = control
        self._leading = threading.Lock()  # held by the thread that writes what all have queued
        self._queueing = threading.Lock()
        self._queue: list[_Waiting] = []
        self._key_was_checked = False

    def append(self, kind: str, actor: str, port: str | None = None, **record: Any) -> int:
        """Write one entry, for good, before what it tells happens; returns its sequence number.

        `record` holds facts, never values of data: which columns were compared, not with what. Threads that append at
        once share one transaction.

        Raises
        ------
        ControlError
            when it can't be written; then what it tells must not happen.
        """
        mine = _Waiting(Fact.of(kind, actor, port, record))
        with self._queueing:
            self._queue.append(mine)
        with self._leading:
            if not mine.done:
                with self._queueing:
                    batch, self._queue = self._queue, []
                self._write_batch(batch)
        if mine.error is not None:
            raise ControlError(str(mine.error)) from mine.error
        return mine.sequence

    def append_in(self, connection: Connection, kind: str, actor: str, port: str | None = None, **record: Any) -> int:
        """The same inside a `writing` transaction: the act and its entry are stored together or not at all."""
        return self._write(connection, [Fact.of(kind, actor, port, record)])

    def entries(
        self,
        *,
        actor: str | None = None,
        port: str | None = None,
        kind: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> tuple[AuditEntry, ...]:
        """Entries that fit all that is given, newest first; `before` a sequence number continues an earlier answer."""
        conditions = [
            column == wanted
            for column, wanted in ((audit.c.actor, actor), (audit.c.port, port), (audit.c.kind, kind))
            if wanted is not None
        ]
        conditions += [] if since is None else [audit.c.at >= since]
        conditions += [] if until is None else [audit.c.at < until]
        conditions += [] if before is None else [audit.c.sequence < before]
        newest = select(*stored).where(*conditions).order_by(audit.c.sequence.desc()).limit(limit)
        with self._control.reading() as connection:
            return tuple(_entry(*row) for row in connection.execute(newest))

    def verify(self) -> AuditReport:
        """Read the whole log and tell every sign of tampering. Memory stays flat; appends go on meanwhile.

        Raises
        ------
        ControlError
            when the log was begun with a key that is not in this home.
        """
        return verify_log(self._control, self._key, self._anchor)

    def accept_gap(self, sequence: int, actor: str, reason: str) -> int:
        """Put on record that a gap is explained, as by a restored backup: `verify` then counts it as accepted.

        Raises
        ------
        ControlError
            when that entry is no gap.
        """
        if not any(entry.sequence == sequence for entry in self.entries(kind=GAP, before=sequence + 1, limit=1)):
            raise ControlError(f"entry {sequence} of the audit log is no gap; `mesh audit verify` tells them")
        return self.append(GAP_ACCEPTED, actor, gap=sequence, reason=reason)

    def count(self) -> int:
        with self._control.reading() as connection:
            return connection.execute(select(func.count()).select_from(audit)).scalar_one()

    @cached_property
    def _key(self) -> bytes:
        settings = self._control.settings
        file = key_file(settings, "audit")
        if not file.exists() and self.count() and not file.exists():  # another process may make both meanwhile
            raise self._wrong_key()
        return bytes.fromhex(secret_key(settings, "audit"))

    @cached_property
    def _anchor(self) -> Anchor:
        """Of an empty log it is made before the first entry: after that, a missing one tells something."""
        anchor = Anchor(self._control.settings.home / "keys" / "audit.anchor", self._key)
        if not self.count():
            anchor.rise(Head())
        return anchor

    def _wrong_key(self) -> ControlError:
        folder = self._control.settings.home / "keys"
        return ControlError(
            f"the audit log in {self._control.name} was begun with a key that is not in {folder}; copy that folder "
            "from the home where it was begun"
        )

    def _write_batch(self, batch: list[_Waiting]) -> None:
        failed: ControlError | None = ControlError("the audit log could not be written")
        try:
            with self._control.writing() as connection:
                last = self._write(connection, [waiting.fact for waiting in batch])
            for sequence, waiting in enumerate(batch, last - len(batch) + 1):
                waiting.sequence = sequence
            failed = None
        except ControlError as error:
            failed = error
        finally:
            for waiting in batch:
                waiting.error, waiting.done = failed, True

    def _write(self, connection: Connection, facts: list[Fact]) -> int:
        """Chain facts to the log; returns the number of the last one."""
        anchor = self._anchor
        newest = select(audit.c.sequence, audit.c.digest).order_by(audit.c.sequence.desc()).limit(1)
        last = connection.execute(newest).one_or_none()
        head = Head(*last) if last else Head()
        self._check_key(connection, head)
        now = utc_now()
        gap = _gap_after(head, anchor)
        if gap is not None:
            facts = [gap[1], *facts]
        sequence = head.sequence if gap is None else gap[0]
        digest = head.digest
        rows = []
        for fact in facts:
            sequence += 1
            row = {"sequence": sequence, "at": now, "previous": digest}
            digest = digest_of(self._key, sequence, now, fact, digest)
            row |= {"kind": fact.kind, "actor": fact.actor, "port": fact.port, "record": fact.record, "digest": digest}
            rows.append(row)
        connection.execute(audit.insert(), rows)
        after_commit(connection, lambda: self._raise_anchor(Head(sequence, digest)))
        return sequence

    def _raise_anchor(self, head: Head) -> None:
        try:
            self._anchor.rise(head)
        except OSError as error:
            raise ControlError(f"the anchor of the audit log can't be written: {error.strerror}") from error

    def _check_key(self, connection: Connection, head: Head) -> None:
        """Once: a home with another key would write entries that nobody can verify."""
        if self._key_was_checked:
            return
        ends = connection.execute(select(*stored).where(audit.c.sequence.in_([1, head.sequence]))).all()
        if ends and not any(holds(self._key, row) for row in ends):
            raise self._wrong_key()
        self._key_was_checked = True


def _gap_after(head: Head, anchor: Anchor) -> tuple[int, Fact] | None:
    """The last number that was lost, and the entry that says so; None when the log reaches its anchor."""
    try:
        known = anchor.read()
    except AnchorDamagedError:
        return head.sequence, Fact.of(GAP, "audit-log", None, {"through": head.sequence, "anchor": "damaged"})
    if known is None:
        return head.sequence, Fact.of(GAP, "audit-log", None, {"through": head.sequence, "anchor": "missing"})
    if known.sequence <= head.sequence:
        return None
    lost = {"after": head.sequence, "through": known.sequence, "digest": known.digest}
    return known.sequence, Fact.of(GAP, "audit-log", None, lost)


def _entry(
    sequence: int, at: object, kind: str, actor: str, port: str | None, record: str, _previous: str, digest: str
) -> AuditEntry:
    try:
        return AuditEntry(sequence, moment_of(at), kind, actor, port, json.loads(record), digest)
    except (TypeError, ValueError):
        raise ControlError(f"entry {sequence} of the audit log can't be read; run: mesh audit verify") from None
