"""Refusals as pages: what the API tells as problem details, told to people where a page was asked for."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from platform_resources.access.errors import AccessError
from platform_resources.serving.portal.pages import page
from platform_resources.serving.portal.signed_in import portal_reader, site_of
from platform_resources.serving.portal.site import is_page, sign_in_path
from platform_resources.serving.problems import PROBLEM_JSON
from platform_resources.serving.readers import Reader

Handler = Callable[[Request, Any], Awaitable[Response]]

_FOR_PROGRAMS = ("/api", "/mcp", "/static", "/.well-known")
_TITLES = {
    400: "This can't be understood",
    403: "You may not do this",
    404: "There is nothing here",
    409: "This can't be done now",
    413: "This is too much",
    422: "Something is not right yet",
    429: "Too many requests",
    500: "The platform made a mistake",
    503: "This can't be told now",
}


def add_page_errors(app: FastAPI) -> None:
    """Have every refusal that the app already knows to answer be a page, where a page was asked for."""
    for kind, handler in list(app.exception_handlers.items()):
        app.exception_handlers[kind] = _as_pages(handler)  # type: ignore[arg-type]


def _as_pages(handler: Any) -> Handler:
    async def answer(request: Request, error: Exception) -> Response:
        response = await handler(request, error)
        if not wants_page(request.scope):
            return response
        return as_page(request.scope, response, await _reader(request))

    return answer


async def _reader(request: Request) -> Reader | None:
    """Who is signed in, for the head of the page; None where that can't be told."""
    found = getattr(request.state, "reader", None)
    if found is None and site_of(request).session_cookie in request.cookies:
        state = request.app.state
        with suppress(AccessError):
            found = await run_in_threadpool(portal_reader, request, state.access, state.limits, state.view)
    return found


def wants_page(scope: Scope) -> bool:
    """Whether the answer is for a person: every path of the portal, and unknown ones that a browser asks for."""
    path = scope["path"]
    if is_page(path):
        return True
    accepts = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return b"text/html" in accepts and not path.startswith(_FOR_PROGRAMS)


def as_page(scope: Scope, response: Response, reader: Reader | None = None) -> Response:
    """A problem as a page with the same status; any other answer as it is."""
    if not (response.headers.get("content-type") or "").startswith(PROBLEM_JSON):
        return response
    request = Request(scope)
    problem = json.loads(bytes(response.body))
    if problem["code"] == "sign-in-needed":
        then = str(request.url.replace(scheme="", netloc="")) if scope["method"] == "GET" else "/"
        return RedirectResponse(sign_in_path(then), 303, {"Cache-Control": "no-store"})
    status = response.status_code
    context = {
        "title": _TITLES.get(status, problem["title"]),
        "problem": problem,
        "request_id": scope.get("mesh.request_id"),
    }
    made = page(request, reader, "error.html", status, context)
    for name in ("retry-after", "allow", "connection"):
        if name in response.headers:
            made.headers[name] = response.headers[name]
    return made
