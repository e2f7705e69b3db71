"""What the names of a resolved query stand for: columns and whole rows, of what is joined around them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from platform_resources.lineage.sql_uses import (
    NONE,
    Columns,
    Relation,
    TableName,
    UnreadableQueryError,
    Use,
    Uses,
    changed,
    indirect,
    union,
)

_NAMED_ARGUMENT = (exp.EQ, exp.PropertyEQ, exp.Kwarg)  # read_csv('x.csv', header = true)
_BY_TEXT = {"query", "query_table"}  # table functions that read what a text names


class Names(ABC):
    """Of one query. `read`: the known tables, `unknown`: what else it reads, `vague`: those of which a use was lost."""

    def __init__(self, root: Scope, tables: Columns, joined_by: set[str]) -> None:
        self._scopes = {id(scope.expression): scope for scope in root.traverse()}
        self._joined_by = joined_by
        self._recursive = _recursive(root.expression)
        self._outputs: dict[int, dict[str, Uses]] = {}  # of each query, its own columns
        self._seen: set[int] = set()  # the names that were looked up
        self._calling: set[int] = set()  # table functions whose arguments are being looked at
        self._tables = {
            tuple(part.lower() for part in name): (name, {column.lower(): column for column, _ in columns})
            for name, columns in tables.items()
        }
        self.read: set[TableName] = set()
        self.unknown: set[str] = set()
        self.vague: set[TableName] = set()

    @abstractmethod
    def _relation(self, scope: Scope) -> Relation:
        """What a query gives."""

    @abstractmethod
    def _flow(self, scope: Scope, node: exp.Expression, subtype: str) -> Uses:
        """What an expression is made of; `subtype`: what was done to it further out."""

    # What stands in a FROM.

    def _sources(self, scope: Scope) -> Iterator[tuple[str, Relation]]:
        """All that a query joins, also by SEMI and ANTI, whose columns nobody sees."""
        for name, _ in scope.references:
            found = self._source(scope, name)
            if found is not None:
                yield name, found

    def _source(self, scope: Scope, name: str) -> Relation | None:
        source = scope.sources.get(name)
        if source is None:
            return None
        node = dict(scope.references).get(name)
        names = node.alias_column_names if isinstance(node, exp.Table | exp.UDTF) else ()
        if not isinstance(source, Scope):
            if id(source) in self._calling:  # a table function's argument is no column of its own
                return None
            return self._table(scope, source).renamed(names)
        by_union = self._recursive.get(id(source.expression))  # the name of a recursive CTE, in itself
        return self._relation(source if by_union is None else self._scopes[by_union]).renamed(names)

    def _table(self, scope: Scope, table: exp.Expression) -> Relation:
        if not isinstance(table, exp.Table):
            return Relation(open=True)
        if not isinstance(table.this, exp.Identifier):
            return self._table_function(scope, table)
        name, columns = self._tables.get((table.catalog.lower(), table.db.lower(), table.name.lower()), (None, {}))
        if name is None:
            self.unknown.add(table.sql(dialect="duckdb", comments=False))
            return Relation(open=True)
        self.read.add(name)
        uses = {key: frozenset({Use(name, column, "DIRECT", "IDENTITY")}) for key, column in columns.items()}
        return Relation(uses, tables=frozenset({name}))

    def _table_function(self, scope: Scope, table: exp.Table) -> Relation:
        function = table.this
        if isinstance(function, exp.Anonymous) and function.name.lower() in _BY_TEXT:
            raise UnreadableQueryError(f"{function.name} reads what a text names")
        if not isinstance(function, exp.GenerateSeries):
            self.unknown.add(table.sql(dialect="duckdb", comments=False))
        given = []
        for part in function.iter_expressions():
            if isinstance(part, _NAMED_ARGUMENT):
                self._seen.add(id(part.this))
                given.append(part.expression)
            else:
                given.append(part)
        self._calling.add(id(table))
        every = union(self._flow(scope, part, "TRANSFORMATION") for part in given)
        self._calling.remove(id(table))
        return Relation({}, indirect([every], "JOIN"), every, open=True)

    # Names.

    def _column(self, scope: Scope, column: exp.Expression) -> Uses:
        """Of a subquery's column, also in the queries around it."""
        self._seen.add(id(column))
        if _is_bound(column):
            return NONE
        table = column.args.get("table")
        if table is None:
            found = self._bare(scope, column.name.lower(), row_only=isinstance(column, exp.TableColumn))
        else:
            source = self._named_source(scope, table.name)
            star = isinstance(column.this, exp.Star)
            found = None if source is None else source.whole if star else source.column(column.name.lower())
        if found is None:
            self._lose(scope)
        return found or NONE

    def _named_source(self, scope: Scope, name: str) -> Relation | None:
        around = list(_around(scope))
        at = next((item for item in around if name in dict(item.references)), None)
        at = at or next((item for item in around if name in item.sources), None)
        return None if at is None else self._source(at, name)

    def _bare(self, scope: Scope, name: str, *, row_only: bool) -> Uses | None:
        """Of a name alone: a column's, one of the query's own, or a table's whose whole row is meant."""
        found: Uses | None = None
        for item in _around(scope):
            sources = list(self._sources(item)) if isinstance(item.expression, exp.Select) else []
            if not row_only:
                for _, source in sources:
                    if name in source.columns:
                        return (found or NONE) | source.columns[name]
                if name in (own := self._outputs.get(id(item.expression), {})):
                    return (found or NONE) | own[name]
            if (row := dict(sources).get(name)) is not None:
                return (found or NONE) | changed(row.whole, "TRANSFORMATION")
            for _, source in sources:
                if source.open:  # it may be a column of this one, or of a query around it
                    found = (found or NONE) | source.other
        row = self._named_source(scope, name)  # of a LATERAL's neighbour
        return found if row is None else (found or NONE) | changed(row.whole, "TRANSFORMATION")

    def _field(self, scope: Scope, node: exp.Dot) -> Uses | None:
        """Of `(c).email`, where c is a table; None of a field of anything else."""
        row = node.this.unnest()
        is_row = isinstance(row, exp.TableColumn) or (isinstance(row, exp.Column) and not row.args.get("table"))
        source = self._named_source(scope, row.name.lower()) if is_row else None
        found = None if source is None else source.columns.get(node.expression.name.lower())
        if found is not None:
            self._seen.add(id(row))
        return found

    def _lose(self, scope: Scope) -> None:
        """Something is used of what the query and those around it read, and nobody knows what."""
        for item in _around(scope):
            for _, source in self._sources(item):
                self.vague |= source.tables

    def _joined_column(self, scope: Scope, node: exp.Coalesce) -> Uses | None:
        """Of `key` after JOIN ... USING (key), which sqlglot wrote as coalesce(a.key, b.key); None of any other."""
        parts = [node.this, *node.expressions]
        names = {part.name.lower() for part in parts if isinstance(part, exp.Column)}
        if len(names) != 1 or not all(isinstance(part, exp.Column) for part in parts) or not names <= self._joined_by:
            return None
        outer = any(join.side in {"FULL", "RIGHT"} for join in scope.expression.args.get("joins") or ())
        uses = [self._column(scope, part) for part in parts]
        return union(uses if outer else uses[:1])


def _around(scope: Scope | None) -> Iterator[Scope]:
    while scope is not None:
        yield scope
        scope = scope.parent


def _is_bound(column: exp.Expression) -> bool:
    """Whether a name is the variable of `[x + 1 for x in tags]` or of a lambda."""
    over = column.find_ancestor(exp.Comprehension, exp.Lambda)
    while over is not None:
        bound: Iterable[exp.Expression] = over.expressions if isinstance(over, exp.Lambda) else [over.expression]
        if column.args.get("table") is None and column.name.lower() in {name.name.lower() for name in bound}:
            return True
        over = over.find_ancestor(exp.Comprehension, exp.Lambda)
    return False


def _recursive(root: exp.Expression) -> dict[int, int]:
    """First part of a recursive CTE, which sqlglot shows where its name stands in itself -> the whole of it."""
    found = {}
    for clause in root.find_all(exp.With):
        for cte in clause.expressions if clause.recursive else ():
            whole = cte.this.unnest()
            if isinstance(whole, exp.SetOperation):
                found[id(whole.this.unnest())] = id(whole)
    return found
