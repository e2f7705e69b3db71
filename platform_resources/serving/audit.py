"""The audit log: one's own entries; an administrator sees all."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from platform_resources.access.errors import DeniedError
from platform_resources.control.audit_log import AuditEntry
from platform_resources.serving.answers import Answer, Limit, Page, link_next, paged
from platform_resources.serving.readers import CurrentReader

router = APIRouter(tags=["audit"])


class AuditEntryOut(Answer):
    sequence: int
    at: datetime
    kind: str = Field(examples=["read"])
    actor: str
    port: str | None
    record: dict[str, Any] = Field(description="What, in which columns, with which masks, for which purpose.")
    digest: str = Field(description="SHA-256 over this entry and the digest of the one before.")


class AuditPage(Page):
    entries: list[AuditEntryOut] = Field(description="Newest first.")


@router.get("/audit", operation_id="list_audit", summary="What was read and decided", responses=paged(403, 422))
def list_audit(
    request: Request,
    response: Response,
    reader: CurrentReader,
    actor: Annotated[
        str | None, Query(description="Of this identity; for administrators, else one's own.", max_length=200)
    ] = None,
    port: Annotated[str | None, Query(description="Only on this port.", max_length=200)] = None,
    kind: Annotated[str | None, Query(description="Only of this kind.", max_length=40, examples=["read"])] = None,
    limit: Limit = 100,
    cursor: Annotated[
        str | None, Query(description="`next` of the page before.", pattern=r"^[1-9][0-9]{0,14}$", examples=["40"])
    ] = None,
) -> AuditPage:
    """The entries about one's own acts; administrators see everybody's and may filter."""
    own = reader.caller.identity.id
    if not reader.administers:
        if actor not in (None, own):
            raise DeniedError("only administrators see what others did", "Leave the parameter `actor` out.")
        actor = own
    before = None if cursor is None else int(cursor)
    found = reader.access.audit.entries(actor=actor, port=port, kind=kind, before=before, limit=limit + 1)
    following = str(found[limit - 1].sequence) if len(found) > limit else None
    link_next(request, response, following)
    return AuditPage(entries=[_entry(item) for item in found[:limit]], next=following)


def _entry(item: AuditEntry) -> AuditEntryOut:
    return AuditEntryOut(
        sequence=item.sequence,
        at=item.at,
        kind=item.kind,
        actor=item.actor,
        port=item.port,
        record=item.record,
        digest=item.digest,
    )
