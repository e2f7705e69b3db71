"""A landed Parquet file, looked at before it is trusted: readable, of the promised columns, and when it was extracted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from platform_resources.contracts.model import Contract

_MAX_BYTES = 4 << 30  # a batch is minutes of data; a file of more than 4 GiB is a mistake of its sender


@dataclass(frozen=True)
class LandedFile:
    path: Path
    sha256: str
    bytes: int
    modified_ns: int
    rows: int
    extracted_at: datetime  # UTC: everything that happened before is in this or an earlier file


@dataclass(frozen=True)
class LedgerEntry:
    """What the ledger knows of a file name."""

    sha256: str
    bytes: int
    modified_ns: int
    outcome: str  # taken, duplicate, quarantined


class UnreadableFileError(ValueError):
    """A landed file that can't be taken as it is."""

    def __init__(self, file: LandedFile, reasons: tuple[str, ...]) -> None:
        super().__init__(f"{file.path.name}: {'; '.join(reasons)}")
        self.file = file
        self.reasons = reasons


def read_landed_file(con: duckdb.DuckDBPyConnection, path: Path, source: Contract) -> LandedFile:
    """Facts of a landed file.

    Raises
    ------
    UnreadableFileError
        when it is no whole Parquet file, or its columns are not those of the source's contract.
    """
    status = path.stat()
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    bare = LandedFile(path, digest, status.st_size, status.st_mtime_ns, 0, modified)
    if status.st_size == 0:
        raise UnreadableFileError(bare, ("the file is empty (0 bytes)",))
    if status.st_size > _MAX_BYTES:
        raise UnreadableFileError(bare, (f"the file is larger than {_MAX_BYTES >> 30} GiB",))
    try:
        columns = con.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
        rows = con.execute("SELECT num_rows FROM parquet_file_metadata(?)", [str(path)]).fetchone()[0]
        stamp = con.execute(
            "SELECT decode(value) FROM parquet_kv_metadata(?) WHERE decode(key) = 'extracted_at'", [str(path)]
        ).fetchone()
    except duckdb.Error as error:
        reason = f"not a whole Parquet file: {str(error).splitlines()[0]}"
        raise UnreadableFileError(bare, (reason,)) from None
    reasons = _column_findings({name: type_ for name, type_, *_ in columns}, source)
    if reasons:
        raise UnreadableFileError(bare, reasons)
    extracted_at = modified if stamp is None else datetime.fromisoformat(stamp[0]).astimezone(UTC)
    return LandedFile(path, digest, status.st_size, status.st_mtime_ns, rows, extracted_at)


def _column_findings(found: dict[str, str], source: Contract) -> tuple[str, ...]:
    """Missing columns and wrong types; a column that the contract does not know is left unread, not refused."""
    reasons = []
    for column in source.table.columns:
        if column.name not in found:
            reasons.append(f"column {column.name} is missing; the contract {source.file.name} promises it")
        elif column.physical_type and found[column.name].upper() != column.physical_type.upper():
            reasons.append(
                f"column {column.name} is {found[column.name]}, the contract {source.file.name} says "
                f"{column.physical_type}"
            )
    return tuple(reasons)
