"""Law: the fused, planned evaluation finds what one naive query per rule finds, on any table."""

import math
import re
from dataclasses import replace

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_resources.quality import evaluate
from platform_resources.quality.checks import slug
from tests.quality.building import NOW, column, contract, library, relationship, sql

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


SMALL = st.one_of(st.none(), st.integers(-3, 3))
SHORT = st.one_of(st.none(), st.sampled_from(["", "a", "ab", "b", "äö"]))
NUMBERS = st.one_of(st.none(), st.lists(SMALL, max_size=3))
OBJECTS = st.one_of(
    st.none(), st.fixed_dictionaries({"a": SMALL, "t": SHORT, "deep": st.none() | st.fixed_dictionaries({"x": SMALL})})
)
ITEMS = st.one_of(st.none(), st.fixed_dictionaries({"p": SMALL, "t": SHORT, "s": NUMBERS}))
NESTED = st.lists(
    st.fixed_dictionaries({"i": SMALL, "o": OBJECTS, "l": st.none() | st.lists(ITEMS, max_size=3), "n": NUMBERS}),
    max_size=8,
)
OBJECT = pa.struct([("a", pa.int64()), ("t", pa.string()), ("deep", pa.struct([("x", pa.int64())]))])
ITEM = pa.struct([("p", pa.int64()), ("t", pa.string()), ("s", pa.list_(pa.int64()))])
NESTED_SCHEMA = pa.schema([("i", pa.int64()), ("o", OBJECT), ("l", pa.list_(ITEM)), ("n", pa.list_(pa.int64()))])


def asked_of(rows, path):
    """What a rule at the path is asked of: members of objects that are there, and every item."""
    found = list(rows)
    for name, items in re.findall(r"\.?(\w+)((?:\[\])?)", path):
        found = [value[name] for value in found if value is not None]
        if items:
            found = [item for held in found if held is not None for item in held]
    return found


def repeats(keys):
    whole = [key for key in keys if key is not None]
    return len(whole) - len(set(whole))


@settings(max_examples=60, deadline=None)
@given(
    rows=NESTED,
    low=st.integers(-3, 1),
    high=st.integers(-1, 3),
    listed=st.lists(SMALL, max_size=3),
    share=st.integers(0, 100),
)
def test_what_columns_hold_is_asked_as_one_walk_over_all_rows_would(database_of, rows, low, high, listed, share):
    con = database_of(pa.Table.from_pylist(rows, schema=NESTED_SCHEMA))
    numbers, texts = ("o.a", "o.deep.x", "l[].p", "l[].s[]", "n[]"), ("o.t", "l[].t")
    members = [
        *(
            column(
                path,
                required=True,
                unique=True,
                enum=tuple(listed),
                options={"minimum": low, "exclusiveMaximum": high},
                quality=(
                    library("few", "nullValues", path, "percent", mustBeLessOrEqualTo=share),
                    library("absent", "missingValues", path, arguments={"missingValues": listed}, mustBe=0),
                    library("again", "duplicateValues", path, mustBe=0),
                    sql("sum", "SELECT coalesce(sum({column}), 0) FROM {table}", path, mustBe=0),
                ),
            )
            for path in numbers
        ),
        *(column(path, required=True, options={"pattern": "^[a-z]$", "maxLength": 1}) for path in texts),
        *(column(path, required=True) for path in ("o.deep", "l[]", "l[].s")),
        column("l[].s", options={"minItems": 1, "uniqueItems": True}),
    ]
    promise = contract(
        [column(name) for name in NESTED_SCHEMA.names],
        [library("pair", "duplicateValues", arguments={"properties": ["i", "l[].p"]}, mustBe=0)],
    )
    table = replace(promise.table, members=tuple(members))
    found = evaluate(con, replace(promise, table=table, tables=(table,)), "crm.internal.people", NOW)
    expected = {
        "pair": (
            repeats(
                (row["i"], item["p"]) if item and None not in (row["i"], item["p"]) else None
                for row in rows
                for item in row["l"] or ()
            ),
            len(asked_of(rows, "l[]")),
        )
    }
    held = [value for value in listed if value is not None]
    for path in numbers:
        asked, name = asked_of(rows, path), slug(path)
        there = [value for value in asked if value is not None]
        absent, again = len(asked) - len(there), repeats(there)
        bad = {
            f"required__{name}": absent,
            f"unique__{name}": again,
            f"range__{name}": sum(not low <= value < high for value in there),
            f"enum__{name}": sum(value not in held for value in there),
            f"few__{name}": absent,
            f"absent__{name}": sum(value is None or value in held for value in asked),
            f"again__{name}": again,
        }
        expected |= {check: (count, len(asked)) for check, count in bad.items()}
    for path in texts:
        asked, name = asked_of(rows, path), slug(path)
        there = [value for value in asked if value is not None]
        expected[f"required__{name}"] = len(asked) - len(there), len(asked)
        expected[f"pattern__{name}"] = sum(re.fullmatch("[a-z]", value) is None for value in there), len(asked)
        expected[f"length__{name}"] = sum(len(value) > 1 for value in there), len(asked)
    for path in ("o.deep", "l[]", "l[].s"):
        asked = asked_of(rows, path)
        expected[f"required__{slug(path)}"] = (
            sum(value is None for value in asked),
            len(asked),
        )
    lists = asked_of(rows, "l[].s")
    bad = sum(held is not None and (not held or repeats(held) > 0) for held in lists)
    expected["length__l_items_s"] = bad, len(lists)
    measured = {r.name: r for r in found.results}
    assert all(r.evaluated for r in found.results), [r.message for r in found.results if not r.evaluated]
    assert {name: (measured[name].failed_rows, measured[name].total_rows) for name in expected} == expected
    for name, (count, asked) in expected.items():
        least = share if name.startswith("few__") else 0
        assert measured[name].passed is (100 * count <= least * asked)
    for path in numbers:
        total = sum(value for value in asked_of(rows, path) if value is not None)
        assert measured[f"sum__{slug(path)}"].value == total
