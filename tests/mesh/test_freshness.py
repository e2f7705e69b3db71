"""Freshness is honest: without news a port goes from fresh to failed in the UI, and recovers with the next."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.running import free_port
from tests.tiny_mesh import environment, land, write_project

QUERY = """query { assetNodes(assetKeys: [{path: ["shop", "orders", "v1"]}]) {
  freshnessStatusInfo { freshnessStatus } } }"""


def freshness(port: int) -> str | None:
    """The state that the UI shows of the port; None while the UI is not up."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        json.dumps({"query": QUERY}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            nodes = json.load(answer)["data"]["assetNodes"]
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return None
    info = nodes[0]["freshnessStatusInfo"] if nodes else None
    return info and info["freshnessStatus"]


def wait_for(served: subprocess.Popen[bytes], output: Path, port: int, state: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    seen = []
    while (found := freshness(port)) != state:
        if not seen or seen[-1] != found:
            seen.append(found)
        assert served.poll() is None, f"mesh up ended:\n{output.read_text()}"
        assert time.monotonic() < deadline, f"no {state} within {seconds} s; seen: {seen}"
        time.sleep(2)


def _heed_ctrl_c() -> None:
    """A shell without job control starts what runs in the background with Ctrl-C ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow(seconds=120)
def test_a_port_without_news_fails_in_the_ui_and_recovers_by_itself(tmp_path: Path) -> None:
    project, home = write_project(tmp_path / "project"), tmp_path / "home"
    contract = project / "domains/shop/products/orders/v1.odcs.yaml"
    contract.write_text(contract.read_text(encoding="utf-8").replace("P3650D", "PT1M"), encoding="utf-8")
    land(home, extracted_at=datetime.now(UTC))
    port, printed = free_port(), tmp_path / "up.log"
    with printed.open("wb") as output:
        served = subprocess.Popen(
            [sys.executable, "-m", "platform_resources.cli", "up", "--port", str(port), "--api-port", str(free_port())],
            cwd=project,
            env=environment(project, home) | {"FRESHNESS_DAEMON_INTERVAL_SECONDS": "5"},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # its group gets the Ctrl-C below, as in a terminal
            preexec_fn=_heed_ctrl_c,
        )
    try:
        wait_for(served, printed, port, "DEGRADED", 240)
        land(home, [(9, "eve@mail.example", "+1-555-0109", "blue", 1999, "5.00")], extracted_at=datetime.now(UTC))
        wait_for(served, printed, port, "HEALTHY", 240)
    finally:
        if served.poll() is None:
            os.killpg(served.pid, signal.SIGINT)
        try:
            code = served.wait(90)
        except subprocess.TimeoutExpired:
            os.killpg(served.pid, signal.SIGKILL)
            served.wait()
            raise
    assert code == 0
