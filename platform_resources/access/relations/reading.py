"""The answer to one query, handed out while it is computed; at its end it is counted and audited, whatever the end.

Who reads holds a connection and a pin (its snapshot is not expired). Both are freed at the end of the data, by `close`,
by an error, and when the reading is dropped without any of these.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Self

import duckdb

from platform_resources.access.errors import DeniedError, UnavailableError
from platform_resources.access.relations.rendering import TextForm, head, separator, tail, text_bytes
from platform_resources.access.relations.standing import LOOK_AGAIN_SECONDS

if TYPE_CHECKING:
    import pyarrow as pa

Outcome = Literal["complete", "closed", "failed", "revoked", "abandoned"]


@dataclass(frozen=True)
class Served:
    """What a reading has handed out. `bytes`: of Arrow buffers, or of text; `seconds` from the decision to the end."""

    rows: int
    bytes: int
    outcome: Outcome
    seconds: float


@dataclass
class Stream:
    """An open query: the connection, its batches, and what is held for them. `told` gets what was served, once."""

    con: duckdb.DuckDBPyConnection
    reader: pa.RecordBatchReader
    held: ExitStack
    told: Callable[[Served], None]
    dropped: Callable[[Served], None]  # the same, for a reading that the collector found: it may not wait for a lock
    damaged: Callable[[], UnavailableError]
    ended: Callable[[], DeniedError | None] = lambda: None  # why it may not be read any more
    rows: int = 0
    bytes: int = 0
    began: float = field(default_factory=time.monotonic)
    looked: float = field(default_factory=time.monotonic)
    is_open: bool = True
    given_up: Outcome | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_batch(self) -> pa.RecordBatch | None:
        """The next batch; None at the end, or after `finish`.

        Raises
        ------
        DeniedError
            when the right to read has ended meanwhile; a batch that was computed before is not handed out.
        """
        import pyarrow as pa  # noqa: PLC0415  (40 ms, and only here)

        with self.lock:
            if not self.is_open:
                return None
            try:
                batch = self.reader.read_next_batch()
            except StopIteration:
                return None
            except (duckdb.Error, pa.ArrowException, OSError):
                batch = None  # the error's text may hold values
        if batch is None:
            self.finish(self.given_up or "failed")
            if self.given_up is not None:
                return None
            raise self.damaged() from None
        if time.monotonic() - self.looked > LOOK_AGAIN_SECONDS:
            refusal = self.ended()
            if refusal is not None:
                self.finish("revoked")
                raise refusal
            self.looked = time.monotonic()
        return batch

    def finish(self, outcome: Outcome) -> None:
        """Free what is held and tell what was served; the first call counts. A batch that is computed is given up."""
        if not self.lock.acquire(blocking=False):
            self.given_up = outcome  # told by who is first here: this, or the read that it interrupts
            self.con.interrupt()
            self.lock.acquire()
        try:
            was_open, self.is_open = self.is_open, False
            if was_open:
                self._free()
        finally:
            self.lock.release()
        if was_open:
            self.told(self.served(outcome))

    def drop(self) -> None:
        if self.is_open:
            self.is_open = False
            self._free()
            self.dropped(self.served("abandoned"))

    def served(self, outcome: Outcome) -> Served:
        return Served(self.rows, self.bytes, outcome, time.monotonic() - self.began)

    def _free(self) -> None:
        with self.held:
            self.reader.close()
            self.con.close()


class _Answer:
    """What both kinds of answers share. Use it as a context manager, or read it to its end."""

    def __init__(self, stream: Stream, schema: pa.Schema, entry: int) -> None:
        self.schema = schema
        self.entry = entry  # of the audit log
        self._stream = stream
        weakref.finalize(self, stream.drop).atexit = False

    @property
    def rows(self) -> int:
        return self._stream.rows

    @property
    def bytes(self) -> int:
        return self._stream.bytes

    def close(self) -> None:
        """End the reading, from any thread; what was not read yet is never computed."""
        self._stream.finish("closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Reading(_Answer):
    """Record batches. `schema` is that of the columns asked for."""

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while (batch := self._stream.next_batch()) is not None:
            self._stream.rows += batch.num_rows
            self._stream.bytes += batch.nbytes
            yield batch
        self._stream.finish("complete")

    def table(self) -> pa.Table:
        import pyarrow as pa  # noqa: PLC0415  (40 ms, and only here)

        return pa.Table.from_batches(list(self), schema=self.schema)


class TextReading(_Answer):
    """Text in pieces of bytes, about one per batch. `schema` is that of the columns that the text shows."""

    def __init__(self, stream: Stream, schema: pa.Schema, entry: int, form: TextForm) -> None:
        super().__init__(stream, schema, entry)
        self.form = form

    def __iter__(self) -> Iterator[bytes]:
        piece = head(self.form, self.schema.names)
        skipped = len(separator(self.form))
        while (batch := self._stream.next_batch()) is not None:
            text = text_bytes(batch)
            piece += text[skipped:] if skipped and batch.num_rows else text
            skipped = 0 if batch.num_rows else skipped
            self._stream.rows += batch.num_rows
            self._stream.bytes += len(piece)
            if piece:
                yield piece
            piece = b""
        if not self._stream.is_open:
            return  # closed half-way: an end would make it look whole
        piece += tail(self.form)
        self._stream.bytes += len(piece)
        if piece:
            yield piece
        self._stream.finish("complete")
