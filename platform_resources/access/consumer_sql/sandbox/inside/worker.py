"""A one-shot worker: waits for one job, answers it, ends. It sees masked copies and a consumer's SQL, nothing else."""

from __future__ import annotations

import json
import os
import socket
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

import confinement
import duckdb
import pyarrow as pa
import wire

_CONFIG = {
    "threads": "1",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_unsigned_extensions": "false",
    "allow_community_extensions": "false",
}
_SEAL = """
    SET TimeZone = 'UTC';
    SET memory_limit = '{memory}B';
    SET max_expression_depth = 500;
    SET temp_directory = '';
    SET python_enable_replacements = false;
    SET enable_external_access = false;
    SET lock_configuration = true;
"""
_BATCH_ROWS = 16_384
_MAX_JOB = 4 << 20
_FRAME_BYTES = 4 << 20  # of a batch that can be parted


class RowTooLargeError(Exception):
    """A row that the trusted side would not take."""


def serve(to: socket.socket, parent: int) -> None:
    """Live one life: confine, wait for a job, answer it."""
    held = confinement.leave_the_world(parent)
    con = duckdb.connect(config=_CONFIG)  # 7 ms, spent while nobody waits
    wire.send(to, wire.HELLO, json.dumps({"pid": os.getpid(), "confinement": held}).encode())
    copies = _copies(to)
    job = wire.receive(to, _MAX_JOB)
    if copies is None or job is None:
        return
    _answer(con, to, json.loads(job[1]), parent)


def _copies(source: socket.socket) -> int | None:
    """Take the descriptors of the masked copies and give them the numbers that the job's statements know."""
    message, descriptors, _, _ = socket.recv_fds(source, 1, wire.MAX_COPIES)
    if not message:
        return None
    spare = [os.dup2(d, wire.FIRST_COPY + wire.MAX_COPIES + i) for i, d in enumerate(descriptors)]
    for i, descriptor in enumerate(spare):
        os.dup2(descriptor, wire.FIRST_COPY + i)
        os.close(descriptor)
    return len(spare)


def _answer(con: duckdb.DuckDBPyConnection, to: socket.socket, job: dict[str, Any], parent: int) -> None:
    try:
        for statement in job["setup"]:
            con.execute(statement)
        writer = con.cursor()
        writer.execute("SET TimeZone = 'UTC'")
        con.execute(_SEAL.format(memory=int(job["memory"])))
        confinement.close_in(job["seconds"], job["memory"], parent)
        reader = con.execute(job["sql"]).to_arrow_reader(_BATCH_ROWS)
        if job["text"]:
            truncated = _stream_text(reader, writer, to, job["rows"], job["bytes"])
        else:
            _send(to, reader.schema, None)
            truncated = _stream(reader, to, job["rows"], job["bytes"])
    except (duckdb.Error, pa.ArrowException, MemoryError, RowTooLargeError) as error:
        told = {"kind": type(error).__name__, "message": str(error)[:4096]}
        wire.send(to, wire.ERROR, json.dumps(told).encode())
    else:
        wire.send(to, wire.DONE, json.dumps({"truncated": truncated}).encode())


def _stream(reader: pa.RecordBatchReader, to: socket.socket, rows: int, size: int) -> bool:
    """Send batches until a limit is reached; returns whether something was left out."""
    for batch in reader:
        for part in _parts(batch.slice(0, rows)):
            size -= part.nbytes
            if size < 0:
                return True
            _send(to, reader.schema, part)
        if batch.num_rows > rows:
            return True
        rows -= batch.num_rows
    return False


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch in parts that the trusted side takes; an empty one in none."""
    if batch.num_rows <= 1 or batch.nbytes <= _FRAME_BYTES:
        if batch.nbytes > wire.ROW_BYTES:
            raise RowTooLargeError
        if batch.num_rows:
            yield batch
        return
    half = batch.num_rows // 2
    yield from _parts(batch.slice(0, half))
    yield from _parts(batch.slice(half))


def _stream_text(
    reader: pa.RecordBatchReader, writer: duckdb.DuckDBPyConnection, to: socket.socket, rows: int, size: int
) -> bool:
    """The same as text, in the SQL that the trusted side makes of the columns' types."""
    names = [f"c{number}" for number in range(len(reader.schema))]  # a query may call two columns the same
    sql = _asked(writer, reader.schema, names, to)
    for batch in reader:
        kept = batch.slice(0, rows)
        if kept.num_rows:
            writer.register(wire.ROWS, kept.rename_columns(names))
            for text in writer.execute(sql).to_arrow_reader(_BATCH_ROWS):
                sent = _send_text(to, text.column(0), size)
                size -= sent
                if sent < 0:
                    return True
            writer.unregister(wire.ROWS)
        if batch.num_rows > rows:
            return True
        rows -= batch.num_rows
    return False


def _asked(writer: duckdb.DuckDBPyConnection, schema: pa.Schema, names: list[str], to: socket.socket) -> str:
    """Tell the columns, and get the SQL that writes them as text."""
    fields = [field.with_name(name) for field, name in zip(schema, names, strict=True)]
    writer.register(wire.ROWS, pa.RecordBatchReader.from_batches(pa.schema(fields, schema.metadata), []))
    described = writer.execute(f"SELECT * FROM {wire.ROWS}").description
    writer.unregister(wire.ROWS)
    told = [[name, _type(column[1])] for name, column in zip(schema.names, described, strict=True)]
    wire.send(to, wire.TYPES, json.dumps(told).encode())
    asked = wire.receive(to, _MAX_JOB)
    if asked is None:
        raise OSError("the trusted side asks no more")
    return asked[1].decode()


def _type(told: Any) -> list[Any]:
    """[kind, [[name, type], ...]] of one of DuckDB's types."""
    kind = "json" if str(told) == "JSON" else told.id
    nested = told.children if kind in ("list", "array", "struct", "map") else ()
    return [kind, [[name, _type(child)] for name, child in nested if not isinstance(child, int)]]


def _send_text(to: socket.socket, texts: pa.Array, most: int) -> int:
    """Send whole rows of at most `most` bytes; returns how many bytes, or -1 when a row was left out."""
    _, offsets, data = texts.buffers()
    places = memoryview(offsets).cast("q" if pa.types.is_large_string(texts.type) else "i")
    places = places[texts.offset : texts.offset + len(texts) + 1]
    rows = bisect_right(places, places[0] + most) - 1
    whole = memoryview(data)[places[0] : places[rows]] if data is not None else memoryview(b"")
    for start in range(0, len(whole), wire.PIECE_BYTES):
        piece = whole[start : start + wire.PIECE_BYTES]
        wire.send_text(to, rows if start + len(piece) == len(whole) else 0, piece)
    return len(whole) if rows == len(texts) else -1


def _send(to: socket.socket, schema: pa.Schema, batch: pa.RecordBatch | None) -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        if batch is not None:
            writer.write_batch(batch)
    wire.send(to, wire.BATCH, memoryview(sink.getvalue()))
