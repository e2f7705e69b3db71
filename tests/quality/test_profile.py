"""What a profile looks at, and what it leaves alone."""

from __future__ import annotations

from datetime import date, timedelta

from platform_resources.quality.profile import _LOOKED_AT, Profile, _Look, profile
from tests.quality.building import NOW, TABLE, column, contract, database, sla

OPEN = ("id", "kind", "weight", "day", "at")


def taken(select: str, *columns, opened=OPEN, service_levels=()) -> Profile:
    with database(select) as con:
        found = profile(con, contract(columns, service_levels=service_levels), TABLE, NOW, opened)
    assert found is not None
    assert Profile.from_json(found.as_json()) == found
    return found


def test_of_a_big_table_the_same_few_rows_are_looked_at() -> None:
    select = "SELECT i AS id, i % 3 AS kind FROM range(200_000) r(i)"
    one = taken(select, column("id", "BIGINT"), column("kind", "BIGINT"))
    assert (one.rows, one.looked_at) == (200_000, 20_000)
    assert one == taken(select, column("id", "BIGINT"), column("kind", "BIGINT"))
    assert one.columns["kind"].mix == {"0": 0.3334, "1": 0.3333, "2": 0.3333}


def test_an_empty_table_and_one_without_values_have_a_profile() -> None:
    none = taken("SELECT 1 AS id, 'a' AS kind WHERE false", column("id", "INTEGER"), column("kind", "VARCHAR"))
    assert (none.rows, none.looked_at, none.columns["kind"].nulls) == (0, 0, None)
    nulls = taken("SELECT NULL::INTEGER AS id, NULL::DATE AS day", column("id"), column("day", required=True))
    assert (nulls.columns["id"].nulls, nulls.columns["id"].distinct, nulls.day) == (1, None, None)


def test_values_that_are_no_numbers_and_days_that_are_none_break_nothing() -> None:
    odd = "('nan', 'infinity'), ('infinity', '2026-03-01'), ('-infinity', '2026-02-28'), ('2', '2026-02-28')"
    select = f"SELECT w::DOUBLE AS weight, d::DATE AS day FROM (VALUES {odd}) v(w, d)"
    found = taken(select, column("weight", "DOUBLE"), column("day", "DATE", required=True))
    assert found.rows == 4
    assert found.columns["weight"].nulls == 0


def test_a_newest_moment_that_python_has_no_date_for_is_no_day_and_has_no_age() -> None:
    columns = column("day", "DATE", required=True), column("at", "TIMESTAMP")
    promise = [sla("freshness", "P1D", "people.at")]
    for year in ("12026-03-01", "0044-03-15 (BC)"):
        found = taken(f"SELECT DATE '{year}' AS day, TIMESTAMP '{year}' AS at", *columns, service_levels=promise)
        assert (found.rows, found.day, found.age_seconds) == (1, None, None)
    older = "SELECT unnest([DATE '0044-03-15 (BC)', DATE '2026-03-01']) AS day"
    assert taken(older, column("day", "DATE", required=True)).day is None


def test_a_timestamp_of_the_key_tells_the_day_and_one_beside_it_does_not() -> None:
    at = "TIMESTAMPTZ '2026-03-02 10:00:00+00' - INTERVAL (i * 5) HOUR"
    select = f"SELECT i AS id, {at} AS at FROM range(20) r(i)"
    keyed = taken(select, column("id", "BIGINT"), column("at", "TIMESTAMPTZ", primary_key_position=1))
    assert (keyed.day, keyed.gap_days, keyed.day_rows, keyed.looked_at) == (date(2026, 3, 1), 1, 4, 4)
    beside = taken(select, column("id", "BIGINT"), column("at", "TIMESTAMPTZ", required=True))
    assert (beside.day, beside.looked_at) == (None, 20)


