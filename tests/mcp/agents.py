"""An agent for tests: the official client, in-process, one connection for each question."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from mcp import Client, MCPError
from mcp_types import CallToolResult

from platform_resources.access import Access
from platform_resources.catalog.view import CatalogView
from platform_resources.serving.limits import ApiLimits, RateLimits, Threads
from platform_resources.serving.mcp.server import MeshServer, mesh_server
from platform_resources.serving.mcp.sessions import Door
from tests.running import in_a_loop

_Told = TypeVar("_Told")
MODES = ("auto", "legacy")  # protocol 2026-07-28 and 2025-11-25


def server_for(
    access: Access, view: CatalogView, token: str | Callable[[], str], limits: ApiLimits | None = None
) -> MeshServer:
    """A server whose every request shows `token`, as `mesh mcp` does."""
    limits = limits or ApiLimits()
    shown = token if callable(token) else lambda: token
    return mesh_server(Door(access, view, RateLimits(limits), Threads(limits), lambda: access.authenticate(shown())))


@dataclass
class Agent:
    """`begin` is called before each question: where agents share a server it says which token is shown."""

    server: MeshServer
    mode: str = "auto"
    begin: Callable[[], None] = lambda: None

    def ask(self, question: Callable[[Client], Awaitable[_Told]]) -> _Told:
        """What a connection of its own tells."""

        async def asked() -> _Told | MCPError:
            async with Client(self.server, mode=self.mode) as client:
                try:
                    return await question(client)
                except MCPError as error:  # else the client's task group wraps it
                    return error

        self.begin()
        told = in_a_loop(asked)
        if isinstance(told, MCPError):
            raise told
        return told

    def call(self, tool: str, **arguments: Any) -> CallToolResult:
        return self.ask(lambda client: client.call_tool(tool, arguments))

    def told(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The whole answer of a tool: valid by the tool's own schema, its text the same facts, both within 32 KB."""
        result = self.call(tool, **arguments)  # the client lists the tools first and validates by their schemas
        assert not result.is_error, result.content[0].text
        structured = result.structured_content
        _, _, text = result.content[0].text.partition("\n")
        assert json.loads(text).items() <= {**structured, "answer": json.loads(text).get("answer")}.items()
        for told in (result.content[0].text, json.dumps(structured, ensure_ascii=False, separators=(",", ":"))):
            assert len(told.encode()) <= 32 * 1024
        return structured

    def answer(self, tool: str, **arguments: Any) -> Any:
        return self.told(tool, **arguments)["answer"]

    def refusal(self, tool: str, **arguments: Any) -> str:
        """What a refused call is told."""
        result = self.call(tool, **arguments)
        assert result.is_error, result.content[0].text
        assert result.structured_content is None
        text = result.content[0].text
        assert "Traceback" not in text
        return text

    def resource(self, uri: str) -> str:
        return self.ask(lambda client: client.read_resource(uri)).contents[0].text

    def resources(self) -> list[str]:
        """The URIs of all pages."""

        async def question(client: Client) -> list[str]:
            found, cursor = [], None
            while True:
                page = await client.list_resources(cursor=cursor)
                found += [resource.uri for resource in page.resources]
                cursor = page.next_cursor
                if cursor is None:
                    return found

        return self.ask(question)
