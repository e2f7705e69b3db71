"""A contract without what names ports that its reader may not know of."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

# `sales.bookings.v1`, alone or with a column behind it.
_PORT = r'"?\b[a-z][a-z0-9_]*"?\s*\.\s*"?[a-z][a-z0-9_]*"?\s*\.\s*"?v[1-9][0-9]{0,3}\b'
_NAMED = re.compile(_PORT, re.IGNORECASE)
_WHOLE = re.compile(rf'{_PORT}"?(\s*\.\s*"?\w+"?)*', re.IGNORECASE)
_SQL = frozenset({"query", "transformLogic"})
_AS_A_WHOLE = frozenset(
    {"relationships", "quality", "customProperties"}
)  # an entry that lacks a part says another thing
_GONE: Any = object()


def names_unseen(text: str, sees: Callable[[str], bool]) -> bool:
    """Whether a text names a port that the reader may not know of, or that there isn't: the two look the same."""
    return any(not sees(address) for address in {_address(found) for found in _NAMED.findall(text)})


def without_unseen(data: Any, sees: Callable[[str], bool]) -> Any:
    """A document without the values that are addresses of such ports, and without SQL that reads them.

    Relations, rules and custom properties that hold one go as a whole. What owners say in words stays: they know for
    whom they write it.
    """
    told = _told(data, sees, whole=False)
    return {} if told is _GONE else told


def _told(value: Any, sees: Callable[[str], bool], *, whole: bool) -> Any:
    if isinstance(value, str):
        return _GONE if _WHOLE.fullmatch(value.strip()) and names_unseen(value, sees) else value
    if isinstance(value, list):
        kept = [told for item in value if (told := _told(item, sees, whole=whole)) is not _GONE]
        return _GONE if value and not kept else kept
    if not isinstance(value, dict):
        return value
    found = {}
    for key, item in value.items():
        told = _GONE if key in _SQL and isinstance(item, str) and names_unseen(item, sees) else item
        if told is not _GONE:
            told = _told(item, sees, whole=whole or key in _AS_A_WHOLE)
        if told is not _GONE:
            found[key] = told
        elif whole:
            return _GONE
    return found


def _address(found: str) -> str:
    """Of the port, as the mesh spells it.

    >>> _address('Sales . "bookings".v1')
    'sales.bookings.v1'
    """
    return re.sub(r'[\s"]', "", found).lower()
