"""Rules that hold rows against a reference -> SQL: one query for all rules with one reference and one key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import duckdb

from platform_resources.contracts.reference_rules import (
    Counterpart,
    ReferenceRule,
    ReferenceRuleError,
    reference_rule_of,
)
from platform_resources.lake.names import quote_identifier
from platform_resources.quality.audit import Compared
from platform_resources.quality.checks import Check, NotEvaluableError
from platform_resources.quality.columns import NUMBERS, Delivered, DeliveredColumn
from platform_resources.quality.references import Place


def comparison(check: Check) -> ReferenceRule:
    """What a check of the kind `differing_values` compares; NotEvaluableError when it can't be run as it is written."""
    try:
        return reference_rule_of(check.arguments)
    except ReferenceRuleError as error:
        raise NotEvaluableError(str(error)) from None


@dataclass(frozen=True)
class Comparing:
    """The comparisons of one audit. `others`: all checks of the kind, so that those alike are asked together."""

    place: Place
    others: Sequence[Check]

    def compared(self, check: Check) -> tuple[int, Compared]:
        """(rows that differ, what was compared).

        Raises
        ------
        NotEvaluableError, duckdb.Error
            when the rule doesn't fit the data, or its reference may not be read.
        """
        answer = self._answers.get(check.name) or self._answer([(check, self._query(check))])[check.name]
        asked = comparison(check)
        if answer.rows and not answer.matched:
            raise NotEvaluableError(f"no row finds its key in {asked.reference}, so nothing was compared")
        if answer.repeats > 1 and any(each.aggregate is None for each in asked.compare):
            raise NotEvaluableError(
                f"the key {', '.join(other for _, other in asked.key)} repeats in {asked.reference}, so which of its "
                "rows is right is not known: name more columns, or compare with sum(...), min(...), max(...)"
            )
        unmatched = answer.rows - answer.matched
        missing = unmatched if asked.unmatched_differ else 0
        by_column = {each.column: count + missing for each, count in zip(asked.compare, answer.by_column, strict=True)}
        return answer.differing + missing, Compared(asked.reference, answer.matched + missing, unmatched, by_column)

    def differs(self, check: Check) -> tuple[str, str]:
        """(condition, source) that select the rows that differ, with the columns of the audited table alone."""
        query = self._query(check)
        condition = f"({' OR '.join(query.conditions)}) AND __reference.repeats IS NOT NULL"
        if comparison(check).unmatched_differ:
            condition = f"({condition}) OR __reference.repeats IS NULL"
        return "true", f"(SELECT __own.* FROM {query.own} {query.join} WHERE {condition})"

    @cached_property
    def _answers(self) -> Mapping[str, _Answer]:
        """The answers to all checks that can be asked with others; what fails there is asked alone."""
        alike: dict[tuple[str, ...], list[tuple[Check, _Query]]] = {}
        for check in self.others:
            try:
                query = self._query(check)
            except NotEvaluableError:
                continue  # which its own result tells
            alike.setdefault(query.shared, []).append((check, query))
        found: dict[str, _Answer] = {}
        for group in alike.values():
            try:
                found |= self._answer(group)
            except duckdb.InterruptException:
                raise
            except duckdb.Error:
                continue
        return found

    def _query(self, check: Check) -> _Query:
        asked = comparison(check)
        return _query(asked, self.place.table_sql, self.place.delivered, self.place.named(asked.reference))

    def _answer(self, group: Sequence[tuple[Check, _Query]]) -> dict[str, _Answer]:
        queries = [query for _, query in group]
        row = self.place.con.execute(_together(queries)).fetchone() or ()
        rows, matched, repeats, *counts = (int(value or 0) for value in row)
        found, at = {}, 0
        for check, query in group:
            width = len(query.conditions)
            differing, *by_column = counts[at : at + width + 1]
            found[check.name] = _Answer(rows, matched, repeats, differing, tuple(by_column))
            at += width + 1
        return found


@dataclass(frozen=True)
class _Answer:
    rows: int
    matched: int  # whose key the reference has
    repeats: int  # the most rows of the reference with one key
    differing: int  # rows with a column that differs
    by_column: tuple[int, ...]  # rows in which each column differs


