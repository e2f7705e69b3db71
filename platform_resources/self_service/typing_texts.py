"""Delivered texts -> a typed table: each column gets the narrowest form that every one of its values fits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb

from platform_resources.contracts import ColumnTypeError, canonical_type
from platform_resources.lake import quote_identifier, quote_literal
from platform_resources.self_service.classifying import is_personal_name
from platform_resources.self_service.delivered import RAW, Delivered
from platform_resources.self_service.new_names import column_names
from platform_resources.self_service.text_types import (
    NULL_WORDS,
    TEXT,
    Form,
    candidates,
    day_and_month_mix,
    decimal_type,
)

TYPED = "_typed"
_SAMPLE = 5_000
_CHUNK = 4  # columns of one query: planning it grows with their square (300 columns: 1.8 s of CPU, by 60 at once 27 s)
_CODE_NAME = re.compile(r"zip|postal|postcode|plz|phone|tel(_|$)|mobile|fax|iban|isbn|ean|gtin|sku|barcode|(^|_)code$")
MONEY_NAME = re.compile(
    r"amount|price|cost|revenue|spend|sales|fee|total|balance|paid|tax|discount|bookings|betrag|preis|umsatz|salary|budget"
)
_EXACT_PLACES = 2


@dataclass(frozen=True)
class TypedColumn:
    """One column of a delivered file: its new name, how its values are read, and what was noticed."""

    name: str
    written: str  # its name in the file; empty without a header
    raw: str  # column of the raw table
    form: Form
    cast: str | None = None  # for columns that are no texts: the type that they are cast to
    notes: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        return self.cast or self.form.type

    @property
    def sql(self) -> str:
        """The value, from the raw table."""
        return f"CAST({self.raw} AS {self.cast})" if self.cast else self.form.read(self.raw)

    @property
    def nothing(self) -> str:
        """SQL condition on the raw table: there is no value."""
        return f"{self.raw} IS NULL" if self.cast else self.form.holds_nothing(self.raw)


def typed_columns(con: duckdb.DuckDBPyConnection, delivered: Delivered, date_format: str | None) -> list[TypedColumn]:
    """Names and types of the columns of the raw table, proved on every row of it."""
    names = column_names(delivered.written)
    made: list[TypedColumn] = []
    texts = [f"c{index}" for index, type_ in enumerate(delivered.types) if _is_text(type_)]
    samples = _samples(con, texts)
    queues: dict[str, list[Form]] = {}
    for index, (name, written, type_) in enumerate(zip(names, delivered.written, delivered.types, strict=True)):
        raw = f"c{index}"
        if raw not in texts:
            made.append(_kept(con, TypedColumn(name, written, raw, TEXT, type_)))
            continue
        forms, notes = _wanted(con, name, raw, samples[raw], date_format)
        queues[raw] = forms
        made.append(TypedColumn(name, written, raw, forms[0], None, tuple(notes)))
    return _proved(con, made, queues)


def create_typed(con: duckdb.DuckDBPyConnection, columns: Sequence[TypedColumn]) -> None:
    """The typed table `_typed`, of the raw one."""
    listed = ", ".join(f"{column.sql} AS {quote_identifier(column.name)}" for column in columns)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {TYPED} AS SELECT {listed} FROM {RAW}")


def _is_text(type_: str) -> bool:
    return type_ == "VARCHAR" or type_.startswith("ENUM")


def _samples(con: duckdb.DuckDBPyConnection, texts: Sequence[str]) -> dict[str, set[str]]:
    if not texts:
        return {}
    size = max(500, min(_SAMPLE, 300_000 // len(texts)))
    listed = ", ".join(f"CAST({raw} AS VARCHAR)" for raw in texts)
    rows = con.execute(f"SELECT {listed} FROM {RAW} USING SAMPLE reservoir({size} ROWS) REPEATABLE (42)").fetchall()
    return {raw: {row[index] for row in rows} - {None} for index, raw in enumerate(texts)}


def _wanted(
    con: duckdb.DuckDBPyConnection, name: str, raw: str, values: set[str], date_format: str | None
) -> tuple[list[Form], list[str]]:
    """Forms to try, the narrowest first, and what to tell about the choice."""
    forms = candidates(values)
    notes: list[str] = []
    if date_format:
        forms.sort(key=lambda form: form.written != date_format)
    elif (mixed := day_and_month_mix(forms)) is not None:
        # In all of the data there may be a day after the twelfth, which settles it.
        fitting = [
            form for form, verdict in zip(mixed, _test(con, [(raw, f) for f in mixed]), strict=True) if verdict.form
        ]
        forms = [form for form in forms if form not in mixed or fitting == [form]]
        if len(fitting) == 2:
            left, right = (form.written for form in mixed)
            notes.append(f"dates, but day and month can't be told apart; say --date-format '{left}' or '{right}'")
    if forms[0].base in ("BIGINT", "DECIMAL") and _CODE_NAME.search(name):
        notes.append("only digits, but a code: kept as text")
        return [TEXT], notes
    return forms, notes


def _proved(
    con: duckdb.DuckDBPyConnection, columns: list[TypedColumn], queues: dict[str, list[Form]]
) -> list[TypedColumn]:
    """The columns with a form that every row keeps; those that don't are tried with the next one of their queue."""
    done: dict[str, TypedColumn] = {column.raw: column for column in columns}
    open_ = [raw for raw, forms in queues.items() if forms[0] != TEXT]
    while open_:
        following = []
        for start in range(0, len(open_), _CHUNK):
            chunk = open_[start : start + _CHUNK]
            for raw, verdict in zip(chunk, _test(con, [(raw, queues[raw][0]) for raw in chunk]), strict=True):
                if verdict.form is not None:
                    done[raw] = replace(done[raw], form=verdict.form)
                    continue
                # A leading zero or 19 digits among whole numbers make it a code, not another kind of number.
                failed = queues[raw].pop(0)
                if failed.base == "BIGINT":
                    queues[raw] = [
                        f for f in queues[raw] if f.base != "DOUBLE" and (f.base != "DECIMAL" or verdict.decimals)
                    ]
                done[raw] = replace(
                    done[raw], form=queues[raw][0], notes=(*done[raw].notes, *verdict.told(done[raw].name, failed))
                )
                if queues[raw][0] != TEXT:
                    following.append(raw)
        open_ = following
    return list(done.values())


