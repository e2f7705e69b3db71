"""What a query's columns are made of, read from its SQL: sqlglot resolves the names, a walk over its scopes the rest.

sqlglot's own `lineage` tells which columns meet in an output column, but neither how (a sum, a copy) nor what only
decides over rows (filters, keys of joins and groupings), and it walks the query once for each column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

import duckdb
from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from platform_resources.lineage.model import DIRECT_SUBTYPES, EdgeType

TableName = tuple[str, str, str]  # (domain, schema, table)
Columns = dict[TableName, list[tuple[str, str]]]  # table -> [(column, type)]
_Uses = frozenset["Use"]
_NONE: _Uses = frozenset()


@dataclass(frozen=True, order=True)
class Use:
    """A table's column, and how it is used."""

    table: TableName
    column: str
    type: EdgeType
    subtype: str


@dataclass(frozen=True)
class QueryLineage:
    """Of each output column, in order, what it is made of; and `rows`: what decides which rows there are.

    `tables`: all that it reads, also only to count rows. `unknown`: names of what it reads that is none of the known
    tables (files, frames, temporary tables).
    """

    columns: Mapping[str, _Uses] = field(default_factory=dict)
    rows: _Uses = _NONE
    tables: frozenset[TableName] = frozenset()
    unknown: frozenset[str] = frozenset()

    @property
    def reads(self) -> frozenset[tuple[TableName, str]]:
        """Every column that the result depends on; what a `*` on the way only passed by is none."""
        uses = self.rows.union(*self.columns.values())
        return frozenset((use.table, use.column) for use in uses)


class UnreadableQueryError(ValueError):
    """A text that can't be followed; the message says why."""


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
    if isinstance(query, exp.Subquery):
        query = query.unnest()
    if not isinstance(query, exp.Query):
        raise UnreadableQueryError(f"{parsed.key.upper()} selects nothing")
    if next(query.find_all(exp.Pivot), None) is not None:
        raise UnreadableQueryError("PIVOT makes columns of values")
    outer = parsed.args.get("with_") or parsed.args.get("with")
    if outer is not None and query is not parsed:  # WITH ... INSERT INTO t SELECT ...
        query.set("with_", outer)
    joined_by = {name.name.lower() for join in query.find_all(exp.Join) for name in join.args.get("using") or ()}
    resolved = qualify(
        query, schema=_schema_of(query, tables), dialect="duckdb", validate_qualify_columns=False, identify=False
    )
    scope = build_scope(resolved)
    if scope is None:
        raise UnreadableQueryError("it selects nothing")
    walk = _Walk(scope, tables, joined_by)
    found = walk.relation(scope)
    return QueryLineage(found.columns, found.rows, frozenset(walk.read), frozenset(walk.unknown))


def _schema_of(query: exp.Expression, tables: Columns) -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    """The tables that a query names, in sqlglot's form; a lake has many more."""
    named = {table.name.lower() for table in query.find_all(exp.Table)}
    schema: dict[str, dict[str, dict[str, dict[str, str]]]] = {}
    for (domain, schema_name, table), columns in tables.items():
        if table.lower() in named:
            schema.setdefault(domain, {}).setdefault(schema_name, {})[table] = dict(columns)
    return schema


@dataclass(frozen=True)
class _Relation:
    columns: Mapping[str, _Uses]
    rows: _Uses
    other: _Uses = _NONE  # of a column that is not among them: of UNNEST and the like, whose columns nobody names

    def column(self, name: str) -> _Uses:
        return self.columns.get(name, self.other)


