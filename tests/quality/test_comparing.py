"""Rules that hold rows against a reference: who agrees, who differs, who is not known there."""

import json
import math

import duckdb
import pytest

from platform_resources.contracts.model import QualityRule
from platform_resources.quality import Audit, compile_checks, plan_for, sample_failures
from tests.quality.building import HERE, NOW, TABLE, audit, column, contract, database, result

BOOKED = "sales.bookings.v1"
MONEY = "DECIMAL(18,2)"
OWN = f"""
    SELECT id, CAST(net AS {MONEY}) AS net, CAST(gross AS {MONEY}) AS gross, load
    FROM (VALUES (1, 10.00, 12.00, 5), (2, 20.01, 25.00, 5), (3, NULL, 9.00, 5), (9, 1.00, 1.00, 5), (NULL, 1, 1, 5))
        AS v(id, net, gross, load)
"""
LINES = f"""
    SELECT id, CAST(net AS {MONEY}) AS net, CAST(gross AS {MONEY}) AS gross, load
    FROM (VALUES (1, 4.00, 12.00, 1), (1, 6.00, 0.00, 5), (2, 20.00, 30.00, 2), (2, 100, 100, 6), (3, NULL, 9.00, 3))
        AS v(id, net, gross, load)
"""
SUMS = {"net": "sum(net)", "gross": "sum(gross)"}


def rule(name="agrees", unit="rows", severity="error", **said):
    """`rule(compare=..., mustBe=0)`; by default it compares sums by `id`, up to the load that is known here."""
    operator = next((key for key in said if key.startswith("must")), "mustBe")
    implementation = {
        "metric": "differingValues", "reference": BOOKED, "key": ["id"], "compare": SUMS, "upTo": "load", **said,
    }  # fmt: skip
    said = {name: value for name, value in implementation.items() if value is not None}
    return QualityRule(
        name, "custom", HERE, operator=operator, threshold=said.get(operator, 0), unit=unit, severity=severity,
        engine="mesh", implementation=said,
    )  # fmt: skip


@pytest.fixture
def con():
    with database(OWN) as con:
        lines(con, LINES)
        yield con


def lines(con, select):
    con.execute("ATTACH IF NOT EXISTS ':memory:' AS sales; CREATE SCHEMA IF NOT EXISTS sales.bookings")
    con.execute(f"CREATE OR REPLACE TABLE sales.bookings.v1 AS {select}")


def found(con, *rules, **more):
    return audit(con, contract([column("id"), column("net"), column("gross")], rules), allowed_tables=[BOOKED], **more)


def test_rows_that_differ_are_counted_and_those_without_a_match_are_told_apart(con):
    one = result(found(con, rule()), "agrees")
    assert (one.passed, one.value, one.failed_rows, one.total_rows) == (False, 1, 1, 3)
    assert one.message == (
        "net, gross other than in sales.bookings.v1: 1 of 3 rows (33.3 %), promised = 0 rows; net 1, gross 1; "
        "2 rows whose key is not in sales.bookings.v1"
    )
    assert one.check.dimension == "accuracy"
    assert one.score == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("said", "differing", "of"),
    [
        ({"upTo": None}, 1, 3),  # the load that is not known here yet counts, and net differs by 100
        ({"compare": {"net": "sum(net)"}, "tolerance": {"absolute": 0.01}}, 0, 3),
        ({"compare": {"net": "sum(net)"}, "tolerance": {"absolute": 0.009}}, 1, 3),
        ({"tolerance": {"relative": 0.2}}, 0, 3),  # 25 against 30 is a sixth off
        ({"tolerance": {"relative": 0.1, "absolute": 4}}, 1, 3),
        ({"unmatched": "differ"}, 3, 5),
        ({"compare": {"gross": "max(gross)"}}, 1, 3),
        ({"compare": {"load": "max(load)"}}, 2, 3),
        ({"compare": {"id": "count(*)"}}, 3, 3),
        ({"key": {"id": "load"}, "upTo": None, "compare": {"id": "min(id)"}}, 0, 3),  # 3 rows have the loads 1, 2, 3
    ],
)
def test_what_is_compared_with_what(con, said, differing, of):
    one = result(found(con, rule(**said)), "agrees")
    assert one.evaluated, one.message
    assert (one.failed_rows, one.total_rows) == (differing, of)


