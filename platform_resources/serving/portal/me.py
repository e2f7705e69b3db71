"""Who one is to the platform: clearances, access, tokens."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from platform_resources.access.callers.scopes import covers
from platform_resources.access.errors import AccessError
from platform_resources.serving.governance import list_purposes
from platform_resources.serving.identity import get_me
from platform_resources.serving.portal.pages import PortalReader, Posted, asked_of, render, see_other
from platform_resources.serving.readers import Reader
from platform_resources.serving.tokens import (
    TokenAsked,
    TokenMade,
    create_own_token,
    list_own_tokens,
    revoke_own_token,
)

router = APIRouter(prefix="/me")

_SCOPES = {
    "read": "read data",
    "request": "ask for access",
    "approve": "decide on requests",
    "admin": "administer the platform",
}


@router.get("")
def me(request: Request, reader: PortalReader) -> Response:
    """The identity of who is signed in, its access and its tokens."""
    return _page(request, reader)


@router.post("/tokens")
def create_token(posted: Posted) -> Response:
    """Make a token; it is told on this answer and never again."""
    narrow = (posted.text("narrow") or "").replace(",", " ").split()
    scopes = [scope for scope in posted.texts("scope") if not (narrow and scope == "read")] + narrow
    try:
        asked = asked_of(
            TokenAsked,
            label=posted.text("label"),
            scopes=scopes or None,
            purpose=posted.text("purpose"),
            days=posted.text("days"),
        )
        made = create_own_token(posted.reader.access, posted.reader.caller, asked, Response())
    except AccessError as refusal:
        if refusal.status >= 500:
            raise
        return _page(posted.request, posted.reader, refused=refusal)
    return _page(posted.request, posted.reader, made=made)


@router.post("/tokens/{token}/revoke")
def revoke_token(posted: Posted, token: str) -> Response:
    """End a token of one's own."""
    revoke_own_token(posted.reader.access, posted.reader.caller, token)
    return see_other("/me", done="token-revoked")


def _page(
    request: Request, reader: Reader, *, made: TokenMade | None = None, refused: AccessError | None = None
) -> Response:
    caller = reader.caller
    tokens = list_own_tokens(reader.access, caller).tokens
    return render(
        request,
        reader,
        "me.html",
        status=refused.status if refused else 201 if made else 200,
        me=get_me(reader),
        tokens=[token for token in tokens if token.state == "valid"],
        ended=[token for token in tokens if token.state != "valid"],
        scopes={name: text for name, text in _SCOPES.items() if covers(caller.scopes, name)},
        whole_read="read" in caller.scopes,
        purposes=list_purposes(reader).purposes,
        made=made,
        refused=refused,
    )
