"""How far back the rows of a port go, measured once for each publication: two scans of a few columns.

It is the platform's measure of what it serves, like its row count; whom it may be told is for the caller of this.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from platform_resources.catalog.fitness import Dated
from platform_resources.contracts import Contract
from platform_resources.governance import Council
from platform_resources.lake import PortAddress, quote_identifier

_DATED = re.compile(r"(DATE|TIMESTAMP(_S|_MS|_NS|TZ)?|TIMESTAMP WITH TIME ZONE)", re.IGNORECASE)
_SET_ASIDE = 0.001  # share of the oldest values that make no history
_MOST = 999_999  # that the engine keeps in order
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def date_columns(contract: Contract, served: Collection[str], council: Council) -> list[Dated]:
    """The served columns with days or moments."""
    promise = contract.sla_property("retention")
    kept = () if promise is None else promise.columns
    found = []
    for column in contract.table.columns:
        if column.name in served and _DATED.fullmatch((column.physical_type or "").strip()):
            kind = council.semantic_type_of(column)
            in_key, typed = column.primary_key_position is not None, kind is not None and kind.dates_rows
            found.append(Dated(column.name, in_key, column.name in kept, typed))
    return found


def read_reach(con: duckdb.DuckDBPyConnection, port: PortAddress, columns: Sequence[str]) -> dict[str, datetime]:
    """Column -> how far back it goes in what is served (UTC); without those that hold too few dates to tell.

    It goes back to the value that is left when the oldest 0.1 % are set aside, and one at least: 1900-01-01, as systems
    write it for "unknown", is no history, and a thousandth is less than any day of a history of two years has.

    Raises
    ------
    duckdb.Error
        when the port can't be read.
    """
    names = [quote_identifier(name) for name in columns]
    counted = _one_row(con, port, [f"count(*) FILTER (isfinite({name}))" for name in names])
    aside = [min(max(1, int(count * _SET_ASIDE)), _MOST) for count in counted]
    oldest = [
        f"list_last(min(epoch({name}), {number + 1}) FILTER (isfinite({name})))"
        for name, number in zip(names, aside, strict=True)
    ]
    found = {}
    for name, count, value in zip(columns, counted, _one_row(con, port, oldest), strict=True):
        if count > 1:
            found[name] = _moment(value)
    return found


def _one_row(con: duckdb.DuckDBPyConnection, port: PortAddress, said: Sequence[str]) -> tuple[Any, ...]:
    return con.execute(f"SELECT {', '.join(said)} FROM {port.sql}").fetchone() or ()


def _moment(seconds: float) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:  # before the year 1 or after 9999
        return datetime.min.replace(tzinfo=UTC) if seconds < 0 else datetime.max.replace(tzinfo=UTC)
