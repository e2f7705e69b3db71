"""SQL that stands in a contract is somebody else's code: what it may do is decided over DuckDB's own parse tree.

Default deny. One SELECT, made of the words in `sql_vocabulary`, over tables that were granted by name. Anything
else (table functions, files, settings, catalogs, other statements, recursion, time travel) is refused, and so is
whatever a later DuckDB adds. sqlglot is no basis for this decision: it reads some texts differently from DuckDB.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

from platform_resources.lake.names import quote_identifier, quote_literal
from platform_resources.quality.checks import Check, NotEvaluableError
from platform_resources.quality.sql_vocabulary import (
    EXPRESSIONS,
    NODES,
    PARTS,
    RULES,
    SESSION_FUNCTIONS,
    TYPES,
    Vocabulary,
)

MAX_CHARACTERS = 20_000
MAX_DEPTH = 400  # two levels for each nested expression

TableName = tuple[str, str, str]  # catalog, schema, table; lower case; "" where not written

# In quotes, too: other tools that run contracts take them so. `model` and `field` are their older names.
_PLACEHOLDER = re.compile(r"([\"'`]?)\$?\{\s*(?:(table|object|model)|(?:property|column|field))\s*\}\1", re.IGNORECASE)
_LEFT_OVER = re.compile(r"\$\{[^}]*\}")
_CTE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class NotGrantedError(NotEvaluableError):
    """A query reads a table that it may not read; `table` as it is written there."""

    def __init__(self, table: str, granted: str) -> None:
        super().__init__(f"it reads {table}, which is not {granted}")
        self.table = table


@dataclass(frozen=True)
class GuardedQuery:
    """A query that may run: its text, and its parse tree (one SELECT statement)."""

    sql: str
    tree: dict[str, Any]


@dataclass(frozen=True)
class Grants:
    """What a query may read: tables by name, whole schemas, and the audited table as it is written in SQL."""

    tables: frozenset[TableName] = frozenset()
    schemas: frozenset[tuple[str, str]] = frozenset()
    audited: str | None = None  # JSON of the audited table's node, see `table_node`
    named: str = "{table}, a table of the domain (<domain>.internal.<name>) or one of the product's inputPorts"

    def allow(self, node: dict[str, Any]) -> bool:
        if self.audited is not None and _identity(node) == self.audited:
            return True
        catalog, schema, table = name_of(node)
        if node.get("at_clause") is not None:  # another snapshot than the pinned one
            return False
        return (catalog, schema, table) in self.tables or (catalog, schema) in self.schemas


def fill_placeholders(query: str, *, table: str, column: str | None) -> str:
    """The query with {table}, {column} and their other names filled in, both of them SQL."""

    def value(match: re.Match[str]) -> str:
        if match[2]:
            return table
        if column is None:
            raise NotEvaluableError(f"{match[0]} has no meaning in a rule on the table: move the rule to a column")
        return column

    filled = _PLACEHOLDER.sub(value, query)
    if unknown := _LEFT_OVER.search(filled):
        raise NotEvaluableError(
            f"unknown placeholder {unknown[0]}: write {{table}}, {{object}}, {{property}} or {{column}}"
        )
    return filled


def rule_query(check: Check, table: str, column: str | None = None) -> str:
    """The query of a SQL rule with its placeholders filled; NotEvaluableError where it has none.

    `column`: the SQL of what the rule stands at; None: it is a column.
    """
    if not check.query or not check.query.strip():
        raise NotEvaluableError("it has no query")
    if column is None and check.columns:
        column = quote_identifier(check.columns[0])
    return fill_placeholders(check.query, table=table, column=column)


def check_query(
    con: duckdb.DuckDBPyConnection, sql: str, grants: Grants, vocabulary: Vocabulary = RULES
) -> GuardedQuery:
    """`sql` as a query that may run, in the words of `vocabulary`.

    Raises
    ------
    NotEvaluableError
        when it is not one SELECT, or does anything that is not on the lists of this module.
    """
    tree = parse(con, sql)
    _Walk(grants, vocabulary).node(tree, frozenset(), 0)
    return GuardedQuery(sql, tree)


def check_tree(tree: Any, vocabulary: Vocabulary) -> None:
    """The same for a part of a parse tree, which may read no table. Raises NotEvaluableError."""
    _Walk(Grants(), vocabulary).node(tree, frozenset(), 0)


def parse(con: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    """DuckDB's parse tree of the one SELECT in `sql` (the statement's `node`)."""
    if len(sql) > MAX_CHARACTERS:
        raise NotEvaluableError(f"the query has more than {MAX_CHARACTERS:,} characters")
    if "\0" in sql:
        raise NotEvaluableError("the query holds a NUL character")
    try:
        # No parameter: for the first one DuckDB imports pandas (0.3 s). No literal either: its scanner changes texts.
        encoded = base64.b64encode(sql.encode()).decode()
        text = con.execute(f"SELECT json_serialize_sql(decode(from_base64('{encoded}')))").fetchone()[0]
        answer = json.loads(text)
    except (duckdb.Error, RecursionError, UnicodeEncodeError):
        raise NotEvaluableError("the query can't be parsed") from None
    if answer["error"]:
        if answer["error_type"] == "not implemented":
            raise NotEvaluableError("only a SELECT may stand here")
        raise NotEvaluableError(f"the query is no SQL: {answer['error_message'].splitlines()[0]}")
    if len(answer["statements"]) != 1:
        raise NotEvaluableError("write exactly one statement")
    return answer["statements"][0]["node"]


def sql_of(con: duckdb.DuckDBPyConnection, tree: dict[str, Any]) -> str:
    """The text of a parse tree of one statement. Raises duckdb.Error when there is none."""
    statement = {"error": False, "statements": [{"node": tree, "named_param_map": []}]}
    # No parameter: for the first one DuckDB imports pandas (0.4 s). JSON of ASCII is safe as a literal.
    return con.execute(f"SELECT json_deserialize_sql(CAST({quote_literal(json.dumps(statement))} AS JSON))").fetchone()[
        0
    ]


def tree_nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of a parse tree, outer ones first."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from tree_nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from tree_nodes(inner)


def table_node(con: duckdb.DuckDBPyConnection, table_sql: str) -> dict[str, Any] | None:
    """The parse node of a table expression, or None when it is no plain table."""
    try:
        node = parse(con, f"SELECT * FROM {table_sql}")["from_table"]
    except NotEvaluableError:
        return None
    return node if node["type"] == "BASE_TABLE" else None


def grants_for(
    node: dict[str, Any] | None, own_domain: str | None, allowed: Collection[str], private_schema: str = "internal"
) -> Grants:
    """Grants of a rule: the audited table, the domain's own private tables, and the declared input ports."""
    tables = {tuple(part.strip('"').lower() for part in address.split(".")) for address in allowed}
    return Grants(
        frozenset(name for name in tables if len(name) == 3),
        frozenset([(own_domain.lower(), private_schema)]) if own_domain else frozenset(),
        _identity(node) if node else None,
    )


