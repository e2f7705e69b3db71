"""For whom a request is answered: its own caller, decided anew with each request, kept where no other sees it."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from mcp import MCPError
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import INVALID_REQUEST

from platform_resources.access import Access, AccessError, Caller
from platform_resources.access.errors import TooManyRequestsError
from platform_resources.catalog.view import CatalogView
from platform_resources.serving.limits import RateLimits, Threads
from platform_resources.serving.readers import Reader

CALLER = "mesh.mcp_caller"  # in the scope of an HTTP request: who showed its token
_reader: ContextVar[Reader] = ContextVar("reader of an MCP request")


@dataclass(frozen=True)
class Door:
    """What all requests to one server share.

    `authenticate` tells who calls where no HTTP request does: by stdio it is the holder of the process's token, asked
    for each message, so that a token that was revoked ends the session. None: only HTTP requests are answered.
    """

    access: Access
    view: CatalogView
    limits: RateLimits
    threads: Threads
    authenticate: Callable[[], Caller] | None = None


def reader() -> Reader:
    """The reader of the request that is being answered."""
    return _reader.get()


class AsCaller:
    """Middleware of the SDK around every message: nothing is answered but as somebody."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def __call__(self, context: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if context.request_id is None:  # a notification: nobody is answered
            return await call_next(context)
        caller = await self._caller(context)
        token = _reader.set(Reader(caller, self._door.access, self._door.view))
        try:
            return await call_next(context)
        finally:
            _reader.reset(token)

    async def _caller(self, context: ServerRequestContext[Any, Any]) -> Caller:
        if context.request is not None:
            return context.request.scope[CALLER]
        authenticate = self._door.authenticate
        if authenticate is None:
            raise MCPError(INVALID_REQUEST, "nobody is known to call: send a bearer token with each HTTP request")
        try:
            caller = await self._door.threads.small(authenticate)
            self._door.limits.request(caller.identity.id)
        except AccessError as error:
            raise MCPError(INVALID_REQUEST, _words_of(error), {"code": error.code}) from None
        return caller


def _words_of(error: AccessError) -> str:
    """The platform's own words: the message of another error may repeat claims of a token."""
    if isinstance(error, TooManyRequestsError):
        return f"{error.message}. {error.remedy}"
    if error.status == 401:
        return "nobody is known by this token. Start `mesh mcp` with a token that holds."
    return "this can't be told now. Try again in a moment."
