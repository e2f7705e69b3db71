"""What to ask of a table for each check, at the cheapest tier that can answer it. Pure: it sees no data.

0  What files know: row counts, bounds of columns, and that no row breaks a rule about presence or limits. It is asked
   by queries, so it is as right as the engine whatever happened to the table (deletes, new columns, many files): files
   and row groups whose statistics exclude a bad row are not read, the others are.
1  One scan of the table for all that is counted row by row, and for the rules whose proof by tier 0 failed.
2  A query for each key, foreign key and rule of its own SQL.

Members of objects are asked of in the scan of the table; the items of a list in a scan of their own, which spreads the
list: of 4 M items 88 ms for four rules, 111 ms by functions of lists within the one scan.

Samples of bad rows (tier 3) are only taken when somebody asks for those of a failed rule; see `samples`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import prod
from typing import Literal

from platform_resources.contracts.wording import counted, listed
from platform_resources.quality.carried import Carried, Count, Unproven
from platform_resources.quality.checks import Check, NotEvaluableError
from platform_resources.quality.columns import Delivered, DeliveredColumn
from platform_resources.quality.comparing import comparison
from platform_resources.quality.conditions import (
    ROW_KINDS,
    UNIQUE_KINDS,
    aggregate,
    asked_of,
    check_arguments,
    excluded_by_files,
    latest_known,
    length_proof,
)
from platform_resources.quality.fusing import Fused
from platform_resources.quality.keys import Bounds, bounds_expressions, bounds_of, fits_bitmap, has_bounds

Tier = Literal[0, 1, 2]


@dataclass(frozen=True)
class Facts:
    """What files know of a table: its rows, and the values of `facts_wanted`; what could not be asked is missing."""

    rows: int = 0
    values: Mapping[str, object] = field(default_factory=dict)  # aggregate expression -> value


@dataclass(frozen=True)
class Route:
    """How one check is answered. `how` and `why` are for people: what is asked, and why the answer is right."""

    check: Check
    tier: Tier
    how: str
    why: str
    cost: str
    proof: str | None = None  # condition that no row meets when the check holds
    scanned: str | None = None  # aggregate of the one scan, where there is no proof or it fails
    known: str | None = None  # aggregate that files have answered already, where nothing more is asked
    bounds: tuple[Bounds, ...] | None = None  # of the key's columns, when a bitmap of it is made
    refusal: str | None = None  # why it can't be evaluated
    asked: str | None = None  # aggregate that counts the items or objects that it is asked of; None: every row
    counted_by: tuple[str, ...] = ()  # aggregates whose values for two parts of the rows add up
    fused: Fused | None = None  # how a SQL rule's answer is made of them
    mark: str | None = None  # of a count that can be carried on; see `carried`
    carried: Count | None = None  # what is carried of it, where only new rows are asked


@dataclass(frozen=True)
class Proof:
    """All of `checks` hold if no row meets one of `conditions`."""

    conditions: tuple[str, ...]
    checks: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """The routes, in the order of the checks, and what of an earlier audit they build on; see `incremental`."""

    routes: tuple[Route, ...]
    carried: Carried | Unproven | None = None

    @property
    def proofs(self) -> tuple[Proof, ...]:
        """One for each column: its rules hold together, or each is counted."""
        found: dict[tuple[str, ...], list[Route]] = {}
        for route in self.routes:
            if route.proof is not None:
                found.setdefault(route.check.columns, []).append(route)
        return tuple(
            Proof(tuple(dict.fromkeys(str(r.proof) for r in routes)), tuple(r.check.name for r in routes))
            for routes in found.values()
        )

    def scan(self, proven: Iterable[str] = ()) -> tuple[str, ...]:
        """The aggregates of the one scan, each once, but for the checks that are proven."""
        without = frozenset(proven)
        asked = [route for route in self.routes if route.scanned is not None and route.check.name not in without]
        parts = (part for route in asked if route.fused is not None for part in route.counted_by)
        of = (route.asked for route in self.routes if route.asked is not None and route.carried is None)
        return tuple(dict.fromkeys((*(str(route.scanned) for route in asked), *parts, *of)))


def facts_wanted(checks: Iterable[Check], delivered: Delivered) -> tuple[str, ...]:
    """Aggregates that files know and that plans are made with: bounds of integer keys, and latest moments."""
    found: dict[str, None] = {}
    for check in checks:
        try:
            if check.kind in UNIQUE_KINDS or check.kind == "relationships":
                found |= dict.fromkeys(bounds_wanted(delivered.get_all(check.columns)))
            elif check.kind == "freshness" and check.columns:
                found |= {latest_known(check, delivered): None}
        except NotEvaluableError:
            continue  # which its route tells
    return tuple(found)


def plan_checks(
    checks: Iterable[Check],
    delivered: Delivered,
    facts: Facts,
    now: datetime,
    fused: Mapping[str, Fused] | None = None,
) -> Plan:
    """The cheapest route of each check that gives the right answer.

    `fused`: SQL rules that are an aggregate over the table, by name; see `fusing`.
    """
    routes = (_route(check, delivered, facts, now, fused or {}) for check in checks)
    return Plan(tuple(_asking(route, delivered) for route in routes))


def _asking(route: Route, delivered: Delivered) -> Route:
    """The route with what counts what it is asked of, where that is not every row."""
    check = route.check
    if route.refusal is not None:
        return route
    if check.asks_items is None:
        by_row = check.kind in (*ROW_KINDS, *UNIQUE_KINDS)
        if not by_row or all(column.expression is None for column in delivered.get_all(check.columns)):
            return route
    return replace(route, asked=asked_of(check, delivered))


def _route(check: Check, delivered: Delivered, facts: Facts, now: datetime, fused: Mapping[str, Fused]) -> Route:
    try:
        check_arguments(check)
        if check.kind in ROW_KINDS:
            return _of_rows(check, delivered, now)
        if check.kind in UNIQUE_KINDS:
            return _of_key(check, delivered, facts)
        if check.kind == "relationships":
            return _of_foreign_key(check, delivered, facts)
        if check.kind == "freshness":
            return _of_age(check, delivered, facts, now)
        if check.kind == "differing_values":
            return _of_comparison(check, delivered)
    except NotEvaluableError as reason:
        return Route(check, 0, "not evaluated", str(reason), "nothing", refusal=str(reason))
    if check.kind == "sql" and check.name in fused:
        what = "the table" if check.asks_items is None else "the items"
        return _scanned(check, fused[check.name].expression, f"the rule's query is an aggregate over {what} alone")
    if check.kind == "sql":
        return Route(check, 2, "the rule's own query", "it is run as it stands", "what the query reads")
    if check.kind == "custom":
        return Route(check, 0, "not evaluated", "it is a rule of another engine", "nothing")
    if check.kind == "row_count":
        return Route(check, 0, "count(*)", "files know how many rows they hold, less those deleted", "no rows read")
    return Route(check, 0, "names and types of the columns", "the table's own schema is compared", "no rows read")


def _of_rows(check: Check, delivered: Delivered, now: datetime) -> Route:
    if check.kind == "completeness" and not check.columns:
        raise NotEvaluableError("the SLA names no element; write element: <table>.<column>, ...")
    counted = aggregate(check, delivered, now)
    if (proof := excluded_by_files(check, delivered)) is not None:
        return Route(
            check,
            0,
            f"no row WHERE {proof}",
            "files whose statistics exclude such a row are not read; if there is one, rows are counted in the scan",
            "no rows read, when statistics exclude it",
            proof=proof,
            scanned=counted,
        )
    if (longest := length_proof(check, delivered)) is not None:
        why = "a text has at least as many bytes as characters; if the longest has too many, characters are counted"
        return _scanned(check, longest[0], why)
    what = "rows" if check.asks_items is None else "items"
    return _scanned(check, counted, f"bad {what} are counted one by one")


def _scanned(check: Check, expression: str, why: str) -> Route:
    cost = "part of one scan" if check.asks_items is None else f"part of one scan of {check.asks_items}"
    return Route(check, 1, expression, why, cost, scanned=expression)


def _of_age(check: Check, delivered: Delivered, facts: Facts, now: datetime) -> Route:
    if not check.columns:
        raise NotEvaluableError("the SLA names no element; write element: <table>.<timestamp column>")
    known = latest_known(check, delivered)
    latest = facts.values.get(known)
    if latest is None and known in facts.values:
        return Route(check, 0, known, "files know that there is no value", "no rows read", known=known)
    if isinstance(latest, int) and latest <= now.timestamp() * 1_000_000:
        why = "files know the latest moment, which is not after now"
        return Route(check, 0, known, why, "no rows read", known=known)
    return _scanned(check, aggregate(check, delivered, now), "moments after now prove nothing and are left out")


def _of_key(check: Check, delivered: Delivered, facts: Facts) -> Route:
    columns = delivered.get_all(check.columns)
    names = ", ".join(check.columns)
    bounds = _bounds(columns, facts)
    if bounds == ():
        why = "files know that no row has a whole key"
        return Route(check, 0, f"bounds of {names}", why, "no rows read", bounds=())
    if bounds is None:
        return Route(check, 2, f"GROUP BY {names}", "every key is compared with all others", f"one pass over {names}")
    why = "one bit for each key that there could be: as many bits as rows with a key, or some repeat"
    return Route(check, 2, f"bitmap of {names}", why, _bitmap_cost(names, bounds), bounds=bounds)


def _of_foreign_key(check: Check, delivered: Delivered, facts: Facts) -> Route:
    columns = delivered.get_all(check.columns)
    names, parent = ", ".join(check.columns), check.arguments.get("table")
    bounds = _bounds(columns, facts)
    if not bounds:
        how = f"{names} without a row in {parent}"
        return Route(check, 2, how, "every key is looked up", f"one pass over {names} and over {parent}")
    why = "bits of keys that have none among the parents' bits; if there is one, its rows are counted by looking up"
    return Route(check, 2, f"bitmaps of {names} and of {parent}", why, _bitmap_cost(names, bounds), bounds=bounds)


def _of_comparison(check: Check, delivered: Delivered) -> Route:
    asked = comparison(check)
    delivered.get_all(asked.columns)
    key = ", ".join(other for _, other in asked.key)
    how = f"{listed([f'{each.column} with {each}' for each in asked.compare])} by {key}"
    why = f"every row is joined with the rows of {asked.reference} that have its key, for all such rules at once"
    here, there = (counted(len(columns), "column") for columns in (asked.columns, asked.reference_columns))
    return Route(check, 2, how, why, f"one pass over {here} here, one over {there} there")


def _bitmap_cost(names: str, bounds: Sequence[Bounds]) -> str:
    return f"one pass over {names}, {prod(bound.size for bound in bounds) / 8e6:,.1f} MB of bits"


def bounds_wanted(columns: Sequence[DeliveredColumn]) -> list[str]:
    """Smallest and largest value of each column of a key; none when one of them has no bounds to make use of."""
    if not all(map(has_bounds, columns)):
        return []
    return [expression for column in columns for expression in bounds_expressions(column)]


def _bounds(columns: Sequence[DeliveredColumn], facts: Facts) -> tuple[Bounds, ...] | None:
    """Of the columns of a key that fits a bitmap; empty when no row has a whole key; None when no bitmap is made."""
    wanted = bounds_wanted(columns)
    if not wanted or any(expression not in facts.values for expression in wanted):
        return None
    known = [facts.values[expression] for expression in wanted]
    if None in known:
        return ()
    found = bounds_of(known)
    return found if fits_bitmap(found, facts.rows) else None
