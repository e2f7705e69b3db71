"""Evaluate a contract's checks on a table.

By a plan (see `plan`): what files know first, then one scan, then a query for each key, foreign key and SQL rule. A
rule that can't be evaluated fails with its reason and stops no other.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any

import duckdb

from platform_resources.contracts.model import Contract
from platform_resources.contracts.score_weights import PROPERTY, ScoreWeights, weights_of
from platform_resources.quality import keys, measure
from platform_resources.quality.audit import Audit, CheckResult
from platform_resources.quality.carried import Carried, Count, Unproven, are_exact
from platform_resources.quality.checks import Check, NotEvaluableError, compile_checks
from platform_resources.quality.columns import Delivered, DeliveredColumn, extra_columns, schema_faults, spread
from platform_resources.quality.comparing import Comparing
from platform_resources.quality.conditions import UNIQUE_KINDS, bad_rows, length_proof
from platform_resources.quality.errors import explain
from platform_resources.quality.fusing import Fused, fused_of
from platform_resources.quality.incremental import NewRows, carry_on, needs_all_rows
from platform_resources.quality.plan import Facts, Plan, Route, facts_wanted, plan_checks
from platform_resources.quality.references import Place

_PROOFS_AT_ONCE = 200  # in one query


def evaluate(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    table_sql: str,
    now: datetime,
    data_as_of: datetime | None = None,
    allowed_tables: Collection[str] = (),
    other_columns: Collection[str] = (),
    only: Collection[str] | None = None,
    weights: ScoreWeights | None = None,
    carried: Carried | Unproven | None = None,
) -> Audit:
    """Audit a table against its contract.

    Parameters
    ----------
    con
        a connection that is in no transaction of its own, where the lakes are attached at the pinned snapshot: an error
        inside a transaction would take the rules after it along. It is only read from.
    contract
        its first schema object is the promise.
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
    only
        names of the checks that are evaluated; None: all of them.
    weights
        of the dimensions; None: the contract's own `scoreWeights`, without what a council says.
    carried
        what an earlier audit found of rows that are all still there as they were: rules that count rows one by one,
        keys and foreign keys are then asked of the rows since, and of all rows only where that proves nothing.

    An empty table breaks no rule about its rows (0 of 0); promise a rowCount to forbid it.
    """
    if now.tzinfo is None or (data_as_of is not None and data_as_of.tzinfo is None):
        raise ValueError("now and data_as_of need a time zone")
    started = time.perf_counter()
    checks = tuple(check for check in compile_checks(contract) if only is None or check.name in only)
    weights = weights or weights_of(contract.custom.get(PROPERTY), "contract")
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
    run.carried = carried
    found: dict[str, CheckResult] = {}
    kept: dict[str, Count] = {}
    for part, asked in run.parts(checks):
        part.ask(asked)
        found |= {check.name: part.result(check) for check in asked}
        kept |= part.kept()
    results = tuple(found[check.name] for check in checks)
    seconds = time.perf_counter() - started
    return Audit(results, run.rows or 0, delivered.schema, seconds, weights, kept)


def plan_for(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    table_sql: str,
    now: datetime,
    allowed_tables: Collection[str] = (),
    carried: Carried | Unproven | None = None,
) -> Plan:
    """How `evaluate` would answer each check, by what files know of the table now; duckdb.Error if there is none."""
    run = _Run(con, contract, table_sql, describe(con, table_sql), now.astimezone(UTC), None, allowed_tables)
    run.carried = carried
    checks = compile_checks(contract)
    routes = [route for part, asked in run.parts(checks) for route in part.planned(asked, part.carried).routes]
    order = {check.name: at for at, check in enumerate(checks)}
    return Plan(tuple(sorted(routes, key=lambda route: order[route.check.name])), carried)


def describe(con: duckdb.DuckDBPyConnection, table_sql: str) -> Delivered:
    rows = con.execute(f"DESCRIBE SELECT * FROM {table_sql}").fetchall()
    return Delivered(DeliveredColumn(row[0], row[1]) for row in rows)


@dataclass
class _Run:
    """One evaluation: the plan, and what was measured or why it couldn't be, by SQL expression.

    `rows_sql`: for the items of a list, the table with a row for each of them; see `columns.spread`.
    """

    con: duckdb.DuckDBPyConnection
    contract: Contract
    table_sql: str
    delivered: Delivered
    now: datetime
    data_as_of: datetime | None
    allowed_tables: Collection[str]
    rows_sql: str | None = None
    other_columns: frozenset[str] = frozenset()
    carried: Carried | Unproven | None = None
    rows: int | None = None
    joined: dict[str, Any] = field(default_factory=dict)  # check name -> what rows carried and new tell together
    counts: dict[str, Count] = field(default_factory=dict)  # check name -> what is known of them, of those joined
    routes: dict[str, Route] = field(default_factory=dict)  # check name -> how it is answered
    proven: frozenset[str] = frozenset()  # names of checks that no row breaks, as files tell
    measured: dict[str, Any] = field(default_factory=dict)  # aggregate expression -> value
    broken: dict[str, str] = field(default_factory=dict)  # aggregate expression -> error
    shares: dict[str, float] = field(default_factory=dict)  # check name -> its seconds of the queries for many

    def parts(self, checks: Iterable[Check]) -> list[tuple[_Run, list[Check]]]:
        """The checks by what they are asked of: first those of rows, then those of the items of each list."""
        of: dict[str | None, list[Check]] = {None: []}
        for check in checks:
            of.setdefault(check.asks_items, []).append(check)
        found = [(self, of.pop(None))]
        for path, asked in of.items():
            run = self._of_items(str(path))
            if run is None:
                found[0][1].extend(asked)  # each of which tells that there is no such list
            else:
                found.append((run, asked))
        return found

    def _of_items(self, path: str) -> _Run | None:
        """The evaluation of the rules about the items of a list; None when there is no such list."""
        try:
            rows_sql, delivered = spread(self.table_sql, self.delivered, path)
        except NotEvaluableError:
            return None
        carried = self.carried
        if isinstance(carried, Carried):
            old, new = (spread(part, self.delivered, path)[0] for part in (carried.old_sql, carried.new_sql))
            carried = replace(carried, old_sql=old, new_sql=new)
        known = (self.con, self.contract, self.table_sql, delivered, self.now, self.data_as_of, self.allowed_tables)
        return _Run(*known, rows_sql=rows_sql, carried=carried)

    def ask(self, checks: Collection[Check]) -> None:
        """Plan, and measure by few queries all that needs none of its own."""
        plan = self._joined(self.planned(checks, self.carried))
        self.routes = {route.check.name: route for route in plan.routes}
        started = time.perf_counter()
        self.proven = self._proven(plan)
        self._share(started, [name for proof in plan.proofs for name in proof.checks])
        started = time.perf_counter()
        self._measure([each for each in plan.scan(self.proven) if each not in self.measured])
        self._share(started, [r.check.name for r in plan.routes if r.scanned and r.check.name not in self.proven])

    def planned(self, checks: Collection[Check], carried: Carried | Unproven | None) -> Plan:
        """The plan, by what files know of the table."""
        whole = (check for check in checks if needs_all_rows(check, self.delivered, carried))
        known = facts_wanted(whole, self.delivered)
        if self.rows_sql is None:
            if isinstance(carried, Carried):
                self.measured["count(*)"] = carried.all_rows
            self._measure([each for each in ("count(*)", *known) if each not in self.measured])
            self.rows = self.measured.get("count(*)")
        facts = Facts(self.rows or 0, {each: self.measured[each] for each in known if each in self.measured})
        fused = {check.name: fused for check in checks if check.kind == "sql" and (fused := self._fused(check))}
        plan = plan_checks(checks, self.delivered, facts, self.now, fused)
        return carry_on(plan, self.delivered, self.now, fused, carried)

    def kept(self) -> dict[str, Count]:
        """Check name -> what a later audit may build on, besides its result."""
        whole = (route for name, route in self.routes.items() if route.mark is not None and name not in self.joined)
        return {**self.counts, **{route.check.name: count for route in whole if (count := self._kept(route))}}

    def _kept(self, route: Route) -> Count | None:
        asked = None if route.asked is None else self.measured.get(route.asked)
        if route.fused is not None:
            parts = tuple(self.measured.get(part, "not measured") for part in route.counted_by)
            return Count(str(route.mark), parts=parts, asked=asked) if are_exact(parts) else None
        bounds = route.bounds if route.check.kind in UNIQUE_KINDS else None
        return Count(str(route.mark), bounds=bounds or (), asked=asked)

    def _joined(self, plan: Plan) -> Plan:
        """Ask the new rows what is carried on; what they can't answer is planned anew, of all rows."""
        if not isinstance(self.carried, Carried):
            return plan
        asked = [route for route in plan.routes if route.carried is not None]
        news = NewRows(self.con, self._place, self.carried, self._share)
        self.joined = news.answers(asked)
        self.counts = {name: count for name, count in news.counts.items() if name in self.joined}
        left = [route.check for route in asked if route.check.name not in self.joined]
        if not left:
            return plan
        again = {route.check.name: route for route in self.planned(left, None).routes}
        return replace(plan, routes=tuple(again.get(route.check.name, route) for route in plan.routes))

    def result(self, check: Check) -> CheckResult:
        """The result of one check: from what was measured for many, or from the check's own query."""
        started = time.perf_counter()
        try:
            if self.rows is None and self.rows_sql is None:
                raise NotEvaluableError(f"the table can't be counted: {self.broken.get('count(*)', 'unknown error')}")
            route = self.routes[check.name]
            if route.refusal is not None:
                raise NotEvaluableError(route.refusal)
            rows = self._asked(route)
            if check.name not in self.proven and route.scanned in self.broken and check.kind != "sql":
                raise NotEvaluableError(self.broken[str(route.scanned)])
            found = self._judge(check, rows)
        except NotEvaluableError as reason:
            return _failed(check, str(reason), self.rows, time.perf_counter() - started)
        except duckdb.InterruptException:
            raise
        except duckdb.Error as error:
            return _failed(check, explain(error), self.rows, time.perf_counter() - started)
        seconds = time.perf_counter() - started + self.shares.get(check.name, 0.0)
        return measure.to_result(check, found, rows, seconds)

    def _asked(self, route: Route) -> int:
        """How many rows, items or objects a check is asked of."""
        if route.asked is None:
            return self.rows or 0
        if route.check.name in self.joined:
            return self.counts[route.check.name].asked or 0
        if route.asked in self.broken:
            raise NotEvaluableError(self.broken[route.asked])
        return int(self.measured[route.asked])

    def _proven(self, plan: Plan) -> frozenset[str]:
        """The checks that no row breaks. What can't be asked this way is counted in the scan."""
        proven: list[str] = []
        for first in range(0, len(plan.proofs), _PROOFS_AT_ONCE):
            proofs = plan.proofs[first : first + _PROOFS_AT_ONCE]
            query = " UNION ALL ".join(
                f"SELECT {at}, count(*) FROM (SELECT 1 FROM {self.table_sql} WHERE {' OR '.join(proof.conditions)} "
                "LIMIT 1)"
                for at, proof in enumerate(proofs)
            )
            try:
                found = dict(self.con.execute(query).fetchall())
            except duckdb.InterruptException:
                raise
            except duckdb.Error:
                continue
            proven += [name for at, proof in enumerate(proofs) if not found[at] for name in proof.checks]
        return frozenset(proven)

    def _judge(self, check: Check, rows: int) -> measure.Finding:
        if check.name in self.joined:
            return self._found(check, self.joined[check.name], rows)
        if check.kind == "schema":
            return measure.schema(schema_faults(self.con, self.contract.table, self.delivered), len(check.columns))
        if check.kind == "extra_columns":
            extra = extra_columns(self.contract.table, self.delivered)
            return measure.extra([name for name in extra if name.lower() not in self.other_columns])
        if check.kind == "freshness":
            route = self.routes[check.name]
            return measure.freshness(check, self.measured[str(route.scanned or route.known)], self.now, self.data_as_of)
        if check.kind == "completeness":
            return measure.completeness(check, self._bad(check), rows)
        if check.kind == "row_count":
            return measure.row_count(check, rows)
        if check.kind == "relationships":
            return measure.counted(check, self._orphans(check), rows)
        if check.kind in UNIQUE_KINDS:
            return measure.counted(check, self._repeated(check), rows)
        if check.kind == "sql":
            return measure.answered(check, *self._answer(check), rows)
        if check.kind == "differing_values":
            return measure.compared(check, *self._comparing.compared(check))
        if check.kind == "custom":
            raise NotEvaluableError(measure.unsupported(check))
        return measure.counted(check, self._bad(check), rows)

    def _found(self, check: Check, answer: Any, rows: int) -> measure.Finding:
        """What a count of rows, or the answer of a SQL rule, tells of its check."""
        if check.kind == "completeness":
            return measure.completeness(check, answer, rows)
        if check.kind == "sql":
            return measure.answered(check, answer, self._place.counts_rows(self._place.guarded(check)), rows)
        return measure.counted(check, answer, rows)

    def _fused(self, check: Check) -> Fused | None:
        """A SQL rule as an aggregate of the scan, when it is one over the audited table; see `fusing`."""
        try:
            query = self._place.guarded(check)
        except (NotEvaluableError, duckdb.Error):
            return None  # which its own query tells
        return fused_of(self.con, query.tree) if self._place.reads_the_table(query) else None

    def _answer(self, check: Check) -> tuple[Any, bool]:
        """(answer, it counts rows) of a SQL rule: from the scan where it took part, else from its own query."""
        scanned = self.routes[check.name].scanned
        if scanned in self.measured:
            return self.measured[scanned], self._place.counts_rows(self._place.guarded(check))
        return self._place.run(check)

    def _bad(self, check: Check) -> int:
        if check.name in self.proven:
            return 0
        value = self.measured[str(self.routes[check.name].scanned)]
        proof = length_proof(check, self.delivered)
        if proof is None:
            return int(value or 0)  # count_if of no rows is NULL
        if value is None or value <= proof[1]:
            return 0
        return int(self._one_row([f"count_if({bad_rows(check, self.delivered)})"])[0])

    def _repeated(self, check: Check) -> int:
        """Rows that repeat an earlier row's key: what would have to go for the key to be unique."""
        columns, bounds = self.delivered.get_all(check.columns), self.routes[check.name].bounds
        if bounds == ():
            return 0  # no row has a whole key
        query = keys.distinct_exact if bounds is None else partial(keys.distinct_bitmap, bounds=bounds)
        rows, distinct = self.con.execute(query(self._place.source, columns)).fetchone()
        return int(rows) - int(distinct or 0)

    def _orphans(self, check: Check) -> int:
        exact, proof = self._place.orphans_query(check), self._orphans_proof(check)
        if proof is not None and self.con.execute(proof).fetchone()[0] == 0:
            return 0
        return int(self.con.execute(exact).fetchone()[0])

    def _orphans_proof(self, check: Check) -> str | None:
        """The query by bitmaps, where the parent's key is of integers too."""
        bounds = self.routes[check.name].bounds
        if not bounds:
            return None
        parent, _ = self._place.parent(check)
        described = describe(self.con, parent)
        found = [described.find(str(name)) for name in check.arguments["columns"]]
        parents = [column for column in found if column is not None and keys.has_bounds(column)]
        if len(parents) < len(found):
            return None
        columns = self.delivered.get_all(check.columns)
        return keys.orphans_bitmap(self.table_sql, columns, bounds, parent, parents)

    @cached_property
    def _place(self) -> Place:
        return Place(self.con, self.contract, self.table_sql, self.delivered, self.allowed_tables, self.rows_sql)

    @cached_property
    def _comparing(self) -> Comparing:
        alike = [route.check for route in self.routes.values() if route.check.kind == "differing_values"]
        return Comparing(self._place, alike)

    def _measure(self, expressions: Sequence[str]) -> None:
        """Aggregates of the table in one query; one by one when that query fails."""
        if not expressions:
            return
        try:
            self.measured.update(zip(expressions, self._one_row(expressions), strict=True))
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            for expression in expressions:
                self._measure_alone(expression)

    def _one_row(self, expressions: Sequence[str]) -> tuple[Any, ...]:
        row = self.con.execute(f"SELECT {', '.join(expressions)} FROM {self._place.source}").fetchone()
        return row or ()

    def _measure_alone(self, expression: str) -> None:
        try:
            self.measured[expression] = self._one_row([expression])[0]
        except duckdb.InterruptException:
            raise
        except duckdb.Error as error:
            self.broken[expression] = explain(error)

    def _share(self, started: float, names: Collection[str]) -> None:
        for name in names:
            self.shares[name] = self.shares.get(name, 0.0) + (time.perf_counter() - started) / len(names)


def _failed(check: Check, reason: str, rows: int | None, seconds: float) -> CheckResult:
    return CheckResult(
        check=check,
        passed=False,
        value=None,
        threshold=measure.promise(check),
        message=f"{check.name} can't be evaluated: {reason}",
        score=0.0,
        total_rows=rows,
        seconds=seconds,
        evaluated=False,
    )
