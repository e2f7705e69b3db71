"""What is published is profiled in its lake and judged beside what was published before it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date, timedelta

import pytest

from platform_resources.lake import PortAddress, connect, publications, roll_back
from platform_resources.lake.profiles import read_profiles
from platform_resources.pipeline import judged, replace_table
from platform_resources.quality.anomalies import MOST, NEEDED
from platform_resources.quality.profile import Profile
from tests.histories import write_past
from tests.pipeline.building import CONTRACT, NOW, REPOSITORY, Shop, write_domain

PORT = PortAddress.parse("shop.stock.v1")
COLUMNS = """\
      - {name: counted_on, logicalType: date, physicalType: DATE, required: true, classification: internal,
         description: The day.}
      - {name: colour, logicalType: string, physicalType: VARCHAR, classification: internal, description: Its colour.}
      - {name: keeper, logicalType: string, physicalType: VARCHAR, classification: personal, description: Who keeps it.}
      - {name: weight, logicalType: number, physicalType: DOUBLE, classification: internal, description: In kg.}
    quality:
"""
ROWS = """\
SELECT range AS id, {v}::BIGINT AS version, TIMESTAMPTZ '{now}' - INTERVAL 1 HOUR AS counted_at,
    DATE '{day}' - (range % 4)::INTEGER AS counted_on, ['red', 'blue', 'blue'][1 + range % 3] AS colour,
    CASE WHEN range % {keepers} <> 0 THEN 'SECRET-' || range % 5 END AS keeper,
    CASE WHEN range = 5 THEN 'nan'::DOUBLE ELSE range END AS weight
