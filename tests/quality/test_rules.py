"""The schema, and what is promised of one column: true, false, and the edges (NULL, NaN, types)."""

from datetime import date

import pytest

from tests.quality.building import (
    audit,
    column,
    contract,
    database,
    judge,
    result,
    values,
)


def x(type_=None, **more):
    return column("x", type_, **more)


@pytest.mark.parametrize(
    ("delivered", "promised", "good"),
    [
        ("VARCHAR", "TEXT", True),
        ("DECIMAL(10,2)", "NUMERIC(10, 2)", True),
        ("TIMESTAMPTZ", "timestamp with time zone", True),
        ("INTEGER[]", "INT[]", True),
        ("BIGINT", "INTEGER", False),
        ("DECIMAL(10,2)", "DECIMAL(18,2)", False),
        ("VARCHAR", "no_such_type", False),
        ("VARCHAR", "VARCHAR); DROP TABLE people; --", False),
    ],
)
def test_types_are_compared_as_duckdb_means_them(delivered, promised, good):
    assert judge(f"SELECT CAST(NULL AS {delivered}) AS x", "schema", x(promised)).passed is good


def test_a_missing_column_is_named_and_its_rules_fail_alone():
    with database("SELECT 1 AS other") as con:
        found = audit(con, contract([x("BIGINT", required=True), column("other", "INTEGER", required=True)]))
    assert result(found, "schema").message == "x is missing"
    assert result(found, "schema").score == 0.5
    broken = result(found, "required__x")
    assert (broken.passed, broken.evaluated) == (False, False)
    assert "no column x" in broken.message
    assert result(found, "required__other").passed


def test_without_physical_type_the_logical_type_holds():
    assert judge("SELECT 1 AS x", "schema", x(logical_type="integer")).passed
    assert judge("SELECT 1 AS x", "schema", x(logical_type="number")).passed
    assert not judge("SELECT 1 AS x", "schema", x(logical_type="string")).passed


def test_an_extra_column_warns_and_bookkeeping_does_not():
    assert judge("SELECT 1 AS x, 2 AS _load_id", "extra_columns", x("INTEGER")).passed
    found = judge("SELECT 1 AS x, 2 AS y", "extra_columns", x("INTEGER"))
    assert (found.passed, found.severity, found.blocks) == (False, "warning", False)
    assert "y" in found.message


def test_a_table_that_cannot_be_read_fails_everything_and_raises_nothing():
    with database("SELECT 1 AS x") as con:
        con.execute("DROP TABLE crm.internal.people")
        found = audit(con, contract([x("INTEGER", required=True)]))
    assert not found.passed
    assert all(not r.evaluated and "can't be read" in r.message for r in found.results)


