"""`mesh up` with its children: who is told what, and what Dagster's sensors of availability probe."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Mesh
from tests.running import free_port
from tests.tiny_mesh import environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="environments of processes are read in /proc"),
]


@contextmanager
def up(mesh: Mesh, *options: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """`mesh up` in a process group of its own, and the lines that it has printed so far. It ends on Ctrl-C."""
    lines: list[str] = []
    process = subprocess.Popen(
        [sys.executable, "-m", "platform_resources.cli", "up", *options],
        cwd=mesh.project,
        env=environment(mesh.project, mesh.home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell may have it ignored
    )
    reader = threading.Thread(target=lambda: lines.extend(process.stdout), daemon=True)
    reader.start()
    try:
        yield process, lines
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(90) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        reader.join()
        process.stdout.close()


def environment_of_dagster(parent: int) -> dict[str, str]:
    """As it was started with; waits for it."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        for child in children:
            if b"dagster\0dev" in Path(f"/proc/{child}/cmdline").read_bytes():
                entries = Path(f"/proc/{child}/environ").read_bytes().decode().split("\0")
                return dict(entry.split("=", 1) for entry in entries if "=" in entry)
        time.sleep(0.1)
    raise AssertionError("Dagster was not started")


def forget_everybody(mesh: Mesh) -> None:
    """As if nobody had read of the mesh yet: tests before this one may have, of what it is a copy of."""
    for rest in (*mesh.home.glob("control.sqlite*"), *mesh.home.glob("keys/audit*")):
        rest.unlink()
    shutil.rmtree(mesh.home / "personas", ignore_errors=True)


def test_personas_are_told_and_dagster_starts_when_the_api_answers(mesh: Mesh) -> None:
    forget_everybody(mesh)
    api = free_port()
    with up(mesh, "--port", str(free_port()), "--api-port", str(api)) as (process, lines):
        assert environment_of_dagster(process.pid)["MESH_API_URL"] == f"http://127.0.0.1:{api}"
        assert httpx.get(f"http://127.0.0.1:{api}/api/v1/health", trust_env=False).status_code == 200
    told = "".join(lines)
    assert "service-desk" in told
    assert "Traceback" not in told


def test_without_the_ui_personas_are_made_and_told(mesh: Mesh) -> None:
    forget_everybody(mesh)
    done = mesh("up", "--no-ui")
    assert done.code == 0
    assert "service-desk" in done.err
    assert (mesh.home / "personas" / "analyst.token").is_file()


@pytest.mark.parametrize("option", ["--port", "--api-port"])
def test_a_taken_port_is_refused_before_anything_is_built(empty: Mesh, option: str) -> None:
    other = "--port" if option == "--api-port" else "--api-port"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = empty("up", option, str(port), other, str(free_port()))
    assert done.code == 1
    assert f"127.0.0.1:{port}" in done.err
    assert f"mesh up {option} " in done.err
    assert done.out == ""


def test_the_ui_and_the_api_need_ports_of_their_own(empty: Mesh) -> None:
    done = empty("up", "--port", "3399", "--api-port", "3399")
    assert (done.code, "--api-port" in done.err) == (2, True)