def test_percent_is_of_the_rows_that_were_compared(con):
    one = result(found(con, rule(unit="percent", mustBeLessThan=34)), "agrees")
    assert one.passed
    assert one.value == pytest.approx(100 / 3)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"compare": {"net": "net"}}, "the key id repeats in sales.bookings.v1, so which of its rows is right"),
        ({"reference": "hr.people.v1"}, "hr.people.v1 is no declared input port"),
        ({"compare": {"salary": "sum(net)"}}, "the table has no column salary"),
        ({"compare": {"net": "sum(profit)"}}, "profit"),
        ({"metric": "sameValues"}, "The engine mesh has no metric 'sameValues'"),
        ({"tolerance": 1}, "`tolerance` is 1"),
        ({"tolerance": {"absolute": -1}}, "`tolerance` is"),
        ({"key": []}, "`key` names no columns"),
        ({"compare": {"net": "sum(*)"}}, "adds up nothing"),
        ({"tolerence": {}}, "`tolerence` means nothing here"),
        ({"unmatched": "maybe"}, "`unmatched` says neither"),
    ],
)
def test_what_can_not_be_compared_fails_with_its_reason_and_stops_no_other(con, said, why):
    audited = found(con, rule("broken", **said), rule())
    one = result(audited, "broken")
    assert (one.passed, one.evaluated) == (False, False)
    assert why in one.message
    assert result(audited, "agrees").failed_rows == 1


def test_nothing_is_proved_by_rows_that_the_reference_does_not_know(con):
    lines(con, f"{LINES} WHERE false")
    one = result(found(con, rule(mustBe=0)), "agrees")
    assert not one.passed
    assert "no row finds its key in sales.bookings.v1" in one.message
    con.execute("DELETE FROM crm.internal.people")
    assert result(found(con, rule(mustBe=0)), "agrees").passed, "0 of 0 rows break no rule"


def test_a_reference_with_one_row_for_each_key_is_compared_as_it_stands(con):
    lines(con, "SELECT 1 AS id, 10.00 AS net UNION ALL SELECT 3, NULL UNION ALL SELECT 2, 20")
    plain = {"compare": {"net": "net"}, "upTo": None}
    assert result(found(con, rule(**plain)), "agrees").failed_rows == 1, "NULL agrees with NULL alone"


@pytest.mark.parametrize(
    ("own", "other", "differs"),
    [
        ("'nan'::DOUBLE", "'nan'::DOUBLE", False),
        ("'inf'::DOUBLE", "'inf'::DOUBLE", False),
        ("'inf'::DOUBLE", "1e308::DOUBLE", True),
        ("'nan'::DOUBLE", "1::DOUBLE", True),
        ("NULL::DOUBLE", "1::DOUBLE", True),
        (f"(-{'9' * 38})::DECIMAL(38,0)", f"{'9' * 38}::DECIMAL(38,0)", True),
        ("9223372036854775807::BIGINT", "(-9223372036854775808)::BIGINT", True),
        ("0.1::DOUBLE + 0.2::DOUBLE", "0.3::DOUBLE", False),
        ("5::DOUBLE", "'nan'::DOUBLE", True),
        ("5::DOUBLE", "'inf'::DOUBLE", True),
        ("5::DOUBLE", "'-inf'::DOUBLE", True),
    ],
)
def test_extremes_within_a_tolerance(own, other, differs):
    with database(f"SELECT 1 AS id, {own} AS x") as con:
        lines(con, f"SELECT 1 AS id, {other} AS x")
        for tolerance in ({"absolute": 0.000001}, {"relative": 0.000001}):
            said = rule(compare={"x": "x"}, tolerance=tolerance, upTo=None)
            one = result(audit(con, contract([column("x")], [said]), allowed_tables=[BOOKED]), "agrees")
            assert one.evaluated, one.message
            assert one.failed_rows == int(differs)


@pytest.mark.parametrize("type_", ["UTINYINT", "UINTEGER", "UBIGINT", "UHUGEINT", "TINYINT", "HUGEINT"])
def test_a_tolerance_is_for_whole_numbers_of_any_type(type_):
    with database(f"SELECT i AS id, i::{type_} AS x FROM (VALUES (5), (100)) AS v(i)") as con:
        lines(con, f"SELECT i AS id, x::{type_} AS x FROM (VALUES (5, 6), (100, 2)) AS v(i, x)")
        for tolerance in ({"absolute": 1}, {"relative": 0.5}):
            said = rule(compare={"x": "x"}, tolerance=tolerance, upTo=None)
            one = result(audit(con, contract([column("x")], [said]), allowed_tables=[BOOKED]), "agrees")
            assert one.evaluated, one.message
            assert one.failed_rows == 1


