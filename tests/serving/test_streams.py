"""Answers that are sent while they are computed: readers who leave, errors half-way, the end of the server."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pyarrow as pa
import pytest
from starlette.types import Receive, Scope, Send

from platform_resources.access.errors import UnavailableError
from platform_resources.serving.encoding import arrow_pieces, chunks
from platform_resources.serving.limits import ApiLimits, Threads
from platform_resources.serving.streams import StreamedAnswer
from tests.guarded import make_mesh
from tests.serving.conftest import DATA, Api, KeptLog, run_server, serve

MANY = """SELECT i, 'north', 'CANARY-' || i || '@canary.example', 'CANARY-name', 'CANARY-card', 909000000 + i,
    i / 10, DATE '2026-01-01' FROM range(1, {rows} + 1) AS numbers(i)"""


@pytest.fixture(scope="module")
def wide_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A port of 400,000 rows, and a server that lets a credential read two streams at once."""
    mesh = make_mesh(tmp_path_factory.mktemp("mesh"))
    mesh.publish(MANY.format(rows=400_000))
    try:
        with serve(mesh, limits=ApiLimits(streams=2)) as served:
            yield served
    finally:
        mesh.access.close()


def begin(api: Api, form: str) -> socket.socket:
    """A connection that asked for all rows as desk does, and has read the first bytes of the answer."""
    address = urlsplit(api.url)
    connection = socket.create_connection((address.hostname, address.port))
    token = api.mesh.tokens["desk"]
    asked = f"GET {DATA}?format={form} HTTP/1.1\r\nHost: mesh\r\nAuthorization: Bearer {token}\r\n\r\n"
    connection.sendall(asked.encode())
    assert connection.recv(2000).startswith(b"HTTP/1.1 200")
    return connection


def outcomes(api: Api) -> list[str]:
    return [entry.record["outcome"] for entry in api.mesh.access.audit.entries(kind="served", actor="desk")]


@pytest.mark.parametrize("form", ["arrow", "ndjson", "csv", "parquet"])
def test_a_long_answer_is_whole(wide_api: Api, form: str) -> None:
    answer = wide_api.get("desk", params={"format": form, "columns": "customer_id"})
    assert answer.headers["Transfer-Encoding"] == "chunked"
    if form == "arrow":
        assert pa.ipc.open_stream(answer.content).read_all().num_rows == 400_000
    elif form != "parquet":
        assert answer.text.count("\n") == 400_000 + (form == "csv")


def test_a_reader_who_leaves_frees_everything_at_once(wide_api: Api) -> None:
    for left in range(1, 4):  # more than may be open at once
        begin(wide_api, "arrow").close()
        deadline = time.monotonic() + 20
        while outcomes(wide_api).count("closed") < left and time.monotonic() < deadline:
            time.sleep(0.02)
        assert outcomes(wide_api).count("closed") == left


def test_more_streams_than_one_may_hold_are_refused_and_small_reads_go_on(wide_api: Api) -> None:
    held = [begin(wide_api, "ndjson"), begin(wide_api, "csv")]
    refused = wide_api.get("desk", params={"format": "arrow"})
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-requests")
    assert int(refused.headers["Retry-After"]) >= 1
    assert wide_api.get("desk", params={"limit": 1}).status_code == 200
    assert wide_api.get("ana", params={"limit": 1, "format": "arrow"}).status_code == 200
    for connection in held:
        connection.close()


def test_streams_are_counted_by_identity_not_by_token(wide_api: Api) -> None:
    held = [begin(wide_api, "ndjson"), begin(wide_api, "csv")]
    with wide_api.client(wide_api.mesh.token("desk")) as another:
        refused = another.get(DATA, params={"format": "arrow"})
        assert (refused.status_code, refused.json()["code"]) == (429, "too-many-requests")
    for connection in held:
        connection.close()


def test_a_reader_who_takes_nothing_is_cut_off(tmp_path: Path) -> None:
    mesh = make_mesh(tmp_path)
    mesh.publish(MANY.format(rows=400_000))
    with serve(mesh, limits=ApiLimits(streams=1, silent_seconds=1)) as api:
        silent = begin(api, "ndjson")
        deadline = time.monotonic() + 20
        while "closed" not in outcomes(api) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert outcomes(api) == ["closed"]
        assert "cut off: TimeoutError" in api.log.text
        silent.close()
        assert api.get("desk", params={"limit": 1, "format": "arrow"}).status_code == 200
    mesh.access.close()


def test_an_error_half_way_never_looks_like_a_whole_answer() -> None:
    schema = pa.schema([("a", pa.int64())])
    closed: list[bool] = []

    def batches() -> Iterator[pa.RecordBatch]:
        for _ in range(3):
            yield pa.record_batch([list(range(100_000))], schema=schema)
        raise UnavailableError("CANARY: the file is gone")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            rest = chunks(arrow_pieces(schema, batches()))
            first = next(rest)
            answer = StreamedAnswer(first, rest, lambda: closed.append(True), Threads(ApiLimits()), {}, "x/y")
            await answer(scope, receive, send)

    log = KeptLog()
    logging.getLogger().addHandler(log)
    with run_server(app, lifespan="off") as url, pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
        httpx.get(url, trust_env=False)
    logging.getLogger().removeHandler(log)
    assert closed == [True]
    assert "cut off: UnavailableError" in log.text
    assert "CANARY" not in log.text
