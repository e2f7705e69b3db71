"""The ways in which a batch can go wrong, each asked for by name.

A fault hits one feed's file of one batch. The right file is kept aside: a late one lands with the next batch, the
others when somebody repairs them, always under the name that they should have had from the start.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from operational_systems.errors import ReplayError
from operational_systems.feeds import FEEDS, RECEIPTS, Feed

FOREIGN_CURRENCY = "EUR"


class FaultKind(StrEnum):
    """What happens to the file."""

    LATE = "late"
    TWICE = "twice"
    DROPPED_COLUMN = "dropped-column"
    NULL_KEY = "null-key"
    FOREIGN_CURRENCY = "foreign-currency"
    HALF_FILE = "half-file"


@dataclass(frozen=True)
class Fault:
    """One fault on one feed. Raises ReplayError for a feed that cannot have it."""

    kind: FaultKind
    feed: Feed = RECEIPTS

    def __post_init__(self) -> None:
        if not self.feed.ticks:
            raise ReplayError(f"{self.feed.address} does not land with every batch; choose a feed that does")
        if self.kind is FaultKind.FOREIGN_CURRENCY and self.feed.currency is None:
            raise ReplayError(f"{self.feed.address} has no currency; foreign-currency needs {RECEIPTS.address}")

    @property
    def needs_rows(self) -> bool:
        """Whether there must be a row to spoil."""
        return self.kind in (FaultKind.NULL_KEY, FaultKind.FOREIGN_CURRENCY)

    def to_json(self) -> dict[str, str]:
        """For state.json."""
        return {"kind": self.kind.value, "feed": self.feed.address}

    @classmethod
    def from_json(cls, raw: dict[str, Any] | None) -> "Fault | None":
        """The other way; ValueError or KeyError when it is none."""
        return cls(FaultKind(raw["kind"]), FEEDS[raw["feed"]]) if raw else None


def corrupted_select(fault: Fault, relation: str) -> str:
    """The rows of `relation` as the faulty extraction would deliver them. One row loses its key; the currency is
    wrong on all lines of one receipt, as it would be at one till.
    """
    feed = fault.feed
    match fault.kind:
        case FaultKind.DROPPED_COLUMN:
            return f"select * exclude ({feed.droppable}) from {relation}"
        case FaultKind.NULL_KEY:
            return (
                f"select * replace (case when row_number() over () = 1 then null else {feed.key} end as {feed.key})"
                f" from {relation}"
            )
        case FaultKind.FOREIGN_CURRENCY:
            return (
                f"select * replace (case when {feed.key} = (select min({feed.key}) from {relation})"
                f" then '{FOREIGN_CURRENCY}' else {feed.currency} end as {feed.currency}) from {relation}"
            )
        case _:
            return f"from {relation}"
