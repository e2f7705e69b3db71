"""Masked copies: a publication as one profile sees it, in a DuckDB file that a confined worker may hold.

`$MESH_HOME/copies/<domain>/<product>/v<major>/<number>-<profile>-<digest>.duckdb` has one table `data`: masked values.
Made when first read, by one maker among all processes; may be deleted at any time, by hand too: the next read makes
it anew, and who reads it goes on reading. The digest is of the SQL that filled it: another mask is another file.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from platform_resources.access.errors import UnavailableError
from platform_resources.access.relations.lakes import WarmLakes
from platform_resources.lake import MeshSettings, pin, quote_identifier, quote_literal
from platform_resources.lake.settings import SettingError

if TYPE_CHECKING:
    from platform_resources.access.relations.relation import GuardedRelation

_DEFAULT_LIMIT = 10 << 30  # bytes of all copies of a mesh
_IN_USE = 60  # seconds after its last use in which a copy is never deleted: between its path and its opening
_SUPERSEDED = 15 * 60  # seconds without use after which a copy of an older publication goes
_FORGOTTEN = 7 * 86_400  # and any copy
_LOCKS = 64
_LOOK_SECONDS = 0.2  # between looks at how large a copy has become


class Copies:
    """The masked copies of a mesh. Safe between threads and processes.

    `limit`: bytes that they may take together (default: MESH_COPIES_LIMIT, else 10 GiB); beyond, the longest unused go.
    """

    def __init__(self, settings: MeshSettings, lakes: WarmLakes, limit: int | None = None) -> None:
        self._settings = settings
        self._lakes = lakes
        self.folder = settings.home / "copies"
        self.limit = _limit_of_environment() if limit is None else limit

    def of(self, relation: GuardedRelation) -> Path:
        """The masked copy of a relation, made now if there is none.

        Raises
        ------
        UnavailableError
            when it can't be made: the lake can't be read, the disk is full.
        """
        file = self._file(relation)
        if note_use(file):
            return file
        with self._maker(file):
            if not note_use(file):
                self._make(relation, file)
                self.sweep()
        return file

    @contextmanager
    def opened(self, relation: GuardedRelation) -> Iterator[int]:
        """A descriptor of the copy: it can be read however soon the file is deleted."""
        for _ in range(3):
            with suppress(FileNotFoundError):
                descriptor = os.open(self.of(relation), os.O_RDONLY | os.O_CLOEXEC)
                break
        else:
            raise UnavailableError(f"the copy of {relation.port} is deleted again and again", "Raise MESH_COPIES_LIMIT")
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def sweep(self, now: float | None = None, making: int = 0) -> int:
        """Delete what is superseded or forgotten, then the longest unused until the limit is kept; returns how many.

        `making`: bytes of a copy that is being written, for which there has to be room too.
        """
        now = time.time() if now is None else now
        kept: list[tuple[float, int, Path]] = []
        deleted = 0
        newest: dict[Path, int] = {}
        found = list(self._files())
        for file, number, _, _ in found:
            newest[file.parent] = max(number, newest.get(file.parent, 0))
        for file, number, used, size in found:
            idle = now - used
            if idle > _FORGOTTEN or (number < newest[file.parent] and idle > _SUPERSEDED):
                file.unlink(missing_ok=True)
                deleted += 1
            else:
                kept.append((used, size, file))
        excess = sum(size for _, size, _ in kept) + making - self.limit
        for used, size, file in sorted(kept):
            if excess <= 0 or now - used < _IN_USE:
                break
            file.unlink(missing_ok=True)
            excess -= size
            deleted += 1
        return deleted

    def _file(self, relation: GuardedRelation) -> Path:
        # The key of hashes may stand in the SQL: of its digest only a part is told, and the key has 256 bits.
        digest = hashlib.sha256(relation.source.encode()).hexdigest()[:12]
        name = f"{relation.publication.number}-{relation.decision.profile.digest}-{digest}.duckdb"
        port = relation.port
        return self.folder / port.domain / port.product / f"v{port.major}" / name

    def _files(self) -> Iterator[tuple[Path, int, float, int]]:
        """(file, publication, last use, bytes) of every whole copy; unfinished ones of dead makers are cleared away."""
        for file in self.folder.glob("*/*/*/*"):
            with suppress(FileNotFoundError):
                facts = file.stat()
                if file.suffix == ".duckdb":
                    yield file, int(file.name.split("-", 1)[0]), facts.st_mtime, facts.st_size
                elif facts.st_mtime < time.time() - _SUPERSEDED:
                    file.unlink(missing_ok=True)

    @contextmanager
    def _maker(self, file: Path) -> Iterator[None]:
        """Be the only one who makes this copy, among threads and processes; freed by the kernel if this one dies."""
        for folder in (file.parent, self.folder / "locks"):
            _make_private(self.folder, folder)
        which = int(hashlib.sha256(str(file).encode()).hexdigest(), 16) % _LOCKS
        lock = self.folder / "locks" / f"{which}.lock"
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _make(self, relation: GuardedRelation, file: Path) -> None:
        """Fill a temporary file and rename it. Values pass the masks inside the scan: raw ones never reach the file."""
        temporary = file.with_name(f"{file.stem}.{os.getpid()}.{uuid.uuid4().hex}.making")
        name = f"copy_{uuid.uuid4().hex}"
        alias = quote_identifier(name)
        try:
            con = self._lakes.cursor(relation.port.domain)
            try:
                with pin(self._settings, relation.port.domain, relation.publication.snapshot):
                    con.execute(f"ATTACH {quote_literal(str(temporary))} AS {alias}")
                    try:
                        with self._bounded(con, temporary):
                            con.execute(f"CREATE TABLE {alias}.data AS {relation.source}")
                        con.execute(f"CHECKPOINT {alias}")
                    finally:
                        con.execute(f"DETACH {alias}")
            finally:
                con.close()
            temporary.chmod(0o600)
            temporary.rename(file)
        except _TooLargeError:
            raise UnavailableError(
                f"{relation.port} is larger than all masked copies may be", "Raise MESH_COPIES_LIMIT; reads go on."
            ) from None
        except (duckdb.Error, OSError):
            raise UnavailableError(
                f"{relation.port} can't be copied for queries now",
                "Try again; `mesh fsck` tells damage, `df` a full disk.",
            ) from None
        finally:
            for rest in (temporary, _log_of(temporary)):
                rest.unlink(missing_ok=True)

    @contextmanager
    def _bounded(self, con: duckdb.DuckDBPyConnection, file: Path) -> Iterator[None]:
        """Watch a copy while it is written: others make room for it, and one beyond the limit is given up.

        Raises
        ------
        _TooLargeError
            when it is.
        """
        done, too_large = threading.Event(), threading.Event()

        def watch() -> None:
            while not done.wait(_LOOK_SECONDS):
                if self._is_too_large(file):
                    too_large.set()
                    con.interrupt()
                    return

        watcher = threading.Thread(target=watch, name="copy-size", daemon=True)
        watcher.start()
        try:
            yield
        except duckdb.InterruptException:
            if not too_large.is_set():
                raise
        finally:
            done.set()
            watcher.join()
        if too_large.is_set() or self._is_too_large(file):
            raise _TooLargeError

    def _is_too_large(self, file: Path) -> bool:
        size = 0
        for part in (file, _log_of(file)):
            with suppress(FileNotFoundError):
                size += part.stat().st_size
        if size <= self.limit:
            self.sweep(making=size)
        return size > self.limit


class _TooLargeError(Exception):
    """A copy alone takes more than all of them may."""


def _log_of(file: Path) -> Path:
    return file.with_name(file.name + ".wal")


def note_use(file: Path) -> bool:
    """Note a use; false when there is no such file."""
    try:
        os.utime(file)
    except FileNotFoundError:
        return False
    return True


def _make_private(root: Path, folder: Path) -> None:
    """Make a folder and those between it and `root`, each for its owner only."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    for part in reversed([folder, *folder.parents][: len(folder.relative_to(root).parts)]):
        part.mkdir(exist_ok=True, mode=0o700)


def _limit_of_environment() -> int:
    text = os.environ.get("MESH_COPIES_LIMIT", "")
    try:
        limit = int(text or _DEFAULT_LIMIT)
    except ValueError:
        limit = -1
    if limit < 0:
        raise SettingError(f"MESH_COPIES_LIMIT is {text!r}; write a number of bytes, as {_DEFAULT_LIMIT}")
    return limit
