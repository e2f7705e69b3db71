"""`mesh land`: a file of a feed lands once, in the feed's own types, or is refused with the lines that are wrong."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from platform_resources.contracts import load_domain_partially
from platform_resources.contracts.model import Contract
from platform_resources.lake import MeshSettings, connect
from platform_resources.pipeline import ingest
from platform_resources.self_service.changeset import ScaffoldError
from platform_resources.self_service.landing import Landed, land
from platform_resources.self_service.new_domain import NewDomain, scaffold_domain
from platform_resources.self_service.new_product import NewProduct, scaffold_product
from tests.tiny_mesh import write_project

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HEADER = "Person ID;E-Mail;Since;Paid;Size\n"


def write(path: Path, *lines: str, header: str = HEADER, days_old: int = 1) -> Path:
    path.write_text(header + "\n".join(lines) + "\n", encoding="utf-8")
    at = (NOW - timedelta(days=days_old)).timestamp()
    os.utime(path, (at, at))
    return path


def person(number: int, paid: str = "1.234,50", since: str = "31.01.2026") -> str:
    return f"{number};p{number}@mail.example;{since};{paid};NA"


class Feed:
    """The feed of a scaffolded product."""

    def __init__(self, tmp_path: Path) -> None:
        project = write_project(tmp_path / "project")
        scaffold_domain(project, NewDomain("marketing", owner="anna@retailer.example"))
        self.settings = MeshSettings(home=tmp_path / "home", project=project)
        first = write(
            tmp_path / "people_2026-01.csv", *(f"{person(n)[:-2]}{n}" for n in range(1, 150)), person(150), days_old=9
        )
        scaffold_product(self.settings, NewProduct("marketing.newsletter", str(first)), NOW)

    @property
    def source(self) -> Contract:
        domain, _ = load_domain_partially(self.settings.domains / "marketing")
        return domain.sources[0]

    def land(self, *paths: Path, **more: object) -> list[Landed]:
        return land(self.settings, "marketing", self.source, paths, NOW, **more)

    def refused(self, *paths: Path) -> str:
        before = self.names()
        with pytest.raises(ScaffoldError) as raised:
            self.land(*paths)
        assert self.names() == before
        return str(raised.value)

    def names(self) -> list[str]:
        return sorted(path.name for path in (self.settings.landing / "marketing" / "people").iterdir())

    def ingest(self) -> int:
        with connect(self.settings, own="marketing") as con:
            report = ingest(con, self.settings, "marketing", self.source, "run", NOW)
        assert report.quarantined == ()
        return report.rows


@pytest.fixture
def feed(tmp_path: Path) -> Feed:
    return Feed(tmp_path)


def test_the_first_file_lands_with_the_product(feed: Feed) -> None:
    (name,) = feed.names()
    assert name.startswith("people_2026_01-")
    with duckdb.connect() as con:
        path = str(feed.settings.landing / "marketing" / "people" / name)
        assert con.execute("SELECT * FROM read_parquet(?) ORDER BY 1 DESC LIMIT 1", [path]).fetchone() == (
            150,
            "p150@mail.example",
            datetime(2026, 1, 31).date(),
            con.execute("SELECT 1234.50::DECIMAL(18,2)").fetchone()[0],
            None,
        )
        (stamp,) = con.execute("SELECT decode(value) FROM parquet_kv_metadata(?)", [path]).fetchone()
    assert datetime.fromisoformat(stamp) == NOW - timedelta(days=9)
    assert feed.ingest() == 150


def test_a_later_file_is_taken_once(feed: Feed, tmp_path: Path) -> None:
    later = write(tmp_path / "people_2026-02.csv", person(1, "7,00"), person(151))
    (landed,) = feed.land(later)
    assert landed.rows == 2
    assert feed.ingest() == 152
    again = later.rename(tmp_path / "renamed.csv")
    assert [item.path for item in feed.land(again, tmp_path / "people_2026-01.csv")] == [None, None]
    assert feed.ingest() == 0


def test_columns_are_found_by_name_in_any_order_and_new_ones_are_told(feed: Feed, tmp_path: Path) -> None:
    path = write(
        tmp_path / "people_2026-03.csv",
        "new;5;31.01.2026;p9@mail.example;1,00;160",
        header="Extra;Size;Since;e-mail;Paid;Person ID\n",
    )
    (landed,) = feed.land(path)
    assert (landed.rows, landed.unread) == (1, ("Extra",))
    assert feed.ingest() == 151


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([person(1), person(2, paid="much")], "line 3, column paid: 'much' is no number"),
        ([person(1, paid="1,234")], "line 2, column paid: '1,234' is no number"),  # a digit more than promised
        ([person(1, since="31.02.2026")], "line 2, column since: '31.02.2026' is no date"),
        ([person(1), '2;"two\nlines";31.01.2026;1;1', person(3, paid="x")], "line 5, column paid: 'x'"),
        ([person(1), person(1)], "line 3, column person_id: stands on an earlier line already"),
        ([person(1), ";a@mail.example;31.01.2026;1;1"], "line 3, column person_id: is empty"),
        ([person(1), "2;only two"], "line 3: 2 cells"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(feed: Feed, tmp_path: Path, lines: list[str], told: str) -> None:
    path = write(tmp_path / "bad.csv", *lines)
    message = feed.refused(path)
    assert told in message
    assert str(path) in message


def test_values_of_personal_columns_are_not_shown(tmp_path: Path) -> None:
    feed = Feed(tmp_path)
    contract = feed.source.file
    text = contract.read_text(encoding="utf-8")
    contract.write_text(text.replace("classification: internal", "classification: personal"), encoding="utf-8")
    message = feed.refused(write(tmp_path / "bad.csv", person(1, paid="secret")))
    assert "secret" not in message
    assert "line 2, column paid: its value is no number" in message


def test_one_bad_file_keeps_the_good_ones_out(feed: Feed, tmp_path: Path) -> None:
    good, bad = write(tmp_path / "good.csv", person(200)), write(tmp_path / "bad.csv", person(201, paid="x"))
    assert "bad.csv, line 2" in feed.refused(good, bad)
    assert [item.rows for item in feed.land(good)] == [1]


def test_a_missing_column_and_many_mistakes(feed: Feed, tmp_path: Path) -> None:
    missing = write(tmp_path / "short.csv", "1;31.01.2026", header="Person ID;Since\n")
    assert "has no column E-Mail, Paid, Size, which newsletter" not in feed.refused(missing)
    assert "has no column E-Mail, Paid, Size" in feed.refused(missing)
    many = write(tmp_path / "many.csv", *(person(n, paid="x") for n in range(1, 21)))
    assert "… and 15 more in column paid" in feed.refused(many)


def test_parquet_lands_too_and_tells_rows(feed: Feed, tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    with duckdb.connect() as con:
        con.execute(
            f"COPY (SELECT 900 AS person_id, 'a@mail.example' AS e_mail, date '2026-01-01' AS since, "
            f"1.5::DOUBLE AS paid, 3 AS size) TO '{path}'"
        )
        bad = tmp_path / "bad.parquet"
        con.execute(
            f"COPY (SELECT 900 AS person_id, 'a@mail.example' AS e_mail, 'x' AS since, 1 AS paid, 3 AS size) TO '{bad}'"
        )
    assert [item.rows for item in feed.land(path)] == [1]
    assert "row 1, column since" in feed.refused(bad)


def test_the_moment_of_extraction_can_be_said(feed: Feed, tmp_path: Path) -> None:
    said = NOW - timedelta(days=3)
    (landed,) = feed.land(write(tmp_path / "x.csv", person(300)), extracted_at=said)
    with duckdb.connect() as con:
        (stamp,) = con.execute("SELECT decode(value) FROM parquet_kv_metadata(?)", [str(landed.path)]).fetchone()
    assert datetime.fromisoformat(stamp) == said
