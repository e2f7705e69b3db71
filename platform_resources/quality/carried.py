"""What the last publication proved of rows that are still there as they were: only the rows since need to be read.

Pure values. A rule's mark is made of the SQL that measures it, the types of its columns and the engine's version: a
count is carried on only while the mark is the same, whatever else was changed in the contract.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any

import duckdb

from platform_resources.contracts.wording import counted
from platform_resources.quality.checks import Check
from platform_resources.quality.columns import Delivered
from platform_resources.quality.conditions import ROW_KINDS, UNIQUE_KINDS
from platform_resources.quality.keys import Bounds

_MARK_CHARACTERS = 12  # 48 bits: of a thousand changes of a rule, one in 10^11 would go unseen


Part = int | Decimal | None  # a count, or a sum of exact numbers; None: of no values
_EXACT = Context(prec=100)


@dataclass(frozen=True)
class Count:
    """What a publication's audit found of a rule: `bad` rows, or the counts and sums that a SQL rule's answer is of.

    `bounds`: of the columns of a key, where they are known: new keys beyond them repeat no old one. `asked`: the items
    or objects that it was asked of; None: every row.
    """

    mark: str
    bad: int = 0
    parts: tuple[Part, ...] = ()
    bounds: tuple[Bounds, ...] = ()
    asked: int | None = None

    def as_record(self) -> dict[str, Any]:
        """As JSON can hold it to the last digit, without the bad rows, which stand in the result."""
        parts = [str(part) if isinstance(part, Decimal) else part for part in self.parts]
        bounds = [[bound.low, bound.high] for bound in self.bounds]
        known = {"parts": parts or None, "bounds": bounds or None, "asked": self.asked}
        return {"mark": self.mark, **{name: value for name, value in known.items() if value is not None}}


@dataclass(frozen=True)
class Carried:
    """The rows that publication `number` was audited for, which are all still there, and those that came since.

    `old_sql`, `new_sql`: both parts, as SQL to stand in FROM. `parents`: tables that foreign keys point to, as the
    contract writes them -> why what was found there may not hold any more; None: all keys of then are still there.
    """

    number: int
    rows: int
    new_rows: int
    old_sql: str
    new_sql: str
    counts: Mapping[str, Count] = field(default_factory=dict)  # by check name
    parents: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def all_rows(self) -> int:
        return self.rows + self.new_rows

    @property
    def told(self) -> str:
        """A sentence for people."""
        then, news = f"publication #{self.number}", counted(self.new_rows, "new row")
        return f"{counted(self.rows, 'row')} of {then} are there as they were, so what it proved holds; {news} since"

    def as_record(self) -> dict[str, Any]:
        return {"publication": self.number, "proven_rows": self.rows, "new_rows": self.new_rows}


@dataclass(frozen=True)
class Unproven:
    """Nothing is carried on. `reason` is for people."""

    reason: str

    @property
    def told(self) -> str:
        """A sentence for people."""
        return f"All rows are read: {self.reason}"

    def as_record(self) -> dict[str, Any]:
        return {"publication": None, "why_not": self.reason}


def added(one: Part, other: Part) -> Part:
    """The sum of two parts, to the last digit."""
    if one is None or other is None:
        return other if one is None else one
    return one + other if isinstance(one, int) and isinstance(other, int) else _EXACT.add(Decimal(one), Decimal(other))


def are_exact(parts: Iterable[Any]) -> bool:
    """Numbers that add up in whatever order; floating point ones don't."""
    return all(part is None or (isinstance(part, int | Decimal) and not isinstance(part, bool)) for part in parts)


def mark_of(check: Check, delivered: Delivered, counted_by: Sequence[str], answer: str | None = None) -> str | None:
    """Tells whether a count of now can be added to one of then; None where the counts of two parts don't add up.

    `counted_by`: the aggregates that count the rows that break a rule, or that the `answer` of a SQL rule is made of.
    """
    if check.kind in UNIQUE_KINDS:
        asked: object = "repeats"
    elif check.kind == "relationships":
        asked = (str(check.arguments["table"]), tuple(map(str, check.arguments["columns"])))
    elif counted_by and (check.kind in ROW_KINDS or check.kind == "sql"):
        asked = (tuple(counted_by), answer)
    else:
        return None
    found = (delivered.find(name) for name in check.columns)
    types = tuple((column.name, column.type) for column in found if column is not None)
    text = repr((duckdb.__version__, asked, delivered.schema if check.kind == "sql" else types))
    return hashlib.sha256(text.encode()).hexdigest()[:_MARK_CHARACTERS]


def why_in_full(check: Check, mark: str | None, carried: Carried) -> str | None:
    """Why a rule is asked of all rows though some were proven before; None when it needn't be."""
    if mark is None:
        return "its answer is not made of counts and exact sums, or it asks what time it is"
    count, then = carried.counts.get(check.name), f"publication #{carried.number}"
    if count is None or count.mark != mark:
        return f"{then} kept no exact count of it: it is new, was changed or could not be evaluated"
    if check.kind in UNIQUE_KINDS and count.bad:
        return f"{then} found {counted(count.bad, 'repeated key')}"
    if check.kind == "relationships":
        parent = str(check.arguments["table"])
        if count.bad:
            return f"{then} found {counted(count.bad, 'row')} without one in {parent}"
        return carried.parents.get(parent, f"what became of {parent} is not known")
    return None


def counts_of(results: Iterable[Mapping[str, Any]], kept: Mapping[str, Mapping[str, Any]]) -> dict[str, Count]:
    """Check name -> its count, of what the log keeps; without what was not evaluated or doesn't add up."""
    found = {}
    for name, bad in ((result["name"], result["failed_rows"]) for result in results):
        record = kept.get(name, {})
        parts = tuple(Decimal(part) if isinstance(part, str) else part for part in record.get("parts", ()))
        bounds = tuple(Bounds(low, high) for low, high in record.get("bounds", ()))
        if record and (parts or isinstance(bad, int)):
            found[name] = Count(record["mark"], 0 if parts else bad, parts, bounds, record.get("asked"))
    return found
