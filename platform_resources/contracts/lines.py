"""Where everything in a document stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

KeyPath = tuple[str | int, ...]


class Lines(Mapping[KeyPath, int]):
    """The line (1-based) of every key and item of a document, by its path.

    Kept as a tree beside the data: to build every path as a key of one dictionary costs a third of all reading.
    """

    def __init__(self, root: int, marks: Mapping[str | int, Any]) -> None:
        """`root`: line of the document. `marks`: key or index -> line, or (line, marks of what is in it)."""
        self._root, self._marks = root, marks

    def __getitem__(self, path: KeyPath) -> int:
        line, found = self._walk(path)
        if found < len(path):
            raise KeyError(path)
        return line

    def nearest(self, path: KeyPath) -> int:
        """The line of `path`; of the nearest thing around it when it isn't there."""
        return self._walk(path)[0]

    def _walk(self, path: KeyPath) -> tuple[int, int]:
        """Line of the last part of `path` that is there, and how many parts are."""
        line, marks = self._root, self._marks
        for at, part in enumerate(path):
            mark = marks.get(part)
            if mark is None:
                return line, at
            line, marks = (mark, _NO_MARKS) if isinstance(mark, int) else mark
        return line, len(path)

    def __iter__(self) -> Iterator[KeyPath]:
        yield ()
        waiting = [((), self._marks)]
        while waiting:
            path, marks = waiting.pop()
            for part, mark in marks.items():
                yield (*path, part)
                if not isinstance(mark, int):
                    waiting.append(((*path, part), mark[1]))

    def __len__(self) -> int:
        return sum(1 for _ in self)


_NO_MARKS: Mapping[str | int, Any] = {}
