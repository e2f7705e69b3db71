"""Publishing moves what consumers read, whole or not at all; every publication stays readable until it is expired."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import duckdb
import pytest

from platform_resources.lake import (
    LakeMissingError,
    Promise,
    PublicationError,
    connect,
    latest_publication,
    publications,
    publish,
    roll_back,
    write_transaction,
)
from platform_resources.lake.publications import promise_of
from tests.lake.conftest import NOW, PORT


def read(settings, sql="SELECT count(*) FROM shop.thing.v1"):
    with connect(settings, reads=["shop"]) as con:
        return con.execute(sql).fetchone()[0]


def test_a_port_serves_its_snapshot_whatever_happens_to_the_table(settings, publish_rows):
    publish_rows(10)
    with connect(settings, own="shop") as con:
        for statement in (
            "DELETE FROM shop.internal.thing WHERE id < 5",
            "ALTER TABLE shop.internal.thing ADD COLUMN more VARCHAR",
            "CREATE OR REPLACE TABLE shop.internal.thing AS SELECT 1 AS other",
        ):
            with write_transaction(con, settings, "shop", "rebuild", "r"):
                con.execute(statement)
            assert read(settings) == 10


def test_publications_are_numbered_and_carry_their_promise_and_proof(settings, publish_rows):
    publish_rows(10, 1)
    publish_rows(20, 2)
    with connect(settings, reads=["shop"]) as con:
        newest, oldest = publications(con, "shop", PORT)
        assert (oldest.number, newest.number) == (1, 2)
        assert newest.row_count == 20
        assert newest.audit == {"passed": True}
        assert promise_of(con, PORT, newest).document == "version: 2\n"


def test_publishing_twice_with_one_run_id_is_publishing_once(settings, publish_rows):
    first = publish_rows(10, run_id="run")
    again = publish_rows(11, run_id="run")
    assert (first.number, again.number) == (1, 1)
    assert read(settings) == 10


def test_a_run_that_was_overtaken_does_not_take_the_port_back(settings, publish_rows):
    older = publish_rows(10, 1)
    newer = publish_rows(20, 2, run_id="faster")
    with connect(settings, own="shop") as con:
        late = publish(
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
            now=NOW - timedelta(hours=1),
        )
    assert (late.number, late.snapshot) == (newer.number, newer.snapshot)
    assert read(settings) == 20


def test_the_newest_publication_is_the_one_made_last_whenever_its_run_began(settings, publish_rows):
    publish_rows(10, 1, now=NOW)
    publish_rows(20, 2, now=NOW - timedelta(minutes=5))
    with connect(settings, reads=["shop"]) as con:
        assert latest_publication(con, PORT).row_count == read(settings) == 20


def test_rolling_back_serves_the_earlier_data_with_its_own_promise(settings, publish_rows):
    publish_rows(10, 1)
    publish_rows(20, 2)
    with connect(settings, own="shop") as con:
        done = roll_back(con, settings, port=PORT, table="thing", to=1, run_id="back", now=NOW)
        assert latest_publication(con, PORT) == done
    assert (done.number, done.kind, done.contract_sha256) == (3, "rollback", "sha-1")
    assert read(settings) == 10


@pytest.mark.parametrize(("to", "said"), [(7, "has no publication #7; it has #1 to #2"), (2, "serves the data of #2")])
def test_an_impossible_rollback_says_why(settings, publish_rows, to, said):
    publish_rows(10, 1)
    publish_rows(20, 2)
    with connect(settings, own="shop") as con, pytest.raises(PublicationError, match=said):
        roll_back(con, settings, port=PORT, table="thing", to=to, run_id="back", now=NOW)


def test_only_the_owner_can_write_a_lake(settings, publish_rows):
    publish_rows(10)
    with connect(settings, own="other", reads=["shop"]) as con, pytest.raises(duckdb.Error, match="read-only"):
        con.execute("DELETE FROM shop.internal.thing")


def test_reading_a_lake_that_does_not_exist_makes_none(settings):
    with pytest.raises(LakeMissingError, match="mesh run shop"), connect(settings, reads=["shop"]):
        pass
    assert not settings.lake_folder("shop").exists()


def test_a_failed_transaction_leaves_nothing_and_frees_the_lock(settings, publish_rows):
    publish_rows(10)
    with connect(settings, own="shop") as con:
        with (
            pytest.raises(duckdb.ConversionException),
            write_transaction(con, settings, "shop", "build", "r"),
        ):
            con.execute("DELETE FROM shop.internal.thing")
            con.execute("INSERT INTO shop.internal.thing VALUES ('no number', 1)")
        assert con.execute("SELECT count(*) FROM shop.internal.thing").fetchone()[0] == 10
    assert publish_rows(11).row_count == 11


def test_no_progress_bar_is_printed_into_the_output_of_a_run(settings, publish_rows):
    """DuckDB turns it on where Python runs no file, such as `python -c` and a shell."""
    publish_rows(1)
    code = (
        "import sys; from pathlib import Path; from platform_resources.lake import MeshSettings, connect\n"
        "with connect(MeshSettings(home=Path(sys.argv[1]), project=Path(sys.argv[2])), reads=['shop']) as con:\n"
        "    print(con.execute(\"SELECT current_setting('enable_progress_bar')\").fetchone()[0])\n"
    )
    command = [sys.executable, "-c", code, str(settings.home), str(settings.project)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
