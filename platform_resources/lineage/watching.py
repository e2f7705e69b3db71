"""What a model in Python really reads: DuckDB logs the SQL of every query, sqlglot tells which columns that are.

DuckDB writes down the text of each statement that a connection runs, its cursors' and what the relation API makes of
its calls too. Costs 0.2 ms a query and nothing for its rows (measured in `tests/lineage/test_watching.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb
from sqlglot import exp, parse
from sqlglot.errors import SqlglotError

from platform_resources.lineage.sql import Columns, UnreadableQueryError, lineage_of

_DUCKLAKE = "__ducklake_metadata_"  # in the queries that the lake's extension asks its catalog
_READING = (
    "select",
    "with",
    "from",
    "create",
    "insert",
    "copy",
    "summarize",
    "update",
    "delete",
    "merge",
    "pivot",
    "table",
)


@dataclass
class Watch:
    """The statements of a block, once it ended; None when DuckDB could not write them down."""

    statements: list[str] | None = field(default_factory=list)

    def reads(self, tables: Columns) -> frozenset[str] | None:
        """Addresses of the columns that were read of `tables`; None when a statement can't be followed."""
        return None if self.statements is None else columns_read(self.statements, tables)


@contextmanager
def watched(con: duckdb.DuckDBPyConnection) -> Iterator[Watch]:
    """Write down what the block asks of `con`; a block that turns the log off or empties it was not watched."""
    watch = Watch()
    begin, end = (f"SELECT '{word} of watch {id(watch)}'" for word in ("begin", "end"))
    con.execute("CALL enable_logging('QueryLog')")
    con.execute(begin)
    yield watch
    con.execute(end)
    # No parameter: for the first one of a process DuckDB imports pandas (0.3 s).
    rows = con.execute(
        f"SELECT message FROM duckdb_logs WHERE type = 'QueryLog' AND NOT contains(message, '{_DUCKLAKE}')"
    ).fetchall()
    told = [message for (message,) in rows]
    whole = begin in told and end in told
    watch.statements = told[told.index(begin) + 1 : told.index(end)] if whole else None
    con.execute("CALL disable_logging()")
    con.execute("CALL truncate_duckdb_logs()")


def columns_read(statements: Iterable[str], tables: Columns) -> frozenset[str] | None:
    """Addresses of the columns that some statements read of `tables`; None when one of them can't be followed.

    What is copied into a table or view of the model's own counts as read.
    """
    found: set[str] = set()
    for statement in statements:
        if not statement.strip():  # the relation API made a view: DuckDB has no text of it
            return None
        if not statement.lstrip(" \t\n(").lower().startswith(_READING):
            continue
        try:
            for parsed in parse(statement, dialect="duckdb"):
                query = None if parsed is None else _query_in(parsed)
                reads = frozenset() if query is None else lineage_of(query, tables).reads
                if reads is None:
                    return None
                found |= {".".join([*table, column]) for table, column in reads}
        except (SqlglotError, UnreadableQueryError, RecursionError):
            return None
    return frozenset(found)


def _query_in(parsed: exp.Expression) -> exp.Expression | None:
    """The part of a statement that reads; None of one that reads nothing, as CREATE TABLE with a list of columns."""
    if isinstance(parsed, exp.Copy):
        return parsed.this
    if isinstance(parsed, exp.Create | exp.Insert):
        return parsed if isinstance(parsed.expression, exp.Query) else None
    return parsed if parsed.find(exp.Table, exp.Summarize) is not None else None
