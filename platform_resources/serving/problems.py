"""Errors as problem details (RFC 9457): what, why, how to mend; never a trace or a value.

`type` is `urn:mesh:problem:<code>`; `code` is stable and for programs. Every answer that is no success is one of these.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from platform_resources.access import AccessError
from platform_resources.control import ControlError

log = logging.getLogger("mesh.api")

PROBLEM_JSON = "application/problem+json"
ROOT = "/api/v1"

_LONGEST_NAME = 100  # of a field that a request made up, told back to it

# What is wrong with a request before it reaches an endpoint: status -> (code, message, remedy).
_BY_STATUS = {
    400: ("bad-request", "the request can't be read", "Send well-formed HTTP and JSON."),
    404: ("unknown-path", "there is no such path", f"GET {ROOT} lists where to begin."),
    405: ("method-not-allowed", "this path does not know that method", "The header Allow lists those that it knows."),
    413: ("content-too-large", "the body is too large", "Send less."),
    414: ("address-too-long", "the address is too long", "Ask for fewer columns or filters, or POST a query to /sql."),
    415: (
        "unsupported-media-type",
        "the body is not declared as JSON",
        "Send JSON, with the header Content-Type: application/json.",
    ),
    431: ("headers-too-large", "the headers are too large", "Send fewer or shorter ones."),
    500: ("internal-error", "the platform made a mistake", "Tell its operators the id; their log has it too."),
}


class NotAcceptableError(AccessError):
    """None of the forms that the request accepts is offered."""

    status = 406
    code = "not-acceptable"


class InvalidFieldsError(AccessError):
    """Fields whose form is right and whose meaning is not: a purpose that the council doesn't know."""

    status = 422
    code = "invalid-request"

    def __init__(self, fields: Mapping[str, str]) -> None:
        """`fields`: where (`body.max_age`) -> what is wrong with it."""
        told = "; ".join(f"{where}: {message}" for where, message in list(fields.items())[:5])
        errors = [{"where": where, "message": message} for where, message in fields.items()]
        super().__init__(told, "Mend these fields and send it again.", errors=errors)


class TokenInAddressError(AccessError):
    """A credential in an address, where logs and histories keep it."""

    status = 400
    code = "token-in-address"


class InvalidField(BaseModel):
    """One field of a request that is not as it must be."""

    where: str = Field(description="Part of the request and the path of the field: `query.limit`, `body.sql`.")
    message: str


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="`urn:mesh:problem:` and the code.")
    title: str
    status: int
    detail: str = Field(description="What is wrong with this request.")
    code: str = Field(description="Stable, for programs.")
    remedy: str = Field(default="", description="What to do.")
    errors: list[InvalidField] | None = Field(default=None, description="Of code `invalid-request`: field by field.")


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route: these statuses answer with a problem."""
    schema = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": schema} for status in statuses}


def problem(
    status: int,
    code: str,
    detail: str,
    remedy: str = "",
    headers: Mapping[str, str] | None = None,
    **facts: Any,
) -> JSONResponse:
    """A problem as an answer; `facts` are JSON-ready and become members of their own."""
    body = {"type": f"urn:mesh:problem:{code}", "title": code.replace("-", " ").capitalize(), "status": status}
    body |= {"detail": detail, "code": code, "remedy": remedy}
    body |= {name: value for name, value in facts.items() if name not in body}
    return JSONResponse(body, status, {"Cache-Control": "no-store", **(headers or {})}, PROBLEM_JSON)


def problem_of_status(status: int, headers: Mapping[str, str] | None = None, **facts: Any) -> JSONResponse:
    """The problem that a bare HTTP status stands for."""
    code, detail, remedy = _BY_STATUS.get(status) or (HTTPStatus(status).phrase.lower().replace(" ", "-"), "", "")
    return problem(status, code, detail or HTTPStatus(status).phrase, remedy, headers, **facts)


def problem_of_refusal(error: AccessError) -> JSONResponse:
    headers: dict[str, str] = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="mesh"'
    wait = error.facts.get("retry_after")
    if error.status in (429, 503):
        headers["Retry-After"] = str(max(1, math.ceil(wait)) if isinstance(wait, (int, float)) else 1)
    return problem(error.status, error.code, error.message, error.remedy, headers, **error.facts)


def problem_of_fields(error: RequestValidationError) -> JSONResponse:
    """Which fields, and what they should be; never what they were: it may be a secret in the wrong place."""
    found = [
        {"where": ".".join(str(part)[:_LONGEST_NAME] for part in one["loc"]), "message": one["msg"]}
        for one in error.errors()
    ]
    told = "; ".join(f"{one['where']}: {one['message']}" for one in found[:5])
    return problem(422, "invalid-request", told, f"GET {ROOT}/openapi.json describes every field.", errors=found)


def add_problem_handlers(app: FastAPI) -> None:
    @app.exception_handler(AccessError)
    async def refused(_: Request, error: AccessError) -> JSONResponse:
        return problem_of_refusal(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return problem_of_fields(error)

    @app.exception_handler(ControlError)
    async def unusable(request: Request, _: ControlError) -> JSONResponse:
        log.error("id=%s the control database can't be used", request.scope.get("mesh.request_id"))
        return problem(503, "unavailable", "the control database can't be used now", "Try again.", {"Retry-After": "1"})

    @app.exception_handler(HTTPException)
    async def by_status(_: Request, error: HTTPException) -> JSONResponse:
        return problem_of_status(error.status_code, error.headers)
