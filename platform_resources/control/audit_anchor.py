"""The head of the audit log, kept beside its key and out of the database: a log whose tail was cut doesn't reach it.

One line in `$MESH_HOME/keys/audit.anchor`: sequence, digest and HMAC. It is written after the commit, before `append`
returns, and only ever rises: the log may be ahead of it, by entries on which nobody has acted yet, and never behind.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platform_resources.control.audit_chain import Head

_LENGTH = 20 + 1 + 64 + 1 + 64 + 1  # one write of one size within one disk sector: never torn by a kill

_NOTHING = "0" * 64  # digest of an empty log


class AnchorDamagedError(Exception):
    """The anchor is no anchor of this key."""


class Anchor:
    """The anchor in one file. `key` signs it."""

    def __init__(self, file: Path, key: bytes) -> None:
        self._file = file
        self._key = key

    def read(self) -> Head | None:
        """The head that was anchored last; None when none ever was.

        Raises
        ------
        AnchorDamagedError
            when the file holds anything else.
        """
        if not self._file.exists():
            return None
        with self._open(fcntl.LOCK_SH) as descriptor:
            return self._parse(os.pread(descriptor, _LENGTH + 1, 0))

    def rise(self, head: Head) -> None:
        """Anchor `head`, unless a later one is anchored already."""
        with self._open(fcntl.LOCK_EX) as descriptor:
            try:
                known = self._parse(os.pread(descriptor, _LENGTH + 1, 0))
            except AnchorDamagedError:
                known = None  # `append` has put it on record
            if known is None or known.sequence < head.sequence:
                os.pwrite(descriptor, self._line(head), 0)
                os.ftruncate(descriptor, _LENGTH)

    @contextmanager
    def _open(self, lock: int) -> Iterator[int]:
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, lock)
            yield descriptor
        finally:
            os.close(descriptor)

    def _line(self, head: Head) -> bytes:
        text = f"{head.sequence:020d} {head.digest or _NOTHING}"
        return f"{text} {self._signature(text)}\n".encode()

    def _signature(self, text: str) -> str:
        return hmac.digest(self._key, f"anchor {text}".encode(), hashlib.sha256).hex()

    def _parse(self, line: bytes) -> Head | None:
        if not line:
            return None  # killed between making it and writing it
        text, _, signature = line.decode("ascii", "replace").rstrip("\n").rpartition(" ")
        if len(line) != _LENGTH or not hmac.compare_digest(signature.encode(), self._signature(text).encode()):
            raise AnchorDamagedError
        sequence, _, digest = text.partition(" ")
        return Head(int(sequence), "" if digest == _NOTHING else digest)
