"""Column types of other databases, in DuckDB's words: what an imported contract promises must be what is delivered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from platform_resources.contracts import ColumnTypeError, canonical_type

# Name of a server type (ODCS) or adapter (dbt) -> sqlglot's name of its SQL.
_DIALECTS = {
    "athena": "athena", "bigquery": "bigquery", "clickhouse": "clickhouse", "databricks": "databricks",
    "dremio": "dremio", "duckdb": "duckdb", "exasol": "exasol", "fabric": "tsql", "glue": "athena", "hive": "hive",
    "impala": "hive", "mysql": "mysql", "oracle": "oracle", "postgres": "postgres", "postgresql": "postgres",
    "presto": "presto", "redshift": "redshift", "snowflake": "snowflake", "spark": "spark", "sqlite": "sqlite",
    "sqlserver": "tsql", "synapse": "tsql", "teradata": "teradata", "trino": "trino",
}  # fmt: skip
_GUESSES = ("snowflake", "bigquery", "databricks", "postgres", "tsql", "oracle", "mysql", "clickhouse", "trino")
# What sqlglot passes on as it is. A value keeps its text where DuckDB has no such type.
_WITHOUT_COUNTERPART = {
    "VARIANT": "JSON", "OBJECT": "JSON", "SUPER": "JSON", "GEOGRAPHY": "VARCHAR", "GEOMETRY": "VARCHAR",
    "HLLSKETCH": "BLOB", "SERIAL": "INTEGER", "BIGSERIAL": "BIGINT", "SMALLSERIAL": "SMALLINT",
    "MONEY": "DECIMAL(19,4)", "SMALLMONEY": "DECIMAL(10,4)", "BIT": "BOOLEAN", "XML": "VARCHAR", "INET": "VARCHAR",
    "ENUM": "VARCHAR", "ROWVERSION": "BLOB", "DATETIMEOFFSET": "TIMESTAMP WITH TIME ZONE", "YEAR": "SMALLINT",
}  # fmt: skip
_BY_LOGICAL_TYPE = {
    "string": "VARCHAR", "date": "DATE", "timestamp": "TIMESTAMP", "time": "TIME", "number": "DOUBLE",
    "integer": "BIGINT", "boolean": "BOOLEAN", "object": "JSON", "array": "VARCHAR[]", "map": "JSON",
    "vector": "FLOAT[]",
}  # fmt: skip
_LOGICAL = (
    (r".*\]", "array"),
    (r"STRUCT.*|MAP.*", "object"),
    (r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?", "integer"),
    (r"DECIMAL.*|DOUBLE|FLOAT", "number"),
    (r"TIMESTAMP.*", "timestamp"),
    (r"DATE", "date"),
    (r"TIME.*", "time"),
    (r"BOOLEAN", "boolean"),
)


def dialect_of(name: str | None) -> str | None:
    """The SQL dialect of a server type or dbt adapter; None for what is no database that is known here."""
    return _DIALECTS.get((name or "").lower())


def logical_type(canonical: str) -> str:
    """The ODCS logical type of a DuckDB type.

    >>> logical_type("DECIMAL(18,2)"), logical_type("VARCHAR[]"), logical_type("UUID")
    ('number', 'array', 'string')
    """
    return next((logical for pattern, logical in _LOGICAL if re.fullmatch(pattern, canonical)), "string")


@cache
def duckdb_type(written: str, dialect: str | None = None) -> str | None:
    """`written` as DuckDB names the type; None when it is no type of the dialect.

    Without a dialect, or when DuckDB itself doesn't know it, every other database is asked.

    A type without a counterpart becomes what keeps its values whole: a VARIANT is JSON, a GEOGRAPHY its text.

    >>> duckdb_type("NUMBER(38,0)", "snowflake"), duckdb_type("ARRAY<STRING>", "bigquery")
    ('DECIMAL(38,0)', 'VARCHAR[]')
    """
    if dialect in (None, "duckdb"):
        try:
            return canonical_type(written)
        except ColumnTypeError:
            dialect = None
    for candidate in (dialect,) if dialect else _GUESSES:
        for text in _spellings(written, candidate):
            try:
                return canonical_type(text)
            except ColumnTypeError:
                continue
    return None


def _spellings(written: str, dialect: str) -> Iterator[str]:
    """What the type may be called in DuckDB, likeliest first."""
    import sqlglot  # noqa: PLC0415  (0.2 s that only foreign types cost)
    from sqlglot.errors import SqlglotError  # noqa: PLC0415

    try:
        text = sqlglot.exp.DataType.build(written, dialect=dialect).sql(dialect="duckdb")
    except (SqlglotError, ValueError):
        return
    wrapped = re.fullmatch(r"LOWCARDINALITY\((.*)\)", text)
    text = wrapped[1] if wrapped else text
    base, _, arguments = text.partition("(")
    if base == "DECIMAL" and not arguments:  # without digits: as many as there can be, not DuckDB's 18
        yield {"bigquery": "DECIMAL(38,9)", "snowflake": "DECIMAL(38,0)"}.get(dialect, "DOUBLE")
    if base in _WITHOUT_COUNTERPART and not (dialect not in ("tsql", "mysql") and base == "BIT"):
        yield _WITHOUT_COUNTERPART[base]
    if text == "[]":  # a list of anything
        yield "JSON"
    if base in ("TIMESTAMP", "TIMESTAMPTZ", "DATETIME", "DATETIME64", "TIME", "TINYINT", "INT", "BIGINT", "SMALLINT"):
        yield base.removesuffix("64")  # their digits tell precision or display width, which DuckDB fixes
    if base in ("BLOB", "VARBINARY", "BINARY"):
        yield "BLOB"
    yield text


def type_by_logical(column: Mapping[str, Any], dialect: str | None = None) -> str:
    """The DuckDB type for an ODCS property that only says (or only makes sense by) its logical type.

    >>> type_by_logical({"logicalType": "array", "items": {"logicalType": "integer"}})
    'BIGINT[]'
    """
    logical = column.get("logicalType")
    properties, items = column.get("properties"), column.get("items")
    if logical == "object" and isinstance(properties, list) and properties:
        fields = [f"{p.get('name')} {_type_of(p, dialect)}" for p in properties if isinstance(p, dict)]
        return _canonical_or(f"STRUCT({', '.join(fields)})", "JSON")
    if logical == "array" and isinstance(items, dict):
        return _canonical_or(f"{_type_of(items, dialect)}[]", "VARCHAR[]")
    return _BY_LOGICAL_TYPE.get(str(logical), "VARCHAR")


def _type_of(column: Mapping[str, Any], dialect: str | None) -> str:
    written = column.get("physicalType")
    known = duckdb_type(written, dialect) if isinstance(written, str) else None
    return known or type_by_logical(column, dialect)


def _canonical_or(text: str, fallback: str) -> str:
    try:
        return canonical_type(text)
    except ColumnTypeError:
        return fallback
