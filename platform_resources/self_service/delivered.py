"""A file that somebody hands over, read as it is written: encoding, delimiter, header, and every value as its text."""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import duckdb

from platform_resources.contracts.findings import printable
from platform_resources.lake import quote_identifier, quote_literal
from platform_resources.self_service.changeset import ScaffoldError
from platform_resources.self_service.text_types import candidates

RAW = (
    "_delivered"  # temporary table: one column `c<n>` for each of the file's, `_file` and `_row` (from 1, in the file)
)
_CHUNK = 1 << 20
_DELIMITERS = (",", ";", "\t", "|")
_SNIFFED = 200  # lines
_TOLD = 5  # broken lines that a message names
_TEXTS = {".csv", ".tsv", ".txt"}
_SPREADSHEETS = {".xlsx", ".xls", ".ods"}
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class Layout:
    """How a text file is written. None: to be found out."""

    delimiter: str | None = None
    quote: str = '"'
    header: bool | None = None
    encoding: str | None = None
    skip: int = 0  # lines above the header


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
        plain, encoding = _as_utf8(path, folder / f"{number}.csv", wanted.encoding)
        if number == 0:
            if wanted.encoding is None and encoding != "utf-8":
                notes.append(f"written in {encoding}, to judge by its bytes; --encoding says otherwise")
            layout = _found_layout(plain, replace(wanted, encoding=encoding), notes)
        header, width = _header(path, plain, layout)
        if number == 0:
            names = header
            columns = ", ".join(f"c{index} VARCHAR" for index in range(width))
            con.execute(f"CREATE TEMP TABLE {RAW} ({columns}, _file INTEGER, _row BIGINT)")
        else:
            _same_columns(paths[0], [(name,) for name in names], path, [(name,) for name in header])
        _insert_text(con, path, plain, layout, number, width)
    rows = con.execute(f"SELECT count(*) FROM {RAW}").fetchone()[0]
    return Delivered(tuple(paths), "csv", tuple(names), ("VARCHAR",) * len(names), layout, rows, tuple(notes))


def _as_utf8(path: Path, copy: Path, encoding: str | None) -> tuple[Path, str]:
    """The file in UTF-8 (itself, where it is that already), and the encoding that it is written in."""
    with path.open("rb") as stream:
        start = stream.read(4)
    is_packed = start[:2] == b"\x1f\x8b"
    if is_packed:
        unpacked = copy.with_suffix(".unpacked")
        try:
            with gzip.open(path) as packed, unpacked.open("wb") as out:
                shutil.copyfileobj(packed, out, _CHUNK)
        except (OSError, EOFError) as error:
            raise ScaffoldError(f"{path} is no whole gzip file: {error}") from None
        return _as_utf8(unpacked, copy, encoding)
    encoding = encoding or next((name for mark, name in _MARKS if start.startswith(mark)), None)
    tried = [encoding] if encoding else ["utf-8", "cp1252"]
    for name in tried:
        if _transcode(path, copy, name):
            return copy, name
    raise ScaffoldError(
        f"{path} is not written in {' or '.join(tried)}; say its encoding: --encoding latin-1 (or utf-16 …)"
    )


def _transcode(path: Path, copy: Path, encoding: str) -> bool:
    try:
        # utf-8-sig reads UTF-8 with and without a mark at its beginning
        decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding.lower() == "utf-8" else encoding)()
    except LookupError:
        raise ScaffoldError(
            f"there is no encoding {encoding!r}; write utf-8, cp1252, latin-1, utf-16 …", asked_wrongly=True
        ) from None
    try:
        with path.open("rb") as stream, copy.open("w", encoding="utf-8", newline="") as out:
            while chunk := stream.read(_CHUNK):
                text = decoder.decode(chunk)
                if "\0" in text:
                    raise ScaffoldError(f"{path} is no text file: it holds NUL bytes")
                out.write(text)
            out.write(decoder.decode(b"", final=True))
    except UnicodeDecodeError:
        return False
    return True


def _found_layout(plain: Path, layout: Layout, notes: list[str]) -> Layout:
    """The delimiter as it is found, and whether the first line names the columns."""
    if layout.delimiter is None:
        delimiter, titles = _sniffed(plain, layout)
        layout = replace(layout, delimiter=delimiter, skip=layout.skip + titles)
    if layout.header is None:
        first = next(_lines(plain, layout), [])
        layout = replace(layout, header=bool(first) and not any(map(_looks_like_data, first)))
        if not layout.header:
            notes.append("its first line is data, so the columns have no names; --header says otherwise")
    if layout.skip:
        notes.append(f"{layout.skip} lines above the header are skipped")
    return layout


