"""Arrow IPC streams off the wire: an end that is cut off is an error, never a short result.

pyarrow takes a stream that ends between two messages for a whole one. A whole one ends with eight bytes of its own.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pyarrow as pa

from platform_resources.client.errors import TruncatedError

END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_CHUNK = 1 << 20  # bytes; an answer arrives in pieces of up to 64 KB


def truncated(name: str) -> TruncatedError:
    return TruncatedError("truncated", f"the answer of {name} was cut off", "Nothing of it was kept; read it again")


class StreamedRows:
    """The body of an HTTP answer, read once; flat memory in `batches`."""

    def __init__(self, name: str, response: httpx.Response) -> None:
        self._name = name
        self._response = response

    def chunks(self) -> Iterator[bytes]:
        """The bytes as they arrive, to their proven end.

        Raises
        ------
        TruncatedError
            when they stop before it.
        """
        last = b""
        try:
            for chunk in self._response.iter_raw():
                last = (last + chunk)[-len(END) :] if len(chunk) < len(END) else chunk[-len(END) :]
                yield chunk
        except httpx.HTTPError as error:
            raise truncated(self._name) from error
        if last != END:
            raise truncated(self._name)

    def table(self) -> pa.Table:
        with self._reader() as reader:  # half of the CPU time of joining the pieces first
            return reader.read_all()

    def batches(self) -> Iterator[pa.RecordBatch]:
        with self._reader() as reader:
            yield from reader

    @contextmanager
    def _reader(self) -> Iterator[pa.RecordBatchStreamReader]:
        """The body as Arrow; once it was read, the rest of the answer is, which proves that it was its end."""
        body = io.BufferedReader(_Body(self.chunks()), _CHUNK)
        try:
            with pa.ipc.open_stream(body) as reader:
                yield reader
            while body.read(_CHUNK):
                pass
        except pa.ArrowInvalid as error:
            raise truncated(self._name) from error

    def close(self) -> None:
        self._response.close()


def read_table(name: str, body: pa.Buffer) -> pa.Table:
    """The table in the bytes of a whole stream; they are not copied."""
    try:
        with pa.ipc.open_stream(body) as reader:
            return reader.read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise truncated(name) from error


class _Body(io.RawIOBase):
    """An iterator of bytes as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        taken = min(len(buffer), len(self._rest))
        buffer[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken
