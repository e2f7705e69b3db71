"""Which of the new landed files are taken: judged one by one, as if each had landed alone, but mostly in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from platform_resources.contracts import Contract
from platform_resources.lake import INTERNAL_SCHEMA, qualified, quote_identifier
from platform_resources.pipeline.landed import LandedFile, UnreadableFileError, first_line, read_landed_file, scan
from platform_resources.pipeline.ledger import taken_before
from platform_resources.quality import compile_checks, evaluate

_VIEW = "landed"
# What of DuckDB's optimizer decides by statistics which rows are read, or answers by them alone.
_BY_FOOTERS = "filter_pushdown,statistics_propagation,join_filter_pushdown,row_group_pruner"


@dataclass
class Admission:
    """New files of one ingest, sorted by what is to become of them."""

    take: list[LandedFile] = field(default_factory=list)
    duplicates: list[LandedFile] = field(default_factory=list)
    refused: list[tuple[LandedFile, tuple[str, ...]]] = field(default_factory=list)


def admit(
    con: duckdb.DuckDBPyConnection, domain: str, source: Contract, paths: Sequence[Path], now: datetime
) -> Admission:
    """Sort new files by what is to become of them; nothing is written."""
    result, readable = Admission(), []
    for path in paths:
        try:
            readable.append(read_landed_file(con, path, source, now))
        except UnreadableFileError as error:
            result.refused.append((error.file, error.reasons))
        except FileNotFoundError:
            continue  # its sender took it back
    contents, names = taken_before(con, domain, source.table.name, readable)
    candidates = []
    for file in sorted(readable, key=lambda file: (file.extracted_at, file.name)):
        if file.sha256 in contents:
            result.duplicates.append(file)
        elif file.name in names:
            reason = "a file of this name was ingested with other content; land corrections under a new name"
            result.refused.append((file, (reason,)))
        else:
            contents.add(file.sha256)
            candidates.append(file)
    judge = _Judge(con, domain, source, now, result)
    with _every_row_is_read(con):
        if _judged_together(source):
            judge.sort(candidates)
        else:
            for file in candidates:
                judge.sort([file])
    con.execute(f"DROP VIEW IF EXISTS {_VIEW}")
    return result


@contextmanager
def _every_row_is_read(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """What footers say is not believed: others wrote these files, and DuckDB leaves out the rows that a footer denies.

    (With a wrong minimum even `count_if(x < 0)` of a column that holds -999 is 0.)
    """
    con.execute(f"SET disabled_optimizers = '{_BY_FOOTERS}'")
    try:
        yield
    finally:
        con.execute("RESET disabled_optimizers")


def _key_holds_over_files(source: Contract) -> bool:
    return bool(source.table.primary_key) and source.custom.get("keyScope", "feed") == "feed"


def _judged_together(source: Contract) -> bool:
    """Whether files that keep the contract together keep it one by one.

    So with rules that count bad rows and allow none. A share, an average or a number of rows may hold over many files
    though one of them breaks it.
    """
    blocking = [check for check in compile_checks(source) if check.severity == "error"]
    return all(check.operator == "mustBe" and check.threshold == 0 for check in blocking)


@dataclass
class _Judge:
    con: duckdb.DuckDBPyConnection
    domain: str
    source: Contract
    now: datetime
    result: Admission

    def sort(self, files: Sequence[LandedFile]) -> None:
        """Take or refuse files. Good ones cost one pass in all, each bad one a pass per halving."""
        if not files:
            return
        reasons = self._reasons(files)
        if not reasons:
            self.result.take.extend(files)
        elif len(files) == 1:
            self.result.refused.append((files[0], reasons))
        else:
            half = len(files) // 2
            self.sort(files[:half])
            self.sort(files[half:])

    def _reasons(self, files: Sequence[LandedFile]) -> tuple[str, ...]:
        """Why these files can't be taken together: damage, broken rules of the contract, rows delivered before."""
        self.con.execute(f"CREATE OR REPLACE TEMP VIEW {_VIEW} AS {scan(files, self.source)}")
        try:
            # A whole footer says nothing about the pages: every value is decoded once before any is written.
            self.con.execute(f"SELECT bit_xor(hash({_VIEW})) FROM {_VIEW}").fetchone()
        except duckdb.InterruptException:
            raise
        except duckdb.Error as error:
            return (f"damaged: {first_line(error)}",)
        audit = evaluate(self.con, self.source, _VIEW, now=self.now, data_as_of=self.now, allowed_tables=())
        reasons = [f"{r.name}: {r.message}" for r in audit.results if r.blocks]
        if not reasons and _key_holds_over_files(self.source):
            reasons = self._repeated_keys()
        return tuple(reasons)

    def _repeated_keys(self) -> list[str]:
        table = qualified(self.domain, INTERNAL_SCHEMA, self.source.table.name)
        others = [(f"SELECT * FROM {table}", "were delivered before in another file")]
        if self.result.take:
            others.append((scan(self.result.take, self.source), "stand in another new file too"))
        key = self.source.table.primary_key
        columns = ", ".join(quote_identifier(column) for column in key)
        reasons = []
        for rows, what in others:
            (repeated,) = self.con.execute(
                f"SELECT count(*) FROM {_VIEW} SEMI JOIN ({rows}) others USING ({columns})"
            ).fetchone()
            if repeated:
                reasons.append(f"primary_key: {repeated:,} of its rows ({', '.join(key)}) {what}")
        return reasons
