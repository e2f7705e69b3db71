"""What comes off the wire: answers that are cut, servers that are busy or gone. By a real server that misbehaves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pytest

from platform_resources.client import (
    BadQueryError,
    Mesh,
    StaleWarning,
    TruncatedError,
    UnauthenticatedError,
    UnavailableError,
)

PORT = "shop.customers.v1"
TABLE = pa.table({"customer_id": pa.array(range(5000), pa.int64()), "region": ["north"] * 5000})


def arrow(table: pa.Table = TABLE) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=500)
    return sink.getvalue().to_pybytes()


Answer = Callable[[BaseHTTPRequestHandler, int], None]


@contextmanager
def answering(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """A server whose every GET is answered by `answer(handler, number of the request)`; its URL and what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(self.path)
            answer(self, len(asked))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def head(handler: BaseHTTPRequestHandler, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Mesh-Publication": "7", "ETag": '"7-a"', **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


def whole(handler: BaseHTTPRequestHandler, *_: int) -> None:
    body = arrow()
    head(handler, Content_Length=str(len(body)))
    handler.wfile.write(body)


def chunked(*chunks: bytes, end: bool) -> Answer:
    def answer(handler: BaseHTTPRequestHandler, *_: int) -> None:
        head(handler, Transfer_Encoding="chunked")
        for chunk in chunks:
            handler.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        if end:
            handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True

    return answer


def until_closed(body: bytes) -> Answer:
    def answer(handler: BaseHTTPRequestHandler, *_: int) -> None:
        head(handler, Connection="close")
        handler.wfile.write(body)
        handler.close_connection = True

    return answer


def cut_length(handler: BaseHTTPRequestHandler, *_: int) -> None:
    body = arrow()
    head(handler, Content_Length=str(len(body)))
    handler.wfile.write(body[:-100])
    handler.close_connection = True


def between_messages() -> bytes:
    """All but the end mark: a body whose every message is whole, as a proxy leaves that lost its server."""
    return arrow()[:-8]


CUTS = {
    "content-length": cut_length,
    "chunks without an end": chunked(arrow()[:20_000], end=False),
    "chunks with an end, between two messages": chunked(between_messages(), end=True),
    "chunks with an end, within a message": chunked(arrow()[:20_001], end=True),
    "connection closed between two messages": until_closed(between_messages()),
    "connection closed within a message": until_closed(arrow()[:777]),
    "nothing at all": until_closed(b""),
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MESH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("cut", CUTS)
def test_an_answer_that_is_cut_is_an_error(cut: str, kept: bool, cache: Path) -> None:
    with answering(CUTS[cut]) as (url, _), Mesh(url, token="t", cache=kept) as mesh:
        with pytest.raises(TruncatedError):
            mesh.read(PORT).arrow()
        with pytest.raises(TruncatedError):
            list(mesh.read(PORT).batches())
    assert not [file for file in cache.rglob("*") if file.is_file()]


def test_a_cut_answer_leaves_what_was_kept(cache: Path) -> None:
    def first_whole(handler: BaseHTTPRequestHandler, number: int) -> None:
        whole(handler) if number == 1 else cut_length(handler)

    with answering(first_whole) as (url, asked):
        with Mesh(url, token="t") as mesh:
            assert mesh.read(PORT).arrow().equals(TABLE)
            with pytest.raises(TruncatedError):
                mesh.read(PORT).arrow()
        with Mesh(url, token="t", max_age=60) as mesh:
            assert mesh.read(PORT).arrow().equals(TABLE)
    assert len(asked) == 2


def test_whole_answers_come_however_they_are_sent() -> None:
    pieces = [arrow()[at : at + 3] for at in range(0, len(arrow()), 3)][:5000]
    rest = arrow()[sum(map(len, pieces)) :]
    for answer in (whole, chunked(*pieces, *([rest] if rest else []), end=True), until_closed(arrow())):
        with answering(answer) as (url, _), Mesh(url, token="t", cache=False) as mesh:
            assert mesh.read(PORT).arrow().equals(TABLE)
            assert pa.Table.from_batches(mesh.read(PORT).batches()).equals(TABLE)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_after_the_time_that_it_names(status: int) -> None:
    def busy_twice(handler: BaseHTTPRequestHandler, number: int) -> None:
        head(handler, status, Retry_After="0", Content_Length="0") if number < 3 else whole(handler)

    with answering(busy_twice) as (url, asked), Mesh(url, token="t") as mesh:
        assert mesh.read(PORT).arrow().num_rows == 5000
    assert len(asked) == 3


def test_a_server_that_stays_busy_or_asks_for_too_long_is_an_error() -> None:
    for wait, asks in (("0", 4), ("3600", 1)):

        def busy(handler: BaseHTTPRequestHandler, _: int, wait: str = wait) -> None:
            head(handler, 503, Retry_After=wait, Content_Length="0")

        with answering(busy) as (url, asked), Mesh(url, token="t") as mesh:
            with pytest.raises(UnavailableError) as refused:
                mesh.read(PORT)
            assert refused.value.status == 503
            assert len(asked) == asks


def test_other_refusals_are_not_repeated_and_tell_what_the_server_says() -> None:
    problem = b'{"code": "bad-query", "detail": "there is no column x.", "remedy": "Columns: a", "columns": ["a"]}'

    def refuse(handler: BaseHTTPRequestHandler, _: int) -> None:
        head(handler, 400, Content_Type="application/problem+json", Content_Length=str(len(problem)))
        handler.wfile.write(problem)

    with answering(refuse) as (url, asked), Mesh(url, token="t") as mesh, pytest.raises(BadQueryError) as refused:
        mesh.read(PORT)
    assert (refused.value.code, refused.value.remedy) == ("bad-query", "Columns: a")
    assert refused.value.facts == {"columns": ["a"]}
    assert str(refused.value) == "there is no column x. Columns: a"
    assert len(asked) == 1


def test_a_token_does_not_follow_to_another_server() -> None:
    with answering(whole) as (elsewhere, reached):

        def move(handler: BaseHTTPRequestHandler, _: int) -> None:
            head(handler, 302, Location=f"{elsewhere}/api/v1/products/shop/customers/v1/data", Content_Length="0")

        with answering(move) as (url, _), Mesh(url, token="t") as mesh, pytest.raises(Exception, match="302"):
            mesh.read(PORT)
    assert reached == []


def test_a_server_that_is_gone_is_an_error_and_what_was_read_last_on_demand() -> None:
    with answering(whole) as (url, _), Mesh(url, token="t") as mesh:
        mesh.read(PORT).arrow()
    with Mesh(url, token="t") as mesh, pytest.raises(UnavailableError, match="can't be reached"):
        mesh.read(PORT)
    with Mesh(url, token="t", offline_ok=True) as mesh:
        with pytest.warns(StaleWarning):
            reading = mesh.read(PORT)
        assert reading.stale
        assert reading.arrow().equals(TABLE)
        assert "STALE" in repr(reading)
        with pytest.raises(UnavailableError):
            mesh.read(PORT, limit=1)  # never read before
    with Mesh(url, token="other", offline_ok=True) as mesh, pytest.raises(UnavailableError):
        mesh.read(PORT)  # what another identity read is nobody else's


def test_the_address_that_serve_prints_is_that_of_the_mesh() -> None:
    for end in ("", "/", "/api/v1", "/api/v1/"):
        with answering(whole) as (url, asked), Mesh(url + end, token="t", cache=False) as mesh:
            assert mesh.read(PORT).arrow().num_rows == 5000
        assert [path.partition("?")[0] for path in asked] == ["/api/v1/products/shop/customers/v1/data"]


def test_a_token_may_come_with_the_line_end_of_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESH_TOKEN", "from-the-environment\r\n")
    for given in ("t\n", None):
        with answering(whole) as (url, _), Mesh(url, token=given, cache=False) as mesh:
            assert mesh.read(PORT).arrow().num_rows == 5000


@pytest.mark.parametrize("token", ["a b", "a\nb", "tökén", "a\0"])
def test_what_can_be_no_token_is_told_without_asking_the_server(token: str) -> None:
    with answering(whole) as (url, asked), pytest.raises(UnauthenticatedError, match="the token holds") as refused:
        Mesh(url, token=token)
    assert token not in str(refused.value)
    assert asked == []
