"""The contract as a whole, where it is served, and its tables."""

from __future__ import annotations

from typing import Any

from platform_resources.contracts.changes.differences import Difference
from platform_resources.contracts.changes.model import Verdict
from platform_resources.contracts.changes.verdicts import (
    both,
    loosens,
    neutral,
    number,
    presence,
    promises_less,
    promises_more,
    rank,
    tightens,
    verdict,
)

_LIFE = ("retired", "deprecated", "proposed", "draft", "active")  # in rising reliability
_WORDS = {
    "version": "The number of the version.",
    "apiVersion": "The version of the standard that the document follows.",
    "name": "What the contract is called.",
    "description": "Wording.",
    "tags": "Labels for searching.",
    "team": "Who works on the product; what it promises stays the same.",
    "context": "Notes for readers.",
    "contractCreatedTs": "When the document was written.",
    "authoritativeDefinitions": "A link to read more.",
}
_ADDRESSES = {
    "id": "Whoever refers to the contract by its id no longer finds it.",
    "kind": "The document is something else.",
    "tenant": "The port belongs to another organisation.",
    "domain": "The port belongs to another domain: its address changes.",
    "dataProduct": "The port belongs to another product: its address changes.",
}
_SAYINGS = {  # promised for the first time, no longer, another way
    "slaDefaultElement": (
        "Promises get a default column.",
        "Promises lose their default column.",
        "Promises are measured on another column.",
    ),
    "schema": (
        "The contract gets a schema.",
        "The contract has no schema any more.",
        "The schema is built another way.",
    ),
}
_SERVER_WORDS = ("description", "id", "customProperties")


def grade_root(difference: Difference) -> Verdict:
    """A field of the contract itself, or a support channel."""
    name = difference.keys[0]
    before, after = difference.before, difference.after
    if name == "status":
        return _status(before, after)
    if name == "price":
        return _price(difference.keys[-1], before, after)
    if name == "support":
        return _support(difference)
    if name in _ADDRESSES:
        if before is None:
            return neutral("Said for the first time.")
        return neutral("No longer said.") if after is None and name == "dataProduct" else both(_ADDRESSES[name])
    if name in _SAYINGS:
        return presence(before, after, *_SAYINGS[name])
    if name in _WORDS:
        return neutral(_WORDS[name])
    if name in ("slaProperties", "roles", "servers") and after is None:
        return neutral("An empty list promised nothing.")
    return neutral(f"The platform gives `{name}` no meaning, so it can't tell whether anybody relies on it.")


def _status(before: Any, after: Any) -> Verdict:
    old, new = rank(before, _LIFE), rank(after, _LIFE)
    if old is None or new is None:
        return both("What the two states promise is not known.")
    if after in ("deprecated", "retired"):
        if old > new:
            return loosens("The port is going to end." if after == "deprecated" else "The port has ended.")
        return promises_more("The port is served again, until its end.")
    if before in ("proposed", "draft") or old < new:
        return promises_more("Consumers may rely on the port from now on.")
    return loosens("The port is a draft again: anything may change.")


def _price(field: str, before: Any, after: Any) -> Verdict:
    if field != "priceAmount":
        return both("The price is another one.", "consumers") if before != after else neutral("The same price.")
    old, new = number(before or 0), number(after or 0)
    if old is None or new is None:
        return both("How the two prices compare can't be told.")
    return loosens("Reading costs more.") if new > old else verdict("tightens", "Reading costs less.", ())


def _support(difference: Difference) -> Verdict:
    if difference.field or not difference.entries:
        return neutral("Where the owner is reached; what is promised stays the same.")
    if difference.after is None:
        return promises_less("One way less to reach the owner.")
    return promises_more("One more way to reach the owner.")


def grade_server(before: dict[str, Any] | None, after: dict[str, Any] | None, field: tuple[str, ...]) -> Verdict:
    """Where the data is read."""
    if before is None:
        return promises_more("One more place to read from.")
    if after is None:
        return loosens("Whoever reads from this place finds nothing.")
    if field and field[0] in _SERVER_WORDS:
        return neutral("Wording: the place stays the same.")
    return both("The data has moved: whoever reads from the old place finds nothing, or other data.", "consumers")


def grade_table(before: dict[str, Any], after: dict[str, Any], field: tuple[str, ...], name: str) -> Verdict:
    first = field[0]
    old, new = before.get(first), after.get(first)
    if first == "physicalName":
        if (old or name) == (new or name):
            return neutral("The physical name is that of the table where none is said.")
        return both("It is stored under another name: whoever reads the storage finds nothing.")
    if first == "dataGranularityDescription":
        if old is not None and new is not None:
            return both("A row stands for something else: counts and sums change.", "consumers")
        gained = promises_more("What a row stands for is said.")
        return gained if old is None else loosens("What a row stands for is no longer said.")
    if first == "deprecated":
        return promises_less("A notice that the table will go.") if new else promises_more("The table is to stay.")
    if first in ("properties", "relationships", "quality") and not old and not new:
        return neutral("An empty list says as much as none.")
    if first == "logicalType" and old is not None and new is not None:
        return both("The table is built another way.")
    if first == "properties":
        return tightens("Columns are promised.") if not old else loosens("No column is promised any more.")
    return neutral("Wording: what the table holds stays the same.")
