"""`mesh probe`, `mesh availability`: what was seen, through which door, and what was not."""

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
