"""Who decides on a request for access. Pure: policy, classifications and what was decided so far are handed in.

The role of the contract names the approvers, people by their id and teams as `team:<name>`: its first level, then, for
roles that have one, its second. A role that opens masks of columns whose classification asks for two approvals needs a
second level, whatever the contract says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from platform_resources.access.callers.names import canonical_id, is_named
from platform_resources.access.errors import ConflictError, DeniedError
from platform_resources.access.model import Identity, PortPolicy, ReadingRole
from platform_resources.contracts.model import Contract
from platform_resources.governance import Classification

RequestState = Literal["pending", "approved", "denied", "withdrawn"]


@dataclass(frozen=True)
class Approval:
    """What one approver decided at one level (1 or 2)."""

    level: int
    approver: str
    decision: Literal["approve", "deny"]
    at: datetime
    comment: str | None = None
    conditions: str | None = None


@dataclass(frozen=True)
class AccessRequest:
    """Somebody asks to read a port, in a role, for a purpose, for some days."""

    id: int
    consumer: str  # identity, team or product that would read
    port: str
    role: str
    purpose: str
    reason: str
    days: int
    columns: tuple[str, ...] | None  # None: all
    state: RequestState
    requested_by: str
    requested_at: datetime
    decided_at: datetime | None = None
    approvals: tuple[Approval, ...] = ()
    grant: int | None = None  # made by the last approval
    levels: int = 1  # approvals that it needs, as the contract stands now
    waits_for: tuple[str, ...] = ()  # who may decide next, as the contract stands now; empty once it is decided
    notices: tuple[str, ...] = ()  # what stands in its way, for people


@dataclass(frozen=True)
class Levels:
    """The approvers of each level, first one first. `lacking`: why no approval can be complete; None when it can.

    `remedy`: who mends that, and how.
    """

    approvers: tuple[tuple[str, ...], ...]
    lacking: str | None = None
    remedy: str | None = None

    @property
    def told(self) -> str | None:
        """What it lacks, with the remedy."""
        return self.lacking if self.remedy is None else f"{self.lacking}; {self.remedy}"


@dataclass(frozen=True)
class Told:
    """A request as today's documents tell it, with whom they let decide on it and the approvals that count."""

    request: AccessRequest
    levels: Levels = Levels(())
    counted: Mapping[int, Approval] = field(default_factory=dict)

    def waits_for(self, identity: Identity) -> bool:
        """Whether `identity` may approve it now; whether it is its own is for `Offers.is_own` to say."""
        try:
            approving_level(identity, self.levels, self.counted, "it")
        except (DeniedError, ConflictError):
            return False
        return True


def opened_columns(policy: PortPolicy, role: ReadingRole, columns: Collection[str] | None = None) -> tuple[str, ...]:
    """Columns (of `columns`; None: of all) with a mask that the role lifts."""
    return tuple(
        name
        for name, masks in policy.masks.items()
        if (columns is None or name in columns) and any(mask.clearance in role.clearances for mask in masks)
    )


def levels_of(
    policy: PortPolicy,
    role: ReadingRole,
    contract: Contract,
    classifications: Mapping[str, Classification],
    columns: Collection[str] | None = None,
) -> Levels:
    """Whom the contract names to approve a request in `role`, for `columns`."""
    if not role.first_approvers:
        return Levels(((),), f"{policy.port} names nobody who approves the role {role.name}")
    if role.second_approvers:
        return Levels((role.first_approvers, role.second_approvers))
    classes = {column.name: column.classification or "" for column in contract.table.columns}
    opened = opened_columns(policy, role, columns)
    if all(_approvals(classifications.get(classes.get(name, ""))) < 2 for name in opened):
        return Levels((role.first_approvers,))
    lacking = (
        f"the role {role.name} of {policy.port} shows {', '.join(opened)} in clear, which takes two approvals, "
        "and names no second approver"
    )
    return Levels((role.first_approvers, ()), lacking)


