"""Who may see what, as contracts and products say it: masks, row filters, roles, visibility.

What stands here in a form that nobody reads would protect nothing, so it is an error where it is written. Whether the
SQL of a row filter may run is decided where it runs: see `access.row_filters`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from platform_resources.contracts.elements import elements_within
from platform_resources.contracts.findings import Finding, shown
from platform_resources.contracts.masking import mask_misfits
from platform_resources.contracts.names import NAME_RULE, is_name
from platform_resources.contracts.nodes import Node

VISIBILITIES = ("organisation", "granted")
MAX_FILTER = 4_000  # characters
_COLUMN = ("mask",)
_TABLE = ("rowFilter",)
_ROLE = ("clearances", "purposes", "rowFilter")
_FILTER_KEYS = ("where", "clearance")


def check_policies(root: Node) -> Iterator[Finding]:
    """Findings on what a contract says about reading it."""
    yield from _misplaced(root, ("mask", "rowFilter"), "contract")
    for table in root.items("schema"):
        yield from _misspelt(table, _TABLE)
        yield from _misplaced(table, ("mask",), "table")
        for entry in _entries(table, "rowFilter"):
            yield from _check_filter(entry)
        for column in table.items("properties"):
            yield from _check_column(column)
    for role in root.items("roles"):
        yield from _misspelt(role, _ROLE)
        yield from _misplaced(role, ("mask",), "role")
        for entry in _entries(role, "rowFilter"):
            yield from _check_filter(entry)
        for entry in _entries(role, "clearances"):
            if not _are_names(entry.get("value")):
                yield entry.at("value").finding(
                    "role-clearances",
                    f"`clearances` is {shown(entry.get('value'))}, which names no clearance.",
                    f"Write `value: [gdpr]`, the clearances whose masks it lifts: {NAME_RULE}.",
                )
        for entry in _entries(role, "purposes"):
            if not _are_names(entry.get("value")):
                yield entry.at("value").finding(
                    "role-purposes",
                    f"`purposes` is {shown(entry.get('value'))}, which names no purpose.",
                    f"Write `value: [analytics]`, the purposes that it serves: {NAME_RULE}.",
                )


def check_visibility(root: Node) -> Iterator[Finding]:
    """Findings on who may know of a product."""
    yield from _misspelt(root, ("visibility",))
    for entry in _entries(root, "visibility"):
        if entry.get("value") not in VISIBILITIES:
            yield entry.at("value").finding(
                "visibility",
                f"`visibility` is {shown(entry.get('value'))}.",
                "Write organisation (everybody here finds the product) or granted (only those who may read it).",
            )


def _check_column(column: Node) -> Iterator[Finding]:
    yield from _misspelt(column, _COLUMN)
    yield from _misplaced(column, ("rowFilter",), "column")
    for entry in _entries(column, "mask"):
        value = entry.at("value")
        for misfit in mask_misfits(value.value, column.text("physicalType"), column.flag("required")):
            place = value if misfit.key is None else value.at(misfit.key)
            yield place.finding(misfit.code, misfit.message, misfit.remedy)
    for inner in elements_within(column):
        for entry in _entries(inner.node, "mask"):
            yield entry.finding(
                "policy-place",
                "A mask within a column hides nothing: columns are masked as a whole.",
                f"Move it to the column {shown(column.text('name'))}, or give the value a column of its own.",
            )


def _entries(holder: Node, name: str) -> list[Node]:
    return [entry for entry in holder.items("customProperties") if entry.text("property") == name]


def _misspelt(holder: Node, known: Sequence[str]) -> Iterator[Finding]:
    folded = {_folded(name): name for name in known}
    for entry in holder.items("customProperties"):
        written = entry.text("property") or ""
        close = get_close_matches(_folded(written)[:40], folded, 1, 0.85)
        if close and written not in known:
            yield entry.at("property").finding(
                "policy-key",
                f"{shown(written)} is nothing that the platform enforces.",
                f"Write `{folded[close[0]]}`.",
            )


def _folded(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _misplaced(holder: Node, names: Sequence[str], what: str) -> Iterator[Finding]:
    for name in names:
        for entry in _entries(holder, name):
            right = "a column" if name == "mask" else "the table (an entry of `schema`), or a role"
            yield entry.finding(
                "policy-place",
                f"`{name}` on a {what} is enforced by nobody.",
                f"Move it to `customProperties` of {right}.",
            )


def _check_filter(entry: Node) -> Iterator[Finding]:
    value = entry.at("value")
    where = value.get("where")
    if not isinstance(value.value, dict) or not isinstance(where, str) or not where.strip():
        yield value.finding(
            "row-filter",
            "`rowFilter` doesn't say which rows a reader sees.",
            'Write `value: {where: "list_contains(reader.regions, region)"}` over the columns and reader.<attribute>.',
        )
        return
    if len(where) > MAX_FILTER:
        yield value.at("where").finding(
            "row-filter",
            f"`where` has more than {MAX_FILTER:,} characters.",
            "Filter by a column that says it already.",
        )
    for key in value.value:
        if key not in _FILTER_KEYS:
            close = get_close_matches(str(key)[:40], _FILTER_KEYS, 1)
            yield value.at(key).finding(
                "row-filter-key",
                f"`rowFilter` has no key {shown(key)}.",
                f"Did you mean `{close[0]}`?" if close else "Delete it; there are `where` and `clearance`.",
            )
    if "clearance" in value and not _is_text(value.get("clearance")):
        yield value.at("clearance").finding(
            "row-filter",
            f"`clearance` is {shown(value.get('clearance'))}.",
            "Name the clearance whose holders see every row, or delete the key: then nobody does.",
        )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(name, str) and is_name(name) for name in value)
