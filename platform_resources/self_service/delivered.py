"""A file that somebody hands over, read as it is written: encoding, delimiter, header, and every value as its text."""

from __future__ import annotations

import csv
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from platform_resources.lake import quote_identifier, quote_literal
from platform_resources.self_service.changeset import ScaffoldError
from platform_resources.self_service.text_files import Layout, as_utf8, found_layout, header_of, ragged, write_body

RAW = (
    "_delivered"  # temporary table: one column `c<n>` for each of the file's, `_file` and `_row` (from 1, in the file)
)
_TEXTS = {".csv", ".tsv", ".txt"}
_SPREADSHEETS = {".xlsx", ".xls", ".ods"}


@dataclass(frozen=True)
class Delivered:
    """What files hold, loaded into the temporary table `_delivered` of a connection."""

    paths: tuple[Path, ...]
    format: str  # csv or parquet
    written: tuple[str, ...]  # names of the columns as the file has them
    types: tuple[str, ...]  # of the loaded columns: VARCHAR throughout for texts
    layout: Layout
    rows: int
    notes: tuple[str, ...] = ()


def is_file_source(source: str) -> bool:
    """Whether `--from` names files: by its ending, or because there is one."""
    name = source.lower().removesuffix(".gz")
    return Path(name).suffix in _TEXTS | _SPREADSHEETS | {".parquet", ".pq"} or Path(source).is_file()


def find_files(source: str) -> list[Path]:
    """The files of a path or glob pattern, by name."""
    path = Path(source).expanduser()
    if path.is_file():
        return [path]
    if path.is_dir():
        raise ScaffoldError(f"{source} is a folder; name its files: '{source.rstrip('/')}/*.csv'", asked_wrongly=True)
    if set(source) & set("*?["):
        root = Path(path.anchor) if path.is_absolute() else Path()
        found = sorted(item for item in root.glob(str(path.relative_to(path.anchor))) if item.is_file())
        if found:
            return found
        raise ScaffoldError(f"no file matches {source}", asked_wrongly=True)
    raise ScaffoldError(f"there is no file {source}", asked_wrongly=True)


@contextmanager
def load_files(con: duckdb.DuckDBPyConnection, paths: Sequence[Path], layout: Layout) -> Iterator[Delivered]:
    """The files in one temporary table; all must have the same columns.

    Raises
    ------
    ScaffoldError
        when one can't be read, with file, line and what is wrong there.
    """
    kinds = {_kind(path) for path in paths}
    if len(kinds) > 1:
        raise ScaffoldError(
            f"files of several formats can't be one feed: {', '.join(sorted(kinds))}", asked_wrongly=True
        )
    con.execute(f"DROP TABLE IF EXISTS {RAW}")
    if kinds == {"parquet"}:
        yield _load_parquet(con, paths)
    else:
        with tempfile.TemporaryDirectory(prefix="mesh-") as folder:
            yield _load_texts(con, paths, layout, Path(folder))
    con.execute(f"DROP TABLE IF EXISTS {RAW}")


def content_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _kind(path: Path) -> str:
    if Path(path.name.lower().removesuffix(".gz")).suffix in _SPREADSHEETS:
        raise ScaffoldError(f"{path} is a spreadsheet; save it as CSV (UTF-8), and name that file")
    try:
        with path.open("rb") as stream:
            start = stream.read(4)
    except OSError as error:
        raise ScaffoldError(f"{path} can't be read: {error.strerror}") from None
    if not start:
        raise ScaffoldError(f"{path} is empty (0 bytes): not even its columns are known")
    if start == b"PAR1":
        return "parquet"
    if start[:2] == b"PK":
        raise ScaffoldError(f"{path} is a spreadsheet or an archive; save it as CSV (UTF-8), and name that file")
    if path.suffix.lower() in (".parquet", ".pq"):
        raise ScaffoldError(f"{path} is no Parquet file: it does not begin with PAR1")
    return "csv"


