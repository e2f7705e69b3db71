"""What a mask may say, and which masks fit which column: for the checks of contracts and for the guard alike.

A mask of a contract is the custom property `mask` of a column: `{strategy, clearance}` and the options of its strategy:

- `hash`: none. The same value has the same hash in every product, so that it joins; texts, UUIDs and whole numbers of
  64 bits or more (fewer bits would make one value of two).
- `partial`: `format` (email, phone, name). A hint of a text in its own form.
- `generalise`: `unit` (day ... year) of a date or timestamp; of a number `bucket` (its width) or `bands` (where they
  begin, ascending).
- `redact`: none. One value of the column's type that tells nothing.
- `null`: none. Only where the contract lets the column be null.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from platform_resources.contracts.column_types import ColumnTypeError, canonical_type
from platform_resources.contracts.findings import shown

Family = Literal[
    *("text", "integer", "decimal", "float", "date", "timestamp", "time", "boolean", "interval", "uuid", "blob"),
    *("json", "list", "map", "struct"),
]

STRATEGIES = ("hash", "partial", "generalise", "redact", "null")
FORMATS = ("email", "phone", "name")
UNITS = ("day", "week", "month", "quarter", "year")
MAX_BANDS = 100
_OPTIONS = {"partial": ("format",), "generalise": ("unit", "bucket", "bands")}
_INTEGERS = {
    **{"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64, "HUGEINT": 128},
    **{"UTINYINT": 8, "USMALLINT": 16, "UINTEGER": 32, "UBIGINT": 64, "UHUGEINT": 128},
}
_FAMILIES: Mapping[str, Family] = {
    **dict.fromkeys(_INTEGERS, "integer"),
    **{"VARCHAR": "text", "DOUBLE": "float", "FLOAT": "float", "DATE": "date", "BOOLEAN": "boolean", "UUID": "uuid"},
    **{"BLOB": "blob", "JSON": "json", "INTERVAL": "interval"},
}
_HASHED_DIGITS = 19  # a hashed number has up to 19 digits: it is from 1 to 2^60


class Misfit(NamedTuple):
    """Why a mask can't be used as it is written. `key`: of the mask's mapping, where it is about one."""

    code: str
    key: str | None
    message: str
    remedy: str


def family_of(canonical: str) -> Family:
    """What kind of values a type has, as `canonical_type` names it."""
    if canonical.endswith("]"):
        return "list"
    for start, family in (("STRUCT(", "struct"), ("MAP(", "map"), ("DECIMAL(", "decimal"), ("TIMESTAMP", "timestamp")):
        if canonical.startswith(start):
            return family  # type: ignore[return-value]
    return "time" if canonical.startswith("TIME") else _FAMILIES[canonical]


def decimal_of(canonical: str) -> tuple[int, int]:
    """Digits of a DECIMAL: in all, and after the point."""
    width, scale = canonical.removeprefix("DECIMAL(").removesuffix(")").split(",")
    return int(width), int(scale)


def integer_bounds(canonical: str) -> tuple[int, int]:
    """The smallest and the largest number of an integer type."""
    bits = _INTEGERS[canonical]
    return (0, 2**bits - 1) if canonical.startswith("U") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def mask_misfits(mask: Any, physical_type: str | None, required: bool) -> Iterator[Misfit]:
    """Everything that is wrong with a mask on a column of this type. Where nothing is, it is applied as written."""
    if not isinstance(mask, Mapping) or not isinstance(mask.get("strategy"), str):
        message = "`mask` doesn't say how the column is masked."
        yield Misfit("mask", None, message, "Write `value: {strategy: partial, clearance: gdpr}`.")
        return
    strategy = mask["strategy"]
    if strategy not in STRATEGIES:
        close = get_close_matches(strategy[:40], STRATEGIES, 1)
        hint = f"Did you mean `{close[0]}`? " if close else ""
        message = f"There is no mask strategy {shown(strategy)}."
        yield Misfit("mask-strategy", "strategy", message, f'{hint}Write hash, partial, generalise, redact or "null".')
        return
    yield from _misspelt(mask, strategy)
    clearance = mask.get("clearance")
    if "clearance" in mask and not (isinstance(clearance, str) and clearance):
        message = f"`clearance` is {shown(clearance)}."
        remedy = "Name the clearance that lifts the mask, such as gdpr; without the key, nothing lifts it."
        yield Misfit("mask-option", "clearance", message, remedy)
    try:
        canonical = canonical_type(physical_type or "")
    except ColumnTypeError:
        return  # said at the type
    if strategy == "null" and required:
        yield Misfit(
            "mask-null",
            "strategy",
            "The column is required, so a mask can't make it null.",
            "Use `strategy: redact`, or hash to keep it joinable; or write `required: false`.",
        )
    yield from _options(mask, strategy, canonical)


def _misspelt(mask: Mapping[str, Any], strategy: str) -> Iterator[Misfit]:
    allowed = ("strategy", "clearance", *_OPTIONS.get(strategy, ()))
    for key in mask:
        if key in allowed:
            continue
        owner = next((name for name, keys in _OPTIONS.items() if key in keys), None)
        close = get_close_matches(str(key)[:40], allowed, 1)
        message = f"`mask` has no key {shown(key)}."
        remedy = f"Did you mean `{close[0]}`?" if close else f"Delete it; {strategy} knows {', '.join(allowed)}."
        if owner is not None:
            message = f"{shown(key)} says nothing to the strategy {strategy}."
            remedy = f"Delete it, or write `strategy: {owner}`."
        yield Misfit("mask-key", str(key), message, remedy)


def _options(mask: Mapping[str, Any], strategy: str, canonical: str) -> Iterator[Misfit]:
    family = family_of(canonical)
    if strategy == "hash" and not is_hashable(canonical):
        yield Misfit(
            "mask-type",
            "strategy",
            f"A hash that is a {canonical} as well would make one value of two.",
            "Use redact, or generalise for dates and numbers; texts, UUIDs and BIGINT can be hashed.",
        )
    if strategy == "partial":
        if family != "text":
            message = f"Only texts can be masked in part; this is a {canonical}."
            remedy = "Use generalise for dates and numbers, or redact."
            yield Misfit("mask-type", "strategy", message, remedy)
        elif "format" in mask and mask["format"] not in FORMATS:
            message = f"`format` is {shown(mask['format'])}."
            yield Misfit("mask-option", "format", message, "Write email, phone or name, or delete it.")
    if strategy == "generalise":
        yield from _generalisation(mask, canonical, family)


def _generalisation(mask: Mapping[str, Any], canonical: str, family: Family) -> Iterator[Misfit]:
    if family in ("date", "timestamp"):
        wrong = next((key for key in ("bucket", "bands") if key in mask), None)
        if wrong is not None:
            yield Misfit("mask-option", wrong, f"`{wrong}` is for numbers.", "Write `unit: month`.")
        elif mask.get("unit") not in UNITS:
            message = f"`unit` is {shown(mask.get('unit'))}."
            yield Misfit("mask-option", "unit", message, f"Write `unit: month`; units are {', '.join(UNITS)}.")
        return
    if family not in ("integer", "decimal", "float"):
        message = f"Only dates, timestamps and numbers can be generalised; this is a {canonical}."
        yield Misfit("mask-type", "strategy", message, "Use partial or hash for texts, or redact.")
        return
    if "unit" in mask or ("bucket" in mask) == ("bands" in mask):
        key = next((key for key in ("unit", "bands") if key in mask), None)
        message = "A number is generalised by `bucket` or by `bands`: one of them."
        yield Misfit("mask-option", key, message, "Write `bucket: 10`, or `bands: [19, 25, 35]`.")
    elif "bucket" in mask and not is_bucket(mask["bucket"], canonical):
        step = "a whole number" if family == "integer" else "a number"
        message = f"`bucket` is {shown(mask['bucket'])}, which {canonical} can't be counted in."
        yield Misfit("mask-option", "bucket", message, f"Write {step} above 0 that the type can hold, such as 10.")
    elif "bands" in mask and not are_bands(mask["bands"], canonical):
        message = f"`bands` is {shown(mask['bands'])}."
        remedy = (
            f"Write where each band begins, ascending: [19, 25, 35]; up to {MAX_BANDS} numbers that the type can hold."
        )
        yield Misfit("mask-option", "bands", message, remedy)


def is_hashable(canonical: str) -> bool:
    """Whether a keyed hash of the type can be of the type, and of enough bits to tell values apart."""
    family = family_of(canonical)
    if family == "integer":
        return _INTEGERS[canonical] >= 64
    if family == "decimal":
        width, scale = decimal_of(canonical)
        return scale == 0 and width >= _HASHED_DIGITS
    return family in ("text", "uuid")


def is_bucket(value: Any, canonical: str) -> bool:
    """Whether numbers of the type can be counted in steps of `value` and stay of the type."""
    return is_number_of(value, canonical) and exact(value) > 0


def are_bands(value: Any, canonical: str) -> bool:
    if not isinstance(value, Sequence) or isinstance(value, str) or not 1 <= len(value) <= MAX_BANDS:
        return False
    if not all(is_number_of(bound, canonical) for bound in value):
        return False
    bounds = [exact(bound) for bound in value]
    return all(low < high for low, high in pairwise(bounds))


def is_number_of(value: Any, canonical: str) -> bool:
    """Whether a number of a contract is one of the type, exactly (for floating point: within a float's range)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if isinstance(value, int) and abs(value) >= 10**40:
        return False
    if isinstance(value, float) and not math.isfinite(value):
        return False
    number, family = exact(value), family_of(canonical)
    if family == "integer":
        low, high = integer_bounds(canonical)
        return number.denominator == 1 and low <= number <= high
    if family == "decimal":
        width, scale = decimal_of(canonical)
        return (number * 10**scale).denominator == 1 and abs(number) < 10 ** (width - scale)
    return family == "float" and (number == 0 or Fraction(1, 10**9) <= abs(number) <= 10**30)


def exact(number: float) -> Fraction:
    """A number of a contract as it is written: 0.1 is a tenth."""
    return Fraction(str(number))
