"""The sensor of a domain tells its owners by itself: no run is launched and nothing is published."""

from __future__ import annotations

import time
from collections.abc import Iterator

import dagster as dg
import pytest

from platform_resources.contracts.model import Domain
from platform_resources.lake import MeshSettings, PortAddress, connect, publications
from platform_resources.orchestration.alerts import _alerter, alerts_sensor
from tests.operations.listeners import Mailbox, mail_server
from tests.orchestration.test_ports import build
from tests.tiny_mesh import land

ORDERS = "shop.orders.v1"


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with mail_server() as box:
        for name, value in {"HOST": "127.0.0.1", "PORT": str(box.port), "SECURITY": "none"}.items():
            monkeypatch.setenv(f"MESH_SMTP_{name}", value)
        monkeypatch.setenv("MESH_SMTP_FROM", "mesh@retailer.example")
        yield box


@pytest.fixture
def built(tiny: MeshSettings) -> Iterator[MeshSettings]:
    """The shop, its orders promised to be no older than a second."""
    contract = tiny.domains / "shop" / "products" / "orders" / "v1.odcs.yaml"
    contract.write_text(contract.read_text("utf-8").replace("P3650D", "PT1S"), encoding="utf-8")
    land(tiny.home)
    yield tiny
    _alerter(tiny).close()
    _alerter.cache_clear()


def test_a_port_that_goes_late_is_told_to_its_owner(built: MeshSettings, shop_late: Domain, mail: Mailbox) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert build(shop_late, instance).success
        time.sleep(1.1)
        sensor, context = alerts_sensor("shop"), dg.build_sensor_context(instance=instance)
        runs, before = len(instance.get_runs()), published(built)
        said = sensor(context)
        assert isinstance(said, dg.SkipReason)
        assert f"told email shop@retailer.example: {ORDERS}: the data is late" in said.skip_message
        assert "told email" not in sensor(context).skip_message
        assert len(instance.get_runs()) == runs
    assert published(built) == before
    (message,) = mail.got
    assert (message["To"], message["Subject"]) == ("shop@retailer.example", f"{ORDERS}: the data is late")


def test_what_was_not_told_is_in_the_log(
    built: MeshSettings, shop_late: Domain, mail: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    mail.refuses = True
    with dg.DagsterInstance.ephemeral() as instance:
        assert build(shop_late, instance).success
        time.sleep(1.1)
        with caplog.at_level("WARNING"):
            said = alerts_sensor("shop")(dg.build_sensor_context(instance=instance))
    told = f"email shop@retailer.example was not told: {ORDERS}: the data is late (the mail server answers 451)"
    assert told in caplog.text
    assert "email shop@retailer.example was not told: the mail server answers 451" in said.skip_message


def test_a_wrong_setting_is_told_and_fails_no_tick(tiny: MeshSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESH_ALERT_REPEAT", "daily")
    said = alerts_sensor("shop")(dg.build_sensor_context())
    assert "not looked: MESH_ALERT_REPEAT is 'daily'" in said.skip_message
    _alerter.cache_clear()


@pytest.fixture
def shop_late(built: MeshSettings) -> Domain:
    from platform_resources.contracts import load_domain

    return load_domain(built.domains / "shop")


def published(settings: MeshSettings) -> list[int]:
    with connect(settings, reads=["shop"]) as con:
        return [one.number for one in publications(con, "shop", PortAddress.parse(ORDERS))]
