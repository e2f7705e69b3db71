"""Messages and remedies of rules, with `{field path}` filled in from the subject."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from platform_resources.contracts.findings import printable
from platform_resources.governance.fields import Getter, getter, parse_field
from platform_resources.governance.subjects import Subject

# `{property: mask, value: ...}` in a remedy is YAML, not a place: a place holds a field path and nothing else.
PLACE = re.compile(r"\{(\$?[A-Za-z_][\w-]*(?:\.[\w-]+)*)\}")
_LONGEST = 80  # characters of somebody's value

Template = Callable[[Subject], str]


def places(text: str) -> list[str]:
    """The field paths that a text names.

    >>> places("`{name}`: add {strategy: partial, clearance: {$classification.clearance}}")
    ['name', '$classification.clearance']
    """
    return PLACE.findall(text)


def compile_text(text: str) -> Template:
    """The function that fills a text in. Its field paths were checked when the rule was loaded."""
    parts = PLACE.split(text)
    fixed, getters = parts[::2], [getter(parse_field(path)) for path in parts[1::2]]
    if not getters:
        return lambda _: text

    def filled(subject: Subject) -> str:
        pieces = [fixed[0]]
        for value, after in zip(_values(getters, subject), fixed[1:], strict=True):
            pieces += (value, after)
        return "".join(pieces)

    return filled


def _values(getters: list[Getter], subject: Subject) -> list[str]:
    return [spelt(get(subject)) for get in getters]


def spelt(value: Any) -> str:
    """Somebody's value inside a sentence: on one line, short, without characters that steer a terminal."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        text = ", ".join(spelt(entry) for entry in value[:20])
    elif isinstance(value, dict):
        text = "{" + ", ".join(f"{key}: {spelt(entry)}" for key, entry in list(value.items())[:20]) + "}"
    else:
        text = " ".join(str(value).split())
    return printable(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")
