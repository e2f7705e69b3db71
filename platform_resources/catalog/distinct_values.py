"""Distinct values of published columns in temporary tables, counted and held against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from platform_resources.contracts import Column
from platform_resources.lake import quote_identifier
from platform_resources.quality import form_condition

_EXAMPLES = 5


@dataclass(frozen=True)
class Measure:
    """Counts of rows. `failing`: values, not NULL, that break the form; None when the type can't have that form."""

    physical_type: str
    rows: int
    nulls: int
    failing: int | None
    distinct: int | None = None


@dataclass(frozen=True)
class Overlap:
    """How many distinct values (rows) of a column are among those of another."""

    distinct: int
    matched: int
    rows: int
    matched_rows: int
    examples: tuple[str, ...]  # the most frequent values without a partner


@dataclass(frozen=True)
class Values:
    """The distinct values of a column, NULL among them, with how many rows have each: a temporary table."""

    table: str
    physical_type: str

    def measure(self, con: duckdb.DuckDBPyConnection, shaped: Column) -> Measure:
        """The form of the column, from its distinct values. `shaped` holds the options that it must keep to."""
        failing = form_condition(shaped, "value", self.physical_type)
        weight = "0" if not failing else f"coalesce(sum(repeats) FILTER (WHERE {failing}), 0)"
        rows, nulls, distinct, bad = con.execute(
            f"""
            SELECT coalesce(sum(repeats), 0), coalesce(sum(repeats) FILTER (WHERE value IS NULL), 0), count(value),
                {weight}
            FROM {self.table}
            """
        ).fetchone() or (0, 0, 0, 0)
        return Measure(self.physical_type, int(rows), int(nulls), None if failing is None else int(bad), distinct)


def collect(con: duckdb.DuckDBPyConnection, port_sql: str, column: str, physical_type: str, name: str) -> Values:
    """One scan of a column of a port."""
    table = quote_identifier(name)
    con.execute(
        f"""
        CREATE TEMPORARY TABLE {table} AS
        SELECT {quote_identifier(column)} AS value, count(*) AS repeats FROM {port_sql} GROUP BY ALL
        """
    )
    return Values(table, physical_type)


def measure(
    con: duckdb.DuckDBPyConnection, port_sql: str, shaped: Sequence[Column], types: Mapping[str, str]
) -> dict[str, Measure]:
    """Column -> its form; one scan for all columns of a port."""
    if not shaped:
        return {}
    parts = ["count(*)"]
    conditions = {column.name: form_condition(column, column.name, types[column.name]) for column in shaped}
    for column in shaped:
        failing = conditions[column.name]
        parts += [f"count({quote_identifier(column.name)})", f"count(*) FILTER (WHERE {failing})" if failing else "0"]
    row = con.execute(f"SELECT {', '.join(parts)} FROM {port_sql}").fetchone() or ()
    rows, counts = row[0], row[1:]
    return {
        column.name: Measure(
            types[column.name],
            rows,
            rows - counts[2 * index],
            None if conditions[column.name] is None else counts[2 * index + 1],
        )
        for index, column in enumerate(shaped)
    }


def overlap(con: duckdb.DuckDBPyConnection, one: Values, other: Values) -> Overlap:
    """The values of `one` held against those of `other`; of different types, both as text.

    Text is what they have in common whatever the types: 7 finds '7', but '007' doesn't find 7.
    """
    value = "value" if one.physical_type == other.physical_type else "CAST(value AS VARCHAR)"
    joined = f"""
        SELECT CAST(value AS VARCHAR) AS shown, repeats,
            {value} IN (SELECT {value} FROM {other.table} WHERE value IS NOT NULL) AS found
        FROM {one.table} WHERE value IS NOT NULL
    """
    counts = con.execute(
        f"""
        SELECT count(*), count(*) FILTER (WHERE found),
            coalesce(sum(repeats), 0), coalesce(sum(repeats) FILTER (WHERE found), 0)
        FROM ({joined})
        """
    ).fetchone() or (0, 0, 0, 0)
    distinct, matched, rows, matched_rows = map(int, counts)
    examples: tuple[str, ...] = ()
    if matched < distinct:
        worst = f"SELECT shown FROM ({joined}) WHERE NOT found ORDER BY repeats DESC, shown LIMIT {_EXAMPLES}"
        examples = tuple(row[0] for row in con.execute(worst).fetchall())
    return Overlap(distinct, matched, rows, matched_rows, examples)
