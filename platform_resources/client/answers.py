"""What a door gives back: the facts of an answer, and its rows, which may still be on their way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Facts:
    """What is known of an answer before its first row."""

    publication: int | None  # None: of SQL over several ports
    contract_version: str | None = None
    masked: tuple[str, ...] = ()
    notice: str | None = None  # that the port is deprecated
    etag: str | None = None  # names the publication and what this reader sees of it
    cached: bool = False  # the rows come from the local cache
    stale: bool = False  # the mesh could not be asked whether they still hold


class Rows(Protocol):
    """The rows of one answer. They are read once, whole or in batches; then it is closed."""

    def batches(self) -> Iterator[pa.RecordBatch]: ...

    def table(self) -> pa.Table: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Answer:
    facts: Facts
    rows: Rows
