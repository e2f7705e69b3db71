"""Can the SLA be measured, and do the mesh's own properties say something that the platform understands?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from platform_resources.contracts.column_types import ColumnTypeError, canonical_type
from platform_resources.contracts.contract_view import DIMENSIONS, split_reference
from platform_resources.contracts.durations import DurationError, parse_duration
from platform_resources.contracts.findings import Finding, shown
from platform_resources.contracts.model import Contract
from platform_resources.contracts.names import NAME_RULE, is_name
from platform_resources.contracts.nodes import Node
from platform_resources.contracts.rule_checks import unknown_column

_DURATIONS = ("freshness", "latency", "retention", "frequency", "timeToDetect", "timeToNotify", "timeToRepair")
_PERCENTAGES = ("availability", "completeness")
_ONCE = ("freshness", "availability")
_LONGEST_WINDOW = timedelta(days=3650)


def check_promises(root: Node, contract: Contract, is_port: bool) -> Iterator[Finding]:
    """Findings on `slaProperties`."""
    first: dict[str, Node] = {}
    for promise in root.items("slaProperties"):
        name = promise.text("property") or ""
        if name in _ONCE and name in first:
            yield promise.finding(
                "promise-twice",
                f"`{name}` is promised on line {first[name].line} already.",
                "Keep one: which one would hold?",
            )
        first.setdefault(name, promise)
        if name in _DURATIONS:
            yield from _check_duration(promise, name)
        if name in _PERCENTAGES:
            yield from _check_percentage(promise, name)
        if name in ("freshness", "completeness"):
            yield from _check_element(promise, name, contract)
        yield from _check_objective(promise, name)
    if is_port and "freshness" not in first:
        yield root.at("slaProperties").finding(
            "freshness-missing",
            "The contract promises no freshness: nobody could tell when its data is too old to use.",
            "Add `slaProperties: [{property: freshness, value: PT15M, element: <table>.<timestamp column>}]`.",
        )


def _check_duration(promise: Node, name: str) -> Iterator[Finding]:
    try:
        length = parse_duration(promise.get("value"), promise.text("unit"))
    except DurationError as bad:
        code = "unit-m" if (promise.text("unit") or "").strip().lower() == "m" else "duration"
        message, _, remedy = str(bad).partition("; ")
        remedy = remedy or "write ISO 8601 such as PT15M or P3D"
        yield promise.at("value").finding(code, f"`{name}`: {message}.", f"{remedy[0].upper()}{remedy[1:]}.")
        return
    if not length:
        yield promise.at("value").finding(
            "duration", f"`{name}` is zero, which nobody can keep.", "Write a length of time."
        )


def _check_percentage(promise: Node, name: str) -> Iterator[Finding]:
    yield from _check_share(promise, name, ", and `unit: percent`")
    unit = promise.text("unit")
    if unit not in (None, "percent", "%"):
        yield promise.at("unit").finding("percentage", f"`{name}` is in {shown(unit)}.", "Write `unit: percent`.")


def _check_share(holder: Node, name: str, more: str) -> Iterator[Finding]:
    value = holder.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float):
        remedy = f"Write the number alone, for example 99.9{more}."
        yield holder.at("value").finding("percentage", f"`{name}` is {shown(value)}.", remedy)
    elif not 0 < value <= 100:
        yield holder.at("value").finding("percentage", f"`{name}` of {value} percent.", "Write a number up to 100.")


def _check_objective(promise: Node, name: str) -> Iterator[Finding]:
    """Its custom properties `objective` and `window`: in how much of the time it has to hold, and over which."""
    for entry in promise.items("customProperties"):
        said = entry.text("property")
        if said == "objective" and name in ("freshness", "completeness"):
            yield from _check_share(entry, "objective", ", in percent of the time")
        if said == "window" and name in ("freshness", "completeness", "availability"):
            yield from _check_window(entry)


def _check_window(entry: Node) -> Iterator[Finding]:
    try:
        length = parse_duration(entry.get("value"))
    except DurationError as bad:
        yield entry.at("value").finding("duration", f"`window`: {bad}.", "Write for example P30D.")
        return
    if not timedelta(0) < length <= _LONGEST_WINDOW:
        message = f"A `window` of {shown(entry.get('value'))} can't be measured."
        yield entry.at("value").finding("duration", message, "Write a length of time up to P10Y, for example P30D.")


def _check_element(promise: Node, name: str, contract: Contract) -> Iterator[Finding]:
    element = promise.text("element")
    if not element:
        if name == "freshness":
            yield promise.finding(
                "freshness-element",
                "`freshness` doesn't say which column shows the age of the data.",
                "Add `element: <table>.<timestamp column>`.",
            )
        return
    node = promise.at("element")
    parts = [part.strip() for part in element.split(",")]
    if name == "freshness" and len(parts) > 1:
        yield node.finding("freshness-element", "`freshness` names several columns.", "Name one timestamp column.")
    for part in parts:
        table_name, column_name = split_reference(part)
        table = next((t for t in contract.tables if t.name == table_name), None)
        if table is None:
            yield node.finding(
                "element-form",
                f"{shown(part)} names no table of this contract.",
                f"Write `{contract.table.name[:63] or '<table>'}.<column>`.",
            )
            continue
        column = table.column(column_name)
        if column is None:
            yield unknown_column(node, column_name, {c.name for c in table.columns})
        elif name == "freshness" and not _is_timestamp(column.physical_type, column.logical_type):
            yield node.finding(
                "freshness-element",
                f"{shown(part)} is no timestamp, so it can't show the age of the data to the minute.",
                "Name a column of type TIMESTAMP or TIMESTAMPTZ.",
            )


def _is_timestamp(physical: str | None, logical: str | None) -> bool:
    if physical is None:
        return logical == "timestamp"
    try:
        return canonical_type(physical).startswith("TIMESTAMP")
    except ColumnTypeError:
        return True  # reported at the column


def check_custom_properties(root: Node) -> Iterator[Finding]:
    """Findings on the properties that the platform itself reads, and on any that is said twice."""
    columns = [column for table in root.items("schema") for column in table.items("properties")]
    for holder in (root, *root.items("schema"), *columns, *root.items("roles")):
        if "customProperties" not in holder:
            continue
        first: dict[str, Node] = {}
        for entry in holder.items("customProperties"):
            name = entry.text("property") or ""
            if name in first:
                yield entry.finding(
                    "property-twice",
                    f"The custom property {shown(name)} is set on line {first[name].line} already.",
                    "Keep one of them.",
                )
            first.setdefault(name, entry)
            if holder is root:
                yield from _check_contract_property(entry, name)


def _check_contract_property(entry: Node, name: str) -> Iterator[Finding]:
    value = entry.get("value")
    node = entry.at("value")
    if name == "tier" and not (isinstance(value, str) and is_name(value)):
        yield node.finding(
            "tier-form",
            f"`tier` is {shown(value)}, which can't name a tier.",
            f"Write a name of the council's catalogue, such as gold: {NAME_RULE}.",
        )
    if name == "refresh" and not (value == "on_update" or (isinstance(value, str) and len(value.split()) == 5)):
        yield node.finding(
            "refresh",
            f"`refresh` is {shown(value)}.",
            'Write on_update, or a cron text of five fields such as "0 5 * * *" (time of New York).',
        )
    if name == "scoreWeights":
        weights = value if isinstance(value, dict) else {"": None}
        for dimension, weight in weights.items():
            number = isinstance(weight, int | float) and not isinstance(weight, bool) and weight >= 0
            if dimension not in DIMENSIONS or not number:
                yield node.finding(
                    "score-weights",
                    f"`scoreWeights` says {shown(dimension)}: {shown(weight)}.",
                    f"Write a number from 0 for each of {', '.join(DIMENSIONS)}.",
                )
