"""Checks -> SQL: one predicate per kind says which rows are bad; counting, fused scans and samples are made from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from platform_resources.lake.names import quote_literal
from platform_resources.quality.checks import Check, NotEvaluableError
from platform_resources.quality.columns import Delivered, DeliveredColumn, literal, number_literal

_PRESENCE = ("required", "completeness", "null_values", "missing_values")
ROW_KINDS = frozenset((*_PRESENCE, "pattern", "length", "range", "enum", "invalid_values"))
UNIQUE_KINDS = frozenset(("unique", "primary_key", "duplicate_values"))

# A bitmap is only worth its memory while it is small: at most 256 MiB, and at most 256 bits for each row.
_MAX_BITS = 2**31
_MAX_BITS_PER_ROW = 256
_WIDE = ("BIGINT", "UBIGINT", "HUGEINT")  # 64 bits or more
_COMPARISONS = {"minimum": "<", "exclusiveMinimum": "<=", "maximum": ">", "exclusiveMaximum": ">="}


@dataclass(frozen=True)
class Bounds:
    """Smallest and largest value of an integer column."""

    low: int
    high: int

    @property
    def size(self) -> int:
        return self.high - self.low + 1


def bad_rows(check: Check, delivered: Delivered) -> str:
    """SQL condition that is TRUE for exactly the rows that break the check (NULL or FALSE for the others).

    A NULL breaks only rules about presence. NaN is no value within any limits or on any list.

    Raises
    ------
    NotEvaluableError
        when the table has no such column, or the rule doesn't fit its type.
    """
    column = _only(check, delivered)
    if check.kind in ("required", "completeness", "null_values"):
        return f"{column.sql} IS NULL"
    if check.kind == "missing_values":
        return _missing(check, column)
    if check.kind == "pattern":
        return mismatch(check.arguments["pattern"], column)
    if check.kind == "enum":
        return _not_listed(check.arguments["validValues"], column)
    if check.kind == "invalid_values":
        return _invalid(check, column)
    if check.kind == "length":
        return _wrong_length(check, column)
    return _out_of_range(check, column)


def aggregate(check: Check, delivered: Delivered, now: datetime) -> str:
    """The aggregate that measures a check of `ROW_KINDS` (bad rows) or freshness (microseconds since 1970)."""
    if check.kind == "freshness":
        return _latest(_only(check, delivered), now)
    condition = bad_rows(check, delivered)
    column = _only(check, delivered)
    if condition == f"{column.sql} IS NULL":
        return f"count(*) - count({column.sql})"
    return f"count_if({condition})"


def length_proof(check: Check, delivered: Delivered) -> tuple[str, int] | None:
    """(expression, limit): if the expression is at most the limit, no text is too long.

    Bytes ≥ characters, and counting bytes needs no decoding; only a failed proof needs the exact count.
    """
    if check.kind != "length" or set(check.arguments) != {"maxLength"}:
        return None
    column = _only(check, delivered)
    if column.type != "VARCHAR":
        return None
    return f"max(strlen({column.sql}))", _whole(check.arguments["maxLength"], "maxLength")


def bounds_expressions(column: DeliveredColumn) -> tuple[str, str] | None:
    """Min and max of a column whose uniqueness a bitmap can prove, as HUGEINT."""
    if column.family != "integer" or column.type == "UHUGEINT":
        return None
    return f"CAST(min({column.sql}) AS HUGEINT)", f"CAST(max({column.sql}) AS HUGEINT)"


def distinct_bitmap(table_sql: str, columns: list[DeliveredColumn], bounds: list[Bounds], rows: int) -> str | None:
    """A query for (rows with a whole key, distinct keys) of integer keys, or None when a bitmap would be too large.

    A composite key is one number in mixed radix. A bit per possible key is exact, and takes a sixth of the time of a
    GROUP BY (1.5 M rows: 10 ms against 60 ms).
    """
    size = 1
    for bound in bounds:
        size *= bound.size
    if size > min(_MAX_BITS, max(rows, 1) * _MAX_BITS_PER_ROW):
        return None
    key = ""
    for column, bound in zip(columns, bounds, strict=True):
        wide = column.sql if column.type in _WIDE else f"CAST({column.sql} AS BIGINT)"
        digit = f"CAST({wide} - ({bound.low}) AS BIGINT)"  # can't overflow: the difference has 31 bits at most
        key = f"({key} * {bound.size} + {digit})" if key else digit
    return (
        f"SELECT count(key), CAST(bit_count(bitstring_agg(key, 0, {max(size - 1, 1)})) AS BIGINT) "
        f"FROM (SELECT {key} AS key FROM {table_sql})"
    )


def distinct_exact(table_sql: str, columns: list[DeliveredColumn]) -> str:
    """A query for (rows with a whole key, distinct keys). As in SQL, a key with a NULL in it equals no other."""
    keys = ", ".join(column.sql for column in columns)
    return (
        "SELECT CAST(coalesce(sum(repeats), 0) AS BIGINT), count(*) "
        f"FROM (SELECT count(*) AS repeats FROM {table_sql} WHERE {_whole_key(columns)} GROUP BY {keys})"
    )


def orphans(table_sql: str, columns: list[DeliveredColumn], parent_sql: str, parent_columns: list[str]) -> str:
    """A query for the number of rows whose whole key finds no row in the parent.

    Keys are grouped first: a foreign key has few distinct values, and the join then sees only those (1.5 M rows with
    2,469 keys: 7 ms against 45 ms).
    """
    keys = ", ".join(f"{column.sql} AS k{i}" for i, column in enumerate(columns))
    groups = ", ".join(column.sql for column in columns)
    match = " AND ".join(f"parent.{name} = child.k{i}" for i, name in enumerate(parent_columns))
    return (
        "SELECT CAST(coalesce(sum(repeats), 0) AS BIGINT) "
        f"FROM (SELECT {keys}, count(*) AS repeats FROM {table_sql} "
        f"WHERE {_whole_key(columns)} GROUP BY {groups}) AS child "
        f"WHERE NOT EXISTS (SELECT 1 FROM (SELECT * FROM {parent_sql}) AS parent WHERE {match})"
    )


def mismatch(pattern: Any, column: DeliveredColumn) -> str:
    """Condition for texts that don't match. ODCS patterns are ECMA-262, so one without anchors matches anywhere."""
    if column.family != "text":
        raise NotEvaluableError(f"a pattern is for texts; {column.name} is {column.type}")
    text = str(pattern)
    inner = _anchored(text)
    # A whole match needs no search: 8 ms against 38 ms for 6 M values.
    if inner is not None:
        return f"NOT regexp_full_match({column.text_sql}, {quote_literal(inner)})"
    return f"NOT regexp_matches({column.text_sql}, {quote_literal(text)})"


