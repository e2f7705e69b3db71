"""Column lineage of a SQL model, read from its compiled SQL by sqlglot."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage

ColumnSource = tuple[tuple[str, ...], str]  # ((domain, schema, table), column)
Columns = dict[tuple[str, str, str], list[tuple[str, str]]]  # table -> [(column, type)]


def column_lineage(sql: str, tables: Columns) -> dict[str, list[ColumnSource]]:
    """Output column -> the table columns that it is computed from; empty when sqlglot can't follow the query.

    `tables` are the columns of everything that the query may read, so that `*` and bare names are resolved.
    """
    schema: dict[str, dict[str, dict[str, dict[str, str]]]] = {}
    for (domain, schema_name, table), columns in tables.items():
        schema.setdefault(domain, {}).setdefault(schema_name, {})[table] = dict(columns)
    try:
        nodes = lineage(None, sql, schema, dialect="duckdb")
    except SqlglotError:
        return {}
    return {name: _leaves(node) for name, node in nodes.items()}


def _leaves(node: Node) -> list[ColumnSource]:
    found = []
    for item in node.walk():
        if isinstance(item.expression, exp.Table):
            table = item.expression
            source = ((table.catalog, table.db, table.name), item.name.rpartition(".")[2].strip('"'))
            if all(source[0]) and source not in found:
                found.append(source)
    return found


_LITERAL = re.compile(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b")


def cached_lineage(sql: str, tables: Columns, cache: Path) -> dict[str, list[ColumnSource]]:
    """`column_lineage`, kept in a JSON file by the query's content: following 25 columns takes a second.

    Literals are no part of that content: an incremental model writes its marks into its SQL, other ones in every run.
    """
    shape = _LITERAL.sub("?", sql)
    digest = hashlib.sha256(json.dumps([shape, sorted(map(list, tables.items()), key=str)], default=str).encode())
    key = digest.hexdigest()
    known = _known(cache)
    if key not in known:
        known = dict(list(known.items())[-50:])
        known[key] = column_lineage(sql, tables)
        cache.parent.mkdir(parents=True, exist_ok=True)
        temporary = cache.with_suffix(f".{os.getpid()}.tmp")  # runs of one domain may end at the same time
        temporary.write_text(json.dumps(known), encoding="utf-8")
        temporary.replace(cache)
    return {column: [(tuple(table), name) for table, name in sources] for column, sources in known[key].items()}


def _known(cache: Path) -> dict[str, dict[str, list[tuple[list[str], str]]]]:
    try:
        return json.loads(cache.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def merge_tables(rows: Iterable[tuple[str, str, str, str, str]]) -> Columns:
    """Rows of `duckdb_columns()` (database, schema, table, column, type) as `Columns`."""
    tables: Columns = {}
    for database, schema, table, column, type_ in rows:
        tables.setdefault((database, schema, table), []).append((column, type_))
    return tables
