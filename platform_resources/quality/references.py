"""What a rule may look at besides its own columns: other tables, by name and only with a grant."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import duckdb

from platform_resources.contracts.model import Contract
from platform_resources.lake.names import qualified, quote_identifier
from platform_resources.quality import keys, sql_guard
from platform_resources.quality.checks import Check, NotEvaluableError, is_inside
from platform_resources.quality.columns import Delivered

_PRIVATE = "internal"


@dataclass(frozen=True)
class Place:
    """Where the checks of one contract run: connection, audited table, and what else may be read.

    `rows_sql`: what is asked in place of the table: the table with a row for each item of a list, see `columns.spread`.
    """

    con: duckdb.DuckDBPyConnection
    contract: Contract
    table_sql: str
    delivered: Delivered
    allowed_tables: Collection[str]
    rows_sql: str | None = None
    _known: dict[tuple[str, str], sql_guard.GuardedQuery] = field(default_factory=dict, init=False, repr=False)

    @property
    def source(self) -> str:
        """What is asked, as SQL to stand in FROM."""
        return self.rows_sql or self.table_sql

    @cached_property
    def node(self) -> dict[str, Any] | None:
        return sql_guard.table_node(self.con, self.table_sql)

    @property
    def domain(self) -> str | None:
        """The domain whose private tables may be read: the catalog that the audited table is in."""
        return (self.node["catalog_name"] if self.node else None) or self.contract.domain

    @cached_property
    def grants(self) -> sql_guard.Grants:
        return sql_guard.grants_for(self.node, self.domain, self.allowed_tables, _PRIVATE)

    def guarded(self, check: Check) -> sql_guard.GuardedQuery:
        """The query of a SQL rule with its placeholders filled, after it was found to be harmless.

        It is over the table, to be looked at; it runs over `source`, see `runnable`.
        """
        return self._guarded_over(check, self.table_sql)

    def runnable(self, check: Check) -> sql_guard.GuardedQuery:
        """The same over what is asked."""
        return self._guarded_over(check, self.source)

    def _guarded_over(self, check: Check, table: str) -> sql_guard.GuardedQuery:
        """Parsed once: an audit asks for it when it plans, when it measures and when it tells."""
        if (check.name, table) not in self._known:
            self._known[check.name, table] = self._query(check, table)
        return self._known[check.name, table]

    def _query(self, check: Check, table: str) -> sql_guard.GuardedQuery:
        column = None
        if check.columns and (found := self.delivered.find(check.columns[0])) is not None:
            column = found.sql
        elif check.columns and is_inside(check.columns[0]):  # of a column that is not there the query itself tells
            raise NotEvaluableError(f"the table has no column {check.columns[0]}")
        return sql_guard.check_query(self.con, sql_guard.rule_query(check, table, column), self.grants)

    def run(self, check: Check) -> tuple[Any, bool]:
        """(answer, it counts rows of the audited table) of a SQL rule, which must return one row with one column."""
        cursor = self.con.execute(self.runnable(check).sql)
        answer = cursor.fetchmany(2)
        if len(answer) != 1:
            raise NotEvaluableError(
                f"the query must return one value, not {'no row' if not answer else 'several rows'}"
            )
        if len(answer[0]) != 1:
            raise NotEvaluableError(f"the query must return one value, not {len(answer[0])} columns")
        return answer[0][0], self.counts_rows(self.guarded(check))

    def reads_the_table(self, query: sql_guard.GuardedQuery) -> bool:
        """The query reads the audited table and, in its FROM, nothing else."""
        source = query.tree.get("from_table") or {}
        return source.get("type") == "BASE_TABLE" and self.node is not None and sql_guard.same_table(source, self.node)

    def counts_rows(self, query: sql_guard.GuardedQuery) -> bool:
        """The query is `SELECT count(*) FROM {table} [WHERE ...]`, so what it counts are rows of the audited table."""
        tree = query.tree
        selected = tree.get("select_list") or []
        return (
            tree["type"] == "SELECT_NODE"
            and len(selected) == 1
            and selected[0].get("class") == "FUNCTION"
            and selected[0]["function_name"] == "count_star"
            and selected[0]["filter"] is None
            and self.reads_the_table(query)
            and not any(tree[part] for part in ("modifiers", "group_expressions", "having", "qualify"))
            and not tree["cte_map"]["map"]
        )

    def orphans_query(self, check: Check) -> str:
        """The query for rows whose foreign key finds no row; see `keys.orphans`."""
        parent, columns = self.parent(check)
        return keys.orphans(self.table_sql, self.delivered.get_all(check.columns), parent, columns)

    def parent(self, check: Check) -> tuple[str, list[str]]:
        """(table, columns) that a relationship points to, as SQL; see `named`."""
        written, columns = str(check.arguments["table"]), [str(name) for name in check.arguments["columns"]]
        if len(columns) != len(check.columns):
            raise NotEvaluableError(f"{len(check.columns)} columns can't point to {len(columns)} columns of {written}")
        return self.named(written), [quote_identifier(name) for name in columns]

    def named(self, written: str) -> str:
        """A table that a relationship or a comparison names, as SQL.

        A single name is a table of the contract or of the domain; three names are the address of an input port.
        """
        parts = written.split(".")
        if len(parts) == 3:
            name = tuple(part.lower() for part in parts)
            if name not in self.grants.tables and name[:2] not in self.grants.schemas:
                raise NotEvaluableError(f"{written} is no declared input port: add it to inputPorts of the product")
            return qualified(*parts)
        if len(parts) != 1 or not written:
            raise NotEvaluableError(f"{written!r} is neither a table of the contract nor <domain>.<product>.v<major>")
        own = self.contract.table
        if written in (own.name, own.physical_name):
            return self.table_sql
        if self.domain is None:
            raise NotEvaluableError(f"{written} is in no known domain")
        table = next((t.physical_name for t in self.contract.tables if t.name == written), written)
        return qualified(self.domain, _PRIVATE, table)
