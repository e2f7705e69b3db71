"""Filters of a reader: values that came as text get the type of their column before any SQL sees them. Pure."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from platform_resources.access.errors import BadQueryError
from platform_resources.access.model import Condition
from platform_resources.lake import quote_identifier

MAX_CONDITIONS = 50
MAX_VALUES = 1000  # of one `in`
MAX_TEXT = 4000  # characters of one value
MAX_WILDCARDS = 10  # of one `like`: each may double its work

_COMPARE = {"=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_IN = {"in": "IN", "not in": "NOT IN"}
_NULL = {"is null": "IS NULL", "is not null": "IS NOT NULL"}
_NESTED = frozenset({"list", "array", "struct", "map", "union", "variant"})
_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_BITS = {"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64, "hugeint": 128}
_DIGITS = 38  # of a DECIMAL
_DECIMAL = re.compile(r"decimal\(([0-9]+),\s*([0-9]+)\)")


def where(conditions: Iterable[Condition], types: dict[str, str]) -> tuple[list[str], list[Any]]:
    """Conditions as SQL over columns that the reader sees, and the parameters of it.

    `types`: column -> DuckDB's type in lower case ("bigint", "timestamp with time zone", "decimal(12,2)").

    Raises
    ------
    BadQueryError
        when a value is none of its column's type, or there are too many; it names the column, never the value.
    """
    texts: list[str] = []
    parameters: list[Any] = []
    for number, condition in enumerate(conditions, 1):
        if number > MAX_CONDITIONS:
            raise BadQueryError(f"a read has at most {MAX_CONDITIONS} filters", "Ask SQL for more.")
        text, values = _condition(condition, types[condition.column])
        texts.append(text)
        parameters += values
    return texts, parameters


def _condition(condition: Condition, kind: str) -> tuple[str, list[Any]]:
    name, operator, value = quote_identifier(condition.column), condition.operator, condition.value
    if operator in _NULL:
        return f"{name} {_NULL[operator]}", []
    if kind in _NESTED:
        raise BadQueryError(f"{condition.column} is {kind}: it can only be compared with null", "Ask SQL for more.")
    if operator == "like":
        if kind != "varchar" or not isinstance(value, str):
            raise BadQueryError(f"like needs text, and {condition.column} is {kind}", "Compare it with eq, lt or gt.")
        if value.count("%") + value.count("_") > MAX_WILDCARDS:
            raise BadQueryError(f"the pattern for {condition.column} has more than {MAX_WILDCARDS} wildcards")
        return f"{name} LIKE ?", [_typed(condition.column, kind, value)]
    compared = name if _parser(kind) else f"CAST({name} AS VARCHAR)"
    if operator in _IN:
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise BadQueryError(f"the values for {condition.column} are no list", "Write them with commas: in:a,b,c")
        values = [_typed(condition.column, kind, item) for item in value]
        if not 0 < len(values) <= MAX_VALUES:
            raise BadQueryError(f"the list for {condition.column} needs 1 to {MAX_VALUES} values")
        return f"{compared} {_IN[operator]} ({', '.join('?' * len(values))})", values
    if operator not in _COMPARE:
        known = ", ".join([*_COMPARE, *_IN, "like", *_NULL])
        raise BadQueryError(f"the filter on {condition.column} has no known operator", f"Operators: {known}")
    return f"{compared} {_COMPARE[operator]} ?", [_typed(condition.column, kind, value)]


def _typed(column: str, kind: str, value: Any) -> Any:
    if value is None:
        raise BadQueryError(f"{column} is compared with null", "Use null or notnull.")
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise BadQueryError(f"a value for {column} has more than {MAX_TEXT} characters")
    try:
        return (_parser(kind) or _text)(value)
    except (ValueError, TypeError, InvalidOperation, OverflowError):
        example = _EXAMPLES.get(kind.partition("(")[0], "text")
        raise BadQueryError(f"a value for {column} is no {kind}", f"Write it like this: {example}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        value = str(value)
    value.encode()  # half of a surrogate pair is no text
    return value


def _integer(bits: int, signed: bool) -> Callable[[Any], int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)

    def parse(value: Any) -> int:
        if isinstance(value, bool) or not (isinstance(value, int) or _INTEGER.fullmatch(str(value))):
            raise ValueError
        number = int(value)
        if not low <= number <= high:
            raise ValueError
        return number

    return parse


def _decimal(precision: int, scale: int) -> Callable[[Any], Decimal]:
    def parse(value: Any) -> Decimal:
        if isinstance(value, bool):
            raise ValueError
        number = Decimal(str(value))
        exponent = number.as_tuple().exponent
        if not isinstance(exponent, int) or not -_DIGITS <= exponent <= 0:  # NaN, infinity; 1e999999
            raise ValueError
        whole, fraction = (max(number.adjusted() + 1, 0) if number else 0), -exponent
        # DuckDB compares both as a DECIMAL of at most 38 digits that holds the fractions of both.
        if whole > precision - scale or precision - scale + max(fraction, scale) > _DIGITS:
            raise ValueError
        return number

    return parse


def _parser(kind: str) -> Callable[[Any], Any] | None:
    decimal = _DECIMAL.fullmatch(kind)
    return _decimal(int(decimal[1]), int(decimal[2])) if decimal else _PARSERS.get(kind)


def _float(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not math.isfinite(number):
        raise ValueError
    return number


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(str(value).lower()) if str(value).lower() in ("true", "false") else _no()


def _no() -> Any:
    raise ValueError


def _date(value: Any) -> date:
    if isinstance(value, datetime):
        raise ValueError
    return value if isinstance(value, date) else date.fromisoformat(value)


def _moment(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _local(value: Any) -> datetime:
    return _moment(value).replace(tzinfo=None)


def _time(value: Any) -> time:
    return value if isinstance(value, time) else time.fromisoformat(value)


def _blob(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise ValueError from None


# A type that is not here is compared by its text.
_PARSERS: dict[str, Callable[[Any], Any]] = {
    **{kind: _integer(bits, signed=True) for kind, bits in _BITS.items()},
    **{f"u{kind}": _integer(bits, signed=False) for kind, bits in _BITS.items()},
    "varchar": _text,
    "float": _float,
    "double": _float,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _local,
    "timestamp_s": _local,
    "timestamp_ms": _local,
    "timestamp_ns": _local,
    "timestamp with time zone": _moment,
    "time": _time,
    "blob": _blob,
}
_EXAMPLES = {
    **dict.fromkeys((*_BITS, *(f"u{kind}" for kind in _BITS)), "42, within the range of the type"),
    "decimal": "12.50, within the range of the type",
    "float": "0.5",
    "double": "0.5",
    "boolean": "true",
    "date": "2026-01-31",
    **dict.fromkeys(("timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"), "2026-01-31T10:00:00"),
    "timestamp with time zone": "2026-01-31T10:00:00Z",
    "time": "10:00:00",
    "blob": "base64",
}
