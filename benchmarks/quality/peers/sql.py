"""A rule as SQL that returns rows only when it is broken: for tools that take queries of their users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.quality.peers.rules import Rule

_LIMITS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
_COMPARED = {
    "mustBe": "=", "mustBeGreaterThan": ">", "mustBeGreaterOrEqualTo": ">=",
    "mustBeLessThan": "<", "mustBeLessOrEqualTo": "<=",
}  # fmt: skip


def literal(value: Any, type_name: str = "") -> str:
    if isinstance(value, str):
        return ("DATE " if type_name == "DATE" else "") + "'" + value.replace("'", "''") + "'"
    return str(value)


def satisfied(rule: Rule, measured: str) -> str:
    """The condition that what is measured keeps the rule's threshold."""
    if rule.operator == "mustBeBetween":
        low, high = rule.threshold
        return f"{measured} BETWEEN {low} AND {high}"
    return f"{measured} {_COMPARED[rule.operator]} {rule.threshold}"


def limits(rule: Rule, type_name: str) -> str:
    """The condition that a value is within a range."""
    kept = (f"{rule.column} {_LIMITS[key]} {literal(value, type_name)}" for key, value in rule.arguments.items())
    return " AND ".join(kept)


def value_condition(rule: Rule, type_name: str) -> str:
    """The condition that each value must satisfy, of a rule that looks at one column row by row."""
    if rule.kind == "required":
        return f"{rule.column} IS NOT NULL"
    if rule.kind == "range":
        return limits(rule, type_name)
    if rule.kind == "enum":
        return f"{rule.column} IN ({', '.join(map(literal, rule.arguments['validValues']))})"
    if rule.kind == "pattern":
        return f"regexp_matches({rule.column}, {literal(rule.arguments['pattern'])})"
    if rule.kind == "length":
        return f"length({rule.column}) <= {rule.arguments['maxLength']}"
    raise ValueError(f"{rule.name}: {rule.kind} is not a rule of single values")


def broken_rows(rule: Rule, types: Mapping[str, str], tables: Mapping[str, str], today: str) -> str:
    """A query that returns no row when the rule holds.

    Parameters
    ----------
    rule
        of any kind.
    types
        column -> promised type, of the rule's table.
    tables
        table -> how SQL calls it.
    today
        the day that ages are counted from, ISO 8601.
    """
    table, key = tables[rule.table], ", ".join(rule.columns)
    if rule.kind == "primary_key":
        return f"SELECT {key} FROM {table} GROUP BY {key} HAVING count(*) > 1"
    if rule.kind == "relationships":
        there = tables[rule.arguments["table"]]
        other = rule.arguments["columns"][0]
        return f"SELECT {key} FROM {table} ANTI JOIN {there} ON {key} = {other} WHERE {key} IS NOT NULL"
    if rule.kind == "freshness":
        return f"SELECT 1 FROM {table} HAVING max({key}) < DATE '{today}' - {rule.threshold}"
    if rule.kind == "completeness":
        return f"SELECT 1 FROM {table} HAVING 100.0 * count({key}) / count(*) < {rule.threshold}"
    if rule.kind == "row_count":
        return f"SELECT 1 FROM {table} HAVING NOT ({satisfied(rule, 'count(*)')})"
    if rule.kind == "sql":
        return f"SELECT 1 WHERE NOT ({satisfied(rule, '(' + (rule.query or '').format(table=table) + ')')})"
    if rule.kind in ("schema", "extra_columns"):
        return _shape(rule, types, table)
    return f"SELECT * FROM {table} WHERE NOT ({value_condition(rule, types.get(rule.column, ''))})"


def _shape(rule: Rule, types: Mapping[str, str], table: str) -> str:
    """Columns that lack or have another type than promised; or that nobody promised."""
    found = f"(SELECT column_name AS name, column_type AS type FROM (DESCRIBE SELECT * FROM {table}))"
    promised = ", ".join(f"({literal(name)}, {literal(type_name)})" for name, type_name in types.items())
    asked = f"(VALUES {promised}) AS promised(name, type)"
    if rule.kind == "schema":
        return f"SELECT name, type FROM {asked} EXCEPT SELECT name, type FROM {found}"
    return f"SELECT name FROM {found} EXCEPT SELECT name FROM {asked}"