def _anchored(pattern: str) -> str | None:
    """The inside of `^...$` when matching it as a whole means the same; None for `^a|b$` and the like."""
    if not (pattern.startswith("^") and pattern.endswith("$") and len(pattern) > 1):
        return None
    inner = pattern[1:-1]
    escaped = len(inner) - len(inner.rstrip("\\"))
    if escaped % 2 or re.search(r"\(\?[^:]", inner):  # an escaped $, or flags that may change what $ means
        return None
    plain = re.sub(r"\\.", "", inner)
    return None if re.search(r"[|^$]", re.sub(r"\[[^\]]*\]", "", plain)) else inner


def _not_listed(values: Any, column: DeliveredColumn) -> str:
    if not isinstance(values, list | tuple):
        raise NotEvaluableError("the list of valid values is no list")
    listed = [literal(value, column) for value in values if value is not None]
    target = column.text_sql if column.family == "text" else column.sql
    if not listed:
        return f"{column.sql} IS NOT NULL"
    # list_contains sees a dictionary once: 47 ms against 188 ms for NOT IN.
    return f"NOT list_contains([{', '.join(listed)}], {target})"


def _missing(check: Check, column: DeliveredColumn) -> str:
    _known(check, "missingValues")
    values = check.arguments.get("missingValues", [""] if column.family == "text" else [])
    if not isinstance(values, list | tuple):
        raise NotEvaluableError("missingValues is no list")
    listed = []
    for value in values:
        if value is not None:
            try:
                listed.append(literal(value, column))
            except NotEvaluableError:
                if column.family == "other":
                    raise  # else the type can't hold this value: "N/A" is never found in a number
    if not listed:
        return f"{column.sql} IS NULL"
    target = column.text_sql if column.family == "text" else column.sql
    return f"{column.sql} IS NULL OR list_contains([{', '.join(listed)}], {target})"


