"""Answers that a model can hold: at most 32 KB, the rest behind a cursor. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from platform_resources.access.errors import BadQueryError
from platform_resources.serving.mcp.quoting import shortened

MAX_BYTES = 32 * 1024  # of an answer as JSON
_ENVELOPE = 2 * 1024  # of it for notice, cursor and hints
_CURSOR = re.compile(r"[0-9]{1,9}")
_STEPS = ((100, 4000), (20, 1000), (5, 200), (2, 60))  # entries of a list, characters of a text


def size_of(value: Any) -> int:
    """Bytes of a value as compact JSON."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def offset_of(cursor: str | None) -> int:
    """Where a page begins: cursors of facts are offsets.

    Raises
    ------
    BadQueryError
        when the cursor is none.
    """
    if cursor is None:
        return 0
    if not _CURSOR.fullmatch(cursor):
        raise BadQueryError("the cursor is none of this tool", "Take `next` of the answer before as it is, or none.")
    return int(cursor)


def page_of(
    answer: dict[str, Any], lists: Sequence[str], cursor: str | None, budget: int = MAX_BYTES - _ENVELOPE
) -> tuple[dict[str, Any], str | None, bool]:
    """(the answer with as many entries of its lists as fit, cursor of the rest, whether texts or lists were cut).

    `lists` are paths as `measured.results`, read one after another from `cursor` on; a path that leads nowhere counts
    as empty. What does not fit otherwise is shortened, so that every answer keeps within the budget.
    """
    start = offset_of(cursor)
    page = deepcopy(answer)
    entries = [(path, entry) for path in lists for entry in _taken(page, path)]
    page, cut = _within(page, budget // 2 if entries else budget)
    left = budget - size_of(page)
    position = min(start, len(entries))
    for path, entry in entries[position:]:
        shown, short = _within(entry, budget // 2)
        left -= size_of(shown) + 1
        if left < 0:
            break
        _list_at(page, path).append(shown)
        cut = cut or short
        position += 1
    return page, str(position) if position < len(entries) else None, cut


def _within(value: Any, budget: int) -> tuple[Any, bool]:
    """The value, shortened until it keeps within the budget; and whether it was."""
    shown, steps = value, iter(_STEPS)
    while size_of(shown) > budget and (step := next(steps, None)) is not None:
        shown = shortened(value, *step)
    return shown, shown is not value


def _taken(answer: dict[str, Any], path: str) -> list[Any]:
    """The entries of a list, which is left empty."""
    found = _list_at(answer, path)
    entries = list(found)
    found.clear()
    return entries


def _list_at(answer: dict[str, Any], path: str) -> list[Any]:
    found: Any = answer
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, list) else []
