"""Columns: type, key, limits of values, links to other tables and to the glossary."""

from __future__ import annotations

from typing import Any

from platform_resources.contracts.changes.differences import hashable
from platform_resources.contracts.changes.model import Verdict
from platform_resources.contracts.changes.verdicts import (
    both,
    flag,
    loosens,
    neutral,
    number,
    presence,
    promises_less,
    promises_more,
    tightens,
)
from platform_resources.contracts.column_types import ColumnTypeError, canonical_type

_LOW = ("minimum", "exclusiveMinimum")
_HIGH = ("maximum", "exclusiveMaximum")
_LEAST = ("minLength", "minItems", "minProperties")
_MOST = ("maxLength", "maxItems", "maxProperties")
_LIMITS = (*_LOW, *_HIGH, *_LEAST, *_MOST)
_FORMAT = ("pattern", "format", *_LIMITS)  # what the form of a key is told by
_WORDS = {
    "description": "Wording: what the field is called or how it is described.",
    "businessName": "Wording: what the field is called or how it is described.",
    "synonyms": "Wording: what the field is called or how it is described.",
    "tags": "Labels for searching.",
    "examples": "Examples promise nothing.",
    "id": "An internal number of the document.",
    "context": "Notes for readers.",
    "partitioned": "How the table is stored; what it holds stays the same.",
    "partitionKeyPosition": "How the table is stored; what it holds stays the same.",
    "transformSourceObjects": "Where the values come from; how they are calculated is told elsewhere.",
    "transformDescription": "Wording: how the values are calculated is told by the logic.",
}

_SAYINGS = {  # promised for the first time, no longer, another way
    "encryptedName": ("An encrypted twin is promised.", "The encrypted twin is gone.", "The twin has another name."),
    "semanticType": (
        "What kind of value it is is said.",
        "What kind of value it is is no longer said.",
        "The value is of another kind.",
    ),
    "transformLogic": (
        "How it is calculated is promised.",
        "How it is calculated is no longer promised.",
        "The values are calculated another way, so they mean something else.",
    ),
}

Keys = tuple[str, ...]


def grade_column(
    before: dict[str, Any], after: dict[str, Any], field: Keys, *, name: str, is_key: bool, keys: tuple[Keys, Keys]
) -> Verdict:
    """A difference at `field` of a column, or of what it holds (`items`, `map`).

    `is_key`: rows are found by the column (primary key, or a link to another table); `keys`: the table's primary key
    before and after.
    """
    first = field[0]
    old, new = before.get(first), after.get(first)
    if first in _WORDS:
        return neutral(_WORDS[first])
    if first in ("logicalType", "physicalType"):
        return _type(first, old, new, is_key)
    if first == "required":
        return flag(old, new, "Nulls were allowed.", "The column may hold nulls that it did not hold before.")
    if first == "unique":
        return flag(old, new, "Values could repeat.", "Values may repeat, which multiplies rows in joins.")
    if first in ("primaryKey", "primaryKeyPosition"):
        return _key(keys)
    if first == "physicalName":
        return _physical_name(old, new, name)
    if first == "logicalTypeOptions":
        return _options(old, new, field, is_key, str(after.get("logicalType")))
    if first == "enum":
        return _listed_values(old, new)
    if first == "criticalDataElement":
        lost = promises_less("The field is no longer one that the company watches closely.")
        return promises_more("The field is one that the company watches closely.") if new else lost
    if first == "deprecated":
        notice = promises_less("A notice that the field will go.")
        return notice if new else promises_more("The field is to stay after all.")
    if first in _SAYINGS:
        return presence(old, new, *_SAYINGS[first])
    return neutral(f"The platform gives `{first}` no meaning, so it can't tell whether anybody relies on it.")


def _type(field: str, before: Any, after: Any, is_key: bool) -> Verdict:
    if before is not None and after is not None:
        if is_key:
            return both("Rows are found by this column: another type no longer joins.")
        if field == "physicalType" and _canonical(before) == _canonical(after):
            return both("The same type in DuckDB, but other tools read the text as another one.")
        return both("Code that expects the old type can fail or round.")
    return presence(before, after, "The type was not promised before.", "The type is no longer promised.", "")


def _canonical(written: Any) -> str:
    try:
        return canonical_type(str(written))
    except ColumnTypeError:
        return str(written)


def _key(keys: tuple[Keys, Keys]) -> Verdict:
    before, after = keys
    if before == after:
        return neutral("The key consists of the same columns in the same order.")
    if not before:
        return tightens("The table gets a primary key: one row each, never null.")
    if not after:
        return loosens("The table has no primary key any more: rows may repeat.")
    return both(f"A row is found by ({', '.join(after)}) instead of ({', '.join(before)}).")


def _physical_name(before: Any, after: Any, name: str) -> Verdict:
    if (before or name) == (after or name):
        return neutral("The physical name is that of the field where none is said.")
    return both("It is stored under another name: whoever reads the storage finds nothing.")


