"""Masks as SQL expressions: they keep type and nullability, so a masked port still has the schema of its contract.

What each strategy leaves of a value is told in `contracts/masking.py`, what is written where nothing is left in
`mask_values.py`; none of them fails on any value, for an error would tell something of it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from platform_resources.access.model import Mask
from platform_resources.access.policy.mask_strength import applied_mask
from platform_resources.access.policy.mask_values import STARS, number_sql, redacted_sql
from platform_resources.contracts.column_types import ColumnTypeError, canonical_type
from platform_resources.contracts.masking import decimal_of, exact, family_of, integer_bounds
from platform_resources.contracts.model import Column
from platform_resources.lake import MeshSettings, quote_identifier, quote_literal
from platform_resources.lake.keys import secret_key

_PHONE_MARKS = "+-(). "
_DIGITS = "0123456789"
_EMAIL = "[^@]+@[A-Za-z0-9-]+[.][A-Za-z0-9.-]*"  # RE2 takes a sixth of what functions of texts take
# Where rounding down stays within the type, on every calendar; what lies outside is redacted. Two years inside of what
# nanoseconds can count.
_YEARS = {"TIMESTAMP_NS": ("1680-01-01", "2260-01-01")}
_EVER = ("0001-01-01", "9999-12-31")


def mask_sql(column: Column, masks: Sequence[Mask], key: Callable[[], str]) -> str:
    """What a reader sees of a column under all `masks`, as SQL of the column's type; the column itself without any.

    `key` is asked for the mesh's secret only when a hash needs it. The expression then holds what is derived from it:
    show it to nobody.
    """
    name = quote_identifier(column.name)
    if not masks:
        return name
    try:
        canonical = canonical_type(column.physical_type or "")
    except ColumnTypeError:
        return f"CASE WHEN false THEN {name} END"
    mask = applied_mask(column, masks)
    match mask.strategy:
        case "null":
            return f"CASE WHEN false THEN {name} END"
        case "hash":
            return _hash(name, canonical, key())
        case "partial":
            return _partial(name, str(mask.options.get("format", "name")))
        case "generalise":
            return _generalise(name, column, canonical, mask)
        case _:
            nothing = redacted_sql(column, canonical)
            keeps_nulls = column.required or family_of(canonical) in ("list", "map")
            return nothing if keeps_nulls else f"CASE WHEN {name} IS NOT NULL THEN {nothing} END"


def mask_key(settings: MeshSettings) -> str:
    """The mesh's secret for keyed hashes, made on first use, readable by its owner only."""
    return secret_key(settings, "mask")


def key_id(key: str) -> str:
    """What tells one key from another and nothing of either."""
    return _derived(key, "id")[:12]


def _derived(key: str, use: str) -> str:
    """64 hex characters: one block of SHA-256."""
    return hashlib.sha256(f"mesh mask {use}\0{key}".encode()).hexdigest()


def _hash(name: str, canonical: str, key: str) -> str:
    """A keyed SHA-256 of the value as text; of a number 60 bits of it, from 1 on, for identifiers start there.

    The key is a secret prefix that fills the first block. What follows is UTF-8, and padding begins with a byte that no
    UTF-8 text goes on with: no padded input begins another, and for such inputs SHA-256 under a secret first block is
    a pseudo-random function (Bellare, Canetti, Krawczyk 1996, «the cascade construction»), as HMAC is. HMAC itself
    takes twice the blocks: 8 times the raw read instead of 2.8, for a column of ten. A number with its key of 128 bits
    fits into one block, so that there is nothing to extend.
    """
    if family_of(canonical) == "text":
        return f"sha256({quote_literal(_derived(key, 'text'))} || {name})"
    digest = f"sha256({quote_literal(_derived(key, 'number')[:32])} || CAST({name} AS VARCHAR))"
    if canonical == "UUID":
        return f"CAST(left({digest}, 32) AS UUID)"
    return f"CAST(CAST('0x' || left({digest}, 15) AS BIGINT) + 1 AS {canonical})"


