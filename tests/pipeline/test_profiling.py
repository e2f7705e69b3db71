"""What is published is profiled in its lake and judged beside what was published before it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date, timedelta

import duckdb
import pytest

from platform_resources.lake import PortAddress, Publication, connect, newest_entry, publications, roll_back
from platform_resources.lake.profiles import read_profiles
from platform_resources.pipeline import judge_candidate, replace_table
from platform_resources.pipeline.publishing import last_publications
from platform_resources.quality.anomalies import MOST, NEEDED, NOT_JUDGED
from platform_resources.quality.judgement_record import judged_in
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


def numbers(shop: Shop) -> list[int]:
    """Of the versions that lead to what is served."""
    with connect(shop.settings, reads=["shop"]) as con:
        return [one.number for one in read_profiles(con, PORT, MOST)]


def rolled_back(shop: Shop, to: int, days: int) -> Publication:
    now = NOW + timedelta(days=days)
    with connect(shop.settings, own="shop") as con:
        return roll_back(con, shop.settings, port=PORT, table="stock", to=to, run_id=f"back-{days}", now=now)


def past(shop: Shop, days: int) -> list[Profile]:
    """What is kept now as of each of the days before it."""
    now = kept(shop)
    return [replace(now, day=now.day - timedelta(days=days - at)) for at in range(days)]


def test_a_version_is_profiled_on_its_last_whole_day(shop: Shop) -> None:
    outcome = published(shop, "one", 0)
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


def test_no_value_of_a_column_that_was_open_is_told_when_it_is_masked_now(shop: Shop) -> None:
    published(shop, "one", 0)
    opened = replace(kept(shop).columns["keeper"], mix={"SECRET-1": 0.5, "SECRET-2": 0.5}, quartiles=(1.0, 2.0, 3.0))
    rows = [replace(one, columns={**one.columns, "keeper": opened}) for one in past(shop, 20)]
    write_past(shop.settings, PORT, rows, NOW - timedelta(days=1))
    outcome = published(shop, "two", 1, keepers=1)
    assert "keeper" in {one.feature.column for one in outcome.anomalies.anomalies}
    assert "SECRET" not in json.dumps(outcome.publication.audit)


def test_a_version_that_is_unusual_is_published_and_told(shop: Shop) -> None:
    published(shop, "one", 0)
    write_past(shop.settings, PORT, past(shop, 20), NOW - timedelta(days=1))
    assert published(shop, "two", 1).anomalies.anomalies == ()
    outcome = published(shop, "three", 2, keepers=1)
    (found,) = outcome.anomalies.anomalies
    assert (found.feature.title, found.feature.subject) == ("share of nulls in keeper", "share of nulls in keeper")
    assert outcome.publication is not None
    assert found.since == found.points[-1].number == outcome.publication.number
    assert [publication.number for publication in outcome.log[:3]] == [23, 22, 21]
    assert "SECRET" not in json.dumps(outcome.publication.audit)
    assert len(json.dumps(outcome.publication.audit["anomalies"])) < 3000
    with connect(shop.settings, reads=["shop"]) as con:
        assert judged_in(newest_entry(con, PORT).audit) == outcome.anomalies
    assert shop.publish("three", now=NOW + timedelta(days=2)).anomalies == outcome.anomalies, "a run that is repeated"


def test_profiles_that_cannot_be_read_are_no_past_and_keep_nothing_from_being_published(shop: Shop) -> None:
    published(shop, "one", 0)
    write_past(shop.settings, PORT, past(shop, 20), NOW - timedelta(days=1))
    odd = """CASE number WHEN 3 THEN '{}' WHEN 4 THEN '[1]' WHEN 5 THEN '{"form": 2, "rows": 3}' ELSE '"none"' END"""
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
    outcome = published(shop, "one", 0)
    assert outcome.anomalies.says == NOT_JUDGED
    assert outcome.publication.audit.keys() & {"profile", "anomalies"} == {"profile"}
    monkeypatch.setattr("platform_resources.pipeline.profiling.profile", broken)
    outcome = published(shop, "two", 1)
    assert outcome.anomalies.says == NOT_JUDGED
    assert not outcome.publication.audit.keys() & {"profile", "anomalies"}


def test_who_interrupts_the_judgement_stops_the_publication(shop: Shop, monkeypatch) -> None:
    def interrupted(*_: object) -> None:
        raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")

    monkeypatch.setattr("platform_resources.pipeline.profiling.judge", interrupted)
    with pytest.raises(duckdb.InterruptException):
        published(shop, "one", 0)
    with connect(shop.settings, reads=["shop"]) as con:
        assert newest_entry(con, PORT) is None


def test_after_a_roll_back_what_is_served_again_is_told_and_what_it_left_is_no_past(shop: Shop) -> None:
    published(shop, "one", 0)
    write_past(shop.settings, PORT, past(shop, 20), NOW - timedelta(days=1))
    good = published(shop, "two", 1)
    bad = published(shop, "three", 2, keepers=1)
    back = rolled_back(shop, good.publication.number, 3)
    assert bad.anomalies.anomalies
    assert judged_in(back.audit) == good.anomalies
    assert numbers(shop)[-2:] == [21, good.publication.number]
    (found,) = published(shop, "four", 4, keepers=1).anomalies.anomalies
    assert (found.since, found.versions) == (25, 1), "the version that was left is not the first one"
    assert [point.number for point in found.points][-3:] == [21, 22, 25]


def test_who_goes_back_to_what_was_left_has_it_in_its_past_again(shop: Shop) -> None:
    """Rows of the log alone, one a day; with two numbers it is a rollback to the second."""
    published(shop, "one", 0)

    def leading(*then: tuple[int, int] | int) -> list[int]:
        with connect(shop.settings, own="shop") as con:
            con.execute("DELETE FROM shop.mesh.publications WHERE number > 1")
            for at, row in enumerate(then, 2):
                kind, to = ("rollback", row[1]) if isinstance(row, tuple) else ("publish", row)
                con.execute(
                    "INSERT INTO shop.mesh.publications BY NAME SELECT * REPLACE "
                    f"({at} AS number, '{kind}' AS kind, snapshot + {to - 1} AS snapshot, "
                    f"published_at + INTERVAL {at} DAY AS published_at) FROM shop.mesh.publications WHERE number = 1"
                )
        return numbers(shop)

    assert leading(2, 3, (4, 1)) == [1]
    assert leading(2, 3, (4, 1), (5, 3)) == [1, 2, 3]
    assert leading(2, 3, (4, 1), (5, 3), 6, (7, 2), 8) == [1, 2, 8]


def test_the_anomalies_of_a_version_that_is_served_again_name_it_as_before(shop: Shop) -> None:
    published(shop, "one", 0)
    write_past(shop.settings, PORT, past(shop, 20), NOW - timedelta(days=1))
    good = published(shop, "two", 1, keepers=1).publication
    published(shop, "three", 1 + 1 / 24)
    (found,) = judged_in(rolled_back(shop, good.number, 2).audit).anomalies
    assert (found.feature.title, found.since) == ("share of nulls in keeper", good.number)


@pytest.mark.parametrize("rebuilt", [True, False])
def test_of_two_runs_at_once_each_tells_of_what_is_published(shop: Shop, monkeypatch, rebuilt: bool) -> None:
    """While one is judged by the gate another one publishes, of newer rows or of the same ones."""
    published(shop, "one", 0)
    write_past(shop.settings, PORT, past(shop, 20), NOW - timedelta(days=1))
    between = []

    def judge(*arguments: object) -> object:
        monkeypatch.undo()
        if rebuilt:
            between.append(published(shop, "between", 1, keepers=1))
        else:
            between.append(shop.publish("between", now=NOW + timedelta(days=1)))
        return judge_candidate(*arguments)

    monkeypatch.setattr("platform_resources.pipeline.publishing.judge_candidate", judge)
    outcome = published(shop, "two", 1, keepers=10 if rebuilt else 1)
    (found,) = outcome.anomalies.anomalies
    assert found.since == outcome.publication.number == found.points[-1].number
    assert outcome.publication.number == between[0].publication.number + (not rebuilt)


def test_a_proof_that_can_not_be_made_keeps_nothing_from_being_published(shop: Shop, monkeypatch) -> None:
    def unreadable(*_: object) -> None:
        raise duckdb.IOException("IO Error: the lake of a parent")

    monkeypatch.setattr("platform_resources.pipeline.publishing.still_served", unreadable)
    audit = published(shop, "one", 0).publication.audit
    assert audit.keys() & {"built_on", "proven"} == {"built_on"}


def test_a_log_that_can_not_be_read_is_none_to_tell(shop: Shop) -> None:
    with duckdb.connect() as con:
        assert last_publications(con, PORT) == ()


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
