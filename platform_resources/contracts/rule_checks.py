"""Is every quality rule one that can be run? (Whether its SQL may run is decided where it runs.)"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import pairwise

from platform_resources.contracts.contract_view import DIMENSIONS, METRICS, OPERATORS, SEVERITIES
from platform_resources.contracts.elements import elements_within
from platform_resources.contracts.findings import Finding, shown
from platform_resources.contracts.model import Contract, QualityRule
from platform_resources.contracts.nodes import Node
from platform_resources.contracts.patterns import PatternError, compile_pattern
from platform_resources.contracts.reference_rules import ENGINE

_COLUMN_METRICS = ("nullValues", "missingValues", "invalidValues")
_OLD_METRIC_REMEDY = "Write `metric:` with one of nullValues, missingValues, invalidValues, duplicateValues, rowCount."
_FEW = 500  # columns among which a similar name is looked for: to compare two names takes 10 µs
_SELECT = re.compile(r"\s*(?:--[^\n]*\n\s*)*(?:select|with)\b", re.IGNORECASE)


def check_rules(root: Node, contract: Contract) -> Iterator[Finding]:
    """Findings on the `quality` entries of a contract, in the order of the file."""
    first_use: dict[str, Node] = {}
    columns = {column.name for table in contract.tables for column in (*table.columns, *table.members)}
    for node, rule in rules_of(root, contract):
        yield from _check_name(node, first_use)
        yield from _check_words(node)
        if rule.type in ("library", "sql"):
            yield from check_operator(node)
        if rule.type == "custom":
            yield from _check_engine(node)
        if rule.type == "library" and rule.metric is not None:
            yield from _check_metric(node, rule, columns)
        if rule.type == "sql" and rule.query is not None:
            yield from _check_query(node, rule.query)


def rules_of(root: Node, contract: Contract) -> list[tuple[Node, QualityRule]]:
    """Every quality rule of the document with its view, in the order of the file."""
    found: list[tuple[Node, QualityRule]] = []
    for node, table in zip(root.items("schema"), contract.tables, strict=True):
        found += zip(node.items("quality"), table.quality, strict=True)
        columns = list(node.items("properties"))
        held = [inner.node for column in columns for inner in elements_within(column) if inner.type is not None]
        for holder, column in zip((*columns, *held), (*table.columns, *table.members), strict=True):
            found += zip(holder.items("quality"), column.quality, strict=True)
    return sorted(found, key=lambda pair: pair[1].origin.line)


def _check_name(node: Node, first_use: dict[str, Node]) -> Iterator[Finding]:
    name = node.text("name")
    if not name:
        yield node.finding(
            "rule-name",
            "This quality rule has no `name`.",
            "Add one, unique in the contract: results are kept under it.",
        )
    elif name in first_use:
        yield node.at("name").finding(
            "rule-name-twice",
            f"The rule name {shown(name)} is used on line {first_use[name].line} already.",
            "Give this rule a name of its own: the history of results is kept under it.",
        )
    else:
        first_use[name] = node.at("name")


def _check_words(node: Node) -> Iterator[Finding]:
    if node.get("dimension") is None:
        yield node.finding(
            "rule-dimension",
            "This quality rule has no `dimension`, so the platform guesses in which score it counts.",
            f"Add one of {', '.join(DIMENSIONS)}.",
            "warning",
        )
    severity = node.text("severity")
    if severity is not None and severity not in SEVERITIES:
        yield node.at("severity").finding(
            "rule-severity",
            f"`severity` is {shown(severity)}.",
            "Write error (a breach stops the publication), warning or info.",
        )
    unit = node.text("unit")
    if unit is not None and unit not in ("rows", "percent"):
        yield node.at("unit").finding("rule-unit", f"`unit` is {shown(unit)}.", "Write rows or percent.")
    if node.text("type") == "text" and not (node.text("description") or "").strip():
        yield node.finding(
            "rule-text",
            "A rule of type text has no `description`, so it says nothing.",
            "Add what people are to look after, or delete the rule.",
            "warning",
        )
    if "schedule" in node:
        yield node.at("schedule").finding(
            "told-only",
            "`schedule` is told to readers: rules are measured whenever the product is updated.",
            "Delete it, or leave it for readers.",
            "info",
        )


def _check_engine(node: Node) -> Iterator[Finding]:
    engine = node.text("engine")
    if engine not in (None, ENGINE):  # else the schema says so, or `reference_rule_checks`
        yield node.at("engine").finding(
            "rule-engine",
            f"The platform doesn't run {shown(engine)}: nothing is measured, and the rule is shown as a warning.",
            "Write it as `type: sql` or a library metric, or as `type: text` if people look after it.",
            "warning",
        )


def check_operator(node: Node) -> Iterator[Finding]:
    """Whether it says one limit that can be kept; `node` holds the operator and the unit."""
    given = [key for key in OPERATORS if key in node]
    if not given:
        typo = next((key for key in node.value if key.startswith("must")), None)
        close = get_close_matches(typo, OPERATORS, 1) if typo else []
        yield node.finding(
            "rule-operator",
            "This rule says no limit, so nothing can fail it.",
            f"Did you mean `{close[0]}`?" if close else "Add one operator, for example `mustBe: 0`.",
        )
        return
    if len(given) > 1:
        yield node.at(given[1]).finding(
            "rule-operator",
            f"This rule has {len(given)} operators: {', '.join(given)}.",
            "Keep exactly one; `mustBeBetween: [low, high]` says two limits at once.",
        )
        return
    limit = node.get(given[0])
    if isinstance(limit, list):
        if not given[0].endswith("Between"):
            yield node.at(given[0]).finding(
                "rule-limit", f"`{given[0]}` is a list.", "Write one number; two limits take `mustBeBetween`."
            )
        elif len(limit) == 2 and all(isinstance(n, int | float) for n in limit) and limit[0] > limit[1]:
            yield node.at(given[0]).finding(
                "rule-limits",
                f"`{given[0]}` goes from {limit[0]} down to {limit[1]}.",
                "Write the smaller number first.",
            )
    elif not isinstance(limit, int | float) or isinstance(limit, bool):
        yield node.at(given[0]).finding(
            "rule-limit", f"`{given[0]}` is {shown(limit)}, which is no number.", "Write a number without quotes."
        )
    elif node.text("unit") == "percent" and not 0 <= limit <= 100:
        yield node.at(given[0]).finding(
            "rule-limit", f"{limit} percent can't be reached.", "Write a number from 0 to 100."
        )


def _check_metric(node: Node, rule: QualityRule, columns: set[str]) -> Iterator[Finding]:
    metric, column, arguments = rule.metric or "", rule.column, rule.arguments
    if metric not in METRICS:
        yield node.finding("rule-metric", f"There is no metric {shown(metric)}.", _OLD_METRIC_REMEDY)
        return
    yield from _check_arguments(node, metric, column)
    if metric == "rowCount" and column is not None:
        yield node.finding(
            "rule-place", "`rowCount` counts a table, not a column.", "Move it to the table's `quality`."
        )
    if metric in _COLUMN_METRICS and column is None:
        yield node.finding("rule-place", f"`{metric}` is about one column.", "Move it to that column's `quality`.")
    if metric == "duplicateValues" and column is None:
        names = arguments.get("properties")
        if not isinstance(names, list) or not names:
            yield node.finding(
                "rule-arguments",
                "`duplicateValues` on a table doesn't say which columns make a duplicate.",
                "Add `arguments: {properties: [column, …]}`.",
            )
        else:
            for name in names:
                if name not in columns:
                    yield unknown_column(node.at("arguments"), str(name), columns)
            yield from _check_lists(node.at("arguments"), [str(name) for name in names])
    if metric == "invalidValues" and not arguments.keys() & {"validValues", "pattern"}:
        yield node.finding(
            "rule-arguments",
            "`invalidValues` doesn't say which values are valid.",
            "Add `arguments: {validValues: [a, b]}` or `arguments: {pattern: '[A-Z]{2}'}`.",
        )
    for key in ("validValues", "missingValues"):
        if key in arguments and not isinstance(arguments[key], list):
            yield node.at("arguments").finding("rule-arguments", f"`{key}` is no list.", f"Write `{key}: [a, b]`.")
    if "pattern" in arguments:
        yield from check_pattern(node.at("arguments"), arguments["pattern"])


def _check_lists(arguments: Node, names: list[str]) -> Iterator[Finding]:
    """A key may be made of a row and of what its lists hold, but only of lists that lie within one another."""
    lists = sorted({outer for name in names if (outer := "".join(name.rpartition("[]")[:2]))}, key=len)
    if not all(inner.startswith(outer) for outer, inner in pairwise(lists)):
        yield arguments.finding(
            "rule-arguments",
            f"A duplicate can't be made of the items of two lists: {shown(lists[0])} and {shown(lists[-1])}.",
            "Name columns, and what one list of theirs holds.",
        )


def _check_arguments(node: Node, metric: str, column: str | None) -> Iterator[Finding]:
    known = METRICS[metric]
    for name in node.mapping("arguments"):
        if name not in known:
            knows = f"It knows {', '.join(known)}." if known else "It knows none: delete it."
            message = f"`{metric}` has no argument {shown(name)}."
            yield node.at("arguments").finding("rule-arguments", message, knows)
        elif metric == "duplicateValues" and column is not None:
            yield node.at("arguments").finding(
                "rule-place",
                "A rule on a column can't say which columns make a duplicate.",
                "Move it to the table's `quality`, or delete `arguments`.",
            )


def _check_query(node: Node, query: str) -> Iterator[Finding]:
    if _SELECT.match(query) is None or ";" in query.rstrip().rstrip(";"):
        yield node.at("query").finding(
            "rule-query", "A rule's query must be one SELECT.", "Write a single SELECT that returns one number."
        )


def unknown_column(node: Node, name: str, columns: set[str]) -> Finding:
    """A column is named that the contract doesn't have."""
    candidates = columns if len(columns) <= _FEW else ()
    close = get_close_matches(name[:63], [column[:63] for column in candidates], 1, 0.6)
    remedy = f"Did you mean `{close[0]}`?" if close else "Add it to the schema, or mend the name."
    return node.finding("unknown-column", f"There is no column {shown(name)}.", remedy)


def check_pattern(node: Node, pattern: object) -> Iterator[Finding]:
    """A regular expression that the audit can run: DuckDB uses the same engine."""
    if not isinstance(pattern, str):
        yield node.finding("pattern", "`pattern` is no text.", "Write a regular expression.")
        return
    try:
        compile_pattern(pattern)
    except PatternError as bad:
        yield node.finding(
            "pattern", f"{shown(pattern)} can't be used: {bad}.", "Write it without look-ahead and the like."
        )