def _partial(name: str, form: str) -> str:
    """A hint of a text in its own form; stars where it hasn't the form, or where the hint would be half of it.

    `j***@example.com`; `+1-***-***-**37` (country code and last two digits); else the first letter and stars.
    """
    if form == "email":
        at = f"instr({name}, '@')"
        hint = f"CASE WHEN {at} > 2 THEN left({name}, 1) ELSE '' END || '***' || substr({name}, {at})"
        holds = f"regexp_full_match({name}, '{_EMAIL}')"
    elif form == "phone":
        dash = f"instr({name}, '-')"
        shown = f"CASE WHEN left({name}, 1) = '+' AND {dash} BETWEEN 3 AND 5 THEN {dash} ELSE 0 END"
        middle = f"substr({name}, {shown} + 1, len({name}) - {shown} - 2)"
        starred = f"translate({middle}, '{_DIGITS}', '{'*' * 10}')"
        hint = f"left({name}, {shown}) || {starred} || right({name}, 2)"
        digits = f"len(translate({name}, '{_PHONE_MARKS}', '')) >= 7"
        holds = f"translate({name}, '{_DIGITS}{_PHONE_MARKS}', '') = '' AND {digits} AND len({name}) <= 40"
    else:
        hint, holds = f"left({name}, 1) || '{STARS}'", f"len({name}) > 2"
    return f"CASE WHEN {name} IS NULL THEN NULL WHEN {holds} THEN {hint} ELSE '{STARS}' END"


def _generalise(name: str, column: Column, canonical: str, mask: Mask) -> str:
    nothing = redacted_sql(column, canonical)
    if "unit" in mask.options:
        first, last = (f"CAST('{day}' AS {canonical})" for day in _YEARS.get(canonical, _EVER))
        inside, known = f"{name} BETWEEN {first} AND {last}", _start_of(name, str(mask.options["unit"]), canonical)
    elif "bands" in mask.options:
        return _band(name, mask.options["bands"], canonical)
    else:
        inside, known = _bucket(name, exact(mask.options["bucket"]), canonical)
        if family_of(canonical) != "float":  # where there is no whole bucket any more: the smallest number of the type
            nothing = number_sql(_text(_smallest(canonical)), canonical)
    return f"CASE WHEN {inside} THEN {known} WHEN {name} IS NOT NULL THEN {nothing} END"


def _start_of(name: str, unit: str, canonical: str) -> str:
    """The beginning of a period, in UTC whatever the time zone of the session."""
    if canonical.endswith("ZONE"):
        return f"timezone('UTC', date_trunc('{unit}', timezone('UTC', {name})))"
    return f"CAST(date_trunc('{unit}', {name}) AS {canonical})"


def _bucket(name: str, width: Fraction, canonical: str) -> tuple[str, str]:
    """Where numbers can be rounded down to a multiple of `width`, and how."""
    step = number_sql(_text(width), canonical)
    if family_of(canonical) == "float":
        # Beyond this many steps floating point can't tell one step from the next: the value would show.
        most = width * 2 ** (24 if canonical == "FLOAT" else 53)
        rounded = f"floor(CAST({name} AS DOUBLE) / {_double(width)}) * {_double(width)} + 0.0"  # no -0.0
        return f"abs({name}) < {_double(most)}", f"CAST({rounded} AS {canonical})"
    rest = f"{name} % {step}"
    below = f"CASE WHEN {rest} < 0 THEN {step} ELSE {number_sql('0', canonical)} END"
    down = f"CAST({name} - ({rest}) - {below} AS {canonical})"
    first = math.ceil(_smallest(canonical) / width) * width  # whole bucket of the type
    return f"{name} >= {number_sql(_text(first), canonical)}", down


def _smallest(canonical: str) -> Fraction:
    if family_of(canonical) == "integer":
        return Fraction(integer_bounds(canonical)[0])
    width, scale = decimal_of(canonical)
    return -Fraction(10**width - 1, 10**scale)


def _band(name: str, bounds: Sequence[Any], canonical: str) -> str:
    """The number with which a band begins; below the first band 0, or its bound where that is not above 0."""
    numbers = [exact(bound) for bound in bounds]
    texts = [number_sql(_text(number), canonical) for number in numbers]
    cases = " ".join(f"WHEN {name} >= {text} THEN {text}" for text in reversed(texts))
    below = number_sql(_text(min(numbers[0], Fraction(0))), canonical)
    return f"CASE {cases} WHEN {name} IS NOT NULL THEN {below} END"


def _double(number: Fraction) -> str:
    return number_sql(repr(float(number)), "DOUBLE")


def _text(number: Fraction) -> str:
    """The number in decimal digits, all of them."""
    if number.denominator == 1:
        return str(number.numerator)
    places = next(places for places in range(1, 400) if (number * 10**places).denominator == 1)
    digits = str(abs(int(number * 10**places))).rjust(places + 1, "0")
    return f"{'-' if number < 0 else ''}{digits[:-places]}.{digits[-places:]}"
