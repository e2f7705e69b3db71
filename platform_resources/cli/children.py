"""The processes that `mesh up` serves with: the Dagster UI with its schedulers, and the HTTP API beside it."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from platform_resources.cli.output import console, errors
from platform_resources.lake import MeshSettings

_PATIENCE = 20  # seconds that a child gets to end after Ctrl-C, and again after being asked to
_LOOK_SECONDS = 0.5
_LINES_TOLD = 15  # of the log of a child that ended


@dataclass
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path


def serve_all(settings: MeshSettings, port: int, api_port: int) -> int:
    """Run Dagster's web server and schedulers, and the API, until Dagster ends or Ctrl-C; the exit code to end with.

    Without the API everything is built as before, so its end is told and no more.
    """
    logs = settings.dagster_home
    dagster = [sys.executable, "-m", "dagster", "dev", "-w", str(settings.project / "workspace.yaml")]
    dagster += ["-h", "127.0.0.1", "-p", str(port)]
    api = [sys.executable, "-m", "platform_resources.cli", "serve", "--port", str(api_port)]
    console.print(f"\nDagster UI: [bold]http://127.0.0.1:{port}[/]  (in about 20 s; Ctrl-C ends it, the products stay)")
    console.print(f"API:        [bold]http://127.0.0.1:{api_port}/api/v1[/]")
    console.print(f"[dim]logs: {escape(str(logs / 'dagster-dev.log'))}, api.log beside it[/]\n", highlight=False)
    with ExitStack() as stack:
        ui = _start(stack, "the Dagster UI", dagster, settings.project, logs / "dagster-dev.log")
        beside = _start(stack, "the API", api, settings.project, logs / "api.log")
        try:
            code = _wait(ui, beside)
        except KeyboardInterrupt:
            code = 0
            _end(ui.process)
        else:
            beside.process.terminate()
        _end(beside.process)
    if code:
        _told(ui, code)
    return code


def _start(stack: ExitStack, name: str, command: list[str], folder: Path, log: Path) -> Child:
    output = stack.enter_context(log.open("w", encoding="utf-8"))
    process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
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
