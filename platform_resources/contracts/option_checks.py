"""Can what a column asks of its values be measured? `logicalTypeOptions`, of the column and of what it holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from difflib import get_close_matches

from platform_resources.contracts.column_types import ColumnTypeError, canonical_type, is_integer
from platform_resources.contracts.elements import Element, elements_within
from platform_resources.contracts.findings import Finding, shown
from platform_resources.contracts.nodes import Node
from platform_resources.contracts.options import FLOAT_FORMATS, TEXT_FORMATS, TEXT_FORMATS_TOLD
from platform_resources.contracts.rule_checks import check_pattern

_LIMITS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
# Which options can be measured of which types: an option that is in no row is told to readers, and that is all.
_OF_TYPES = (
    ("texts (VARCHAR, UUID)", ("minLength", "maxLength", "pattern")),
    ("numbers, dates and times", _LIMITS),
    ("numbers", ("multipleOf",)),
    ("lists", ("minItems", "maxItems", "uniqueItems", "dimensions")),
    ("lists of numbers", ("normalized",)),
    ("STRUCT, MAP and JSON", ("minProperties", "maxProperties", "required")),
)
_PROMISES = ("required", "unique", "primaryKey", "logicalTypeOptions", "enum", "quality", "relationships")
_OF_COLUMNS = ("primaryKey", "relationships")
_VECTOR_TYPES = {"float32": "FLOAT", "float64": "DOUBLE", "int8": "TINYINT", "uint8": "UTINYINT"}
_TIME = re.compile(r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?")


def check_options(column: Node) -> Iterator[Finding]:
    """Findings on the `logicalTypeOptions` of a column, and on promises about what it holds."""
    try:
        canonical = canonical_type(column.text("physicalType") or "")
    except ColumnTypeError:
        canonical = None  # said at the type
    yield from _check_options(column, canonical)
    if canonical is not None:
        for element in elements_within(column):
            yield from _check_element(element, canonical)


def _check_options(column: Node, canonical: str | None) -> Iterator[Finding]:
    """`canonical`: the type that it is delivered in; None where it is not known."""
    options = column.at("logicalTypeOptions")
    if not isinstance(options.value, dict) or not options.value:
        return
    logical = column.text("logicalType")
    if logical is None:
        yield options.finding(
            "option-type", "`logicalTypeOptions` stand without a `logicalType`.", "Add it: options belong to a type."
        )
    if "pattern" in options:
        yield from check_pattern(options.at("pattern"), options.get("pattern"))
    yield from _check_order(options)
    if canonical is None:
        return
    yield from _check_types(options, canonical)
    yield from _check_moments(options, canonical)
    yield from _check_format(options, logical or "", canonical)
    yield from _check_zone(options, canonical)
    yield from _check_vector(options, canonical)


def _check_order(options: Node) -> Iterator[Finding]:
    pairs = (("minLength", "maxLength"), ("minimum", "maximum"), ("minItems", "maxItems"))
    for low, high in (*pairs, ("minProperties", "maxProperties")):
        least, most = options.get(low), options.get(high)
        if isinstance(least, int | float) and isinstance(most, int | float) and least > most:
            yield options.at(low).finding(
                "option-range",
                f"`{low}` {least} is above `{high}` {most}: no value can be valid.",
                "Swap or mend them.",
            )


def _check_types(options: Node, canonical: str) -> Iterator[Finding]:
    for what, names in _OF_TYPES:
        for name in names:
            if name in options and not _measured(what, canonical):
                yield options.at(name).finding(
                    "option-type",
                    f"`{name}` is for {what}; a column of type {canonical[:60]} can't be held to it.",
                    "Delete it, or mend `physicalType`.",
                )


def _measured(what: str, canonical: str) -> bool:
    is_list = canonical.endswith("]")
    if what.startswith("lists") or is_list:
        holds_numbers = is_list and _measured("numbers", canonical.rpartition("[")[0])
        return is_list and (what == "lists" or (what == "lists of numbers" and holds_numbers))
    if what.startswith("texts"):
        return canonical in ("VARCHAR", "UUID")
    if what.startswith("STRUCT"):
        return canonical.startswith(("STRUCT(", "MAP(")) or canonical == "JSON"
    is_number = is_integer(canonical) or canonical.startswith("DECIMAL") or canonical in ("FLOAT", "DOUBLE")
    return is_number or (what != "numbers" and (canonical in ("DATE", "TIME") or canonical.startswith("TIMESTAMP")))


def _check_moments(options: Node, canonical: str) -> Iterator[Finding]:
    """Limits of a date or time are texts, so that any text passes the schema."""
    for name in _LIMITS:
        written = options.get(name)
        if not isinstance(written, str) or not (canonical in ("DATE", "TIME") or canonical.startswith("TIMESTAMP")):
            continue
        if not (_TIME.fullmatch(written) if canonical == "TIME" else _is_moment(written)):
            example = "08:30" if canonical == "TIME" else "2026-01-31, or 2026-01-31T08:30:00+01:00"
            yield options.at(name).finding(
                "option-limit", f"`{name}` is {shown(written)}, which is no {canonical}.", f"Write it as {example}."
            )


def _is_moment(written: str) -> bool:
    try:
        moment = datetime.fromisoformat(written)
        if moment.tzinfo is not None:
            moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter in UTC, before the year 1 or after 9999
        return False
    return True


def _check_format(options: Node, logical: str, canonical: str) -> Iterator[Finding]:
    written = options.get("format")
    if not isinstance(written, str):
        return
    node = options.at("format")
    if logical == "string" and written in TEXT_FORMATS and canonical not in ("VARCHAR", "UUID"):
        yield node.finding(
            "option-type",
            f"`format` is for texts (VARCHAR, UUID); a column of type {canonical[:60]} can't be held to it.",
            "Delete it, or mend `physicalType`.",
        )
    elif logical == "string" and written not in (*TEXT_FORMATS, *TEXT_FORMATS_TOLD):
        close = get_close_matches(written[:60], TEXT_FORMATS, 1, 0.7)
        remedy = f"Write one of {', '.join(TEXT_FORMATS)}, or a `pattern`."
        message = f"`format` is {shown(written)}, which nothing can be measured by."
        yield node.finding("option-format", message, f"Did you mean `{close[0]}`?" if close else remedy, "warning")
    elif logical == "number" and written in FLOAT_FORMATS and canonical not in FLOAT_FORMATS[written]:
        message = f"`format` is {written}, and a column of type {canonical[:60]} holds other numbers than that."
        remedy = f"Delete `format`, or write `physicalType: {FLOAT_FORMATS[written][-1]}`."
        yield node.finding("option-format", message, remedy, "warning")
    elif logical in ("date", "timestamp", "time") or written in TEXT_FORMATS_TOLD:
        yield _told(node, f"A column of type {canonical[:60]} is no text that could be written so.")


def _check_zone(options: Node, canonical: str) -> Iterator[Finding]:
    has_zone = canonical.endswith("WITH TIME ZONE")
    said = options.get("timezone")
    if isinstance(said, bool) and said is not has_zone:
        wanted = "TIMESTAMPTZ" if said else "TIMESTAMP"
        yield options.at("timezone").finding(
            "option-zone",
            f"`timezone` is {str(said).lower()}, and a column of type {canonical[:60]} has {'a' if has_zone else 'no'} "
            "time zone.",
            f"Write `physicalType: {wanted}`, or mend `timezone`.",
        )
    zone = options.get("defaultTimezone")
    if isinstance(zone, str) and zone not in ("UTC", "Etc/UTC") and not has_zone:
        yield options.at("defaultTimezone").finding(
            "option-zone",
            f"`defaultTimezone` is {shown(zone)}, but moments without a zone are taken for UTC.",
            "Write `physicalType: TIMESTAMPTZ`, or deliver UTC and delete it.",
            "warning",
        )


def _check_vector(options: Node, canonical: str) -> Iterator[Finding]:
    wanted = _VECTOR_TYPES.get(str(options.get("elementType")))
    if wanted is not None and canonical.endswith("]") and not canonical.startswith(f"{wanted}["):
        yield options.at("elementType").finding(
            "option-format",
            f"`elementType` is {options.get('elementType')}, but the column is {canonical[:60]}.",
            f"Write `physicalType: {wanted}[]`, or mend it.",
            "warning",
        )


def _check_element(element: Element, canonical: str) -> Iterator[Finding]:
    """`canonical`: the type of the column that holds it."""
    path, node = element.path[:60], element.node
    if element.type is None:
        said = _promises(node, _PROMISES)
        if said:
            yield node.finding(
                "promise-inside",
                f"What is promised of {shown(path)} is not measured ({', '.join(said)}): {canonical[:60]} has no such "
                "element.",
                "Mend the column's `physicalType`, or deliver it as a column of its own.",
                "warning",
            )
        return
    if said := _promises(node, _OF_COLUMNS):
        yield node.finding(
            "promise-inside",
            f"What is promised of {shown(path)} is not measured: {', '.join(said)}, which only columns can keep.",
            "Deliver it as a column of its own, or ask for it by a rule of type sql.",
            "warning",
        )
    yield from _check_inner_type(element)
    yield from _check_options(node, element.type)


def _promises(node: Node, among: tuple[str, ...]) -> list[str]:
    return [name for name in among if node.get(name) not in (None, False, [], {})]


def _check_inner_type(element: Element) -> Iterator[Finding]:
    written, held = element.node.text("physicalType"), element.type
    try:
        said = None if written is None else canonical_type(written)
    except ColumnTypeError:
        said = written
    if said not in (None, held):
        yield element.node.at("physicalType").finding(
            "type-inside",
            f"{shown(element.path[:60])} is {shown(written)} here and {str(held)[:60]} in the column's own type.",
            "Mend one of them: the column's own type is what is delivered.",
            "warning",
        )


def _told(node: Node, why: str) -> Finding:
    message = f"`{node.path[-1]}` is told to readers and not measured. {why}"
    return node.finding("told-only", message, "Delete it, or leave it for readers.", "info")
