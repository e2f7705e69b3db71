"""Files that are written together or not at all.

A scaffold touches up to ten files. Nothing of it is left when one of them can't be written, and no file that is there
already is ever replaced: it is named, and the person decides.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path


class ScaffoldError(ValueError):
    """What was asked for can't be made; the message says why and what to do. Nothing was written."""

    def __init__(self, message: str, *, asked_wrongly: bool = False) -> None:
        super().__init__(message)
        self.asked_wrongly = asked_wrongly  # the call is wrong, not the world: exit code 2


@dataclass
class ChangeSet:
    """New files and changed files below one root, by path."""

    root: Path
    created: dict[Path, bytes] = field(default_factory=dict)
    changed: dict[Path, tuple[bytes, bytes]] = field(default_factory=dict)  # before, after
    _done: list[Path] = field(default_factory=list, init=False, repr=False)  # written, and not taken back
    _folders: list[Path] = field(default_factory=list, init=False, repr=False)  # made for them

    def create(self, path: Path, content: str | bytes) -> None:
        """A file that must not be there yet."""
        if os.path.lexists(path):
            raise ScaffoldError(f"{self.shown(path)} is there already; it is left as it is, and nothing was written")
        self.created[path] = content.encode("utf-8") if isinstance(content, str) else content

    def read(self, path: Path) -> str | None:
        """The text of a file as it will be; None when it is not there."""
        if path in self.created:
            return self.created[path].decode("utf-8")
        if path in self.changed:
            return self.changed[path][1].decode("utf-8")
        try:
            return path.read_bytes().decode("utf-8")  # not read_text: line ends are kept
        except FileNotFoundError:
            return None
        except (UnicodeDecodeError, OSError) as error:
            raise ScaffoldError(f"{self.shown(path)} can't be read: {error}") from None

    def change(self, path: Path, text: str) -> None:
        """New content of a file that is there (or that is created in this set)."""
        content = text.encode("utf-8")
        if path in self.created:
            self.created[path] = content
            return
        before = self.changed[path][0] if path in self.changed else path.read_bytes()
        if content != before:
            self.changed[path] = (before, content)

    def shown(self, path: Path) -> str:
        """The path as it is told: relative to the root."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    def apply(self) -> None:
        """Write all of it. When anything fails, or Ctrl-C is pressed, every file is as it was before.

        Raises
        ------
        ScaffoldError
            when a file appeared or changed meanwhile, or can't be written.
        """
        try:
            for path, content in self.created.items():
                _make_folders(path.parent, self._folders)
                _write_new(path, content)
                self._done.append(path)
            for path, (before, after) in self.changed.items():
                if path.read_bytes() != before:
                    raise ScaffoldError(f"{self.shown(path)} was changed by somebody else meanwhile; try again")
                _replace(path, after)
                self._done.append(path)
        except BaseException as error:  # also Ctrl-C: half a scaffold is worse than none
            left = self._undo()
            kept = f"left behind: {', '.join(left)}" if left else "nothing was written"
            if isinstance(error, FileExistsError):
                raise ScaffoldError(f"{error.filename} is there already; {kept}") from None
            if isinstance(error, OSError):
                raise ScaffoldError(f"{error.filename} can't be written: {error.strerror}; {kept}") from None
            raise

    @contextmanager
    def or_nothing(self) -> Iterator[None]:
        """Take back what was applied in the body when anything of the body fails, also what follows the files."""
        try:
            yield
        except BaseException:  # also Ctrl-C
            self._undo()
            raise

    def _undo(self) -> list[str]:
        """Put everything back, as far as it goes: an error here would hide the one that led to it.

        Returns the files that stayed. A folder into which somebody else put a file meanwhile stays as well.
        """
        left = []
        while self._done:
            path = self._done.pop()
            try:
                if path in self.created:
                    path.unlink(missing_ok=True)
                else:
                    _replace(path, self.changed[path][0])
            except OSError:
                left.append(self.shown(path))
        while self._folders:
            with suppress(OSError):
                self._folders.pop().rmdir()
        return left


def _make_folders(folder: Path, made: list[Path]) -> None:
    """Make a folder and those above it; each is added to `made` once it is there, outermost first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir()
        made.append(path)


def _write_new(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.chmod(0o644)
        os.link(temporary, path)  # unlike rename, never over another file
    except FileExistsError:
        raise FileExistsError(17, "exists", str(path)) from None
    finally:
        temporary.unlink()


def _replace(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.chmod(path.stat().st_mode & 0o7777)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