@dataclass(frozen=True)
class _Verdict:
    form: Form | None  # None: it does not fit
    filled: int
    fitting: int
    example: str | None
    decimals: bool

    def told(self, name: str, failed: Form) -> list[str]:
        if self.fitting < 0.9 * self.filled or self.example is None:
            return []
        share = f"{self.fitting:,} of {self.filled:,} values are {failed.base}"
        such = "" if is_personal_name(name) else f", such as {self.example[:20]!r},"
        return [f"{share}; others{such} keep it a text"]


def _test(con: duckdb.DuckDBPyConnection, tried: Sequence[tuple[str, Form]]) -> list[_Verdict]:
    """Whether every value of the columns fits, in one scan; numbers get their digits here.

    Texts and values are made once, in a subquery, and not anew in every aggregate.
    """
    texts, values, asked = [], [], []
    for number, (raw, form) in enumerate(tried):
        text, value = f"t{number}", f"v{number}"
        trial = replace(form, nulls=NULL_WORDS)
        texts.append(f"CAST({raw} AS VARCHAR) AS {text}")
        values += [text, f"{_strict(trial, text)} AS {value}", f"{trial.holds_nothing(text)} AS n{number}"]
        asked += [
            f"count(*) FILTER (NOT n{number})",
            f"count({value})",
            f"count(*) FILTER (n{number} AND {text} <> '')",
        ]
        asked.append(f"min({text}) FILTER (NOT n{number} AND {value} IS NULL)")
        digits = _plain_digits(form, text)
        whole, scale = (
            f"max(length(split_part({digits}, '.', {part}))) FILTER ({value} IS NOT NULL)" for part in (1, 2)
        )
        asked += [whole, scale] if form.base == "DECIMAL" else ["NULL", "NULL"]
        asked.append(f"bool_or(contains({text}, '.'))" if form.base == "BIGINT" else "false")
    answer = con.execute(
        f"SELECT {', '.join(asked)} FROM (SELECT {', '.join(values)} FROM (SELECT {', '.join(texts)} FROM {RAW}))"
    ).fetchone()
    verdicts = []
    for index, (raw, form) in enumerate(tried):
        filled, fitting, words, example, whole, scale, points = answer[7 * index : 7 * index + 7]
        found: Form | None = None
        if filled == fitting:
            type_ = decimal_type(whole or 1, scale or 0) if form.base == "DECIMAL" else form.type
            found = replace(form, type=type_, nulls=_null_words(con, raw) if words else ())
        verdicts.append(_Verdict(found, filled, fitting, example, bool(points)))
    return verdicts


