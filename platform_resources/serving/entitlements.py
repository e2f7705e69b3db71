"""How a reader may read a port: the roles that are offered, its own grants, and what it gets of each column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from platform_resources.access.errors import AccessError, DeniedError
from platform_resources.access.model import Grant, Mask, PortPolicy, ReadingRole
from platform_resources.access.policy.decisions import decide
from platform_resources.access.policy.policies import policy_of
from platform_resources.catalog import PortState
from platform_resources.contracts import Contract
from platform_resources.lake import PortAddress, utc_now
from platform_resources.serving.answers import Answer
from platform_resources.serving.readers import Reader


class RoleOffered(Answer):
    role: str = Field(examples=["customer_360_reader"])
    description: str | None
    purposes: list[str] | None = Field(description="For which it may be asked; null: every one that the council knows.")
    clearances: list[str] = Field(description="Masks that it lifts for readers who hold them.", examples=[["gdpr"]])
    some_rows: bool = Field(description="Whether it shows some rows only, by attributes of the reader.")
    approvers: list[list[str]] = Field(description="Who decides, level by level; one of each level is enough.")


class GrantHeld(Answer):
    id: int
    consumer: str = Field(description="The caller, or a team of it.")
    port: str = Field(description="Address of the port, or `*`.")
    role: str | None
    purpose: str = Field(examples=["analytics"])
    clearances: list[str]
    columns: list[str] | None = Field(description="Null: all.")
    conditions: str | None = Field(description="What the approvers ask for.")
    starts_at: datetime
    ends_at: datetime
    review_at: datetime | None


class PortAccess(Answer):
    readable: bool = Field(description="Whether the caller holds a grant now.")
    roles: list[RoleOffered]
    grants: list[GrantHeld] = Field(description="The caller's own, those that hold now.")
    ask: str | None = Field(description="How to ask for access; null when the caller has it.")


def grant_held(grant: Grant) -> GrantHeld:
    return GrantHeld(
        id=grant.id,
        consumer=grant.consumer,
        port=grant.port,
        role=grant.role,
        purpose=grant.purpose,
        clearances=sorted(grant.clearances),
        columns=None if grant.columns is None else sorted(grant.columns),
        conditions=grant.conditions,
        starts_at=grant.starts_at,
        ends_at=grant.ends_at,
        review_at=grant.review_at,
    )


def policy_on(reader: Reader, state: PortState) -> PortPolicy:
    """What every contract from the served one to today's says about reading a port.

    Of a port that serves nothing, or whose lake can't be read, today's document tells it.
    """
    if state.publication is None:
        return policy_of(state.port.address, [state.port.contract], reader.documents.council)
    return reader.access.guard.policy(PortAddress.parse(state.port.address))


def contracts_of(reader: Reader, state: PortState) -> list[Contract]:
    """The contract that is served, then today's when it is another one."""
    today, publication = state.port.contract, state.publication
    if publication is None or publication.contract_sha256 == today.sha256:
        return [today]
    return [reader.view.promise(PortAddress.parse(state.port.address), publication).contract, today]


def access_to(reader: Reader, state: PortState) -> PortAccess:
    policy = policy_on(reader, state)
    held = [grant for grant in reader.grants if grant.is_on(state.port.address)]
    ask = f"POST /api/v1/access/requests with port {state.port.address}, a role, a purpose and a reason"
    return PortAccess(
        readable=bool(held) and reader.caller.may("read", state.port.address),
        roles=[_role(role, policy) for role in policy.roles],
        grants=[grant_held(grant) for grant in held],
        ask=None if held else ask,
    )


def _role(role: ReadingRole, policy: PortPolicy) -> RoleOffered:
    levels = [list(level) for level in (role.first_approvers, role.second_approvers) if level]
    return RoleOffered(
        role=role.name,
        description=role.description,
        purposes=None if role.purposes is None else sorted(role.purposes),
        clearances=sorted(role.clearances),
        some_rows=bool(policy.row_filters or role.row_filters),
        approvers=levels,
    )


@dataclass(frozen=True)
class Sight:
    """What a reader gets of a port: visible column -> masks that apply."""

    columns: Mapping[str, tuple[Mask, ...]]
    role: str
    granted: bool
    some_rows: bool


def sight_of(reader: Reader, policy: PortPolicy, purpose: str | None = None) -> Sight:
    """By the reader's grant; without one as the first role of the port would show it, with no mask lifted."""
    try:
        decision = decide(reader.caller, policy, reader.grants, purpose, utc_now())
    except DeniedError:
        role = policy.role(None)
        filters = (*policy.row_filters, *(role.row_filters if role else ()))
        return Sight(policy.masks, role.name if role else "", granted=False, some_rows=bool(filters))
    profile = decision.profile
    return Sight(profile.columns, decision.role, granted=True, some_rows=bool(profile.filters))


def is_told_rows(reader: Reader, state: PortState) -> bool:
    """Whether a reader is told how many rows a port has: not where a row filter hides some of them from it.

    Who holds no grant is told what the first role of the port would be.
    """
    if _filters_nobody(reader, state):
        return True
    try:
        policy = policy_on(reader, state)
    except AccessError:
        return False
    if not (policy.row_filters or any(role.row_filters for role in policy.roles)):
        return True
    held = [grant.purpose for grant in reader.grants if grant.is_on(state.port.address)]
    sights = [sight_of(reader, policy, purpose) for purpose in dict.fromkeys([None, *held])]
    granted = [sight for sight in sights if sight.granted]
    return not all(sight.some_rows for sight in granted or sights)


def _filters_nobody(reader: Reader, state: PortState) -> bool:
    """Whether what is served was published under today's contract, with no other one since, and that has no row filter.

    It spares a list of products the log of each port (20 ms), which `policy_on` asks.
    """
    today, served = state.port.contract, state.publication
    if served is None or served.contract_sha256 != today.sha256 or state.contract_returned:
        return False
    policy = policy_of(state.port.address, [today], reader.documents.council)
    return not (policy.row_filters or any(role.row_filters for role in policy.roles))
