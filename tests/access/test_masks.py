"""Masks, run by DuckDB: they equal a naive reference, keep type and nullability of every type, and fail on no value."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_resources.access.model import Mask
from platform_resources.access.policy.mask_strength import applied_mask
from platform_resources.access.policy.masks import key_id, mask_sql
from platform_resources.contracts.model import Column, Origin
from tests.access.naive_policies import masked

KEY = "k" * 64


def column(kind: str, **facts: Any) -> Column:
    return Column("x y", None, kind, Origin(Path("v1.odcs.yaml"), 1, ""), **facts)


@pytest.fixture(scope="module")
def con():
    with duckdb.connect(config={"threads": 1}) as con:
        con.execute("SET TimeZone = 'America/New_York'")  # masks do not depend on it
        yield con


def seen(con: duckdb.DuckDBPyConnection, kind: str, values: list[Any], masks: list[Mask], **facts: Any) -> list[Any]:
    con.execute(f'CREATE OR REPLACE TEMP TABLE t (i INTEGER, "x y" {kind})')
    for number, value in enumerate(values):
        con.execute(f"INSERT INTO t VALUES ({number}, CAST(? AS {kind}))", [value])
    sql = mask_sql(column(kind, **facts), masks, lambda: KEY)
    return [row[0] for row in con.execute(f"SELECT {sql} FROM t ORDER BY i").fetchall()]


VALUES: dict[str, list[Any]] = {
    "VARCHAR": ["", "a", "ab", "abc", "a@b", "a@b.c", "ann@Example.com", "x@y@z.com", "\0abc", "é😀x", "ÀÁ@x.de",
                "+1-555-123-4567", "555-123-4567", "+123456-78", "0211 1234567", "+1-800-FLOWERS", "x" * 100_000,
                "@b.c", "ann@.com", "note to ann@x.com/secret"],
    "BIGINT": [0, 1, -1, 17, -17, 2**63 - 1, -(2**63), -(2**63) + 9],
    "TINYINT": [0, 1, -1, 17, 127, -128, -121],
    "DECIMAL(9,2)": [Decimal("0"), Decimal("17.55"), Decimal("-17.55"), Decimal("9999999.99"), Decimal("-9999999.99")],
    "DOUBLE": [0.0, -0.0, 17.5, -17.5, 1e308, -1e308, float("inf"), float("-inf"), float("nan"), 5e-324],
    "DATE": [date(2024, 2, 29), date(1, 1, 1), date(9999, 12, 31), date(1969, 12, 31)],
    "BOOLEAN": [True, False],
}  # fmt: skip
OPTIONS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "VARCHAR": [("hash", {}), ("partial", {}), *(("partial", {"format": f}) for f in ("email", "phone", "name"))],
    "BIGINT": [("hash", {}), *(("generalise", {"bucket": b}) for b in (1, 10, 15, 4 * 10**18))],
    "TINYINT": [("generalise", {"bucket": b}) for b in (1, 10, 15, 100)],
    "DECIMAL(9,2)": [("generalise", {"bucket": b}) for b in (0.25, 10, 1000)],
    "DOUBLE": [("generalise", {"bucket": b}) for b in (0.5, 10, 1000)],
    "DATE": [("generalise", {"unit": unit}) for unit in ("day", "week", "month", "quarter", "year")],
    "BOOLEAN": [],
}
for _number in ("BIGINT", "TINYINT", "DECIMAL(9,2)", "DOUBLE"):
    OPTIONS[_number] += [("generalise", {"bands": bands}) for bands in ([19, 25, 35], [-10, 0, 25], [10, 20, 30])]
GENERATED = {
    "VARCHAR": st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.from_regex(r"[a-z.]{0,4}@[a-z]{1,5}\.[a-z]{1,3}", fullmatch=True)
    | st.from_regex(r"\+?[0-9]{0,4}[- ][0-9 ().-]{4,12}", fullmatch=True),
    "BIGINT": st.integers(-(2**63), 2**63 - 1) | st.integers(-100, 100),
    "TINYINT": st.integers(-128, 127),
    "DECIMAL(9,2)": st.decimals(-9999999, 9999999, places=2),
    "DOUBLE": st.floats(allow_nan=False) | st.floats(-100, 100),
    "DATE": st.dates(),
    "BOOLEAN": st.booleans(),
}


def masks_of(kind: str) -> st.SearchStrategy[Mask]:
    every = [*OPTIONS[kind], ("redact", {}), ("null", {})]
    return st.sampled_from([Mask(strategy, "gdpr", options) for strategy, options in every])  # type: ignore[arg-type]


def told(values: list[Any]) -> list[Any]:
    return [repr(value) if isinstance(value, float) else value for value in values]  # nan, -0.0


@pytest.mark.parametrize("kind", VALUES)
def test_each_mask_equals_the_reference_on_odd_values(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    values = [*VALUES[kind], None]
    for strategy, options in [*OPTIONS[kind], ("redact", {}), ("null", {})]:
        masks = [Mask(strategy, None, options)]  # type: ignore[arg-type]
        expected = [masked(value, kind, masks, KEY) for value in values]
        assert told(seen(con, kind, values, masks)) == told(expected), (strategy, options)


@pytest.mark.parametrize("kind", VALUES)
def test_any_masks_on_any_values_equal_the_reference(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(masks_of(kind), max_size=3), st.lists(GENERATED[kind] | st.none(), max_size=5), st.booleans())
    def equal(masks: list[Mask], values: list[Any], required: bool) -> None:
        values = [value for value in values if value is not None or not required]
        expected = [masked(value, kind, masks, KEY, required=required) for value in values]
        assert told(seen(con, kind, values, masks, required=required)) == told(expected)

    equal()


_WHOLE = "TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UHUGEINT"
_MOMENT = "'2024-02-29 10:00:00'"
TYPES = {
    **dict.fromkeys(_WHOLE.split(), "1"), **dict.fromkeys(["FLOAT", "DOUBLE", "DECIMAL(38,2)"], "1.5"),
    **dict.fromkeys(["TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS"], _MOMENT), "TIMESTAMPTZ": "'2024-02-29 10:00:00+02'",
    "VARCHAR": "'text'", "UBIGINT": "18446744073709551615", "DECIMAL(20,0)": "7", "BOOLEAN": "true",
    "DATE": "'2024-02-29'", "TIME": "'10:00'", "TIMETZ": "'10:00:00+02'", "TIMESTAMP_NS": "'2262-04-10 10:00:00'",
    "INTERVAL": "'3 days'", "UUID": "'6f1c1c1c-0000-4000-8000-000000000001'", "BLOB": "'abc'", "JSON": "'{\"a\": 1}'",
    "INTEGER[]": "[1, 2]", "VARCHAR[2]": "['a', 'b']", "MAP(VARCHAR, INTEGER)": "MAP {'a': 1}",
    "STRUCT(a INTEGER, b STRUCT(c VARCHAR, d INTEGER[]))": "{'a': 1, 'b': {'c': 'x', 'd': [1]}}",
}  # fmt: skip
MASKS = [Mask("hash"), Mask("partial"), Mask("redact"), Mask("null"), Mask("generalise", None, {"unit": "month"})]
MASKS += [Mask("generalise", None, {"bucket": 10}), Mask("generalise", None, {"bands": [0, 9]}), Mask("rdact")]  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", TYPES)
def test_type_and_nullability_stay_for_every_type(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    con.execute(
        f'CREATE OR REPLACE TEMP TABLE t AS SELECT CAST({TYPES[kind]} AS {kind}) AS "x y" UNION ALL SELECT NULL'
    )
    (real,) = con.execute('SELECT DISTINCT typeof("x y") FROM t').fetchone()
    for mask in MASKS:
        for required in (False, True):
            sql = mask_sql(column(kind, required=required), [mask], lambda: KEY)
            found = con.execute(f'SELECT typeof({sql}), ({sql}) IS NULL, "x y" IS NULL FROM t').fetchall()
            assert {row[0] for row in found} == {real}, mask
            for _, null, was_null in found:
                if not was_null:
                    assert null == (mask.strategy == "null" and not required), mask
                elif not required:
                    assert null, mask
            texts = con.execute(f'SELECT CAST({sql} AS VARCHAR) FROM t WHERE "x y" IS NOT NULL').fetchall()
            (was,) = con.execute('SELECT CAST("x y" AS VARCHAR) FROM t WHERE "x y" IS NOT NULL').fetchone()
            assert texts[0][0] != was or (kind, mask.strategy) == ("BOOLEAN", "redact"), mask


def test_a_timestamp_is_generalised_in_utc(con: duckdb.DuckDBPyConnection) -> None:
    mask = [Mask("generalise", None, {"unit": "day"})]
    sql = mask_sql(column("TIMESTAMPTZ"), mask, lambda: KEY)
    con.execute("""CREATE OR REPLACE TEMP TABLE t AS SELECT TIMESTAMPTZ '2024-03-01 01:30:00+02' AS "x y" """)
    assert con.execute(f"SELECT ({sql}) = TIMESTAMPTZ '2024-02-29 00:00:00+00' FROM t").fetchone() == (True,)


def test_the_same_value_has_the_same_hash_in_each_integer_type_and_another_under_another_key(
    con: duckdb.DuckDBPyConnection,
) -> None:
    hashes = {
        kind: seen(con, kind, [4711], [Mask("hash")])[0] for kind in ("BIGINT", "UBIGINT", "HUGEINT", "DECIMAL(20,0)")
    }
    assert len({int(value) for value in hashes.values()}) == 1
    other = mask_sql(column("BIGINT"), [Mask("hash")], lambda: "other")
    assert con.execute(f'SELECT {other} FROM (SELECT 4711::BIGINT AS "x y")').fetchone()[0] != hashes["BIGINT"]
    assert key_id(KEY) != key_id("other")
    assert KEY not in mask_sql(column("VARCHAR"), [Mask("hash")], lambda: KEY)


def test_redact_generalise_and_null_are_idempotent(con: duckdb.DuckDBPyConnection) -> None:
    for kind, choices in OPTIONS.items():
        for strategy, options in [*(c for c in choices if c[0] == "generalise"), ("redact", {}), ("null", {})]:
            masks = [Mask(strategy, None, options)]  # type: ignore[arg-type]
            once = seen(con, kind, [*VALUES[kind], None], masks)
            assert told(seen(con, kind, once, masks)) == told(once), (kind, strategy, options)


@pytest.mark.parametrize(
    ("kind", "masks", "strategy", "options"),
    [
        ("VARCHAR", ["partial", "hash"], "hash", {}),
        ("VARCHAR", ["hash", "redact"], "redact", {}),
        ("VARCHAR", ["redact", "null", "partial"], "null", {}),
        ("VARCHAR", [{"format": "email"}, {"format": "phone"}], "redact", {}),
        ("DATE", [{"unit": "day"}, {"unit": "month"}], "generalise", {"unit": "month"}),
        ("DATE", [{"unit": "week"}, {"unit": "month"}], "redact", {}),
        ("BIGINT", [{"bucket": 10}, {"bucket": 15}], "generalise", {"bucket": 30}),
        ("DECIMAL(9,2)", [{"bucket": 0.25}, {"bucket": 0.1}], "generalise", {"bucket": 0.5}),
        ("BIGINT", [{"bucket": 10}, {"bands": [15, 20, 40]}], "generalise", {"bands": [20, 40]}),
        ("BIGINT", [{"bands": [1, 2]}, {"bands": [3]}], "redact", {}),
        ("TINYINT", [{"bucket": 100}, {"bucket": 99}], "redact", {}),  # their common multiple is no TINYINT
        ("BIGINT", [{"bucket": 10}, "hash"], "hash", {}),
        ("BOOLEAN", ["partial"], "redact", {}),
        ("VARCHAR", ["no such strategy", "partial"], "redact", {}),
    ],
)
def test_the_most_restrictive_mask_wins(kind: str, masks: list[Any], strategy: str, options: dict[str, Any]) -> None:
    def mask(written: Any) -> Mask:
        if isinstance(written, str):
            return Mask(written)  # type: ignore[arg-type]
        return Mask("partial" if "format" in written else "generalise", None, written)

    for order in (masks, masks[::-1]):
        found = applied_mask(column(kind), [mask(written) for written in order])
        assert (found.strategy, dict(found.options)) == (strategy, options)


def test_a_required_column_is_not_made_null() -> None:
    assert applied_mask(column("DATE", required=True), [Mask("null")]).strategy == "redact"
