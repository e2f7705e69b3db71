"""A guarded relation: what one reader may see of one publication, and the SQL that reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from platform_resources.access.errors import BadQueryError
from platform_resources.access.model import Decision, PortPolicy, ReadQuery
from platform_resources.lake import PortAddress, Publication, quote_identifier

if TYPE_CHECKING:
    import pyarrow as pa

    from platform_resources.access.guard import Guard

_OPERATORS = {"=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "like": "LIKE"}


@dataclass(frozen=True)
class GuardedRelation:
    """One publication of a port as one reader sees it. Made by `Guard.open` only; nothing else reads data.

    `schema` is that of the answer with all visible columns. `etag` names the publication and the profile.
    """

    guard: Guard
    decision: Decision
    policy: PortPolicy
    port: PortAddress
    publication: Publication
    source: str  # SQL of the guarded rows: SELECT <masked columns> FROM <pinned table> WHERE <row filters>
    schema: pa.Schema
    key: tuple[str, ...] = ()  # primary key, where the reader sees it unmasked: makes an order total
    notice: str | None = None  # that the port is deprecated, and what to read instead
    sunset: str | None = None  # ISO date after which it is not served

    @property
    def etag(self) -> str:
        return f"{self.publication.number}-{self.decision.profile.digest}"

    def read(self, query: ReadQuery = ReadQuery(), batch_rows: int = 8192) -> Reading:  # noqa: B008  (frozen)
        """Run a query of the reader; the audit log has it before the first row is handed out."""
        return self.guard.read(self, query, batch_rows)

    def sql(self, query: ReadQuery) -> tuple[str, list[Any]]:
        """The query as SQL over the guarded rows, values as parameters: all that it compares or sorts is masked."""
        known = set(self.schema.names)
        used = [*(query.columns or ()), *(c.column for c in query.conditions), *(name for name, _ in query.order)]
        strange = [name for name in used if name not in known]
        if strange:
            raise BadQueryError(f"{self.port} has no column {strange[0]!r} for you", "Columns: " + ", ".join(known))
        columns = query.columns or tuple(self.schema.names)
        parameters: list[Any] = []
        conditions = []
        for condition in query.conditions:
            name = quote_identifier(condition.column)
            if condition.operator in ("is null", "is not null"):
                conditions.append(f"{name} {condition.operator.upper()}")
            elif condition.operator in ("in", "not in"):
                values = list(condition.value)
                parameters += values
                conditions.append(f"{name} {condition.operator.upper()} ({', '.join('?' * len(values))})")
            else:
                parameters.append(condition.value)
                conditions.append(f"{name} {_OPERATORS[condition.operator]} ?")
        text = f"SELECT {', '.join(map(quote_identifier, columns))} FROM ({self.source})"
        if conditions:
            text += f" WHERE {' AND '.join(conditions)}"
        if query.order:
            text += " ORDER BY " + ", ".join(f"{quote_identifier(n)}{' DESC' if d else ''}" for n, d in query.order)
        if query.limit is not None:
            text += f" LIMIT {int(query.limit)}"
        if query.offset:
            text += f" OFFSET {int(query.offset)}"
        return text, parameters


class Reading:
    """The answer to one query, as record batches that are computed while they are read.

    Use it as a context manager, or read it to its end: then rows and bytes are counted into usage and audit.
    """

    def __init__(self, schema: pa.Schema, batches: Iterator[pa.RecordBatch], entry: int) -> None:
        self.schema = schema
        self.entry = entry  # of the audit log
        self.rows = 0
        self._batches = batches

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._batches:
            self.rows += batch.num_rows
            yield batch

    def table(self) -> pa.Table:
        import pyarrow as pa  # noqa: PLC0415  (40 ms, and only here)

        return pa.Table.from_batches(list(self), schema=self.schema)

    def close(self) -> None:
        close = getattr(self._batches, "close", None)
        if close is not None:
            close()

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
