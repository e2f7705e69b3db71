"""Evaluate a contract's checks on a table.

Three kinds of query: one that lists the columns, one scan that measures everything that can be aggregated, and one
exact query for each key, foreign key and SQL rule. A rule that can't be evaluated fails with its reason and stops no
other.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import duckdb

from platform_resources.contracts.model import Contract
from platform_resources.quality import measure, plan
from platform_resources.quality.audit import Audit, CheckResult, score_weights
from platform_resources.quality.checks import Check, NotEvaluableError, compile_checks
from platform_resources.quality.columns import Delivered, DeliveredColumn, extra_columns, schema_faults
from platform_resources.quality.errors import explain
from platform_resources.quality.fusing import aggregate_of
from platform_resources.quality.references import Place
from platform_resources.quality.thresholds import threshold_text


def evaluate(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    table_sql: str,
    now: datetime,
    data_as_of: datetime | None = None,
    allowed_tables: Collection[str] = (),
    other_columns: Collection[str] = (),
) -> Audit:
    """Audit a table against its contract.

    Parameters
    ----------
    con
        a connection that is in no transaction of its own, where the lakes are attached at the pinned snapshot: an error
        inside a transaction would take the rules after it along. It is only read from.
    contract
        its first schema object is the promise; `scoreWeights` among its custom properties weigh the dimensions.
    table_sql
        the table's quoted SQL name, as `"crm"."internal"."customer_360"`.
    other_columns
        names of columns that other ports promise from the same table: they are no surprise.
    now, data_as_of
        with time zone. The age of the data is `now` less the later of its latest timestamp and `data_as_of`, the moment
        up to which its sources are known to be complete: a night without receipts is not stale data.
    allowed_tables
        addresses of the declared input ports (`sales.bookings.v1`), which SQL rules and relationships may read besides
        the table itself and `<domain>.internal.*`.

    An empty table breaks no rule about its rows (0 of 0); promise a rowCount to forbid it.
    """
    if now.tzinfo is None or (data_as_of is not None and data_as_of.tzinfo is None):
        raise ValueError("now and data_as_of need a time zone")
    started = time.perf_counter()
    checks = compile_checks(contract)
    weights = score_weights(contract.custom.get("scoreWeights"))
    try:
        delivered = describe(con, table_sql)
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        reason = f"the table can't be read: {explain(error)}"
        results = tuple(_failed(check, reason, None, 0.0) for check in checks)
        return Audit(results, 0, (), time.perf_counter() - started, weights)
    run = _Run(con, contract, table_sql, delivered, now.astimezone(UTC), data_as_of, allowed_tables)
    run.other_columns = frozenset(name.lower() for name in other_columns)
    run.scan(checks)
    results = tuple(run.result(check) for check in checks)
    return Audit(results, run.rows or 0, delivered.schema, time.perf_counter() - started, weights)


def describe(con: duckdb.DuckDBPyConnection, table_sql: str) -> Delivered:
    rows = con.execute(f"DESCRIBE SELECT * FROM {table_sql}").fetchall()
    return Delivered(DeliveredColumn(row[0], row[1]) for row in rows)


@dataclass
class _Run:
    """One evaluation: what the scan measured, or why it couldn't, by SQL expression and check name."""

    con: duckdb.DuckDBPyConnection
    contract: Contract
    table_sql: str
    delivered: Delivered
    now: datetime
    data_as_of: datetime | None
    allowed_tables: Collection[str]
    rows: int | None = None
    other_columns: frozenset[str] = frozenset()
    scan_share: float = 0.0  # seconds of the scan for each check that it served
    needs: dict[str, list[str]] = field(default_factory=dict)  # check name -> aggregate expressions
    unfit: dict[str, str] = field(default_factory=dict)  # check name -> why it can't be evaluated
    measured: dict[str, Any] = field(default_factory=dict)  # aggregate expression -> value
    broken: dict[str, str] = field(default_factory=dict)  # aggregate expression -> error

    def scan(self, checks: Collection[Check]) -> None:
        """Measure everything that can be aggregated in one query; one by one when that query fails."""
        for check in checks:
            try:
                self.needs[check.name] = self._expressions(check)
            except NotEvaluableError as reason:
                self.unfit[check.name] = str(reason)
        expressions = list(dict.fromkeys(e for needed in self.needs.values() for e in needed))
        started = time.perf_counter()
        try:
            row = self._one_row(["count(*)", *expressions])
            self.rows, self.measured = int(row[0]), dict(zip(expressions, row[1:], strict=True))
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            for expression in ["count(*)", *expressions]:
                self._measure_alone(expression)
            self.rows = self.measured.get("count(*)")
        served = sum(1 for needed in self.needs.values() if needed) or 1
        self.scan_share = (time.perf_counter() - started) / served

    def result(self, check: Check) -> CheckResult:
        """The result of one check: from the scan, or from the check's own exact query."""
        started = time.perf_counter()
        try:
            if self.rows is None:
                raise NotEvaluableError(f"the table can't be counted: {self.broken.get('count(*)', 'unknown error')}")
            if check.name in self.unfit:
                raise NotEvaluableError(self.unfit[check.name])
            for expression in self.needs[check.name]:
                if expression in self.broken and check.kind != "sql":
                    raise NotEvaluableError(self.broken[expression])
            found = self._judge(check)
        except NotEvaluableError as reason:
            return _failed(check, str(reason), self.rows, time.perf_counter() - started)
        except duckdb.InterruptException:
            raise
        except duckdb.Error as error:
            return _failed(check, explain(error), self.rows, time.perf_counter() - started)
        share = self.scan_share if self.needs[check.name] else 0.0
        return measure.to_result(check, found, self.rows, time.perf_counter() - started + share)

    def _expressions(self, check: Check) -> list[str]:
        if check.kind in plan.UNIQUE_KINDS:
            bounds = [plan.bounds_expressions(column) for column in self.delivered.get_all(check.columns)]
            return [expression for bound in bounds if all(bounds) and bound for expression in bound]
        if check.kind == "completeness" and not check.columns:
            raise NotEvaluableError("the SLA names no element; write element: <table>.<column>, ...")
        if check.kind == "freshness":
            if not check.columns:
                raise NotEvaluableError("the SLA names no element; write element: <table>.<timestamp column>")
            return [plan.aggregate(check, self.delivered, self.now)]
        if check.kind == "sql":
            return self._fused(check)
        if check.kind not in plan.ROW_KINDS:
            return []
        if proof := plan.length_proof(check, self.delivered):
            return [proof[0]]
        return [plan.aggregate(check, self.delivered, self.now)]

    def _judge(self, check: Check) -> measure.Finding:
        rows = self.rows or 0
        if check.kind == "schema":
            return measure.schema(schema_faults(self.con, self.contract.table, self.delivered), len(check.columns))
        if check.kind == "extra_columns":
            extra = extra_columns(self.contract.table, self.delivered)
            return measure.extra([name for name in extra if name.lower() not in self.other_columns])
        if check.kind == "freshness":
            return measure.freshness(check, self.measured[self.needs[check.name][0]], self.now, self.data_as_of)
        if check.kind == "completeness":
            return measure.completeness(check, self._bad(check), rows)
        if check.kind == "row_count":
            return measure.row_count(check, rows)
        if check.kind == "relationships":
            return measure.counted(check, self._orphans(check), rows)
        if check.kind in plan.UNIQUE_KINDS:
            return measure.counted(check, self._repeated(check), rows)
        if check.kind == "sql":
            return measure.answered(check, *self._answer(check), rows)
        if check.kind == "custom":
            raise NotEvaluableError(measure.unsupported(check))
        return measure.counted(check, self._bad(check), rows)

    def _fused(self, check: Check) -> list[str]:
        """A SQL rule as an aggregate of the scan, when it is one over the audited table; see `fusing`."""
        try:
            query = self._place.guarded(check)
        except duckdb.Error:
            return []
        if not self._place.reads_the_table(query):
            return []
        expression = aggregate_of(self.con, query.tree)
        return [] if expression is None else [expression]

    def _answer(self, check: Check) -> tuple[Any, bool]:
        """(answer, it counts rows) of a SQL rule: from the scan where it took part, else from its own query."""
        for expression in self.needs[check.name]:
            if expression in self.measured:
                return self.measured[expression], self._place.counts_rows(self._place.guarded(check))
        return self._place.run(check)

    def _bad(self, check: Check) -> int:
        value = self.measured[self.needs[check.name][0]]
        proof = plan.length_proof(check, self.delivered)
        if proof is None:
            return int(value or 0)  # count_if of no rows is NULL
        if value is None or value <= proof[1]:
            return 0
        return int(self._one_row([f"count_if({plan.bad_rows(check, self.delivered)})"])[0])

    def _repeated(self, check: Check) -> int:
        """Rows that repeat an earlier row's key: what would have to go for the key to be unique."""
        columns = self.delivered.get_all(check.columns)
        extremes = [self.measured[expression] for expression in self.needs[check.name]]
        query = None
        if extremes:
            if None in extremes:
                return 0  # no row has a whole key
            pairs = zip(extremes[::2], extremes[1::2], strict=True)
            bounds = [plan.Bounds(int(low), int(high)) for low, high in pairs]
            query = plan.distinct_bitmap(self.table_sql, columns, bounds, self.rows or 0)
        rows, distinct = self.con.execute(query or plan.distinct_exact(self.table_sql, columns)).fetchone()
        return int(rows) - int(distinct or 0)

    def _orphans(self, check: Check) -> int:
        query = self._place.orphans_query(check)
        return int(self.con.execute(query).fetchone()[0])

    @cached_property
    def _place(self) -> Place:
        return Place(self.con, self.contract, self.table_sql, self.delivered, self.allowed_tables)

    def _one_row(self, expressions: list[str]) -> tuple[Any, ...]:
        row = self.con.execute(f"SELECT {', '.join(expressions)} FROM {self.table_sql}").fetchone()
        return row or ()

    def _measure_alone(self, expression: str) -> None:
        try:
            self.measured[expression] = self._one_row([expression])[0]
        except duckdb.InterruptException:
            raise
        except duckdb.Error as error:
            self.broken[expression] = explain(error)


def _failed(check: Check, reason: str, rows: int | None, seconds: float) -> CheckResult:
    return CheckResult(
        check=check,
        passed=False,
        value=None,
        threshold=threshold_text(check.operator, check.threshold, check.unit),
        message=f"{check.name} can't be evaluated: {reason}",
        score=0.0,
        total_rows=rows,
        seconds=seconds,
        evaluated=False,
    )
