"""Asking for access, deciding on it, ending it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from platform_resources.access.model import Grant
from platform_resources.access.requests.approvals import AccessRequest
from platform_resources.serving.answers import Answer, Asked, Limit, Page, creating, link_next, paged, refusals
from platform_resources.serving.callers import CurrentCaller, TheAccess
from platform_resources.serving.entitlements import GrantHeld, grant_held

router = APIRouter(prefix="/access", tags=["access"])

State = Literal["pending", "approved", "denied", "withdrawn"]
Number = Annotated[int, Path(description="Number of the request or grant.", ge=1, le=2**53 - 1)]
Cursor = Annotated[
    str | None, Query(description="`next` of the page before.", pattern=r"^[1-9][0-9]{0,14}$", examples=["40"])
]
_LONGEST_TEXT = 2000


class AccessAsked(Asked):
    """Who would read what, for which purpose and how long."""

    port: str = Field(description="Address of the port.", max_length=200, examples=["crm.customer_360.v1"])
    role: str | None = Field(
        default=None, description="One that the port offers; by default its first.", max_length=200
    )
    purpose: str | None = Field(
        default=None,
        description="One of the council's (GET /governance/purposes); by default the token's or one's own.",
        max_length=63,
        examples=["analytics"],
    )
    reason: str = Field(
        description="Why, in words: the approver reads it.",
        min_length=1,
        max_length=_LONGEST_TEXT,
        examples=["Weekly report on churn for the board"],
    )
    days: int | None = Field(default=None, description="For how long; by default 90.", ge=1, le=3650)
    columns: list[str] | None = Field(default=None, description="Only these; by default all.", max_length=1000)
    consumer: str | None = Field(
        default=None,
        description="Who would read: oneself (by default), one's team (`team:<name>`), a service or agent that one is "
        "responsible for, a product that one owns.",
        max_length=200,
    )


class Approve(Asked):
    comment: str | None = Field(default=None, max_length=_LONGEST_TEXT)
    conditions: str | None = Field(
        default=None, description="What the consumer has to keep to.", max_length=_LONGEST_TEXT
    )


class Deny(Asked):
    comment: str | None = Field(default=None, description="Why: the asker reads it.", max_length=_LONGEST_TEXT)


class Revoke(Asked):
    reason: str = Field(description="Why: the consumer reads it.", min_length=1, max_length=_LONGEST_TEXT)


class ApprovalOut(Answer):
    level: int = Field(description="1: the owner's side, 2: the second one's, for personal data.")
    approver: str
    decision: Literal["approve", "deny"]
    at: datetime
    comment: str | None
    conditions: str | None


class RequestOut(Answer):
    id: int
    state: State
    consumer: str = Field(description="Who would read.")
    port: str = Field(examples=["crm.customer_360.v1"])
    role: str
    purpose: str = Field(examples=["analytics"])
    reason: str
    days: int
    columns: list[str] | None
    requested_by: str
    requested_at: datetime
    decided_at: datetime | None
    levels: int = Field(description="How many approvals it needs.")
    waits_for: list[str] = Field(
        description="Who may decide next; one of them is enough. Empty too when nobody may: `notices` say why."
    )
    approvals: list[ApprovalOut]
    grant: int | None = Field(description="Number of the grant that the last approval made.")
    notices: list[str] = Field(description="What stands in its way.")


class RequestPage(Page):
    requests: list[RequestOut]


class GrantOut(GrantHeld):
    granted_by: list[str]
    request: int | None
    revoked_at: datetime | None
    revoked_by: str | None
    revoked_because: str | None


class GrantPage(Page):
    grants: list[GrantOut]


@router.post(
    "/requests",
    operation_id="request_access",
    summary="Ask for access",
    status_code=201,
    responses=creating(400, 403, 404, 409, 410, 422),
)
def request_access(access: TheAccess, caller: CurrentCaller, asked: AccessAsked, response: Response) -> RequestOut:
    """Ask to read a port. The approvers of its contract decide; personal data takes two levels.

    What nobody may decide on is refused: nobody decides on an own request, or on one of those that they answer for.
    """
    made = access.requests.request(
        caller,
        asked.port,
        asked.role,
        purpose=asked.purpose,
        reason=asked.reason,
        days=asked.days,
        columns=asked.columns,
        consumer=asked.consumer,
    )
    response.headers["Location"] = f"/api/v1/access/requests/{made.id}"
    return request_out(made)


@router.get("/requests", operation_id="list_requests", summary="Requests that one may see", responses=paged(403, 422))
def list_requests(
    request: Request,
    response: Response,
    access: TheAccess,
    caller: CurrentCaller,
    state: Annotated[State | None, Query(description="Only in this state.")] = None,
    inbox: Annotated[bool, Query(description="Only those that wait for one's own decision.")] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> RequestPage:
    """One's own requests and those that one may decide on, newest first."""
    found = access.requests.inbox(caller) if inbox else access.requests.list(caller, state)
    chosen = sorted((item for item in found if state in (None, item.state)), key=lambda item: -item.id)
    rest = [item for item in chosen if cursor is None or item.id < int(cursor)]
    following = str(rest[limit - 1].id) if len(rest) > limit else None
    link_next(request, response, following)
    return RequestPage(requests=[request_out(item) for item in rest[:limit]], next=following)


