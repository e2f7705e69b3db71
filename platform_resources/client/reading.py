"""The answer to one read, in the frame that the reader works with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from platform_resources.client.answers import Answer, Facts
from platform_resources.client.errors import MeshError

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow as pa

_SHOWN_ROWS = 5
_SHOWN_WIDTH = 24


class Reading:
    """The rows of a port as one reader sees them, all of one publication.

    `arrow()`, `pandas()`, `polars()`, `duckdb()` and iteration (rows as dicts) read them whole, once. `batches()`
    streams them: memory stays flat, nothing is kept. Rows are fetched when they are first asked for; that the read is
    allowed is known as soon as there is a `Reading`.
    """

    def __init__(self, name: str, answer: Answer, again: Callable[[Facts], Answer]) -> None:
        self.name = name  # address of the port
        self._answer: Answer | None = answer
        self._facts = answer.facts
        self._again = again  # asks anew, for the same publication
        self._table: pa.Table | None = None

    @property
    def publication(self) -> int | None:
        """Number of the publication that is read; None for SQL, which may read several ports."""
        return self._facts.publication

    @property
    def contract_version(self) -> str | None:
        return self._facts.contract_version

    @property
    def masked(self) -> tuple[str, ...]:
        """Columns that are masked for this reader."""
        return self._facts.masked

    @property
    def notice(self) -> str | None:
        """That the port is deprecated and until when it is served; None for one that isn't."""
        return self._facts.notice

    @property
    def cached(self) -> bool:
        """Whether the rows come from the local cache; unless `stale`, the mesh said that they still hold."""
        return self._facts.cached

    @property
    def stale(self) -> bool:
        """Whether the mesh could not be asked, and this is what was read last (`offline_ok`)."""
        return self._facts.stale

    @property
    def schema(self) -> pa.Schema:
        return self.arrow().schema

    def arrow(self) -> pa.Table:
        """All rows as a `pyarrow.Table`."""
        if self._table is None:
            answer = self._take()
            try:
                self._table = answer.rows.table()
            finally:
                answer.rows.close()
        return self._table

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows as record batches, while they arrive; nothing is kept, neither here nor in the cache."""
        if self._table is not None:
            yield from self._table.to_batches()
            return
        answer = self._take()
        try:
            yield from answer.rows.batches()
        finally:
            answer.rows.close()

    def pandas(self) -> pd.DataFrame:
        """All rows as a pandas frame; null in a column of integers makes it one of floats, as pandas does."""
        _need("pandas")
        return self.arrow().to_pandas()

    def polars(self) -> pl.DataFrame:
        """All rows as a polars frame."""
        return _need("polars").from_arrow(self.arrow())

    def duckdb(self, con: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyRelation:
        """All rows as a DuckDB relation, on a connection of yours or one that is made in memory."""
        con = _need("duckdb").connect() if con is None else con
        return con.from_arrow(self.arrow())

    def close(self) -> None:
        """Let go of rows that were not read."""
        if self._answer is not None:
            self._answer.rows.close()
            self._answer = None

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self.arrow().num_rows

    def __bool__(self) -> bool:
        return True  # not the number of rows: that would read them

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self.arrow().to_batches():
            yield from batch.to_pylist()

    def __repr__(self) -> str:
        told = [self.name]
        if self.publication is not None:
            told.append(f"#{self.publication}")
        if self.masked:
            told.append(f"masked: {', '.join(self.masked)}")
        if self.notice:
            told.append(self.notice)
        if self.stale:
            told.append("STALE")
        if self._table is None:
            return " · ".join([*told, "not read yet"])
        told.append(f"{self._table.num_rows:,} rows")
        return "\n".join([" · ".join(told), *_lines(self._table)])

    def _take(self) -> Answer:
        """The answer that came; once it was read, a new one of the same publication."""
        answer, self._answer = self._answer, None
        return self._again(self._facts) if answer is None else answer


def _need(library: str) -> Any:
    import importlib  # noqa: PLC0415  (frames are loaded when they are asked for)

    try:
        return importlib.import_module(library)
    except ModuleNotFoundError:
        raise MeshError(
            "not-installed", f"{library} is not installed", f"pip install {library}, or use arrow()"
        ) from None


def _lines(table: pa.Table) -> list[str]:
    """The first rows, in columns."""
    rows = zip(*(column.to_pylist() for column in table.slice(0, _SHOWN_ROWS).columns), strict=True)
    cells = [table.column_names, *(list(map(str, row)) for row in rows)]
    cut = [[cell if len(cell) <= _SHOWN_WIDTH else cell[: _SHOWN_WIDTH - 1] + "…" for cell in row] for row in cells]
    widths = [max(map(len, column)) for column in zip(*cut, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cut]
    return [*lines, "…"] if table.num_rows > _SHOWN_ROWS else lines
