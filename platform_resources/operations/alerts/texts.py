"""An alert in words, and texts from contracts made harmless. Pure."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from platform_resources.catalog.fitness import length
from platform_resources.operations.alerts.model import RECOVERED, WORDS, Alert, Event

_LONGEST = 500  # characters of a cause or an effect
_JOINER = "\u2060"  # takes no room: what stands before it begins no mention, no code and no link
_SLACK = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", **{sign: sign + _JOINER for sign in "@*~`[|"}})


def plain(text: str, longest: int = _LONGEST) -> str:
    """One line of at most `longest` characters, without control characters and those that turn or hide text."""
    kept = "".join(sign if unicodedata.category(sign)[0] != "C" else " " for sign in text[: 4 * longest])
    line = " ".join(kept.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def slack(text: str) -> str:
    """The same text, as Slack and what understands its messages show it: no mention, no link, no formatting."""
    return plain(text).translate(_SLACK)


def headline(alert: Alert, event: Event, now: datetime) -> str:
    """`crm.customer_360.v1: the data is late`; no text from a contract."""
    lasted = length(alert.lasted(now))
    match event:
        case "over":
            return f"{alert.port} has recovered after {lasted}: {RECOVERED[alert.kind]}"
        case "lasts":
            return f"{alert.port} since {lasted}: {WORDS[alert.kind]}"
        case "worse":
            return f"{alert.port} got worse: {WORDS[alert.kind]}"
        case _:
            return f"{alert.port}: {WORDS[alert.kind]}"
