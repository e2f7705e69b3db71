"""One query in a worker, and its answer as it comes."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from platform_resources.access.consumer_sql.sandbox.inside import wire
from platform_resources.access.consumer_sql.sandbox.limits import SqlLimits
from platform_resources.access.consumer_sql.sandbox.wording import refusal
from platform_resources.access.consumer_sql.sandbox.workers import Worker, Workers
from platform_resources.access.errors import BadQueryError, LimitExceededError
from platform_resources.access.relations.rendering import ColumnType, TextForm, distinct, rows_as_text
from platform_resources.lake import quote_identifier

if TYPE_CHECKING:
    import pyarrow as pa

_LARGEST_BATCH = wire.ROW_BYTES + (4 << 20)  # bytes of a frame; a worker that was taken over may send anything
_LARGEST_TEXT = 4 << 20  # the names and types of columns; pieces of text are smaller
_DEEPEST = 10  # levels of a nested type that is written as text: DuckDB binds each level of a list twice


@dataclass(frozen=True)
class SandboxJob:
    """What a worker does: `setup` in its open state, then it locks itself in and runs `sql`.

    `copies` are open descriptors of DuckDB files; setup statements find them at `copy_path(0)`, `copy_path(1)`, ...
    """

    setup: Sequence[str]
    sql: str
    copies: Sequence[int]
    limits: SqlLimits = field(default_factory=SqlLimits)


def copy_path(number: int) -> str:
    """Where a worker finds its copy: a descriptor that it was handed. No path of the platform is told to it."""
    return f"/dev/fd/{wire.FIRST_COPY + number}"


class Sandbox:
    """Runs jobs, each in a process of its own. Safe between threads."""

    def __init__(self, spare: int = 1) -> None:
        self._workers = Workers(spare)

    def prepare(self) -> None:
        """Start the processes that the first query needs, without waiting for them."""
        self._workers.prepare()

    def run(self, job: SandboxJob) -> Answer:
        """Start a job; returns when its first bytes are here.

        Raises
        ------
        BadQueryError
            when DuckDB refuses the query or fails at it.
        LimitExceededError
            when it needs too much time or memory, or brings its process down.
        UnavailableError
            when no process can be started.
        """
        return self._start(lambda worker: Answer(worker, job))

    def run_text(self, job: SandboxJob, form: TextForm) -> TextAnswer:
        """The same as text: the worker writes it, under its limits. Raises what `run` does."""
        return self._start(lambda worker: TextAnswer(worker, job, form))

    def _start(self, answer: Callable[[Worker], _AnyAnswer]) -> _AnyAnswer:
        worker = self._workers.take()
        try:
            return answer(worker)
        except BaseException:  # also Ctrl-C: a worker lives no longer than its query
            worker.end()
            raise

    def close(self) -> None:
        self._workers.close()


class _Running:
    """A query in its worker. Read it to its end or close it: that ends the process."""

    def __init__(self, worker: Worker, job: SandboxJob, text: bool, largest: int) -> None:
        self._worker = worker
        self._limits = job.limits
        self._largest = largest
        self._deadline = time.monotonic() + job.limits.seconds
        self.truncated = False
        self.confinement = worker.confinement
        limits = job.limits
        told = {"setup": list(job.setup), "sql": job.sql, "text": text, "seconds": limits.seconds}
        told |= {"memory": limits.memory, "rows": limits.rows, "bytes": limits.bytes}
        worker.channel.settimeout(limits.seconds)
        try:
            socket.send_fds(worker.channel, [b"C"], list(job.copies))
        except OSError:
            raise _stopped() from None
        self._send(wire.JOB, json.dumps(told).encode())

    def close(self) -> None:
        self._worker.end()

    def _send(self, kind: bytes, body: bytes) -> None:
        try:
            wire.send(self._worker.channel, kind, body)
        except OSError:
            raise _stopped() from None

    def _next(self, wanted: bytes) -> bytearray | None:
        """The body of the next frame, which is a `wanted` one; None at the end of the answer."""
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise self._too_long()
        self._worker.channel.settimeout(remaining)
        try:
            frame = wire.receive(self._worker.channel, self._largest)
        except TimeoutError:
            raise self._too_long() from None
        except (OSError, ValueError):
            frame = None
        if frame is None:
            raise _stopped()
        kind, body = frame
        if kind == wanted:
            return body
        told = json.loads(body)
        if kind == wire.DONE:
            self.truncated = bool(told["truncated"])
            return None
        raise refusal(str(told["kind"]), str(told["message"]))

    def _too_long(self) -> LimitExceededError:
        return LimitExceededError(
            f"the query took longer than {self._limits.seconds:g} s", "Read less: fewer rows, joins or columns."
        )


class Answer(_Running):
    """Record batches."""

    def __init__(self, worker: Worker, job: SandboxJob) -> None:
        super().__init__(worker, job, text=False, largest=_LARGEST_BATCH)
        self.schema = self._next_piece()[0]

    @property
    def names(self) -> list[str]:
        return self.schema.names

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            while (piece := self._next_piece()) is not None:
                yield from piece[1]
        finally:
            self.close()

    def _next_piece(self) -> tuple[pa.Schema, list[pa.RecordBatch]] | None:
        """Schema and batches of the next frame; None at the end."""
        import pyarrow as pa  # noqa: PLC0415  (the command line needs none of it for its refusals)

        body = self._next(wire.BATCH)
        if body is None:
            return None
        try:
            with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
                batches = list(reader)
                for batch in batches:
                    batch.validate(full=True)  # a worker that was taken over must not reach us by forged offsets
                return reader.schema, batches
        except pa.ArrowException:
            raise BadQueryError(
                "the answer holds a value that can't be handed over, as a number of more than 38 digits",
                "Cast it: CAST(... AS DOUBLE).",
            ) from None


class TextAnswer(_Running):
    """Pieces of text, each with the number of rows that end in it. `names`: of the columns, each once."""

    def __init__(self, worker: Worker, job: SandboxJob, form: TextForm) -> None:
        super().__init__(worker, job, text=True, largest=_LARGEST_TEXT)
        self.form = form
        body = self._next(wire.TYPES)
        if body is None:
            raise _stopped()
        columns = json.loads(body)
        self.names = distinct(str(name) for name, _ in columns)
        types = {name: _type(told) for name, (_, told) in zip(self.names, columns, strict=True)}
        columns_told = ", ".join(f"c{number} AS {quote_identifier(name)}" for number, name in enumerate(self.names))
        rows = f"SELECT {columns_told} FROM {wire.ROWS}"
        self._send(wire.RENDER, rows_as_text(rows, self.names, types, form).encode())

    def __iter__(self) -> Iterator[tuple[int, memoryview]]:
        try:
            while (body := self._next(wire.TEXT)) is not None:
                yield wire.text_of(body)
        finally:
            self.close()


_AnyAnswer = TypeVar("_AnyAnswer", Answer, TextAnswer)


def _type(told: Any, depth: int = 0) -> ColumnType:
    if depth > _DEEPEST:
        raise BadQueryError(
            f"a column's type has more than {_DEEPEST} levels, too many for text", "Ask for Arrow, or for its parts."
        )
    kind, children = told
    return ColumnType(str(kind), "", tuple((str(name), _type(child, depth + 1)) for name, child in children))


def _stopped() -> LimitExceededError:
    return LimitExceededError("the query needed more than it may use and was ended", "Read less, or in parts.")
