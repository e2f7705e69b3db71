"""A one-shot worker: waits for one job, answers it, ends. It sees masked copies and a consumer's SQL, nothing else."""

from __future__ import annotations

import json
import os
import socket
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
        con.execute(_SEAL.format(memory=int(job["memory"])))
        confinement.close_in(job["seconds"], job["memory"], parent)
        reader = con.execute(job["sql"]).to_arrow_reader(_BATCH_ROWS)
        _send(to, reader.schema, None)
        truncated = _stream(reader, to, job["rows"], job["bytes"])
    except (duckdb.Error, pa.ArrowException, MemoryError) as error:
        told = {"kind": type(error).__name__, "message": str(error)[:4096]}
        wire.send(to, wire.ERROR, json.dumps(told).encode())
    else:
        wire.send(to, wire.DONE, json.dumps({"truncated": truncated}).encode())


def _stream(reader: pa.RecordBatchReader, to: socket.socket, rows: int, size: int) -> bool:
    """Send batches until a limit is reached; returns whether something was left out."""
    for batch in reader:
        if batch.num_rows > rows:
            if rows:
                _send(to, reader.schema, batch.slice(0, rows))
            return True
        size -= batch.nbytes
        if size < 0:
            return True
        rows -= batch.num_rows
        if batch.num_rows:
            _send(to, reader.schema, batch)
    return False


def _send(to: socket.socket, schema: pa.Schema, batch: pa.RecordBatch | None) -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        if batch is not None:
            writer.write_batch(batch)
    wire.send(to, wire.BATCH, memoryview(sink.getvalue()))
