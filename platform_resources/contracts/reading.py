"""YAML as data, read as if an attacker had written it.

A contract is a file that anybody can propose, so it is read by a strict subset of YAML 1.2: one document of mappings,
lists and scalars. Everything that is refused is refused while it streams by, so the cost is bounded by the limits and
not by what the text expands to ("billion laughs" never gets past its first anchor).

libyaml does the parsing: 7 ms for a contract of 60 columns, where the round-trip parser of ruamel takes 125 ms. Its
scalars are typed here by the YAML 1.2 core schema: `NO` and `on` are text, and so is a date.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import yaml

try:  # PyYAML without libyaml (no wheel for the platform) is ten times slower and reads the same
    from yaml.cyaml import CParser as _Parser
except ImportError:
    _Parser = None

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_NODES = 5_000

KeyPath = tuple[str | int, ...]

_BAD_CHARACTERS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control, and NEL, which is a line break in YAML 1.1 only
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f"  # bidirectional marks, line separators
    "\u00ad\u180e\u200b\u2060-\u2064\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"  # invisible or no characters
)
_JOINERS = re.compile("[\u200c\u200d]")  # Persian and emoji need them in prose; in names they only deceive
_PROSE = frozenset(
    [
        "description",
        "purpose",
        "usage",
        "limitations",
        "title",
        "businessName",
        "businessImpact",
        "dataGranularityDescription",
        "transformDescription",
        "instructions",
        "question",
        "answer",
        "constraint",
        "label",
    ]
)
INTEGER = re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$")
FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_MAX_DIGITS = 64


class RefusedError(Exception):
    """A text that is not read on: where, what, and how to mend it."""

    def __init__(self, code: str, line: int, message: str, remedy: str, path: KeyPath = ()) -> None:
        super().__init__(message)
        self.code, self.line, self.message, self.remedy, self.path = code, line, message, remedy, path


@dataclass(frozen=True)
class Reading:
    """The data of a document, and the line (1-based) of every key and item in it."""

    data: Any  # dict, list, str, int, float, bool, None
    lines: dict[KeyPath, int]


@dataclass
class _Frame:
    """A mapping or list that is still open."""

    value: Any
    path: KeyPath
    key: str | None = None  # of a mapping, while its value is awaited


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


def read_yaml(text: str) -> Reading:
    """The data of one YAML document, whose root is a mapping.

    Raises
    ------
    RefusedError
        at the first thing that is no YAML, or that this subset leaves out: anchors, aliases, tags, merge keys,
        directives, a second document, duplicate or non-text keys, more than `MAX_DEPTH` levels or `MAX_NODES` values.
    """
    parser: Any = yaml.SafeLoader(text) if _Parser is None else _Parser(text)
    try:
        return _build(parser)
    except yaml.YAMLError as bad:
        raise _syntax(bad) from None
    finally:
        parser.dispose()


def _build(parser: Any) -> Reading:
    lines: dict[KeyPath, int] = {}
    stack: list[_Frame] = []
    root: Any = None
    seen_document = False
    nodes = 0
    while True:
        event = parser.get_event()
        kind = type(event)
        line = event.start_mark.line + 1
        if kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            stack.pop()
            continue
        if kind is yaml.StreamEndEvent:
            break
        if kind is yaml.StreamStartEvent or kind is yaml.DocumentEndEvent:
            continue
        if kind is yaml.DocumentStartEvent:
            if seen_document:
                raise RefusedError(
                    "second-document", line, "A second document begins here (`---`).", "Keep one document per file."
                )
            if event.version or event.tags:
                raise RefusedError("directive", 1, "The file begins with a YAML directive (`%…`).", "Delete that line.")
            seen_document = True
            continue
        frame = stack[-1] if stack else None
        _refuse_references(event, kind, line, _here(frame))
        if frame is not None and frame.key is None and type(frame.value) is dict:
            frame.key = _key(event, kind, line, frame, lines)
            lines[(*frame.path, frame.key)] = line
            continue
        nodes += 1
        path = _here(frame)
        if nodes > MAX_NODES:
            raise RefusedError(
                "too-many-values",
                line,
                f"The document holds more than {MAX_NODES:,} values.",
                "Split it: one contract describes one table.",
                path,
            )
        value: Any
        if kind is yaml.ScalarEvent:
            value = _scalar(event, line, path)
        elif len(stack) >= MAX_DEPTH:
            raise RefusedError(
                "too-deep", line, f"The document is nested deeper than {MAX_DEPTH} levels.", "Flatten it.", path[:6]
            )
        else:
            value = {} if kind is yaml.MappingStartEvent else []
        if frame is None:
            root = value
            lines[()] = line
        elif type(frame.value) is dict:
            frame.value[frame.key] = value
            frame.key = None
        else:
            lines[path] = line
            frame.value.append(value)
        if kind is not yaml.ScalarEvent:
            stack.append(_Frame(value, path))
    if not isinstance(root, dict):
        what = "empty" if root is None else "not a mapping"
        raise RefusedError(
            "no-mapping", 1, f"The document is {what}.", "Begin with keys such as `apiVersion:` and `kind:`."
        )
    return Reading(root, lines)


def _here(frame: _Frame | None) -> KeyPath:
    """The path of the value that comes next."""
    if frame is None:
        return ()
    if type(frame.value) is list:
        return (*frame.path, len(frame.value))
    return frame.path if frame.key is None else (*frame.path, frame.key)


def _refuse_references(event: Any, kind: type, line: int, path: KeyPath) -> None:
    if kind is yaml.AliasEvent:
        raise RefusedError("alias", line, f"`*{event.anchor}` is a YAML alias.", "Write the value out.", path)
    if event.anchor is not None:
        raise RefusedError(
            "anchor", line, f"`&{event.anchor}` is a YAML anchor.", "Write the value out where used.", path
        )
    if event.tag is not None:
        raise RefusedError(
            "tag", line, f"`{event.tag[:60]}` is a YAML tag.", "Delete it: plain values are enough.", path
        )


def _key(event: Any, kind: type, line: int, frame: _Frame, lines: dict[KeyPath, int]) -> str:
    if kind is not yaml.ScalarEvent:
        raise RefusedError(
            "key-not-text", line, "A mapping or list stands where a key is expected.", "Use a text.", frame.path
        )
    key: str = event.value
    plain = event.implicit[0]
    if plain and key == "<<":
        raise RefusedError("merge-key", line, "`<<` is a YAML merge key.", "Write the keys out.", frame.path)
    if plain and not isinstance(_plain(key, line, frame.path), str):
        raise RefusedError(
            "key-not-text", line, f"The key `{key[:60]}` is no text.", f'Put it in quotes: "{key[:60]}".', frame.path
        )
    if not key.isascii() or not key.isprintable():
        _refuse_in_scalar(key, line, frame.path, prose=False)
    if key in frame.value:
        first = lines[(*frame.path, key)]
        raise RefusedError(
            "duplicate-key",
            line,
            f"The key `{key[:60]}` stands here a second time; the first is on line {first}.",
            "Keep one of them: readers would disagree about which one counts.",
            (*frame.path, key),
        )
    return key


def _scalar(event: Any, line: int, path: KeyPath) -> Any:
    text: str = event.value
    if event.implicit[0]:
        value = _plain(text, line, path)
        if not isinstance(value, str):
            return value
    if not text.isprintable() or not text.isascii():
        _refuse_in_scalar(text, line, path, prose=bool(path) and path[-1] in _PROSE)
    return text


def _refuse_in_scalar(text: str, line: int, path: KeyPath, *, prose: bool) -> None:
    """Escapes such as "\\u202e" bring characters in that the file's own text didn't show."""
    found = _BAD_CHARACTERS.search(text) or (None if prose else _JOINERS.search(text))
    if found is not None:
        _refuse_character(found[0], line, path)


def _plain(text: str, line: int, path: KeyPath) -> Any:
    """The value of a plain scalar by the core schema of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _NOT_FINITE.fullmatch(text):
        raise RefusedError("not-finite", line, f"`{text}` is no number that can be compared.", "Write a number.", path)
    integer = INTEGER.fullmatch(text)
    if integer is None and FLOAT.fullmatch(text) is None:
        return text
    if len(text) > _MAX_DIGITS:
        raise RefusedError(
            "long-number", line, f"A number of {len(text)} characters.", "Put it in quotes as a text.", path
        )
    if integer is not None:
        return int(text, 0 if text[:2] in ("0o", "0x") else 10)
    value = float(text)
    if not math.isfinite(value):
        raise RefusedError(
            "not-finite", line, f"`{text}` is larger than any number here.", "Write a smaller one.", path
        )
    return value


