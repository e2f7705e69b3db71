"""What is unusual, by a port's own past: laws of the detector, on histories that are made for them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from platform_resources.quality.anomalies import MOST, NEEDED, Anomaly, Judged, Observed, judge
from platform_resources.quality.anomaly_texts import value_text
from platform_resources.quality.features import Feature
from platform_resources.quality.foretelling import Walk
from platform_resources.quality.profile import ColumnProfile, Profile
from platform_resources.quality.tabulated import MOST_FIGURES

START = datetime(2026, 1, 5, 17, tzinfo=UTC)  # a Monday
WEEK = (1.0, 1.02, 0.98, 1.05, 1.2, 1.6, 1.5)  # Saturdays and Sundays sell more
Change = Callable[[int, Profile], Profile]


def shop(days: int, change: Change = lambda _, same: same, seed: int = 3) -> list[Observed]:
    """A shop that publishes every day: noisy, with a week; `change` makes of the profile of a day another one."""
    draw = random.Random(seed)
    return [version(at, change(at, ordinary(at, draw))) for at in range(days)]


def version(at: int, profile: Profile, contract: str = "a" * 64) -> Observed:
    return Observed(at + 1, START + timedelta(days=at), contract, profile)


def ordinary(at: int, draw: random.Random) -> Profile:
    rows = round(4000 * WEEK[(at - 1) % 7] * draw.gauss(1, 0.05))
    cash = 0.3 + draw.gauss(0, 0.01)
    columns = {
        "amount": ColumnProfile("DECIMAL(18,2)", 0.0, 0.4, (1.0, 2.5 * draw.gauss(1, 0.01), 5.0)),
        "phone": ColumnProfile("VARCHAR", max(0.02 + draw.gauss(0, 0.003), 0.0), 0.9),
        "payment": ColumnProfile("VARCHAR", 0.0, 0.0005, mix={"card": 1 - cash, "cash": cash}),
    }
    day = (START + timedelta(days=at - 1)).date()
    return Profile(1_000_000 + 4500 * at, rows, 3600.0, day, rows, 1, columns)


def column(profile: Profile, name: str, **changed: object) -> Profile:
    return replace(profile, columns={**profile.columns, name: replace(profile.columns[name], **changed)})


def kinds(found: Judged) -> set[tuple[str, str | None]]:
    return {(one.feature.kind, one.feature.column) for one in found.anomalies}


def the(found: Judged, kind: str) -> Anomaly:
    return next(one for one in found.anomalies if one.feature.kind == kind)


def test_an_ordinary_year_raises_next_to_no_alarm() -> None:
    """Of 5 shops and 345 versions each at most one in three months."""
    alarms = 0
    for seed in range(5):
        walk = Walk(shop(360, seed=seed))
        alarms += sum(bool(list(walk.anomalies(at))) for at in range(NEEDED, 360))
    assert alarms <= 5 * 4


def test_the_week_is_known_a_quiet_saturday_is_unusual_though_it_sells_like_a_monday() -> None:
    saturday = next(at for at in range(90, 97) if ordinary(at, random.Random(0)).day.weekday() == 5)
    assert not judge(shop(saturday + 1)).anomalies
    quiet = judge(shop(saturday + 1, lambda at, one: replace(one, day_rows=4000) if at == saturday else one))
    found = the(quiet, "rows of the day")
    assert found.weekday
    assert "as on a Saturday" in found.says
    assert found.low is not None
    assert 4000 < found.low < found.expected < found.high


@pytest.mark.parametrize(
    ("kind", "of", "change"),
    [
        ("rows of the day", None, lambda one: replace(one, day_rows=one.day_rows * 2)),
        ("rows", None, lambda one: replace(one, rows=one.rows // 2)),
        ("age", None, lambda one: replace(one, age_seconds=2 * 86_400.0)),
        ("gap", None, lambda one: replace(one, gap_days=2)),
        ("nulls", "phone", lambda one: column(one, "phone", nulls=0.12)),
        ("distinct", "amount", lambda one: column(one, "amount", distinct=0.2)),
        ("quantile", "amount", lambda one: column(one, "amount", quartiles=(0.92, 2.3, 4.6))),
        ("mix", "payment", lambda one: column(one, "payment", mix={"card": 0.95, "cash": 0.05})),
        ("mix", "payment", lambda one: column(one, "payment", mix={"card": 0.7})),
        ("new values", "payment", lambda one: column(one, "payment", mix={"card": 0.6, "cash": 0.3, "crypto": 0.1})),
    ],
)
def test_a_fault_is_found_with_the_first_version_that_has_it(kind: str, of: str | None, change) -> None:
    found = judge(shop(80, lambda at, one: change(one) if at == 79 else one))
    assert (kind, of) in kinds(found)
    assert (the(found, kind).since, the(found, kind).versions) == (80, 1)
    assert found.anomalies[0].feature.column == of


def test_of_what_is_unusual_at_once_each_column_is_told_once_the_strongest_first() -> None:
    def broken(at: int, one: Profile) -> Profile:
        wrong = column(one, "payment", mix={"card": 0.2, "cash": 0.2, "crypto": 0.6})
        return replace(wrong, day_rows=10) if at == 79 else one

    found = judge(shop(80, broken)).anomalies
    told = [one.feature.group for one in found]
    assert sorted(map(str, told)) == sorted({str(group) for group in told})
    assert [one.deviations for one in found] == sorted((one.deviations for one in found), reverse=True)


def test_while_too_little_is_known_nothing_is_called_unusual() -> None:
    for days in range(NEEDED + 1):
        found = judge(shop(days, lambda at, one: replace(one, day_rows=1 + 10**at)))
        assert found.learning
        assert not found.anomalies
        assert found.says == f"still learning: {max(days - 1, 0)} of 14 versions of other days"
    assert not judge(shop(NEEDED + 1)).learning


def test_a_small_shift_that_stays_is_found_though_no_version_is_unusual_by_itself() -> None:
    def weaker(at: int, one: Profile) -> Profile:
        low, middle, high = one.columns["amount"].quartiles
        return column(one, "amount", quartiles=(low, middle * 0.955, high)) if at >= 80 else one

    assert not judge(shop(81, weaker)).anomalies
    found = [judge(shop(days, weaker)) for days in range(82, 87)]
    first = next(one for one in found if one.anomalies)
    told = the(first, "quantile")
    assert told.says.startswith("median of amount: about 2.4")
    assert "in the last 5 versions, expected 2.5" in told.says
    assert told.seen < told.low < told.expected


def test_of_rows_that_are_seen_again_in_each_version_a_small_shift_is_one_witness_and_not_five() -> None:
    def weaker(at: int, one: Profile) -> Profile:
        low, middle, high = one.columns["amount"].quartiles
        moved = column(one, "amount", quartiles=(low, middle * 0.955, high)) if at >= 80 else one
        return replace(moved, day=None, day_rows=None, gap_days=None)

    assert not any(judge(shop(days, weaker)).anomalies for days in range(82, 90))


def tills(at: int, one: Profile, missing: Callable[[int, int], bool], kind: str = "INTEGER") -> Profile:
    """Forty shops of about 2.5 % of the lines each; `missing`: which of them has none, by version."""
    draw = random.Random(at)
    lines = {shop: draw.randint(20, 180) for shop in range(40) if not missing(at, shop)}
    shares = {str(shop): count / sum(lines.values()) for shop, count in lines.items()}
    shops = ColumnProfile(kind, 0.0, 0.01, mix=dict(sorted(shares.items(), key=lambda item: -item[1])))
    return replace(one, columns={**one.columns, "shop": shops})


def test_a_shop_whose_lines_stop_is_gone_with_the_third_version_though_its_share_is_within_what_is_usual() -> None:
    def dropped(at: int, one: Profile) -> Profile:
        return tills(at, one, lambda at, shop: shop == 17 and at >= 80)

    assert not judge(shop(82, dropped)).anomalies
    found = the(judge(shop(83, dropped)), "gone values")
    assert (found.since, found.versions) == (81, 3)
    assert found.says.startswith("values gone from shop: '17' (2.")
    assert found.says.endswith("% of the rows before), in none of the last 3 versions")
    assert found.seen == 0 < found.low < found.expected < found.high
    assert [point.seen for point in found.points[-3:]] == [0, 0, 0]
    assert [point.unusual for point in found.points[-4:]] == [False, True, True, True]
    assert ("gone values", "shop") in kinds(judge(shop(94, dropped)))
    assert ("gone values", "shop") not in kinds(judge(shop(95, dropped)))  # by then it is usual


def test_a_shop_that_is_often_closed_is_gone_the_later() -> None:
    def half(at: int, one: Profile) -> Profile:
        return tills(at, one, lambda at, shop: shop == 17 and (at % 3 == 0 or at >= 80))

    days = next(days for days in range(80, 99) if ("gone values", "shop") in kinds(judge(shop(days, half))))
    assert the(judge(shop(days, half)), "gone values").versions == 11


def test_numbers_of_rows_that_are_seen_again_grow_out_of_their_values_and_texts_do_not() -> None:
    def state(kind: str) -> Change:
        def change(at: int, one: Profile) -> Profile:
            one = tills(at, one, lambda at, shop: shop == 17 and at >= 80, kind)
            return replace(one, day=None, day_rows=None, gap_days=None)

        return change

    assert ("gone values", "shop") not in kinds(judge(shop(84, state("INTEGER"))))
    assert ("gone values", "shop") in kinds(judge(shop(84, state("VARCHAR"))))


def test_a_fault_of_a_week_hides_none_that_comes_some_weeks_later() -> None:
    def twice(at: int, one: Profile) -> Profile:
        return column(one, "phone", nulls=0.12) if 80 <= at < 87 or at >= 108 else one

    assert ("nulls", "phone") in kinds(judge(shop(109, twice)))


def test_of_what_a_version_no_longer_has_nothing_is_told() -> None:
    """A column that was just masked has no quartiles and no mix, and its last ones are not told."""

    def masked(at: int, one: Profile) -> Profile:
        one = column(one, "amount", quartiles=(3.0, 9.0, 20.0)) if at >= 80 else one
        return column(one, "amount", quartiles=None) if at == 84 else one

    assert ("quantile", "amount") in kinds(judge(shop(84, masked)))
    assert ("quantile", "amount") not in kinds(judge(shop(85, masked)))


def test_of_a_wide_table_the_figures_that_tell_most_are_judged() -> None:
    def wide(at: int, one: Profile) -> Profile:
        more = {f"c{n}": ColumnProfile("BIGINT", 0.0, 0.5, (1.0, 2.0, 3.0)) for n in range(299)}
        return replace(one, columns={**more, "phone": one.columns["phone"]}, day_rows=9 if at == 29 else one.day_rows)

    found = judge(shop(30, lambda at, one: column(wide(at, one), "phone", nulls=0.5 if at == 29 else 0.0)))
    assert found.watched == MOST_FIGURES
    assert {("rows of the day", None), ("nulls", "phone")} <= kinds(found)


@pytest.mark.parametrize(("broken", "since"), [(80, 81), (81, 82), (82, 83)])
def test_while_the_day_stands_still_it_is_unusual_since_the_first_version_that_told_so(broken: int, since: int) -> None:
    """Three versions tell of one day, as over a weekend."""
    still = shop(81)[80].profile

    def frozen(at: int, one: Profile) -> Profile:
        one = still if at >= 80 else one
        return replace(one, day_rows=20, columns=column(one, "phone", nulls=0.4).columns) if at >= broken else one

    found = judge(shop(83, frozen))
    assert (the(found, "nulls").since, the(found, "rows of the day").since) == (since, since)
    assert the(found, "nulls").versions == 84 - since


def test_a_fault_before_and_after_a_day_that_stood_still_is_one() -> None:
    def fault(at: int, one: Profile) -> Profile:
        one = replace(one, day=version(81, one).at.date()) if at in (81, 82) else one
        return column(one, "phone", nulls=0.4) if at >= 80 else one

    found = the(judge(shop(84, fault)), "nulls")
    assert (found.since, found.versions) == (81, 4)


def test_a_shift_is_an_alarm_and_then_the_new_normal() -> None:
    def doubled(at: int, one: Profile) -> Profile:
        return replace(one, day_rows=one.day_rows * 2) if at >= 80 else one

    history = shop(140, doubled)
    walk = Walk(history)
    alarmed = [at for at in range(70, 140) if any(a.feature.kind == "rows of the day" for a in walk.anomalies(at))]
    assert alarmed == list(range(80, 80 + len(alarmed)))
    assert 7 <= len(alarmed) <= 10
    assert the(judge(history[:83]), "rows of the day").since == 81
    assert the(judge(history[:83]), "rows of the day").versions == 3
    halved = judge([*history, version(140, replace(ordinary(140, random.Random(1)), day_rows=4000))])
    assert ("rows of the day", None) in kinds(halved)  # what was usual before is not any more


def test_what_grows_as_ever_is_as_usual() -> None:
    """A table that grows by 1 % a day is far from the median of its past, and foretold all the same."""
    found = judge(shop(90, lambda at, one: replace(one, rows=round(10_000 * 1.01**at))))
    assert ("rows", None) not in kinds(found)
    stopped = judge(shop(91, lambda at, one: replace(one, rows=round(10_000 * 1.01 ** (at if at < 90 else 70)))))
    assert ("rows", None) in kinds(stopped)


def test_values_that_are_other_ones_every_day_are_no_news() -> None:
    def numbered(at: int, one: Profile) -> Profile:
        return column(one, "payment", mix={f"load {at}": 1.0})

    assert not judge(shop(80, numbered)).anomalies


def test_many_versions_a_day_count_as_one_and_the_last_one_is_judged() -> None:
    history = shop(80)
    every_hour = [
        replace(one, number=10 * one.number + hour, at=one.at.replace(hour=hour))
        for one in history
        for hour in range(3, 23, 5)
    ]
    broken = replace(every_hour[-1], at=every_hour[-1].at.replace(hour=23), number=9999)
    broken = replace(broken, profile=column(broken.profile, "phone", nulls=0.5))
    found = judge([*every_hour, broken])
    assert found.known == NEEDED
    assert the(found, "nulls").since == 9999
    assert len(the(found, "nulls").points) <= 80
    assert not judge(every_hour).anomalies


def test_versions_with_gaps_between_them_are_judged_by_their_weekdays() -> None:
    """Published on Mondays, Wednesdays and Saturdays only."""
    some = [one for one in shop(360) if one.at.weekday() in (0, 2, 5)]
    walk = Walk(some)
    assert sum(bool(list(walk.anomalies(at))) for at in range(NEEDED, len(some))) <= 3
    wrong = replace(some[-1], profile=replace(some[-1].profile, day_rows=200))
    assert ("rows of the day", None) in kinds(judge([*some[:-1], wrong]))


def test_columns_that_change_under_the_same_contract_are_told_until_they_are_usual() -> None:
    def more(at: int, one: Profile) -> Profile:
        wider = {**one.columns, "note": ColumnProfile("VARCHAR")}
        return replace(one, columns=wider) if at >= 60 else one

    found = the(judge(shop(62, more)), "schema")
    assert (found.since, found.versions) == (61, 2)
    assert found.says == "columns and types, under the same contract: note is new"
    assert ("schema", None) not in kinds(judge(shop(75, more)))


def test_columns_that_a_new_contract_brings_are_no_surprise() -> None:
    old, new = shop(60), shop(62)[60:]
    wider = [replace(one, contract_sha256="b" * 64, profile=column_added(one.profile)) for one in new]
    assert ("schema", None) not in kinds(judge([*old, *wider]))


def column_added(one: Profile) -> Profile:
    return replace(one, columns={**one.columns, "note": ColumnProfile("VARCHAR", 0.0, 0.5)})


def test_a_long_history_says_what_its_last_days_say() -> None:
    """So many days are looked back at as the longest chain of windows reaches: older ones change nothing."""
    history = shop(330, lambda at, one: column(one, "phone", nulls=0.3) if at % 97 == 0 else one)
    walk = Walk(history)
    for end in (260, 292, 330):
        known = [(one.feature, one.deviations, one.since) for one in walk.anomalies(end - 1)]
        assert known == [(one.feature, one.deviations, one.since) for one in judge(history[:end]).anomalies]
    assert len(judge(history).anomalies or ()) == len(list(walk.anomalies(329)))
    assert MOST < 292


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        ("age", 1200.5, "1,200 d 12 h"),
        ("age", 1.5, "1 d 12 h"),
        ("age", 1 + 1 / 1440, "1 d 1 min"),
        ("age", 2 / 24, "2 h"),
        ("age", 0.0069, "9 min 56 s"),
        ("age", 0.0, "0 s"),
        ("gap", 2.0, "2 d"),
        ("gap", 1200.0, "1,200 d"),
        ("gap", 1.6, "1.6 d"),
        ("quantile", 0.00123456, "0.001235"),
        ("quantile", 12.3456, "12.35"),
        ("quantile", 0.0, "0.00"),
        ("quantile", -7e-9, "0.00"),
        ("nulls", 0.0000000012, "< 0.001 %"),
        ("nulls", 0.0, "0 %"),
        ("nulls", 0.00012, "0.012 %"),
        ("nulls", 0.99984, "99.98 %"),
    ],
)
def test_figures_are_told_in_the_units_that_people_use(kind, value: float, told: str) -> None:
    assert value_text(Feature(kind, "amount"), value) == told


def test_a_profile_is_kept_and_read_as_it_was() -> None:
    one = ordinary(5, random.Random(2))
    assert Profile.from_json(one.as_json()) == one
    assert Profile.from_json(Profile(0, 0).as_json()) == Profile(0, 0)
    assert one.day == date(2026, 1, 9)
