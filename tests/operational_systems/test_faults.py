"""What goes wrong with a batch when asked, and how it is mended."""

from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from operational_systems import FEEDS, Fault, FaultKind, ReplayError
from operational_systems.state import load, save

RECEIPTS = "point_of_sale/receipts"
NIGHT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


@pytest.fixture(params=["rows", "no rows"])
def batch_of(request, home, first_start):
    """Land a batch with rows or an empty one, with a fault; gives the batch, its file's name and the right bytes."""
    start = first_start
    if request.param == "no rows":
        home.replay.land_due(NIGHT)
        start = NIGHT
    until = start + timedelta(seconds=600 if request.param == "rows" else 1)

    def land(kind):
        fault = Fault(kind, FEEDS[RECEIPTS])
        [batch] = home.replay.land_due(until, fault)
        assert bool(batch.rows[RECEIPTS]) == (request.param == "rows")
        return f"receipts_{until:%Y%m%dT%H%M%SZ}.parquet", batch, until

    return land


@pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind not in (FaultKind.LATE, FaultKind.TWICE)])
def test_a_spoilt_file_shows_its_fault_and_is_mended_under_its_name(home, batch_of, kind):
    name, batch, _ = batch_of(kind)
    file = home.path / "landing" / RECEIPTS / name
    with duckdb.connect() as connection:
        if kind is FaultKind.HALF_FILE:
            with pytest.raises(duckdb.Error):
                connection.execute("from read_parquet(?)", [str(file)])
        else:
            rows = connection.execute("from read_parquet(?)", [str(file)])
            columns = [column for column, *_ in rows.description]
            if kind is FaultKind.DROPPED_COLUMN:
                assert "sales_value" not in columns
            if kind is FaultKind.NULL_KEY:
                assert [row[0] for row in rows.fetchall()].count(None) == 1
            if kind is FaultKind.FOREIGN_CURRENCY:
                currencies = [row[columns.index("currency_code")] for row in rows.fetchall()]
                assert "EUR" in currencies
                assert batch.rows[RECEIPTS] == 0 or "USD" in currencies
        assert home.replay.repair() == [file]
        mended = connection.execute(
            "select count(*), count(basket_id), count(sales_value) from read_parquet(?)", [str(file)]
        )
        assert mended.fetchone() == (batch.rows[RECEIPTS],) * 3
    assert home.replay.repair() == []
    assert agrees_with_control_totals(home, name)


def test_a_late_batch_lands_one_tick_later_under_its_older_name(home, batch_of):
    name, _batch, until = batch_of(FaultKind.LATE)
    file = home.path / "landing" / RECEIPTS / name
    assert not file.exists()
    [later] = home.replay.land_due(until + timedelta(minutes=10))
    assert later.released == [file]
    assert file.exists()
    assert agrees_with_control_totals(home, name)


def test_a_late_batch_may_be_fetched_earlier(home, batch_of):
    name, *_ = batch_of(FaultKind.LATE)
    assert home.replay.repair() == [home.path / "landing" / RECEIPTS / name]


def test_late_twice_in_a_row(home, first_start):
    late = Fault(FaultKind.LATE)
    names = []
    for tick in (10, 20, 30):
        [batch] = home.replay.land_due(first_start + timedelta(minutes=tick), late)
        names += [path.name for path in batch.released]
    assert names == ["receipts_20261120T221000Z.parquet", "receipts_20261120T222000Z.parquet"]


def test_a_batch_delivered_twice_has_the_same_bytes_and_rows_to_count_twice(home, batch_of):
    name, batch, _ = batch_of(FaultKind.TWICE)
    again = home.path / "landing" / RECEIPTS / name.replace(".parquet", "_again.parquet")
    same = [file for file in home.files(RECEIPTS) if file.read_bytes() == again.read_bytes() and file != again]
    assert len(same) == 1
    assert (same[0].name == name) == bool(batch.rows[RECEIPTS])
    with duckdb.connect() as connection:
        assert connection.execute("select count(*) > 0 from read_parquet(?)", [str(again)]).fetchone() == (True,)
    assert home.replay.repair() == []


@pytest.mark.parametrize("feed", [feed for feed in FEEDS.values() if feed.ticks], ids=lambda feed: feed.name)
@pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind is not FaultKind.FOREIGN_CURRENCY])
def test_every_ticking_feed_can_have_every_fault(home, feed, kind):
    home.replay.land_due(NIGHT + timedelta(seconds=5))
    before = home.landed()
    [batch] = home.replay.land_due(NIGHT + timedelta(seconds=6), Fault(kind, feed))
    assert batch.rows[feed.address] == (1 if feed.name == "control_totals" else 0)
    landed = {name: content for name, content in home.landed().items() if name not in before}
    of_feed = [name for name in landed if name.startswith(feed.address)]
    assert len(of_feed) == {FaultKind.LATE: 0, FaultKind.TWICE: 2}.get(kind, 1)
    if kind in (FaultKind.DROPPED_COLUMN, FaultKind.NULL_KEY):
        with duckdb.connect() as connection:
            rows = connection.execute("from read_parquet(?)", [str(home.path / "landing" / of_feed[0])])
            columns = [column for column, *_ in rows.description]
            if kind is FaultKind.NULL_KEY:
                assert None in [row[columns.index(feed.key)] for row in rows.fetchall()]
            else:
                assert feed.droppable not in columns
    home.replay.repair()
    files = "parse_filename(filename) like '%20261121T100006Z.parquet'"
    assert home.query(f"select count(*) from {feed.name} where {files}") == [(batch.rows[feed.address],)]


def test_a_fault_survives_an_interruption(home, first_start):
    until = first_start + timedelta(minutes=10)
    state = home.path / "operational_systems" / "state.json"
    save(state, load(state).begin(until, Fault(FaultKind.LATE)))
    [batch] = home.replay.land_due(until)
    assert batch.fault == Fault(FaultKind.LATE)
    assert not (home.path / "landing" / RECEIPTS / "receipts_20261120T221000Z.parquet").exists()


def test_faults_that_make_no_sense_are_refused():
    with pytest.raises(ReplayError, match="no currency"):
        Fault(FaultKind.FOREIGN_CURRENCY, FEEDS["crm_system/customers"])
    with pytest.raises(ReplayError, match="does not land with every batch"):
        Fault(FaultKind.LATE, FEEDS["point_of_sale/products"])


def agrees_with_control_totals(home, name):
    return home.query(f"""
        select (select lines from control_totals where batch = '{name}')
            = (select count(*) from receipts where parse_filename(filename) = '{name}')
    """) == [(True,)]
