"""The characters of a document: UTF-8, and nothing that shows a reader something else than what is written."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from platform_resources.contracts.lines import KeyPath

MAX_BYTES = 256 * 1024

_BAD_CHARACTERS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control, and NEL, which is a line break in YAML 1.1 only
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f"  # bidirectional marks, line separators
    "\u00ad\u180e\u200b\u2060-\u2064\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"  # invisible or no characters
)
_JOINERS = re.compile("[\u200c\u200d]")  # Persian and emoji need them in prose; in names they only deceive


# Of what people write into forms. Tags, private use and what Unicode doesn't know yet are none of a document's either,
# but there its author answers for them.
_HIDING = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_SUSPECT = re.compile("[^\x20-\x7e\n\r\t\u200c\u200d]")


class RefusedError(Exception):
    """A text that is not read on: where, what, and how to mend it."""

    def __init__(self, code: str, line: int, message: str, remedy: str, path: KeyPath = ()) -> None:
        super().__init__(message)
        self.code, self.line, self.message, self.remedy, self.path = code, line, message, remedy, path


def decode(raw: bytes) -> str:
    """The text of a file.

    Raises
    ------
    RefusedError
        when it is too large, no UTF-8, or holds control, bidirectional or invisible characters.
    """
    if len(raw) > MAX_BYTES:
        raise RefusedError(
            "file-too-large",
            1,
            f"The file has more than {MAX_BYTES // 1024} KiB.",
            "A contract is a page or two: move examples and long texts into the documentation and link them.",
        )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as bad:
        line = raw.count(b"\n", 0, bad.start) + 1
        raise RefusedError(
            "not-utf-8",
            line,
            f"The file is not UTF-8: byte 0x{raw[bad.start]:02x} on this line.",
            "Save it as UTF-8 in your editor.",
        ) from None
    if not text.isascii():
        _refuse_characters(text, lambda at: text.count("\n", 0, at) + 1)
    elif (bad_ascii := _BAD_CHARACTERS.search(text)) is not None:
        _refuse_character(bad_ascii[0], text.count("\n", 0, bad_ascii.start()) + 1, ())
    return text


def _refuse_characters(text: str, line_at: Any) -> None:
    found = _BAD_CHARACTERS.search(text)
    if found is None:
        return
    if found[0] == "\ufeff" and found.start() == 0:
        raise RefusedError(
            "byte-order-mark", 1, "The file begins with a byte order mark.", "Save it as UTF-8 without BOM."
        )
    _refuse_character(found[0], line_at(found.start()), ())


def _refuse_character(character: str, line: int, path: KeyPath) -> None:
    kind = "a control character" if ord(character) < 0xA0 else "an invisible or direction-changing character"
    raise RefusedError(
        "bad-character",
        line,
        f"The text holds {kind} (U+{ord(character):04X}), which shows readers something else than what is written.",
        "Delete it; it often comes along with text pasted from a web page or a word processor.",
        path,
    )


def hidden_character(prose: str) -> str | None:
    """The first character of somebody's prose that others would not see, or that would change how they see the rest;
    None when there is none. Line breaks, tabs and joiners are none.
    """
    return next((c for c in _SUSPECT.findall(prose) if unicodedata.category(c) in _HIDING), None)


def refuse_in_scalar(text: str, line: int, path: KeyPath, *, prose: bool) -> None:
    """Escapes such as "\\u202e" bring characters in that the file's own text didn't show."""
    found = _BAD_CHARACTERS.search(text) or (None if prose else _JOINERS.search(text))
    if found is not None:
        _refuse_character(found[0], line, path)
