"""Delivered columns, and values of a contract as literals of their types."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

import duckdb

from platform_resources.contracts.model import Table
from platform_resources.lake.names import quote_identifier, quote_literal
from platform_resources.quality.checks import NotEvaluableError, items_in
from platform_resources.quality.numbers import grid_of

Family = Literal[
    "text", "integer", "decimal", "float", "boolean", "date", "timestamp", "timestamptz", "time", "list", "other"
]
NUMBERS: tuple[Family, ...] = ("integer", "decimal", "float")

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_FAMILIES: dict[str, Family] = {
    "VARCHAR": "text",
    "UUID": "text",
    **{name: "integer" for base in _INTEGERS for name in (base, f"U{base}")},
    "FLOAT": "float",
    "DOUBLE": "float",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    **{f"TIMESTAMP{precision}": "timestamp" for precision in ("", "_S", "_MS", "_NS")},
}
_LARGEST = {"FLOAT": (2 - 2**-23) * 2**127, "DOUBLE": sys.float_info.max}
_LOGICAL: dict[str, tuple[Family, ...]] = {
    "string": ("text",),
    "integer": ("integer",),
    "number": NUMBERS,
    "boolean": ("boolean",),
    "date": ("date",),
    "timestamp": ("timestamp", "timestamptz"),
    "time": ("time",),
    "array": ("list",),
}


@dataclass(frozen=True)
class DeliveredColumn:
    """A column as the table has it, or what one holds; `type` is DuckDB's own spelling.

    Of a member of an object `expression` is the SQL that takes it out, `holder` the object's: where that is NULL,
    nothing is asked of the member. Of the items of a list `expression` is the column that they are spread into.
    """

    name: str
    type: str
    expression: str | None = None
    holder: str | None = None

    @property
    def family(self) -> Family:
        if self.type.endswith("]"):
            return "list"
        if self.type.startswith("DECIMAL"):
            return "decimal"
        if self.type.startswith("ENUM"):
            return "text"
        return _FAMILIES.get(self.type, "other")

    @property
    def sql(self) -> str:
        return self.expression or quote_identifier(self.name)

    def member(self, name: str) -> DeliveredColumn | None:
        """A member of an object; None when it has no such member."""
        if not self.type.startswith("STRUCT(") or self.family == "list":
            return None
        for field, type_ in duckdb.sqltype(self.type).children:
            if field.lower() == name.lower():
                taken = f"struct_extract({self.sql}, {quote_literal(field)})"
                return DeliveredColumn(f"{self.name}.{name}", str(type_), taken, self.sql)
        return None

    @property
    def items(self) -> tuple[str, str] | None:
        """(list, type of its items), as SQL; of a map its entries. None when it holds no items."""
        if self.family == "list":
            return self.sql, str(duckdb.sqltype(self.type).children[0][1])
        if self.type.startswith("MAP("):
            (_, key), (_, value) = duckdb.sqltype(self.type).children
            return f"map_entries({self.sql})", f'STRUCT("key" {key}, "value" {value})'
        return None

    @property
    def text_sql(self) -> str:
        """The column as text: UUID and ENUM are texts to a contract."""
        return self.sql if self.type == "VARCHAR" else f"CAST({self.sql} AS VARCHAR)"


class Delivered:
    """The columns of a table by name; like DuckDB, it doesn't tell upper from lower case."""

    def __init__(self, columns: Iterable[DeliveredColumn]) -> None:
        self.columns = tuple(columns)
        self._by_name = {column.name.lower(): column for column in self.columns}

    @property
    def schema(self) -> tuple[tuple[str, str], ...]:
        return tuple((column.name, column.type) for column in self.columns)

    def find(self, name: str) -> DeliveredColumn | None:
        """A column, or what one holds, by its path: `address.city`, and `lines[].price` where `lines[]` is a column."""
        path, dot, member = name.rpartition(".")
        if dot and (holder := self.find(path)) is not None and (found := holder.member(member)) is not None:
            return found
        return self._by_name.get(name.lower())

    def get(self, name: str) -> DeliveredColumn:
        found = self.find(name)
        if found is None:
            raise NotEvaluableError(f"the table has no column {name}")
        return found

    def get_all(self, names: Sequence[str]) -> list[DeliveredColumn]:
        if not names:
            raise NotEvaluableError("it names no column")
        return [self.get(name) for name in names]


