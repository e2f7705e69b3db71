"""A log that was read once answers for every later moment as if it were read from there."""

from __future__ import annotations

from datetime import timedelta

from platform_resources.lake import MeshSettings, Refusal, Timeline, connect, publications, read_refused, refuse, retire
from tests.lake.conftest import NOW, PORT, PublishRows

DAY = timedelta(days=1)


def test_a_timeline_that_is_cut_is_the_one_that_would_be_read(settings: MeshSettings, publish_rows: PublishRows):
    for number, days in enumerate((50, 40, 40, 20), start=1):
        publish_rows(number, number, now=NOW - days * DAY)
    with connect(settings, own="shop") as con:
        for number, days in enumerate((45, 30, 30, 25, 10)):
            at = NOW - days * DAY
            refuse(con, settings, Refusal(str(PORT), number, f"refused {number}", "1.0.0", 50.0, {"results": []}, at))
        retire(con, settings, port=PORT, run_id="end", now=NOW - 5 * DAY)
        log = tuple(reversed(publications(con, "shop", PORT)))
        whole = Timeline(log, read_refused(con, PORT, NOW - 60 * DAY))  # type: ignore[arg-type]
        assert (len(whole.entries), len(whole.refused)) == (5, 5)
        for half_days in range(120):
            since = NOW - half_days * DAY / 2
            found = whole.since(since)
            assert found.refused == read_refused(con, PORT, since)
            later = tuple(row for row in log if row.published_at >= since)
            assert found.entries == log[max(len(log) - len(later) - 1, 0) :]
