"""`mesh anomalies`: a verdict for each port; each anomaly with its figures and a plot."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from platform_resources.lake import MeshSettings, PortAddress, connect, utc_now
from platform_resources.lake.profiles import read_profiles
from platform_resources.quality.profile import Profile
from tests.cli.conftest import Mesh
from tests.cli.quick import QuickMesh
from tests.histories import set_profile, write_past

ORDERS = PortAddress("shop", "orders", 1)


@pytest.fixture
def unusual(mesh: Mesh) -> QuickMesh:
    """The tiny mesh after a month as ever, and a version with a tenth of its rows."""
    settings = MeshSettings(home=mesh.home, project=mesh.project)
    with connect(settings, reads=["shop"]) as con:
        now = Profile.from_json(read_profiles(con, ORDERS, 1)[-1].profile)
    write_past(settings, ORDERS, [replace(now, rows=30)] * 30, utc_now() - timedelta(days=1))
    set_profile(settings, ORDERS, replace(now, rows=3))
    return QuickMesh(mesh.project, mesh.home)


def test_each_port_has_a_verdict_and_what_is_unusual_a_plot(unusual: QuickMesh) -> None:
    done = unusual("anomalies")
    assert (done.code, done.err) == (0, "")
    assert "ledger.totals.v1  still learning: 0 of 14 versions of other days" in done.out
    assert "shop.orders.v1  1 unusual" in done.out
    assert "rows: 3, expected 30 (" in done.out
    assert "times the usual deviation; since version 31 of" in done.out
    *_, plotted, axis = done.out.partition("shop.orders.v1")[2].rstrip().splitlines()
    assert plotted.endswith("●"), "the last one, below all others"
    assert axis.endswith("░ expected")


def test_as_json_the_figures_are_plain(unusual: QuickMesh) -> None:
    (port,) = unusual("anomalies", "shop.orders", "--json").json["ports"]
    (found,) = port["anomalies"]
    assert (found["kind"], found["column"], round(found["seen"]), round(found["expected"])) == ("rows", None, 3, 30)
    assert (found["since"], found["versions"], found["figure"]) == (31, 1, "rows")
    assert (port["publication"], port["judged"], port["learning"]) == (31, True, False)
    assert [point["unusual"] for point in found["points"]][-2:] == [False, True]


def test_a_lake_that_can_not_be_read_is_told_and_hides_no_other(unusual: QuickMesh) -> None:
    (unusual.home / "lakes" / "shop" / "catalog.sqlite").write_bytes(b"no database at all" * 100)
    done = unusual("anomalies")
    assert done.code == 1
    assert "not told: shop.orders.v1: its lake can't be read" in done.err
    assert "ledger.totals.v1  still learning" in done.out


def test_a_product_that_is_not_built_serves_nothing(empty: Mesh) -> None:
    done = QuickMesh(empty.project, empty.home)("anomalies", "shop.orders")
    assert (done.code, done.out.strip()) == (0, "shop.orders.v1  nothing is served")


def test_a_product_that_there_is_not_is_told(unusual: QuickMesh) -> None:
    done = unusual("anomalies", "shop.nothing")
    assert done.code == 2
    assert "there is no product 'shop.nothing'" in done.err
