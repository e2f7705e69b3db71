"""A landed Parquet file, looked at before it is trusted: whole, of the promised columns, and when it was extracted."""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from platform_resources.contracts import Contract, contract_column_types
from platform_resources.lake import quote_identifier, quote_literal

FILE_COLUMN = "_mesh_landed_file"  # path of the file that a scanned row stands in
_MAX_BYTES = 4 << 30  # a batch is minutes of data; a file of more than 4 GiB is a mistake of its sender
# A clock or a time zone may be wrong by hours. A moment further ahead would make the data look fresh for as long.
_MAX_AHEAD = timedelta(days=2)
_KINDS = ((stat.S_ISDIR, "a directory"), (stat.S_ISLNK, "a symbolic link"))


@dataclass(frozen=True)
class LandedFile:
    path: Path
    sha256: str  # empty when the content could not be read
    bytes: int
    modified_ns: int
    inode: int
    rows: int
    extracted_at: datetime  # UTC: everything that happened before is in this or an earlier file
    columns: frozenset[tuple[str, str]] = frozenset()  # (name, type) of all its columns, promised or not

    @property
    def name(self) -> str:
        return printable(self.path.name)

    def is_unchanged(self) -> bool:
        """Whether the landing zone still holds exactly what was looked at."""
        try:
            status = self.path.lstat()
        except FileNotFoundError:
            return False
        return (status.st_size, status.st_mtime_ns, status.st_ino) == (self.bytes, self.modified_ns, self.inode)


class UnreadableFileError(ValueError):
    """A landed file that can't be taken as it is."""

    def __init__(self, file: LandedFile, reasons: tuple[str, ...]) -> None:
        super().__init__(f"{file.name}: {'; '.join(reasons)}")
        self.file = file
        self.reasons = reasons


def printable(name: str) -> str:
    """A file's name in UTF-8, whatever bytes it is made of."""
    return name if name.isascii() else name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def read_landed_file(con: duckdb.DuckDBPyConnection, path: Path, source: Contract, now: datetime) -> LandedFile:
    """Facts of a landed file.

    Raises
    ------
    UnreadableFileError
        when it is no whole Parquet file, or its columns are not those of the source's contract.
    FileNotFoundError
        when it is not there any more.
    """
    status = path.lstat()
    modified = min(datetime.fromtimestamp(status.st_mtime, UTC), now)

    def facts(digest: str = "", rows: int = 0, at: datetime = modified, columns: Iterable[tuple[str, str]] = ()):
        identity = (digest, status.st_size, status.st_mtime_ns, status.st_ino)
        return LandedFile(path, *identity, rows, at, frozenset(columns))

    if obstacle := _obstacle(path, status.st_mode, status.st_size):
        raise UnreadableFileError(facts(), (obstacle,))
    try:
        digest = _digest(path)
    except PermissionError as error:
        reason = f"it can't be read: {error.strerror}; the platform needs read permission"
        raise UnreadableFileError(facts(), (reason,)) from None
    if status.st_size == 0:
        raise UnreadableFileError(facts(digest), ("the file is empty (0 bytes)",))
    try:
        described = con.execute(f"DESCRIBE FROM {_read_parquet([path])}").fetchall()
        pattern = [_as_pattern(path)]
        rows = con.execute("SELECT num_rows FROM parquet_file_metadata(?)", pattern).fetchone()[0]
        stamp = con.execute(
            "SELECT decode(value) FROM parquet_kv_metadata(?) WHERE decode(key) = 'extracted_at'", pattern
        ).fetchone()
    except duckdb.Error as error:
        reason = f"not a whole Parquet file: {first_line(error)}"
        raise UnreadableFileError(facts(digest), (reason,)) from None
    columns = {name: type_ for name, type_, *_ in described}
    extracted_at, complaint = _extracted_at(stamp[0], now) if stamp else (modified, None)
    reasons = [*_column_findings(columns, source), *([complaint] if complaint else [])]
    if reasons:
        raise UnreadableFileError(facts(digest), tuple(reasons))
    return facts(digest, rows, extracted_at, columns.items())


def _obstacle(path: Path, mode: int, size: int) -> str | None:
    """Why the file is not even opened. Opening a pipe would wait for ever; a link may lead out of the landing zone."""
    if not stat.S_ISREG(mode):
        kind = next((name for test, name in _KINDS if test(mode)), "a pipe, socket or device")
        return f"it is {kind}, not a file"
    if printable(path.name) != path.name:
        return "its name is not UTF-8"
    if size > _MAX_BYTES:
        return f"the file is larger than {_MAX_BYTES >> 30} GiB"
    return None


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _extracted_at(text: str, now: datetime) -> tuple[datetime, str | None]:
    """The moment that the file says it was extracted at, and what is wrong with it."""
    form = "write it as ISO 8601 in UTC, as 2026-11-21T03:10:00Z"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return now, f"its extracted_at {text[:40]!r} is no moment; {form}"
    if moment.tzinfo is None:
        return now, f"its extracted_at {text!r} has no time zone; {form}"
    if moment > now + _MAX_AHEAD:
        return now, f"its extracted_at {text!r} lies in the future (now: {now:%Y-%m-%dT%H:%M:%SZ}); {form}"
    return moment.astimezone(UTC), None


def _column_findings(found: dict[str, str], source: Contract) -> list[str]:
    """Missing columns and wrong types; a column that the contract does not know is left unread, not refused."""
    delivered = {name.lower(): type_ for name, type_ in found.items()}  # DuckDB does not tell upper from lower case
    reasons, contract = [], source.file.name
    for name, promised in contract_column_types(source).items():
        type_ = delivered.get(name.lower())
        if type_ is None:
            reasons.append(f"column {name} is missing; the contract {contract} promises it")
        elif type_ != promised:
            reasons.append(f"column {name} is {type_}, the contract {contract} says {promised}")
    return reasons


def scan(files: Sequence[LandedFile], source: Contract, with_file: bool = False) -> str:
    """SELECT over the promised columns of some files, with the path of each row's file on demand.

    One read for each set of columns: what the contract does not know may differ from file to file.
    """
    columns = [quote_identifier(column.name) for column in source.table.columns]
    selected = ", ".join([*columns, FILE_COLUMN] if with_file else columns)
    alike: dict[frozenset[tuple[str, str]], list[Path]] = {}
    for file in files:
        alike.setdefault(file.columns, []).append(file.path)
    return " UNION ALL ".join(f"SELECT {selected} FROM {_read_parquet(paths, with_file)}" for paths in alike.values())


def _read_parquet(paths: Iterable[Path], with_file: bool = False) -> str:
    listed = ", ".join(quote_literal(_as_pattern(path)) for path in paths)
    # Columns come from the file alone, not from folders that happen to be called `key=value`.
    options = "hive_partitioning => false" + (f", filename => {quote_literal(FILE_COLUMN)}" if with_file else "")
    return f"read_parquet([{listed}], {options})"


def _as_pattern(path: Path) -> str:
    """A glob pattern that this path alone matches: `a*.parquet` is a name too."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


def first_line(error: duckdb.Error) -> str:
    return str(error).splitlines()[0]
