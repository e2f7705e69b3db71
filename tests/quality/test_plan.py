"""Which tier answers which rule, and that a violated rule is still counted in the one scan."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import duckdb
import pytest

from platform_resources.contracts.model import Contract
from platform_resources.quality import Route, compile_checks, evaluate, plan_for
from platform_resources.quality.columns import Delivered, DeliveredColumn
from platform_resources.quality.plan import Facts, plan_checks
from tests.quality.building import (
    NOW,
    TABLE,
    Counting,
    column,
    contract,
    database,
    library,
    relationship,
    result,
    sla,
    sql,
)

PROMISE = contract(
    [
        column("i", required=True, primary_key_position=1, options={"minimum": 0, "maximum": 99}),
        column("f", options={"minimum": 0}),
        column("t", required=True, enum=("a", "b"), options={"maxLength": 3}),
        column("day", required=True),
    ],
    [
        library("many", "rowCount", mustBeGreaterThan=2),
        sql("mean", "SELECT avg(f) FROM {table}", mustBeLessThan=9),
        sql("apart", "SELECT count(*) FROM (SELECT i FROM {table} GROUP BY i)", mustBeGreaterThan=1),
    ],
    [relationship(["i"], "people", ["i"])],
    [sla("completeness", 99, "people.t"), sla("freshness", 2, "people.day", "d")],
)
GOOD = "SELECT i, i / 10.0 AS f, 'a' AS t, DATE '2026-03-01' AS day FROM range(50) AS r(i)"


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with database(GOOD) as made:
        yield made


def routes(con: duckdb.DuckDBPyConnection, promise: Contract = PROMISE) -> dict[str, Route]:
    return {route.check.name: route for route in plan_for(con, promise, TABLE, NOW).routes}


def test_each_rule_is_answered_at_the_cheapest_tier(con):
    tiers = {name: route.tier for name, route in routes(con).items()}
    of_files = ("schema", "extra_columns", "required__i", "required__t", "required__day", "range__i")
    assert all(tiers.pop(name) == 0 for name in (*of_files, "completeness__t", "freshness__day", "many"))
    assert all(tiers.pop(name) == 1 for name in ("range__f", "enum__t", "length__t", "mean"))
    assert tiers == {"primary_key": 2, "relationships__i": 2, "apart": 2}


def test_what_files_exclude_is_in_no_scan(con):
    seen = Counting(con)
    assert evaluate(seen, PROMISE, TABLE, NOW).passed
    (scan,) = [query for query in seen.asked if "avg(" in query and "json" not in query]
    assert "count_if" in scan
    assert '"i"' not in scan
    assert '"day"' not in scan


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ("UPDATE crm.internal.people SET i = NULL WHERE i = 3", {"required__i": 1}),
        ("UPDATE crm.internal.people SET i = -1 WHERE i = 3", {"range__i": 1}),
        ("UPDATE crm.internal.people SET t = NULL WHERE i < 7", {"required__t": 7, "completeness__t": 7}),
        ("UPDATE crm.internal.people SET i = 8 WHERE i = 9", {"primary_key": 1}),
    ],
)
def test_a_rule_that_files_do_not_prove_is_counted(con, change, broken):
    con.execute(change)
    found = {r.name: r.failed_rows for r in evaluate(con, PROMISE, TABLE, NOW).results if r.failed_rows}
    assert found == broken


def test_a_moment_after_now_is_left_out(con):
    con.execute("INSERT INTO crm.internal.people VALUES (60, 1, 'a', DATE '2099-01-01')")
    assert routes(con)["freshness__day"].tier == 1
    found = evaluate(con, PROMISE, TABLE, NOW)
    assert result(found, "freshness__day").value == timedelta(days=1, hours=12).total_seconds()


def test_keys_far_apart_get_no_bitmap(con):
    assert "bitmap" in routes(con)["primary_key"].how
    con.execute("INSERT INTO crm.internal.people VALUES (9000000000, 1, 'a', DATE '2026-03-01')")
    planned = routes(con)
    assert planned["primary_key"].how == "GROUP BY i"
    assert planned["relationships__i"].bounds is None


def test_a_plan_is_made_of_values_alone():
    """Without a table: the same contract and facts give the same plan."""
    types = {"i": "BIGINT", "f": "DOUBLE", "t": "VARCHAR", "day": "DATE"}
    delivered = Delivered(DeliveredColumn(name, type_) for name, type_ in types.items())
    asked = compile_checks(PROMISE), delivered, Facts(50), NOW
    assert plan_checks(*asked) == plan_checks(*asked)
    told = {route.check.name: route for route in plan_checks(*asked).routes}
    assert told["primary_key"].how == "GROUP BY i"  # nothing is known of the keys
    assert told["freshness__day"].tier == 1


def test_a_rule_that_fits_no_column_says_so_in_the_plan(con):
    promise = contract([column("i", options={"pattern": "^a$"}), column("zz", required=True)])
    planned = routes(con, promise)
    assert planned["pattern__i"].refusal == "a pattern is for texts; i is BIGINT"
    assert planned["required__zz"].refusal == "the table has no column zz"
