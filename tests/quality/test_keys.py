"""Primary keys, uniqueness and foreign keys."""

import pytest

from tests.quality.building import (
    audit,
    column,
    contract,
    database,
    relationship,
    result,
)


@pytest.mark.parametrize("types", [("INT", "INT"), ("INT", "VARCHAR"), ("UUID", "HUGEINT"), ("DATE", "BIGINT")])
def test_composite_primary_key(types):
    a, b = types
    one = {"INT": "1", "VARCHAR": "'p'", "UUID": "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "DATE": "'2026-01-01'"}.get(
        a
    )
    rows = f"(CAST({one} AS {a}), CAST('1' AS {b})), ({one}, '2'), ({one}, '2'), (NULL, '2'), (NULL, '2')"
    columns = [column("a", primary_key_position=1), column("b", primary_key_position=2)]
    with database(f"SELECT * FROM (VALUES {rows}) AS v(a, b)") as con:
        found = audit(con, contract(columns))
    assert result(found, "primary_key").failed_rows == 1  # a key with a NULL in it equals no other
    assert result(found, "required__a").failed_rows == 2  # but may not be NULL
    assert result(found, "required__b").failed_rows == 0


def test_keys_at_the_ends_of_their_type_are_counted_exactly():
    rows = "(-2147483648, 2147483647), (2147483647, -2147483648), (2147483647, -2147483648)"
    columns = [column("a", primary_key_position=1), column("b", primary_key_position=2)]
    with database(f"SELECT CAST(a AS INT) AS a, CAST(b AS INT) AS b FROM (VALUES {rows}) AS v(a, b)") as con:
        assert result(audit(con, contract(columns)), "primary_key").failed_rows == 1


@pytest.mark.parametrize(("offset", "repeats"), [(0, 0), (-500, 0), (10**12, 0), (-500, 7)])
def test_the_bitmap_of_a_bounded_key_counts_as_group_by_does(offset, repeats):
    again = f" UNION ALL SELECT i % 13 + ({offset}), i // 13 FROM range({repeats}) AS r(i)"
    select = f"SELECT i % 13 + ({offset}) AS a, i // 13 AS b FROM range(1000) AS r(i){again}"
    columns = [column("a", primary_key_position=1), column("b", primary_key_position=2)]
    with database(select) as con:
        assert result(audit(con, contract(columns)), "primary_key").failed_rows == repeats


def orphans(relation, child="(1, 'a'), (2, 'b'), (9, 'a'), (NULL, 'a')", **more):
    with database(f"SELECT * FROM (VALUES {child}) AS v(a, b)") as con:
        con.execute("CREATE TABLE crm.internal.parents AS SELECT * FROM (VALUES (1, 'a'), (2, 'a')) AS v(k, l)")
        con.execute("ATTACH ':memory:' AS sales; CREATE SCHEMA sales.bookings")
        con.execute("CREATE TABLE sales.bookings.v1 AS SELECT 1 AS k UNION ALL SELECT 2")
        promise = contract([column("a"), column("b")], relationships=[relation])
        return result(audit(con, promise, **more), f"relationships__{'__'.join(relation.from_columns)}")


def test_foreign_keys():
    found = orphans(relationship(["a"], "parents", ["k"]))
    assert (found.failed_rows, found.score) == (1, 0.75)
    assert orphans(relationship(["a", "b"], "parents", ["k", "l"])).failed_rows == 2
    assert orphans(relationship(["a"], "people", ["a"])).passed  # the table itself
    assert orphans(relationship(["a"], "parents", ["k"]), child="(1, 'a'), (NULL, 'z')").passed


def test_a_foreign_key_into_another_domain_needs_a_declared_input_port():
    relation = relationship(["a"], "sales.bookings.v1", ["k"])
    refused = orphans(relation)
    assert not refused.evaluated
    assert "no declared input port" in refused.message
    assert orphans(relation, allowed_tables=["sales.bookings.v1"]).failed_rows == 1


@pytest.mark.parametrize(
    "relation",
    [
        relationship(["a"], "nowhere", ["k"]),
        relationship(["a"], "parents", ["k", "l"]),
        relationship(["a"], "parents", ["no_column"]),
        relationship(["zz"], "parents", ["k"]),
        relationship(["a"], "parents.k", ["k"]),
        relationship(["b"], "parents", ["k"]),  # a text against a number
        relationship(["a"], 'parents" CROSS JOIN range(9) --', ["k"]),
    ],
)
def test_a_foreign_key_that_cannot_be_followed_has_failed(relation):
    found = orphans(relation)
    assert (found.passed, found.evaluated) == (False, False)
