"""Whether this server can answer, for who runs it; and where to begin, for people."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import Field

from platform_resources.access import Access, AccessError
from platform_resources.control import ControlError
from platform_resources.serving.answers import Answer
from platform_resources.serving.callers import TheAccess, TheThreads
from platform_resources.serving.problems import ROOT

router = APIRouter(tags=["health"])

_LINKS = {
    "openapi": "/openapi.json",
    "health": "/health",
    "products": "/products",
    "domains": "/domains",
    "glossary": "/glossary",
    "requests": "/access/requests",
    "grants": "/access/grants",
    "me": "/me",
    "tokens": "/me/tokens",
    "audit": "/audit",
    "sql": "/sql",
}


class Health(Answer):
    ready: bool
    checks: dict[str, bool] | None = Field(default=None, description="One by one; for administrators only.")


class Start(Answer):
    title: str
    links: dict[str, str] = Field(description="Name -> path.")


@router.get("", operation_id="get_start", summary="Where to begin")
def get_start() -> Start:
    """Needs no token."""
    return Start(title="Data mesh", links={name: ROOT + path for name, path in _LINKS.items()})


@router.get(
    "/health",
    operation_id="get_health",
    summary="Whether the server answers",
    responses={503: {"model": Health, "description": "It is up and can't answer: see its log."}},
)
async def get_health(request: Request, response: Response, access: TheAccess, threads: TheThreads) -> Health:
    """Needs no token: 200 when the control database and the council's documents can be read."""
    checks = await threads.small(lambda: _checks(access))
    ready = all(checks.values())
    if not ready:
        response.status_code = 503
    shown = await threads.small(lambda: _administers(request, access))
    return Health(ready=ready, checks=checks if shown else None)


def _checks(access: Access) -> dict[str, bool]:
    return {"control": _control(access), "council": _council(access)}


def _control(access: Access) -> bool:
    try:
        with access.control.reading() as connection:
            connection.exec_driver_sql("SELECT 1")
    except ControlError:
        return False
    return True


def _council(access: Access) -> bool:
    """Whether each catalogue of the council can be read: without them no policy can be told."""
    return not access.guard.documents.now()[1].unread


def _administers(request: Request, access: Access) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return False
    try:
        caller = access.authenticate(token.strip())
    except AccessError:
        return False
    return caller.identity.administrator and caller.may("admin")
