"""Bytes that are kept compressed, the same ones once: most contracts lie in the files as they were published."""

from __future__ import annotations

import hashlib
import zlib
from weakref import WeakValueDictionary


class Packed:
    """What `packed` gave: bytes, compressed. 10,000 contracts take 40 MB so, and 100 MB as they are."""

    __slots__ = ("__weakref__", "_compressed", "sha256")

    def __init__(self, raw: bytes, sha256: str) -> None:
        self.sha256 = sha256  # of the bytes
        self._compressed = zlib.compress(raw, 1)

    def __reduce__(self) -> tuple[object, tuple[bytes]]:
        return packed, (self.raw,)

    def __len__(self) -> int:
        """The bytes that it takes."""
        return len(self._compressed)

    @property
    def raw(self) -> bytes:
        return zlib.decompress(self._compressed)


_held: WeakValueDictionary[str, Packed] = WeakValueDictionary()


def packed(raw: bytes) -> Packed:
    """The bytes, kept as long as somebody holds them; for equal ones the same object."""
    sha256 = hashlib.sha256(raw).hexdigest()
    found = _held.get(sha256)
    if found is None:
        found = _held[sha256] = Packed(raw, sha256)
    return found