def _invalid(check: Check, column: DeliveredColumn) -> str:
    _known(check, "validValues", "pattern")
    conditions = []
    if "validValues" in check.arguments:
        conditions.append(_not_listed(check.arguments["validValues"], column))
    if "pattern" in check.arguments:
        conditions.append(mismatch(check.arguments["pattern"], column))
    if not conditions:
        raise NotEvaluableError("invalidValues needs the argument validValues or pattern")
    return " OR ".join(conditions)


def _wrong_length(check: Check, column: DeliveredColumn) -> str:
    conditions = []
    for option, limit in check.arguments.items():
        wanted = "list" if option.endswith("Items") else "text"
        if column.family != wanted:
            raise NotEvaluableError(f"{option} is for {wanted}s; {column.name} is {column.type}")
        if option == "uniqueItems":
            if limit is True:  # NULL items are not compared
                conditions.append(f"len(list_filter({column.sql}, x -> x IS NOT NULL)) > list_unique({column.sql})")
            continue
        size = f"len({column.sql})" if wanted == "list" else f"length({column.text_sql})"
        number = _whole(limit, option)
        if option == "minLength" and number == 1:
            conditions.append(f"{column.text_sql} = ''")
        else:
            conditions.append(f"{size} {'<' if option.startswith('min') else '>'} {number}")
    return " OR ".join(conditions) or "false"


def _out_of_range(check: Check, column: DeliveredColumn) -> str:
    if column.family in ("text", "list", "boolean", "other"):
        raise NotEvaluableError(f"limits are for numbers, dates and times; {column.name} is {column.type}")
    conditions = []
    for option, limit in check.arguments.items():
        if option == "multipleOf":
            conditions.append(_no_multiple(limit, column))
        else:
            conditions.append(f"{column.sql} {_COMPARISONS[option]} {literal(limit, column)}")
    if column.family == "float":  # DuckDB sorts NaN above every number
        conditions.append(f"isnan({column.sql})")
    return " OR ".join(conditions)


def _no_multiple(step: Any, column: DeliveredColumn) -> str:
    number = number_literal(step, column)
    if isinstance(step, bool) or not isinstance(step, int | float) or step <= 0:
        raise NotEvaluableError("multipleOf needs a number above 0")
    if column.family != "float":
        return f"{column.sql} % {number} <> 0"
    ratio = f"{column.sql} / {number}"  # a binary fraction is a multiple when it is within rounding of one
    return f"NOT isfinite({column.sql}) OR abs({ratio} - round({ratio})) > 1e-9 * greatest(1, abs({ratio}))"


def _latest(column: DeliveredColumn, now: datetime) -> str:
    """Microseconds since 1970 of the latest moment that is not after now: one row of 2099 must not prove freshness.

    A TIMESTAMP without zone and a DATE are UTC.
    """
    if column.family not in ("date", "timestamp", "timestamptz"):
        raise NotEvaluableError(f"freshness needs a date or timestamp; {column.name} is {column.type}")
    limit = literal(now.astimezone(UTC), column)
    return f"epoch_us(max(CASE WHEN {column.sql} <= {limit} THEN {column.sql} END))"


def _only(check: Check, delivered: Delivered) -> DeliveredColumn:
    columns = delivered.get_all(check.columns)
    if len(columns) > 1:
        raise NotEvaluableError("it must stand on one column")
    return columns[0]


def _known(check: Check, *arguments: str) -> None:
    unknown = set(check.arguments) - set(arguments)
    if unknown:
        raise NotEvaluableError(f"unknown argument {', '.join(sorted(unknown))}; known: {', '.join(arguments)}")


def _whole(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise NotEvaluableError(f"{what} needs a whole number, not {value!r}")
    return value


def _whole_key(columns: list[DeliveredColumn]) -> str:
    return " AND ".join(f"{column.sql} IS NOT NULL" for column in columns)
