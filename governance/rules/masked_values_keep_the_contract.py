"""SEC-009: what a reader without clearance gets keeps the pattern, the lengths and the bounds of the contract."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from platform_resources.contracts import ColumnTypeError, canonical_type
from platform_resources.contracts.masking import family_of, mask_misfits
from platform_resources.contracts.patterns import PatternError, compile_pattern
from platform_resources.governance import Problem

# What the masks of the platform make of a value (platform_resources/access/policy/masks.py; a test compares them).
# Where the first letter stays, any kind of first letter will do.
PARTIAL = {"email": ("a***@example.com", "A***@example.com"), "phone": ("+1-***-***-**42",)}
HINTS = ("A***", "a***", "1***", "+***")
HASH = "0123456789abcdef" * 4
REDACTED = "***"
_NUMBERS = ("integer", "decimal", "float")
_HASHED = (1, 2**60)  # numbers


def check(subject: Any) -> Iterator[Problem]:
    mask = subject.custom.get("mask")
    if not isinstance(mask, Mapping):
        return
    column = subject.data
    options = column.get("logicalTypeOptions")
    if not isinstance(options, Mapping) or mask.get("strategy") == "null":
        return
    physical = str(column.get("physicalType", "VARCHAR"))
    try:
        family = family_of(canonical_type(physical))
    except ColumnTypeError:
        return  # said where the type stands
    # What doesn't fit the column is redacted, and said where the mask stands.
    fits = not any(mask_misfits(mask, physical, column.get("required") is True))
    strategy = str(mask.get("strategy")) if fits else "redact"
    if family == "text":
        yield from _texts(subject.name, texts_of(strategy, str(mask.get("format", "")), options), options)
    elif family in _NUMBERS:
        yield from _numbers(subject.name, numbers_of(strategy, mask, options), options)


def texts_of(strategy: str, form: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Examples of what a masked text looks like."""
    if strategy == "hash":
        return (HASH,)
    if strategy == "partial":
        return PARTIAL.get(form, HINTS)
    longest = options.get("maxLength")
    return (REDACTED[:longest] if isinstance(longest, int) else REDACTED,)


def numbers_of(strategy: str, mask: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[float, float]:
    """The smallest and the largest number that a mask makes of those that the contract allows."""
    if strategy == "hash":
        return _HASHED
    if strategy != "generalise":
        return (0, 0)
    low, high = _bound(options, "minimum"), _bound(options, "maximum")
    if "bands" in mask:
        bounds = [bound for bound in mask["bands"] if high is None or bound <= high]
        below = low is None or low < mask["bands"][0]
        shown = [min(0, mask["bands"][0])] if below else []
        shown += [b for b, after in zip(bounds, [*bounds[1:], math.inf], strict=True) if low is None or after > low]
        return (min(shown), max(shown))
    width = mask["bucket"]
    least = -math.inf if low is None else math.floor(low / width) * width
    return (least, math.inf if high is None else high)


def _bound(options: Mapping[str, Any], key: str) -> float | None:
    value = options.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _texts(name: str, seen: tuple[str, ...], options: Mapping[str, Any]) -> Iterator[Problem]:
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


def _numbers(name: str, seen: tuple[float, float], options: Mapping[str, Any]) -> Iterator[Problem]:
    low, high = _bound(options, "minimum"), _bound(options, "maximum")
    if low is not None and seen[0] < low:
        yield Problem(
            "logicalTypeOptions.minimum",
            f"Without clearance `{name}` can be {seen[0]:g}, below its own minimum of {low:g}.",
            f"Set `minimum: {seen[0]:g}`, or mask it in another way.",
        )
    if high is not None and seen[1] > high:
        yield Problem(
            "logicalTypeOptions.maximum",
            f"Without clearance `{name}` can be {seen[1]:g}, above its own maximum of {high:g}.",
            "Leave the maximum out, or mask it in another way.",
        )


def _matches(pattern: str, value: str) -> bool:
    try:
        return compile_pattern(pattern).found_in(value)
    except PatternError:  # the audit says so, which uses the same engine
        return True
