"""A query cut at its table names, so that they can be written as names or as dbt's references."""

from __future__ import annotations

import re
from typing import Any

import duckdb

from platform_resources.quality.checks import NotEvaluableError
from platform_resources.quality.sql_guard import parse, tree_nodes
from platform_resources.self_service.model_text import Part

_TABLE = re.compile(r"([A-Za-z_][\w]*)\.([A-Za-z_]\w*)\.([A-Za-z_]\w*)")
_NAME = r'(?:"(?:[^"]|"")*"|[A-Za-z_][\w$]*)'
_WRITTEN = re.compile(rf"{_NAME}\s*\.\s*{_NAME}\s*\.\s*{_NAME}")


def is_query(source: str) -> bool:
    return re.match(r"\s*(select|with|from)\s", source, re.IGNORECASE) is not None


def is_table(source: str) -> bool:
    return _TABLE.fullmatch(source.strip()) is not None


def split_query(con: duckdb.DuckDBPyConnection, query: str) -> tuple[tuple[Part, ...], dict[str, Any]]:
    """A query cut at its table names, and its parse tree. Names of one part belong to its own WITH."""
    tree = parse(con, query)
    raw = query.encode("utf-8")  # positions of the parser count bytes
    at, parts = 0, []
    places = sorted(
        (node["query_location"], (node["catalog_name"], node["schema_name"], node["table_name"]))
        for node in tree_nodes(tree)
        if node.get("type") == "BASE_TABLE" and (node.get("catalog_name") or node.get("schema_name"))
    )
    for start, table in places:
        match = _WRITTEN.match(raw[start:].decode("utf-8"))
        if match is None or not all(table):
            raise NotEvaluableError(f"{'.'.join(filter(None, table))} is no full name: write <domain>.<product>.v1")
        if start < at:
            continue
        parts += [Part(raw[at:start].decode("utf-8")), Part("", tuple(name.lower() for name in table))]
        at = start + len(match[0].encode("utf-8"))
    parts.append(Part(raw[at:].decode("utf-8")))
    return tuple(parts), tree
