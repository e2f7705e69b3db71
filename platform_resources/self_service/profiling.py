"""What a table holds, found out in two scans: types, gaps, keys, ranges, values and known kinds of text.

Counts are exact where they decide anything (gaps, keys, values of a code list); `approx_count_distinct` only chooses
what is worth an exact look.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import combinations
from typing import Any

import duckdb

from platform_resources.lake import quote_identifier, quote_literal

_SAMPLE = 5_000  # rows that are looked at by Python to choose what is then counted in all rows
_FEW = 12  # values that may be a code list
_LONGEST_KEY = 3
_KEY_TESTS = 40  # column sets that are counted exactly at most
_CHUNK = 100  # columns of one scan: a query of thousands of aggregates takes longer to plan than to run

_KIND_PATTERNS = {
    "e-mail": r"^[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+$",
    "UUID": r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
    "URL": r"^https?://[^\s]+$",
    "IBAN": r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$",
    "IP address": r"^([0-9]{1,3}\.){3}[0-9]{1,3}$",
    "phone": r"^\+?[0-9(][0-9 ()/.-]{5,20}[0-9]$",
    "country code": r"^[A-Z]{2}$",
    "currency code": r"^[A-Z]{3}$",
}
# Kinds that any short text could be: only with a name that says so.
_NAMED_KINDS = {
    "phone": r"phone|tel|mobile|handy|fax|cell",
    "country code": r"country|land|nation|region",
    "currency code": r"currency|waehrung|iso_?4217",
    "IBAN": r"iban|konto|account",
    "IP address": r"(^|_)ip($|_)|address|host",
}
KEY_NAME = re.compile(r"(^|_)(id|key|uuid|guid|no|nr|num|number|nummer|code|sku|ean)$|^(id|nr)_")
_PART_NAME = re.compile(r"(^|_)(date|day|month|week|year|line|position|pos|hour|datum|tag|store|product|customer)(_|$)")


@dataclass(frozen=True)
class ColumnProfile:
    """One column. Values are as DuckDB hands them out; None where nothing is known."""

    name: str
    type: str
    rows: int
    filled: int
    distinct: int
    exact: bool = False  # whether `distinct` is
    minimum: Any = None
    maximum: Any = None
    shortest: int | None = None  # characters
    longest: int | None = None
    values: tuple[tuple[Any, int], ...] = ()  # with their counts, most frequent first; only of a few
    kind: str | None = None  # e-mail, phone, UUID ... when every value is one
    written: str | None = None  # name in the file, where it is another one
    matched: frozenset[str] = frozenset()  # of the patterns asked for, those that every value has
    notes: tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        return self.type == "VARCHAR"

    @property
    def is_number(self) -> bool:
        return self.type.startswith(("DECIMAL", "DOUBLE", "FLOAT")) or self.is_whole

    @property
    def is_whole(self) -> bool:
        return self.type in _WHOLE

    @property
    def is_unique(self) -> bool:
        return self.exact and self.filled == self.rows == self.distinct and self.rows > 0

    def matches(self, pattern: str | None) -> bool:
        """Whether every value has a pattern that was asked for (see `profile`)."""
        return pattern is None or not self.filled or pattern in self.matched

    @property
    def pattern(self) -> str | None:
        """Regular expression of the column's kind."""
        return _KIND_PATTERNS.get(self.kind or "")


_WHOLE = frozenset(
    f"{sign}{size}" for sign in ("", "U") for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
)


@dataclass(frozen=True)
class Profile:
    """A table: its columns in their order, the smallest key found (by how likely its names are), whole-row repeats."""

    rows: int
    columns: tuple[ColumnProfile, ...]
    key: tuple[str, ...] = ()
    duplicates: int = 0  # rows that repeat another one whole

    def column(self, name: str) -> ColumnProfile:
        return next(column for column in self.columns if column.name == name)


