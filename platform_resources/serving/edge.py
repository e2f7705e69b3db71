"""The edge of the API: sizes, headers and one log line of every request, and the answer to what nobody foresaw.

No line holds a query string, a header or a value: filters compare with values, and headers hold tokens.
"""

from __future__ import annotations

import logging
import time
import traceback
import uuid
from collections.abc import Callable, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from platform_resources.serving.limits import ApiLimits
from platform_resources.serving.problems import problem_of_status

log = logging.getLogger("mesh.api")

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


class Edge:
    """ASGI middleware around the whole application."""

    def __init__(
        self,
        app: ASGIApp,
        limits: ApiLimits,
        takes_forms: Callable[[str], bool] = lambda _: False,
        refuse: Callable[[Scope, Response], Response] = lambda _, response: response,
    ) -> None:
        """`takes_forms`: whether a path takes bodies of HTML forms; every other one takes JSON only. `refuse` words a
        problem as it is told to who asked for that path.
        """
        self._app = app
        self._limits = limits
        self._takes_forms = takes_forms
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = scope["mesh.request_id"] = uuid.uuid4().hex
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["Mesh-Request-Id"] = request_id
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            refused = self._refused(scope)
            if refused is not None:
                answer = self._refuse(scope, problem_of_status(refused, {"Connection": "close"}))
                await answer(scope, receive, send_with_headers)
            else:
                await self._app(scope, self._within_size(receive), send_with_headers)
        except Exception as error:  # noqa: BLE001  (the last resort: what is told must hold no value)
            log.error("id=%s %s", request_id, trace_without_values(error))
            if not status:
                answer = self._refuse(scope, problem_of_status(500, id=request_id))
                await answer(scope, receive, send_with_headers)
        finally:
            log.info(
                "id=%s method=%s route=%s status=%d caller=%s ms=%.1f",
                *(request_id, scope["method"], _route(scope), status, scope.get("mesh.caller", "-")),
                (time.perf_counter() - began) * 1000,
            )

    def _refused(self, scope: Scope) -> int | None:
        """The status of a request that is refused for its head alone."""
        headers = Headers(scope=scope)
        if "\0" in scope["path"] or b"%00" in scope["query_string"] or b"\0" in scope["query_string"]:
            return 400  # no name and no value has one, PostgreSQL fails on it
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > self._limits.address_bytes:
            return 414
        if sum(len(name) + len(value) for name, value in scope["headers"]) > self._limits.header_bytes:
            return 431
        length = headers.get("Content-Length", "0")
        if length.isdecimal() and int(length[:20]) > self._limits.body_bytes:
            return 413
        if (length != "0" or "Transfer-Encoding" in headers) and not self._is_taken(scope["path"], headers):
            return 415
        return None

    def _is_taken(self, path: str, headers: Mapping[str, str]) -> bool:
        """Whether the body is of a kind that the path takes. A page of another site can send forms, but no JSON."""
        media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if self._takes_forms(path):
            return media_type == "application/x-www-form-urlencoded"
        return _is_json(media_type)

    def _within_size(self, receive: Receive) -> Receive:
        """A body without a length is counted while it comes."""
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limits.body_bytes:
                raise HTTPException(413)
            return message

        return receive_counted


def _is_json(media_type: str) -> bool:
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


def _route(scope: Scope) -> str:
    """The pattern of the path; the path itself may hold anything."""
    return getattr(scope.get("route"), "path", "-")


def trace_without_values(error: BaseException) -> str:
    """Where an error came from and of which types it and its causes are; their messages may hold values."""
    told = []
    seen: BaseException | None = error
    while seen is not None:
        frames = traceback.extract_tb(seen.__traceback__)[-8:]
        told.append(type(seen).__qualname__ + " at " + " < ".join(f"{f.filename}:{f.lineno}" for f in reversed(frames)))
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "; from ".join(told)
