"""What a column of texts really holds: dates, numbers, truth values. A form says how a text is read, and reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from platform_resources.lake import quote_literal

NULL_WORDS = ("NA", "N/A", "n/a", "#N/A", "NULL", "Null", "null", "None", "none", "nan", "NaN", "-", "--", "?")
_INTEGER = r"-?(0|[1-9][0-9]{0,17})"  # a leading zero makes it a code; 19 digits are no count of anything
_DECIMAL = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?"
_DOUBLE = r"-?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?"
_COMMA = r"-?(0|[1-9][0-9]*|[1-9][0-9]{0,2}(\.[0-9]{3})+)(,[0-9]+)?"
_THOUSANDS = r"-?(0|[1-9][0-9]*|[1-9][0-9]{0,2}(,[0-9]{3})+)(\.[0-9]+)?"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
_ZONE = r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)"
_TRUE, _FALSE = ("true", "yes", "y", "t", "ja", "oui", "si"), ("false", "no", "n", "f", "nein", "non")
_LARGEST_SCALE = 9  # more digits after the point are a measurement, not an amount

# strptime format -> what a text in it looks like. Day and month of two of them can't be told apart by every value.
_DATES = {
    "%d.%m.%Y": r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}",
    "%d/%m/%Y": r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}",
    "%m/%d/%Y": r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}",
    "%d-%m-%Y": r"[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}",
    "%m-%d-%Y": r"[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}",
    "%Y/%m/%d": r"[0-9]{4}/[0-9]{2}/[0-9]{2}",
    "%d %b %Y": r"[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4}",
    "%d-%b-%Y": r"[0-9]{1,2}-[A-Z][a-z]{2}-[0-9]{4}",
}
_MOMENTS = {
    f"{day} {clock}": f"{pattern} {clock_pattern}"
    for day, pattern in _DATES.items()
    for clock, clock_pattern in (("%H:%M:%S", r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}"), ("%H:%M", r"[0-9]{1,2}:[0-9]{2}"))
}


@dataclass(frozen=True)
class Form:
    """How texts become values: the DuckDB type, how values are written, and words for nothing."""

    type: str
    written: str = ""  # "": ISO, a point for decimals; "comma", "thousands", or a strptime format
    nulls: tuple[str, ...] = ()

    @property
    def base(self) -> str:
        return self.type.partition("(")[0]

    def read(self, text: str) -> str:
        """SQL expression of the value of the SQL expression `text` (VARCHAR); NULL where it is no such value."""
        base = self.base
        if base == "VARCHAR":
            return f"nullif({text}, '')"
        words = ", ".join(map(quote_literal, ("", *self.nulls)))
        trimmed = f"(CASE WHEN trim({text}) NOT IN ({words}) THEN trim({text}) END)"
        if base == "BOOLEAN":
            true, false = (", ".join(map(quote_literal, words)) for words in ((*_TRUE, "1"), (*_FALSE, "0")))
            return f"CASE WHEN lower({trimmed}) IN ({true}) THEN true WHEN lower({trimmed}) IN ({false}) THEN false END"
        if "%" in self.written:
            return f"CAST(try_strptime({trimmed}, {quote_literal(self.written)}) AS {self.type})"
        pattern, value = self._shape(trimmed)
        matching = f"CASE WHEN regexp_full_match({trimmed}, {quote_literal(pattern)}) THEN {value} END"
        return f"TRY_CAST({matching} AS {self.type})"

    def holds_nothing(self, text: str) -> str:
        """SQL condition: the text stands for no value."""
        if self.base == "VARCHAR":
            return f"coalesce({text}, '') = ''"
        words = ", ".join(map(quote_literal, ("", *self.nulls)))
        return f"coalesce(trim({text}), '') IN ({words})"

    def _shape(self, text: str) -> tuple[str, str]:
        """What a text must look like, and the SQL expression that DuckDB can cast."""
        base = self.base
        whole = base in ("BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "UINTEGER")
        scale = self.type.rpartition(",")[2].rstrip(")") if base == "DECIMAL" and "," in self.type else ""
        digits = f"{{1,{scale}}}" if scale not in ("", "0") else "+"  # more digits than promised would be rounded away
        if self.written == "comma":
            pattern = _COMMA.replace(",[0-9]+", f",[0-9]{digits}") if not whole else _COMMA.removesuffix("(,[0-9]+)?")
            return pattern, f"replace(replace({text}, '.', ''), ',', '.')"
        if self.written == "thousands":
            pattern = _THOUSANDS.replace(r"\.[0-9]+", rf"\.[0-9]{digits}")
            return (_THOUSANDS.removesuffix(r"(\.[0-9]+)?") if whole else pattern), f"replace({text}, ',', '')"
        if whole:
            return r"[+-]?[0-9]+", text
        if base == "DECIMAL":
            fraction = "" if scale == "0" else rf"(\.[0-9]{digits})?"
            return rf"[+-]?[0-9]+{fraction}", text
        shapes = {
            "DOUBLE": r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?",
            "FLOAT": r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?",
            "DATE": _DAY,
            "TIME": _CLOCK,
            "TIMESTAMP": f"{_DAY}[ T]{_CLOCK}",
            "TIMESTAMP WITH TIME ZONE": f"{_DAY}[ T]{_CLOCK}{_ZONE}",
        }
        return shapes.get(base, r"(?s).*"), text


TEXT = Form("VARCHAR")


def candidates(values: Iterable[str]) -> list[Form]:
    """Forms that fit every value of a sample but the words for nothing, the narrowest first; a text fits always.

    Types of numbers are provisional: `DECIMAL` gets its digits from all of the data.
    """
    texts = {value.strip() for value in values} - {""}
    nulls = tuple(sorted(texts & set(NULL_WORDS)))
    texts -= set(nulls)
    if not texts:
        return [TEXT]

    def all_match(pattern: str) -> bool:
        compiled = re.compile(pattern)
        return all(compiled.fullmatch(text) for text in texts)

    found: list[Form] = []
    lowered = {text.lower() for text in texts}
    if lowered <= {*_TRUE, *_FALSE} and len(lowered) == 2:
        found.append(Form("BOOLEAN"))
    if all_match(_INTEGER):
        found.append(Form("BIGINT"))
    whole_only = not any("." in text or "e" in text.lower() for text in texts)
    if all_match(_DECIMAL) and (found or not whole_only):  # more than 18 digits are no amount
        found.append(Form("DECIMAL"))
    if not found and any("," in text for text in texts):
        for written, pattern in (("comma", _COMMA), ("thousands", _THOUSANDS)):
            if all_match(pattern):
                found.append(Form("DECIMAL", written))
    if all_match(_DOUBLE) and (found or not whole_only):
        found.append(Form("DOUBLE"))
    if all_match(_DAY):
        found.append(Form("DATE"))
    if all_match(_CLOCK):
        found.append(Form("TIME"))
    if all_match(f"{_DAY}[ T]{_CLOCK}"):
        found.append(Form("TIMESTAMP"))
    if all_match(f"{_DAY}[ T]{_CLOCK}{_ZONE}"):
        found.append(Form("TIMESTAMP WITH TIME ZONE"))
    for type_, written_forms in (("DATE", _DATES), ("TIMESTAMP", _MOMENTS)):
        fitting = (written for written, pattern in written_forms.items() if all_match(pattern))
        found += [Form(type_, written) for written in fitting if all(_is_moment(text, written) for text in texts)]
    return [*(replace(form, nulls=nulls) for form in found), TEXT]


def _is_moment(text: str, written: str) -> bool:
    try:
        datetime.strptime(text, written)  # whether there is such a day
    except ValueError:
        return False
    return True


def decimal_type(whole_digits: int, scale: int) -> str:
    """The type of numbers with so many digits before and after the point; amounts are exact, measurements are not."""
    if scale > _LARGEST_SCALE or whole_digits + scale > 38:
        return "DOUBLE"
    return f"DECIMAL({max(18, whole_digits + scale)},{scale})"


def day_and_month_mix(forms: Iterable[Form]) -> tuple[Form, Form] | None:
    """Two forms of which only one can be right: `03/04/2026` may be in March or in April."""
    written = {form.written: form for form in forms if "%" in form.written}
    for day_first, form in written.items():
        month_first = day_first.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")
        if day_first.startswith("%d") and month_first in written:
            return form, written[month_first]
    return None
