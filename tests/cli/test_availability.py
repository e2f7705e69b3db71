"""`mesh probe`, `mesh availability`, `mesh slo`: what was seen, through which door, and what was not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from platform_resources.control import ControlDatabase
from platform_resources.lake import MeshSettings, utc_now
from platform_resources.operations import Probe
from platform_resources.operations.history import record
from tests.cli.conftest import Mesh
from tests.cli.quick import QuickMesh
from tests.operations.addresses import free_address


@pytest.fixture
def quick(mesh: Mesh) -> QuickMesh:
    return QuickMesh(mesh.project, mesh.home)


def ports_of(quick: QuickMesh) -> list[str]:
    return [one["port"] for one in quick("availability", "--json").json["availability"]]


def test_what_was_never_probed_is_unknown_and_shows_no_budget(quick: QuickMesh) -> None:
    for one in quick("availability", "--json").json["availability"]:
        assert (one["state"], one["budget_left_seconds"], one["last_probe"]) == ("unknown", None, None)


def test_ports_that_are_down_are_told_once_with_the_door(quick: QuickMesh) -> None:
    ports, now, minute = ports_of(quick), utc_now(), timedelta(minutes=1)
    assert len(ports) > 1
    control = ControlDatabase(MeshSettings(home=quick.home, project=quick.project))
    door = "http://mesh.example:8080"
    seen = [Probe(port, now - minute, door, False, 1.0, "refuses connections") for port in ports]
    record(control, seen, 3 * minute, now)
    control.close()
    done = quick("availability")
    assert done.err.count("refuses connections") == 1
    assert all(port in done.err for port in ports)
    header, *rows = done.out.splitlines()
    for name in ("burn 1 h", "burn 6 h", "burn 3 d"):  # too little was probed for a rate: a dash below each title's end
        assert {row[header.index(name) + len(name) - 1] for row in rows if row} == {"–"}
    assert done.out.count(door) == len(ports)


def test_a_round_that_judged_nothing_has_no_table(quick: QuickMesh) -> None:
    done = quick("probe", MESH_PROBE_TOKEN="mesh_0000000000_x")
    assert (done.code, done.out) == (1, "")
    assert done.err.count("its token is not valid") == 1
    nowhere = free_address()
    done = quick("probe", "--url", f"{nowhere}/api/v1")
    assert (done.code, done.out) == (1, "")
    assert "not judged, and not counted" in done.err
    assert f"{nowhere} refuses connections" in done.err
    assert {one["last_probe"] for one in quick("availability", "--json").json["availability"]} == {None}


def test_what_is_no_address_is_a_mistake_of_who_asks(quick: QuickMesh) -> None:
    done = quick("probe", "--url", "nonsense")
    assert done.code != 0
    assert "'nonsense' is no address of an API; write one as http://" in done.err


def test_service_levels_of_all_ports_and_of_one(quick: QuickMesh) -> None:
    contract = quick.project / "domains/shop/products/orders/v1.odcs.yaml"
    named = "customProperties: [{property: objective, value: 99}]"
    text = contract.read_text().replace("element: orders.landed_at}", f"element: orders.landed_at, {named}}}")
    text = text.replace("team:\n", "  - {property: completeness, value: 98, element: orders.phone}\nteam:\n", 1)
    contract.write_text(text)
    found = {one["port"]: one for one in quick("slo", "--json").json["ports"]}
    assert len(found) > 1
    levels = {level["kind"]: level for level in found["shop.orders.v1"]["levels"]}
    fresh = levels["freshness"]
    assert (fresh["state"], fresh["objective_percent"], fresh["measured_percent"]) == ("met", 99, 100)
    assert fresh["budget_left_seconds"] == fresh["budget_seconds"] == 7.2 * 3600
    assert levels["completeness"]["state"] == "unknown", "what is served was published before it was promised"
    assert [column["column"] for column in found["shop.orders.v1"]["columns"]] == ["phone"]
    done = quick("slo", "shop.orders")
    assert (done.code, "ledger" in done.out) == (0, False)
    for told in ("99 % of 30 d", "100.000 %", "7 h 12 min (100 %)", "phone"):
        assert told in done.out
    missing = quick("slo", "shop.nothing")
    assert (missing.code, "no product 'shop.nothing'" in missing.err) == (2, True)


def test_an_unreadable_lake_hides_no_other_service_level(quick: QuickMesh) -> None:
    catalog = quick.home / "lakes" / "ledger"
    files = [file for file in catalog.rglob("*") if file.is_file() and "catalog" in file.name]
    assert files
    for file in files:
        file.write_bytes(b"no database")
    done = quick("slo")
    assert done.code == 1
    assert "shop.orders.v1" in done.out
    assert "ledger.totals.v1 can't be read now" in done.err
    assert "Traceback" not in done.err
