"""Samples of failing rows show the fault and nothing that the viewer may not see."""

import pytest

from platform_resources.quality import REDACTED, compile_checks, sample_failures
from tests.quality.building import TABLE, column, contract, database, library, relationship, sql

ROWS = """
    SELECT * FROM (VALUES
        (1, 'ada@x.org', 30, 'Ada', DATE '2026-01-01'),
        (2, 'no address', -1, 'Bob', NULL),
        (2, NULL, 31, 'Cy', DATE '2026-01-02'),
        (NULL, 'eve@x.org', NULL, 'Eve', NULL)
    ) AS v(id, email, age, name, since)
"""
COLUMNS = [
    column("id", primary_key_position=1),
    column("email", classification="personal", options={"pattern": "@"}),
    column("age", classification="Restricted", required=True, options={"minimum": 0}),
    column("name", custom={"mask": {"strategy": "partial", "clearance": "gdpr"}}),
    column("since", classification="internal"),
]
RULES = [
    sql("negative", "SELECT count(*) FROM {table} p WHERE p.age < 0", mustBe=0),
    sql("total", "SELECT sum(age) FROM {table}", mustBe=0),
    sql("hostile", "SELECT count(*) FROM read_text('/etc/passwd')", mustBe=0),
    library("many", "rowCount", mustBeGreaterThan=100),
    library("nowhere", "nullValues", "nope", mustBe=0),
]


def sample(name, limit=5):
    promise = contract(COLUMNS, RULES, [relationship(["id"], "parents", ["k"])])
    check = next(c for c in compile_checks(promise) if c.name == name)
    with database(ROWS) as con:
        con.execute("CREATE TABLE crm.internal.parents AS SELECT 1 AS k")
        return sample_failures(con, promise, TABLE, check, limit)


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("required__id", [None]),
        ("required__age", [None]),
        ("pattern__email", [2]),
        ("range__age", [2]),
        ("primary_key", [2, 2]),
        ("relationships__id", [2, 2]),
        ("negative", [2]),
        ("total", []),
        ("hostile", []),
        ("many", []),
        ("nowhere", []),
        ("schema", []),
    ],
)
def test_the_failing_rows_are_shown(name, ids):
    assert [row["id"] for row in sample(name)] == ids


@pytest.mark.parametrize("name", ["pattern__email", "range__age", "primary_key", "negative"])
def test_personal_restricted_and_masked_columns_are_redacted(name):
    for row in sample(name):
        assert (row["email"], row["age"], row["name"]) == (REDACTED, REDACTED, REDACTED)


def test_the_number_of_rows_is_limited():
    assert len(sample("primary_key", 1)) == 1
    assert sample("primary_key", 0) == []


def test_rows_of_a_repeated_composite_key_are_shown():
    columns = [column("a", primary_key_position=1), column("b", primary_key_position=2)]
    promise = contract(columns)
    check = next(c for c in compile_checks(promise) if c.name == "primary_key")
    with database("SELECT * FROM (VALUES (1, 'x'), (1, 'x'), (1, 'y'), (1, NULL), (1, NULL)) AS v(a, b)") as con:
        assert sample_failures(con, promise, TABLE, check) == [{"a": 1, "b": "x"}] * 2


def test_an_unknown_classification_is_redacted():
    with database("SELECT 1 AS x, -1 AS y") as con:
        promise = contract([column("x", classification="top secret"), column("y", options={"minimum": 0})])
        assert sample_failures(con, promise, TABLE, compile_checks(promise)[-1]) == [{"x": REDACTED, "y": -1}]
