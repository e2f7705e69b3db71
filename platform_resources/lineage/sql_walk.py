"""One pass over the scopes of a resolved query: what flows into each column, and what decides over its rows.

Nothing may be lost in silence: a name that stands for no column makes the tables around it `vague`, and a name that
the pass never came by makes the whole query unreadable.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from platform_resources.lineage.model import DIRECT_SUBTYPES
from platform_resources.lineage.sql_names import Names
from platform_resources.lineage.sql_parts import is_aggregate, makes_rows, parts_of
from platform_resources.lineage.sql_uses import (
    NONE,
    Columns,
    Relation,
    TableName,
    UnreadableQueryError,
    Uses,
    by_name,
    changed,
    indirect,
    stronger,
    union,
)


class Walk(Names):
    """Of one query; each of its scopes is looked at once."""

    def __init__(self, root: Scope, tables: Columns, joined_by: set[str]) -> None:
        super().__init__(root, tables, joined_by)
        self._known: dict[int, Relation] = {}
        self.found = self._relation(root)
        self._check_all_seen(root.expression)

    def _check_all_seen(self, root: exp.Expression) -> None:
        def unused(node: exp.Expression) -> bool:
            return isinstance(node, exp.CTE) and id(node.this.unnest()) not in self._known

        for node in root.walk(prune=unused):
            if isinstance(node, exp.Column | exp.TableColumn) and id(node) not in self._seen and not unused(node):
                raise UnreadableQueryError(f"nobody knows what {node.sql(dialect='duckdb')} is for")

    def _relation(self, scope: Scope) -> Relation:
        key = id(scope.expression)
        if key not in self._known:
            before = dict(self._known)
            seen = Relation(open=True)  # what a recursive CTE sees of itself at first
            while True:
                self._known = {**before, key: seen}
                found = self._known[key] = self._evaluate(scope)
                if found == seen or key not in self._recursive.values():
                    break
                seen = found
        return self._known[key]

    def _evaluate(self, scope: Scope) -> Relation:
        query = scope.expression
        if isinstance(query, exp.SetOperation):
            return self._set_operation(scope, query)
        if isinstance(query, exp.Select):
            return self._select(scope, query)
        if isinstance(query, exp.Subquery | exp.Lateral) and (inner := self._scope_in(query.this)) is not None:
            return self._relation(inner)
        every = self._flow(scope, query, "TRANSFORMATION")  # UNNEST, VALUES, LATERAL of a function
        rows = NONE if isinstance(query, exp.Values) else indirect([every], "JOIN")
        return Relation({}, rows, every, open=True)

    # Queries.

    def _set_operation(self, scope: Scope, query: exp.SetOperation) -> Relation:
        left, right = (self._relation(part) for part in scope.set_operation_scopes)
        named = bool(query.args.get("by_name"))
        if left.open or right.open:
            raise UnreadableQueryError(f"the columns on a side of {query.key.upper()} are not known")
        if not named and len(left.columns) != len(right.columns):
            raise UnreadableQueryError(f"the sides of {query.key.upper()} have not as many columns")
        rows = left.rows | right.rows
        if isinstance(query, exp.Union):
            others = right.columns if named else dict(zip(left.columns, right.columns.values(), strict=True))
            columns = {name: uses | others.get(name, NONE) for name, uses in left.columns.items()}
            columns |= {name: uses for name, uses in others.items() if name not in columns}
            rows |= indirect(columns.values(), "GROUP_BY") if query.args.get("distinct") else NONE
        else:
            columns = dict(left.columns)
            rows |= indirect([left.whole, right.whole], "FILTER")
        self._outputs[id(query)] = columns
        rows |= self._ends(scope, query, columns)
        return Relation(columns, rows, tables=left.tables | right.tables)

    def _select(self, scope: Scope, select: exp.Select) -> Relation:
        sources = dict(self._sources(scope))
        shown: list[tuple[str, Uses]] = []
        is_open, other = False, NONE
        for projection in select.expressions:
            if projection.is_star:
                for part in self._starred(projection, scope, sources):
                    shown += part.columns.items()
                    is_open, other = is_open or part.open, other | part.whole
            else:
                shown.append((projection.alias_or_name.lower(), self._flow(scope, projection, "IDENTITY")))
        columns = self._outputs[id(select)] = by_name(shown)
        rows = union(source.rows for source in sources.values())
        for projection in select.expressions:
            many = (node for node in self._nodes(projection) if makes_rows(node))
            rows |= union(self._deciding(scope, node, "JOIN") for node in many)
        rows |= self._deciding(scope, select.args.get("where"), "FILTER")
        for join in scope.find_all(exp.Join):
            rows |= union(
                self._deciding(scope, part, "JOIN") for part in join.iter_expressions() if part is not join.this
            )
        rows |= self._group_keys(scope, select)
        for clause in ("having", "qualify"):
            rows |= self._deciding(scope, select.args.get(clause), "FILTER")
        rows |= self._ends(scope, select, columns)
        if (distinct := select.args.get("distinct")) is not None:
            chosen = self._deciding(scope, distinct.args.get("on"), "GROUP_BY")
            rows |= chosen or indirect(columns.values(), "GROUP_BY")
        tables = frozenset[TableName]().union(*(source.tables for source in sources.values()))
        return Relation(columns, rows, other if is_open else NONE, is_open, tables)

    def _starred(self, star: exp.Expression, scope: Scope, sources: dict[str, Relation]) -> list[Relation]:
        """What a star means that sqlglot left as it is, as not all columns are known."""
        whole = star.this if isinstance(star, exp.Column) else star
        if not isinstance(whole, exp.Star) or any(whole.args.values()):
            raise UnreadableQueryError(f"which columns {star.sql(dialect='duckdb')} makes is not known")
        if not isinstance(star, exp.Column):
            return [sources[name] for name in scope.selected_sources]
        self._seen.add(id(star))
        if star.table not in sources:
            raise UnreadableQueryError(f"which columns {star.sql(dialect='duckdb')} makes is not known")
        return [sources[star.table]]

    def _ends(self, scope: Scope, query: exp.Expression, columns: dict[str, Uses]) -> Uses:
        """ORDER BY, LIMIT and OFFSET."""
        rows = NONE
        for key in getattr(query.args.get("order"), "expressions", ()):
            if isinstance(key.this, exp.Var | exp.PositionalColumn | exp.Literal):  # ALL, #2, 2
                rows |= indirect(columns.values(), "SORT")
                continue
            named = key.this if isinstance(key.this, exp.Column) and not key.this.table else None
            if named is not None and named.name.lower() in columns:  # the query's own goes before a table's
                self._seen.add(id(named))
                rows |= indirect([columns[named.name.lower()]], "SORT")
                continue
            own = {node.name.lower() for node in self._nodes(key) if isinstance(node, exp.Column)} & columns.keys()
            rows |= indirect((columns[name] for name in own), "SORT") | self._deciding(scope, key, "SORT")
        return rows | union(self._deciding(scope, query.args.get(end), "FILTER") for end in ("limit", "offset"))

    def _group_keys(self, scope: Scope, select: exp.Select) -> Uses:
        group = select.args.get("group")
        if group is None:
            return NONE
        if not group.args.get("all"):
            return self._deciding(scope, group, "GROUP_BY")
        keys = [item for item in select.expressions if not any(map(is_aggregate, item.walk()))]
        return union(self._deciding(scope, key, "GROUP_BY") for key in keys)

    # Expressions.

    def _nodes(self, node: exp.Expression) -> Iterator[exp.Expression]:
        """Of an expression, without its subqueries."""
        return node.walk(prune=lambda part: isinstance(part, exp.Query))

    def _deciding(self, scope: Scope, node: exp.Expression | None, subtype: str) -> Uses:
        """What a clause looks at, that only decides."""
        return NONE if node is None else indirect([self._flow(scope, node, "TRANSFORMATION")], subtype)

    def _flow(self, scope: Scope, node: exp.Expression, subtype: str) -> Uses:
        """What an expression is made of; `subtype`: what was done to it further out."""
        if isinstance(node, exp.Column | exp.TableColumn):
            return changed(self._column(scope, node), subtype)
        if isinstance(node, exp.Alias | exp.Paren):
            return self._flow(scope, node.this, subtype)
        if isinstance(node, exp.Query):
            return self._subquery(node, subtype)
        if isinstance(node, exp.Columns | exp.PositionalColumn | exp.Star):
            if isinstance(node, exp.Star) and isinstance(node.parent, exp.Count):
                return NONE
            raise UnreadableQueryError(f"which columns {node.sql(dialect='duckdb')} means is not known")
        if (parts := parts_of(node)) is not None:
            return union(self._part(scope, part, kind, subtype) for part, kind in parts)
        if isinstance(node, exp.Coalesce) and (kept := self._joined_column(scope, node)) is not None:
            return changed(kept, subtype)
        if isinstance(node, exp.Dot) and (field := self._field(scope, node)) is not None:
            return changed(field, subtype)
        inner = stronger(subtype, "AGGREGATION" if is_aggregate(node) else "TRANSFORMATION")
        return union(self._flow(scope, child, inner) for child in node.iter_expressions())

    def _part(self, scope: Scope, node: exp.Expression, kind: str, subtype: str) -> Uses:
        """Of an expression whose parts are used in different ways."""
        if kind in DIRECT_SUBTYPES:
            return self._flow(scope, node, stronger(subtype, kind))
        return self._deciding(scope, node, kind)

    def _subquery(self, node: exp.Expression, subtype: str) -> Uses:
        """Its value flows; its rows decide which value."""
        inner = self._scope_in(node)
        if inner is None:
            raise UnreadableQueryError(f"a subquery stands where none is looked for: {node.sql(dialect='duckdb')}")
        found = self._relation(inner)
        return changed(found.whole, subtype) | found.rows

    def _scope_in(self, node: exp.Expression) -> Scope | None:
        return self._scopes.get(id(node)) or self._scopes.get(id(node.unnest()))
