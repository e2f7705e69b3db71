"""How much of a port is read, by whom: reads, rows and bytes per port, column, consumer and day."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from platform_resources.control import ControlDatabase
from platform_resources.control.database import ControlError
from platform_resources.control.tables import usage
from platform_resources.lake import utc_now

PROBE_IDENTITY = "availability-probe"  # reads every port each minute: audited, but no use of the product
LOOKING_DOOR = "portal"  # a few rows on a page, to judge a product before depending on it: audited, and no use either
_FLUSH_SECONDS = 0.5
_MAX_WAITING = 100_000  # counts that wait for a database that can't be written; beyond, new ones are dropped

_Key = tuple[str, str, str, str]  # day, port, consumer, column


@dataclass(frozen=True)
class Used:
    """What one consumer read of a port on a day (UTC). `column` None: the port itself; rows and bytes are its answers'.

    Of a column `reads` and `rows` count the answers that it was part of or was compared in; `bytes` is 0: buffers are
    shared out to nobody.
    """

    day: date
    port: str
    consumer: str
    column: str | None
    reads: int
    rows: int
    bytes: int


class Usage:
    """Counts are kept in memory and written twice a second and at `close`: a read never waits for them."""

    def __init__(self, control: ControlDatabase) -> None:
        self._control = control
        self._counts: dict[_Key, list[int]] = {}
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def record(
        self, port: str, consumer: str, columns: Iterable[str], rows: int, size: int, door: str = "process"
    ) -> None:
        """Count one answer of `rows` rows and `size` bytes, with all columns that it shows or compares.

        `door`: where the reader came in. Probes and looks in the portal make nobody a consumer: they are not counted.
        """
        if consumer == PROBE_IDENTITY or door == LOOKING_DOOR:
            return
        day = utc_now().date().isoformat()
        with self._lock:
            self._add((day, port, consumer, ""), (1, rows, size))
            for column in set(columns):
                self._add((day, port, consumer, column), (1, rows, 0))
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._flush_regularly, name="usage", daemon=True)
                self._thread.start()
        self._wake.set()

    def of_port(self, port: str, days: int = 30) -> tuple[Used, ...]:
        """What was read of a port in the last `days` days, today's among them; by day, consumer, column."""
        first = (utc_now().date() - timedelta(days=days - 1)).isoformat()
        self.flush()
        query = (
            select(usage)
            .where(usage.c.port == port, usage.c.day >= first)
            .order_by(usage.c.day, usage.c.consumer, usage.c.column)
        )
        with self._control.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(
            Used(
                day=date.fromisoformat(row["day"]),
                port=row["port"],
                consumer=row["consumer"],
                column=row["column"] or None,
                reads=row["reads"],
                rows=row["rows"],
                bytes=row["bytes"],
            )
            for row in rows
        )

    def flush(self) -> None:
        """Write what was counted; when that fails it stays counted and is written with the next."""
        with self._writing:
            with self._lock:
                counts, self._counts = self._counts, {}
            if not counts:
                return
            try:
                with self._control.writing() as connection:
                    _add_up(connection, counts)
            except (ControlError, SQLAlchemyError):
                with self._lock:
                    for key, amounts in counts.items():
                        self._add(key, amounts)

    def close(self) -> None:
        with self._lock:
            self._closing.set()
            thread, self._thread = self._thread, None
        self._wake.set()
        if thread is not None:
            thread.join(timeout=5)
        self.flush()

    def _add(self, key: _Key, amounts: Iterable[int]) -> None:
        known = self._counts.get(key)
        if known is None and len(self._counts) < _MAX_WAITING:
            known = self._counts[key] = [0, 0, 0]
        if known is not None:
            for place, amount in enumerate(amounts):
                known[place] += amount

    def _flush_regularly(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._wake.clear()
            self._closing.wait(_FLUSH_SECONDS)  # what is counted meanwhile goes with it
            self.flush()


def _add_up(connection: Connection, counts: dict[_Key, list[int]]) -> None:
    """Add counts to those that any process has written."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert  # noqa: PLC0415  (0.05 s that an embedded mesh is spared)
    else:
        from sqlalchemy.dialects.sqlite import insert  # noqa: PLC0415
    new = insert(usage)
    statement = new.on_conflict_do_update(
        index_elements=[usage.c.day, usage.c.port, usage.c.consumer, usage.c.column],
        set_={name: usage.c[name] + new.excluded[name] for name in ("reads", "rows", "bytes")},
    )
    rows = [
        {"day": day, "port": port, "consumer": consumer, "column": column, "reads": reads, "rows": n, "bytes": size}
        for (day, port, consumer, column), (reads, n, size) in sorted(counts.items())  # in one order: no deadlock
    ]
    connection.execute(statement, rows)