def _sniffed(plain: Path, layout: Layout) -> tuple[str, int]:
    """The delimiter under which most of the first lines have the same number of cells; lines above them."""
    best = (0.0, 0, ",", 0)
    for delimiter in [layout.delimiter] if layout.delimiter else _DELIMITERS:
        first = islice(_numbered(plain, replace(layout, delimiter=delimiter)), _SNIFFED)
        found = [(before, len(cells)) for before, cells in first if cells]
        widths = [width for _, width in found]
        if not widths:
            continue
        width = max(set(widths), key=lambda number: (widths.count(number), number))
        titles = next((before for before, cells in found if cells > 1), 0) if width > 1 else 0
        share = widths.count(width) / len(widths) if width > 1 else 0.01
        best = max(best, (share, width, delimiter, titles), key=lambda item: item[:2])
    return best[2], best[3]


def _looks_like_data(cell: str) -> bool:
    """Whether a cell of the first line is a value rather than a name."""
    return "@" in cell or candidates([cell])[0].base != "VARCHAR"


def _lines(plain: Path, layout: Layout) -> Iterator[list[str]]:
    return (cells for _, cells in _numbered(plain, layout))


def _numbered(plain: Path, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """The cells of each record, with the number of lines before it, not counting those that are skipped."""
    with plain.open(encoding="utf-8", newline="") as stream:
        for _ in range(layout.skip):
            stream.readline()
        reader = csv.reader(stream, delimiter=layout.delimiter or ",", quotechar=layout.quote)
        before = 0
        try:
            for cells in reader:
                yield before, cells
                before = reader.line_num
        except csv.Error as error:
            raise ScaffoldError(f"{plain.name}, line {reader.line_num + layout.skip}: {error}") from None


def _header(path: Path, plain: Path, layout: Layout) -> tuple[list[str], int]:
    """Names of the columns (empty where there is no header), and how many there are."""
    first = next(_lines(plain, layout), None)
    if first is None:
        raise ScaffoldError(f"{path} holds no line below its first {layout.skip}")
    names = [name.strip() for name in first] if layout.header else [""] * len(first)
    return [printable(name) for name in names], len(first)


def _insert_text(
    con: duckdb.DuckDBPyConnection, path: Path, plain: Path, layout: Layout, number: int, width: int
) -> None:
    columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(width))
    skip = layout.skip + (1 if layout.header else 0)
    options = (
        f"auto_detect => false, header => false, skip => {skip}, delim => {quote_literal(layout.delimiter or ',')}, "
        f"quote => {quote_literal(layout.quote)}, escape => {quote_literal(layout.quote)}, "
        f"columns => {{{columns}}}, strict_mode => true, store_rejects => true, max_line_size => 16000000"
    )
    for table in ("reject_errors", "reject_scans"):
        con.execute(f"DROP TABLE IF EXISTS {table}")
    try:
        con.execute(
            f"INSERT INTO {RAW} SELECT *, {number}, row_number() OVER () FROM read_csv(?, {options})", [str(plain)]
        )
        rejected = con.execute("SELECT count(DISTINCT line) FROM reject_errors").fetchone()[0]
    except duckdb.Error as error:
        raise ScaffoldError(
            f"{path} can't be read as CSV: {str(error).splitlines()[0]}. Its delimiter was taken to be "
            f"{layout.delimiter!r}; --delimiter says otherwise"
        ) from None
    if rejected:
        raise ScaffoldError(_ragged(path, plain, layout, width, rejected))


def _ragged(path: Path, plain: Path, layout: Layout, width: int, rejected: int) -> str:
    """Where the lines stand that have another number of cells, or an open quote."""
    told = [f"{path}: its first line has {width} cells (delimiter {layout.delimiter!r}), others have another number"]
    with plain.open(encoding="utf-8", newline="") as stream:
        for _ in range(layout.skip):
            stream.readline()
        reader = csv.reader(stream, delimiter=layout.delimiter or ",", quotechar=layout.quote)
        before = 0
        for cells in reader:
            if cells and len(cells) != width and len(told) <= _TOLD:
                told.append(f"  line {layout.skip + before + 1}: {len(cells)} cells")
            before = reader.line_num
    if len(told) == 1:
        told.append(f"  {rejected:,} lines have a quote that is not closed, or text after one")
    elif rejected > len(told) - 1:
        told.append(f"  and {rejected - len(told) + 1:,} more")
    return "\n".join(told)


def line_of(delivered: Delivered, file: int, row: int) -> int:
    """The line (1-based) of a text file on which a row ends; of Parquet, the row's number itself."""
    if delivered.format == "parquet":
        return row
    layout = delivered.layout
    with tempfile.TemporaryDirectory(prefix="mesh-") as folder:
        plain, _ = _as_utf8(delivered.paths[file], Path(folder) / "0.csv", layout.encoding)
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
