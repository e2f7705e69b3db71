"""Which rules judge a difference: by the list that it lies in, and by its field."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from platform_resources.contracts.changes.differences import Difference, Entry
from platform_resources.contracts.changes.model import Verdict
from platform_resources.contracts.changes.of_access import (
    grade_classification,
    grade_clearance,
    grade_mask,
    grade_role,
    grade_role_clearances,
    grade_role_purposes,
    grade_row_filter,
    grade_visibility,
)
from platform_resources.contracts.changes.of_columns import grade_column, grade_definition, grade_relationship
from platform_resources.contracts.changes.of_contract import grade_root, grade_server, grade_table
from platform_resources.contracts.changes.of_promises import (
    grade_objective,
    grade_promise,
    grade_refresh,
    grade_window,
)
from platform_resources.contracts.changes.of_properties import grade_property, grade_tier
from platform_resources.contracts.changes.of_rules import grade_rule
from platform_resources.contracts.changes.verdicts import both, loosens, neutral, texts, tightens
from platform_resources.contracts.contract_view import split_reference
from platform_resources.contracts.model import Contract, Table


@dataclass(frozen=True)
class Sides:
    """Both contracts, with what the verdict on a field depends on elsewhere."""

    before: Contract
    after: Contract
    order: Sequence[str]  # of classifications, in rising secrecy
    renamed: Mapping[str, str]
    tiers: Sequence[str]  # from that which promises least
    lists: dict[Hashable, Verdict] = field(default_factory=dict, compare=False)  # graded so far

    @property
    def personal(self) -> bool:
        """Whether the new contract holds personal columns, or more secret ones."""
        least = self.order.index("personal") if "personal" in self.order else 2
        secret = set(self.order[least:])
        return any(column.classification in secret for table in self.after.tables for column in table.columns)

    def keys(self, table: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Primary key of a table before and after."""
        before, after = (_table(contract, table) for contract in (self.before, self.after))
        return (before.primary_key if before else ()), (after.primary_key if after else ())

    def finds_rows(self, table: str, column: str) -> bool:
        """Whether rows are found by a column: in either version it is of the primary key, or links to a table."""
        for contract in (self.before, self.after):
            found = _table(contract, table)
            if found is not None and (
                column in found.primary_key or any(column in link.from_columns for link in found.relationships)
            ):
                return True
        return False


def grade(difference: Difference, sides: Sides) -> Verdict:
    """What a difference means."""
    place = _graded_list(difference)
    if place is None:
        return _grade(difference, sides)
    if place not in sides.lists:
        sides.lists[place] = _grade(difference, sides)
    return sides.lists[place]


def _graded_list(difference: Difference) -> Hashable | None:
    """What tells the list that a difference is an entry of, when the list has one verdict for all that differs in it.

    Lists of values are compared as a whole: to do so again for each entry would take the square of their length. An
    entry of a document is known by its identity, which is unique while both documents are compared.
    """
    if not difference.entries:
        return None
    last, path = difference.entries[-1], difference.field
    if last.list == "enum" and len(difference.entries) > 1 and _is_value(difference):
        last, path = difference.entries[-2], ("enum", "")
    is_list = (len(path) > 1 and path[-2] == "enum") or (len(path) == 3 and path[0] == "arguments")
    return (id(last.before), id(last.after), path[:-1]) if is_list else None


def _grade(difference: Difference, sides: Sides) -> Verdict:
    if difference.before is None and difference.after is None:
        return neutral("An empty key says as much as none.")
    if not difference.entries:
        return grade_root(difference)
    last = difference.entries[-1]
    outer = difference.entries[-2] if len(difference.entries) > 1 else None
    match last.list:
        case "properties" | "schema":
            return _grade_field(difference, last, sides)
        case "quality":
            return grade_rule(last.before, last.after, difference.field)
        case "slaProperties":
            return grade_promise(last.key, last.before, last.after, difference.field, sides.personal)
        case "roles":
            return _grade_role(difference, last, outer, sides)
        case "customProperties":
            return _grade_property(difference, last, outer, sides)
        case "relationships":
            return grade_relationship(last.before, last.after, difference.field)
        case "authoritativeDefinitions":
            return grade_definition(last.before, last.after)
        case "enum" if outer is not None:
            return _grade_field(difference, outer, sides, ("enum",)) if _is_value(difference) else neutral("Wording.")
        case "servers":
            return grade_server(last.before, last.after, difference.field)
        case "support":
            return grade_root(difference)
        case "team" | "members":
            return neutral("Who works on the product; what it promises stays the same.")
        case _:
            return neutral("Notes for readers.")


def _is_value(difference: Difference) -> bool:
    return not difference.field or difference.field[0] == "value"