def test_rules_with_one_reference_and_key_are_asked_in_one_query(con):
    asked = []

    class Listening:
        def __getattr__(self, name):
            return getattr(con, name)

        def execute(self, query, *more):
            asked.append(query)
            return con.execute(query, *more)

    rules = [rule(f"r{i}", compare={"net": "sum(net)"}, tolerance={"absolute": i}, mustBe=0) for i in range(4)]
    audited = found(Listening(), *rules, rule("gross", compare={"gross": "sum(gross)"}))
    assert [result(audited, f"r{i}").failed_rows for i in range(4)] == [1, 0, 0, 0]
    assert result(audited, "gross").failed_rows == 1
    assert sum("bookings" in query and "LEFT JOIN" in query for query in asked) == 1


def test_the_same_as_one_row_after_the_other():
    select = """
        SELECT i % 50 AS id, CASE WHEN i % 7 > 0 THEN (i * 37) % 11 END AS net, i % 5 AS gross, i % 9 AS load
        FROM range({}) AS r(i)
    """
    with database(select.format(200)) as con:
        lines(con, select.format(90))
        for limit in (0, 1, 3):
            one = result(found(con, rule(tolerance={"absolute": limit} if limit else None)), "agrees")
            own = con.execute("SELECT id, net, gross FROM crm.internal.people").fetchall()
            there = con.execute("SELECT id, net, gross FROM sales.bookings.v1 WHERE load <= 8").fetchall()
            sums = {}
            for id_, net, gross in there:
                seen = sums.setdefault(id_, [None, 0])
                seen[0] = net if seen[0] is None else seen[0] + (net or 0)
                seen[1] += gross
            differing = sum(
                any(
                    (a is None) != (b is None) or (a is not None and abs(a - b) > limit)
                    for a, b in zip((net, gross), sums[id_], strict=True)
                )
                for id_, net, gross in own
                if id_ in sums
            )
            assert one.failed_rows == differing > 0


def test_samples_show_the_rows_that_differ_and_hide_what_is_not_for_everybody(con):
    promise = contract([column("id"), column("net", classification="restricted"), column("gross")], [rule()])
    check = next(c for c in compile_checks(promise) if c.name == "agrees")
    shown = sample_failures(con, promise, TABLE, check, allowed_tables=[BOOKED])
    assert shown == [{"id": 2, "net": "(redacted)", "gross": "25.00"}]
    assert sample_failures(con, promise, TABLE, check) == [], "not where the reference is no input"


def test_the_plan_tells_what_is_compared(con):
    promise = contract([column("id")], [rule(), rule("broken", key=[])])
    routes = {route.check.name: route for route in plan_for(con, promise, TABLE, NOW, [BOOKED]).routes}
    assert routes["agrees"].tier == 2
    assert routes["agrees"].how == "net with sum(net), gross with sum(gross) by id"
    assert "sales.bookings.v1" in routes["agrees"].why
    assert "names no columns" in str(routes["broken"].refusal)


def test_completeness_and_accuracy_are_shares_of_values(con):
    columns = [column("id", required=True), column("net", required=True), column("gross", required=True)]
    audited = audit(con, contract(columns, [rule(unit="percent", mustBeLessOrEqualTo=1)]), allowed_tables=[BOOKED])
    full, true = audited.completeness, audited.accuracy
    assert (full.values, full.bad, full.promised) == (15, 2, 100)
    assert math.isclose(full.percent, 100 * 13 / 15, abs_tol=1e-4)
    assert (true.values, true.bad, true.promised, true.unmatched) == (6, 2, 99, 2)
    assert true.references == (BOOKED,)
    record = json.loads(json.dumps(audited.as_record()))
    assert record["completeness"]["columns"] == ["id", "net", "gross"]
    assert record["accuracy"]["percent"] == pytest.approx(66.6667)
    back = Audit.from_json(json.loads(json.dumps(audited.as_json())))
    assert back.as_record() == audited.as_record()


def test_one_value_in_a_million_is_not_rounded_away():
    with database("SELECT nullif(i, 7) AS i FROM range(3000000) AS r(i)") as con:
        full = audit(con, contract([column("i", required=True)])).completeness
    assert (full.percent, full.bad) == (99.9999, 1)


def test_a_contract_that_promises_neither_has_neither(con):
    audited = audit(con, contract([column("id")]))
    assert (audited.completeness, audited.accuracy) == (None, None)
    assert not {"completeness", "accuracy"} & audited.as_record().keys()


def test_a_reference_that_can_not_be_read_is_a_failed_rule():
    with database(OWN) as con, pytest.raises(duckdb.Error):
        con.execute("SELECT * FROM sales.bookings.v1")
    with database(OWN) as con:
        one = result(found(con, rule()), "agrees")
        assert (one.passed, one.evaluated) == (False, False)
