"""The server behind HTTP, at `/mcp` beside the API: a bearer token with each request, and no session to steal."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from urllib.parse import urlsplit

from fastapi.security import HTTPBearer
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from platform_resources.access.errors import UnauthenticatedError
from platform_resources.serving.callers import current_caller
from platform_resources.serving.mcp.protected import metadata_address
from platform_resources.serving.mcp.server import mesh_server
from platform_resources.serving.mcp.sessions import CALLER, Door
from platform_resources.serving.problems import problem, problem_of_refusal, problem_of_status

PATH = "/mcp"
_bearer = HTTPBearer(auto_error=False)
_HERE = ("127.0.0.1", "localhost", "[::1]")


class McpEndpoint:
    """An ASGI application. It answers while `run()` is open.

    Each request is answered alone, in both protocol revisions: no session outlives the token that began it, and what is
    counted, logged and refused is counted, logged and refused as the API does it. Only POST is answered.
    """

    def __init__(self, door: Door, security: TransportSecuritySettings | None = None) -> None:
        self._door = door
        self._security = security or security_of(os.environ)
        self._metadata = metadata_address(door.access, PATH)
        self._server = mesh_server(door)
        self._manager: StreamableHTTPSessionManager | None = None

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        self._server.streamable_http_app(
            streamable_http_path=PATH,
            json_response=True,
            stateless_http=True,
            max_request_body_size=self._door.limits.limits.body_bytes,
            transport_security=self._security,
        )
        self._manager = self._server.session_manager
        try:
            async with self._manager.run():
                yield
        finally:
            self._manager = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        scope["route"] = SimpleNamespace(path=PATH)  # for the line in the log
        if request.method != "POST":
            await problem_of_status(405, {"Allow": "POST"})(scope, receive, send)
            return
        if await TransportSecurityMiddleware(self._security).validate_request(request, is_post=True) is not None:
            await _unknown_host()(scope, receive, send)
            return
        door = self._door
        try:
            caller = await current_caller(request, door.access, door.limits, door.threads, await _bearer(request))
        except UnauthenticatedError as error:
            await self._who_are_you(error)(scope, receive, send)
            return
        scope[CALLER] = caller
        if self._manager is None:
            await problem_of_status(503, {"Retry-After": "1"})(scope, receive, send)
            return
        await self._manager.handle_request(scope, receive, send)

    def _who_are_you(self, error: UnauthenticatedError) -> Response:
        """As the API refuses; with a provider it says where a client learns of it, so that its person can sign in."""
        answer = problem_of_refusal(error)
        if self._metadata is not None:
            answer.headers["WWW-Authenticate"] += f', resource_metadata="{self._metadata}"'
        return answer


def _unknown_host():
    return problem(
        403,
        "unknown-host",
        "this server is not called by that Host or Origin",
        "Call it by the name that it has; its operators set MESH_PUBLIC_URL, or MESH_MCP_HOSTS for more names.",
    )


def security_of(environ: Mapping[str, str]) -> TransportSecuritySettings:
    """Which Host and Origin headers are answered: this machine's own names, and those of the settings.

    A page of another site whose name was turned to this machine's address (DNS rebinding) shows its own.
    `MESH_PUBLIC_URL` is where people reach the mesh; `MESH_MCP_HOSTS` has further names, parted by commas.
    """
    public = urlsplit(environ.get("MESH_PUBLIC_URL", ""))
    named = [name.strip() for name in environ.get("MESH_MCP_HOSTS", "").split(",")]
    hosts = [*_HERE, *filter(None, [public.hostname, *named])]
    bare = list(dict.fromkeys(hosts))
    origins = [f"{scheme}://{host}" for host in bare for scheme in ("http", "https")]
    return TransportSecuritySettings(
        allowed_hosts=[form for host in bare for form in (host, f"{host}:*")],
        allowed_origins=[form for origin in origins for form in (origin, f"{origin}:*")],
    )
