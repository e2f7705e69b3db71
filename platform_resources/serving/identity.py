"""Who one is to the platform."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field

from platform_resources.serving.answers import Answer, refusals
from platform_resources.serving.entitlements import GrantHeld, grant_held
from platform_resources.serving.readers import CurrentReader

router = APIRouter(prefix="/me", tags=["identity"])


class Me(Answer):
    id: str = Field(examples=["helena.fischer@retailer.example"])
    kind: Literal["person", "service", "agent", "product"]
    name: str
    domain: str | None
    teams: list[str]
    clearances: list[str] = Field(examples=[["gdpr"]])
    attributes: dict[str, Any] = Field(description="What row filters compare with.", examples=[{"regions": ["north"]}])
    purpose: str | None = Field(description="Counts for a reading that declares none: the token's, else one's own.")
    administrator: bool
    credential: str = Field(description="Public id of the token that was shown, or `oidc`.", examples=["0a1b2c3d4e"])
    scopes: list[str] = Field(description="What the token may be used for, at most.", examples=[["read", "request"]])
    expires_at: datetime | None = Field(description="Of the token.")
    grants: list[GrantHeld] = Field(description="Those that hold now, one's teams' too.")


@router.get("", operation_id="get_me", summary="Who one is", responses=refusals())
def get_me(reader: CurrentReader) -> Me:
    """The identity behind the token, with its clearances, and what it has been granted."""
    caller, identity = reader.caller, reader.caller.identity
    return Me(
        id=identity.id,
        kind=identity.kind,
        name=identity.name,
        domain=identity.domain,
        teams=sorted(identity.teams),
        clearances=sorted(identity.clearances),
        attributes={name: list(v) if isinstance(v, tuple) else v for name, v in identity.attributes.items()},
        purpose=caller.purpose or identity.purpose,
        administrator=identity.administrator,
        credential=caller.credential,
        scopes=sorted(caller.scopes),
        expires_at=caller.expires_at,
        grants=[grant_held(grant) for grant in reader.grants],
    )
