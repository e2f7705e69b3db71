"""What DuckDB says in a worker, for the reader: what is wrong and where, without values, paths or names not its own."""

from __future__ import annotations

import re

import duckdb

from platform_resources.access.consumer_sql.sandbox.inside.wire import ROW_BYTES
from platform_resources.access.errors import AccessError, BadQueryError, LimitExceededError
from platform_resources.quality.errors import explain

_LIMITS = {"OutOfMemoryException", "MemoryError", "ArrowMemoryError", "InterruptException"}
_POSITION = re.compile(r"^LINE (\d+): (.*)\n( *)\^", re.MULTILINE)
_NUMBER = re.compile(r"(?<![\w$])-?\d[\d.,eE+-]*")
_PRIVATE = re.compile(r"(\b_copy\d+(\.\w+)*|/[\w./-]{2,})")
_NAMED = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)


def refusal(kind: str, message: str) -> AccessError:
    """The error to raise for one of a worker; `kind` is the name of DuckDB's class."""
    if kind in _LIMITS:
        return LimitExceededError("the query needs more memory than it may use", "Read less, or in parts.")
    if kind == "RowTooLargeError":
        return LimitExceededError(f"a row of the answer has more than {ROW_BYTES >> 20} MB", "Shorten its values.")
    found = getattr(duckdb, kind, None)
    if not (isinstance(found, type) and issubclass(found, duckdb.Error)) or issubclass(found, duckdb.FatalException):
        return BadQueryError("the query can't be run", "Write it in another way.")
    told = explain(found(message))
    if not issubclass(found, _NAMED):
        told = _NUMBER.sub("…", told)
    told = _PRIVATE.sub("…", told)
    position = _POSITION.search(message)
    facts = {}
    if position is not None:
        facts = {"line": int(position[1]), "column": _column(position)}
        told += f" (line {facts['line']}, column {facts['column']})"
    return BadQueryError(told, **facts)  # not the candidates: of the columns a worker has only those that are named


def _column(position: re.Match[str]) -> int:
    """The column of the caret, counted from 1 in the excerpt that DuckDB shows."""
    return max(1, len(position[3]) - len(f"LINE {position[1]}: ") + 1)
