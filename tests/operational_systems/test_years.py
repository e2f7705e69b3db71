"""The years after the shipped one, and the arithmetic of all of them."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operational_systems.business_calendar import (
    Interval,
    by_local_month,
    cycles,
    history_start,
    shift_weeks,
    to_local,
    whole_second,
)

moments = st.datetimes(datetime(2018, 1, 2), datetime(2060, 1, 1), timezones=st.just(UTC)).map(whole_second)


@given(moments)
def test_the_shipped_year_ends_in_the_week_before_the_first_start(first_start):
    end = datetime(2018, 1, 1) + timedelta(weeks=shift_weeks(first_start))
    assert end <= to_local(first_start) < end + timedelta(weeks=1)
    assert to_local(history_start(first_start)) == end - timedelta(days=365)
    assert end.weekday() == 0


@given(moments, st.integers(1, 1500))
def test_cycles_follow_each_other_without_gap_or_overlap(first_start, days):
    interval = Interval(history_start(first_start), first_start + timedelta(days=days))
    found = list(cycles(first_start, interval))
    assert found[0].starts_at == interval.start
    assert all(earlier.ends_at == later.starts_at for earlier, later in itertools.pairwise(found))
    assert found[-1].ends_at >= interval.end


@given(moments, st.integers(1, 500_000))
def test_months_cover_the_interval(start, minutes):
    interval = Interval(start, start + timedelta(minutes=minutes))
    pieces = by_local_month(interval)
    assert (pieces[0].start, pieces[-1].end) == (interval.start, interval.end)
    assert all(earlier.end == later.start for earlier, later in itertools.pairwise(pieces))
    assert all(to_local(piece.end).day == 1 for piece in pieces[:-1])


def test_a_clock_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="zone"):
        whole_second(datetime(2026, 1, 1))


def test_keys_stay_unique_over_the_years(two_years):
    assert two_years.query("""
        select (select count(*) - count(distinct (basket_id, product_id)) from receipts),
            (select count(*) - count(distinct movement_id) from stock_movements),
            (select count(*) - count(distinct (campaign_id, household_id)) from campaign_contacts),
            (select count(*) - count(distinct columns(* exclude (filename, redeemed_at))) from (
                select (household_id, coupon_upc, campaign_id, redemption_date) as key, filename, redeemed_at
                from coupon_redemptions))
    """) == [(0, 0, 0, 0)]


def test_a_later_year_is_the_shipped_one_on_the_same_weekdays_without_its_first_sunday(two_years):
    assert two_years.query("""
        with days as (
            select to_local(transaction_timestamp)::date as day, count(*) as lines, sum(sales_value) as sales
            from receipts group by all)
        select count(*), sum(days.lines), bool_and((days.lines, days.sales) = (next.lines, next.sales))
        from days left join days as next on next.day = days.day + 364
        where days.day between date '2025-11-17' and date '2026-11-15'
    """) == [(363, 1_465_585, True)]


def test_the_years_touch(two_years):
    [(days, first, last)] = two_years.query("""
        select count(distinct to_local(transaction_timestamp)::date), min(to_local(transaction_timestamp)::date),
            max(to_local(transaction_timestamp)::date)
        from receipts
    """)
    assert (last - first).days + 1 - days == 2  # 25 December of the data set has no business, in either year
