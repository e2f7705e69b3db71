"""Record batches as bytes, piece by piece: Arrow IPC streams, Parquet files; and pieces put together for a socket."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from platform_resources.serving.problems import NotAcceptableError

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK_BYTES = 1 << 20  # each chunk costs two hand-offs between threads, 0.2 ms
_CHUNK_SECONDS = 0.25  # what is there is sent after so long
_ROW_GROUP = 122_880  # rows, as DuckDB writes them: the most that a Parquet answer holds in memory


def arrow_pieces(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """An Arrow IPC stream. Only a whole one has its end-of-stream mark."""
    import pyarrow as pa  # noqa: PLC0415  (40 ms, and only here)

    sink = _Sink()
    writer = pa.ipc.new_stream(pa.PythonFile(sink, "w"), schema)
    for number, batch in enumerate(batches):
        writer.write_batch(batch)
        if number == 0:  # with the schema, in one piece: an error until here can still be told
            yield sink.taken()
        else:  # as they are: they are put together once, in `chunks`
            yield from sink.parts()
    writer.close()
    yield sink.taken()


def parquet_pieces(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """A Parquet file, a row group at a time.

    Raises
    ------
    NotAcceptableError
        when Parquet has no form for a type.
    """
    import pyarrow as pa  # noqa: PLC0415  (40 ms, and only here)
    import pyarrow.parquet as pq  # noqa: PLC0415

    sink = _Sink()
    try:
        writer = pq.ParquetWriter(pa.PythonFile(sink, "w"), schema, compression="zstd")
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        raise NotAcceptableError(
            "a column's type has no form in Parquet", "Ask for Arrow, or leave the column out."
        ) from None
    kept: list[pa.RecordBatch] = []
    for batch in batches:
        kept.append(batch)
        if sum(one.num_rows for one in kept) >= _ROW_GROUP:
            writer.write_table(pa.Table.from_batches(kept, schema))
            kept.clear()
            yield sink.taken()
    if kept:
        writer.write_table(pa.Table.from_batches(kept, schema))
    writer.close()
    yield sink.taken()


def chunks(pieces: Iterable[bytes | memoryview], at_once: bool = True) -> Iterator[bytes]:
    """Pieces put together: the first one `at_once`, then about 1 MB each; never an empty one."""
    waiting: list[bytes | memoryview] = []
    size, since, threshold = 0, time.monotonic(), 1 if at_once else _CHUNK_BYTES
    for piece in pieces:
        if not piece:
            continue
        waiting.append(piece)
        size += len(piece)
        late = at_once and time.monotonic() - since > _CHUNK_SECONDS
        if size >= threshold or late:
            yield b"".join(waiting)
            waiting = []
            size, since, threshold = 0, time.monotonic(), _CHUNK_BYTES
    if waiting:
        yield b"".join(waiting)


class _Sink(io.RawIOBase):
    """A file that is taken away as it is written."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._parts.append(bytes(data))
        return len(data)

    def parts(self) -> list[bytes]:
        parts, self._parts = self._parts, []
        return parts

    def taken(self) -> bytes:
        return b"".join(self.parts())
