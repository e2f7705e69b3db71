"""Synthetic contacts."""

import itertools
from datetime import timedelta

from operational_systems.business_calendar import Interval
from operational_systems.crm import changes


def test_contacts_are_recognisably_synthetic(history):
    assert history.query(r"""
        select bool_and(email like '%@example.com'), bool_and(regexp_full_match(phone, '\+1-[1-9]\d\d-555-01\d\d')),
            count(distinct email), count(first_name), count(last_name)
        from customers
    """) == [(True, True, 2_469, 2_469, 2_469)]


def test_a_household_has_the_same_name_in_every_home_and_after_a_change(home, first_start):
    home.replay.land_due(first_start + timedelta(days=1))
    assert home.query("""
        select count(*) > 100, max(names), min(emails) from (
            select count(distinct (first_name, last_name)) as names, count(distinct email) as emails
            from customers group by household_id having count(*) > 1)
    """) == [(True, 1, 2)]


def test_a_tick_changes_a_handful_and_any_cut_delivers_the_same_changes(first_start):
    households = list(range(2_469))
    day = [first_start + timedelta(seconds=second) for second in range(0, 86_401, 450)]
    ticks = [changes(households, Interval(start, end)) for start, end in itertools.pairwise(day)]
    joined = {household: moment for tick in ticks for household, moment in tick.items()}
    assert joined == changes(households, Interval(day[0], day[-1]))
    assert 300 < sum(map(len, ticks)) < 600
    assert max(map(len, ticks)) <= 8
