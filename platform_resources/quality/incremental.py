"""Audits of tables that only grew: a rule is measured on the new rows and joined with what is carried of the old ones.

Routes are decided purely (`carry_on`); `NewRows` asks. What the new rows can't answer alone, because a key of theirs is
repeated or a query of theirs fails, is left out: then the rule is asked of all rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from typing import Any

import duckdb

from platform_resources.contracts.wording import counted
from platform_resources.lake.names import quote_literal
from platform_resources.quality import keys
from platform_resources.quality.carried import Carried, Count, Unproven, added, mark_of, why_in_full
from platform_resources.quality.checks import Check, NotEvaluableError
from platform_resources.quality.columns import Delivered
from platform_resources.quality.conditions import ROW_KINDS, UNIQUE_KINDS, aggregate
from platform_resources.quality.fusing import Fused
from platform_resources.quality.keys import Bounds
from platform_resources.quality.plan import Plan, Route, bounds_wanted
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
    return why_in_full(check, mark_of(check, delivered, ()), carried) is not None


def _marked(route: Route, delivered: Delivered, now: datetime, fused: Fused | None) -> Route:
    check = route.check
    if route.refusal is not None:
        return route
    if check.kind in ROW_KINDS:
        by = (aggregate(check, delivered, now),)
        return replace(route, counted_by=by, mark=mark_of(check, delivered, by))
    if fused is not None and _is_exact(fused, delivered):
        mark = mark_of(check, delivered, fused.parts, fused.answer)
        return replace(route, counted_by=fused.parts, fused=fused, mark=mark)
    return replace(route, mark=mark_of(check, delivered, ()))


def _is_exact(fused: Fused, delivered: Delivered) -> bool:
    """A mean is made of its sum where that is exact; what else has parts is made of them as it stands."""
    column = None if fused.mean_of is None else delivered.find(fused.mean_of)
    return fused.mean_of is None or (column is not None and column.family in ("integer", "decimal"))


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
    return _answered(route, count, 1, ", ".join(route.counted_by), told, "part of one scan of the new rows")


def _answered(route: Route, count: Count, tier: Any, how: str, why: str, cost: str) -> Route:
    """A route by what is carried, which asks nothing of all rows."""
    kept = {"counted_by": route.counted_by, "fused": route.fused, "mark": route.mark, "asked": route.asked}
    return Route(route.check, tier, how, why, cost, carried=count, **kept)


def _told(count: Count, carried: Carried) -> str:
    rows, then = counted(carried.rows, "row"), f"publication #{carried.number}"
    known = f"proven for {rows} by {then}"
    if count.bad or count.parts:
        known = f"{f'{count.bad:,} in ' if count.bad else ''}{rows} counted by {then}"
    news = f"{carried.new_rows:,} new {'row is' if carried.new_rows == 1 else 'rows are'} read"
    return f"{known}; {news if carried.new_rows else 'none came since'}"


@dataclass
class NewRows:
    """What the new rows of a table add to what is carried. `spent` is told when a query began, for whom."""

    con: duckdb.DuckDBPyConnection
    place: Place
    carried: Carried
    spent: Callable[[float, Collection[str]], None]
    measured: dict[str, Any] = field(default_factory=dict)  # expression -> its value for the new rows
    counts: dict[str, Count] = field(default_factory=dict)  # check name -> what is known of old and new rows

    def answers(self, routes: Sequence[Route]) -> dict[str, Any]:
        """Check name -> what it counts in old and new rows, or a SQL rule's answer; see the module."""
        self._scan([route for route in routes if self.carried.new_rows or route.fused is not None])
        found = {route.check.name: self._answer(route) for route in routes}
        return {name: answer for name, answer in found.items() if answer is not None}

    def _scan(self, routes: Sequence[Route]) -> None:
        """Ask all that one scan can tell; if one rule fails in it, each alone, so that others' answers are known."""
        if not self._measure(routes) and len(routes) > 1:
            for route in routes:
                self._measure([route])

    def _measure(self, routes: Sequence[Route]) -> bool:
        """Whether it could be asked. The types of sums are asked with them: they decide how an answer is made."""
        wanted = [part for route in routes for part in route.counted_by]
        wanted += [_type_of(part) for route in routes if route.fused is not None for part in route.counted_by]
        wanted += [each for route in routes for each in self._bounds_wanted(route.check)]
        wanted += [route.asked for route in routes if route.asked is not None]
        asked = tuple(dict.fromkeys(wanted))
        if not asked:
            return True
        query = f"SELECT {', '.join(asked)} FROM {self.carried.new_sql}"
        row = self._asked(query, [route.check.name for route in routes])
        self.measured.update(zip(asked, row or (), strict=False))
        return row is not None

    def _answer(self, route: Route) -> Any:
        """What old and new rows tell together; None when that can't be told exactly."""
        count = self._with_asked(route, route.carried or Count(""))
        if count is None:
            return None
        self.counts[route.check.name] = count
        if route.fused is None and not self.carried.new_rows:
            return count.bad
        if route.check.kind == "relationships":
            return self._orphans(route.check)
        if route.check.kind in UNIQUE_KINDS:
            return self._repeated(route.check, count)
        if any(part not in self.measured for part in route.counted_by):
            return None
        if route.fused is None:
            return count.bad + int(self.measured[route.counted_by[0]] or 0)  # count_if of no rows is NULL
        return self._joined(route.check.name, count, route.counted_by, route.fused)

    def _with_asked(self, route: Route, count: Count) -> Count | None:
        """The count with how many items or objects, old and new, the rule is asked of; None when that is not known."""
        if route.asked is None or not self.carried.new_rows:
            return count
        if count.asked is None or route.asked not in self.measured:
            return None
        return replace(count, asked=count.asked + int(self.measured[route.asked]))

    def _joined(self, name: str, count: Count, by: Sequence[str], fused: Fused) -> Any:
        """The answer of a SQL rule, of the counts and sums of both."""
        types = [self.measured[_type_of(part)] for part in by]
        if not all(type_ in ("BIGINT", "HUGEINT") or type_.startswith("DECIMAL") for type_ in types):
            return None
        parts = tuple(added(old, self.measured[part]) for old, part in zip(count.parts, by, strict=True))
        self.counts[name] = replace(count, parts=parts)
        if fused.answer is None:
            return float(Fraction(parts[0] or 0) / parts[1]) if parts[1] else None
        values = ("NULL" if part is None else quote_literal(str(part)) for part in parts)
        typed = zip(values, types, strict=True)
        columns = ", ".join(f"CAST({value} AS {type_}) AS p{at}" for at, (value, type_) in enumerate(typed))
        row = self._asked(f"SELECT {fused.answer} FROM (SELECT {columns})", [name])
        return None if row is None else row[0]

    def _orphans(self, check: Check) -> int | None:
        columns = self.place.delivered.get_all(check.columns)
        try:
            parent = self.place.parent(check)
        except NotEvaluableError:
            return None
        query = keys.orphans_in_few(self.carried.new_sql, columns, *parent, self._bounds(check))
        return self._number(query, check)

    def _repeated(self, check: Check, count: Count) -> int | None:
        """0 for a unique key; of a repeated one only all rows tell how many would have to go."""
        columns, bounds = self.place.delivered.get_all(check.columns), self._bounds(check)
        self.counts[check.name] = replace(count, bounds=self._bounds_of_all(check, count))
        query = keys.distinct(self.carried.new_sql, columns, bounds, self.carried.new_rows)
        row = self._asked(query, [check.name])
        if row is None or row[0] != (row[1] or 0):
            return None
        if bounds and keys.are_apart(count.bounds, bounds):
            return 0
        again = self._number(keys.repeated_in_old(self.carried.new_sql, self.carried.old_sql, columns), check)
        return 0 if again == 0 else None

    def _bounds_of_all(self, check: Check, count: Count) -> tuple[Bounds, ...]:
        """Of old and new keys; empty where those of either are not known, for a later audit excludes keys by them."""
        if any(each not in self.measured for each in self._bounds_wanted(check)):
            return ()
        new = self._bounds(check)  # empty: no new row has a whole key
        return tuple(old.joined(one) for old, one in zip(count.bounds, new, strict=False)) if new else count.bounds

    def _bounds_wanted(self, check: Check) -> list[str]:
        if check.kind not in (*UNIQUE_KINDS, "relationships"):
            return []
        return bounds_wanted(self.place.delivered.get_all(check.columns))

    def _bounds(self, check: Check) -> tuple[Bounds, ...]:
        """Of the new keys; empty where they are not known, or there are none."""
        known = [self.measured.get(each) for each in self._bounds_wanted(check)]
        if None in known:
            return ()
        return keys.bounds_of(known)

    def _number(self, query: str, check: Check) -> int | None:
        row = self._asked(query, [check.name])
        return None if row is None else int(row[0])

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


def _type_of(part: str) -> str:
    return f"typeof({part})"
