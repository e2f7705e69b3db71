"""Every type of a column as NDJSON, JSON and CSV, and as the value of a filter; all by the real DuckDB."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import duckdb
import pytest

from platform_resources.access.errors import BadQueryError
from platform_resources.access.model import Condition
from platform_resources.access.relations.conditions import MAX_CONDITIONS, MAX_VALUES, where
from platform_resources.access.relations.rendering import ColumnType, TextForm, head, rows_as_text, tail, text_bytes


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def text_of(con: duckdb.DuckDBPyConnection, select: str, form: TextForm, batch_rows: int = 2048) -> str:
    told = con.execute(select).description
    types = {name: ColumnType.of(kind) for name, kind, *_ in told}
    reader = con.execute(rows_as_text(select, list(types), types, form)).to_arrow_reader(batch_rows)
    rows = b"".join(text_bytes(batch) for batch in reader)
    return (head(form, list(types)) + rows[form == "json" :] + tail(form)).decode()


VALUES = {  # SQL -> value in JSON, text in CSV
    "42::BIGINT": (42, "42"),
    "9007199254740993::BIGINT": (9007199254740993, "9007199254740993"),
    "12345678901234567890.12::DECIMAL(38,2)": ("12345678901234567890.12", "12345678901234567890.12"),
    "0.1::FLOAT": (0.1, "0.1"),
    "'nan'::DOUBLE": (None, "nan"),
    "'-inf'::FLOAT": (None, "-inf"),
    "true": (True, "true"),
    "NULL::INTEGER": (None, ""),
    "NULL::VARCHAR": (None, ""),
    "''": ("", ""),
    "'a\"b,c' || chr(10) || 'é\u2028'": ('a"b,c\né\u2028', 'a"b,c\né\u2028'),
    "'=1+1'": ("=1+1", "=1+1"),
    "DATE '2026-01-31'": ("2026-01-31", "2026-01-31"),
    "TIME '10:00:00'": ("10:00:00", "10:00:00"),
    "TIMESTAMP '2026-01-31 10:00:00.5'": ("2026-01-31T10:00:00.500000", "2026-01-31T10:00:00.500000"),
    "TIMESTAMPTZ '2026-01-31 12:00:00+02'": ("2026-01-31T10:00:00.000000Z", "2026-01-31T10:00:00.000000Z"),
    "'\\x00\\xFF'::BLOB": ("AP8=", "AP8="),
    "'00000000-0000-0000-0000-000000000001'::UUID": ("00000000-0000-0000-0000-000000000001",) * 2,
    "'x'::ENUM('x', 'y')": ("x", "x"),
    "INTERVAL 1 DAY": ("1 day", "1 day"),
    "[1.5, 'nan'::DOUBLE]": ([1.5, None], "[1.5,null]"),
    "{'at': TIMESTAMPTZ '2026-01-01 00:00:00+00', 'n': [{'b': 'a'::BLOB}]}": (
        {"at": "2026-01-01T00:00:00.000000Z", "n": [{"b": "YQ=="}]},
        '{"at":"2026-01-01T00:00:00.000000Z","n":[{"b":"YQ=="}]}',
    ),
    "NULL::STRUCT(a DOUBLE)": (None, ""),
    "map {'k': 'inf'::DOUBLE}": ({"k": None}, '{"k":null}'),
    '\'{"a": [1, "NaN"]}\'::JSON': ({"a": [1, "NaN"]}, '{"a": [1, "NaN"]}'),
}


def test_every_type_is_valid_json_and_csv(con: duckdb.DuckDBPyConnection) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    select = "SELECT " + ", ".join(f"{value} AS c{n}" for n, value in enumerate(VALUES))
    exact = {"parse_float": lambda digits: digits if len(digits) > 17 else float(digits), "parse_constant": refuse}
    row = json.loads(text_of(con, select, "ndjson"), **exact)
    assert list(row.values()) == [value for value, _ in VALUES.values()]
    assert json.loads(text_of(con, select, "json"), **exact) == [row]
    written = text_of(con, select, "csv")
    assert written.endswith("\r\n")
    (fields,) = csv.DictReader(io.StringIO(written, newline=""))
    assert list(fields.values()) == [text for _, text in VALUES.values()]
    assert ',"",' in written  # an empty text is told from null


def test_a_document_that_is_no_json_to_others_becomes_text(con: duckdb.DuckDBPyConnection) -> None:
    assert json.loads(text_of(con, "SELECT '{\"a\": NaN}'::JSON AS c", "ndjson")) == {"c": '{"a": NaN}'}


def test_names_of_columns_need_no_care(con: duckdb.DuckDBPyConnection) -> None:
    select = """SELECT 1 AS "it's", 2 AS "a ""b"", c" """
    assert json.loads(text_of(con, select, "ndjson")) == {"it's": 1, 'a "b", c': 2}
    assert next(csv.reader(io.StringIO(text_of(con, select, "csv"), newline=""))) == ["it's", 'a "b", c']


@pytest.mark.parametrize("form", ["ndjson", "json", "csv"])
def test_no_rows_one_column_of_nulls_and_many_batches_keep_order(
    con: duckdb.DuckDBPyConnection, form: TextForm
) -> None:
    def count(text: str) -> int:
        if form == "json":
            return len(json.loads(text))
        return len(list(csv.DictReader(io.StringIO(text)))) if form == "csv" else len(text.splitlines())

    assert count(text_of(con, "SELECT 1 AS a WHERE false", form)) == 0
    assert count(text_of(con, "SELECT NULL::INTEGER AS a FROM range(5)", form)) == 5
    ordered = text_of(con, "SELECT i AS a FROM range(50000) AS r(i) ORDER BY i DESC LIMIT 40000", form)
    assert count(ordered) == 40_000
    digits = [
        int("".join(c for c in line if c.isdigit())) for line in ordered.splitlines() if any(map(str.isdigit, line))
    ]
    assert digits == list(range(49_999, 9_999, -1))


KINDS = {"n": "bigint", "f": "double", "t": "varchar", "b": "boolean", "day": "date"}
KINDS |= {"at": "timestamp with time zone", "blob": "blob", "id": "uuid", "list": "list", "small": "utinyint"}
KINDS |= {"d": "decimal(12,2)", "share": "decimal(2,2)"}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("n", v) for v in ("1.5", "x", "", "9223372036854775808", "1e3", "\u0661", True, None, "1" * 5000)),
        *(("small", v) for v in ("-1", "256")),
        *(("d", v) for v in ("NaN", "inf", "1e999999", "x", "1" * 39)),
        *(("d", v) for v in ("9" * 38, "12345678901", "0." + "1" * 29)),
        *(("f", v) for v in ("nan", "inf", "x", "1e400")),
        *(("b", v) for v in ("1", "yes", "")),
        *(("day", v) for v in ("31.01.2026", "2026-13-01", "x")),
        *(("at", v) for v in ("yesterday", "2026-01-01T99:00")),
        ("t", "\ud800"),
        ("t", "x" * 5000),
        ("blob", "*"),
        ("list", "1"),
    ],
)
def test_a_value_of_another_type_is_refused_with_the_columns_name_alone(column: str, value: object) -> None:
    with pytest.raises(BadQueryError) as refused:
        where([Condition(column, "=", value)], KINDS)
    assert column in refused.value.message
    assert not value or len(str(value)) < 4 or str(value) not in refused.value.message


def test_values_come_as_text_or_typed(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "CREATE OR REPLACE TABLE typed AS SELECT 7::BIGINT n, 1.50::DECIMAL(12,2) d, 0.5::DOUBLE f, 'a_b' t, true b, "
        "DATE '2026-01-31' AS day, TIMESTAMPTZ '2026-01-31 10:00:00+00' AS at, 'a'::BLOB AS blob, "
        "'00000000-0000-0000-0000-000000000001'::UUID AS id, [1] AS list, 200::UTINYINT AS small, "
        "0::DECIMAL(2,2) AS share"
    )

    def holds(*conditions: Condition) -> bool:
        texts, parameters = where(conditions, KINDS)
        return bool(con.execute(f"SELECT count(*) FROM typed WHERE {' AND '.join(texts)}", parameters).fetchone()[0])

    assert holds(
        *(Condition("n", "=", "7"), Condition("n", "in", ("7", 8)), Condition("n", "not in", ("1",))),
        *(Condition("d", "=", "1.5"), Condition("d", "<", "1.505"), Condition("f", ">=", 0.5)),
        *(Condition("t", "like", "a_%"), Condition("t", "like", "a%"), Condition("b", "=", "TRUE")),
    )
    assert holds(
        *(Condition("day", "<=", "2026-01-31"), Condition("at", "=", "2026-01-31T12:00:00+02:00")),
        *(Condition("at", "=", "2026-01-31T10:00:00"), Condition("blob", "=", "YQ=="), Condition("small", "!=", "7")),
        *(Condition("id", "=", "00000000-0000-0000-0000-000000000001"), Condition("list", "is not null")),
    )
    assert holds(
        *(Condition("d", "=", "1.5"), Condition("d", "<", "1." + "5" * 28), Condition("share", "=", "0")),
        *(
            Condition("d", "<", "9" * 10),
            Condition("d", ">", "0." + "0" * 27 + "1"),
            Condition("share", "<", ".5"),
        ),
    )
    assert not holds(Condition("t", "=", "x' OR '1'='1"))


def test_filters_are_bounded() -> None:
    for conditions in (
        [Condition("n", "=", "1")] * (MAX_CONDITIONS + 1),
        [Condition("n", "in", ("1",) * (MAX_VALUES + 1))],
        [Condition("n", "in", ())],
        [Condition("n", "in", "1,2")],
        [Condition("t", "like", "%a" * 11)],
        [Condition("n", "like", "1%")],
        [Condition("n", "~", "1")],  # type: ignore[arg-type]
    ):
        with pytest.raises(BadQueryError):
            where(conditions, KINDS)
