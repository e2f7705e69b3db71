"""Answers kept in files on this machine, one folder for each server and credential.

An entry is one file: a head, the facts as JSON, and the Arrow stream as it came. The head holds length and CRC-32 of
the rest, so a torn or damaged file is seen and read anew. A file appears whole or not at all, by renaming; several
processes may share the folder. Its time of modification is when the mesh last said that the entry holds.

Who else can read the machine's files is kept out by their modes (0700, 0600); which identity may see an entry by its
folder: the SHA-256 of server and credential. A refusal deletes what the identity can't read any more.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import shutil
import stat
import struct
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from platform_resources.client.answers import Facts
from platform_resources.client.arrow_streams import read_table

if TYPE_CHECKING:
    from platform_resources.client.queries import Address, Query

_MAGIC = b"MESH0001"
_HEAD = struct.Struct("<8sIQQ")  # magic, CRC-32, length of the facts (padded), length of the body
_ALIGNMENT = 64  # Arrow reads columns in place when they lie on such a border
_LEFT_BEHIND = 3600  # seconds after which an unfinished file belongs to a process that died
DEFAULT_BYTES = 2 << 30


@dataclass(frozen=True)
class Entry:
    """What is kept of one query of one identity."""

    file: Path
    facts: Facts
    checked_at: float  # seconds since 1970: when the mesh last said that it holds
    body: pa.Buffer

    @property
    def age(self) -> float:
        return max(0.0, time.time() - self.checked_at)


@dataclass(frozen=True)
class NewEntry:
    file: Path
    descriptor: int
    part: Path


class Cache:
    """The cache of one identity at one server, in a folder that all clients of this user share."""

    def __init__(self, folder: Path, server: str, credential: str, limit: int = DEFAULT_BYTES) -> None:
        self.folder = folder
        self.limit = limit
        self._own = folder / hashlib.sha256(f"{server}\n{credential}".encode()).hexdigest()[:40]

    def find(self, query: Query) -> Entry | None:
        """The entry of a query; None when there is none, or it is damaged (then it is deleted)."""
        file = self._file(query)
        try:
            with file.open("rb") as stream:
                status = os.fstat(stream.fileno())
                mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            return None
        except (OSError, ValueError):  # an empty file can't be mapped
            return self._delete(file)
        found = _parse(mapped)
        if found is None:
            return self._delete(file)
        return Entry(file, found[0], status.st_mtime, found[1])

    def begin(self, query: Query) -> NewEntry | None:
        """A place for an answer that arrives; None when the folder can't be written to."""
        file = self._file(query)
        try:
            _private(self.folder)
            for folder in (self._own, file.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=file.parent)  # mode 0600
        except OSError:
            return None
        return NewEntry(file, descriptor, Path(name))

    def keep(self, new: NewEntry, facts: Facts, chunks: Iterable[bytes]) -> Entry:
        """Store an answer while it arrives; what was there before stays until the last byte is in.

        Raises
        ------
        OSError
            when the disk is full. (A folder that another process clears meanwhile loses the entry, not the answer.)
        """
        try:
            with os.fdopen(new.descriptor, "w+b") as stream:
                _write(stream, facts, chunks)
                stream.flush()
                mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            with contextlib.suppress(FileNotFoundError):
                new.part.replace(new.file)
        finally:
            new.part.unlink(missing_ok=True)
        self._shrink(new.file)
        return Entry(new.file, facts, time.time(), _body(mapped))

    def confirm(self, entry: Entry) -> None:
        """The mesh said that the entry holds."""
        with contextlib.suppress(OSError):  # another process shrank the cache meanwhile, or the folder is read-only
            os.utime(entry.file)

    def drop(self, entry: Entry) -> None:
        self._delete(entry.file)

    def forget(self, address: Address | None = None) -> None:
        """Delete what is kept for this identity, of one port or of all."""
        shutil.rmtree(self._own if address is None else self._own / str(address), ignore_errors=True)

    def clear(self) -> None:
        """Delete all that is kept in the folder, of every server and identity."""
        for folder in self._identities():
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def size(self) -> int:
        """Bytes that are kept, of every server and identity."""
        return sum(status.st_size for _, status in self._files())

    def __repr__(self) -> str:
        return f"{self.folder} · {self.size / 1e6:,.1f} of at most {self.limit / 1e6:,.0f} MB"

    def _file(self, query: Query) -> Path:
        return self._own / str(query.address) / f"{query.digest}.arrow"

    def _identities(self) -> list[Path]:
        return [path for path in self.folder.glob("*") if len(path.name) == 40 and path.is_dir()]

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for folder in self._identities():
            for file in folder.glob("*/*"):
                with contextlib.suppress(FileNotFoundError):
                    yield file, file.stat()

    def _shrink(self, newest: Path) -> None:
        """Delete what was not confirmed for longest, until the limit holds; and what dead processes left."""
        files = sorted(self._files(), key=lambda found: found[1].st_mtime)
        total = sum(status.st_size for _, status in files)
        for file, status in files:
            left_behind = file.suffix == ".part" and time.time() - status.st_mtime > _LEFT_BEHIND
            if left_behind or (total > self.limit and file != newest and file.suffix != ".part"):
                file.unlink(missing_ok=True)
                total -= status.st_size

    def _delete(self, file: Path) -> None:
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)


