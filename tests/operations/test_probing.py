"""Probes of real ports through real doors: what is down is seen, and what is no outage is none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from platform_resources.lake import connect, retire, utc_now
from platform_resources.operations import Prober, ProbeReport, ProbeSettings, availability_of
from platform_resources.operations.doors import Expected, Look
from platform_resources.operations.identity import PROBE_IDENTITY, probe_token
from platform_resources.operations.probing import judge
from platform_resources.pipeline import read_mesh
from tests.guarded import CUSTOMERS, GuardedMesh, make_mesh

PORT = str(CUSTOMERS)
LIMIT = timedelta(seconds=2)


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[GuardedMesh]:
    made = make_mesh(tmp_path)
    yield made
    made.access.close()


def probe_once(mesh: GuardedMesh, **settings: object) -> ProbeReport:
    with Prober(mesh.settings, ProbeSettings(**settings)) as prober:
        return prober.run()


def test_a_published_port_is_up_and_its_probes_are_kept(mesh: GuardedMesh) -> None:
    (seen,) = probe_once(mesh).probes
    assert (seen.port, seen.door, seen.up, seen.publication) == (PORT, "in-process", True, 1)
    told = availability_of(mesh.access.control, read_mesh(mesh.settings)[0], PORT, utc_now())
    assert (told.promise.percent, told.measured, told.state) == (99.9, 100, "met")
    assert told.last is not None
    assert told.last.at == seen.at


def test_the_probe_is_a_service_that_sees_masked_rows_only(mesh: GuardedMesh) -> None:
    token = probe_token(mesh.access)
    assert probe_token(mesh.access) == token
    file = mesh.settings.home / "operations" / "probe.token"
    assert file.stat().st_mode & 0o077 == 0
    caller = mesh.access.authenticate(token)
    assert caller.identity.id == PROBE_IDENTITY
    with mesh.access.guard.open(caller, CUSTOMERS, purpose="operations").read() as reading:
        assert "CANARY" not in str(reading.table().to_pylist())
    assert mesh.access.usage.of_port(PORT) == ()  # looking whether a product is there is no use of it


def test_a_broken_file_of_the_lake_is_an_outage_and_its_repair_the_end_of_it(mesh: GuardedMesh) -> None:
    assert not probe_once(mesh).down
    file = next((mesh.settings.home / "lakes" / "shop").rglob("*.parquet"))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    (down,) = probe_once(mesh).down
    assert down.reason == "can't be read"
    file.write_bytes(whole)
    assert not probe_once(mesh).down


def test_a_lake_that_is_gone_is_an_outage(mesh: GuardedMesh) -> None:
    assert not probe_once(mesh).down
    lake = mesh.settings.home / "lakes" / "shop"
    lake.rename(lake.with_name("elsewhere"))
    (down,) = probe_once(mesh).down
    assert down.reason == "answers 404, though it is published"


def test_a_retired_port_is_not_probed(mesh: GuardedMesh) -> None:
    assert probe_once(mesh).probes
    with connect(mesh.settings, own="shop") as con:
        retire(con, mesh.settings, port=CUSTOMERS, run_id="the end", now=utc_now())
    assert probe_once(mesh) == ProbeReport(())


def test_a_prober_that_may_not_read_judges_nothing(mesh: GuardedMesh) -> None:
    report = probe_once(mesh, token=mesh.token("nobody"))
    assert report.probes == ()
    assert report.unknown[0].reason == "it has no grant"
    told = availability_of(mesh.access.control, read_mesh(mesh.settings)[0], PORT, utc_now())
    assert (told.state, told.coverage, told.measured) == ("unknown", 0, None)


def test_what_counts_as_down() -> None:
    now = utc_now()
    expected = Expected(CUSTOMERS, 3, now - timedelta(minutes=5), ("a", "b"))
    assert judge(Look(10, None, 3, ("a", "b")), expected, now, LIMIT) is None
    assert judge(Look(10, None, 4, ("a", "c")), expected, now, LIMIT) is None  # published since the log was read
    assert judge(Look(10, "answers 503"), expected, now, LIMIT) == "answers 503"
    assert judge(Look(2001, None, 3, ("a", "b")), expected, now, LIMIT) == "no answer within 2 s"
    assert judge(Look(10, None, 3, ("a",)), expected, now, LIMIT) == "its columns are not those that are published"
    old = judge(Look(10, None, 2, ("a", "b")), expected, now, LIMIT)
    assert old == "serves publication 2, though 3 was published"
    just_now = Expected(CUSTOMERS, 3, now - timedelta(seconds=5), ("a", "b"))
    assert judge(Look(10, None, 2, ("a", "b")), just_now, now, LIMIT) is None
    assert judge(Look(10, None, 2, ("x",)), Expected(CUSTOMERS), now, LIMIT) is None  # its log can't be read