def _approvals(classification: Classification | None) -> int:
    if classification is None:  # nobody has said how secret it is
        return 2
    asked = classification.fields.get("approvals", 1)
    return asked if isinstance(asked, int) else 2


def standing(approvals: Sequence[Approval], levels: Levels, approvers: Mapping[str, Identity]) -> dict[int, Approval]:
    """Level -> the approval that counts now: of somebody who is still there, and still an approver of that level.

    `approvers` are the identities of those who approved, without the disabled ones. One person counts once.
    """
    counted: dict[int, Approval] = {}
    for approval in sorted(approvals, key=lambda given: given.level):
        who = approvers.get(approval.approver)
        if approval.decision != "approve" or who is None or who.kind != "person":
            continue
        named = levels.approvers[approval.level - 1] if approval.level <= len(levels.approvers) else ()
        if is_named(who, named) and who.id not in {given.approver for given in counted.values()}:
            counted[approval.level] = approval
    return counted


def open_level(levels: Levels, counted: Collection[int]) -> int | None:
    """The level that has to decide next: the owner before the privacy office; None when all have."""
    return next((level for level in range(1, len(levels.approvers) + 1) if level not in counted), None)


def waited_for(levels: Levels, counted: Mapping[int, Approval]) -> tuple[str, ...]:
    """Who may decide next: approvers of the open level who gave no other approval. Nobody where one is lacking."""
    level = open_level(levels, counted)
    if level is None or levels.lacking is not None:
        return ()
    gave = {approval.approver for approval in counted.values()}
    return tuple(name for name in levels.approvers[level - 1] if canonical_id(name) not in gave)


def must_be_pending(request: AccessRequest) -> None:
    """Raises ConflictError when it was decided or withdrawn."""
    if request.state != "pending":
        raise ConflictError(f"request {request.id} was {request.state} already", state=request.state)


def approving_level(identity: Identity, levels: Levels, counted: Mapping[int, Approval], what: str) -> int:
    """The level at which `identity` approves now; `what` names the request, for messages.

    Raises
    ------
    DeniedError
        when it is no approver of the level that is open.
    ConflictError
        when the contract has to name another approver first.
    """
    if not any(is_named(identity, named) for named in levels.approvers):
        everybody = ", ".join(dict.fromkeys(name for named in levels.approvers for name in named))
        raise DeniedError(f"{identity.id} is no approver of {what}", f"Its approvers: {everybody or 'nobody'}.")
    if levels.told is not None:
        raise ConflictError(f"{what} can't be approved yet", f"{levels.told[0].upper()}{levels.told[1:]}.")
    level = open_level(levels, counted)
    if level is None:
        raise ConflictError(f"{what} has all its approvals")
    waits = f"It waits for: {', '.join(waited_for(levels, counted)) or 'nobody who may'}."
    if any(approval.approver == identity.id for approval in counted.values()):
        raise DeniedError(f"{identity.id} has approved {what} already; the second approval is somebody else's", waits)
    if not is_named(identity, levels.approvers[level - 1]):
        state = "waits for its first approval before yours" if level == 1 else "has its first approval already"
        raise ConflictError(f"{what} {state}", waits)
    others = [named for number, named in enumerate(levels.approvers, 1) if number != level and number not in counted]
    if any({canonical_id(name) for name in named} == {identity.id} for named in others):
        raise ConflictError(f"the other approval of {what} is {identity.id}'s alone", "This one is somebody else's.")
    return level


def denying_level(identity: Identity, levels: Levels, what: str) -> int:
    """The level at which `identity` says no. Any approver may, whoever is asked next.

    Raises
    ------
    DeniedError
        when it is no approver.
    """
    for level, named in enumerate(levels.approvers, 1):
        if is_named(identity, named):
            return level
    everybody = ", ".join(dict.fromkeys(name for named in levels.approvers for name in named))
    raise DeniedError(f"{identity.id} is no approver of {what}", f"Its approvers: {everybody or 'nobody'}.")
