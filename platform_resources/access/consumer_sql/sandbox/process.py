"""One query in a worker, and its answer as it comes."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from platform_resources.access.consumer_sql.sandbox.inside import wire
from platform_resources.access.consumer_sql.sandbox.limits import SqlLimits
from platform_resources.access.consumer_sql.sandbox.wording import refusal
from platform_resources.access.consumer_sql.sandbox.workers import Worker, Workers
from platform_resources.access.errors import BadQueryError, LimitExceededError

if TYPE_CHECKING:
    import pyarrow as pa

_FRAME_MARGIN = 16 << 20  # a batch may be over the limit by itself: the worker ends then, but its frame is large


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
        worker = self._workers.take()
        try:
            return Answer(worker, job)
        except BaseException:
            worker.end()
            raise

    def close(self) -> None:
        self._workers.close()


class Answer:
    """Record batches of a running query. Read it to its end or close it: that ends the process."""

    def __init__(self, worker: Worker, job: SandboxJob) -> None:
        self._worker = worker
        self._limits = job.limits
        self._deadline = time.monotonic() + job.limits.seconds
        self.truncated = False
        self.confinement = worker.confinement
        self._send(job)
        self.schema = self._next_piece()[0]

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            while (piece := self._next_piece()) is not None:
                yield from piece[1]
        finally:
            self.close()

    def close(self) -> None:
        self._worker.end()

    def _send(self, job: SandboxJob) -> None:
        limits = job.limits
        told = {"setup": list(job.setup), "sql": job.sql, "seconds": limits.seconds, "memory": limits.memory}
        body = json.dumps({**told, "rows": limits.rows, "bytes": limits.bytes}).encode()
        channel = self._worker.channel
        channel.settimeout(limits.seconds)
        try:
            socket.send_fds(channel, [b"C"], list(job.copies))
            wire.send(channel, wire.JOB, body)
        except OSError:
            raise _stopped() from None

    def _next_piece(self) -> tuple[pa.Schema, list[pa.RecordBatch]] | None:
        """Schema and batches of the next frame; None at the end."""
        import pyarrow as pa  # noqa: PLC0415  (the command line needs none of it for its refusals)

        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise self._too_long()
        self._worker.channel.settimeout(remaining)
        try:
            frame = wire.receive(self._worker.channel, self._limits.memory + _FRAME_MARGIN)
        except TimeoutError:
            raise self._too_long() from None
        except (OSError, ValueError):
            frame = None
        if frame is None:
            raise _stopped()
        kind, body = frame
        if kind == wire.BATCH:
            try:
                with pa.ipc.open_stream(io.BytesIO(body)) as reader:
                    batches = list(reader)
                    for batch in batches:
                        batch.validate(full=True)  # a worker that was taken over must not reach us by forged offsets
                    return reader.schema, batches
            except pa.ArrowException:
                raise BadQueryError(
                    "the answer holds a value that can't be handed over, as a number of more than 38 digits",
                    "Cast it: CAST(... AS DOUBLE).",
                ) from None
        told = json.loads(body)
        if kind == wire.DONE:
            self.truncated = bool(told["truncated"])
            return None
        raise refusal(str(told["kind"]), str(told["message"]))

    def _too_long(self) -> LimitExceededError:
        return LimitExceededError(
            f"the query took longer than {self._limits.seconds:g} s", "Read less: fewer rows, joins or columns."
        )


def _stopped() -> LimitExceededError:
    return LimitExceededError("the query needed more than it may use and was ended", "Read less, or in parts.")
