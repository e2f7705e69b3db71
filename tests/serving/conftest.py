"""A real server over a guarded mesh: uvicorn in a thread on a free port, a client for each identity, its log kept."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import uvicorn

from platform_resources.access import Access
from platform_resources.serving import create_app
from tests.guarded import GuardedMesh, make_mesh

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # servers of tests speak HTTP; a client's own takes 20 ms to make
READERS = ("ana", "desk", "reggie", "nobody")
DATA = "/api/v1/products/shop/customers/v1/data"


class KeptLog(logging.Handler):
    """All that the server's process logs, formatted with its traces; what the HTTP client of the tests logs is not."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(("httpx", "httpcore")):
            self.lines.append(self.format(record))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass
class Api:
    """`url` is the server's root without a slash at its end; `clients` has an `httpx.Client` with a token for each of
    ana, desk, reggie and nobody (`anonymous` shows none). `mesh` is the mesh that it serves, by an `Access` of its own.
    """

    url: str
    mesh: GuardedMesh
    log: KeptLog
    clients: dict[str, httpx.Client] = field(default_factory=dict)

    def client(self, token: str | None = None) -> httpx.Client:
        """A client that shows a token; the caller closes it."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False, verify=NO_TLS)

    def get(self, who: str, path: str = DATA, **options: object) -> httpx.Response:
        return self.clients[who].get(path, **options)


@contextmanager
def run_server(app: object, **config: object) -> Iterator[str]:
    """Serve an ASGI app from a thread; yields its URL. It must end within ten seconds."""
    server = uvicorn.Server(uvicorn.Config(app, loop="asyncio", log_config=None, access_log=False, **config))
    listening = socket.socket(proto=socket.IPPROTO_TCP)  # else asyncio sets no TCP_NODELAY: 40 ms an answer
    listening.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive(), "the server did not end"


@contextmanager
def serve(mesh: GuardedMesh, **options: object) -> Iterator[Api]:
    """Serve a mesh; `options` go to `create_app`."""
    log = KeptLog()
    root = logging.getLogger()
    root.addHandler(log)
    level = root.level
    root.setLevel(logging.INFO)
    try:
        access = Access(mesh.settings, personas=False)
        app = create_app(mesh.settings, access=access, **options)
        with ExitStack() as first, run_server(app) as url, ExitStack() as stack:
            first.callback(access.close)
            api = Api(url, mesh, log)
            for who in READERS:
                api.clients[who] = stack.enter_context(api.client(mesh.tokens.get(who) or mesh.token(who)))
            api.clients["anonymous"] = stack.enter_context(api.client())
            yield api
    finally:
        root.setLevel(level)
        root.removeHandler(log)


@contextmanager
def served_mesh(folder: Path) -> Iterator[Api]:
    """A guarded mesh made in a folder, and its server (0.8 s)."""
    mesh = make_mesh(folder)
    try:
        with serve(mesh) as served:
            yield served
    finally:
        mesh.access.close()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A mesh and a server of this test's own: may be published to, granted, revoked."""
    with served_mesh(tmp_path) as served:
        yield served


@pytest.fixture(scope="module")
def reading_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One for all tests of a module that only read."""
    with served_mesh(tmp_path_factory.mktemp("mesh")) as served:
        yield served
