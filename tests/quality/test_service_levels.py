"""Freshness and completeness as measured promises."""

from datetime import timedelta

import pytest

from tests.quality.building import (
    NOW,
    audit,
    column,
    contract,
    database,
    result,
    sla,
    values,
)


def x(type_=None, **more):
    return column("x", type_, **more)


def fresh(select, value="PT15M", **more):
    with database(select) as con:
        promise = contract([column("t")], service_levels=[sla("freshness", value, "people.t")])
        return result(audit(con, promise, **more), "freshness__t")


@pytest.mark.parametrize("type_", ["TIMESTAMPTZ", "TIMESTAMP", "TIMESTAMP_MS"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_age_of_the_data(type_, zone):
    def at(minutes):
        moment = (NOW - timedelta(minutes=minutes)).strftime("%Y-%m-%d %H:%M:%S")
        return f"SELECT CAST('{moment}{'+00' if type_ == 'TIMESTAMPTZ' else ''}' AS {type_}) AS t"

    with database(at(14)) as con:
        con.execute(f"SET TimeZone = '{zone}'")
        promise = contract([column("t")], service_levels=[sla("freshness", "PT15M", "people.t")])
        found = result(audit(con, promise), "freshness__t")
    assert (found.passed, found.value) == (True, 14 * 60)
    stale = fresh(at(16))
    assert (stale.passed, stale.score, stale.check.dimension) == (False, 0.0, "timeliness")
    assert "16 min" in stale.message


def test_a_quiet_night_is_not_stale_data():
    select = "SELECT TIMESTAMPTZ '2026-03-01 22:00:00+00' AS t"
    assert not fresh(select).passed
    assert fresh(select, data_as_of=NOW - timedelta(minutes=5)).passed
    assert not fresh(select, data_as_of=NOW - timedelta(hours=2)).passed


def test_a_date_in_the_future_proves_nothing():
    old = "SELECT TIMESTAMPTZ '2026-03-01 00:00:00+00' AS t UNION ALL SELECT TIMESTAMPTZ '2099-01-01 00:00:00+00'"
    assert not fresh(old).passed
    assert not fresh("SELECT TIMESTAMPTZ '2099-01-01 00:00:00+00' AS t").evaluated


@pytest.mark.parametrize(
    ("select", "value"),
    [("SELECT 'soon' AS t", "PT15M"), ("SELECT now() AS t WHERE false", "PT15M"), ("SELECT now() AS t", "15 m")],
)
def test_freshness_that_cannot_be_measured_has_failed(select, value):
    found = fresh(select, value)
    assert (found.passed, found.evaluated) == (False, False)


@pytest.mark.parametrize("moment", ["TIMESTAMP '0044-03-15 (BC) 12:00'", "TIMESTAMP '-infinity'", "DATE '-infinity'"])
def test_an_age_beyond_all_calendars_is_not_fresh(moment):
    assert not fresh(f"SELECT {moment} AS t").passed


@pytest.mark.parametrize("name", ["freshness", "completeness"])
def test_a_service_level_without_element_is_no_promise(name):
    with database("SELECT 1 AS x") as con:
        found = audit(con, contract([x()], service_levels=[sla(name, "PT1H")]))
    assert "element" in found.failures[0].message


def test_completeness():
    select = values("INT", *["1"] * 97, *["NULL"] * 3)
    with database(select) as con:
        for promised, expected in ((97, True), (97.0001, False)):
            promise = contract([x()], service_levels=[sla("completeness", promised, "people.x", "percent")])
            found = result(audit(con, promise), "completeness__x")
            assert (found.passed, found.value, found.failed_rows) == (expected, 97.0, 3)
    assert found.score == pytest.approx(0.97)
    assert found.blocks


def test_times_need_a_zone():
    with database("SELECT 1 AS x") as con, pytest.raises(ValueError, match="time zone"):
        audit(con, contract([x()]), now=NOW.replace(tzinfo=None))
