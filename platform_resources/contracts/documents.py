"""A document as a file: its bytes are the record, everything else is read from them.

An untouched document is saved byte for byte. A change leaves comments, quotes and order as they are (`editing`), and
the result is read back and compared before it is handed out.
"""

from __future__ import annotations

import copyreg
import os
import pickle
import stat
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from platform_resources.contracts.characters import MAX_BYTES, RefusedError, decode
from platform_resources.contracts.editing import edited
from platform_resources.contracts.findings import ContractError, Finding
from platform_resources.contracts.lines import KeyPath, Lines
from platform_resources.contracts.model import Origin
from platform_resources.contracts.packed import Squeezed, Squeezer, packed
from platform_resources.contracts.reading import Reading, read_yaml

Kind = Literal["contract", "product", "domain"]

_KEPT_BYTES = 1 << 20  # of text, 60 contracts of 30 columns; their trees take eight times as much


def _frozen(mapping: dict[str, Any]) -> MappingProxyType[str, Any]:
    return MappingProxyType(mapping)


copyreg.pickle(MappingProxyType, lambda mapping: (_frozen, (dict(mapping),)))  # custom properties are such


@lru_cache(maxsize=16_384)  # contracts have the same places
def path_text(path: KeyPath) -> str:
    """A key path as people write it.

    >>> path_text(("schema", 0, "properties", 3, "logicalType"))
    'schema[0].properties[3].logicalType'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


class Document:
    """One YAML document: an ODCS contract, a Bitol ODPS product or a domain's descriptor. Not to be changed.

    Of 10,000 contracts the trees alone would take 2 GB, so a document keeps its bytes, compressed, and of what was
    parsed only the newest trees stay; an older one is parsed again when it is asked for (3 ms). The same holds for the
    largest part of what was read from it, `view`, which is kept packed by then (0.5 ms to unpack).
    """

    __slots__ = ("_packed", "_packed_view", "_tree", "_view", "path", "sha256")

    def __init__(self, path: Path, raw: bytes, data: Mapping[str, Any], lines: Lines) -> None:
        """`data` and `lines` are what `raw` says; they stay."""
        self.path = path
        self._packed = packed(raw)
        self.sha256 = self._packed.sha256  # of the bytes
        self._tree: Reading | None = Reading(data, lines)
        self._view: Any = None
        self._packed_view: Squeezed | None = None

    def __repr__(self) -> str:
        return f"Document(path={self.path!r})"

    @classmethod
    def load(cls, path: Path, root: Path | None = None) -> Document:
        """The document in the file `path`.

        `root` is the folder that the file must lie in once every symbolic link is followed; without it, the file's own.

        Raises
        ------
        ContractError
            with one finding, when the file can't be read or is refused (see `reading`).
        """
        try:
            return cls.parse(_read_file(path, root or path.parent), path)
        except RefusedError as refusal:
            raise ContractError([_finding(path, refusal)]) from None

    @classmethod
    def parse(cls, raw: bytes, path: Path) -> Document:
        """The document in `raw`; `path` is used in messages and by `save`. Raises ContractError as `load` does."""
        try:
            reading = read_yaml(decode(raw))
        except RefusedError as refusal:
            raise ContractError([_finding(path, refusal)]) from None
        made = cls(path, raw, reading.data, reading.lines)
        _trees.keep(made, len(raw))
        return made

    @property
    def raw(self) -> bytes:
        return self._packed.raw

    @property
    def text(self) -> str:
        return self.raw.decode("utf-8")

    @property
    def data(self) -> Mapping[str, Any]:
        """Plain values; dates and times stay text. To be read, not changed."""
        return self._reading.data

    @property
    def lines(self) -> Lines:
        return self._reading.lines

    @property
    def _reading(self) -> Reading:
        tree = self._tree
        if tree is None:
            raw = self.raw
            tree = self._tree = read_yaml(decode(raw))
            _trees.keep(self, len(raw))
        return tree

    @property
    def view(self) -> Any:
        """What `keep_view` was given, or an equal copy of it; None before that."""
        view, kept = self._view, self._packed_view
        if view is None and kept is not None:
            view = self._view = pickle.loads(kept.raw)  # (packed in this process)
            _trees.keep(self, len(kept.compressed))
        return view

    def keep_view(self, view: Any) -> None:
        """Keep a value that was read from this document, of frozen dataclasses and plain values."""
        self._view, self._packed_view = view, None

    def let_go(self) -> None:
        """Of what was parsed, until it is asked for again."""
        self._tree = None
        view = self._view
        if view is not None:
            if self._packed_view is None:
                self._packed_view = _views.squeeze(pickle.dumps(view, pickle.HIGHEST_PROTOCOL))
            self._view = None

    def line(self, path: KeyPath) -> int:
        """Line (1-based) of a key or item; of the nearest thing around it when it isn't there."""
        return self.lines.nearest(path)

    def origin(self, path: KeyPath) -> Origin:
        return Origin(self.path, self.line(path), path_text(path))

    def edit(self, change: Callable[[Any], None]) -> Document:
        """A new document, changed by `change`, which gets the tree as ruamel's round-trip mapping.

        >>> document = Document.parse(b"version: 1.0.0  # first\\n", Path("v1.odcs.yaml"))
        >>> document.edit(lambda tree: tree.update(version="1.0.1")).text
        'version: 1.0.1  # first\\n'

        Raises
        ------
        ContractError
            when the changed document would be refused, or when its text would not say what the tree says.
        """
        changed, meant = edited(self.text, self.data, change)
        document = Document.parse(changed.encode("utf-8"), self.path)
        if document.data != meant:
            raise ContractError(
                [
                    Finding(
                        self.path,
                        1,
                        "",
                        "The change can't be written as YAML without loss.",
                        "Use texts, numbers, true/false, lists and mappings only.",
                        "error",
                        "lossy-edit",
                    )
                ]
            )
        return document

    def save(self, path: Path | None = None) -> Path:
        """Write the bytes (to where they came from, without `path`) so that readers see the old or the new file."""
        target = path or self.path
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(self.raw)
            temporary.chmod(stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o644)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        return target


