"""What a URL asks of a port, as a `ReadQuery`. Pure: values stay text here, `access` gives them their column's type.

`columns=a,b`, `filter=<column>:<op>:<value>` (repeated: all hold), `order=-a,b`. Nothing of it becomes SQL text.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence

from platform_resources.access import Condition, ReadQuery
from platform_resources.access.errors import BadQueryError
from platform_resources.access.model import Operator

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


def read_query(
    columns: str | None = None,
    filters: Sequence[str] = (),
    order: str | None = None,
    limit: int | None = None,
) -> ReadQuery:
    """The query that URL parameters tell.

    Raises
    ------
    BadQueryError
        when a part can't be read; the message repeats no value.

    >>> read_query("a", ["b:in:1,2"], "-a").conditions
    (Condition(column='b', operator='in', value=('1', '2')),)
    """
    return ReadQuery(
        columns=None if columns is None else _names("columns", columns),
        conditions=tuple(_condition(text) for text in filters),
        order=() if order is None else _order(order),
        limit=limit,
    )


def _names(parameter: str, text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(","))
    if "" in names:
        raise BadQueryError(f"{parameter} names an empty column", f"Write {parameter}=a,b")
    if len(set(names)) < len(names):
        raise BadQueryError(f"{parameter} names a column twice", "Name each once.")
    return names


def _order(text: str) -> tuple[tuple[str, bool], ...]:
    parts = _names("order", text)
    _names("order", ",".join(part.removeprefix("-") for part in parts))
    return tuple((part.removeprefix("-"), part.startswith("-")) for part in parts)


def _condition(text: str) -> Condition:
    column, _, rest = text.partition(":")
    operator, has_value, value = rest.partition(":")
    if not column or operator not in OPERATORS:
        raise BadQueryError(
            "a filter is no <column>:<operator>:<value>",
            f"Write filter=region:eq:north; operators are {', '.join(OPERATORS)}.",
        )
    if operator in _ALONE:
        if value:
            raise BadQueryError(f"the operator {operator} takes no value", f"Write filter=<column>:{operator}")
        return Condition(column, OPERATORS[operator])
    if not has_value:
        raise BadQueryError(f"the operator {operator} has no value", f"Write filter=<column>:{operator}:<value>")
    return Condition(column, OPERATORS[operator], tuple(_items(value)) if operator in _LISTS else value)


def _items(text: str) -> list[str]:
    """The values of a list, as a line of CSV: one with a comma stands in double quotes."""
    try:
        return next(csv.reader([text], strict=True), []) or [""]
    except csv.Error:
        raise BadQueryError(
            "the values of a filter are no list", 'Part them by commas; quote one that has a comma: "a,b",c'
        ) from None
