"""A guarded relation: what one reader may see of one publication, and the SQL that reads it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from platform_resources.access.errors import BadQueryError
from platform_resources.access.model import Decision, PortPolicy, ReadQuery
from platform_resources.access.relations.conditions import where
from platform_resources.access.relations.reading import Reading, TextReading
from platform_resources.access.relations.rendering import TEXT_FORMS, ColumnType, TextForm, rows_as_text
from platform_resources.lake import PortAddress, Publication, quote_identifier

if TYPE_CHECKING:
    import pyarrow as pa

    from platform_resources.access.guard import Guard

BATCH_ROWS = 8192
_MAX_NUMBER = 2**63 - 1  # of a limit or an offset
_MAX_TOLD = 63  # characters of a name that a query made up, told back to it


@dataclass(frozen=True)
class GuardedRelation:
    """One publication of a port as one reader sees it. Made by `Guard.open` only; nothing else reads data.

    `schema` is that of the answer with all visible columns. `etag` names the publication and the profile.
    """

    guard: Guard = field(repr=False)
    decision: Decision
    policy: PortPolicy = field(repr=False)
    port: PortAddress
    publication: Publication
    source: str = field(repr=False)  # SQL of the guarded rows; it may hold the key of hashes: never told
    schema: pa.Schema
    key: tuple[str, ...] = ()  # primary key, where the reader sees it unmasked: makes an order total
    notice: str | None = None  # that the port is deprecated, and what to read instead
    sunset: str | None = None  # ISO date after which it is not served
    types: Mapping[str, ColumnType] = field(default_factory=dict)  # of the columns of `schema`, in DuckDB
    door: str = "process"  # where the reader came in: "http", "sql", "client", ...
    decided: float = field(default_factory=time.monotonic, compare=False, repr=False)  # when, in seconds

    @property
    def etag(self) -> str:
        return f"{self.publication.number}-{self.decision.profile.digest}"

    def read(self, query: ReadQuery = ReadQuery(), batch_rows: int = BATCH_ROWS) -> Reading:  # noqa: B008  (frozen)
        """Run a query of the reader; the audit log has it before the first row is handed out.

        A relation may be held for long: that its reader may still see the same is looked at again.

        Raises
        ------
        DeniedError
            when it may not: credential, identity, grant or ownership ended, or the policy is another; while batches are
            read too.
        BadQueryError
            when the query names what the reader doesn't see, or a value is none of its column's type.
        UnavailableError
            when data or audit log can't be used now; while batches are read too.
        """
        return self.guard.read(self, query, batch_rows)

    def read_text(
        self,
        query: ReadQuery = ReadQuery(),  # noqa: B008  (frozen)
        form: TextForm = "ndjson",
        batch_rows: int = BATCH_ROWS,
    ) -> TextReading:
        """The same as text, in pieces of bytes: NDJSON, a JSON array of objects, or CSV with a line of names.

        How values are written: `access.rendering`.
        """
        return self.guard.read_text(self, query, form, batch_rows)

    def columns_of(self, query: ReadQuery) -> tuple[str, ...]:
        """The columns of the answer; refused when the query names one that the reader doesn't see, or one twice."""
        visible = self.schema.names
        ordered = [name for name, _ in query.order]
        for name in (*(query.columns or ()), *(c.column for c in query.conditions), *ordered):
            if name not in self.types:
                told = str(name)[:_MAX_TOLD]
                raise BadQueryError(f"{self.port} has no column {told!r} for you", "Columns: " + ", ".join(visible))
        columns = tuple(visible) if query.columns is None else tuple(query.columns)
        if not columns:
            raise BadQueryError("the read names no column", "Columns: " + ", ".join(visible))
        for names, what in ((columns, "column"), (ordered, "order")):
            if len(set(names)) < len(names):
                raise BadQueryError(f"the read names a {what} twice")
        return columns

    def page(self, query: ReadQuery) -> ReadQuery:
        """The query with a total order: pages of it neither repeat nor lose a row.

        Rows are told apart by the primary key where the reader sees it in clear, else by all columns as it sees them
        (rows that look the same in all of them are interchangeable); never by what is hidden.
        """
        ordered = {name for name, _ in query.order}
        rest = tuple((name, False) for name in (self.key or tuple(self.schema.names)) if name not in ordered)
        return replace(query, order=(*query.order, *rest))

    def sql(self, query: ReadQuery) -> tuple[str, list[Any]]:
        """The query as SQL over the guarded rows, values as parameters: all that it compares or sorts is masked.

        With a limit or an offset the order is total: the same question about a publication has the same answer.
        """
        return self.sql_over(f"({self.source})", query)

    def sql_over(self, rows: str, query: ReadQuery) -> tuple[str, list[Any]]:
        """The same over other SQL that holds the guarded rows: those of their copy."""
        columns = self.columns_of(query)
        conditions, parameters = where(query.conditions, {name: told.comparable for name, told in self.types.items()})
        if query.limit is not None or query.offset:
            query = self.page(query)
        text = f"SELECT {', '.join(map(quote_identifier, columns))} FROM {rows}"
        if conditions:
            text += f" WHERE {' AND '.join(conditions)}"
        if query.order:
            text += " ORDER BY " + ", ".join(f"{quote_identifier(n)}{' DESC' if d else ''}" for n, d in query.order)
        if query.limit is not None:
            text += f" LIMIT {_number(query.limit, 'limit')}"
        if query.offset:
            text += f" OFFSET {_number(query.offset, 'offset')}"
        return text, parameters

    def text_sql_over(self, rows: str, query: ReadQuery, form: TextForm) -> tuple[str, list[Any]]:
        """The query as SQL of one column of text."""
        if form not in TEXT_FORMS:
            raise BadQueryError(f"{str(form)[:_MAX_TOLD]!r} is no form of text", "Forms: " + ", ".join(TEXT_FORMS))
        text, parameters = self.sql_over(rows, query)
        return rows_as_text(text, self.columns_of(query), self.types, form), parameters


def _number(value: int, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_NUMBER:
        raise BadQueryError(f"{what} is no number from 0 to {_MAX_NUMBER}")
    return value
