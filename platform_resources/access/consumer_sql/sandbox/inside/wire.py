"""Frames between the trusted side and a worker, over a socket: one byte of kind, four of length, the body."""

from __future__ import annotations

import socket
import struct

HELLO = b"H"  # JSON: pid, what confines it
JOB = b"J"  # JSON: setup statements, sql, limits
BATCH = b"B"  # an Arrow IPC stream with one record batch; without one: the schema alone, first of all
TYPES = b"T"  # JSON, first of all when text is asked for: [name, type] of each column, a type being [kind, children]
RENDER = b"R"  # SQL, the answer to it: one column of text over the rows of `ROWS`
TEXT = b"X"  # four bytes: how many rows end in it; then their text, of which a long row may have several
ERROR = b"E"  # JSON: kind (DuckDB's name of the class), message
DONE = b"D"  # JSON: truncated

ROWS = "_rows"  # what a batch is called in `RENDER`
PIECE_BYTES = 1 << 20  # of text
ROW_BYTES = 32 << 20  # of a row in Arrow's form: the most that the trusted side holds of an answer at once
FIRST_COPY = 10  # descriptor of the first masked copy in a worker; the others follow
MAX_COPIES = 16
_HEADER = struct.Struct("!cI")
_COUNT = struct.Struct("!I")


def send(to: socket.socket, kind: bytes, body: bytes | memoryview) -> None:
    to.sendall(_HEADER.pack(kind, len(body)))
    to.sendall(body)


def send_text(to: socket.socket, rows: int, text: memoryview) -> None:
    to.sendall(_HEADER.pack(TEXT, _COUNT.size + len(text)) + _COUNT.pack(rows))
    to.sendall(text)


def text_of(body: bytearray) -> tuple[int, memoryview]:
    """What `send_text` sent: how many rows end in it, and the text."""
    (rows,) = _COUNT.unpack_from(body)
    return rows, memoryview(body)[_COUNT.size :]


def receive(source: socket.socket, largest: int) -> tuple[bytes, bytearray] | None:
    """The next frame; None when the other side is gone.

    Raises
    ------
    ValueError
        when the frame is larger than `largest` bytes.
    TimeoutError
        by the timeout of the socket.
    """
    header = _exactly(source, _HEADER.size)
    if header is None:
        return None
    kind, length = _HEADER.unpack(header)
    if length > largest:
        raise ValueError(f"a frame of {length:,} bytes")
    body = _exactly(source, length)
    return None if body is None else (kind, body)


def _exactly(source: socket.socket, length: int) -> bytearray | None:
    buffer = bytearray(length)
    view, filled = memoryview(buffer), 0
    while filled < length:
        try:
            count = source.recv_into(view[filled:])
        except ConnectionResetError:
            return None
        if count == 0:
            return None
        filled += count
    return buffer
