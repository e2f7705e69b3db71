"""How far back the rows of a port go, measured once for each publication: one scan of a few columns.

It is the platform's measure of what it serves, like its row count; whom it may be told is for the caller of this.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from math import isfinite

import duckdb

from platform_resources.catalog.fitness import Dated
from platform_resources.contracts import Contract
from platform_resources.lake import PortAddress, quote_identifier

_DATED = re.compile(r"(DATE|TIMESTAMP(_S|_MS|_NS|TZ)?|TIMESTAMP WITH TIME ZONE)", re.IGNORECASE)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def date_columns(contract: Contract, served: Collection[str]) -> list[Dated]:
    """The served columns with days or moments."""
    promise = contract.sla_property("freshness")
    fresh = () if promise is None else promise.columns
    return [
        Dated(column.name, column.primary_key_position is not None, column.name in fresh)
        for column in contract.table.columns
        if column.name in served and _DATED.fullmatch((column.physical_type or "").strip())
    ]


def read_reach(con: duckdb.DuckDBPyConnection, port: PortAddress, columns: Sequence[str]) -> dict[str, datetime]:
    """Column -> its oldest value in what is served (UTC); without those that hold none.

    Raises
    ------
    duckdb.Error
        when the port can't be read.
    """
    oldest = ", ".join(f"epoch(min({quote_identifier(name)}))" for name in columns)
    row = con.execute(f"SELECT {oldest} FROM {port.sql}").fetchone() or ()
    found = {}
    for name, seconds in zip(columns, row, strict=True):
        if seconds is not None and isfinite(seconds):  # a date may be infinite
            found[name] = _moment(seconds)
    return found


def _moment(seconds: float) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:  # before the year 1 or after 9999
        return datetime.min.replace(tzinfo=UTC) if seconds < 0 else datetime.max.replace(tzinfo=UTC)
