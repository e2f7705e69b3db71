"""Scores, verdicts, and what the publication log keeps."""

import json

import pytest

from platform_resources.quality import Audit
from tests.quality.building import audit, column, contract, database, library, relationship, result, sla, sql

ROWS = "SELECT i AS id, CASE WHEN i % 4 > 0 THEN i END AS age, 'a' || i AS name, now() AS t FROM range(100) AS r(i)"


def promise(*rules, **custom):
    columns = [
        column("id", "BIGINT", primary_key_position=1),
        column("age", "BIGINT", required=True, options={"minimum": 0}),
        column("name", "VARCHAR", options={"pattern": "^a"}),
        column("t", "TIMESTAMPTZ"),
    ]
    return contract(
        columns, rules, [relationship(["id"], "people", ["id"])], [sla("freshness", "P1D", "people.t")], **custom
    )


@pytest.fixture
def con():
    with database(ROWS) as con:
        yield con


def test_a_failed_error_blocks_and_a_failed_warning_does_not(con):
    assert not audit(con, promise()).passed
    columns = [column("age", quality=(library("ages", "nullValues", "age", mustBe=0, severity="warning"),))]
    found = audit(con, contract(columns))
    assert found.passed
    assert [r.name for r in found.failures] == ["extra_columns", "ages"]


def test_score_by_dimension_and_in_total(con):
    found = audit(con, promise())
    # required__id 1, required__age 0.75; schema, extra, range, pattern 1; primary key 1; relationship 1; stale 0
    assert found.scores == {
        "conformity": 100, "completeness": 87.5, "uniqueness": 100, "consistency": 100, "timeliness": 0,
    }  # fmt: skip
    assert found.score == pytest.approx(387.5 / 5)


def test_one_bad_row_in_many_is_not_rounded_away():
    with database("SELECT nullif(i, 0) AS i FROM range(1000000) AS r(i)") as con:
        found = audit(con, contract([column("i", required=True)]))
    assert found.scores["completeness"] == 99.99
    assert found.score < 100


def test_the_contract_weighs_the_dimensions(con):
    weights = {"timeliness": 0, "completeness": 3, "conformity": 1, "uniqueness": 0, "consistency": 0}
    assert audit(con, promise(scoreWeights=weights)).score == pytest.approx((3 * 87.5 + 100) / 4, abs=0.01)
    nonsense = {"timeliness": -1, "completeness": "many", "conformity": float("nan")}
    for useless in (dict.fromkeys(weights, 0), nonsense, ["completeness"]):
        assert audit(con, promise(scoreWeights=useless)).score == audit(con, promise()).score


def test_a_rule_may_weigh_more_than_others(con):
    heavy = library("heavy", "nullValues", "age", mustBe=0, custom={"weight": 8})
    columns = [column("id", required=True), column("age", required=True, quality=(heavy,))]
    assert audit(con, contract(columns)).scores["completeness"] == pytest.approx((1 + 0.75 + 8 * 0.75) / 10 * 100)


def test_info_counts_neither_for_the_score_nor_for_the_verdict(con):
    with_info = audit(con, promise(sql("fyi", "SELECT 1", mustBe=0, severity="info")))
    assert with_info.score == audit(con, promise()).score
    assert not result(with_info, "fyi").passed
    assert not result(with_info, "fyi").blocks


def test_groups_tell_what_failed(con):
    groups = {group.name: group for group in audit(con, promise()).groups}
    assert groups["range"].passed
    required = groups["required"]
    assert (required.passed, required.score) == (False, 0.875)
    assert "25 of 100 rows" in required.message
    assert [r.check.columns for r in required.failures] == [("age",)]


def test_json_keeps_everything(con):
    rules = [
        sql("total", "SELECT sum(id)::DECIMAL(18,2) / 8 FROM {table}", mustBe=618.75),
        sql("last", "SELECT max(DATE '2026-01-01') FROM {table}", mustBe="2026-01-01"),
        library("few", "rowCount", mustBeBetween=[1, 2]),
        sql("broken", "SELECT", mustBe=0),
    ]
    found = audit(con, promise(*rules, scoreWeights={"accuracy": 2}))
    stored = json.dumps(found.as_json(), allow_nan=False)
    back = Audit.from_json(json.loads(stored))
    assert back.as_json() == found.as_json()
    assert (back.passed, back.score, back.scores) == (found.passed, found.score, found.scores)
    assert back.delivered_schema == found.delivered_schema == (
        ("id", "BIGINT"), ("age", "BIGINT"), ("name", "VARCHAR"), ("t", "TIMESTAMP WITH TIME ZONE"),
    )  # fmt: skip
    assert [g.message for g in back.groups] == [g.message for g in found.groups]
    assert result(back, "total").value == 618.75


def test_an_audit_reads_only(con):
    before = con.execute("SELECT count(*), sum(id) FROM crm.internal.people").fetchone()
    audit(con, promise())
    assert con.execute("SELECT count(*), sum(id) FROM crm.internal.people").fetchone() == before
    assert con.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("people",)]