@pytest.mark.parametrize(
    ("select", "check", "promise", "bad"),
    [
        (values("INT", "1", "2"), "required__x", {"required": True}, 0),
        (values("INT", "1", "NULL"), "required__x", {"required": True}, 1),
        (values("DOUBLE", "'NaN'", "'1'"), "required__x", {"required": True}, 0),
        (values("INT", "1", "2", "NULL", "NULL"), "unique__x", {"unique": True}, 0),
        (values("INT", "1", "1", "1", "2"), "unique__x", {"unique": True}, 2),
        (values("VARCHAR", "'a'", "'A'", "'a'"), "unique__x", {"unique": True}, 1),
        (values("BIGINT", "-9223372036854775808", "9223372036854775807"), "unique__x", {"unique": True}, 0),
        (values("UBIGINT", "18446744073709551615", "18446744073709551615"), "unique__x", {"unique": True}, 1),
        (values("TINYINT", "-128", "127", "127"), "unique__x", {"unique": True}, 1),
        (values("DOUBLE", "'NaN'", "'NaN'"), "unique__x", {"unique": True}, 1),
        (values("VARCHAR", "'ab1'", "'abc'", "NULL"), "pattern__x", {"options": {"pattern": "^[a-z]+[0-9]$"}}, 1),
        (values("VARCHAR", "'xab'", "'xyz'"), "pattern__x", {"options": {"pattern": "ab"}}, 1),
        (values("VARCHAR", "'ax'", "'xb'", "'xx'"), "pattern__x", {"options": {"pattern": "^a|b$"}}, 1),
        (values("VARCHAR", "'a$'", "'a'"), "pattern__x", {"options": {"pattern": r"^a\$"}}, 1),
        (values("VARCHAR", "E'a\\n'", "'a'"), "pattern__x", {"options": {"pattern": "^a$"}}, 1),
        (values("VARCHAR", "'it''s'"), "pattern__x", {"options": {"pattern": "^it's$"}}, 0),
        (values("UUID", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"), "pattern__x", {"options": {"pattern": "^a0ee"}}, 0),
        (values("VARCHAR", "'äöü'", "'abc'", "NULL"), "length__x", {"options": {"maxLength": 3}}, 0),
        (values("VARCHAR", "'abcd'", "'äöüß'", "'abc'"), "length__x", {"options": {"maxLength": 3}}, 2),
        (values("VARCHAR", "''", "'a'", "NULL"), "length__x", {"options": {"minLength": 1}}, 1),
        (values("VARCHAR", "'é'", "'ab'", "'abcd'"), "length__x", {"options": {"minLength": 2, "maxLength": 3}}, 2),
        (values("INT[]", "[1, 2, 3]", "[]", "NULL"), "length__x", {"options": {"minItems": 1, "maxItems": 2}}, 2),
        (values("INT[]", "[1, 2]", "[1, 1]", "[NULL, NULL]"), "length__x", {"options": {"uniqueItems": True}}, 1),
        (values("INT", "0", "10", "-1", "11", "NULL"), "range__x", {"options": {"minimum": 0, "maximum": 10}}, 2),
        (values("INT", "0", "1"), "range__x", {"options": {"exclusiveMinimum": 0}}, 1),
        (values("INT", "9", "10"), "range__x", {"options": {"exclusiveMaximum": 10}}, 1),
        (values("DECIMAL(10,2)", "0.10", "0.09"), "range__x", {"options": {"minimum": 0.1}}, 1),
        (values("DOUBLE", "'NaN'", "'1'"), "range__x", {"options": {"minimum": 0}}, 1),
        (values("DOUBLE", "'Infinity'", "'1'"), "range__x", {"options": {"maximum": 5}}, 1),
        (values("INT", "10", "-5", "7"), "range__x", {"options": {"multipleOf": 5}}, 1),
        (values("DECIMAL(10,3)", "1.05", "1.051"), "range__x", {"options": {"multipleOf": 0.01}}, 1),
        (values("DOUBLE", "0.3", "0.35"), "range__x", {"options": {"multipleOf": 0.1}}, 1),
        (values("DATE", "'2026-01-01'", "'2025-12-31'"), "range__x", {"options": {"minimum": "2026-01-01"}}, 1),
        (values("DATE", "'2026-01-01'", "'2025-12-31'"), "range__x", {"options": {"minimum": date(2026, 1, 1)}}, 1),
        (values("TIME", "'08:00'", "'07:59:59'"), "range__x", {"options": {"minimum": "08:00"}}, 1),
        (values("TIMESTAMP", "'2026-01-01 05:00'"), "range__x", {"options": {"minimum": "2026-01-01T00:00-05:00"}}, 0),
        (values("VARCHAR", "'a'", "'c'", "NULL"), "enum__x", {"enum": ("a", "b")}, 1),
        (values("VARCHAR", "'1'", "'2'"), "enum__x", {"enum": (1, 3)}, 1),
        (
            values("FLOAT[]", "[0.6, 0.8]", "NULL", "[]", "[NULL]", "['NaN'::FLOAT]"),
            "length__x",
            {"options": {"normalized": True}},
            3,
        ),
        (values("TINYINT[]", "[1, 0]", "[100, 50]"), "length__x", {"options": {"normalized": True}}, 1),
        (values("MAP(INT, INT)", "MAP{1: 2}", "MAP{3: 4}"), "properties__x", {"options": {"required": ["1"]}}, 1),
        (values("MAP(INTEGER, INTEGER)", "MAP{1: 2}"), "properties__x", {"options": {"required": ["a"]}}, 1),
        (values("INT", "1", "4"), "enum__x", {"options": {"enum": [1, 2]}}, 1),
        (values("DECIMAL(10,2)", "1.56"), "enum__x", {"enum": (1.555,)}, 1),
        (values("BOOLEAN", "true", "false"), "enum__x", {"enum": (True,)}, 1),
        (values("DATE", "'2026-01-01'", "'2026-01-02'"), "enum__x", {"enum": ("2026-01-01",)}, 1),
        (values("ENUM('a','b')", "'a'", "'b'"), "enum__x", {"enum": ("a",)}, 1),
        (values("INT", "1", "NULL"), "enum__x", {"enum": ()}, 1),
        (values("DOUBLE", "'NaN'", "'1'"), "enum__x", {"enum": (1,)}, 1),
    ],
)  # fmt: skip
def test_promise_of_a_column(select, check, promise, bad):
    found = judge(select, check, x(**promise))
    assert found.evaluated, found.message
    assert found.failed_rows == bad
    assert found.passed is (bad == 0)
    assert found.score == pytest.approx(1 - bad / found.total_rows)


@pytest.mark.parametrize(
    ("select", "check", "promise"),
    [
        (values("INT", "1"), "pattern__x", {"options": {"pattern": "a"}}),
        (values("VARCHAR", "'a'"), "pattern__x", {"options": {"pattern": "("}}),
        (values("VARCHAR", "'a'"), "pattern__x", {"options": {"pattern": "^(?=a)a$"}}),  # RE2 knows no look-ahead
        (values("VARCHAR", "'5'"), "range__x", {"options": {"minimum": 1}}),
        (values("INT", "5"), "range__x", {"options": {"minimum": "soon"}}),
        (values("DATE", "'2026-01-01'"), "range__x", {"options": {"minimum": "yesterday"}}),
        (values("TIMESTAMPTZ", "now()"), "range__x", {"options": {"maximum": "9999-12-31T23:59:59-05:00"}}),
        (values("INT", "5"), "range__x", {"options": {"multipleOf": 0}}),
        (values("INT", "5"), "enum__x", {"enum": ("a",)}),
        (values("INT", "5"), "length__x", {"options": {"maxLength": 3}}),
        (values("VARCHAR", "'a'"), "length__x", {"options": {"maxLength": "three"}}),
    ],
)
def test_what_cannot_be_evaluated_has_failed_and_says_why(select, check, promise):
    with database(select) as con:
        found = audit(con, contract([x(**promise, required=True)]))
    broken = result(found, check)
    assert (broken.passed, broken.evaluated, broken.score) == (False, False, 0.0)
    assert "can't be evaluated" in broken.message
    assert result(found, "required__x").passed  # one broken rule stops no other


def test_limits_do_not_depend_on_the_time_zone_of_the_session():
    with database(values("TIMESTAMPTZ", "'2026-01-01 00:00:00+00'")) as con:
        con.execute("SET TimeZone = 'America/New_York'")
        promise = contract([x(options={"minimum": "2026-01-01T00:00:00", "maximum": "2026-01-01"})])
        assert result(audit(con, promise), "range__x").passed