class _Walk:
    """One pass over the scopes of a resolved query; each is looked at once."""

    def __init__(self, root: Scope, tables: Columns, joined_by: set[str]) -> None:
        self._scopes = {id(scope.expression): scope for scope in root.traverse()}
        self._known: dict[int, _Relation] = {}
        self._joined_by = joined_by
        self.read: set[TableName] = set()
        self.unknown: set[str] = set()
        self._tables = {
            tuple(part.lower() for part in name): (name, {column.lower(): column for column, _ in columns})
            for name, columns in tables.items()
        }

    def relation(self, source: Scope | exp.Expression) -> _Relation:
        if not isinstance(source, Scope):
            return self._table(source)
        key = id(source.expression)
        if key not in self._known:
            self._known[key] = _Relation({}, _NONE)  # what a recursive CTE sees of itself
            self._known[key] = self._evaluate(source)
        return self._known[key]

    def _table(self, table: exp.Expression) -> _Relation:
        if not isinstance(table, exp.Table):
            return _Relation({}, _NONE)
        name, columns = self._tables.get((table.catalog.lower(), table.db.lower(), table.name.lower()), (None, {}))
        if name is None:
            self.unknown.add(table.sql(dialect="duckdb", comments=False))
            return _Relation({}, _NONE)
        self.read.add(name)
        uses = {key: frozenset({Use(name, column, "DIRECT", "IDENTITY")}) for key, column in columns.items()}
        return _Relation(uses, _NONE)

    def _evaluate(self, scope: Scope) -> _Relation:
        query = scope.expression
        if isinstance(query, exp.SetOperation):
            return self._set_operation(scope, query)
        if isinstance(query, exp.Select):
            return self._select(scope, query)
        if isinstance(query, exp.Subquery) and (inner := self._scope_in(query)) is not None:
            return self.relation(inner)
        every = self._flow(scope, query, "TRANSFORMATION")  # UNNEST, LATERAL, VALUES
        return _Relation({}, _NONE, every)

    def _set_operation(self, scope: Scope, query: exp.SetOperation) -> _Relation:
        left, right = (self.relation(part) for part in scope.set_operation_scopes)
        if isinstance(query, exp.Union):
            by_name = bool(query.args.get("by_name"))
            others = right.columns if by_name else dict(zip(left.columns, right.columns.values(), strict=False))
            columns = {name: uses | others.get(name, _NONE) for name, uses in left.columns.items()}
            columns |= {name: uses for name, uses in others.items() if name not in columns}
            keys = _indirect(columns.values(), "GROUP_BY") if query.args.get("distinct") else _NONE
            return _Relation(columns, left.rows | right.rows | keys)
        decides = _indirect([*left.columns.values(), *right.columns.values()], "FILTER")
        return _Relation(left.columns, left.rows | right.rows | decides)

    def _select(self, scope: Scope, select: exp.Select) -> _Relation:
        columns: dict[str, _Uses] = {}
        for projection in select.expressions:
            if projection.is_star:
                for _, source in scope.selected_sources.values():
                    columns |= self.relation(source).columns
            else:
                columns[projection.alias_or_name] = self._flow(scope, projection, "IDENTITY")
        rows = set[Use]()
        for _, source in scope.selected_sources.values():
            rows |= self.relation(source).rows
        rows |= self._deciding(scope, select.args.get("where"), "FILTER")
        for join in select.args.get("joins") or ():
            rows |= self._deciding(scope, join.args.get("on"), "JOIN")
        rows |= self._group_keys(scope, select)
        for clause in ("having", "qualify"):
            rows |= self._deciding(scope, select.args.get(clause), "FILTER")
        for key in getattr(select.args.get("order"), "expressions", ()):
            named = key.this if isinstance(key.this, exp.Column) and not key.this.table else None
            if named is not None and named.name in columns:  # the query's own column goes before a table's
                rows |= _indirect([columns[named.name]], "SORT")
            else:
                rows |= self._deciding(scope, key, "SORT")
        if (distinct := select.args.get("distinct")) is not None:
            chosen = self._deciding(scope, distinct.args.get("on"), "GROUP_BY")
            rows |= chosen or _indirect(columns.values(), "GROUP_BY")
        return _Relation(columns, frozenset(rows))

    def _group_keys(self, scope: Scope, select: exp.Select) -> _Uses:
        group = select.args.get("group")
        if group is None:
            return _NONE
        if not group.args.get("all"):
            return self._deciding(scope, group, "GROUP_BY")
        keys = [item for item in select.expressions if not any(map(_is_aggregate, item.walk()))]
        return frozenset().union(*(self._deciding(scope, key, "GROUP_BY") for key in keys))

    def _deciding(self, scope: Scope, node: exp.Expression | None, subtype: str) -> _Uses:
        """What a clause looks at, that only decides."""
        return _NONE if node is None else _indirect([self._flow(scope, node, "TRANSFORMATION")], subtype)

    def _flow(self, scope: Scope, node: exp.Expression, subtype: str) -> _Uses:
        """What an expression is made of; `subtype`: what was done to it further out."""
        if isinstance(node, exp.Column):
            return _changed(self._column(scope, node), subtype)
        if isinstance(node, exp.Alias | exp.Paren):
            return self._flow(scope, node.this, subtype)
        if isinstance(node, exp.Query):
            return self._subquery(node, subtype)
        special = _SPECIAL.get(type(node))
        if special is not None:
            return frozenset().union(*(self._part(scope, part, kind, subtype) for part, kind in special(node)))
        if isinstance(node, exp.Coalesce) and (kept := self._joined_column(scope, node)) is not None:
            return _changed(kept, subtype)
        inner = "AGGREGATION" if _is_aggregate(node) else "TRANSFORMATION"
        found = (self._flow(scope, child, _stronger(subtype, inner)) for child in node.iter_expressions())
        return frozenset().union(*found)

    def _part(self, scope: Scope, node: exp.Expression, kind: str, subtype: str) -> _Uses:
        """Of an expression whose parts are used in different ways."""
        if kind in DIRECT_SUBTYPES:
            return self._flow(scope, node, _stronger(subtype, kind))
        return self._deciding(scope, node, kind)

    def _subquery(self, node: exp.Expression, subtype: str) -> _Uses:
        """Its value flows; its rows decide which value."""
        inner = self._scope_in(node)
        if inner is None:
            return _NONE
        found = self.relation(inner)
        return _changed(frozenset().union(*found.columns.values()), subtype) | found.rows

    def _scope_in(self, node: exp.Expression) -> Scope | None:
        return self._scopes.get(id(node)) or self._scopes.get(id(node.unnest()))

    def _column(self, scope: Scope | None, column: exp.Column) -> _Uses:
        """Of a subquery's column, also in the queries around it."""
        name = column.name.lower()
        while scope is not None:
            if column.table in scope.sources:
                return self.relation(scope.sources[column.table]).column(name)
            if not column.table:
                for _, source in scope.selected_sources.values():
                    if name in (found := self.relation(source)).columns:
                        return found.columns[name]
            scope = scope.parent
        return _NONE

    def _joined_column(self, scope: Scope, node: exp.Coalesce) -> _Uses | None:
        """Of `key` after JOIN ... USING (key), which sqlglot wrote as coalesce(a.key, b.key); None of any other."""
        parts = [node.this, *node.expressions]
        names = {part.name.lower() for part in parts if isinstance(part, exp.Column)}
        if len(names) != 1 or not all(isinstance(part, exp.Column) for part in parts) or not names <= self._joined_by:
            return None
        joins = scope.expression.args.get("joins") or ()
        outer = any(join.side in {"FULL", "RIGHT"} for join in joins)
        return frozenset().union(*(self._column(scope, part) for part in (parts if outer else parts[:1])))


