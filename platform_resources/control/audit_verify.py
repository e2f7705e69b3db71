"""Reading the audit log whole, looking for signs of tampering."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import String, select, type_coerce

from platform_resources.control.audit_anchor import Anchor, AnchorDamagedError
from platform_resources.control.audit_chain import GAP, GAP_ACCEPTED, Fact, Head, digest_of
from platform_resources.control.database import ControlDatabase
from platform_resources.control.tables import audit

Sign = Literal["altered", "removed", "cut", "anchor"]

_CHUNK = 2_000  # entries; each is a short read of its own, so that SQLite's log of writes does not pile up
_TOLD = 100  # findings; the others are counted

# `at` as it is stored: a moment that was made unreadable is tampering to be told, no failure.
stored = (
    audit.c.sequence,
    type_coerce(audit.c.at, String).label("at"),
    audit.c.kind,
    audit.c.actor,
    audit.c.port,
    audit.c.record,
    audit.c.previous,
    audit.c.digest,
)


@dataclass(frozen=True)
class AuditFinding:
    """A sign of tampering: an entry altered or forged, entries removed, the tail cut, a bad anchor."""

    sign: Sign
    sequence: int  # the first entry that it concerns
    message: str


@dataclass(frozen=True)
class AuditReport:
    """What `verify` read. `findings` holds the first 100 of `found`."""

    entries: int
    head: Head
    findings: tuple[AuditFinding, ...] = ()
    found: int = 0
    accepted: tuple[int, ...] = ()  # gaps that were explained

    @property
    def sound(self) -> bool:
        return self.found == 0


@dataclass
class _Reader:
    """What is known after the entries that were read so far."""

    key: bytes
    anchored: Head | None
    head: Head = field(default_factory=Head)
    genuine: bool = True  # the entry at the head
    entries: int = 0
    found: int = 0
    findings: list[AuditFinding] = field(default_factory=list)
    gaps: dict[int, AuditFinding] = field(default_factory=dict)
    accepted: list[int] = field(default_factory=list)
    reached: bool = False  # the entry that is anchored

    def tell(self, sign: Sign, sequence: int, message: str) -> None:
        self.found += 1
        if len(self.findings) < _TOLD:
            self.findings.append(AuditFinding(sign, sequence, message))

    def read(self, row: Sequence[Any]) -> None:
        sequence, _, kind, _, _, record, previous, digest = row
        genuine = holds(self.key, row)
        expected = self.head.sequence + 1
        if not genuine:
            self.tell("altered", sequence, f"entry {sequence} was changed, or was not written by the mesh")
        elif kind == GAP:
            told = json.loads(record)
            expected = told["through"] + 1
            self.gaps[sequence] = _finding_of_gap(sequence, told)
        elif kind == GAP_ACCEPTED:
            self.accepted.append(json.loads(record)["gap"])
        if sequence != expected:
            self.tell("removed", expected, f"{_entries(expected, sequence - 1)} removed")
        elif genuine and self.genuine and previous != self.head.digest:
            self.tell("removed", sequence, f"entry {sequence} follows another entry than the one before it")
        self.head = Head(sequence, digest)
        self.genuine = genuine
        self.entries += 1
        self.reached = self.reached or self.head == self.anchored

    def report(self) -> AuditReport:
        for sequence, gap in self.gaps.items():
            if sequence not in self.accepted:
                self.tell(gap.sign, gap.sequence, gap.message)
        known = self.anchored
        if known is not None and known.sequence > self.head.sequence:
            lost = _entries(self.head.sequence + 1, known.sequence)
            self.tell("cut", self.head.sequence + 1, f"{lost} cut off at the end of the log")
        elif known is not None and known.sequence and not self.reached:
            self.tell("anchor", known.sequence, f"entry {known.sequence} is not the one that was anchored")
        accepted = tuple(sequence for sequence in self.gaps if sequence in self.accepted)
        return AuditReport(self.entries, self.head, tuple(self.findings), self.found, accepted)


def verify_log(control: ControlDatabase, key: bytes, anchor: Anchor) -> AuditReport:
    """Read the whole log. The anchor is read first: the log only grows, so it must reach at least that far."""
    reader = _Reader(key, None)
    try:
        reader.anchored = anchor.read()
        if reader.anchored is None:
            reader.tell("anchor", 0, "the anchor beside the key is gone: that no tail was cut can't be told")
    except AnchorDamagedError:
        reader.tell("anchor", 0, "the anchor beside the key was changed: that no tail was cut can't be told")
    for row in _rows(control):
        reader.read(row)
    return reader.report()


def _rows(control: ControlDatabase) -> Iterator[Sequence[Any]]:
    last = None
    while True:
        query = select(*stored).order_by(audit.c.sequence).limit(_CHUNK)
        with control.reading() as connection:
            chunk = connection.execute(query if last is None else query.where(audit.c.sequence > last)).all()
        yield from chunk
        if len(chunk) < _CHUNK:
            return
        last = chunk[-1][0]


def holds(key: bytes, row: Sequence[Any]) -> bool:
    """Whether the digest of a stored entry is that of its columns."""
    sequence, at, kind, actor, port, record, previous, digest = row
    try:
        expected = digest_of(key, sequence, moment_of(at), Fact(kind, actor, port, record), previous)
        return hmac.compare_digest(expected, digest)
    except (TypeError, ValueError):  # columns of other types than the mesh writes
        return False


def moment_of(at: Any) -> datetime:
    """A stored moment: SQLite's text without a zone, or PostgreSQL's moment."""
    moment = at if isinstance(at, datetime) else datetime.fromisoformat(at)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _finding_of_gap(sequence: int, told: dict[str, Any]) -> AuditFinding:
    if "anchor" in told:
        return AuditFinding("anchor", sequence, f"before entry {sequence} the anchor was {told['anchor']}")
    lost = _entries(told["after"] + 1, told["through"])
    return AuditFinding("cut", told["after"] + 1, f"{lost} cut off before entry {sequence} was written")


def _entries(first: int, last: int) -> str:
    return f"entry {first} was" if last <= first else f"entries {first} to {last} were"
