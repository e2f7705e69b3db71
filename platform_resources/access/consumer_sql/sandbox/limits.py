"""What one query of a consumer may use."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class SqlLimits:
    """Of one query. Time counts from the start of the worker's job to its last byte, waiting for a place not.

    An answer that reaches `rows` or `bytes` ends there and is told as truncated; the others end the query.
    """

    seconds: float = 30.0
    memory: int = 1024 * MIB  # bytes, of DuckDB; the process may map as much again
    rows: int = 1_000_000
    bytes: int = 256 * MIB  # of the answer in Arrow's memory form
    wait: float = 30.0  # seconds that a query waits for a place
