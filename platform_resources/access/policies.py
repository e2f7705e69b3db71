"""What the contract and the council say about reading a port. Pure: documents in, policy out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from platform_resources.access.model import Mask, PortPolicy, ReadingRole, RowFilter
from platform_resources.contracts.model import Column, Contract
from platform_resources.governance import Classification

_HIDDEN = Mask("redact")  # when nothing decides: nobody sees it


def policy_of(port: str, contracts: Sequence[Contract], classifications: Mapping[str, Classification]) -> PortPolicy:
    """The policy of a port by its contracts: the one that is served first, then every later one.

    A mask or a row filter of any of them holds (the most restrictive wins); roles are those of the last one.
    """
    masks: dict[str, list[Mask]] = {column.name: [] for column in contracts[0].table.columns}
    filters: dict[RowFilter, None] = {}
    for contract in contracts:
        for column in contract.table.columns:
            for mask in _masks(column, classifications):
                if column.name in masks and mask not in masks[column.name]:
                    masks[column.name].append(mask)
        filters.update(dict.fromkeys(_row_filters(contract.table.custom)))
    last = contracts[-1]
    roles = tuple(_role(role, last) for role in last.roles if role.get("access", "read") == "read")
    implied = ReadingRole("reader", first_approvers=last.owners)
    return PortPolicy(port, {n: tuple(m) for n, m in masks.items()}, tuple(filters), roles or (implied,), last.owners)


def _masks(column: Column, classifications: Mapping[str, Classification]) -> list[Mask]:
    written = column.custom.get("mask")
    if isinstance(written, Mapping):
        options = {name: value for name, value in written.items() if name not in ("strategy", "clearance")}
        return [Mask(str(written.get("strategy", "redact")), written.get("clearance"), options)]  # type: ignore[arg-type]
    level = classifications.get(column.classification or "")
    if level is None:
        return [_HIDDEN]
    if level.fields.get("mask") == "required":
        return [Mask("redact", level.fields.get("clearance"))]
    return []


def _row_filters(custom: Mapping[str, Any]) -> list[RowFilter]:
    written = custom.get("rowFilter")
    if written is None:
        return []
    if isinstance(written, str):
        return [RowFilter(written)]
    return [RowFilter(str(written.get("where", "false")), written.get("clearance"))]


def _role(role: Mapping[str, Any], contract: Contract) -> ReadingRole:
    custom = {e.get("property"): e.get("value") for e in role.get("customProperties") or [] if isinstance(e, Mapping)}
    purposes = custom.get("purposes")
    return ReadingRole(
        name=str(role.get("role", "")),
        purposes=None if purposes is None else frozenset(purposes),
        clearances=frozenset(custom.get("clearances") or ()),
        row_filters=tuple(_row_filters(custom)),
        first_approvers=_addresses(role.get("firstLevelApprovers")) or contract.owners,
        second_approvers=_addresses(role.get("secondLevelApprovers")),
        description=role.get("description"),
    )


def _addresses(value: Any) -> tuple[str, ...]:
    return tuple(part.strip() for part in str(value or "").replace(";", ",").split(",") if part.strip())