FROM range(100)
"""


@pytest.fixture
def shop(tmp_path) -> Shop:
    shutil.copytree(REPOSITORY / "governance", tmp_path / "governance")
    for folder in ("rules", "waivers"):
        shutil.rmtree(tmp_path / "governance" / folder)
    return Shop(tmp_path, write_domain(tmp_path, CONTRACT.replace("    quality:\n", COLUMNS, 1)))


def published(shop: Shop, run: str, days: int, keepers: int = 10):
    now = NOW + timedelta(days=days)
    query = ROWS.format(v=1, now=now.isoformat(), day=now.date(), keepers=keepers)
    with connect(shop.settings, own="shop") as con:
        replace_table(con, shop.settings, "shop", "stock", con.sql(query), f"build-{run}")
    outcome = shop.publish(run, now=now)
    assert outcome.published, outcome.audit.failures
    return outcome


def kept(shop: Shop) -> Profile:
    with connect(shop.settings, reads=["shop"]) as con:
        return Profile.from_json(read_profiles(con, PORT, MOST)[-1].profile)


def past(shop: Shop, days: int) -> list[Profile]:
    """What is kept now as of each of the days before it."""
    now = kept(shop)
    return [replace(now, day=now.day - timedelta(days=days - at)) for at in range(days)]


def test_a_version_is_profiled_on_its_last_whole_day(shop: Shop) -> None:
    outcome = published(shop, "one", 0)
    assert outcome.anomalies is not None
    assert outcome.anomalies.says == "still learning: 0 of 14 versions of other days"
    found = kept(shop)
    assert (found.rows, found.day, found.day_rows, found.gap_days) == (100, date(2026, 3, 1), 25, 1)
    assert (found.looked_at, found.age_seconds) == (25, 3600)
    assert found.columns["colour"].mix == {"blue": 0.68, "red": 0.32}
    assert found.columns["weight"].quartiles == (28, 51, 74)
    assert found.columns["keeper"].nulls == 0
    assert found.columns["id"].distinct == 1


def test_no_value_of_a_masked_column_is_in_the_log(shop: Shop) -> None:
    published(shop, "one", 0)
    keeper = kept(shop).columns["keeper"]
    assert (keeper.mix, keeper.quartiles) == (None, None)
    with connect(shop.settings, reads=["shop"]) as con:
        (row,) = publications(con, "shop", PORT)
    assert "SECRET" not in json.dumps(row.audit)


def test_a_version_that_is_unusual_is_published_and_told(shop: Shop) -> None:
    published(shop, "one", 0)
    write_past(shop.settings, PORT, past(shop, 20), NOW - timedelta(days=1))
    assert published(shop, "two", 1).anomalies.anomalies == ()
    outcome = published(shop, "three", 2, keepers=1)
    assert [one.feature.title for one in outcome.anomalies.anomalies] == ["share of nulls in keeper"]
    assert outcome.publication is not None
    assert outcome.anomalies.anomalies[0].since == outcome.publication.number


def test_profiles_that_cannot_be_read_are_no_past_and_keep_nothing_from_being_published(shop: Shop) -> None:
    published(shop, "one", 0)
    write_past(shop.settings, PORT, past(shop, 20), NOW - timedelta(days=1))
    odd = """CASE number WHEN 3 THEN '{}' WHEN 4 THEN '[1]' WHEN 5 THEN '{"form": 1, "rows": 3}' ELSE '"none"' END"""
    with connect(shop.settings, own="shop") as con:
        con.execute(
            "UPDATE shop.mesh.publications SET audit = json_object('results', audit -> 'results', "
            f"'profile', ({odd})::JSON) WHERE number BETWEEN 3 AND 12"
        )
    assert published(shop, "two", 1).anomalies.known == 11


def test_a_profile_or_a_judgement_that_fails_keeps_nothing_from_being_published(shop: Shop, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise AttributeError("of a str")

    monkeypatch.setattr("platform_resources.pipeline.profiling.judge", broken)
    assert published(shop, "one", 0).anomalies is None
    monkeypatch.setattr("platform_resources.pipeline.profiling.profile", broken)
    assert not published(shop, "two", 1).anomalies.profiled


def test_after_a_roll_back_what_is_served_again_is_judged_and_no_version_after_it(shop: Shop) -> None:
    published(shop, "one", 0)
    write_past(shop.settings, PORT, past(shop, 20), NOW - timedelta(days=1))
    good = published(shop, "two", 1).publication
    bad = published(shop, "three", 2, keepers=1).publication
    with connect(shop.settings, own="shop") as con:
        assert judged(con, PORT, bad.snapshot).anomalies
        back = roll_back(
            con, shop.settings, port=PORT, table="stock", to=good.number, run_id="back", now=NOW + timedelta(days=3)
        )
        assert not judged(con, PORT, back.snapshot).anomalies
        assert [one.number for one in read_profiles(con, PORT, MOST)][-2:] == [good.number, bad.number]


def test_after_a_roll_back_within_a_day_it_is_still_the_served_version_that_is_judged(shop: Shop) -> None:
    published(shop, "one", 0)
    write_past(shop.settings, PORT, past(shop, 20), NOW - timedelta(days=1))
    good = published(shop, "two", 1, keepers=1).publication
    published(shop, "three", 1 + 1 / 24)
    with connect(shop.settings, own="shop") as con:
        back = roll_back(
            con, shop.settings, port=PORT, table="stock", to=good.number, run_id="back", now=NOW + timedelta(days=2)
        )
        (found,) = judged(con, PORT, back.snapshot).anomalies
        assert (found.feature.title, found.since) == ("share of nulls in keeper", good.number)


def test_of_a_version_without_a_profile_no_other_one_is_judged(shop: Shop) -> None:
    published(shop, "one", 0)
    write_past(shop.settings, PORT, past(shop, 20), NOW - timedelta(days=1))
    served = published(shop, "two", 1).publication
    with connect(shop.settings, own="shop") as con:
        con.execute(f"UPDATE shop.mesh.publications SET audit = '{{}}' WHERE number = {served.number}")
        found = judged(con, PORT, served.snapshot)
    assert (found.says, found.anomalies) == ("not judged: this version has no profile", ())


def test_of_a_day_with_many_versions_the_last_one_is_read(shop: Shop) -> None:
    published(shop, "one", 0)
    rows = past(shop, NEEDED + 3)
    write_past(shop.settings, PORT, rows, NOW - timedelta(days=1))
    with connect(shop.settings, own="shop") as con:
        con.execute(
            "UPDATE shop.mesh.publications SET published_at = TIMESTAMPTZ '2026-02-20 01:00:00+00' WHERE number < 9"
        )
        found = read_profiles(con, PORT, MOST)
        assert [one.number for one in found] == [8, *range(9, len(rows) + 2)]
        assert [one.number for one in read_profiles(con, PORT, 2)] == [len(rows), len(rows) + 1]