def profile(con: duckdb.DuckDBPyConnection, table: str, patterns: Mapping[str, str] | None = None) -> Profile:
    """Profile of the table (or view) with the SQL name `table`; it is only read.

    `patterns`: column -> a regular expression that is tried on all its values, besides the known kinds.
    """
    described = [(row[0], row[1]) for row in con.execute(f"DESCRIBE FROM {table}").fetchall()]
    rows = con.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    columns = [column for chunk in _chunks(described) for column in _first_scan(con, table, chunk, rows)]
    if rows:
        columns = _second_scan(con, table, columns, patterns or {})
        columns = [_with_values(con, table, column) for column in columns]
    key = _key(con, table, columns, rows)
    duplicates = 0
    if rows and not key:
        repeated = con.execute(f"SELECT count(*) - count(DISTINCT hash(t)) FROM {table} t").fetchone()[0]
        duplicates = int(repeated)
    return Profile(rows, tuple(columns), key, duplicates)


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def _is_comparable(type_: str) -> bool:
    return type_ in _WHOLE or type_.startswith(("DECIMAL", "DOUBLE", "FLOAT", "DATE", "TIME"))


def _first_scan(
    con: duckdb.DuckDBPyConnection, table: str, described: Sequence[tuple[str, str]], rows: int
) -> Iterator[ColumnProfile]:
    """Gaps, distinct values (about), limits: one pass over these columns."""
    asked = []
    for name, type_ in described:
        sql = quote_identifier(name)
        asked += [f"count({sql})", f"approx_count_distinct({sql})"]
        asked += [f"min({sql})", f"max({sql})"] if _is_comparable(type_) else ["NULL", "NULL"]
        asked += [f"min(length({sql}))", f"max(length({sql}))"] if type_ == "VARCHAR" else ["NULL", "NULL"]
    answer = con.execute(f"SELECT {', '.join(asked)} FROM {table}").fetchone()
    for index, (name, type_) in enumerate(described):
        filled, distinct, low, high, shortest, longest = answer[6 * index : 6 * index + 6]
        yield ColumnProfile(name, type_, rows, filled, min(distinct, filled), False, low, high, shortest, longest)


def _second_scan(
    con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[ColumnProfile], patterns: Mapping[str, str]
) -> list[ColumnProfile]:
    """Exact distinct counts of what may be a key, and kinds of text that a sample suggests: one more pass."""
    texts = [column.name for column in columns if column.is_text and column.filled]
    samples = _samples(con, table, texts)
    asked: list[tuple[str, str, str]] = []  # column, what, SQL
    for column in columns:
        sql = quote_identifier(column.name)
        if _may_be_key(column):
            asked.append((column.name, "distinct", f"count(DISTINCT {sql})"))
        for kind in _kinds_of(column.name, samples.get(column.name, ())):
            matching = f"count(*) FILTER (regexp_matches({sql}, {quote_literal(_KIND_PATTERNS[kind])}))"
            asked.append((column.name, kind, matching))
        if column.is_text and column.name in patterns:
            matching = f"count(*) FILTER (regexp_matches({sql}, {quote_literal(patterns[column.name])}))"
            asked.append((column.name, "pattern", matching))
    found = {column.name: column for column in columns}
    for chunk in _chunks(asked):
        answer = con.execute(f"SELECT {', '.join(sql for *_, sql in chunk)} FROM {table}").fetchone()
        for (name, what, _), value in zip(chunk, answer, strict=True):
            column = found[name]
            if what == "distinct":
                found[name] = replace(column, distinct=value, exact=True)
            elif what == "pattern" and value == column.filled:
                found[name] = replace(column, matched=column.matched | {patterns[name]})
            elif what != "pattern" and value == column.filled and column.kind is None:
                found[name] = replace(column, kind=what)
    return list(found.values())


def _may_be_key(column: ColumnProfile) -> bool:
    """All filled and about as many values as rows; the estimate is off by 5 % and more."""
    if column.filled != column.rows or column.distinct < 0.8 * column.rows:
        return False
    return column.is_whole or column.type in ("UUID", "DATE") or (column.is_text and (column.longest or 0) <= 200)


