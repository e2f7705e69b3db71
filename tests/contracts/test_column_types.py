"""The type names of contracts are DuckDB's own, and nothing but types."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from platform_resources.contracts import ColumnTypeError, canonical_type, contract_column_types, load_contract

SPELLINGS = [
    *("BIGINT", "int8", "long", "INTEGER", "int", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "uinteger", "usmallint"),
    *("utinyint", "uhugeint", "boolean", "BOOL", "DOUBLE", "double precision", "FLOAT", "real", "VARCHAR", "text"),
    *("string", "varchar(40)", "char(2)", "BLOB", "bytea", "DATE", "TIME", "TIMESTAMP", "datetime", "timestamp_s"),
    *("TIMESTAMP_MS", "timestamp_ns", "TIMESTAMPTZ", "timestamp with time zone", "timetz", "TIME WITH TIME ZONE"),
    *("INTERVAL", "UUID", "decimal", "DECIMAL(18,2)", "numeric( 10 , 4 )", "DECIMAL(5)", "dec(4,1)", "BIGINT[]"),
    *("VARCHAR[3]", "INTEGER[][]", "STRUCT(a INTEGER, b VARCHAR[])", "map(varchar, DECIMAL(9,2))"),
    "STRUCT(a STRUCT(b TIMESTAMPTZ), c MAP(INTEGER, TEXT)[])",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_types_are_named_as_duckdb_describes_them(spelling: str) -> None:
    with duckdb.connect() as connection:
        described = connection.execute(f"DESCRIBE SELECT NULL::{spelling} AS c").fetchall()[0][1]
    assert canonical_type(spelling) == described
    assert canonical_type(described) == described


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "VARCHAR2", "NUMBER", "DECIMAL(2,3)", "DECIMAL(39,2)", "DECIMAL(18,2", "DECIMAL(a)", "BIGINT)"),
        *("BIGINT; DROP TABLE x", "BIGINT) FROM read_csv('/etc/passwd') --", "VARCHAR COLLATE nocase", "STRUCT()"),
        *("STRUCT(INTEGER)", "MAP(INTEGER)", "BIGINT[", "BIGINT]", "[]", "STRUCT(" * 5_000, "BIGINT" + "[]" * 5_000),
        *("ENUM('a')", "DECIMAL(99999999999999999999)", "BIGINT[1,2]", "BIGINT BIGINT"),
    ],
)
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(ColumnTypeError):
        canonical_type(text)


def test_the_types_of_a_contract_are_in_its_order(contract_file: Path) -> None:
    assert list(contract_column_types(load_contract(contract_file)).items()) == [
        ("household_id", "BIGINT"),
        ("email", "VARCHAR"),
        ("spend", "DECIMAL(18,2)"),
        ("home_store_id", "BIGINT"),
        ("updated_at", "TIMESTAMP WITH TIME ZONE"),
    ]
