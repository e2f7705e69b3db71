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
import sys
from dataclasses import dataclass
from typing import Any

import yaml

from platform_resources.contracts.characters import MAX_BYTES, RefusedError, refuse_in_scalar
from platform_resources.contracts.lines import KeyPath, Lines

try:  # PyYAML without libyaml (no wheel for the platform) is ten times slower and reads the same
    from yaml.cyaml import CParser as _Parser
except ImportError:
    _Parser = None

__all__ = ["FLOAT", "INTEGER", "MAX_BYTES", "MAX_DEPTH", "MAX_NODES", "KeyPath", "Reading", "read_yaml"]

MAX_DEPTH = 20
MAX_NODES = 5_000

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
_NUMERIC = frozenset("+-.0123456789")  # what a number begins with
_MAX_DIGITS = 64


@dataclass(frozen=True)
class Reading:
    """The data of a document, and where everything in it stands."""

    data: Any  # dict, list, str, int, float, bool, None
    lines: Lines


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come yet."""

    value: Any
    line: int  # of the key or item that holds it
    marks: dict[str | int, Any]
    key: str | None = None  # of a mapping, while its value is awaited
    key_line: int = 0


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
    """One pass over the events. Nothing is computed for messages before there is one: this loop is half of all cost."""
    next_event, scalar_event = parser.get_event, yaml.ScalarEvent
    stack: list[_Open] = []
    top: _Open | None = None
    nodes = 0
    while True:
        event = next_event()
        kind = type(event)
        if kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            closed = stack.pop()
            if not stack:
                _expect_end(parser)
                return Reading(closed.value, Lines(closed.line, closed.marks))
            top = stack[-1]
            _put(top, closed.value, (closed.line, closed.marks))
            continue
        line = event.start_mark.line + 1
        if kind is not scalar_event and kind not in _OPENING:
            if kind is not yaml.StreamStartEvent:
                _begin(event, kind, line, _path(stack))
            continue
        if event.anchor is not None or event.tag is not None:
            _refuse_reference(event, line, _path(stack))
        is_list = top is not None and type(top.value) is list
        if top is not None and top.key is None and not is_list:
            top.key = _key(event, kind, line, top, stack)
            top.key_line = line
            continue
        nodes += 1
        if nodes > MAX_NODES:
            raise RefusedError(
                "too-many-values",
                line,
                f"The document holds more than {MAX_NODES:,} values.",
                "Split it: one contract describes one table.",
                _path(stack),
            )
        if top is not None and not is_list:
            line = top.key_line
        if kind is scalar_event:
            value = _scalar(event, stack)
            if top is None:
                raise _no_mapping(value)
            if is_list:
                top.marks[len(top.value)] = line
                top.value.append(value)
            else:
                top.marks[top.key] = line
                top.value[top.key] = value
                top.key = None
            continue
        if len(stack) >= MAX_DEPTH:
            raise RefusedError(
                "too-deep",
                event.start_mark.line + 1,
                f"The document is nested deeper than {MAX_DEPTH} levels.",
                "Flatten it.",
                _path(stack)[:6],
            )
        if top is None and kind is yaml.SequenceStartEvent:
            raise _no_mapping([])
        top = _Open({} if kind is yaml.MappingStartEvent else [], line, {})
        stack.append(top)


_OPENING = (yaml.MappingStartEvent, yaml.SequenceStartEvent)


def _put(top: _Open, value: Any, mark: Any) -> None:
    """Add a value that is read to the mapping or list that it stands in."""
    if type(top.value) is list:
        top.marks[len(top.value)] = mark
        top.value.append(value)
    elif top.key is not None:
        top.marks[top.key] = mark
        top.value[top.key] = value
        top.key = None


def _begin(event: Any, kind: type, line: int, path: KeyPath) -> None:
    """What comes before a document, or stands where a value should: the one thing that is taken is `---`."""
    if kind is yaml.AliasEvent:
        raise RefusedError("alias", line, f"`*{event.anchor[:60]}` is a YAML alias.", "Write the value out.", path)
    if kind is yaml.StreamEndEvent:
        raise _no_mapping(None)
    if event.version or event.tags:
        raise RefusedError("directive", 1, "The file begins with a YAML directive (`%…`).", "Delete that line.")


def _expect_end(parser: Any) -> None:
    """After the document comes nothing but the end of the file."""
    while type(event := parser.get_event()) is not yaml.StreamEndEvent:
        if type(event) is yaml.DocumentStartEvent:
            line = event.start_mark.line + 1
            raise RefusedError(
                "second-document", line, "A second document begins here (`---`).", "Keep one document per file."
            )


def _no_mapping(value: Any) -> RefusedError:
    what = "empty" if value is None else "not a mapping"
    return RefusedError(
        "no-mapping", 1, f"The document is {what}.", "Begin with keys such as `apiVersion:` and `kind:`."
    )


def _path(stack: list[_Open]) -> KeyPath:
    """The path of the value that comes next."""
    places = ((len(part.value) if type(part.value) is list else part.key) for part in stack)
    return tuple(place for place in places if place is not None)


def _refuse_reference(event: Any, line: int, path: KeyPath) -> None:
    if event.anchor is not None:
        raise RefusedError(
            "anchor", line, f"`&{event.anchor[:60]}` is a YAML anchor.", "Write the value out where used.", path
        )
    raise RefusedError("tag", line, f"`{event.tag[:60]}` is a YAML tag.", "Delete it: plain values are enough.", path)


def _key(event: Any, kind: type, line: int, top: _Open, stack: list[_Open]) -> str:
    if kind is not yaml.ScalarEvent:
        raise RefusedError(
            "key-not-text", line, "A mapping or list stands where a key is expected.", "Use a text.", _path(stack)
        )
    key: str = sys.intern(event.value)  # every column has the same keys
    if not (key.isascii() and key.isalpha()) or key in _WORDS:
        _check_key(event, line, _path(stack))
    if key in top.value:
        first = top.marks[key]
        raise RefusedError(
            "duplicate-key",
            line,
            f"The key `{key[:60]}` stands here a second time; the first is on line "
            f"{first if isinstance(first, int) else first[0]}.",
            "Keep one of them: readers would disagree about which one counts.",
            (*_path(stack), key),
        )
    return key


def _check_key(event: Any, line: int, path: KeyPath) -> None:
    """A key that is more than letters: is it a text to every reader, and does it show all of itself?"""
    key: str = event.value
    plain = event.implicit[0]
    if plain and key == "<<":
        raise RefusedError("merge-key", line, "`<<` is a YAML merge key.", "Write the keys out.", path)
    if plain and not isinstance(_plain(key, line, path), str):
        raise RefusedError(
            "key-not-text", line, f"The key `{key[:60]}` is no text.", f'Put it in quotes: "{key[:60]}".', path
        )
    if not key.isascii() or not key.isprintable():
        refuse_in_scalar(key, line, path, prose=False)


def _scalar(event: Any, stack: list[_Open]) -> Any:
    text: str = event.value
    if event.implicit[0]:
        if text in _WORDS:
            return _WORDS[text]
        if text[0] in _NUMERIC:
            value = _plain(text, event.start_mark.line + 1, _path(stack))
            if not isinstance(value, str):
                return value
    if not text.isascii() or not text.isprintable():
        path = _path(stack)
        refuse_in_scalar(text, event.start_mark.line + 1, path, prose=bool(path) and path[-1] in _PROSE)
    return text


def _plain(text: str, line: int, path: KeyPath) -> Any:
    """The value of a plain scalar by the core schema of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC:
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