_Parts = Iterator[tuple[exp.Expression, str]]


def _case(node: exp.Expression) -> _Parts:
    if node.this is not None:
        yield node.this, "CONDITIONAL"
    for branch in node.args["ifs"]:
        yield branch.this, "CONDITIONAL"
        yield branch.args["true"], "TRANSFORMATION"
    if node.args.get("default") is not None:
        yield node.args["default"], "TRANSFORMATION"


def _if(node: exp.Expression) -> _Parts:
    yield node.this, "CONDITIONAL"
    for branch in ("true", "false"):
        if node.args.get(branch) is not None:
            yield node.args[branch], "TRANSFORMATION"


def _window(node: exp.Expression) -> _Parts:
    yield node.this, "TRANSFORMATION"
    for key in (*(node.args.get("partition_by") or ()), node.args.get("order")):
        if key is not None:
            yield key, "WINDOW"


def _filtered(node: exp.Expression) -> _Parts:
    yield node.this, "AGGREGATION"
    yield node.expression, "CONDITIONAL"


def _chosen(node: exp.Expression) -> _Parts:
    yield node.this, "AGGREGATION"
    if isinstance(node.expression, exp.Expression):
        yield node.expression, "CONDITIONAL"


def _ordered(node: exp.Expression) -> _Parts:
    if node.this is not None:  # list(x ORDER BY y); the clause of a query has no `this`
        yield node.this, "IDENTITY"
    for key in node.expressions:
        yield key, "SORT" if node.this is not None else "TRANSFORMATION"


def _exists(node: exp.Expression) -> _Parts:
    yield node.this, "CONDITIONAL"


_SPECIAL: dict[type, Callable[[exp.Expression], _Parts]] = {
    exp.Case: _case,
    exp.If: _if,
    exp.Window: _window,
    exp.Filter: _filtered,
    exp.ArgMax: _chosen,
    exp.ArgMin: _chosen,
    exp.Order: _ordered,
    exp.Exists: _exists,
}


def _indirect(uses: Iterable[_Uses], subtype: str) -> _Uses:
    return frozenset(
        use if use.type == "INDIRECT" else Use(use.table, use.column, "INDIRECT", subtype)
        for some in uses
        for use in some
    )


def _changed(uses: _Uses, subtype: str) -> _Uses:
    return frozenset(
        use if use.type == "INDIRECT" else Use(use.table, use.column, "DIRECT", _stronger(use.subtype, subtype))
        for use in uses
    )


def _stronger(first: str, second: str) -> str:
    return max(first, second, key=DIRECT_SUBTYPES.index)


def _is_aggregate(node: exp.Expression) -> bool:
    if isinstance(node, exp.AggFunc):
        return True
    return isinstance(node, exp.Anonymous) and node.name.lower() in _aggregates()


@cache
def _aggregates() -> frozenset[str]:
    """DuckDB's own, for those that sqlglot has no class for."""
    with duckdb.connect() as con:
        rows = con.execute("SELECT function_name FROM duckdb_functions() WHERE function_type = 'aggregate'").fetchall()
    return frozenset(name for (name,) in rows)


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
