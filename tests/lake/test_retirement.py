"""Retiring a port takes it from its readers and nothing from its history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from platform_resources.lake import (
    MeshSettings,
    Promise,
    PublicationError,
    Retention,
    connect,
    fsck,
    latest_publication,
    maintain,
    promise_of,
    publications,
    publish,
    retire,
    retirement_of,
    roll_back,
    write_transaction,
)
from tests.lake.conftest import NOW, PORT, PublishRows

LATER = datetime.now(UTC) + timedelta(days=30)  # DuckLake stamps snapshots with the wall clock


def end(settings: MeshSettings, run_id: str = "end", now: datetime = NOW, **facts):
    with connect(settings, own="shop") as con:
        return retire(con, settings, port=PORT, run_id=run_id, now=now, **facts)


def read(settings: MeshSettings) -> int:
    with connect(settings, reads=["shop"]) as con:
        return con.execute("SELECT count(*) FROM shop.thing.v1").fetchone()[0]


def test_a_retired_port_can_not_be_read_and_its_log_tells_why(settings: MeshSettings, publish_rows: PublishRows):
    publish_rows(10)
    ended = end(settings, reason="v2 is better.", replaced_by="shop.thing.v2", consumers=["ledger.totals"])
    assert (ended.number, ended.kind, ended.contract_sha256) == (2, "retire", "sha-0")
    with pytest.raises(duckdb.CatalogException):
        read(settings)
    with connect(settings, reads=["shop"]) as con:
        assert latest_publication(con, PORT) is None
        assert [(p.number, p.kind) for p in publications(con, "shop", PORT)] == [(2, "retire"), (1, "publish")]
        retirement = retirement_of(con, PORT)
        assert promise_of(con, PORT, ended).document == "version: 0\n"
        assert con.execute("SELECT count(*) FROM shop.internal.thing").fetchone()[0] == 10
    assert retirement is not None
    assert retirement.consumers == ("ledger.totals",)
    assert (
        retirement.told(str(PORT))
        == "shop.thing.v1 was retired on 2026-03-02: v2 is better; read shop.thing.v2 instead"
    )
    assert not fsck(settings, "shop").findings


def test_retiring_twice_is_retiring_once(settings: MeshSettings, publish_rows: PublishRows):
    publish_rows(10)
    first = end(settings, reason="the first")
    assert end(settings, "again", NOW + timedelta(days=1), reason="the second") == first
    with connect(settings, reads=["shop"]) as con:
        assert len(publications(con, "shop", PORT)) == 2


def test_what_was_never_published_has_nothing_to_retire(settings: MeshSettings):
    assert end(settings) is None
    with connect(settings, reads=["shop"]) as con:
        assert retirement_of(con, PORT) is None


def test_a_port_is_retired_whole_or_not_at_all(settings: MeshSettings, publish_rows: PublishRows):
    publish_rows(10)
    with connect(settings, own="shop") as con, pytest.raises(TypeError):
        retire(con, settings, port=PORT, run_id="end", now=NOW, reason=object())  # type: ignore[arg-type]
    assert read(settings) == 10
    with connect(settings, reads=["shop"]) as con:
        assert latest_publication(con, PORT).number == 1


def test_a_retired_port_can_be_brought_back(settings: MeshSettings, publish_rows: PublishRows):
    publish_rows(10, 1)
    publish_rows(20, 2)
    end(settings)
    with connect(settings, own="shop") as con:
        with pytest.raises(PublicationError, match="is the retirement of"):
            roll_back(con, settings, port=PORT, table="thing", to=3, run_id="b", now=NOW)
        back = roll_back(con, settings, port=PORT, table="thing", to=2, run_id="back", now=NOW)
        assert (back.number, retirement_of(con, PORT)) == (4, None)
    assert read(settings) == 20
    assert publish_rows(30, 3).number == 5
    assert read(settings) == 30


def test_a_run_that_was_overtaken_by_the_retirement_does_not_bring_the_port_back(
    settings: MeshSettings, publish_rows: PublishRows
):
    older = publish_rows(10, 1)
    publish_rows(20, 2)
    end(settings)
    with connect(settings, own="shop") as con, pytest.raises(PublicationError, match="was retired while"):
        publish(
            con,
            settings,
            port=PORT,
            table="thing",
            snapshot=older.snapshot,
            columns=["id"],
            promise=Promise("1.0.0", "sha", "doc"),
            audit={},
            score=1.0,
            row_count=10,
            data_as_of=None,
            run_id="slower",
            now=NOW,
        )
    with pytest.raises(duckdb.CatalogException):
        read(settings)


def test_what_a_retired_port_served_is_kept_for_a_while_and_then_expires(
    settings: MeshSettings, publish_rows: PublishRows
):
    served = [publish_rows(10 + n, n).snapshot for n in range(3)]
    with connect(settings, own="shop") as con, write_transaction(con, settings, "shop", "rebuild", "r"):
        con.execute("DELETE FROM shop.internal.thing")  # the current snapshot, which is always kept, is another one
    end(settings, now=LATER - timedelta(days=1))

    def kept() -> set[int]:
        with connect(settings, reads=["shop"]) as con:
            return {row[0] for row in con.execute("SELECT snapshot_id FROM ducklake_snapshots('shop')").fetchall()}

    maintain(settings, "shop", LATER, Retention())
    assert set(served) & kept() == {served[-1]}
    assert not fsck(settings, "shop").findings
    maintain(settings, "shop", LATER + timedelta(days=8), Retention())
    assert not set(served) & kept()
    assert not fsck(settings, "shop").findings
    with connect(settings, own="shop") as con, pytest.raises(PublicationError, match="expired by the retention"):
        roll_back(con, settings, port=PORT, table="thing", to=3, run_id="b", now=LATER)


def test_fsck_finds_a_view_under_the_name_of_a_retired_port(settings: MeshSettings, publish_rows: PublishRows):
    publish_rows(10)
    end(settings)
    with connect(settings, own="shop") as con, write_transaction(con, settings, "shop", "by hand", "r"):
        con.execute("CREATE VIEW shop.thing.v1 AS SELECT 1 AS id")
    (finding,) = fsck(settings, "shop").findings
    assert (finding.damage, finding.where) == ("unpublished", "shop.thing.v1")
