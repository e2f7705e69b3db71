"""A real server, killed and started again, seen by probes from outside."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from platform_resources.lake import utc_now
from platform_resources.operations import Prober, ProbeSettings, availability_of
from platform_resources.operations.history import read_history
from platform_resources.pipeline import read_mesh
from tests.guarded import CUSTOMERS, GuardedMesh, make_mesh
from tests.tiny_mesh import REPOSITORY

_SERVER = """
import sys, uvicorn
from platform_resources.lake import MeshSettings
from platform_resources.serving import create_app
uvicorn.run(create_app(MeshSettings.from_env()), port=int(sys.argv[1]), log_level="error")
"""


@contextmanager
def running(mesh: GuardedMesh, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The API in a process of its own; killed at the end."""
    settings = mesh.settings
    environment = {**os.environ, "MESH_HOME": str(settings.home), "MESH_PROJECT": str(settings.project)}
    command = [sys.executable, "-c", _SERVER, str(port)]
    with subprocess.Popen(command, env=environment, cwd=REPOSITORY) as server:
        try:
            until = time.monotonic() + 60
            while time.monotonic() < until:
                assert server.poll() is None, "the server ended"
                try:
                    httpx.get(f"http://127.0.0.1:{port}/api/v1/health")
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            yield server
        finally:
            server.send_signal(signal.SIGKILL)
            server.wait()


def test_the_downtime_of_a_killed_server_is_what_its_readers_had(tmp_path: Path) -> None:
    mesh = make_mesh(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = utc_now()
    probing = ProbeSettings(url=f"http://127.0.0.1:{port}")
    with Prober(mesh.settings, probing) as prober:

        def probe(times: int) -> list[bool]:
            seen = []
            for _ in range(times):
                (one,) = prober.run().probes
                seen.append(one.up)
                time.sleep(0.05)
            return seen

        with running(mesh, port):
            assert probe(3) == [True] * 3
        assert probe(4) == [False] * 4
        with running(mesh, port):
            assert probe(3) == [True] * 3
    now = utc_now()
    probes = read_history(mesh.access.control, str(CUSTOMERS), began).probes
    assert {probe.reason for probe in probes if not probe.up} == {"refuses connections"}
    assert {probe.door for probe in probes} == {probing.url}
    told = availability_of(mesh.access.control, read_mesh(mesh.settings)[0], str(CUSTOMERS), now, probing)
    assert told.downtime == probes[7].at - probes[3].at  # from the first that was refused to the first that was not
    assert told.measured is not None
    assert told.measured < 100
    assert told.last is not None
    assert told.last.up
    mesh.access.close()
