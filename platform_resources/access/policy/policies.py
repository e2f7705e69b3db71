"""What the contract and the council say about reading a port. Pure: documents in, policy out.

A mask that the contract writes is the mask. Where it is silent the council's classification decides (`mask: required`,
with `clearance` and `defaultMask`). Where nothing decides (no classification, one that the council doesn't know, a
catalogue that can't be read) the column is redacted for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from platform_resources.access.model import Mask, PortPolicy, ReadingRole, RowFilter
from platform_resources.contracts.model import Column, Contract
from platform_resources.governance import Classification, Council

HIDDEN = Mask("redact")  # when nothing decides: nobody sees it
_NO_ROWS = RowFilter("false")  # a row filter that says nothing: nobody sees a row
_OF_THE_MASK = ("strategy", "clearance")


def policy_of(port: str, contracts: Sequence[Contract], council: Council) -> PortPolicy:
    """The policy of a port by its contracts: the one that is served first, then every later one.

    A mask or a row filter of any of them holds (the most restrictive wins); roles are those of the last one.
    """
    masks: dict[str, list[Mask]] = {column.name: [] for column in contracts[0].table.columns}
    secrecy: dict[str, set[str]] = {name: set() for name in masks}
    filters: dict[RowFilter, None] = {}
    for contract in contracts:
        for column in contract.table.columns:
            if column.name in masks:
                found = _masks(column, council.classifications)
                masks[column.name] += [mask for mask in found if mask not in masks[column.name]]
                secrecy[column.name].add(column.classification or "")
        filters.update(dict.fromkeys(_row_filters(contract.table.custom)))
    last = contracts[-1]
    roles = tuple(_role(role, last) for role in last.roles if role.get("access", "read") == "read")
    implied = ReadingRole("reader", first_approvers=last.owners)
    known = {name: purpose.classifications for name, purpose in council.purposes.items()}
    return PortPolicy(
        port,
        {name: tuple(found) for name, found in masks.items()},
        tuple(filters),
        roles or (implied,),
        last.owners,
        {name: frozenset(found) for name, found in secrecy.items()},
        known or None,
    )


def _masks(column: Column, classifications: Mapping[str, Classification]) -> list[Mask]:
    written = column.custom.get("mask")
    if isinstance(written, Mapping):
        options = {name: value for name, value in written.items() if name not in _OF_THE_MASK}
        return [Mask(str(written.get("strategy", "redact")), _clearance(written), options)]  # type: ignore[arg-type]
    if written is not None:
        return [HIDDEN]
    level = classifications.get(column.classification or "")
    if level is None:
        return [HIDDEN]
    if level.fields.get("mask") == "required":
        default = level.fields.get("defaultMask")
        strategy = str(default.get("strategy", "redact")) if isinstance(default, Mapping) else "redact"
        return [Mask(strategy, _clearance(level.fields))]  # type: ignore[arg-type]
    return []


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
