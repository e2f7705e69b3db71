"""What the contract and the council say about reading a port. Pure: documents in, policy out.

A mask that a published contract writes is the mask. Where all of them are silent the council's classification decides
(`mask: required`, with `clearance` and `defaultMask`). Where nothing decides (no classification, one that the council
doesn't know, a catalogue that can't be read) the column is redacted for everybody.

What stands in the working tree and was not published yet may restrict readers at once. It opens nothing: no mask, no
row, no purpose, no clearance of a role, and it makes nobody an owner who reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from platform_resources.access.callers.names import canonical_id
from platform_resources.access.model import Mask, PortPolicy, ReadingRole, RowFilter
from platform_resources.contracts.model import Column, Contract
from platform_resources.governance import Classification, Council

HIDDEN = Mask("redact")  # when nothing decides: nobody sees it
_NO_ROWS = RowFilter("false")  # a row filter that says nothing: nobody sees a row
_OF_THE_MASK = ("strategy", "clearance")


def policy_of(port: str, contracts: Sequence[Contract], council: Council, today: Contract | None = None) -> PortPolicy:
    """The policy of a port by its published contracts (the one that is served first, then every later one) and today's.

    `contracts` of a port that was never published is today's alone. A mask, a row filter, a limit of a role in any of
    them holds (the most restrictive wins); which roles there are, and who approves, says the last of them.
    """
    masks: dict[str, list[Mask]] = {column.name: [] for column in contracts[0].table.columns}
    secrecy: dict[str, set[str]] = {name: set() for name in masks}
    filters: dict[RowFilter, None] = {}
    every = (*contracts, *([today] if today else []))
    written = {c.name for contract in contracts for c in contract.table.columns if _written(c) is not None}
    for contract in every:
        for column in contract.table.columns:
            if column.name in masks:
                mask = _written(column)
                if mask is None and column.name not in written:
                    mask = _derived(column, council.classifications)
                if mask is not None and mask not in masks[column.name]:
                    masks[column.name].append(mask)
                secrecy[column.name].add(column.classification or "")
        filters.update(dict.fromkeys(_row_filters(contract.table.custom)))
    known = {name: purpose.classifications for name, purpose in council.purposes.items()}
    return PortPolicy(
        port,
        {name: tuple(found) for name, found in masks.items()},
        tuple(filters),
        _roles(every),
        _owners(contracts[-1], every[-1]),
        {name: frozenset(found) for name, found in secrecy.items()},
        known or None,
    )


def _roles(contracts: Sequence[Contract]) -> tuple[ReadingRole, ...]:
    """The roles of the last contract, each as narrow as every contract has it that knows it.

    The first one is what owners read in, and grants that name no role: it stays as narrow as the first role of every
    contract, under whatever name.
    """
    offered = [_offered(contract) for contract in contracts]
    narrowed = []
    for place, role in enumerate(offered[-1]):
        for earlier in offered[:-1]:
            same = [other for number, other in enumerate(earlier) if other.name == role.name or number == place == 0]
            for other in same:
                role = _narrowed(role, other)
        narrowed.append(role)
    return tuple(narrowed)


def _offered(contract: Contract) -> list[ReadingRole]:
    roles = [_role(role, contract) for role in contract.roles if role.get("access", "read") == "read"]
    return roles or [ReadingRole("reader", first_approvers=contract.owners)]


def _narrowed(role: ReadingRole, other: ReadingRole) -> ReadingRole:
    if role.purposes is None or other.purposes is None:
        purposes = role.purposes if other.purposes is None else other.purposes
    else:
        purposes = role.purposes & other.purposes
    filters = tuple(dict.fromkeys((*role.row_filters, *other.row_filters)))
    return replace(role, purposes=purposes, clearances=role.clearances & other.clearances, row_filters=filters)


def _owners(published: Contract, today: Contract) -> tuple[str, ...]:
    """Who is an owner in both."""
    known = {canonical_id(owner) for owner in published.owners}
    return tuple(owner for owner in today.owners if canonical_id(owner) in known)


def _written(column: Column) -> Mask | None:
    """The mask that the contract itself writes."""
    written = column.custom.get("mask")
    if isinstance(written, Mapping):
        options = {name: value for name, value in written.items() if name not in _OF_THE_MASK}
        return Mask(str(written.get("strategy", "redact")), _clearance(written), options)  # type: ignore[arg-type]
    return None if written is None else HIDDEN


def _derived(column: Column, classifications: Mapping[str, Classification]) -> Mask | None:
    """The mask that follows from the classification."""
    level = classifications.get(column.classification or "")
    if level is None:
        return HIDDEN
    if level.fields.get("mask") != "required":
        return None
    default = level.fields.get("defaultMask")
    strategy = str(default.get("strategy", "redact")) if isinstance(default, Mapping) else "redact"
    return Mask(strategy, _clearance(level.fields))  # type: ignore[arg-type]


def _clearance(fields: Mapping[str, Any]) -> str | None:
    named = fields.get("clearance")
    return named if isinstance(named, str) and named else None


def _row_filters(custom: Mapping[str, Any]) -> list[RowFilter]:
    if "rowFilter" not in custom:
        return []
    written = custom["rowFilter"]
    if isinstance(written, str):
        return [RowFilter(written)]
    if not isinstance(written, Mapping) or not isinstance(written.get("where"), str):
        return [_NO_ROWS]
    return [RowFilter(written["where"], _clearance(written))]


def _role(role: Mapping[str, Any], contract: Contract) -> ReadingRole:
    custom = {e.get("property"): e.get("value") for e in role.get("customProperties") or [] if isinstance(e, Mapping)}
    return ReadingRole(
        name=str(role.get("role", "")),
        purposes=_names(custom["purposes"]) if "purposes" in custom else None,
        clearances=_names(custom.get("clearances")),
        row_filters=tuple(_row_filters(custom)),
        first_approvers=_addresses(role.get("firstLevelApprovers")) or contract.owners,
        second_approvers=_addresses(role.get("secondLevelApprovers")),
        description=role.get("description"),
    )


def _names(value: Any) -> frozenset[str]:
    """The texts of a list; of anything else none."""
    return frozenset(name for name in value if isinstance(name, str)) if isinstance(value, list) else frozenset()


def _addresses(value: Any) -> tuple[str, ...]:
    return tuple(part.strip() for part in str(value or "").replace(";", ",").split(",") if part.strip())
