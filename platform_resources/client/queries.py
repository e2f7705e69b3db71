"""What is asked of a port, as a value: the same for both doors, and the key of what is kept of its answer."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from platform_resources.client.errors import BadQueryError

Where = Mapping[str, Any] | Sequence[Sequence[Any]]

_ADDRESS = re.compile(r"(?P<domain>[a-z]\w*)\.(?P<product>[a-z]\w*)(?:\.v(?P<major>[1-9]\d{0,3}))?", re.ASCII)
# What people write -> (in-process, in a URL).
_OPERATORS = {
    "=": ("=", "eq"),
    "==": ("=", "eq"),
    "!=": ("!=", "ne"),
    "<>": ("!=", "ne"),
    "<": ("<", "lt"),
    "<=": ("<=", "le"),
    ">": (">", "gt"),
    ">=": (">=", "ge"),
    "in": ("in", "in"),
    "not in": ("not in", "notin"),
    "like": ("like", "like"),
    "is null": ("is null", "null"),
    "is not null": ("is not null", "notnull"),
}
_URL_OPERATORS = dict(_OPERATORS.values())  # in-process -> in a URL
_LISTS = ("in", "not in")
_UNARY = ("is null", "is not null")


@dataclass(frozen=True)
class Address:
    """A port, or (`major` None) a product."""

    domain: str
    product: str
    major: int | None

    @classmethod
    def parse(cls, text: str) -> Address:
        match = _ADDRESS.fullmatch(text.strip())
        if match is None:
            raise BadQueryError("address", f"{text!r} is no address of a port", "Write one as crm.customer_360.v1")
        return cls(match["domain"], match["product"], int(match["major"]) if match["major"] else None)

    @property
    def path(self) -> str:
        """Of its resource below `/api/v1`."""
        return f"/products/{self.domain}/{self.product}" + (f"/v{self.major}" if self.major else "")

    def __str__(self) -> str:
        return f"{self.domain}.{self.product}" + (f".v{self.major}" if self.major else "")


@dataclass(frozen=True)
class Filter:
    """A condition on a column as the reader sees it; `value` of a list operator is a tuple, of a unary one None."""

    column: str
    operator: str
    value: Any = None

    @property
    def text(self) -> str:
        """As the API reads it: `region:eq:north`."""
        operator = _URL_OPERATORS[self.operator]
        if self.operator in _UNARY:
            return f"{self.column}:{operator}"
        value = _line(self.value) if self.operator in _LISTS else _text(self.value)
        return f"{self.column}:{operator}:{value}"


@dataclass(frozen=True)
class Query:
    address: Address
    columns: tuple[str, ...] | None = None  # None: all that the reader sees
    where: tuple[Filter, ...] = ()
    order: tuple[tuple[str, bool], ...] = ()  # (column, descending)
    limit: int | None = None
    as_of: int | None = None
    purpose: str | None = None

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Of the URL."""
        found: list[tuple[str, str]] = []
        if self.columns is not None:
            found.append(("columns", ",".join(self.columns)))
        found += [("filter", condition.text) for condition in self.where]
        if self.order:
            found.append(("order", ",".join(f"{'-' if down else ''}{column}" for column, down in self.order)))
        given = (("limit", self.limit), ("as_of", self.as_of), ("purpose", self.purpose))
        return found + [(name, str(value)) for name, value in given if value is not None]

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.parameters).encode()).hexdigest()[:32]


def query_of(
    address: Address,
    columns: Iterable[str] | None = None,
    where: Where | None = None,
    order: str | Iterable[str] | None = None,
    limit: int | None = None,
    as_of: int | None = None,
    purpose: str | None = None,
) -> Query:
    """A query from what people write; see `Mesh.read`.

    Raises
    ------
    BadQueryError
        when a condition has an operator that isn't known, or a value that can't be sent.
    """
    if isinstance(columns, str):
        columns = [part.strip() for part in columns.split(",")]
    if isinstance(order, str):
        order = [part.strip() for part in order.split(",")]
    if limit is not None and limit < 1:
        raise BadQueryError("bad-query", f"limit is {limit}", "Write how many rows you want at most: 1 or more")
    return Query(
        address,
        None if columns is None else tuple(columns),
        tuple(_filters(where or ())),
        tuple((name.removeprefix("-"), name.startswith("-")) for name in order or ()),
        limit,
        as_of,
        purpose,
    )


def _filters(where: Where) -> Iterable[Filter]:
    if isinstance(where, Mapping):
        for column, value in where.items():
            if value is None:
                yield Filter(column, "is null")
            elif isinstance(value, list | tuple | set | frozenset):
                yield _filter(column, "in", value)
            else:
                yield _filter(column, "=", value)
        return
    for condition in where:
        if isinstance(condition, str) or len(condition) not in (2, 3):
            raise BadQueryError("bad-query", "a condition has two or three parts", '("customer_spend", ">=", 100)')
        yield _filter(*condition)


def _filter(column: str, operator: str, value: Any = None) -> Filter:
    known = _OPERATORS.get(operator.strip().lower())
    if known is None:
        raise BadQueryError("bad-query", f"{operator!r} is no operator", f"Known are {', '.join(_OPERATORS)}")
    operator = known[0]
    if operator in _UNARY:
        return Filter(column, operator)
    if operator in _LISTS:
        values = tuple(sorted(value, key=_text) if isinstance(value, set | frozenset) else value)
        if not values:
            raise BadQueryError("bad-query", f"`{operator}` on {column} has no values", "Give it at least one")
        for item in values:
            _text(item)
        return Filter(column, operator, values)
    if value is None:
        raise BadQueryError("bad-query", f"{column} is compared with nothing", f'Write ("{column}", "is null")')
    _text(value)
    return Filter(column, operator, value)


def _line(values: Iterable[Any]) -> str:
    """Values as a line of CSV: one with a comma stands in double quotes."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(map(_text, values))
    return line.getvalue()


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, str | int | float | Decimal):
        return str(value)
    if hasattr(value, "item"):  # a number of numpy
        return _text(value.item())
    raise BadQueryError(
        "bad-query",
        f"a {type(value).__name__} can't be compared with",
        "Compare with text, a number, a date, a moment, or true and false",
    )


__all__ = ["Address", "Filter", "Query", "Where", "query_of"]
