"""What comes after the history: new batches, and runs at the same time."""

from __future__ import annotations

import pytest

from platform_resources.lake import MeshSettings, PortAddress, connect, latest_publication
from tests.mesh.conftest import PORTS, Mesh, ports_of, together

pytestmark = pytest.mark.slow(seconds=40)

TOTAL = "select count(*) as rows, sum(net_revenue) as net from finance.revenue.v1"
_NIGHT = 600  # minutes: longer than the hours without a receipt, at whatever time the test is run


def test_a_tick_processes_what_is_new_and_can_be_rolled_back(mesh: Mesh) -> None:
    before, total = mesh.status(), mesh.query(TOTAL)
    mesh = mesh.ticks(_NIGHT)
    done = mesh("run", "--json")
    report = done.json
    assert (done.code, report["ok"]) == (0, True)
    assert 0 < report["ingested_rows"] < 20_000
    daily = {"crm.customer_lifetime_value.v1", "supply_chain.demand_forecast.v1"}  # they wait for their cron time
    assert set(PORTS) - daily <= set(report["built"]) <= set(PORTS)
    after = mesh.status()
    lines = after["sales.bookings.v1"]["rows"] - before["sales.bookings.v1"]["rows"]
    assert 0 < lines < 20_000
    assert after["sales.bookings.v1"]["publication"] == 2
    assert after["sales.bookings.v1"]["data_as_of"] > before["sales.bookings.v1"]["data_as_of"]
    (load,) = mesh.query("select count(*) as new from sales.bookings.v1 where load_id > 1")
    assert load["new"] == lines  # the year was not written again
    with connect(MeshSettings(home=mesh.home, project=mesh.project), reads=["sales"]) as con:
        audit = latest_publication(con, PortAddress("sales", "bookings", 1)).audit
    proven = before["sales.bookings.v1"]["rows"]  # by publication #1, so only the new lines were read
    assert audit["built_on"] == {"publication": 1, "proven_rows": proven, "new_rows": lines}
    assert mesh("run", "--json").json["built"] == []
    new_total = mesh.query(TOTAL)
    assert new_total != total
    assert mesh("rollback", "finance.revenue.v1", "--to", "1").code == 0
    assert mesh.query(TOTAL) == total
    assert mesh("run", "finance", "--json").code == 0
    assert mesh.query(TOTAL) == new_total


def test_runs_at_the_same_time_lose_nothing_and_fail_nothing(mesh: Mesh) -> None:
    mesh = mesh.ticks(_NIGHT)
    done = together([mesh.starts("run", "sales", "--json"), mesh.starts("run", "inventory", "--json")])
    assert [result.code for result in done] == [0, 0], [result.err for result in done]
    assert [set(result.json["built"]) for result in done] == [ports_of("sales"), ports_of("inventory")]
    (lines,) = mesh.query(
        "select count(*) as all_lines, count(distinct (basket_id, product_id)) as keys from sales.bookings.v1"
    )
    done = together([mesh.starts("run", "finance", "--json") for _ in range(2)])
    assert [result.code for result in done] == [0, 0], [result.out + result.err for result in done]
    assert [result.json["built"] for result in done] == [["finance.revenue.v1"]] * 2
    log = mesh("publications", "finance.revenue", "--json").json
    assert [entry["number"] for entry in log] == [3, 2, 1]
    assert len({entry["run_id"] for entry in log}) == 3
    (revenue,) = mesh.query("select sum(line_count) as lines from finance.revenue.v1")
    assert int(revenue["lines"]) == lines["all_lines"] == lines["keys"]
    assert mesh("fsck", "--json").json["sound"]
