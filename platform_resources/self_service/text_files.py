"""Text files as people write them: encoding, delimiter, header, and lines that don't fit."""

from __future__ import annotations

import codecs
import csv
import gzip
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from platform_resources.contracts.findings import printable
from platform_resources.self_service.changeset import ScaffoldError
from platform_resources.self_service.text_types import candidates

_CHUNK = 1 << 20
_DELIMITERS = (",", ";", "\t", "|")
_SNIFFED = 200  # lines
_TOLD = 5  # broken lines that a message names
csv.field_size_limit(16_000_000)  # as long as the longest line that is read at all; Python would stop at 131,072
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class Layout:
    """How a text file is written. None: to be found out."""

    delimiter: str | None = None
    quote: str = '"'
    header: bool | None = None
    encoding: str | None = None
    skip: int = 0  # lines above the header


def as_utf8(path: Path, copy: Path, encoding: str | None) -> tuple[Path, str]:
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
        return as_utf8(unpacked, copy, encoding)
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


def found_layout(plain: Path, layout: Layout, notes: list[str]) -> Layout:
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
        first = islice(numbered(plain, replace(layout, delimiter=delimiter)), _SNIFFED)
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
    return (cells for _, cells in numbered(plain, layout))


def numbered(plain: Path, layout: Layout) -> Iterator[tuple[int, list[str]]]:
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


def header_of(path: Path, plain: Path, layout: Layout) -> tuple[list[str], int]:
    """Names of the columns (empty where there is no header), and how many there are."""
    first = next(_lines(plain, layout), None)
    if first is None:
        raise ScaffoldError(f"{path} holds no line below its first {layout.skip}")
    names = [name.strip() for name in first] if layout.header else [""] * len(first)
    return [printable(name) for name in names], len(first)


def write_body(plain: Path, body: Path, layout: Layout, width: int) -> int:
    """Write what stands below the header, each record ended by one line feed, and return the number of rows.

    Where a record ends is known only to who reads its quotes: a cell, of the header too, may hold line breaks of
    another kind than those that end the lines. Within quotes every character is kept.
    """
    held: list[str] = []
    rows = 0
    with plain.open(encoding="utf-8", newline="") as stream, body.open("w", encoding="utf-8", newline="") as out:
        for _ in range(layout.skip):
            stream.readline()
        reader = csv.reader(_held(stream, held), delimiter=layout.delimiter or ",", quotechar=layout.quote)
        if layout.header:
            next(reader, None)
            held.clear()
        for cells in reader:
            record = "".join(held)
            held.clear()
            ending = 2 if record.endswith("\r\n") else 1 if record.endswith(("\n", "\r")) else 0
            if cells or width == 1:  # among several columns, an empty line is no row
                out.write(record[: len(record) - ending] + "\n")
                rows += 1
    return rows


def _held(lines: Iterable[str], held: list[str]) -> Iterator[str]:
    """The lines, each kept in `held` when it is handed out."""
    for line in lines:
        held.append(line)
        yield line


def ragged(path: Path, plain: Path, layout: Layout, width: int, rejected: int) -> str:
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
