"""Where OpenLineage events go: always to a file, and to a server where one is configured.

The file is `$MESH_HOME/openlineage/events.ndjson`, one event a line, for its owner alone: it names every product. At
`FILE_BYTES` it becomes `events.1.ndjson`, and so on; of `FILES` the oldest goes.

A server is whatever openlineage-python is told: `OPENLINEAGE_URL`, `OPENLINEAGE_CONFIG`, `openlineage.yml`, and
`OPENLINEAGE_DISABLED=true`, which also stops the file. A thread sends, so no build waits for a server; an event that
can't be sent is told in the log and stands in the file. The first failure ends sending for `PAUSE_SECONDS`.
"""

from __future__ import annotations

import atexit
import copy
import fcntl
import json
import logging
import os
import queue
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platform_resources.lake import MeshSettings
from platform_resources.lake.folders import own_folder

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient

log = logging.getLogger("mesh.openlineage")

FILE_BYTES = (
    16 * 1024 * 1024
)  # a build and a publication of 25 columns are 30 KB: a week of ticks that change something
FILES = 4  # so at most 64 MB
TIMEOUT_SECONDS = 2.0
PAUSE_SECONDS = 60.0
_MOST_WAITING = 1000  # events; more are left to the file
_FLAG = "OPENLINEAGE_DISABLED"


def is_disabled() -> bool:
    return os.environ.get(_FLAG, "").strip().lower() == "true"


def events_file(settings: MeshSettings) -> Path:
    return settings.home / "openlineage" / "events.ndjson"


def emit(settings: MeshSettings, events: Iterable[dict[str, Any]]) -> None:
    """Write events down and hand them to the sender; whatever goes wrong is told in the log and stops nobody."""
    told = list(events)
    if not told or is_disabled():
        return
    try:
        append(events_file(settings), told)
    except OSError as error:
        log.warning("OpenLineage events can't be written to %s: %s", events_file(settings), error.strerror)
    if server_is_configured():
        _sender().put(told)


def append(file: Path, events: Iterable[dict[str, Any]]) -> None:
    """Add events to a file, which is turned over when it is full; safe between processes."""
    lines = "".join(json.dumps(event, sort_keys=True, ensure_ascii=False) + "\n" for event in events).encode()
    own_folder(file.parent)
    with os.fdopen(os.open(file.parent / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if file.exists() and file.stat().st_size + len(lines) > FILE_BYTES:
            _turn_over(file)
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "ab") as out:
            out.write(lines)


def _turn_over(file: Path) -> None:
    names = [file, *(file.with_name(f"{file.stem}.{number}{file.suffix}") for number in range(1, FILES))]
    for older, newer in zip(reversed(names[1:]), reversed(names[:-1]), strict=True):
        if newer.exists():
            newer.replace(older)


def server_is_configured() -> bool:
    """Whether the client would send anywhere, by the places that it looks into; without importing it (0.2 s of CPU)."""
    if any(
        name in ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG") or name.startswith("OPENLINEAGE__") for name in os.environ
    ):
        return True
    return any((folder / "openlineage.yml").is_file() for folder in (Path.cwd(), Path.home() / ".openlineage"))


def flush(seconds: float = TIMEOUT_SECONDS) -> bool:
    """Wait until everything was sent, or given up; False when the time was not enough."""
    return _kept is None or _kept.flush(seconds)


class Sender:
    """A thread that sends in order; the process may end without it."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[dict[str, Any]] = queue.Queue(_MOST_WAITING)
        self._client: OpenLineageClient | None = None
        self._paused_until = 0.0
        threading.Thread(target=self._run, name="openlineage", daemon=True).start()

    def put(self, events: Iterable[dict[str, Any]]) -> None:
        for event in events:
            try:
                self._waiting.put_nowait(event)
            except queue.Full:
                log.warning("OpenLineage: too many events wait for the server; the file has this one too")
                return

    def flush(self, seconds: float) -> bool:
        with self._waiting.all_tasks_done:
            return self._waiting.all_tasks_done.wait_for(lambda: not self._waiting.unfinished_tasks, seconds)

    def _run(self) -> None:
        while True:
            event = self._waiting.get()
            if time.monotonic() >= self._paused_until:
                self._send(event)
            self._waiting.task_done()

    def _send(self, event: dict[str, Any]) -> None:
        try:
            if self._client is None:
                self._client = impatient_client()
            self._client.emit(as_client_event(event))
        except Exception as error:  # noqa: BLE001  (a transport may raise anything; a build must not end with it)
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            log.warning(
                "OpenLineage events can't be sent (%s); sending rests for %d s, the file has them all",
                type(error).__name__,
                PAUSE_SECONDS,
            )


_kept: Sender | None = None
_lock = threading.Lock()


def _sender() -> Sender:
    global _kept
    with _lock:
        if _kept is None:
            _kept = Sender()
            atexit.register(flush)
        return _kept


def impatient_client() -> OpenLineageClient:
    """The client as its environment configures it; HTTP waits `TIMEOUT_SECONDS` at most and is not tried again."""
    from openlineage.client import OpenLineageClient  # noqa: PLC0415  (0.2 s of CPU that only sending pays)
    from openlineage.client.transport.http import HttpTransport  # noqa: PLC0415

    client = OpenLineageClient()
    for transport in getattr(client.transport, "transports", [client.transport]):
        if isinstance(transport, HttpTransport):
            transport.timeout = min(transport.timeout, TIMEOUT_SECONDS)
            transport.config.retry = {**transport.config.retry, "total": 0, "connect": 0, "read": 0}
    return client


def as_client_event(event: dict[str, Any]) -> Any:
    """An event in the client's classes, which its `emit` asks for; a copy, since the client adds facets of its own."""
    from openlineage.client import event_v2 as classes  # noqa: PLC0415

    event = copy.deepcopy(event)
    said = {"eventTime": event["eventTime"], "producer": event["producer"]}
    if "dataset" in event:
        return classes.DatasetEvent(dataset=classes.StaticDataset(**event["dataset"]), **said)
    return classes.RunEvent(
        eventType=classes.RunState(event["eventType"]),
        run=classes.Run(**event["run"]),
        job=classes.Job(**event["job"]),
        inputs=[classes.InputDataset(**dataset) for dataset in event["inputs"]],
        outputs=[classes.OutputDataset(**dataset) for dataset in event["outputs"]],
        **said,
    )