class _Trees:
    """The documents whose trees and views are kept: the newest ones, whose texts have `_KEPT_BYTES` together."""

    def __init__(self) -> None:
        self._kept: deque[tuple[Document, int]] = deque()
        self._bytes = 0
        self._lock = threading.Lock()

    def keep(self, document: Document, size: int) -> None:
        with self._lock:
            self._kept.append((document, size))
            self._bytes += size
            while self._bytes > _KEPT_BYTES:
                dropped, freed = self._kept.popleft()
                self._bytes -= freed
                dropped.let_go()


_trees = _Trees()
_views = Squeezer()


def _read_file(path: Path, root: Path) -> bytes:
    """The bytes of a regular file that really lies below `root`, `MAX_BYTES + 1` of them at most."""
    try:
        real = path if _is_plainly_below(path, root) else Path(os.path.realpath(path, strict=True))
        if real is not path and not real.is_relative_to(os.path.realpath(root, strict=True)):
            raise RefusedError(
                "symlink-outside",
                1,
                f"The file is a link to a place outside of {root}.",
                "Put the file itself into the folder: a domain owns what it promises.",
            )
        descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # O_NONBLOCK: a pipe must not hang us
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise RefusedError("not-a-file", 1, "This is no regular file.", "Put a YAML file here.")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return file.read(MAX_BYTES + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise RefusedError("file-missing", 1, "The file doesn't exist.", "Create it, or mend the name.") from None
    except OSError as bad:  # a directory, no permission, a loop of links, an I/O error: all say why themselves
        raise RefusedError(
            "file-unreadable", 1, f"The file can't be read: {bad.strerror}.", "Check what it is, and its permissions."
        ) from None


def _is_plainly_below(path: Path, root: Path) -> bool:
    """Whether `path` is `root` and names of real folders below it; else links decide, which costs ten times as much."""
    depth = len(root.parts)
    names = path.parts[depth:]
    if not names or path.parts[:depth] != root.parts or ".." in names:
        return False
    place = str(root)
    for name in names:
        place = f"{place}{os.sep}{name}"
        if stat.S_ISLNK(os.lstat(place).st_mode):
            return False
    return True


def _finding(path: Path, refusal: RefusedError) -> Finding:
    return Finding(path, refusal.line, path_text(refusal.path), refusal.message, refusal.remedy, "error", refusal.code)
