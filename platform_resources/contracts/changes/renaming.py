"""Columns that seem to be renamed: gone under one name, come under another, and otherwise the same."""

from __future__ import annotations

from platform_resources.contracts.model import Column, Contract

_ENOUGH = 2


def renamed_columns(before: Contract, after: Contract) -> dict[str, str]:
    """Old name -> new name, for tables of the same name. A guess for people: to readers it is a loss all the same."""
    found: dict[str, str] = {}
    for table in before.tables:
        other = next((candidate for candidate in after.tables if candidate.name == table.name), None)
        if other is None:
            continue
        gone = [(i, c) for i, c in enumerate(table.columns) if other.column(c.name) is None]
        come = [(i, c) for i, c in enumerate(other.columns) if table.column(c.name) is None]
        pairs = sorted(
            ((_likeness(old, new, i == j), i, j) for i, old in gone for j, new in come), key=lambda pair: -pair[0]
        )
        taken_old: set[int] = set()
        taken_new: set[int] = set()
        for likeness, i, j in pairs:
            if likeness >= _ENOUGH and i not in taken_old and j not in taken_new:
                taken_old.add(i)
                taken_new.add(j)
                found[table.columns[i].name] = other.columns[j].name
    return found


def _likeness(old: Column, new: Column, same_position: bool) -> int:
    """Same type and one more sign (position, description, term) make a rename; another type never does."""
    if (old.physical_type, old.logical_type) != (new.physical_type, new.logical_type):
        return 0
    described = bool(old.description) and old.description == new.description
    bound = bool(old.terms) and old.terms == new.terms
    return 1 + same_position + 2 * described + 2 * bound
