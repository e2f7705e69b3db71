"""Law: the fused, planned evaluation finds what one naive query per rule finds, on any table."""

import math

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_resources.quality import evaluate
from tests.quality.building import NOW, column, contract, library, relationship

INTEGERS = st.one_of(st.none(), st.integers(-4, 4), st.sampled_from([-(2**63), 2**63 - 1, 0, 10**6]))
FLOATS = st.one_of(st.none(), st.sampled_from([0.0, -0.0, 1.5, -1.5, math.nan, math.inf, -math.inf, 3.0, 0.1]))
TEXTS = st.one_of(st.none(), st.sampled_from(["", "a", "b", "ab", "A", "äöü", "a b", "ba", "x1", "x\n", "'", "a" * 9]))
ROWS = st.lists(st.tuples(INTEGERS, INTEGERS, FLOATS, TEXTS), max_size=25)
PATTERNS = st.sampled_from(["^[a-z]+$", "^a|b$", "a", "^$", "^.{1,3}$", r"^\w*$", "b$", "^(a|b)+$", "^[^|]*$"])
LIMITS = st.integers(-5, 5)

SCHEMA = pa.schema([("i", pa.int64()), ("j", pa.int64()), ("f", pa.float64()), ("t", pa.string())])


def naive(con, condition):
    return con.execute(f"SELECT count(*) FROM crm.internal.people WHERE {condition}").fetchone()[0]


def naive_repeats(rows, *positions):
    keys = [tuple("nan" if p == 2 and r[p] != r[p] else r[p] for p in positions) for r in rows]
    whole = [key for key in keys if None not in key]
    return len(whole) - len(set(whole))


@settings(max_examples=100, deadline=None)
@given(rows=ROWS, low=LIMITS, high=LIMITS, pattern=PATTERNS, enum=st.lists(TEXTS, max_size=4), size=st.integers(0, 4))
def test_planned_evaluation_equals_one_query_per_rule(database_of, rows, low, high, pattern, enum, size):
    con = database_of(pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA))
    columns = [
        column("i", required=True, primary_key_position=1, options={"minimum": low, "exclusiveMaximum": high}),
        column("j", unique=True, primary_key_position=2, enum=(low, high), options={"multipleOf": 2}),
        column("f", unique=True, options={"exclusiveMinimum": low, "maximum": high}),
        column("t", unique=True, enum=tuple(enum), options={"pattern": pattern, "maxLength": size}),
    ]
    rules = [
        library("missing", "missingValues", "t", arguments={"missingValues": enum}, mustBe=0),
        library("share", "nullValues", "f", "percent", mustBeLessOrEqualTo=25),
        library("long", "duplicateValues", arguments={"properties": ["i", "t"]}, mustBe=0),
        library("few", "rowCount", mustBeLessThan=12),
    ]
    promise = contract(
        columns, rules, [relationship(["i"], "people", ["j"]), relationship(["i", "t"], "people", ["j", "t"])]
    )
    found = evaluate(con, promise, "crm.internal.people", NOW)
    listed = [value for value in enum if value is not None]
    texts = ", ".join("'" + value.replace("'", "''") + "'" for value in listed) or "NULL"
    expected = {
        "required__i": naive(con, "i IS NULL"),
        "required__j": naive(con, "j IS NULL"),
        "range__i": naive(con, f"NOT (i >= {low} AND i < {high})"),
        "range__j": naive(con, "abs(j::HUGEINT) % 2 = 1"),
        "range__f": naive(con, f"f IS NOT NULL AND (isnan(f) OR NOT (f > {low} AND f <= {high}))"),
        "enum__j": naive(con, f"j <> {low} AND j <> {high}"),
        "enum__t": sum(row[3] is not None and row[3] not in listed for row in rows),
        "pattern__t": naive(con, f"NOT regexp_matches(t, '{pattern}')"),
        "length__t": sum(row[3] is not None and len(row[3]) > size for row in rows),
        "primary_key": naive_repeats(rows, 0, 1),
        "unique__j": naive_repeats(rows, 1),
        "unique__f": naive_repeats(rows, 2),
        "unique__t": naive_repeats(rows, 3),
        "long": naive_repeats(rows, 0, 3),
        "missing": naive(con, f"t IS NULL OR t IN ({texts})"),
        "share": naive(con, "f IS NULL"),
        "relationships__i": naive(
            con, "i IS NOT NULL AND i NOT IN (SELECT j FROM crm.internal.people WHERE j IS NOT NULL)"
        ),
        "relationships__i__t": sum(
            row[0] is not None and row[3] is not None and (row[0], row[3]) not in {(r[1], r[3]) for r in rows}
            for row in rows
        ),
    }
    measured = {r.name: r for r in found.results}
    assert {name: measured[name].failed_rows for name in expected} == expected
    assert all(measured[name].passed is (count == 0) for name, count in expected.items() if name != "share")
    assert measured["share"].passed is (expected["share"] * 4 <= len(rows))
    assert measured["few"].passed is (len(rows) < 12)
    assert all(r.evaluated for r in found.results)