def _syntax(bad: yaml.YAMLError) -> RefusedError:
    """Libyaml's complaint in words for somebody who doesn't know its grammar."""
    mark = getattr(bad, "problem_mark", None) or getattr(bad, "context_mark", None)
    line = 1 if mark is None else mark.line + 1
    problem = str(getattr(bad, "problem", None) or getattr(bad, "reason", None) or "not YAML")
    remedy = next((advice for part, advice in _ADVICE if part in problem), "Check indentation, colons and quotes here.")
    column = "" if mark is None else f" (column {mark.column + 1})"
    return RefusedError("yaml-syntax", line, f"This is no YAML{column}: {problem}.", remedy)


_ADVICE = (
    ("mapping values are not allowed", "Put a text that holds `: ` in quotes, or check the indentation of this line."),
    ("did not find expected key", "Check the indentation of this line and the quotes before it."),
    ("cannot start any token", "Indent with spaces, not tabs; put a text that begins with @, ` or % in quotes."),
    ("could not find expected ':'", "A key needs a colon and a space after it; check this line and the one before."),
    ("unexpected end of stream", "A quote or bracket is opened and never closed."),
    ("did not find expected '-' indicator", "Items of one list begin with `- ` at the same indentation."),
    ("did not find expected ',' or ']'", "A list in brackets needs commas between its items and `]` at its end."),
    ("did not find expected ',' or '}'", "A mapping in braces needs commas between its entries and `}` at its end."),
)
