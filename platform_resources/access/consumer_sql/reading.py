"""The answer to a consumer's query, and how many of them are computed at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from platform_resources.access.consumer_sql.sandbox import Answer, SqlLimits, TextAnswer
from platform_resources.access.errors import AccessError, DeniedError, TooManyRequestsError
from platform_resources.access.relations.reading import Outcome, Served
from platform_resources.access.relations.relation import GuardedRelation
from platform_resources.access.relations.rendering import head, separator, tail
from platform_resources.access.relations.standing import LOOK_AGAIN_SECONDS

if TYPE_CHECKING:
    import pyarrow as pa


_Sent = TypeVar("_Sent", Answer, TextAnswer)


class _Reading(Generic[_Sent]):
    """What comes while it is computed. Read it to its end or close it: then it is counted, once.

    `relations` (address -> relation) tells the publication, masks and notices of each port; `columns` what the query
    uses of each; `entries` its numbers in the audit log. `truncated` is known at the end.
    """

    def __init__(
        self,
        answer: _Sent,
        relations: Mapping[str, GuardedRelation],
        columns: Mapping[str, tuple[str, ...]],
        entries: Mapping[str, int],
        told: Callable[[Served], None],
        ended: Callable[[], DeniedError | None],
    ) -> None:
        self.names = list(answer.names)
        self.relations = relations
        self.columns = columns
        self.entries = entries
        self.rows = 0
        self.bytes = 0
        self._answer = answer
        self._told = told
        self._ended = ended  # why one of the ports may not be read any more
        self._looked = min(relation.decided for relation in relations.values())
        self._began = time.monotonic()
        self._open = True

    @property
    def truncated(self) -> bool:
        return self._answer.truncated

    @property
    def masked(self) -> dict[str, tuple[str, ...]]:
        """Port -> columns that the query uses and this reader gets masked; ports without any are left out."""
        found = {
            address: tuple(name for name in relation.decision.profile.masked if name in self.columns[address])
            for address, relation in self.relations.items()
        }
        return {address: names for address, names in found.items() if names}

    @contextmanager
    def _to_its_end(self) -> Iterator[None]:
        """Around all that is handed out."""
        outcome: Outcome = "closed"
        try:
            yield
            outcome = "complete"
        except AccessError as error:
            outcome = "revoked" if isinstance(error, DeniedError) else "failed"
            raise
        finally:
            self._finish(outcome)

    def _look_again(self) -> None:
        """Raises DeniedError when the right to read has ended: a batch that was computed before is not handed out."""
        if time.monotonic() - self._looked > LOOK_AGAIN_SECONDS:
            refusal = self._ended()
            if refusal is not None:
                raise refusal
            self._looked = time.monotonic()

    def close(self) -> None:
        self._finish("closed")

    def _finish(self, outcome: Outcome) -> None:
        self._answer.close()
        if self._open:
            self._open = False
            self._told(Served(self.rows, self.bytes, outcome, time.monotonic() - self._began))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SqlReading(_Reading[Answer]):
    """Record batches."""

    @property
    def schema(self) -> pa.Schema:
        return self._answer.schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        with self._to_its_end():
            for batch in self._answer:
                self._look_again()
                self.rows += batch.num_rows
                self.bytes += batch.nbytes
                yield batch

    def table(self) -> pa.Table:
        import pyarrow as pa  # noqa: PLC0415  (40 ms, and only here)

        return pa.Table.from_batches(list(self), schema=self.schema)


class SqlTextReading(_Reading[TextAnswer]):
    """NDJSON, a JSON array of objects or CSV, in pieces of bytes; how values are written: `relations.rendering`."""

    def __iter__(self) -> Iterator[bytes | memoryview]:
        with self._to_its_end():
            form = self._answer.form
            yield self._counted(head(form, self.names))
            skipped = len(separator(form))
            for rows, text in self._answer:
                self._look_again()
                self.rows += rows
                yield self._counted(text[skipped:])
                skipped = 0
            yield self._counted(tail(form))

    def _counted(self, piece: bytes | memoryview) -> bytes | memoryview:
        self.bytes += len(piece)
        return piece


class Places:
    """How many queries run at once. A place that is never given back is free when its query must be dead."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._taken: dict[object, float] = {}
        self._changed = threading.Condition()

    def take(self, limits: SqlLimits) -> object:
        """A place, to be handed back by `free`.

        Raises
        ------
        TooManyRequestsError
            when none is free for `limits.wait` seconds.
        """
        until = time.monotonic() + limits.wait
        with self._changed:
            while not self._is_free():
                remaining = until - time.monotonic()
                if remaining <= 0:
                    raise TooManyRequestsError("too many queries are running", "Try again in a few seconds.")
                self._changed.wait(min(remaining, 1.0))
            place = object()
            self._taken[place] = time.monotonic() + limits.seconds
            return place

    def _is_free(self) -> bool:
        now = time.monotonic()
        self._taken = {place: end for place, end in self._taken.items() if end > now}
        return len(self._taken) < self._count

    def free(self, place: object) -> None:
        with self._changed:
            self._taken.pop(place, None)
            self._changed.notify()