def cache_folder() -> Path:
    """Where answers are kept when nobody says: `$MESH_CACHE`, else `mesh` in the user's cache folder."""
    explicit = os.environ.get("MESH_CACHE")
    if explicit:
        return Path(explicit).expanduser().resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mesh"


def _private(folder: Path) -> None:
    """Make the folder, for this user alone; one that others can look into is closed to them, but for those that are
    made for all accounts (`/tmp`): what is kept lies in a closed folder of its own below.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = folder.stat().st_mode
    if mode & 0o077 and not mode & stat.S_ISVTX:
        folder.chmod(0o700)


def _write(stream: Any, facts: Facts, chunks: Iterable[bytes]) -> None:
    told = json.dumps(asdict(replace(facts, cached=True, stale=False))).encode()
    told += b" " * (-(_HEAD.size + len(told)) % _ALIGNMENT)
    stream.write(b"\0" * _HEAD.size + told)
    crc, length = zlib.crc32(told), 0
    for chunk in chunks:
        stream.write(chunk)
        crc, length = zlib.crc32(chunk, crc), length + len(chunk)
    stream.seek(0)
    stream.write(_HEAD.pack(_MAGIC, crc, len(told), length))


def _parse(mapped: mmap.mmap) -> tuple[Facts, pa.Buffer] | None:
    """Facts and body of an entry; None when it isn't one, or is damaged."""
    if len(mapped) < _HEAD.size:
        return None
    magic, crc, told, length = _HEAD.unpack_from(mapped)
    if magic != _MAGIC or len(mapped) != _HEAD.size + told + length:
        return None
    whole = pa.py_buffer(mapped)
    if zlib.crc32(whole.slice(_HEAD.size)) != crc:  # 0.3 ms for each MB
        return None
    facts = json.loads(whole.slice(_HEAD.size, told).to_pybytes())
    return Facts(**{**facts, "masked": tuple(facts["masked"])}), _body(mapped)


def _body(mapped: mmap.mmap) -> pa.Buffer:
    _, _, told, _ = _HEAD.unpack_from(mapped)
    return pa.py_buffer(mapped).slice(_HEAD.size + told)


class StoredRows:
    """Rows of an entry: read in place, without a copy."""

    def __init__(self, name: str, body: pa.Buffer) -> None:
        self._name = name
        self._body = body

    def table(self) -> pa.Table:
        return read_table(self._name, self._body)

    def batches(self) -> Iterator[pa.RecordBatch]:
        with pa.ipc.open_stream(self._body) as reader:
            yield from reader

    def close(self) -> None:
        pass


__all__ = ["DEFAULT_BYTES", "Cache", "Entry", "StoredRows", "cache_folder"]
