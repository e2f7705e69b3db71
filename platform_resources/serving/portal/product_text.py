"""Long texts of contracts as they were meant: paragraphs, lists and indented code. Pure; a template escapes them.

Nothing else of Markdown is read: no link, picture or markup of an owner becomes one on the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "list", "code"]


@dataclass(frozen=True)
class Block:
    """`parts`: the paragraph, the entries of the list, or the lines of code."""

    kind: Kind
    parts: tuple[str, ...]


def blocks(text: str | None) -> list[Block]:
    """A text in its parts.

    >>> [(block.kind, block.parts) for block in blocks("Best\\nfirst:\\n  select 1\\n- one\\n  two\\n- three")]
    [('text', ('Best first:',)), ('code', ('select 1',)), ('list', ('one two', 'three'))]
    """
    found: list[Block] = []
    for kind, line in _lines(text or ""):
        last = found[-1] if found else None
        if kind == "more" and last is not None:
            found[-1] = Block(last.kind, (*last.parts[:-1], f"{last.parts[-1]} {line}"))
        elif kind != "more" and last is not None and last.kind == kind and kind != "text":
            found[-1] = Block(last.kind, (*last.parts, line))
        else:
            found.append(Block("text" if kind == "more" else kind, (line,)))
    return found


def _lines(text: str) -> Iterator[tuple[Kind | Literal["more"], str]]:
    """(what a line begins, its words); `more`: it goes on with what the line before it began."""
    before: Kind | None = None
    for line in text.splitlines():
        words = line.strip()
        if not words:
            before = None if before != "list" else before
            continue
        if words.startswith(("- ", "* ")):
            before = "list"
            yield "list", words[2:].strip()
        elif line.startswith("  ") and before == "list":
            yield "more", words
        elif line.startswith("  "):
            before = "code"
            yield "code", words
        else:
            yield ("more" if before == "text" else "text"), words
            before = "text"