def name_of(node: dict[str, Any]) -> TableName:
    return (node["catalog_name"].lower(), node["schema_name"].lower(), node["table_name"].lower())


def same_table(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return _identity(one) == _identity(other)


def _identity(node: dict[str, Any]) -> str:
    """A table node without what differs between two mentions of one table: alias, sample and position in the text."""
    clause = json.dumps(node.get("at_clause"), sort_keys=True)
    return json.dumps([*name_of(node), re.sub(r'"query_location": \d+', "", clause)])


class _Walk:
    """A walk over the tree that raises at the first thing that is not allowed. `names` are the CTEs in scope."""

    def __init__(self, grants: Grants, vocabulary: Vocabulary) -> None:
        self._grants = grants
        self._vocabulary = vocabulary

    def node(self, value: Any, names: frozenset[str], depth: int) -> None:
        if depth > MAX_DEPTH:
            raise NotEvaluableError("the query is nested too deeply")
        if isinstance(value, list):
            for item in value:
                self.node(item, names, depth + 1)
        elif isinstance(value, dict):
            if "type_info" in value and value["id"] not in TYPES:
                raise NotEvaluableError(f"the type {value['id']} is not allowed here")
            if "class" in value:
                self._expression(value)
            elif isinstance(value.get("type"), str):
                names = self._typed(value, names, depth)
            for key, item in value.items():
                if key != "cte_map":
                    self.node(item, names, depth + 1)

    def _typed(self, value: dict[str, Any], names: frozenset[str], depth: int) -> frozenset[str]:
        kind = value["type"]
        if kind in NODES:
            return self._common_tables(value, names, depth)
        if kind == "UNBOUND_TYPE_INFO":
            if value["catalog"] or value["schema"] or value["name"].upper() != "JSON":
                raise NotEvaluableError(f"the type {value['name']} is not allowed here")
        elif kind not in self._vocabulary.tables and kind not in PARTS:
            raise NotEvaluableError(f"{_plain(kind)} is not allowed here")
        if value.get("sample") is not None:
            raise NotEvaluableError("a sample is not allowed: its result would change from run to run")
        if kind == "BASE_TABLE":
            self._table(value, names)
        if kind == "PIVOT" and any(pivot["pivot_enum"] for pivot in value["pivots"]):
            raise NotEvaluableError("a pivot lists its values: ON column IN (...)")
        return names

    def _common_tables(self, value: dict[str, Any], names: frozenset[str], depth: int) -> frozenset[str]:
        """Names in scope inside this node: each CTE sees those before it, never itself or one of another branch."""
        if value.get("sample") is not None:
            raise NotEvaluableError("a sample is not allowed: its result would change from run to run")
        for entry in value["cte_map"]["map"]:
            if not _CTE_NAME.fullmatch(entry["key"]):
                raise NotEvaluableError(f"name the WITH part {entry['key']!r} with letters, digits and underscores")
            self.node(entry["value"], names, depth + 1)
            names = names | {entry["key"].lower()}
        return names

    def _table(self, value: dict[str, Any], names: frozenset[str]) -> None:
        catalog, schema, table = name_of(value)
        if not catalog and not schema and table in names and value.get("at_clause") is None:
            return
        if not self._grants.allow(value):
            written = ".".join(part for part in (catalog, schema, table) if part)
            raise NotGrantedError(written, self._grants.named)

    def _expression(self, value: dict[str, Any]) -> None:
        kind = value["class"]
        if kind not in EXPRESSIONS:
            raise NotEvaluableError(f"{_plain(kind)} is not allowed here")
        if kind in ("FUNCTION", "WINDOW"):
            name = value["function_name"].lower()
            if value["catalog"] or value["schema"] not in ("", "main") or name not in self._vocabulary.functions:
                raise NotEvaluableError(f"the function {name} is not allowed here")
        if kind == "COLUMN_REF" and value["column_names"][0].lower() in SESSION_FUNCTIONS:
            raise NotEvaluableError(f"{value['column_names'][0]} is a function of the session; write <table>.<column>")


def _plain(node_type: str) -> str:
    return node_type.lower().replace("_", " ").removesuffix(" ref")
