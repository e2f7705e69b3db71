"""What a query's columns are made of, read from its SQL: sqlglot resolves the names, a walk over its scopes the rest.

sqlglot's own `lineage` tells which columns meet in an output column, but neither how (a sum, a copy) nor what only
decides over rows (filters, keys of joins and groupings), and it walks the query once for each column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb
from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

from platform_resources.lineage.sql_uses import NONE, Columns, TableName, UnreadableQueryError, Use, Uses
from platform_resources.lineage.sql_walk import Walk

__all__ = ["Columns", "QueryLineage", "UnreadableQueryError", "Use", "columns_seen", "lineage_of", "query_lineage"]


@dataclass(frozen=True)
class QueryLineage:
    """Of each output column, in order, what it is made of; and `rows`: what decides which rows there are.

    `tables`: all that it reads, also only to count rows. `unknown`: names of what it reads that is none of the known
    tables (files, frames, temporary tables). `vague`: tables of which something is used that could not be told, so that
    any column of them may flow anywhere.
    """

    columns: Mapping[str, Uses] = field(default_factory=dict)
    rows: Uses = NONE
    tables: frozenset[TableName] = frozenset()
    unknown: frozenset[str] = frozenset()
    vague: frozenset[TableName] = frozenset()

    @property
    def reads(self) -> frozenset[tuple[TableName, str]] | None:
        """Every column that the result depends on; what a `*` on the way only passed by is none.

        None when something is vague.
        """
        if self.vague:
            return None
        uses = self.rows.union(*self.columns.values())
        return frozenset((use.table, use.column) for use in uses)


def query_lineage(sql: str, tables: Columns) -> QueryLineage:
    """The lineage of one SELECT (or of what `CREATE ... AS` and `INSERT` select).

    `tables` are the columns of everything that the query may read, so that `*` and bare names are resolved.

    Raises
    ------
    UnreadableQueryError
        when sqlglot can't follow the query.
    """
    try:
        parsed = parse_one(sql, dialect="duckdb")
        return lineage_of(parsed, tables)
    except (SqlglotError, RecursionError) as error:
        raise UnreadableQueryError(str(error).splitlines()[0]) from error


def lineage_of(parsed: exp.Expression, tables: Columns) -> QueryLineage:
    """The same of a parsed statement, which is changed; SqlglotError when it can't be followed."""
    query = parsed.expression if isinstance(parsed, exp.Create | exp.Insert) else parsed
    if not isinstance(query, exp.Query):
        raise UnreadableQueryError(f"{parsed.key.upper()} selects nothing")
    if next(query.find_all(exp.Pivot), None) is not None:
        raise UnreadableQueryError("PIVOT makes columns of values")
    outer = parsed.args.get("with_") or parsed.args.get("with")
    for subquery in list(query.find_all(exp.Subquery)):
        _move_ends_in(subquery)
    if isinstance(query, exp.Subquery):
        query = query.unnest()
    if outer is not None and query is not parsed:  # WITH ... INSERT INTO t SELECT ...
        query.set("with_", outer)
    for select in query.find_all(exp.Select):
        _inline_windows(select)
    joined_by = {name.name.lower() for join in query.find_all(exp.Join) for name in join.args.get("using") or ()}
    resolved = qualify(
        query, schema=_schema_of(query, tables), dialect="duckdb", validate_qualify_columns=False, identify=False
    )
    scope = build_scope(resolved)
    if scope is None:
        raise UnreadableQueryError("it selects nothing")
    walk = Walk(scope, tables, joined_by)
    found = walk.found
    read, unknown, vague = map(frozenset, (walk.read, walk.unknown, walk.vague))
    return QueryLineage(found.columns, found.rows, read, unknown, vague)


def _move_ends_in(subquery: exp.Subquery) -> None:
    """`(SELECT ...) ORDER BY x LIMIT 3` becomes `(SELECT * FROM (SELECT ...) ORDER BY x LIMIT 3)`."""
    ends = {end: subquery.args[end] for end in ("order", "limit", "offset") if subquery.args.get(end) is not None}
    if not ends:
        return
    inside = exp.select("*").from_(exp.Subquery(this=subquery.this, alias=exp.TableAlias(this=exp.to_identifier("_"))))
    for name, clause in ends.items():
        subquery.set(name, None)
        inside.set(name, clause)
    subquery.set("this", inside)


def _inline_windows(select: exp.Select) -> None:
    """`OVER w` gets what `WINDOW w AS (...)` says; one may build on another."""
    named: dict[str, exp.Window] = {}
    definitions = select.args.get("windows") or []
    select.set("windows", None)
    for definition in definitions:
        named[definition.name.lower()] = _filled(definition, named)
    if named:
        for window in list(select.find_all(exp.Window)):
            _filled(window, named)


def _filled(window: exp.Window, named: Mapping[str, exp.Window]) -> exp.Window:
    base = named.get(window.alias.lower())
    if base is not None:
        window.set("alias", None)
        for part in ("partition_by", "order", "spec"):
            told = base.args.get(part)
            if told and not window.args.get(part):
                copied = [item.copy() for item in told] if isinstance(told, list) else told.copy()
                window.set(part, copied)
    return window


def _schema_of(query: exp.Expression, tables: Columns) -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    """The tables that a query names, in sqlglot's form; a lake has many more."""
    named = {table.name.lower() for table in query.find_all(exp.Table)}
    schema: dict[str, dict[str, dict[str, dict[str, str]]]] = {}
    for (domain, schema_name, table), columns in tables.items():
        if table.lower() in named:
            schema.setdefault(domain, {}).setdefault(schema_name, {})[table] = dict(columns)
    return schema


def columns_seen(con: duckdb.DuckDBPyConnection) -> Columns:
    """The columns of every table and view that a connection sees under an address of three parts."""
    rows = con.execute(
        "SELECT database_name, schema_name, table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name NOT IN ('system', 'temp', 'memory') AND NOT starts_with(database_name, '__ducklake') "
        "ORDER BY database_name, schema_name, table_name, column_index"
    ).fetchall()
    tables: Columns = {}
    for database, schema, table, column, type_ in rows:
        tables.setdefault((database, schema, table), []).append((column, type_))
    return tables
