"""`mesh alerts`: what is wrong, who was told, and why somebody was not."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from platform_resources.lake import MeshSettings, Refusal, connect, refuse, utc_now
from tests.cli.conftest import Mesh
from tests.cli.quick import QuickMesh
from tests.operations.listeners import Mailbox, mail_server

PORT, OWNER = "shop.orders.v1", "email shop@retailer.example"


@pytest.fixture
def quick(mesh: Mesh) -> QuickMesh:
    """The tiny mesh, where a version of the orders was refused."""
    settings = MeshSettings(home=mesh.home, project=mesh.project)
    audit = {"results": [{"name": "no_free_orders", "severity": "error", "passed": False, "message": "-1.00"}]}
    with connect(settings, own="shop") as con:
        refuse(con, settings, Refusal(PORT, 1, "a run", "1.0.0", 50.0, audit, utc_now()))
    return QuickMesh(mesh.project, mesh.home)


@pytest.fixture
def mail() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


def by_mail(box: Mailbox) -> dict[str, str]:
    said = {"HOST": "127.0.0.1", "PORT": str(box.port), "SECURITY": "none", "FROM": "mesh@retailer.example"}
    return {f"MESH_SMTP_{name}": value for name, value in said.items()}


def test_a_sound_mesh_has_nothing_to_tell(built: Mesh) -> None:
    quick = QuickMesh(built.project, built.home)
    done = quick("alerts")
    assert (done.code, done.out.strip(), done.err) == (0, "nothing is wrong", "")
    assert quick("alerts", "--json").json == {"alerts": [], "unknown": [], "told": []}


def test_what_is_wrong_is_shown_though_nobody_can_be_told(quick: QuickMesh) -> None:
    done = quick("alerts", "shop.orders")
    first, cause, effect, channel = (line.strip() for line in done.out.splitlines() if line.strip())
    assert first.startswith(f"{PORT}  a new version was refused since ")
    assert cause == "a version failed the audit: no_free_orders"
    assert effect == "readers went on with publication 1"
    assert channel == f"→ {OWNER}: can't be told: no mail server is set (MESH_SMTP_HOST)"
    assert done.code == 0
    assert quick("alerts", "--send").code == 0
    assert "nothing is wrong" in quick("alerts", "ledger.totals").out


def test_who_was_told_is_shown(quick: QuickMesh, mail: Mailbox) -> None:
    done = quick("alerts", "--send", **by_mail(mail))
    assert done.code == 0
    assert f"→ {OWNER}: told " in done.out
    assert len(mail.got) == 1
    (one,) = quick("alerts", PORT, "--json", **by_mail(mail)).json["alerts"]
    assert (one["port"], one["kind"], one["severity"]) == (PORT, "refused", "error")
    (channel,) = one["channels"]
    (notice,) = channel["notices"]
    assert (channel["channel"], channel["problem"]) == (OWNER, None)
    assert (notice["event"], notice["attempts"], notice["error"]) == ("begins", 1, None)


def test_what_was_not_taken_is_told_and_waits(quick: QuickMesh, mail: Mailbox) -> None:
    mail.refuses = True
    done = quick("alerts", "--send", **by_mail(mail))
    assert done.code == 1
    assert f"not told: {OWNER}: the mail server answers 451" in done.err
    later = quick("alerts", **by_mail(mail))
    assert "not told: the mail server answers 451 (1 attempt, the next one " in later.out
    assert later.code == 0


def test_the_end_is_told(quick: QuickMesh, mesh: Mesh, mail: Mailbox) -> None:
    quick("alerts", "--send", **by_mail(mail))
    settings = MeshSettings(home=mesh.home, project=mesh.project)
    with connect(settings, own="shop") as con:
        con.execute("DELETE FROM shop.mesh.refusals")
    done = quick("alerts", "--send", **by_mail(mail))
    assert "nothing is wrong" in done.out
    assert f"told {OWNER}: {PORT} has recovered after " in done.err
    assert "another version is served" in mail.got[-1]["Subject"]


def test_a_slip_says_what_to_do(quick: QuickMesh) -> None:
    done = quick("alerts", "shop.nothing")
    assert (done.code, done.out) == (2, "")
    assert "there is no product 'shop.nothing'; `mesh status` lists them" in done.err
    file = quick.home / "keys" / "alert_channels.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"#shop": "http://hooks.retailer.example/s3cr3t"}))
    done = quick("alerts")
    assert done.code != 0
    assert "'#shop' has no address that can be used; write an https URL" in done.err
    assert "s3cr3t" not in done.err