def spread(table_sql: str, delivered: Delivered, path: str) -> tuple[str, Delivered]:
    """A table with a row for each item of a list, beside all that stands in the row: (SQL, columns).

    `path` names the column of the items: `lines[]`, or `lines[].parts[]` of lists within lists. A list that is NULL or
    empty has no item; an item that is NULL is one. Raises NotEvaluableError when there is no such list.
    """
    name = path.removesuffix("[]")
    if (outer := items_in(name)) is not None:
        table_sql, delivered = spread(table_sql, delivered, outer)
    items = delivered.get(name).items
    if items is None:
        raise NotEvaluableError(f"{name} is {delivered.get(name).type}, which holds no items")
    column = quote_identifier(path)
    return (
        f"(SELECT *, unnest({items[0]}) AS {column} FROM {table_sql})",
        Delivered([*delivered.columns, DeliveredColumn(path, items[1], column)]),
    )


def schema_faults(con: duckdb.DuckDBPyConnection, table: Table, delivered: Delivered) -> list[tuple[str, str]]:
    """(column, what is wrong) for every promised column that is missing or has another type.

    Types are compared in DuckDB's own spelling, so TEXT is VARCHAR and NUMERIC(10, 2) is DECIMAL(10,2). A column
    without a physicalType is held to its logicalType.
    """
    faults = []
    for column in table.columns:
        found = delivered.find(column.name)
        if found is None:
            faults.append((column.name, f"{column.name} is missing"))
        elif column.physical_type is not None:
            try:
                promised = str(con.type(column.physical_type))
            except duckdb.Error:
                faults.append((column.name, f"{column.name}: {column.physical_type!r} is no DuckDB type"))
                continue
            if promised != found.type:
                faults.append((column.name, f"{column.name} is {found.type}, promised {promised}"))
        elif found.family not in _LOGICAL.get(column.logical_type or "", (found.family,)):
            faults.append((column.name, f"{column.name} is {found.type}, promised logicalType {column.logical_type}"))
    return faults


def extra_columns(table: Table, delivered: Delivered) -> list[str]:
    """Delivered columns that the contract doesn't know, but for `_names`: those are the pipeline's own bookkeeping."""
    promised = {column.name.lower() for column in table.columns}
    return [c.name for c in delivered.columns if c.name.lower() not in promised and not c.name.startswith("_")]


def literal(value: Any, column: DeliveredColumn) -> str:
    """`value` of a contract as a SQL literal that compares with `column` without changing the column's type.

    Dates and timestamps without a zone are UTC, whatever the session's time zone is.

    Raises
    ------
    NotEvaluableError
        when the value can't be of the column's type.
    """
    family = column.family
    if family == "text":
        return quote_literal(_as_text(value))
    if family == "float":
        return _float_literal(number(value, column), column.type)
    if family == "boolean" and isinstance(value, bool):
        return str(value).lower()
    if family in ("date", "timestamp", "timestamptz"):
        return _time_literal(value, column)
    if family == "time" and re.fullmatch(r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?", str(value)):
        return f"CAST({quote_literal(str(value))} AS TIME)"
    raise _mismatch(value, column)


def listed_literals(values: Iterable[Any], column: DeliveredColumn) -> list[str]:
    """Those of the values that the column's type can hold, as SQL; the others can't be found in it. NULL is none.

    Raises
    ------
    NotEvaluableError
        when a value is of another kind than the column's.
    """
    grid = grid_of(column.type)
    there = [value for value in values if value is not None]
    if grid is None:
        return [literal(value, column) for value in there]
    exact = (grid.exactly(number(value, column)) for value in there)
    return [found for found in exact if found is not None]


def number(value: Any, column: DeliveredColumn) -> Fraction:
    """A number of a contract, exactly as it is written: 0.1 is one tenth. Raises NotEvaluableError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise _mismatch(value, column)
    try:
        return Fraction(Decimal(repr(value) if isinstance(value, float) else value))
    except (ArithmeticError, ValueError, OverflowError):  # no number, infinite, not a number
        raise _mismatch(value, column) from None


def _float_literal(exact: Fraction, type_: str) -> str:
    """What is beyond the largest number of the type is infinite to it."""
    if abs(exact) > _LARGEST[type_]:
        return f"CAST('{'-' if exact < 0 else ''}Infinity' AS {type_})"
    return f"CAST({Decimal(repr(float(exact)))} AS {type_})"


def _time_literal(value: Any, column: DeliveredColumn) -> str:
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day)
    else:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            raise _mismatch(value, column) from None
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # in UTC, it is before the year 1 or after 9999
        raise _mismatch(value, column) from None
    if column.family == "timestamptz":
        return f"CAST('{moment.isoformat(' ')}' AS TIMESTAMP WITH TIME ZONE)"
    return f"CAST('{moment.replace(tzinfo=None).isoformat(' ')}' AS TIMESTAMP)"


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mismatch(value: Any, column: DeliveredColumn) -> NotEvaluableError:
    return NotEvaluableError(f"{value!r} can't be compared with {column.name}, which is {column.type}")