@dataclass(frozen=True)
class _Query:
    """One comparison as SQL; those with the same `source`, `on` and `keys` are asked in one query."""

    own: str  # the audited table, as `__own`
    keys: tuple[str, ...]  # of the reference
    on: str
    source: str  # of the reference's rows
    wanted: tuple[str, ...]  # expressions over the rows of one key
    conditions: tuple[str, ...]  # TRUE or FALSE: the column differs

    @property
    def shared(self) -> tuple[str, ...]:
        return self.source, self.on, *self.keys

    @property
    def join(self) -> str:
        return _join([self])


def _query(asked: ReferenceRule, table_sql: str, delivered: Delivered, reference: str) -> _Query:
    own = [delivered.get(name) for name, _ in asked.key]
    keys = tuple(quote_identifier(name) for _, name in asked.key)
    source = reference
    if asked.up_to is not None:
        known, theirs = delivered.get(asked.up_to[0]).sql, quote_identifier(asked.up_to[1])
        source = f"{reference} WHERE {theirs} <= (SELECT max({known}) FROM {table_sql})"
    wanted, conditions = [], []
    for each in asked.compare:
        other = "*" if each.other == "*" else quote_identifier(each.other)
        expression = f"{each.aggregate or 'first'}({other})"
        wanted.append(expression)
        theirs = f"__reference.{quote_identifier(expression)}"
        conditions.append(_differs(asked, each, delivered.get(each.column), theirs))
    on = " AND ".join(f"__own.{column.sql} = __reference.k{at}" for at, column in enumerate(own))
    return _Query(f"{table_sql} AS __own", keys, on, source, tuple(wanted), tuple(conditions))


def _differs(asked: ReferenceRule, each: Counterpart, column: DeliveredColumn, other: str) -> str:
    """NULL agrees with NULL alone, NaN with NaN; a difference too large for its type is beyond any tolerance."""
    own = f"__own.{column.sql}"
    differs = f"{own} IS DISTINCT FROM {other}"
    if not (asked.absolute or asked.relative):
        return f"({differs})"
    if column.family not in NUMBERS:
        raise NotEvaluableError(f"a tolerance is for numbers; {each.column} is {column.type}")
    exact = f"CAST({own} AS HUGEINT)" if column.family == "integer" else own  # 5 - 6 is no UINTEGER
    gap = f"TRY(abs({exact} - {other}))"
    within = [f"{gap} <= {_plain(asked.absolute)}"] if asked.absolute else []
    if asked.relative:
        size = f"abs(CAST({other} AS DOUBLE))"
        within.append(f"(isfinite({size}) AND CAST({gap} AS DOUBLE) <= {_plain(asked.relative)} * {size})")
    return f"({differs} AND NOT coalesce({' OR '.join(within)}, false))"


def _plain(number: float) -> str:
    """A number without an exponent, which would make it a binary fraction: 0.01 is a hundredth."""
    return f"{number:.15f}".rstrip("0").rstrip(".") if isinstance(number, float) else str(number)


def _join(queries: Sequence[_Query]) -> str:
    """The reference's rows, one for each key, beside the own rows that they are of."""
    first = queries[0]
    keys = ", ".join(f"{name} AS k{at}" for at, name in enumerate(first.keys))
    wanted = dict.fromkeys(expression for query in queries for expression in query.wanted)
    values = ", ".join(f"{expression} AS {quote_identifier(expression)}" for expression in wanted)
    groups = ", ".join(first.keys)
    return (
        f"LEFT JOIN (SELECT {keys}, {values}, count(*) AS repeats FROM {first.source} GROUP BY {groups}) "
        f"AS __reference ON {first.on}"
    )


def _together(queries: Sequence[_Query]) -> str:
    """(rows, matched rows, most repeats), then for each query (rows that differ, rows by column)."""
    return f"SELECT count(*), count(__reference.repeats), max(__reference.repeats), {', '.join(_counts(queries))} " + (
        f"FROM {queries[0].own} {_join(queries)}"
    )


def _counts(queries: Sequence[_Query]) -> Iterator[str]:
    for query in queries:
        conditions = [f"(__reference.repeats IS NOT NULL AND {condition})" for condition in query.conditions]
        yield f"count_if({' OR '.join(conditions)})"
        yield from (f"count_if({condition})" for condition in conditions)