def _load_parquet(con: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> Delivered:
    first: list[tuple[str, str]] | None = None
    for path in paths:
        try:
            described = [
                (row[0], row[1]) for row in con.execute("DESCRIBE FROM read_parquet(?)", [str(path)]).fetchall()
            ]
        except duckdb.Error as error:
            raise ScaffoldError(f"{path} is no whole Parquet file: {str(error).splitlines()[0]}") from None
        _same_columns(paths[0], first, path, described)
        first = first or described
    columns = ", ".join(f"{quote_identifier(name)} AS c{number}" for number, (name, _) in enumerate(first or ()))
    parts = [
        f"SELECT {columns}, {number} AS _file, file_row_number + 1 AS _row "
        f"FROM read_parquet({quote_literal(str(path))}, file_row_number => true, hive_partitioning => false)"
        for number, path in enumerate(paths)
    ]
    try:
        con.execute(f"CREATE TEMP TABLE {RAW} AS {' UNION ALL '.join(parts)}")
    except duckdb.Error as error:
        raise ScaffoldError(f"{paths[0]} is damaged: {str(error).splitlines()[0]}") from None
    rows = con.execute(f"SELECT count(*) FROM {RAW}").fetchone()[0]
    names, types = zip(*(first or [("", "")]), strict=True)
    return Delivered(tuple(paths), "parquet", names, types, Layout(), rows)


def _same_columns(first_path: Path, first: list | None, path: Path, columns: list) -> None:
    if first is not None and columns != first:
        differing = sorted({str(item[0]) for item in {*map(tuple, first)} ^ {*map(tuple, columns)}})
        what = ", ".join(differing) or "their order"
        raise ScaffoldError(
            f"{path} has other columns than {first_path} ({what}); files of one feed have the same columns"
        )


def _load_texts(con: duckdb.DuckDBPyConnection, paths: Sequence[Path], wanted: Layout, folder: Path) -> Delivered:
    notes: list[str] = []
    layout, names = wanted, ()
    for number, path in enumerate(paths):
        plain, encoding = as_utf8(path, folder / f"{number}.csv", wanted.encoding)
        if number == 0:
            if wanted.encoding is None and encoding != "utf-8":
                notes.append(f"written in {encoding}, to judge by its bytes; --encoding says otherwise")
            layout = found_layout(plain, replace(wanted, encoding=encoding), notes)
        header, width = header_of(path, plain, layout)
        if number == 0:
            names = header
            columns = ", ".join(f"c{index} VARCHAR" for index in range(width))
            con.execute(f"CREATE TEMP TABLE {RAW} ({columns}, _file INTEGER, _row BIGINT)")
        else:
            _same_columns(paths[0], [(name,) for name in names], path, [(name,) for name in header])
        _insert_text(con, path, plain, layout, number, width)
    rows = con.execute(f"SELECT count(*) FROM {RAW}").fetchone()[0]
    return Delivered(tuple(paths), "csv", tuple(names), ("VARCHAR",) * len(names), layout, rows, tuple(notes))


def _insert_text(
    con: duckdb.DuckDBPyConnection, path: Path, plain: Path, layout: Layout, number: int, width: int
) -> None:
    columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(width))
    body = plain.with_suffix(".body")
    try:
        promised = write_body(plain, body, layout, width)
    except csv.Error as error:
        raise ScaffoldError(f"{path} can't be read as CSV: {error}") from None
    options = (
        f"auto_detect => false, header => false, skip => 0, new_line => '\\n', "
        f"delim => {quote_literal(layout.delimiter or ',')}, "
        f"quote => {quote_literal(layout.quote)}, escape => {quote_literal(layout.quote)}, "
        f"columns => {{{columns}}}, strict_mode => true, store_rejects => true, max_line_size => 16000000"
    )
    for table in ("reject_errors", "reject_scans"):
        con.execute(f"DROP TABLE IF EXISTS {table}")
    try:
        loaded = con.execute(
            f"INSERT INTO {RAW} SELECT *, {number}, row_number() OVER () FROM read_csv(?, {options})", [str(body)]
        ).fetchone()[0]
        rejected = con.execute("SELECT count(DISTINCT line) FROM reject_errors").fetchone()[0]
    except duckdb.Error as error:
        raise ScaffoldError(
            f"{path} can't be read as CSV: {str(error).splitlines()[0]}. Its delimiter was taken to be "
            f"{layout.delimiter!r}; --delimiter says otherwise"
        ) from None
    if rejected:
        raise ScaffoldError(ragged(path, plain, layout, width, rejected))
    if loaded != promised:
        raise ScaffoldError(
            f"{path} can't be read whole: it has {promised:,} rows below its header, and {loaded:,} could be loaded. "
            f"Look at its quotes ({layout.quote}) and line breaks, or save it anew as CSV (UTF-8)"
        )
    body.unlink()


def line_of(delivered: Delivered, file: int, row: int) -> int:
    """The line (1-based) of a text file on which a row ends; of Parquet, the row's number itself."""
    if delivered.format == "parquet":
        return row
    layout = delivered.layout
    with tempfile.TemporaryDirectory(prefix="mesh-") as folder:
        plain, _ = as_utf8(delivered.paths[file], Path(folder) / "0.csv", layout.encoding)
        with plain.open(encoding="utf-8", newline="") as stream:
            for _ in range(layout.skip):
                stream.readline()
            reader = csv.reader(stream, delimiter=layout.delimiter or ",", quotechar=layout.quote)
            seen = -1 if layout.header else 0
            for fields in reader:
                if not fields and len(delivered.written) > 1:
                    continue
                seen += 1
                if seen == row:
                    break
            return reader.line_num + layout.skip
