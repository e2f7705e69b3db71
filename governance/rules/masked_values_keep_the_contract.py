"""SEC-009: what a reader without clearance gets keeps the pattern, the length and the nullability of the contract."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from platform_resources.governance import Problem

# What the masks of the platform make of a value (platform_resources/access/masks.py). Where the first letter stays, any
# kind of first letter will do.
_PARTIAL = {"email": ("a***@example.com", "A***@example.com"), "phone": ("+1-***-***-**42",)}
_HINTS = ("A***", "a***", "1***", "+***")
_HASH = "0123456789abcdef" * 4
_REDACTED = "***"


def check(subject: Any) -> Iterator[Problem]:
    mask = subject.custom.get("mask")
    if not isinstance(mask, Mapping):
        return
    strategy = str(mask.get("strategy"))
    column, name = subject.data, subject.name
    is_text = str(column.get("physicalType", "VARCHAR")).upper() == "VARCHAR"
    if not is_text or strategy == "null":
        if column.get("required") is True and not is_text:
            yield Problem(
                "required",
                f"`{name}` is required, and its mask makes it null: only text can be masked in part.",
                "Set `required: false`, or deliver it as text.",
            )
        return
    seen = _masked(strategy, str(mask.get("format", "")))
    options = column.get("logicalTypeOptions")
    if not isinstance(options, Mapping):
        return
    pattern, shortest, longest = options.get("pattern"), options.get("minLength"), options.get("maxLength")
    if isinstance(pattern, str) and not any(_matches(pattern, value) for value in seen):
        yield Problem(
            "logicalTypeOptions.pattern",
            f"Without clearance `{name}` looks like {seen[0]}, which its own pattern refuses.",
            "Let the pattern take the stars as well ([0-9*] instead of [0-9]), or choose the mask's `format` "
            "(email, phone, name) or the strategy null.",
        )
    least, most = min(map(len, seen)), max(map(len, seen))
    if isinstance(longest, int) and least > longest:
        yield Problem(
            "logicalTypeOptions.maxLength",
            f"Without clearance `{name}` has {least} characters, more than its own maxLength of {longest}.",
            f"Set `maxLength: {least}` at least, or mask it partially.",
        )
    if isinstance(shortest, int) and most < shortest:
        yield Problem(
            "logicalTypeOptions.minLength",
            f"Without clearance `{name}` has {most} characters, fewer than its own minLength of {shortest}.",
            f"Set `minLength: {most}` at most.",
        )


def _masked(strategy: str, form: str) -> tuple[str, ...]:
    if strategy == "hash":
        return (_HASH,)
    if strategy == "partial":
        return _PARTIAL.get(form, _HINTS)
    return (_REDACTED,)


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:  # the platform says so where the pattern stands
        return True
