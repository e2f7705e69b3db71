"""Errors as problem details (RFC 9457): what, why, how to mend; never a trace or a value."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from platform_resources.access import AccessError


def add_problem_handlers(app: FastAPI) -> None:
    @app.exception_handler(AccessError)
    async def refused(_: Request, error: AccessError) -> JSONResponse:
        body = {"type": f"about:mesh/{error.code}", "title": error.code, "status": error.status}
        body |= {"detail": error.message, "remedy": error.remedy, **error.facts}
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
        return JSONResponse(body, error.status, headers, "application/problem+json")