def _grade_field(difference: Difference, entry: Entry, sides: Sides, field: tuple[str, ...] | None = None) -> Verdict:
    """A column or table, or a field of one."""
    field = difference.field if field is None else field
    table = difference.entries[0].key
    if entry.before is None or entry.after is None:
        return _come_or_gone(entry, sides, table)
    if difference.keys[-1] == "properties" and isinstance(difference.before, list) and not difference.entries[1:]:
        return neutral("The columns stand in another order; who reads them by name notices nothing.")
    if entry.list == "schema":
        return grade_table(entry.before, entry.after, field, entry.key)
    before, after, inner = _within(entry.before, entry.after, field)
    if not inner:
        return both("What the field holds is built another way.")
    if inner[0] == "classification":
        return grade_classification(before.get("classification"), after.get("classification"), sides.order)
    is_top = len(difference.entries) > 1 and difference.entries[1] is entry and inner == field
    return grade_column(
        before,
        after,
        inner,
        name=entry.key,
        is_key=is_top and sides.finds_rows(table, entry.key),
        keys=sides.keys(table) if is_top else ((entry.key,), ()),
    )


def _within(
    before: dict[str, Any], after: dict[str, Any], field: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]:
    """The parts of a column that `field` leads to: the entries of a list (`items`), keys and values of a map."""
    while field and field[0] in ("items", "map", "key", "value"):
        before, after = (_mapping(side.get(field[0])) for side in (before, after))
        field = field[1:]
    return before, after, field


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _come_or_gone(entry: Entry, sides: Sides, table: str) -> Verdict:
    what = "table" if entry.list == "schema" else "column"
    if entry.before is None:
        if what == "column" and entry.key in sides.renamed.values():
            old = next(old for old, new in sides.renamed.items() if new == entry.key)
            return tightens(f"It seems to be `{old}` under a new name; to readers it is a new column.")
        before, after = sides.keys(table)
        if what == "column" and entry.key in after and before:
            return both("The column joins the primary key: a row is found by more columns than before.")
        return tightens(f"The {what} must be delivered from now on; nobody reads it yet.")
    if what == "column" and entry.key in sides.renamed:
        return loosens(f"Whoever reads it fails: it seems to be called `{sides.renamed[entry.key]}` now.")
    return loosens(f"Whoever reads the {what} fails: it is gone.")


def _grade_role(difference: Difference, entry: Entry, outer: Entry | None, sides: Sides) -> Verdict:
    known = sides.before.roles if outer is None else (outer.before or {}).get("roles") or ()
    return grade_role(entry.before, entry.after, difference.field, list(known))


def _grade_property(difference: Difference, entry: Entry, outer: Entry | None, sides: Sides) -> Verdict:
    """A custom property of the contract, a table, a column, a role ..."""
    if difference.field and difference.field[0] != "value":
        return neutral("Wording: the value stays the same.")
    before, after = (None if side is None else side.get("value") for side in (entry.before, entry.after))
    match entry.key:
        case "mask":
            return grade_mask(before, after)
        case "rowFilter" | "rowFilters":
            return grade_row_filter(before, after)
        case "clearance":
            return grade_clearance(before, after)
        case "clearances" if outer is not None and outer.list == "roles":
            return grade_role_clearances(before, after)
        case "purposes" if outer is not None and outer.list == "roles":
            return grade_role_purposes(before, after)
        case "objective" if outer is not None and outer.list == "slaProperties":
            return grade_objective(before, after)
        case "window" if outer is not None and outer.list == "slaProperties":
            return grade_window(before, after)
        case "visibility" if outer is None:
            return grade_visibility(before, after)
        case "tier":
            return grade_tier(before, after, sides.tiers)
        case "refresh" if outer is None:
            return grade_refresh(before, after)
        case _:
            return grade_property(entry.key, before, after, difference.field[1:], difference.before, difference.after)


def columns_of(difference: Difference, sides: Sides) -> tuple[str, ...]:
    """The columns that a difference touches; empty means the whole table."""
    for entry in difference.entries:
        if entry.list == "properties":
            return (entry.key,)
    last = difference.entries[-1] if difference.entries else None
    if last is None:
        return ()
    both_sides = [side for side in (last.before, last.after) if side is not None]
    if last.list == "relationships":
        named = {split_reference(name)[1] for side in both_sides for name in texts(side.get("from"))}
    elif last.list == "slaProperties" and last.key == "completeness":
        named = {split_reference(name)[1] for side in both_sides for name in texts(side.get("element"))}
    elif last.list == "quality":
        named = {name for side in both_sides for name in texts(_mapping(side.get("arguments")).get("properties"))}
    else:
        named = set()
    return tuple(sorted(named & _column_names(sides))) if named else ()


def _column_names(sides: Sides) -> set[str]:
    tables = (*sides.before.tables, *sides.after.tables)
    return {column.name for table in tables for column in table.columns}


def _table(contract: Contract, name: str) -> Table | None:
    return next((table for table in contract.tables if table.name == name), None)