@router.get("/requests/{number}", operation_id="get_request", summary="One request", responses=refusals(403, 404, 422))
def get_request(access: TheAccess, caller: CurrentCaller, number: Number) -> RequestOut:
    """One request, with its approvals."""
    return request_out(access.requests.get(caller, number))


@router.post(
    "/requests/{number}/approve",
    operation_id="approve_request",
    summary="Approve",
    responses=refusals(400, 403, 404, 409, 410, 422),
)
def approve_request(
    access: TheAccess, caller: CurrentCaller, number: Number, said: Approve | None = None
) -> RequestOut:
    """Approve at the level that is open; the last approval makes the grant, which holds at once."""
    said = said or Approve()
    return request_out(access.requests.approve(caller, number, said.comment, said.conditions))


@router.post(
    "/requests/{number}/deny",
    operation_id="deny_request",
    summary="Deny",
    responses=refusals(400, 403, 404, 409, 422),
)
def deny_request(access: TheAccess, caller: CurrentCaller, number: Number, said: Deny | None = None) -> RequestOut:
    """Say no, for good."""
    return request_out(access.requests.deny(caller, number, None if said is None else said.comment))


@router.post(
    "/requests/{number}/withdraw",
    operation_id="withdraw_request",
    summary="Withdraw",
    responses=refusals(403, 404, 409, 422),
)
def withdraw_request(access: TheAccess, caller: CurrentCaller, number: Number) -> RequestOut:
    """Take back one's own request while it is not decided."""
    return request_out(access.requests.withdraw(caller, number))


@router.get("/grants", operation_id="list_grants", summary="Grants that one may see", responses=paged(403, 422))
def list_grants(
    request: Request,
    response: Response,
    access: TheAccess,
    caller: CurrentCaller,
    port: Annotated[str | None, Query(description="Only on this port.", max_length=200)] = None,
    ended: Annotated[bool, Query(description="Past and revoked ones too.")] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> GrantPage:
    """One's own grants and those on ports that one decides over, newest first."""
    found = sorted(access.requests.grants(caller, port, ended=ended), key=lambda item: -item.id)
    rest = [item for item in found if cursor is None or item.id < int(cursor)]
    following = str(rest[limit - 1].id) if len(rest) > limit else None
    link_next(request, response, following)
    return GrantPage(grants=[grant_out(item) for item in rest[:limit]], next=following)


@router.post(
    "/grants/{number}/revoke",
    operation_id="revoke_grant",
    summary="Revoke",
    responses=refusals(400, 403, 404, 409, 422),
)
def revoke_grant(access: TheAccess, caller: CurrentCaller, number: Number, said: Revoke) -> GrantOut:
    """End a grant now: the next read is refused."""
    return grant_out(access.requests.revoke(caller, number, said.reason))


def request_out(item: AccessRequest) -> RequestOut:
    return RequestOut(
        id=item.id,
        state=item.state,
        consumer=item.consumer,
        port=item.port,
        role=item.role,
        purpose=item.purpose,
        reason=item.reason,
        days=item.days,
        columns=None if item.columns is None else list(item.columns),
        requested_by=item.requested_by,
        requested_at=item.requested_at,
        decided_at=item.decided_at,
        levels=item.levels,
        waits_for=list(item.waits_for),
        approvals=[
            ApprovalOut(
                level=a.level,
                approver=a.approver,
                decision=a.decision,
                at=a.at,
                comment=a.comment,
                conditions=a.conditions,
            )
            for a in item.approvals
        ],
        grant=item.grant,
        notices=list(item.notices),
    )


def grant_out(item: Grant) -> GrantOut:
    return GrantOut(
        **grant_held(item).model_dump(),
        granted_by=list(item.granted_by),
        request=item.request,
        revoked_at=item.revoked_at,
        revoked_by=item.revoked_by,
        revoked_because=item.revoked_because,
    )
