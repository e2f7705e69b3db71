"""What redacted values look like: for each type one value that tells nothing, so that type and NOT NULL hold."""

from __future__ import annotations

from platform_resources.contracts.column_types import fields_of
from platform_resources.contracts.masking import decimal_of, family_of
from platform_resources.contracts.model import Column
from platform_resources.lake import quote_identifier, quote_literal

STARS = "***"
_JSON = {"object": "{}", "map": "{}", "array": "[]", "vector": "[]"}
_JSON_TEXT = '"***"'
_CONSTANTS = {
    "boolean": "false",
    "date": "1970-01-01",
    "interval": "0 days",
    "uuid": "00000000-0000-0000-0000-000000000000",
    "blob": "",
}


def redacted_sql(column: Column, canonical: str) -> str:
    """A redacted value as SQL of the column's type: `***`, 0, 1970-01-01, false, nothing in a list.

    | type | value |
    |---|---|
    | text | `***`, cut to the contract's maxLength |
    | numbers | 0 |
    | date, timestamp, time | 1970-01-01, midnight (UTC) |
    | boolean | false |
    | interval, UUID, BLOB | no time, only zeros, empty |
    | JSON | `{}`, `[]` or `"***"`, by the logical type |
    | list, map | empty |
    | struct, array of fixed length | each of its values is null |
    """
    name, family = quote_identifier(column.name), family_of(canonical)
    match family:
        case "text":
            longest = column.options.get("maxLength")
            return quote_literal(STARS[:longest] if isinstance(longest, int) and longest >= 0 else STARS)
        case "list" if canonical.endswith("[]"):
            return f"list_slice({name}, 1, 0)"
        case "list":
            return f"CAST(list_transform({name}, x -> CASE WHEN false THEN x END) AS {canonical})"
        case "map":
            return f"map_from_entries(list_slice(map_entries({name}), 1, 0))"
        case "struct":
            return f"struct_pack({', '.join(_nothing(name, field) for field in fields_of(canonical))})"
        case "json":
            return f"CAST({quote_literal(_JSON.get(column.logical_type or '', _JSON_TEXT))} AS JSON)"
        case "integer" | "float" | "decimal":
            return number_sql("0", canonical)
        case "timestamp" | "time":
            zone = "+00" if canonical.endswith("ZONE") else ""
            day = "1970-01-01 " if family == "timestamp" else ""
            return f"CAST({quote_literal(f'{day}00:00:00{zone}')} AS {canonical})"
        case _:
            return f"CAST({quote_literal(_CONSTANTS[family])} AS {canonical})"


def number_sql(number: str, canonical: str) -> str:
    """A number as a constant of the type; as text, because a long one would be read as a DOUBLE."""
    if canonical.startswith("DECIMAL("):
        width, scale = decimal_of(canonical)
        return f"CAST({quote_literal(number)} AS DECIMAL({width},{scale}))"
    return f"CAST({quote_literal(number)} AS {canonical})"


def _nothing(struct: str, field: str) -> str:
    quoted = quote_identifier(field)
    return f"{quoted} := CASE WHEN false THEN struct_extract({struct}, {quote_literal(field)}) END"
