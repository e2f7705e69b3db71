"""One's own tokens: make a narrower one, look at them, end them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Response
from pydantic import Field

from platform_resources.access.callers.scopes import within
from platform_resources.access.callers.tokens import Token, issue_token, list_tokens, revoke_token
from platform_resources.access.errors import DeniedError, NotFoundError
from platform_resources.lake import utc_now
from platform_resources.serving.answers import Answer, Asked, creating, refusals
from platform_resources.serving.callers import CurrentCaller, TheAccess

router = APIRouter(prefix="/me/tokens", tags=["identity"])

TokenId = Annotated[str, Path(alias="token", description="Public id of the token.", max_length=20)]


class TokenAsked(Asked):
    label: str = Field(default="", description="What it is for, in words.", max_length=200, examples=["nightly report"])
    scopes: list[str] = Field(
        default=["read"],
        description="What it may be used for: read, read:crm.*, read:crm.customer_360.v1, request, approve. Not more "
        "than the token that makes it.",
        min_length=1,
        max_length=100,
        examples=[["read:crm.*"]],
    )
    purpose: str | None = Field(default=None, description="Counts for readings that declare none.", max_length=63)
    days: int = Field(
        default=90, description="How long it holds; at most as long as the one that makes it.", ge=1, le=366
    )


class TokenOut(Answer):
    id: str = Field(description="Public; safe in logs.", examples=["0a1b2c3d4e"])
    label: str
    scopes: list[str]
    purpose: str | None
    state: Literal["valid", "expired", "revoked"]
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")


class TokenMade(TokenOut):
    token: str = Field(description="The token itself. It is told here once and can't be read again.")


class TokenList(Answer):
    tokens: list[TokenOut] = Field(description="Newest first.")


@router.get("", operation_id="list_tokens", summary="One's own tokens", responses=refusals())
def list_own_tokens(access: TheAccess, caller: CurrentCaller) -> TokenList:
    """Every token of one's identity, ended ones too; never their secrets."""
    return TokenList(tokens=[TokenOut(**_facts(token)) for token in list_tokens(access.control, caller.identity.id)])


@router.post(
    "",
    operation_id="create_token",
    summary="Make a narrower token",
    status_code=201,
    responses=creating(403, 404, 409, 422),
)
def create_own_token(access: TheAccess, caller: CurrentCaller, asked: TokenAsked, response: Response) -> TokenMade:
    """A token of one's own that may no more than the one that is shown; it ends with it.

    One made with a JWT, or in a session that an OpenID provider opened, ends when that one would, also after signing
    out. Nobody has more than 50 that hold.
    """
    made = issue_token(
        access.control,
        access.audit,
        caller,
        label=asked.label,
        scopes=asked.scopes,
        purpose=asked.purpose,
        lasts=timedelta(days=asked.days),
    )
    public = made.split("_")[1]
    response.headers["Location"] = f"/api/v1/me/tokens/{public}"
    return TokenMade(token=made, **_facts(_own(access, caller, public)))


@router.get("/{token}", operation_id="get_token", summary="One of one's tokens", responses=refusals(404, 422))
def get_own_token(access: TheAccess, caller: CurrentCaller, token: TokenId) -> TokenOut:
    """A token by its public id."""
    return TokenOut(**_facts(_own(access, caller, token)))


@router.delete(
    "/{token}",
    operation_id="revoke_token",
    summary="End a token",
    status_code=204,
    responses=refusals(403, 404, 422),
)
def revoke_own_token(access: TheAccess, caller: CurrentCaller, token: TokenId) -> None:
    """End one of one's tokens, and those that were made with it, at once and for good.

    The token that is shown may end itself and those that may no more than it.
    """
    found = _own(access, caller, token)
    if found.id != caller.credential and not within(found.scopes, caller.scopes):
        raise DeniedError("this token may not end one that may more", "Show one that may as much, or that one itself.")
    revoke_token(access.control, access.audit, token, caller.identity.id, owner=caller.identity.id)


def _own(access: TheAccess, caller: CurrentCaller, public: str) -> Token:
    found = next((item for item in list_tokens(access.control, caller.identity.id) if item.id == public), None)
    if found is None:
        raise NotFoundError("you have no such token", "GET /api/v1/me/tokens lists yours.")
    return found


def _facts(token: Token) -> dict[str, object]:
    return {
        "id": token.id,
        "label": token.label,
        "scopes": sorted(token.scopes),
        "purpose": token.purpose,
        "state": token.state(utc_now()),
        "created_at": token.created_at,
        "created_by": token.created_by,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "last_used_at": token.last_used_at,
    }
