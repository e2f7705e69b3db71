"""The audit log: append-only, each entry chained to the one before by its digest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from platform_resources.control.database import ControlDatabase
from platform_resources.control.tables import audit
from platform_resources.lake import utc_now


@dataclass(frozen=True)
class AuditEntry:
    sequence: int
    at: datetime
    kind: str  # "read", "served", "refused", "token-created", "request-approved", ...
    actor: str
    port: str | None
    record: dict[str, Any]
    digest: str


class AuditLog:
    def __init__(self, control: ControlDatabase) -> None:
        self._control = control

    def append(self, kind: str, actor: str, port: str | None = None, **record: Any) -> int:
        """Write one entry, for good, before what it tells happens; returns its sequence number."""
        with self._control.writing() as connection:
            return self.append_in(connection, kind, actor, port, **record)

    def append_in(self, connection: Connection, kind: str, actor: str, port: str | None = None, **record: Any) -> int:
        """The same inside a `writing` transaction: the act and its entry are stored together or not at all."""
        last = connection.execute(select(audit.c.sequence, audit.c.digest).order_by(audit.c.sequence.desc()).limit(1))
        sequence, previous = last.one_or_none() or (0, "")
        now = utc_now()
        text = json.dumps(record, sort_keys=True, default=str, ensure_ascii=False)
        body = "\n".join([previous, str(sequence + 1), now.isoformat(), kind, actor, port or "", text])
        digest = hashlib.sha256(body.encode()).hexdigest()
        connection.execute(
            audit.insert().values(
                sequence=sequence + 1,
                at=now,
                kind=kind,
                actor=actor,
                port=port,
                record=text,
                previous=previous,
                digest=digest,
            )
        )
        return sequence + 1

    def count(self) -> int:
        with self._control.reading() as connection:
            return connection.execute(select(func.count()).select_from(audit)).scalar_one()