def test_the_day_before_the_newest_one_is_found_however_long_ago_it_was() -> None:
    columns = column("id", "BIGINT"), column("day", "DATE", required=True)
    for days in (1, 8, 9, 4000):
        select = f"SELECT i AS id, DATE '2026-03-01' - if(i < 5, 0, {days}) AS day FROM range(12) r(i)"
        found = taken(select, *columns)
        assert (found.rows, found.gap_days, found.day_rows, found.looked_at) == (12, days, 7, 7)
    first = taken("SELECT 1 AS id, DATE '0001-01-02' - i::INTEGER AS day FROM range(2) r(i)", *columns)
    assert (first.day, first.day_rows) == (date(1, 1, 1), 1)
    assert taken("SELECT 1 AS id, DATE '2026-03-01' AS day", *columns).day is None


def test_distinct_values_are_counted_and_not_estimated() -> None:
    made = "SELECT i AS id, (i * 7919) % 4999 AS kind FROM range(20_000) r(i)"
    assert taken(made, column("id", "BIGINT"), column("kind", "BIGINT")).columns["kind"].distinct == 0.24995


def test_of_a_mix_the_hundred_most_frequent_values_are_kept() -> None:
    made = "SELECT i AS id, CAST(floor(sqrt(i)) AS INTEGER) AS kind FROM range(40_000) r(i)"
    mix = taken(made, column("id", "BIGINT"), column("kind", "INTEGER")).columns["kind"].mix
    assert list(mix) == [str(kind) for kind in range(199, 99, -1)]
    assert mix["199"] == round(399 / 40_000, 7)


def test_the_newest_row_is_as_old_as_the_promise_on_freshness_sees_it() -> None:
    select = f"SELECT 1 AS id, TIMESTAMPTZ '{NOW - timedelta(hours=3)}' AS at"
    columns = column("id", "INTEGER"), column("at", "TIMESTAMPTZ")
    found = taken(select, *columns, service_levels=[sla("freshness", "P1D", "people.at")])
    assert found.age_seconds == 3 * 3600


def test_a_date_or_moment_that_is_masked_tells_neither_a_day_nor_an_age() -> None:
    select = f"SELECT i AS id, DATE '2026-03-01' - i::INTEGER AS day, TIMESTAMPTZ '{NOW}' AS at FROM range(9) r(i)"
    columns = column("id", "BIGINT"), column("day", "DATE", required=True), column("at", "TIMESTAMPTZ")
    promise = [sla("freshness", "P1D", "people.at")]
    masked = taken(select, *columns, opened=("id",), service_levels=promise)
    assert (masked.day, masked.day_rows, masked.gap_days, masked.age_seconds) == (None, None, None, None)
    assert masked.looked_at == 9
    shown = taken(select, *columns, service_levels=promise)
    assert (shown.day, shown.age_seconds) == (date(2026, 2, 28), 0)


def test_of_a_wide_table_fewer_rows_and_the_most_important_columns_are_looked_at() -> None:
    names = [f"c{at}" for at in range(350)]
    made = ", ".join(f"i % 7 AS {name}" for name in names)
    columns = [column(name, "BIGINT", required=name == "c349") for name in names]
    found = taken(f"SELECT {made} FROM range(9_000) r(i)", *columns)
    assert (found.rows, found.looked_at, len(found.columns)) == (9_000, 6_666, 350)
    known = [name for name in names if found.columns[name].nulls is not None]
    assert known == [*names[:299], "c349"]


def test_of_a_hidden_column_nulls_and_distinct_values_are_counted_without_a_copy_of_it(monkeypatch) -> None:
    copied: list[str] = []
    monkeypatch.setattr(_Look, "_columns", lambda self, _: copied.extend(self._one(f"FROM {_LOOKED_AT}")) or {})
    columns = column("id", "BIGINT"), column("name", "VARCHAR")
    taken("SELECT 7 AS id, 'SECRET' AS name", *columns)
    assert copied[0] == 7
    assert isinstance(copied[1], int)
    monkeypatch.undo()
    made = "SELECT i AS id, CASE WHEN i % 4 > 0 THEN 'n' || i % 4 END AS name FROM range(40) r(i)"
    name = taken(made, *columns).columns["name"]
    assert (name.nulls, name.distinct, name.mix) == (0.25, 0.1, None)


def test_a_table_that_is_not_there_has_no_profile() -> None:
    with database("SELECT 1 AS id") as con:
        assert profile(con, contract([column("id")]), '"crm"."internal"."nothing"', NOW, OPEN) is None