def _samples(con: duckdb.DuckDBPyConnection, table: str, names: Sequence[str]) -> dict[str, set[str]]:
    """Some values of each text column; fewer rows of wide tables."""
    if not names:
        return {}
    size = max(200, min(_SAMPLE, 100_000 // len(names)))
    listed = ", ".join(quote_identifier(name) for name in names)
    rows = con.execute(f"SELECT {listed} FROM {table} USING SAMPLE reservoir({size} ROWS) REPEATABLE (42)").fetchall()
    return {name: {row[index] for row in rows} - {None} for index, name in enumerate(names)}


def _kinds_of(name: str, values: set[str] | tuple[()]) -> Iterator[str]:
    for kind, pattern in _KIND_PATTERNS.items():
        named = _NAMED_KINDS.get(kind)
        if values and (named is None or re.search(named, name)) and all(re.match(pattern, value) for value in values):
            yield kind


def _with_values(con: duckdb.DuckDBPyConnection, table: str, column: ColumnProfile) -> ColumnProfile:
    """The column with its values, where it has so few that they may be a code list."""
    few = column.distinct <= 2 * _FEW and column.filled > 0
    if not few or not (column.is_text or column.type == "BOOLEAN" or column.is_whole):
        return column
    sql = quote_identifier(column.name)
    found = con.execute(
        f"SELECT {sql}, count(*) FROM {table} WHERE {sql} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_FEW + 1}"
    ).fetchall()
    if len(found) > _FEW:
        return column
    return replace(column, values=tuple(found), distinct=len(found), exact=True)


def _key(con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[ColumnProfile], rows: int) -> tuple[str, ...]:
    """The likeliest key of up to three columns: one that is named like a key, several such, then anything unique.

    That a text or an e-mail address is unique may be chance, so it comes last.
    """
    if not rows:
        return ()
    singles = [column for column in columns if column.is_unique]
    named = [column.name for column in singles if KEY_NAME.search(column.name)]
    if named:
        return (named[0],)
    several = _composite_key(con, table, columns, rows)
    if several:
        return several
    plain = sorted(singles, key=lambda column: (column.is_text, column.kind is None))
    return (plain[0].name,) if plain else ()


def _composite_key(
    con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[ColumnProfile], rows: int
) -> tuple[str, ...]:
    """The first set of two or three columns that tells all rows apart, of those that are named like parts of a key."""
    parts = [column for column in columns if column.filled == rows and column.distinct > 1 and _part_rank(column) < 3]
    parts.sort(key=lambda column: (_part_rank(column), -column.distinct))
    order = {column.name: index for index, column in enumerate(columns)}
    tests = 0
    for size in range(2, _LONGEST_KEY + 1):
        for chosen in combinations(parts[:8], size):
            possible = 1
            for column in chosen:
                possible *= column.distinct
            if possible < 0.9 * rows or _part_rank(chosen[0]) > 0:
                continue
            tests += 1
            if tests > _KEY_TESTS:
                return ()
            if _tells_apart(con, table, [column.name for column in chosen], rows):
                return tuple(sorted((column.name for column in chosen), key=order.__getitem__))
    return ()


def _part_rank(column: ColumnProfile) -> int:
    """How likely a column is a part of a key, by its name and type: 0 most, 3 not at all."""
    if column.type.startswith(("DECIMAL", "DOUBLE", "FLOAT", "BOOLEAN")):
        return 3
    if KEY_NAME.search(column.name):
        return 0
    if _PART_NAME.search(column.name) or column.type in ("DATE", "UUID"):
        return 1
    return 2 if column.type.startswith("TIMESTAMP") else 3


def _tells_apart(con: duckdb.DuckDBPyConnection, table: str, names: Sequence[str], rows: int) -> bool:
    listed = ", ".join(map(quote_identifier, names))
    head = con.execute(
        f"SELECT count(*) - count(DISTINCT ({listed})) FROM (SELECT {listed} FROM {table} LIMIT {2 * _SAMPLE})"
    ).fetchone()[0]
    if head:
        return False
    return rows == con.execute(f"SELECT count(*) FROM (SELECT {listed} FROM {table} GROUP BY ALL)").fetchone()[0]


def plain_number(value: Any) -> int | float | None:
    """A limit as a contract can hold it; None for what is no number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value if isinstance(value, int | float) else None
