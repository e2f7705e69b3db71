"""Rows of what is served that break a rule, as one reader sees them: read through the guard, and in the audit log.

The rule is evaluated on what the reader sees. So a rule about a column that the reader gets masked, or not at all, has
no rows for it: which rows break it would tell what the mask hides. Failing rows are kept nowhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from platform_resources.access import SqlLimits
from platform_resources.access.errors import NotFoundError
from platform_resources.access.relations.usage import LOOKING_DOOR
from platform_resources.catalog import PortState
from platform_resources.contracts import Contract
from platform_resources.contracts.column_types import ColumnTypeError, canonical_type
from platform_resources.lake import quote_identifier
from platform_resources.quality import Check, compile_checks
from platform_resources.quality.checks import NotEvaluableError, column_of
from platform_resources.quality.columns import Delivered, DeliveredColumn, spread
from platform_resources.quality.conditions import ROW_KINDS, UNIQUE_KINDS, bad_rows
from platform_resources.quality.keys import whole_key
from platform_resources.serving.entitlements import contracts_of
from platform_resources.serving.portal.product_diff import written
from platform_resources.serving.readers import Reader
from platform_resources.serving.schemas import ColumnOut, PortSchema

SHOWN = 10
_LIMITS = SqlLimits(wait=10)


@dataclass(frozen=True)
class FailingRows:
    """`why`: why there is none to show; None where they were looked for."""

    check: Check
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    masked: frozenset[str] = frozenset()
    publication: int | None = None
    more: bool = False
    why: str | None = None


def failing_rows(reader: Reader, state: PortState, name: str, schema: PortSchema, purpose: str | None) -> FailingRows:
    """Up to `SHOWN` rows of what is served that break a check.

    Raises
    ------
    NotFoundError
        when the contract that is served has no check of that name.
    AccessError
        when the port may not be read, or not now.
    """
    contract = contracts_of(reader, state)[0]
    check = next((one for one in compile_checks(contract) if one.name == name), None)
    if check is None:
        raise NotFoundError(f"{state.port.address} has no check of that name", "Its page lists those that it has.")
    why = why_not(check, state, schema)
    if why is not None:
        return FailingRows(check, why=why)
    shown = tuple(column.name for column in sorted(schema.columns, key=_told_first(check)) if column.visible)
    if check.asks_items is not None:
        shown = (check.asks_items, *shown)
    try:
        query = query_of(check, contract, state.port.address, shown)
    except NotEvaluableError as error:
        return FailingRows(check, why=f"The rule can't be looked up row by row: {error}.")
    with reader.access.sql.run(reader.caller, query, purpose, _LIMITS, door=LOOKING_DOOR) as reading:
        table = reading.table()
        relation = reading.relations[state.port.address]
    found = [tuple(written(value) for value in row.values()) for row in table.to_pylist()]
    masked = frozenset(column.name for column in schema.columns if column.masked)
    return FailingRows(check, shown, tuple(found[:SHOWN]), masked, relation.publication.number, more=len(found) > SHOWN)


def _told_first(check: Check) -> Callable[[ColumnOut], tuple[bool, bool]]:
    """The key that names a row stands first, then what the rule is about."""
    told = {column_of(name) for name in check.columns}
    return lambda column: (column.key_position is None, column.name not in told)


def why_not(check: Check, state: PortState, schema: PortSchema) -> str | None:
    """Why a reader is shown no rows that break a check; None when it may be."""
    if state.publication is None:
        return "Nothing is served now. Rows of a version that was refused are shown to nobody."
    if not schema.granted:
        return "You hold no grant on this port: ask for access first."
    if check.kind not in ROW_KINDS | UNIQUE_KINDS or not check.columns:
        return "The rule is not about single rows of this port alone, so there are none to show."
    seen = {column.name: column for column in schema.columns}
    told = [column_of(name) for name in check.columns]
    hidden = [name for name in told if name not in seen or not seen[name].visible]
    if hidden:
        return f"The rule is about {', '.join(hidden)}, which your grant leaves out."
    masked = [name for name in told if seen[name].masked]
    if masked:
        return (
            f"The rule is about {', '.join(masked)}, which you get masked. Which rows break it would tell what the "
            "mask hides, so they are shown to those who see the column in clear."
        )
    return None


def query_of(check: Check, contract: Contract, port: str, shown: tuple[str, ...]) -> str:
    """The SELECT of the rows that break a check, one more than is shown.

    Raises
    ------
    NotEvaluableError
        when the rule doesn't fit the column's type.
    """
    delivered = Delivered(_delivered(contract))
    source = ".".join(quote_identifier(part) for part in port.split("."))
    if check.asks_items is not None:
        source, delivered = spread(source, delivered, check.asks_items)
    if check.kind in UNIQUE_KINDS:
        key = delivered.get_all(check.columns)
        keys = ", ".join(column.sql for column in key)
        repeated = f"SELECT {keys} FROM {source} WHERE {whole_key(key)} GROUP BY {keys} HAVING count(*) > 1"
        condition, order = f"({keys}) IN ({repeated})", f" ORDER BY {keys}"
    else:
        condition, order = bad_rows(check, delivered), ""
    columns = ", ".join(map(quote_identifier, shown))
    return f"SELECT {columns} FROM {source} WHERE {condition}{order} LIMIT {SHOWN + 1}"


def _delivered(contract: Contract) -> list[DeliveredColumn]:
    """The columns in their promised types: what is published was held to them."""
    found = []
    for column in contract.table.columns:
        try:
            found.append(DeliveredColumn(column.name, canonical_type(column.physical_type or "VARCHAR")))
        except ColumnTypeError:
            continue
    return found
