"""`mesh land`: a file that somebody has becomes a landed file of a feed, once it keeps the feed's contract.

What lands is Parquet with the contract's column names and types and the moment of extraction; the ingest of the
pipeline takes it from there, exactly once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from platform_resources.contracts import Contract, contract_column_types
from platform_resources.contracts.findings import printable
from platform_resources.lake import MeshSettings, connect, lake_exists, quote_identifier, quote_literal
from platform_resources.pipeline.admission import admit
from platform_resources.pipeline.ingest import source_folder
from platform_resources.pipeline.ledger import ledger_table
from platform_resources.quality import CheckResult, evaluate
from platform_resources.quality.checks import is_inside
from platform_resources.self_service.changeset import ScaffoldError
from platform_resources.self_service.delivered import RAW, Delivered, content_hash, line_of, load_files
from platform_resources.self_service.new_names import as_identifier
from platform_resources.self_service.text_files import Layout
from platform_resources.self_service.text_types import Form

DELIVERY = "delivery"  # custom property of a source: how its files are written (delimiter, header, encoding)
DELIVERED = "delivered"  # custom property of a column: its name in the file, how its values are written
_TOLD = 5  # places that a message names of one kind of mistake
_TYPED = "_landing"


@dataclass(frozen=True)
class Landed:
    """A file that was handed over. `path` is None when the very same content had landed before."""

    file: Path
    path: Path | None
    rows: int
    unread: tuple[str, ...] = ()  # columns of the file that the contract doesn't know


@dataclass(frozen=True)
class Reading:
    """A column of a feed: its name, its column in the raw table, and the SQL of its value there."""

    name: str
    raw: str
    sql: str
    nothing: str  # SQL condition: the file says that there is no value


def landing_name(path: Path, digest: str) -> str:
    """The name that a file lands under; by its end the same content is known again, whatever the file is called."""
    stem = as_identifier(path.name.split(".", 1)[0]) or "file"
    return f"{stem[:80]}{_mark(digest)}"


def _mark(digest: str) -> str:
    return f"-{digest[:16]}.parquet"


def extraction_time(path: Path, given: datetime | None, now: datetime) -> datetime:
    """The moment up to which a file knows everything: as it is said, else when the file was last changed."""
    return given or min(datetime.fromtimestamp(path.stat().st_mtime, UTC), now)


@contextmanager
def prepared(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    readings: Sequence[Reading],
    files: Sequence[tuple[str, datetime]],
) -> Iterator[list[Path]]:
    """Write the loaded files as Parquet under hidden names in `folder`; they become visible when the body succeeds.

    `files`: name and moment of extraction of each, in the order in which they were loaded.

    Raises
    ------
    ScaffoldError
        when one of them can't appear in the folder; then none does.
    """
    made_folders = [path for path in (folder, *folder.parents) if not path.exists()]
    listed = ", ".join(f"{reading.sql} AS {quote_identifier(reading.name)}" for reading in readings)
    hidden = [folder / f".{name}.part" for name, _ in files]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ScaffoldError(f"{folder} can't be made: {error.strerror}; nothing was landed") from None
        for number, (path, (_, moment)) in enumerate(zip(hidden, files, strict=True)):
            con.execute(
                f"COPY (SELECT {listed} FROM {RAW} WHERE _file = {number} ORDER BY _row) TO {quote_literal(str(path))} "
                f"(FORMAT parquet, COMPRESSION zstd, KV_METADATA {{extracted_at: {quote_literal(moment.isoformat())}}})"
            )
        yield hidden
        _appear({path: folder / name for path, (name, _) in zip(hidden, files, strict=True)})
    finally:
        for path in hidden:
            path.unlink(missing_ok=True)
        for path in made_folders:
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()


def _appear(places: Mapping[Path, Path]) -> None:
    """Give hidden files their names: all of them or none."""
    done: list[tuple[Path, Path]] = []
    try:
        for hidden, path in places.items():
            former = hidden.with_suffix(".former")
            if path.is_file():
                path.replace(former)  # the same content, read otherwise before
            done.append((path, former))
            hidden.replace(path)
    except BaseException as error:  # also Ctrl-C: an ingest would take half a delivery for all of it
        for path, former in reversed(done):
            if former.exists():
                former.replace(path)
            elif path.is_file():
                path.unlink()
        if isinstance(error, OSError):
            raise ScaffoldError(f"{error.filename2} can't be written: {error.strerror}; nothing was landed") from None
        raise
    for _, former in done:
        former.unlink(missing_ok=True)


def land(
    settings: MeshSettings,
    domain: str,
    source: Contract,
    paths: Sequence[Path],
    now: datetime,
    *,
    extracted_at: datetime | None = None,
    encoding: str | None = None,
) -> list[Landed]:
    """Land files of a feed: all of them or, when one breaks the contract, none.

    Raises
    ------
    ScaffoldError
        with file, line and column of everything that is wrong.
    """
    folder, _ = source_folder(settings, source)
    known = _known_names(settings, domain, source, folder)
    done: dict[Path, Landed] = {}
    fresh: dict[str, Path] = {}
    for path in paths:
        digest = content_hash(path)
        if any(name.endswith(_mark(digest)) for name in (*known, *fresh)):
            done[path] = Landed(path, None, 0)
        else:
            fresh[landing_name(path, digest)] = path
    if not fresh:
        return [done[path] for path in paths]
    layout = _layout(source, encoding)
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET enable_progress_bar = false")
        with load_files(con, list(fresh.values()), layout) as delivered:
            readings, unread = _readings(source, delivered)
            wrong = [*_unreadable(con, source, delivered, readings), *_broken(con, source, delivered, readings, now)]
            if wrong:
                raise ScaffoldError(
                    "\n".join([f"nothing was landed, because {source.file.name} promises otherwise:", *wrong])
                )
            times = [extraction_time(path, extracted_at, now) for path in fresh.values()]
            with prepared(con, folder, readings, list(zip(fresh, times, strict=True))) as hidden:
                _admit(settings, domain, source, dict(zip(hidden, fresh.values(), strict=True)), now)
            counts = dict(con.execute(f"SELECT _file, count(*) FROM {RAW} GROUP BY 1").fetchall())
    for number, (name, path) in enumerate(fresh.items()):
        done[path] = Landed(path, folder / name, counts.get(number, 0), unread)
    return [done[path] for path in paths]


def _known_names(settings: MeshSettings, domain: str, source: Contract, folder: Path) -> set[str]:
    """Names of files of the feed that lie in the landing zone or were taken from it."""
    names = {path.name for path in folder.glob("*.parquet")} if folder.is_dir() else set()
    if lake_exists(settings, domain):
        with connect(settings, reads=[domain]) as con:
            taken = con.execute(
                f"SELECT DISTINCT file FROM {ledger_table(domain)} WHERE source = ? AND outcome <> 'quarantined'",
                [source.table.name],
            ).fetchall()
        names |= {name for (name,) in taken}
    return names


def _layout(source: Contract, encoding: str | None) -> Layout:
    said = source.custom.get(DELIVERY)
    said = said if isinstance(said, Mapping) else {}
    header = said.get("header")
    delimiter, written = said.get("delimiter"), encoding or said.get("encoding")
    return Layout(
        delimiter=delimiter if isinstance(delimiter, str) and len(delimiter) == 1 else None,
        header=header if isinstance(header, bool) else None,
        encoding=written if isinstance(written, str) else None,
        skip=said["skip"] if isinstance(said.get("skip"), int) else 0,
    )


def delivered_as(custom: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a column of a source says about its values in the file."""
    said = custom.get(DELIVERED)
    return said if isinstance(said, Mapping) else {}


