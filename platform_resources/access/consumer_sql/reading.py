"""The answer to a consumer's query, and how many of them are computed at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from platform_resources.access.consumer_sql.sandbox import Answer, SqlLimits
from platform_resources.access.errors import AccessError, TooManyRequestsError
from platform_resources.access.relations.reading import Outcome, Served
from platform_resources.access.relations.relation import GuardedRelation

if TYPE_CHECKING:
    import pyarrow as pa


class SqlReading:
    """Record batches that come while they are computed. Read it to its end or close it: then it is counted, once.

    `relations` (address -> relation) tells the publication, masks and notices of each port; `columns` what the query
    uses of each; `entries` its numbers in the audit log. `truncated` is known at the end.
    """

    def __init__(
        self,
        answer: Answer,
        relations: Mapping[str, GuardedRelation],
        columns: Mapping[str, tuple[str, ...]],
        entries: Mapping[str, int],
        told: Callable[[Served], None],
    ) -> None:
        self.schema: pa.Schema = answer.schema
        self.relations = relations
        self.columns = columns
        self.entries = entries
        self.rows = 0
        self.bytes = 0
        self._answer = answer
        self._told = told
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

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        outcome: Outcome = "closed"
        try:
            for batch in self._answer:
                self.rows += batch.num_rows
                self.bytes += batch.nbytes
                yield batch
            outcome = "complete"
        except AccessError:
            outcome = "failed"
            raise
        finally:
            self._finish(outcome)

    def table(self) -> pa.Table:
        import pyarrow as pa  # noqa: PLC0415  (40 ms, and only here)

        return pa.Table.from_batches(list(self), schema=self.schema)

    def close(self) -> None:
        self._finish("closed")

    def _finish(self, outcome: Outcome) -> None:
        self._answer.close()
        if self._open:
            self._open = False
            self._told(Served(self.rows, self.bytes, outcome, time.monotonic() - self._began))

    def __enter__(self) -> SqlReading:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


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
