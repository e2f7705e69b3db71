"""Events reach the file, and a real HTTP server where one is told; one that is down or hangs holds nobody up."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from platform_resources.lake import MeshSettings
from platform_resources.lineage import openlineage_outbox as outbox
from platform_resources.lineage.openlineage import Scene, Step, built_table, dataset_event, plain_dataset, run_event
from tests.tiny_mesh import REPOSITORY

SCENE = Scene("retail", "https://mesh.example.org")
NOW = datetime(2026, 11, 21, 13, 0, tzinfo=UTC)
STEP = Step("crm.customer_360.v1", "publish", "3e2f0f5c-7f0c-4b5a-9f6e-0c9d3c1b2a10", "job")
EVENTS = [
    run_event(SCENE, STEP, "START", NOW),
    run_event(SCENE, STEP, "COMPLETE", NOW, outputs=[built_table(SCENE, "crm.internal.x", [("a", "BIGINT")], 3, [])]),
    dataset_event(NOW, plain_dataset(SCENE, "crm.customer_360.v1")),
]


class Listening:
    """A server of lineage; while `hangs`, it takes a request and answers when the test is over."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.over = threading.Event()
        self.hangs = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if outer.hangs:
                    outer.over.wait(30)
                assert self.path == "/api/v1/lineage"
                outer.got.append(json.loads(body))
                self.send_response(201)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=[0.02], daemon=True).start()


@pytest.fixture
def listening() -> Iterator[Listening]:
    made = Listening()
    yield made
    made.over.set()
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MeshSettings:
    """A home, an environment that names no server, and a sender that this test alone has."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    # The client writes what it was told by OPENLINEAGE_URL into the environment: taken back with the test.
    for part in ("TYPE", "URL"):
        monkeypatch.setenv(f"OPENLINEAGE__TRANSPORT__TRANSPORTS__DEFAULT_HTTP__{part}", "")
        monkeypatch.delenv(f"OPENLINEAGE__TRANSPORT__TRANSPORTS__DEFAULT_HTTP__{part}")
    monkeypatch.setattr(outbox, "_kept", None)
    return MeshSettings(home=tmp_path / "home", project=tmp_path)


def written(mesh: MeshSettings) -> list[dict[str, Any]]:
    return [json.loads(line) for line in outbox.events_file(mesh).read_text(encoding="utf-8").splitlines()]


def without_empty(value: Any) -> Any:
    """The client writes empty objects where we leave them out."""
    if isinstance(value, dict):
        return {key: told for key, item in value.items() if (told := without_empty(item)) not in ({}, [])}
    return [without_empty(item) for item in value] if isinstance(value, list) else value


def test_without_a_server_the_file_has_them_in_order(mesh: MeshSettings) -> None:
    outbox.emit(mesh, EVENTS[:1])
    outbox.emit(mesh, EVENTS[1:])
    assert written(mesh) == EVENTS
    assert outbox.events_file(mesh).stat().st_mode & 0o777 == 0o600
    assert outbox.flush()


def test_a_server_gets_the_same(mesh: MeshSettings, listening: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", listening.url)
    outbox.emit(mesh, EVENTS)
    assert outbox.flush(10)
    assert [event.get("eventType") for event in listening.got] == ["START", "COMPLETE", None]
    for sent, kept in zip(listening.got, written(mesh), strict=True):
        sent.get("run", {}).get("facets", {}).pop("tags", None)  # the client's own: its version
        assert without_empty(sent) == without_empty(kept)


def test_a_config_file_of_the_client_counts(mesh: MeshSettings, listening: Listening, tmp_path: Path) -> None:
    (tmp_path / "openlineage.yml").write_text(f"transport: {{type: http, url: '{listening.url}'}}\n", encoding="utf-8")
    outbox.emit(mesh, EVENTS)
    assert outbox.flush(10)
    assert len(listening.got) == 3


def test_a_server_that_is_down_is_told_once_and_the_file_has_all(
    mesh: MeshSettings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:9")  # the port of discard: nobody listens
    with caplog.at_level(logging.WARNING, "mesh.openlineage"):
        for _ in range(3):
            outbox.emit(mesh, EVENTS)
        assert outbox.flush(10)
    assert len(written(mesh)) == 9
    told = [record.getMessage() for record in caplog.records if record.name == "mesh.openlineage"]
    assert len(told) == 1
    assert "the file has them all" in told[0]


def test_nobody_waits_for_a_server_that_hangs(
    mesh: MeshSettings, listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening.hangs = True
    monkeypatch.setattr(outbox, "TIMEOUT_SECONDS", 0.3)
    monkeypatch.setenv("OPENLINEAGE_URL", listening.url)
    outbox.emit(mesh, EVENTS)  # returns while the server hangs: else the line below would find them sent
    assert not outbox.flush(0)
    assert written(mesh) == EVENTS
    assert outbox.flush(10)  # given up after the time-out, long before the server answers
    assert listening.got == []


def test_disabled_means_no_event_anywhere(
    mesh: MeshSettings, listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", listening.url)
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "True")
    outbox.emit(mesh, EVENTS)
    assert not outbox.events_file(mesh).exists()
    assert listening.got == []


def test_a_broken_setting_stops_no_build(
    mesh: MeshSettings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", "not an address")
    outbox.emit(mesh, EVENTS)
    assert outbox.flush(10)
    assert "can't be sent" in caplog.text


def test_the_file_is_bounded(mesh: MeshSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(json.dumps(EVENTS[0])) + 1
    monkeypatch.setattr(outbox, "FILE_BYTES", 3 * size)
    for number in range(30):
        outbox.emit(mesh, [{**EVENTS[0], "number": number}])
    files = sorted(outbox.events_file(mesh).parent.glob("*.ndjson"))
    assert len(files) == outbox.FILES
    assert all(file.stat().st_size <= outbox.FILE_BYTES for file in files)
    assert written(mesh)[-1]["number"] == 29


def test_a_folder_that_can_t_be_written_stops_no_build(mesh: MeshSettings, caplog: pytest.LogCaptureFixture) -> None:
    mesh.home.mkdir()
    (mesh.home / "openlineage").write_text("a file in the way", encoding="utf-8")
    outbox.emit(mesh, EVENTS)
    assert "can't be written" in caplog.text


def test_what_a_server_missed_is_sent_again_as_the_page_says(mesh: MeshSettings, listening: Listening) -> None:
    page = (REPOSITORY / "docs" / "interchange.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    outbox.emit(mesh, EVENTS)
    environment = {"PATH": os.environ["PATH"], "OPENLINEAGE_URL": listening.url, "MESH_HOME": str(mesh.home)}
    subprocess.run(["bash", "-c", script], env=environment, check=True, capture_output=True, timeout=60)
    assert listening.got == EVENTS


def test_the_folder_is_for_the_platform_s_account_alone(mesh: MeshSettings) -> None:
    file = outbox.events_file(mesh)
    file.parent.mkdir(parents=True, mode=0o755, exist_ok=True)
    outbox.append(file, [{"eventType": "START"}])
    assert not [str(place) for place in (file.parent, *file.parent.iterdir()) if place.stat().st_mode & 0o077]