def _readings(source: Contract, delivered: Delivered) -> tuple[list[Reading], tuple[str, ...]]:
    """How each promised column is read from the file, and the file's columns that nobody asked for."""
    by_name = {name.strip().lower(): index for index, name in reversed(list(enumerate(delivered.written)))}
    by_word = {as_identifier(name): index for index, name in reversed(list(enumerate(delivered.written)))}
    types = contract_column_types(source)
    made, missing, used = [], [], set()
    nameless = not any(delivered.written)
    if nameless and len(delivered.written) != len(types):
        raise ScaffoldError(
            f"{delivered.paths[0]} has {len(delivered.written)} columns, {source.file.name} promises {len(types)}"
        )
    for position, column in enumerate(source.table.columns):
        said = delivered_as(column.custom)
        name = str(said.get("column", column.name))
        index = by_name.get(name.lower(), by_name.get(column.name, by_word.get(column.name)))
        at = said.get("position")
        if nameless:
            index = position
        elif isinstance(at, int) and 0 < at <= len(delivered.written):
            there = delivered.written[at - 1]
            index = at - 1 if there.lower() == str(said.get("column", "")).lower() else index
        if index is None:
            missing.append(name)
            continue
        used.add(index)
        raw, type_ = f"c{index}", types[column.name]
        if delivered.types[index] == "VARCHAR":
            nulls = said.get("nulls")
            form = Form(type_, str(said.get("form", "")), tuple(map(str, nulls)) if isinstance(nulls, list) else ())
            made.append(Reading(column.name, raw, form.read(raw), form.holds_nothing(raw)))
        else:
            made.append(Reading(column.name, raw, f"TRY_CAST({raw} AS {type_})", f"{raw} IS NULL"))
    if missing:
        have = ", ".join(name for name in delivered.written if name)[:300]
        raise ScaffoldError(
            f"{delivered.paths[0]} has no column {', '.join(missing)}, which {source.file.name} promises; it has {have}"
        )
    return made, tuple(name for index, name in enumerate(delivered.written) if index not in used)


