"""Row filters: SQL of a contract over the port's columns and `reader.<attribute>`, bound to one reader.

The text is parsed alone by DuckDB, walked by the guard of SQL, the reader's attributes are put into the tree as typed
constants, and DuckDB writes the SQL: nothing of a contract or of a reader is ever pasted into a query.

A filter sees the values in clear, so it must tell nothing by failing: it stands in `TRY(...)`, under which an error (a
text that is no number, an overflow) is NULL and hides the row. A missing attribute is NULL too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import duckdb

from platform_resources.lake import quote_identifier
from platform_resources.quality.checks import NotEvaluableError
from platform_resources.quality.sql_guard import check_tree, parse, sql_of, tree_nodes
from platform_resources.quality.sql_vocabulary import FILTERS

READER = "reader"
_ALONE = "SELECT NULL WHERE "
_REFUSED = frozenset(("SUBQUERY", "STAR", "WINDOW", "LAMBDA", "COLLATE"))
_INTEGERS = range(-(2**63), 2**63)

AttributeValue = str | int | float | bool | tuple[str, ...] | tuple[int, ...] | None
Attributes = tuple[tuple[str, AttributeValue], ...]


class RowFilterError(ValueError):
    """A row filter that can't be evaluated; the message is for the owner of the port, the readers are denied."""


@dataclass(frozen=True)
class _Parsed:
    """A filter that may run: the whole statement's tree as JSON, and the attributes that it asks for."""

    tree: str
    attributes: frozenset[str]


def bound_filter(where: str, columns: tuple[str, ...], attributes: Mapping[str, AttributeValue]) -> str:
    """The SQL of a filter for a reader with these attributes, over the raw columns of the port. Cached.

    Raises
    ------
    RowFilterError
        when it does anything that a filter may not, names a column that isn't there, or an attribute is no value.
    """
    parsed = _parsed(where, columns)
    folded = {name.lower(): value for name, value in attributes.items() if value is not None}
    wanted = tuple((name, folded[name]) for name in sorted(parsed.attributes & folded.keys()))
    for _, value in wanted:
        _constant(value)  # what is no value is refused before it is looked up
    return _bound(where, columns, wanted, tuple(_kinds(value) for _, value in wanted))


def attributes_of(where: str, columns: tuple[str, ...]) -> frozenset[str]:
    """The attributes of the reader that a filter asks for. Raises RowFilterError."""
    return _parsed(where, columns).attributes


def check_filter(where: str, columns: Mapping[str, str]) -> None:
    """Whether a filter can be evaluated over columns of these types (canonical).

    Raises
    ------
    RowFilterError
        when it can't.
    """
    text = _bound(where, tuple(columns), (), ())
    typed = ", ".join(f"CAST(NULL AS {type_}) AS {quote_identifier(name)}" for name, type_ in columns.items())
    with duckdb.connect(config={"threads": 1}) as con:
        try:
            con.execute(f"SELECT 1 FROM (SELECT {typed}) WHERE {text}")
        except duckdb.Error as error:
            raise RowFilterError(str(error).splitlines()[0]) from None


@lru_cache(maxsize=512)
def _parsed(where: str, columns: tuple[str, ...]) -> _Parsed:
    with duckdb.connect(config={"threads": 1}) as con:
        tree = _statement(con, where)
    condition = tree["where_clause"]
    attributes = frozenset(_attribute(node) for node in tree_nodes(condition) if _is_attribute(node))
    _check(condition, columns, attributes_allowed=True)
    return _Parsed(json.dumps(tree), attributes)


def _statement(con: duckdb.DuckDBPyConnection, where: str) -> dict[str, Any]:
    """The tree of `SELECT NULL WHERE <filter>`, which has a condition and nothing else."""
    try:
        tree, alone = parse(con, f"{_ALONE}\n{where}\n"), parse(con, f"{_ALONE}true")
    except NotEvaluableError as error:
        raise RowFilterError(str(error)) from None
    if _without_places({**tree, "where_clause": None}) != _without_places({**alone, "where_clause": None}):
        raise RowFilterError("a row filter is one condition, without any other clause")
    return tree


