"""The columns of a port as a reader gets them, and in words what hides their values. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from platform_resources.contracts import Contract
from platform_resources.serving.portal.product_diff import written
from platform_resources.serving.schemas import ColumnOut, MaskOut, PortSchema

_UNITS = {"day": "days", "week": "weeks", "month": "months", "quarter": "quarters", "year": "years"}


@dataclass(frozen=True)
class ColumnRow:
    """One column. `gets`: how this reader gets it, as a word; `how`: what that means."""

    column: ColumnOut
    gets: str  # "in clear", "masked", "not for you"
    how: str
    logic: str | None  # transformLogic of the contract, and its description
    examples: str

    @property
    def marks(self) -> list[str]:
        """What it is in its table."""
        column = self.column
        named = ((column.key_position is not None, "key"), (column.unique and column.key_position is None, "unique"))
        return [*(name for holds, name in named if holds), *(["critical"] if column.critical else [])]


def rows_of(schema: PortSchema, contract: Contract) -> list[ColumnRow]:
    """A row for each column, in the contract's order."""
    properties = _properties(contract)
    return [_row(column, properties.get(column.name, {})) for column in schema.columns]


def best_first(rows: Sequence[ColumnRow]) -> list[str]:
    """Names of the columns that the reader sees, for an example: the key, critical ones, others; then those masked."""
    seen = [row for row in rows if row.column.visible]
    seen.sort(key=lambda row: (row.column.masked, row.column.key_position is None, not row.column.critical))
    return [row.column.name for row in seen]


def told(mask: MaskOut) -> str:
    """What a mask leaves to see, and what lifts it.

    >>> told(MaskOut(strategy="partial", clearance="gdpr", options={"format": "email"}))
    'a part of each e-mail address; the clearance gdpr lifts it, where a grant says so too'
    """
    lifted = "nothing lifts it" if mask.clearance is None else f"the clearance {mask.clearance} lifts it"
    return f"{_leaves(mask)}; {lifted}" + (", where a grant says so too" if mask.clearance else "")


def _leaves(mask: MaskOut) -> str:
    options = mask.options
    if mask.strategy == "partial":
        kind = {"email": "e-mail address", "phone": "phone number", "name": "name"}.get(
            str(options.get("format")), "text"
        )
        return f"a part of each {kind}"
    if mask.strategy == "generalise":
        if "unit" in options:
            return f"rounded to {_UNITS.get(str(options['unit']), options['unit'])}"
        if "bucket" in options:
            return f"rounded to steps of {options['bucket']}"
        return "rounded to bands" + (f" from {written(options['bands'])}" if "bands" in options else "")
    return {
        "hash": "a pseudonym: the same value has the same one in every product",
        "redact": "one value that tells nothing",
        "null": "always empty",
    }.get(mask.strategy, mask.strategy)


def _row(column: ColumnOut, said: Mapping[str, Any]) -> ColumnRow:
    if not column.visible:
        gets, how = "not for you", "your grant leaves it out"
    elif column.masked:
        gets, how = "masked", "; ".join(told(mask) for mask in column.masks)
    else:
        gets, how = "in clear", ""
    logic = [written(said[name]) for name in ("transformLogic", "transformDescription") if said.get(name)]
    shown = column.examples or (column.allowed or [])[:5]
    return ColumnRow(column, gets, how, " – ".join(logic) or None, written(list(shown)))


def _properties(contract: Contract) -> dict[str, Mapping[str, Any]]:
    """Name of a column -> its entry in the document, for what the typed view leaves out."""
    data = {} if contract.document is None else contract.document.data
    tables: Sequence[Mapping[str, Any]] = data.get("schema") or ()
    first = next((table for table in tables if table.get("name") == contract.table.name), {})
    return {str(entry.get("name")): entry for entry in first.get("properties") or ()}