def _unreadable(
    con: duckdb.DuckDBPyConnection, source: Contract, delivered: Delivered, readings: Sequence[Reading]
) -> Iterator[str]:
    """Values that are not of their column's type."""
    types = contract_column_types(source)
    for reading in readings:
        column = source.table.column(reading.name)
        rows = con.execute(
            f"SELECT _file, _row, CAST({reading.raw} AS VARCHAR), count(*) OVER () FROM {RAW} "
            f"WHERE {reading.sql} IS NULL AND NOT ({reading.nothing}) ORDER BY _file, _row LIMIT {_TOLD}"
        ).fetchall()
        hidden = column is not None and column.classification in ("personal", "restricted")
        for file, row, value, _ in rows:
            shown = "its value" if hidden else repr(printable(value[:60]))
            yield _place(delivered, file, row, reading.name) + f"{shown} is no {_words(types[reading.name])}"
        if rows and rows[0][3] > len(rows):
            yield f"  … and {rows[0][3] - len(rows):,} more in column {reading.name}"


def _words(type_: str) -> str:
    words = {"BIGINT": "whole number", "DATE": "date", "BOOLEAN": "truth value (true, false)", "DOUBLE": "number"}
    if type_.startswith("DECIMAL"):
        return f"number of the type {type_}"
    return words.get(type_, type_)


def _place(delivered: Delivered, file: int, row: int, column: str) -> str:
    what = "row" if delivered.format == "parquet" else "line"
    return f"  {delivered.paths[file]}, {what} {line_of(delivered, file, row)}, column {column}: "


def _broken(
    con: duckdb.DuckDBPyConnection, source: Contract, delivered: Delivered, readings: Sequence[Reading], now: datetime
) -> Iterator[str]:
    """Rules of severity error that a file breaks by itself, with the rows where that can be said."""
    listed = ", ".join(f"{reading.sql} AS {quote_identifier(reading.name)}" for reading in readings)
    for number, path in enumerate(delivered.paths):
        con.execute(f"CREATE OR REPLACE TEMP TABLE {_TYPED} AS SELECT {listed}, _row FROM {RAW} WHERE _file = {number}")
        con.execute(f"CREATE OR REPLACE TEMP VIEW landed AS SELECT * EXCLUDE (_row) FROM {_TYPED}")
        audit = evaluate(con, source, "landed", now=now, data_as_of=now, allowed_tables=())
        for result in audit.results:
            if result.blocks:
                places = list(_places(con, delivered, number, result))
                yield from places or [f"  {path}: {result.name}: {result.message}"]


def _places(con: duckdb.DuckDBPyConnection, delivered: Delivered, file: int, result: CheckResult) -> Iterator[str]:
    columns = result.check.columns
    if any(map(is_inside, columns)):
        return  # the message names the element
    listed = ", ".join(map(quote_identifier, columns))
    if result.check.kind == "required":
        query, what = f"SELECT _row FROM {_TYPED} WHERE {listed} IS NULL", "is empty, and it must not be"
    elif result.check.kind in ("primary_key", "unique"):
        query = f"SELECT _row FROM {_TYPED} QUALIFY row_number() OVER (PARTITION BY {listed} ORDER BY _row) > 1"
        what = "stands on an earlier line already, and it must not repeat"
    else:
        return
    rows = con.execute(f"{query} ORDER BY _row LIMIT {_TOLD}").fetchall()
    for (row,) in rows:
        yield _place(delivered, file, row, ", ".join(columns)) + what
    if result.failed_rows and result.failed_rows > len(rows):
        yield f"  … and {result.failed_rows - len(rows):,} more in column {', '.join(columns)}"


def _admit(settings: MeshSettings, domain: str, source: Contract, files: Mapping[Path, Path], now: datetime) -> None:
    """What the ingest would say: rows that were delivered before, for one."""
    if not lake_exists(settings, domain):
        return
    with connect(settings, reads=[domain]) as con:
        exists = con.execute(
            "SELECT count(*) FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'internal' "
            "AND table_name = ?",
            [domain, source.table.name],
        ).fetchone()[0]
        if not exists:
            return
        refused = admit(con, domain, source, list(files), now).refused
    if refused:
        lines = [f"  {files[file.path]}: {'; '.join(reasons)}" for file, reasons in refused]
        raise ScaffoldError("\n".join([f"nothing was landed, because {source.file.name} promises otherwise:", *lines]))
