"""Probes of real ports through real doors: what is down is seen, and what is no outage is none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from platform_resources.lake import SettingError, connect, retire, utc_now
from platform_resources.operations import Prober, ProbeReport, ProbeSettings, availability_of, probe
from platform_resources.operations.doors import Expected, Look
from platform_resources.operations.history import has_answered, read_history
from platform_resources.operations.identity import PROBE_IDENTITY, probe_token
from platform_resources.operations.model import server_of
from platform_resources.operations.probing import judge
from platform_resources.pipeline import read_mesh
from tests.guarded import CUSTOMERS, GuardedMesh, make_mesh
from tests.operations.addresses import free_address, other_server
from tests.serving.conftest import serve

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
    assert (told.objective.percent, told.measured, told.state) == (99.9, 100, "met")
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


@pytest.mark.parametrize(
    "url",
    ["nonsense", "127.0.0.1:8080", "ftp://x", "http://", "http:///api/v1", "http://x:port", "http://x y", "http://x?y"],
)
def test_what_is_no_address_is_refused(mesh: GuardedMesh, url: str) -> None:
    with pytest.raises(SettingError, match="no address of an API"):
        probe(mesh.settings, url)
    assert nothing_counted(mesh)


def test_the_address_of_the_api_is_that_of_its_server(mesh: GuardedMesh) -> None:
    assert server_of("http://127.0.0.1:8080/api/v1/") == "http://127.0.0.1:8080"
    assert server_of("https://mesh.example/gateway") == "https://mesh.example/gateway"
    with serve(mesh) as api:
        (seen,) = probe(mesh.settings, f"{api.url}/api/v1").probes
    assert (seen.up, seen.door) == (True, api.url)


def test_a_server_that_is_no_mesh_judges_nothing(mesh: GuardedMesh) -> None:
    for status in (200, 404):
        with other_server(status) as url:
            for report in (probe_once(mesh, url=url), probe(mesh.settings, url)):
                assert report.probes == ()
                assert [one.reason for one in report.unknown] == [f"{url} is no API of a mesh"]
    assert nothing_counted(mesh)


def test_a_proxy_before_a_mesh_that_is_gone_is_an_outage(mesh: GuardedMesh) -> None:
    with other_server(502) as url:
        (down,) = probe_once(mesh, url=url).down
        assert down.reason == "answers 502"


def test_a_refused_connection_is_down_only_where_the_mesh_is_known_to_be(
    mesh: GuardedMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MESH_API_URL", raising=False)
    nowhere = free_address()
    by_hand = probe(mesh.settings, nowhere)
    assert by_hand.probes == ()
    assert by_hand.unknown[0].reason == f"{nowhere} refuses connections, and no port was ever read there"
    assert nothing_counted(mesh)
    with serve(mesh) as api:
        assert not probe(mesh.settings, api.url).down
        assert has_answered(mesh.access.control, api.url)
    assert [one.reason for one in probe(mesh.settings, api.url).down] == ["refuses connections"]  # it was there before
    monkeypatch.setenv("MESH_API_URL", f"{nowhere}/api/v1")
    for report in (probe(mesh.settings), probe(mesh.settings, nowhere)):
        assert [(one.door, one.reason) for one in report.down] == [(nowhere, "refuses connections")]


def test_a_token_that_no_header_can_hold_judges_nothing(mesh: GuardedMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(mesh) as api:
        for token in ("mesh_a b", "mesh_ä", "mesh_a\nb"):
            (unknown,) = probe_once(mesh, url=api.url, token=token).unknown
            assert unknown.reason == "its token holds characters that no token has"
        monkeypatch.setenv("MESH_PROBE_TOKEN", probe_token(mesh.access) + "\n")
        assert [one.up for one in probe(mesh.settings, api.url).probes] == [True]


def nothing_counted(mesh: GuardedMesh) -> bool:
    return read_history(mesh.access.control, PORT, utc_now() - timedelta(hours=1)).last is None


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
