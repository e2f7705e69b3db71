"""The asset check of what is unusual: in the port's own step, a warning, and never in the way of a publication."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import dagster as dg

from platform_resources.contracts.model import Domain
from platform_resources.lake import MeshSettings, PortAddress, connect, utc_now
from platform_resources.lake.profiles import read_profiles
from platform_resources.quality.profile import Profile
from tests.histories import write_past
from tests.orchestration.test_ports import build
from tests.tiny_mesh import land

ORDERS = PortAddress("shop", "orders", 1)


def test_what_is_unusual_is_a_warning_beside_what_is_published(tiny: MeshSettings, shop: Domain) -> None:
    land(tiny.home)
    with dg.DagsterInstance.ephemeral() as instance:
        learning = checked(build(shop, instance))
        assert learning.passed
        assert learning.description == "still learning: 0 of 14 versions of other days"
        with connect(tiny, reads=["shop"]) as con:
            now = Profile.from_json(read_profiles(con, ORDERS, 1)[-1].profile)
        write_past(tiny, ORDERS, [replace(now, rows=90)] * 30, utc_now() - timedelta(days=2))
        result = build(shop, instance)
    warned = checked(result)
    assert (warned.passed, warned.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert warned.description is not None
    assert warned.description.startswith("rows: 3, expected 90 (")
    (row,) = warned.metadata["unusual"].records
    assert (row.data["figure"], row.data["seen"], row.data["expected"]) == ("rows", "3", "90")
    assert result.success
    assert [event.asset_key for event in result.get_asset_materialization_events()][-1] == dg.AssetKey(ORDERS.key)


def checked(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (found,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "anomalies"]
    return found
