"""The files of the engine's index: its folder, its lock, and the note of what they hold and whether they are whole."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tantivy import Index

from platform_resources.catalog.search.documents import FORMAT, make_schema
from platform_resources.catalog.search.words import register
from platform_resources.lake.folders import own_files, own_folder

_SCHEMA = make_schema()


@dataclass(frozen=True)
class State:
    """What the documents on disk are made from, and the sums of the files that hold them."""

    format: int
    generation: str
    revision: int
    line: str  # another one as soon as a product is hidden or gone
    terms: str  # digest of what products take over from glossaries
    hidden: tuple[str, ...]
    products: int
    replaced: int  # documents that are deleted, but still in the files
    unclean: bool  # and all has to be written anew for that
    sums: Mapping[str, str]


class IndexFiles:
    """The files under `folder`. All but `locked` is for who holds the lock."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.documents = folder, folder / "everyone"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One process at a time: the kernel frees the lock when its holder dies."""
        own_folder(self.folder)
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def made(self) -> Index:
        """An index without documents, in place of what is there."""
        shutil.rmtree(self.documents, ignore_errors=True)
        own_folder(self.documents)
        return register(Index(_SCHEMA, str(self.documents)))

    def opened(self, index: Index | None) -> tuple[Index, State] | None:
        """The index, which may be open already, as it is now; None, when there is nothing that can be used."""
        state = self._state()
        if state is None:
            return None
        try:
            if index is None:
                if any(_sum(self.documents / name) not in (None, known) for name, known in state.sums.items()):
                    return None
                index = register(Index.open(str(self.documents)))
            index.reload()
        except (ValueError, OSError):  # the engine's words for a damaged file
            return None
        return index, state

    def note(self, state: State, *, written: bool) -> None:
        """Note what the documents are, once they are there; a process that ends between makes them anew."""
        if written:
            own_files(self.documents)
            state = replace(state, sums=_sums(self.documents))
        part = self._note.with_suffix(".part")
        part.write_text(json.dumps(asdict(state)), encoding="utf-8")
        part.chmod(0o600)
        part.replace(self._note)

    def forget(self) -> None:
        """Until the next note there is no index: what is left by a process that ends before is not taken for it."""
        self._note.unlink(missing_ok=True)

    @property
    def _note(self) -> Path:
        return self.folder / "state.json"

    def _state(self) -> State | None:
        try:
            told = json.loads(self._note.read_text(encoding="utf-8"))
            state = State(**{**told, "hidden": tuple(told["hidden"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return state if state.format == FORMAT and self.documents.is_dir() else None


def _sums(folder: Path) -> dict[str, str]:
    files = [file for file in folder.iterdir() if file.suffix != ".lock" and file.name != ".managed.json"]
    return {file.name: told for file in files if (told := _sum(file)) is not None}


def _sum(file: Path) -> str | None:
    """None: the file is gone. The engine removes those that it needs no more, and tells when one is missing."""
    try:
        with file.open("rb") as reading:
            return hashlib.file_digest(reading, "blake2b").hexdigest()[:32]
    except FileNotFoundError:
        return None