def _options(before: Any, after: Any, field: Keys, is_key: bool, logical_type: str) -> Verdict:
    old, new = (side if isinstance(side, dict) else {} for side in (before, after))
    name = field[1] if len(field) > 1 else ""
    if is_key and name in _FORMAT:
        if any(old.get(option) is not None for option in _FORMAT):
            return both("Rows are found by this column: keys of another form no longer match.")
        return tightens("The form of the key is promised.", "producers")
    if name in _LIMITS:
        return _limits(old, new, name, logical_type)
    if name == "enum":
        return _listed_values(old.get("enum"), new.get("enum"))
    if name in ("uniqueItems",):
        return flag(old.get(name), new.get(name), "Entries could repeat.", "Entries of the list may repeat.")
    if name == "required":
        grew = len(new.get(name) or ()) > len(old.get(name) or ())
        return tightens("More parts must be there.") if grew else loosens("Fewer parts must be there.")
    return presence(
        old.get(name), new.get(name), f"`{name}` limits the values.", f"`{name}` no longer limits the values.",
        f"Values follow another `{name}`, so code that reads them by the old one can fail.",
    )  # fmt: skip


def _limits(old: dict[str, Any], new: dict[str, Any], name: str, logical_type: str) -> Verdict:
    """Limits of one side (`minimum` and `exclusiveMinimum`) are one promise."""
    group = next(group for group in (_LOW, _HIGH, (name,)) if name in group)
    if any(_limit(side[option]) is None for side in (old, new) for option in group if side.get(option) is not None):
        return presence(old.get(name), new.get(name), "The values are limited.", "A limit of the values is gone.",
                        "How the two limits compare can't be told.")  # fmt: skip
    before, after = (_bound(side, group, logical_type) for side in (old, new))
    if before == after:
        return neutral("The same limit, written another way.")
    if before is None or after is None:
        return presence(before, after, "The values are limited.", "A limit of the values is gone.", "")
    narrower = after > before if name in (*_LOW, *_LEAST) else after < before
    return tightens("Fewer values are allowed.") if narrower else loosens("Values come that did not come before.")


def _bound(options: dict[str, Any], group: tuple[str, ...], logical_type: str) -> tuple[float, int] | None:
    """The limit that holds, as (value, beyond): an exclusive minimum lies just above its value."""
    found = []
    for option in group:
        value = None if options.get(option) is None else _limit(options[option])
        if value is None:
            continue
        beyond = 0 if not option.startswith("exclusive") else 1 if group is _LOW else -1
        found.append((value + beyond, 0) if logical_type == "integer" and value == int(value) else (value, beyond))
    if not found:
        return None
    return max(found) if group is _LOW else min(found)


def _limit(value: Any) -> float | None:
    """A number; or a date or time as a number that grows with it."""
    as_number = number(value)
    if as_number is not None or not isinstance(value, str):
        return as_number
    digits = "".join(c for c in value if c.isdigit())
    return float(digits[:14].ljust(14, "0")) if value[:4].isdigit() and len(digits) >= 8 else None


def _listed_values(before: Any, after: Any) -> Verdict:
    old, new = _values(before), _values(after)
    if not old or not new:
        return presence(
            old or None, new or None, "Only listed values are allowed.", "Any value may come, not only listed ones.", ""
        )
    gained, lost = new - old, old - new
    if gained and lost:
        return both("Values come that did not come before, and others no longer may.")
    if gained:
        return loosens("A value comes that did not come before: code that knows all values misses it.")
    if lost:
        return tightens("A value may no longer come.")
    return neutral("The same values.")


def _values(listed: Any) -> set[Any]:
    entries = listed if isinstance(listed, list) else []
    return {hashable(entry.get("value") if isinstance(entry, dict) else entry) for entry in entries}


def grade_relationship(before: dict[str, Any] | None, after: dict[str, Any] | None, field: Keys) -> Verdict:
    """A difference at `field` of a link to another table."""
    kinds = [None if side is None else side.get("type") or "foreignKey" for side in (before, after)]
    if "foreignKey" not in kinds:
        return neutral("A link of this type is not checked.")
    if before is None or kinds[0] != "foreignKey":
        return tightens("Every value must be found in the other table.")
    if after is None or kinds[1] != "foreignKey":
        return loosens("Values may be missing in the other table: joins lose rows.")
    if field and field[0] in ("from", "to"):
        return both("The values are found in another table or column.")
    return neutral("The link is the same.")


def grade_definition(before: dict[str, Any] | None, after: dict[str, Any] | None) -> Verdict:
    """An `authoritativeDefinitions` entry: a link of type `glossary` says what a field means."""
    was, is_now = (side is not None and side.get("type") == "glossary" for side in (before, after))
    if was and is_now:
        if before and after and before.get("url") == after.get("url"):
            return neutral("It is bound to the same term.")
        return both("It is bound to another term of the glossary: the name stays, the meaning changes.", "consumers")
    if was:
        return loosens("It is no longer bound to a term of the glossary, so its meaning is open.")
    if is_now:
        return promises_more("It is bound to a term of the glossary.")
    return neutral("A link to read more.")
