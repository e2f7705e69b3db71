"""`mesh serve`: portal, API and MCP, until Ctrl-C."""

from __future__ import annotations

import errno
import ipaddress
import logging
import os
import socket
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from platform_resources.cli.common import sign_in_link
from platform_resources.cli.output import console, fail
from platform_resources.lake import MeshSettings

if TYPE_CHECKING:
    from types import FrameType

    from platform_resources.access import Access

_END_SECONDS = 3  # that open answers get after Ctrl-C
_LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command()(serve)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; another than this machine's own needs care.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8080,
    allow_demo_personas: Annotated[
        bool, typer.Option("--allow-demo-personas", help="Let others reach a mesh whose demo tokens lie in a file.")
    ] = False,
) -> None:
    """Serve the portal, the HTTP API and MCP until Ctrl-C."""
    from platform_resources.access import Access  # noqa: PLC0415  (0.5 s that no other command needs)
    from platform_resources.access.callers.personas import persona_names  # noqa: PLC0415

    settings = MeshSettings.from_env()
    near = _is_loopback(host)
    if not (near or allow_demo_personas) and persona_names(settings):
        fail(
            f"this mesh has demo personas, and {host} can be reached from other machines.\n"
            "Remove them (mesh identity disable, then their tokens under personas/), or say --allow-demo-personas."
        )
    listening = _listen(host, port)
    with listening, Access(settings, personas=near or allow_demo_personas) as access:
        taken = listening.getsockname()[1]
        if near:  # links lead here, unless another address is said
            os.environ.setdefault("MESH_PUBLIC_URL", f"http://{f'[{host}]' if ':' in host else host}:{taken}")
        _tell(settings, access, host, taken)
        _run(settings, access, listening)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=1024)
        # asyncio sets it where it made the socket itself. Without it the body waits for the receipt of the head: 40 ms.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            fail(f"something listens on {host}:{port} already; stop it, or take another port: mesh serve --port 8081")
        fail(f"{host}:{port} can't be listened on: {error.strerror or error}")


def _tell(settings: MeshSettings, access: Access, host: str, port: int) -> None:
    from platform_resources.access.callers.personas import (  # noqa: PLC0415  (with Access)
        DEFAULT_PERSONA,
        persona_file,
        persona_names,
        personas_told,
    )

    root = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    address = f"{root}/api/v1"
    console.print(f"the portal of the mesh: [bold]{root}/[/]  (Ctrl-C ends it)", highlight=False)
    console.print(f"its API: {address}   MCP for agents: {root}/mcp", highlight=False)
    link = sign_in_link(access, root) if _is_loopback(host) else None
    if link is not None:
        console.print(f"sign in by one click: {escape(link)}", highlight=False, soft_wrap=True)
    told = personas_told(settings, access.made)
    if told:
        console.print(f"\n{escape(told)}", highlight=False)
    token = "<token>"
    if DEFAULT_PERSONA in persona_names(settings):
        token = f"$(cat {persona_file(settings, DEFAULT_PERSONA)})"
    console.print(
        f'\ntry:  curl -H "Authorization: Bearer {escape(token)}" {address}/products\n', highlight=False, soft_wrap=True
    )
    sys.stdout.flush()  # who starts this from a program waits for the address


def _run(settings: MeshSettings, access: Access, listening: socket.socket) -> None:
    import uvicorn  # noqa: PLC0415  (0.2 s that no other command needs)

    from platform_resources.serving import create_app  # noqa: PLC0415
    from platform_resources.serving.rule_trial import TRIALS  # noqa: PLC0415

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            TRIALS.end()  # else the answer of a trial is waited for
            super().handle_exit(sig, frame)

    logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT, stream=sys.stderr)
    config = uvicorn.Config(
        create_app(settings, access=access),
        loop="asyncio",  # uvloop does not close while a reader is stalled: Ctrl-C would wait for that reader
        log_config=None,
        access_log=False,  # its lines hold query strings, and those values of data; the API logs its own
        proxy_headers=False,  # else who is on this machine chooses the address that its failures are counted for
        server_header=False,
        timeout_graceful_shutdown=_END_SECONDS,
    )
    try:
        Server(config).run(sockets=[listening])
    except KeyboardInterrupt:  # uvicorn has ended in good order and hands the signal on
        return
