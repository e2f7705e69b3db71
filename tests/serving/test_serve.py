"""`mesh serve`: a process of its own, from its first line to Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.guarded import GuardedMesh, make_mesh
from tests.serving.conftest import DATA
from tests.serving.test_streams import MANY

COMMAND = [sys.executable, "-m", "platform_resources.cli", "serve"]


def environment(home: Path, project: Path) -> dict[str, str]:
    return {**os.environ, "MESH_HOME": str(home), "MESH_PROJECT": str(project), "COLUMNS": "200"}


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedMesh]:
    made = make_mesh(tmp_path_factory.mktemp("mesh"))
    made.publish(MANY.format(rows=400_000))
    made.token("desk")
    yield made
    made.access.close()


@contextmanager
def served(home: Path, project: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], int, list[str]]]:
    """A server in a process; yields it, its port, and the lines that it printed up to how to try it."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *options],
        env=environment(home, project),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell may have it ignored
    )
    try:
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("try:"):
                break
        address = next(line for line in lines if "http://" in line).split("http://", 1)[1]
        yield process, int(address.split("/", 1)[0].rpartition(":")[2]), lines
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_it_ends_within_seconds_though_readers_hang(mesh: GuardedMesh) -> None:
    with served(mesh.settings.home, mesh.settings.project) as (process, port, _):
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(httpx.ConnectError):
                if httpx.get(f"http://127.0.0.1:{port}/api/v1/health", trust_env=False, timeout=60).json()["ready"]:
                    break
            assert time.monotonic() < deadline
        with socket.create_connection(("127.0.0.1", port)) as stalled:
            token = f"Authorization: Bearer {mesh.tokens['desk']}"
            stalled.sendall(f"GET {DATA}?format=ndjson HTTP/1.1\r\nHost: mesh\r\n{token}\r\n\r\n".encode())
            assert stalled.recv(2000).startswith(b"HTTP/1.1 200")
            busy = subprocess.run(
                [*COMMAND, "--port", str(port)],
                env=environment(mesh.settings.home, mesh.settings.project),
                capture_output=True,
                text=True,
                check=False,
            )
            assert busy.returncode == 1
            assert "another port" in busy.stderr
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
            received = b""
            with contextlib.suppress(ConnectionResetError):
                while piece := stalled.recv(1 << 20):
                    received += piece
            assert not received.endswith(b"0\r\n\r\n")  # what was cut off does not look whole


def test_a_fresh_mesh_tells_its_personas_and_one_line_to_try(tmp_path: Path, mesh: GuardedMesh) -> None:
    home = tmp_path / "home"
    with served(home, mesh.settings.project) as (_, port, lines):
        told = "".join(lines)
        assert "analyst" in told
        assert f"127.0.0.1:{port}/api/v1/products" in lines[-1]
        token = (home / "personas" / "analyst.token").read_text().strip()
        assert token not in told
        key = (home / "personas" / "sign-in.key").read_text().strip()
        assert key not in told, "what is no terminal may be a log"
        assert f"http://127.0.0.1:{port}/sign-in?demo=$(cat {home}/personas/sign-in.key)" in told
        opened = httpx.get(f"http://127.0.0.1:{port}/sign-in?demo={key}", trust_env=False, timeout=60)
        assert "mesh-one-click" in opened.headers["Set-Cookie"]
    refused = subprocess.run(
        [*COMMAND, "--port", "0", "--host", "0.0.0.0"],
        env=environment(home, mesh.settings.project),
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "--allow-demo-personas" in refused.stderr


def test_a_terminal_is_told_the_link_itself_and_the_log_never(tmp_path: Path, mesh: GuardedMesh) -> None:
    home, log, (ours, theirs) = tmp_path / "home", tmp_path / "log", pty.openpty()
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [*COMMAND, "--port", "0"],
            env=environment(home, mesh.settings.project),
            stdout=theirs,
            stderr=errors,
        ) as process,
        os.fdopen(ours, "rb") as terminal,
    ):
        os.close(theirs)
        told = b""
        while b"try:" not in told:
            told += terminal.readline()
        key = (home / "personas" / "sign-in.key").read_text().strip()
        link = next(part for part in told.decode().split() if "/sign-in?" in part)
        assert link.endswith(f"/sign-in?demo={key}")
        assert httpx.get(link, trust_env=False, timeout=60).status_code == 303
        process.terminate()  # not killed: the line of a request is written after its answer
    assert "route=/sign-in " in log.read_text()
    assert key not in log.read_text()


@pytest.mark.filterwarnings("ignore:'click.utils:DeprecationWarning")  # what typer imports
def test_an_answer_does_not_wait_for_the_receipt_of_its_head() -> None:
    from platform_resources.cli.serve import _listen

    with _listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
