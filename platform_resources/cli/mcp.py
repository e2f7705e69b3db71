"""`mesh mcp`: the MCP server over stdin and stdout, for the agent that starts it."""

from __future__ import annotations

import logging
import signal
import sys
from contextlib import closing

import typer

from platform_resources.cli.common import AsOption, token_of
from platform_resources.lake import MeshSettings


def add_to(app: typer.Typer) -> None:
    app.command("mcp")(mcp)


def mcp(as_: AsOption = None) -> None:
    """Serve an agent over stdin and stdout (MCP), as somebody, until stdin ends.

    The agent has the rights of the token in MESH_TOKEN, or of a demo persona (--as), and no others. `mesh serve`
    answers MCP over HTTP, at /mcp.
    """
    from platform_resources.access import Access  # noqa: PLC0415  (keeps `mesh --help` quick)
    from platform_resources.catalog.view import CatalogView  # noqa: PLC0415
    from platform_resources.serving.limits import ApiLimits, RateLimits, Threads  # noqa: PLC0415
    from platform_resources.serving.mcp.server import mesh_server  # noqa: PLC0415  (0.3 s)
    from platform_resources.serving.mcp.sessions import Door  # noqa: PLC0415

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)  # stdout is for the protocol alone
    # A thread that waits for stdin can't be interrupted: Ctrl-C would wait for the agent's next word.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    settings, limits = MeshSettings.from_env(), ApiLimits.from_env()
    with Access(settings) as access, closing(CatalogView(settings, access.guard.lakes, access.control)) as view:
        access.sql.prepare()
        token = token_of(access, as_)
        access.authenticate(token)  # who can't call is told so now, and not by each answer
        door = Door(access, view, RateLimits(limits), Threads(limits), lambda: access.authenticate(token))
        mesh_server(door).run("stdio")
