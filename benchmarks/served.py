"""`mesh serve` in a process of its own, to be measured from outside."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.processes import ROOT, MeasuredProcessError
from platform_resources.lake import MeshSettings

UNLIMITED = {"MESH_API_REQUESTS_PER_MINUTE": "1000000"}  # a reader's limit would be what is measured otherwise


@contextmanager
def served(settings: MeshSettings) -> Iterator[str]:
    """Serve a mesh without limits of requests; yields its URL, without a slash at its end.

    Raises
    ------
    MeasuredProcessError
        when the server does not start; with the end of its log.
    """
    here = {"MESH_HOME": str(settings.home), "MESH_PROJECT": str(settings.project)}
    command = [sys.executable, "-m", "platform_resources.cli", "serve", "--port", "0"]
    log = settings.home / "serve.log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **here, **UNLIMITED}, stdout=subprocess.PIPE, stderr=output, text=True
        ) as server,
    ):
        try:
            line = next((line for line in server.stdout or () if "http://" in line), None)
            if line is None:
                raise MeasuredProcessError(f"the server did not start:\n{log.read_text()}")
            yield f"http://{line.split('http://', 1)[1].split('/', 1)[0]}"
        finally:
            server.terminate()
