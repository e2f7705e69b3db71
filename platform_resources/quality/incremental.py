"""Audits of tables that only grew: a rule is measured on the new rows and joined with what is carried of the old ones.

Routes are decided purely (`carry_on`); `NewRows` asks. What the new rows can't answer alone, because a key of theirs is
repeated or a query of theirs fails, is left out: then the rule is asked of all rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import duckdb

from platform_resources.contracts.wording import counted
from platform_resources.quality import keys
from platform_resources.quality.carried import Carried, Count, Unproven, mark_of, why_in_full
from platform_resources.quality.checks import Check, NotEvaluableError
from platform_resources.quality.columns import Delivered
from platform_resources.quality.conditions import ROW_KINDS, UNIQUE_KINDS, aggregate
from platform_resources.quality.fusing import Fused
from platform_resources.quality.plan import Plan, Route
from platform_resources.quality.references import Place

_ASK_NO_ROWS = ("schema", "extra_columns", "row_count", "freshness", "custom")


def carry_on(
    plan: Plan,
    delivered: Delivered,
    now: datetime,
    fused: Mapping[str, Fused],
    carried: Carried | Unproven | None,
) -> Plan:
    """The plan with a mark on each rule whose count can be carried, and what is carried already taken into account."""
    routes = (_marked(route, delivered, now, fused.get(route.check.name)) for route in plan.routes)
    if isinstance(carried, Carried):
        routes = (_carried_on(route, carried) for route in routes)
    return replace(plan, routes=tuple(routes), carried=carried)


def needs_all_rows(check: Check, delivered: Delivered, carried: Carried | Unproven | None) -> bool:
    """Whether a key is asked of all rows, so that a plan needs to know its bounds."""
    if not isinstance(carried, Carried) or check.kind not in (*UNIQUE_KINDS, "relationships"):
        return True
    return why_in_full(check, mark_of(check, delivered, None), carried) is not None


def _marked(route: Route, delivered: Delivered, now: datetime, fused: Fused | None) -> Route:
    check, counted_by = route.check, None
    if route.refusal is not None:
        return route
    if check.kind in ROW_KINDS:
        counted_by = aggregate(check, delivered, now)
    elif fused is not None and fused.adds_up:
        counted_by = fused.expression
    return replace(route, mark=mark_of(check, delivered, counted_by), counted_by=counted_by)


def _carried_on(route: Route, carried: Carried) -> Route:
    check = route.check
    if route.refusal is not None or check.kind in _ASK_NO_ROWS:
        return route
    reason = why_in_full(check, route.mark, carried)
    if reason is not None:
        return replace(route, why=f"{route.why}; of all rows: {reason}")
    count = carried.counts[check.name]
    told = _told(count, carried)
    if not carried.new_rows:
        return _answered(route, count, 0, "what is carried", told, "no rows read")
    names = ", ".join(check.columns)
    if check.kind in UNIQUE_KINDS:
        cost = f"one pass over {names} of the new rows, and of old ones among whose keys theirs may be"
        return _answered(route, count, 2, f"new {names} among themselves and the old", told, cost)
    if check.kind == "relationships":
        parent = check.arguments["table"]
        cost = f"one pass over {names} of the new rows, and over {parent} where such keys may be"
        return _answered(route, count, 2, f"new {names} without a row in {parent}", told, cost)
    return _answered(route, count, 1, str(route.counted_by), told, "part of one scan of the new rows")


def _answered(route: Route, count: Count, tier: Any, how: str, why: str, cost: str) -> Route:
    """A route by what is carried, which asks nothing of all rows."""
    return Route(route.check, tier, how, why, cost, mark=route.mark, counted_by=route.counted_by, carried=count.bad)


def _told(count: Count, carried: Carried) -> str:
    rows, then = counted(carried.rows, "row"), f"publication #{carried.number}"
    known = f"{count.bad:,} in {rows} counted by {then}" if count.bad else f"proven for {rows} by {then}"
    news = f"{carried.new_rows:,} new {'row is' if carried.new_rows == 1 else 'rows are'} read"
    return f"{known}; {news if carried.new_rows else 'none came since'}"


@dataclass(frozen=True)
class NewRows:
    """What the new rows of a table add to the counts that are carried. `spent` is told when a query began, for whom."""

    con: duckdb.DuckDBPyConnection
    place: Place
    carried: Carried
    spent: Callable[[float, Collection[str]], None]

    def counts(self, routes: Sequence[Route]) -> dict[str, int]:
        """Check name -> what it counts in old and new rows, of routes that are carried; see the module."""
        if not self.carried.new_rows:
            return {route.check.name: int(route.carried or 0) for route in routes}
        found = self._scanned([route for route in routes if route.counted_by is not None])
        for route in routes:
            if route.counted_by is None and (bad := self._by_key(route.check)) is not None:
                found[route.check.name] = bad
        return found

    def _scanned(self, routes: Sequence[Route]) -> dict[str, int]:
        """Those that one scan counts."""
        wanted = tuple(dict.fromkeys(str(route.counted_by) for route in routes))
        names = [route.check.name for route in routes]
        row = self._asked(f"SELECT {', '.join(wanted)} FROM {self.carried.new_sql}", names) if wanted else None
        if row is None:
            return {}
        measured = dict(zip(wanted, row, strict=True))  # count_if of no rows is NULL
        return {r.check.name: int(r.carried or 0) + int(measured[str(r.counted_by)] or 0) for r in routes}

    def _by_key(self, check: Check) -> int | None:
        try:
            query = self._key_query(check)
        except (duckdb.Error, NotEvaluableError):
            return None
        row = self._asked(query, [check.name])
        # How many rows would have to go for a key to be unique is told by all rows alone.
        return None if row is None or (row[0] and check.kind in UNIQUE_KINDS) else int(row[0])

    def _key_query(self, check: Check) -> str:
        columns, new = self.place.delivered.get_all(check.columns), self.carried.new_sql
        if check.kind in UNIQUE_KINDS:
            return keys.repeated_in_new(new, self.carried.old_sql, columns)
        return keys.orphans_in_few(new, columns, *self.place.parent(check))

    def _asked(self, query: str, names: Collection[str]) -> tuple[Any, ...] | None:
        started = time.perf_counter()
        try:
            return self.con.execute(query).fetchone()
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            return None
        finally:
            self.spent(started, names)
