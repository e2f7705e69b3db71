"""The processes that `mesh up` serves with: the Dagster UI with its schedulers, and the HTTP API beside it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from platform_resources.cli.common import sign_in_link, tell_of_personas
from platform_resources.cli.output import console, errors, fail
from platform_resources.lake import MeshSettings, SettingError

_PATIENCE = 20  # seconds that a child gets to end after Ctrl-C, and again after being asked to
_LOOK_SECONDS = 0.5
_START_SECONDS = 15  # that the API gets to answer before Dagster is started without it
_LINES_TOLD = 15  # of the log of a child that ended


@dataclass
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path


def serve_all(settings: MeshSettings, port: int, api_port: int) -> int:
    """Run the API, and Dagster's web server and schedulers, until Dagster ends or Ctrl-C; the exit code to end with.

    Without the API everything is built as before, so its end is told and no more.
    """
    logs = settings.dagster_home
    dagster = [sys.executable, "-m", "dagster", "dev", "-w", str(settings.project / "workspace.yaml")]
    dagster += ["-h", "127.0.0.1", "-p", str(port)]
    api = [sys.executable, "-m", "platform_resources.cli", "serve", "--port", str(api_port)]
    _tell(settings, port, api_port)
    with ExitStack() as stack:
        ui = None
        free = _is_free(api_port)  # else what answers there is not this mesh
        public = _public(port, api_port)
        beside = _start(stack, "the API", api, settings.project, logs / "api.log", public)
        try:
            answers = free and _answers(beside, api_port)
            environment = public | (_probing(api_port) if answers else {})
            ui = _start(stack, "the Dagster UI", dagster, settings.project, logs / "dagster-dev.log", environment)
            code = _wait(ui, beside)
        except KeyboardInterrupt:
            code = 0
            if ui is not None:
                _end(ui.process)
        else:
            beside.process.terminate()
        _end(beside.process)
    if code and ui is not None:
        _told(ui, code)
    return code


def _tell(settings: MeshSettings, port: int, api_port: int) -> None:
    """Where everything is, who one may be, and three things to try."""
    from platform_resources.access.callers.personas import (  # noqa: PLC0415  (keeps `mesh --help` quick)
        DEFAULT_PERSONA,
        persona_file,
        persona_names,
    )

    portal = f"http://127.0.0.1:{api_port}"
    console.print(f"\nPortal:     [bold]{portal}[/]  (the API at /api/v1, MCP for agents at /mcp)", highlight=False)
    console.print(
        f"Dagster UI: [bold]http://127.0.0.1:{port}[/]  (in about 20 s; Ctrl-C ends it, the products stay)",
        highlight=False,
    )
    link = _sign_in_link(settings, portal)
    if link is not None:
        console.print(f"Sign in:    {escape(link)}  (by one click)", highlight=False, soft_wrap=True)
    names = persona_names(settings)
    if DEFAULT_PERSONA in names:
        tokens = persona_file(settings, "<name>")
        owner = next((name for name in names if "keller" in name), names[0])
        console.print(f"\nDemo personas: {escape(', '.join(names))}", highlight=False, soft_wrap=True)
        console.print(f"[dim]their tokens: {escape(str(tokens))}[/]", highlight=False, soft_wrap=True)
        console.print("\nThree things to try:", highlight=False)
        console.print(f"  1. as {DEFAULT_PERSONA}, search the portal for [bold]client value[/]", highlight=False)
        console.print(
            f"  2. ask for access to [bold]crm.customer_360[/] there, then decide about it as {escape(owner)}",
            highlight=False,
        )
        console.print("  3. in another terminal: [bold]mesh impact sales.bookings.v1.net_sales[/]", highlight=False)
    log = settings.dagster_home / "dagster-dev.log"
    console.print(f"\n[dim]logs: {escape(str(log))}, api.log beside it[/]\n", highlight=False, soft_wrap=True)
    sys.stdout.flush()


def check_ports(port: int, api_port: int) -> None:
    """End the command, before anything is built, when the UI or the API could not listen afterwards."""
    if port == api_port:
        fail(f"the Dagster UI and the API can't share port {port}; mesh up --api-port {_next_free(port)}", code=2)
    for what, option, wanted in (("the Dagster UI", "--port", port), ("the API", "--api-port", api_port)):
        if not _is_free(wanted):
            fail(
                f"{what} can't use 127.0.0.1:{wanted}: something listens there already, or it may not be used.\n"
                f"Choose another port: mesh up {option} {_next_free(wanted)}"
            )


def make_and_tell_personas(settings: MeshSettings) -> None:
    """Make the demo personas of a fresh mesh here, where people read who they are: the API prints into its log."""
    from platform_resources.access import Access  # noqa: PLC0415  (0.5 s that no other command needs)
    from platform_resources.control import ControlError  # noqa: PLC0415

    try:
        with Access(settings) as access:
            tell_of_personas(access)
    except (ControlError, SettingError) as error:  # the UI works without; the API tells the same in its log
        errors.print(f"[bold red]mesh:[/] {escape(str(error))}", highlight=False)


def _sign_in_link(settings: MeshSettings, portal: str) -> str | None:
    from platform_resources.access import Access  # noqa: PLC0415  (keeps `mesh --help` quick)
    from platform_resources.control import ControlError  # noqa: PLC0415

    try:
        with Access(settings) as access:
            return sign_in_link(access, portal)
    except (ControlError, SettingError):  # which was told when the personas were made
        return None


def _probing(api_port: int) -> dict[str, str]:
    """Environment with which the sensors of availability read through the API, unless it names another one."""
    return {"MESH_API_URL": os.environ.get("MESH_API_URL") or f"http://127.0.0.1:{api_port}"}


def _public(port: int, api_port: int) -> dict[str, str]:
    """Environment with which portal and Dagster UI link to each other, unless it names other addresses."""
    here = {"MESH_PUBLIC_URL": f"http://127.0.0.1:{api_port}", "MESH_DAGSTER_URL": f"http://127.0.0.1:{port}"}
    return {name: os.environ.get(name) or address for name, address in here.items()}


def _next_free(port: int) -> int:
    """A port after this one that can be used now; not the other default of `mesh up`."""
    after = range(max(port, 1024) + 1, min(port + 100, 65536))
    return next((one for one in after if one not in {3000, 8080} and _is_free(one)), port + 1)


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _answers(api: Child, port: int) -> bool:
    """Wait until the API answers, ready or not: what probes it before counts its start as an outage."""
    import httpx  # noqa: PLC0415  (0.08 s that no other command needs)

    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and api.process.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/api/v1/health", timeout=_LOOK_SECONDS, trust_env=False)
        except httpx.TransportError:
            time.sleep(_LOOK_SECONDS / 2)
        else:
            return True
    return False


def _start(
    stack: ExitStack, name: str, command: list[str], folder: Path, log: Path, more: Mapping[str, str] | None = None
) -> Child:
    output = stack.enter_context(log.open("w", encoding="utf-8"))
    environment = {**os.environ, **(more or {})}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
    return Child(name, stack.enter_context(process), log)


def _wait(ui: Child, api: Child) -> int:
    """Until the UI ends; tells once that the API did."""
    gone = False
    while (code := ui.process.poll()) is None:
        if not gone and api.process.poll() is not None:
            gone = True
            _told(api, api.process.returncode)
        time.sleep(_LOOK_SECONDS)
    return code


def _told(child: Child, code: int) -> None:
    told = "\n".join(child.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LINES_TOLD:])
    errors.print(f"[bold red]mesh:[/] {child.name} ended with code {code}; the end of its log:\n{escape(told)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait for a child to end on the Ctrl-C that it got too; one that hangs in a run is not waited for."""
    for stop in (process.terminate, process.kill):
        try:
            process.wait(_PATIENCE)
            return
        except subprocess.TimeoutExpired:
            stop()
    process.wait()
