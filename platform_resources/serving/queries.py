"""What a URL asks of a port, as a `ReadQuery`. Values get the type of the column as the reader sees it.

`columns=a,b`, `filter=<column>:<op>:<value>` (repeated: all hold), `order=-a,b`. Values never become SQL text.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from platform_resources.access import Condition, ReadQuery
from platform_resources.access.errors import BadQueryError
from platform_resources.access.model import Operator

if TYPE_CHECKING:
    import pyarrow as pa

OPERATORS: dict[str, Operator] = {
    "eq": "=",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "in": "in",
    "notin": "not in",
    "like": "like",
    "null": "is null",
    "notnull": "is not null",
}
_LISTS = ("in", "notin")
_ALONE = ("null", "notnull")

_MOST_FILTERS = 50
_MOST_VALUES = 1000  # of one `in`
_MOST_DIGITS = 38  # of a number: DuckDB's widest
_WHOLE = re.compile(r"[+-]?[0-9]{1,39}", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)


def read_query(
    schema: pa.Schema,
    columns: str | None = None,
    filters: Sequence[str] = (),
    order: str | None = None,
    limit: int | None = None,
) -> ReadQuery:
    """The query that URL parameters tell, over what the reader sees (`schema`).

    Raises
    ------
    BadQueryError
        when a part can't be read or names no column; the message repeats no value.
    """
    if len(filters) > _MOST_FILTERS:
        raise BadQueryError(f"there are {len(filters)} filters", f"At most {_MOST_FILTERS} are taken.")
    return ReadQuery(
        columns=None if columns is None else _columns(columns, schema),
        conditions=tuple(_condition(text, schema) for text in filters),
        order=() if order is None else _order(order, schema),
        limit=limit,
    )


def _columns(text: str, schema: pa.Schema) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(","))
    if "" in names:
        raise BadQueryError("columns names an empty column", "Write columns=a,b")
    if len(set(names)) < len(names):
        raise BadQueryError("columns names a column twice", "Name each once.")
    for name in names:
        _field(name, schema)
    return names


def _order(text: str, schema: pa.Schema) -> tuple[tuple[str, bool], ...]:
    parts = [part.strip() for part in text.split(",")]
    order = tuple((part.removeprefix("-"), part.startswith("-")) for part in parts)
    if len({name for name, _ in order}) < len(order):
        raise BadQueryError("order names a column twice", "Name each once.")
    for name, _ in order:
        _field(name, schema)
    return order


def _condition(text: str, schema: pa.Schema) -> Condition:
    column, colon, rest = text.partition(":")
    operator, has_value, value = rest.partition(":")
    if not colon or operator not in OPERATORS:
        raise BadQueryError(
            "a filter is no <column>:<operator>:<value>", f"Operators are {', '.join(OPERATORS)}: filter=region:eq:north"
        )
    field = _field(column, schema)
    if operator in _ALONE:
        if value:
            raise BadQueryError(f"{operator} on {field.name} takes no value", f"Write {field.name}:{operator}")
        return Condition(field.name, OPERATORS[operator])
    if not has_value:
        raise BadQueryError(f"{operator} on {field.name} has no value", f"Write {field.name}:{operator}:<value>")
    if operator == "like":
        return Condition(field.name, "like", _text(value, field, like=True))
    read = _reader(field)
    if operator in _LISTS:
        return Condition(field.name, OPERATORS[operator], tuple(read(item) for item in _items(value, field)))
    return Condition(field.name, OPERATORS[operator], read(value))


def _field(name: str, schema: pa.Schema) -> pa.Field:
    if schema.get_field_index(name) < 0:
        told = f"no column {name}" if re.fullmatch(r"\w{1,63}", name) else "no such column"
        raise BadQueryError(f"there is {told} for you", "Columns are " + ", ".join(schema.names) + ".")
    return schema.field(name)


def _items(text: str, field: pa.Field) -> list[str]:
    """The values of a list, as a line of CSV: one with a comma stands in double quotes."""
    try:
        items = next(csv.reader([text], strict=True), [""])
    except csv.Error:
        raise BadQueryError(
            f"the values for {field.name} are no list", 'Part them by commas; quote one that has one: "a,b",c'
        ) from None
    if len(items) > _MOST_VALUES:
        raise BadQueryError(f"{len(items)} values for {field.name}", f"At most {_MOST_VALUES} are taken.")
    return items


def _reader(field: pa.Field) -> Callable[[str], Any]:
    """What reads a value for a column of that type."""
    import pyarrow.types as kinds  # noqa: PLC0415  (40 ms, and only here)

    kind = field.type
    if kinds.is_boolean(kind):
        return lambda text: _read(text, field, _boolean, "true or false")
    if kinds.is_integer(kind):
        return lambda text: _read(text, field, _number, "a number, as 42")
    if kinds.is_floating(kind) or kinds.is_decimal(kind):
        return lambda text: _read(text, field, _number, "a number, as 10.50")
    if kinds.is_date(kind):
        return lambda text: _read(text, field, _day, "a date, as 2026-01-31")
    if kinds.is_timestamp(kind):
        return lambda text: _read(text, field, _moment, "a moment, as 2026-01-31T12:00:00Z")
    if kinds.is_time(kind):
        return lambda text: _read(text, field, time.fromisoformat, "a time, as 12:00:00")
    if kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_dictionary(kind):
        return lambda text: _text(text, field)
    raise BadQueryError(f"{field.name} can't be compared with", "Only null and notnull are known for its type.")


def _read(text: str, field: pa.Field, read: Callable[[str], Any], form: str) -> Any:
    try:
        return read(text)
    except (ValueError, InvalidOperation, OverflowError):
        raise BadQueryError(f"the value for {field.name} can't be read", f"{field.name} is compared with {form}.") from None


def _text(value: str, field: pa.Field, like: bool = False) -> str:
    import pyarrow.types as kinds  # noqa: PLC0415  (40 ms, and only here)

    if like and not (kinds.is_string(field.type) or kinds.is_large_string(field.type)):
        raise BadQueryError(f"{field.name} is no text", "`like` is for columns of text.")
    if "\0" in value:
        raise BadQueryError(f"the value for {field.name} can't be read", "Text holds no NUL.")
    return value


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()] if text.lower() in ("true", "false") else _refuse()


def _refuse() -> bool:
    raise ValueError


def _number(text: str) -> int | Decimal | float:
    """A number of any column of numbers: `balance:gt:10` and `count:gt:1.5` both mean something."""
    if _WHOLE.fullmatch(text):
        whole = int(text)
        if abs(whole) < 10**_MOST_DIGITS:
            return whole
        raise ValueError
    if not _NUMBER.fullmatch(text):
        raise ValueError
    number = Decimal(text)
    if "e" in text.lower() or len(number.as_tuple().digits) > _MOST_DIGITS:
        return float(text)
    return number


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
