"""How much is done, counted: a figure that no slow or busy machine changes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from sqlalchemy import event

from platform_resources.control import ControlDatabase


def calls_of(function: Callable[[], object]) -> int:
    """How many Python and C functions are called while this one runs (in this thread)."""
    count = 0

    def counted(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal count
        if event in ("call", "c_call"):
            count += 1

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


@contextmanager
def statements_of(control: ControlDatabase) -> Iterator[list[str]]:
    """The statements that this thread sends to the control database."""
    counted: list[str] = []
    asks = threading.current_thread()

    def count(*facts: Any) -> None:
        if threading.current_thread() is asks:  # another one writes down when tokens were used
            counted.append(facts[2])

    event.listen(control.engine, "before_cursor_execute", count)
    try:
        yield counted
    finally:
        event.remove(control.engine, "before_cursor_execute", count)