def _null_words(con: duckdb.DuckDBPyConnection, raw: str) -> tuple[str, ...]:
    """The words for nothing that a column uses."""
    word = f"trim(CAST({raw} AS VARCHAR))"
    rows = con.execute(f"SELECT DISTINCT {word} FROM {RAW} WHERE {word} IN ({_words()}) ORDER BY 1").fetchall()
    return tuple(row[0] for row in rows)


def _words() -> str:
    return ", ".join(map(quote_literal, NULL_WORDS))


def _strict(form: Form, text: str) -> str:
    """The value as `Form.read` gives it, but with the narrow patterns by which a form is chosen (no leading zeros)."""
    if form.base == "DECIMAL":
        plain = {"comma": f"replace(replace({text}, '.', ''), ',', '.')", "thousands": f"replace({text}, ',', '')"}
        pattern = {
            "": r"-?(0|[1-9][0-9]*)(\.[0-9]+)?",
            "comma": r"-?(0|[1-9][0-9]*|[1-9][0-9]{0,2}(\.[0-9]{3})+)(,[0-9]+)?",
            "thousands": r"-?(0|[1-9][0-9]*|[1-9][0-9]{0,2}(,[0-9]{3})+)(\.[0-9]+)?",
        }[form.written]
        return (
            f"CASE WHEN NOT ({form.holds_nothing(text)}) AND regexp_full_match(trim({text}), {quote_literal(pattern)}) "
            f"THEN {plain.get(form.written, text)} END"
        )
    if form.base == "BIGINT":
        return (
            f"CASE WHEN NOT ({form.holds_nothing(text)}) "
            f"AND regexp_full_match(trim({text}), '-?(0|[1-9][0-9]{{0,17}})') THEN {text} END"
        )
    return form.read(text)


def _plain_digits(form: Form, text: str) -> str:
    """A decimal without its sign and thousands, with a point."""
    plain = {"comma": f"replace(replace({text}, '.', ''), ',', '.')", "thousands": f"replace({text}, ',', '')"}
    return f"ltrim(trim({plain.get(form.written, text)}), '-')"


def _kept(con: duckdb.DuckDBPyConnection, column: TypedColumn) -> TypedColumn:
    """A column that has a type of its own: kept, unless no contract can say it or it is money as DOUBLE."""
    type_ = column.cast or "VARCHAR"
    if type_ == "DOUBLE" and MONEY_NAME.search(column.name):
        inexact = con.execute(
            f"SELECT count(*) FROM {RAW} WHERE round({column.raw}, {_EXACT_PLACES}) <> {column.raw} "
            f"OR abs({column.raw}) >= 1e15 OR NOT isfinite({column.raw})"
        ).fetchone()[0]
        if not inexact:
            return replace(
                column, cast="DECIMAL(18,2)", notes=("DOUBLE in the file; every value is exact to the cent",)
            )
        return replace(column, notes=("money as DOUBLE, with more than two decimals: sums will not be exact",))
    try:
        known = canonical_type(type_)
    except ColumnTypeError:
        return replace(column, cast="VARCHAR", notes=(f"{type_} in the file, which no contract can say: kept as text",))
    return replace(column, cast=known)