def _check(condition: Any, columns: tuple[str, ...], *, attributes_allowed: bool) -> None:
    try:
        check_tree(condition, FILTERS)
    except NotEvaluableError as error:
        raise RowFilterError(str(error)) from None
    known = {name.lower() for name in columns}
    for node in tree_nodes(condition):
        kind = node.get("class")  # (every subquery is an expression of class SUBQUERY)
        if kind in _REFUSED:
            raise RowFilterError(f"{kind.lower()} is not allowed in a row filter")
        if kind != "COLUMN_REF":
            continue
        if _is_attribute(node):
            if not attributes_allowed:
                raise RowFilterError("an attribute was left over")
        elif node["column_names"][0].lower() not in known:
            raise RowFilterError(f"there is no column {'.'.join(node['column_names'])}")


def _is_attribute(node: Mapping[str, Any]) -> bool:
    names = node.get("column_names") if node.get("class") == "COLUMN_REF" else None
    return bool(names) and len(names) == 2 and names[0].lower() == READER


def _attribute(node: Mapping[str, Any]) -> str:
    return node["column_names"][1].lower()


@lru_cache(maxsize=4_096)
def _bound(where: str, columns: tuple[str, ...], attributes: Attributes, _types: tuple[object, ...]) -> str:
    """`_types` keep 1, 1.0 and True apart in the cache."""
    tree = json.loads(_parsed(where, columns).tree)
    tree["where_clause"] = _filled(tree["where_clause"], dict(attributes))
    with duckdb.connect(config={"threads": 1}) as con:
        try:
            text = sql_of(con, tree)
        except duckdb.Error as error:
            raise RowFilterError(f"it can't be written as SQL: {str(error).splitlines()[0]}") from None
        written = text.removeprefix(_ALONE)
        if written == text:
            raise RowFilterError("it can't be written as SQL")
        _check(_statement(con, written)["where_clause"], columns, attributes_allowed=False)
    return f"TRY({written})"


def _kinds(value: AttributeValue) -> object:
    return tuple(map(type, value)) if isinstance(value, tuple) else type(value)


def _filled(value: Any, attributes: Mapping[str, AttributeValue]) -> Any:
    """The tree with constants in place of the reader's attributes."""
    if isinstance(value, list):
        return [_filled(item, attributes) for item in value]
    if not isinstance(value, dict):
        return value
    if _is_attribute(value):
        return _constant(attributes.get(_attribute(value)))
    if value.get("type") in ("COMPARE_IN", "COMPARE_NOT_IN"):
        first, *listed = value["children"]
        spread = [item for child in listed for item in _spread(child, attributes)]
        return {**value, "children": [_filled(first, attributes), *spread]}
    return {key: _filled(item, attributes) for key, item in value.items()}


def _spread(child: dict[str, Any], attributes: Mapping[str, AttributeValue]) -> Iterator[dict[str, Any]]:
    """`region IN (reader.regions)`: a list among the choices is each of its values."""
    held = attributes.get(_attribute(child)) if _is_attribute(child) else None
    if isinstance(held, tuple):
        yield from map(_constant, held or (None,))
    else:
        yield _filled(child, attributes)


def _constant(value: Any) -> dict[str, Any]:
    if isinstance(value, tuple):
        return {
            **{"class": "FUNCTION", "type": "FUNCTION", "alias": "", "function_name": "list_value", "schema": "main"},
            **{"children": [_constant(item) for item in value], "filter": None, "distinct": False, "catalog": ""},
            **{"order_bys": {"type": "ORDER_MODIFIER", "orders": []}, "is_operator": False, "export_state": False},
        }
    constant: dict[str, Any] = {"is_null": False, "value": value}
    match value:
        case None:
            constant = {"is_null": True}
            kind = "NULL"
        case bool():
            kind = "BOOLEAN"
        case int() if value in _INTEGERS:
            kind = "BIGINT"
        case float() if math.isfinite(value):
            kind = "DOUBLE"
        case str() if "\0" not in value and _is_unicode(value):
            kind = "VARCHAR"
        case _:
            raise RowFilterError("an attribute of the reader is no text, number, truth value or list of those")
    constant["type"] = {"id": kind, "type_info": None}
    return {"class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": "", "value": constant}


def _is_unicode(text: str) -> bool:
    return not any(0xD800 <= ord(character) <= 0xDFFF for character in text)


def _without_places(value: Any) -> Any:
    """A tree without positions in the text."""
    if isinstance(value, list):
        return [_without_places(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_places(item) for key, item in value.items() if key != "query_location"}
    return value
