"""Alerts over real servers: told once, told again, told that it is over, and nothing that must not be told."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from platform_resources.contracts import contract_of_text
from platform_resources.lake import (
    Refusal,
    SettingError,
    connect,
    refuse,
    retire,
    utc_now,
)
from platform_resources.operations import Probe
from platform_resources.operations.alerts import AlertSettings, ledger
from platform_resources.operations.alerts.alerter import Alerter, Told
from platform_resources.operations.alerts.channels import channels_of
from platform_resources.operations.alerts.model import Channel
from platform_resources.operations.history import record
from platform_resources.pipeline import read_mesh
from platform_resources.quality.profile import ColumnProfile, Profile
from tests.guarded import CUSTOMERS, CUSTOMERS_CONTRACT, GuardedMesh, make_mesh
from tests.histories import set_profile, write_past
from tests.operations.listeners import Hook, Mailbox, certificate, mail_server, web_hook
from tests.pipeline.test_gate import TAGGED, enact
from tests.tiny_mesh import environment

PORT = str(CUSTOMERS)
SECRET = "s3cr3t-of-the-hook"
HOOKED = '  - {channel: "#customers", tool: slack, scope: issues, url: "https://chat.retailer.example/customers"}\n'
MAILED = "  - {channel: shop-data@retailer.example, tool: email, scope: issues}\n"
FRESH, LATE = "P3650D", "PT0.1S"


def contract(version: str, freshness: str = FRESH, support: str = HOOKED, **more: str) -> str:
    text = CUSTOMERS_CONTRACT.format(version=version, status="active").replace(FRESH, freshness)
    return text + ("support:\n" + support if support else "") + "".join(more.values())


@pytest.fixture
def mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedMesh]:
    for name in ("MESH_ALERT_CHANNELS", "MESH_ALERT_HOSTS", "MESH_SMTP_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MESH_PUBLIC_URL", "https://mesh.retailer.example")
    made = make_mesh(tmp_path)
    yield made
    made.access.close()


@pytest.fixture
def hook() -> Iterator[Hook]:
    with web_hook() as made:
        yield made


def name_hook(mesh: GuardedMesh, url: str, **facts: str) -> None:
    """The operator's file: where the channel #customers is."""
    file = mesh.settings.home / "keys" / "alert_channels.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"#customers": {"url": url, **facts} if facts else url}))


def go_late(mesh: GuardedMesh, version: str = "1.0.1", **said: str) -> None:
    mesh.publish(contract=contract(version, LATE, **said))
    time.sleep(0.2)


def tell(mesh: GuardedMesh) -> list[Told]:
    with Alerter(mesh.settings) as alerter:
        return alerter.run()[1]


def texts(hook: Hook) -> list[str]:
    return [posted.json["text"].splitlines()[0] for posted in hook.got]


def test_it_is_told_once_again_and_when_it_is_over(
    mesh: GuardedMesh, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_hook(mesh, hook.url)
    assert tell(mesh) == []
    go_late(mesh)
    for _ in range(3):
        tell(mesh)
    assert texts(hook) == [f"🔴 {PORT}: the data is late"]
    monkeypatch.setenv("MESH_ALERT_REPEAT", "0.5")
    time.sleep(0.6)
    tell(mesh)
    assert re.fullmatch(rf"🟠 {PORT} since \d+ seconds?: the data is late", texts(hook)[1])
    monkeypatch.delenv("MESH_ALERT_REPEAT")
    mesh.publish(contract=contract("1.0.2"))
    for _ in range(2):
        tell(mesh)
    assert re.fullmatch(
        rf"🟢 {PORT} has recovered after \d+ seconds?: the data is as fresh as promised", texts(hook)[2]
    )
    assert len(hook.got) == 3
    go_late(mesh, "1.0.3")
    tell(mesh)
    assert texts(hook)[3] == texts(hook)[0]  # it begins anew


def test_a_refused_version_is_told_with_its_failed_checks(mesh: GuardedMesh, hook: Hook) -> None:
    name_hook(mesh, hook.url)
    mesh.publish(contract=contract("1.0.1"))
    refuse_version(mesh, "every_balance_is_known")
    tell(mesh)
    (posted,) = hook.got
    assert posted.json["text"].startswith(f"🔴 {PORT}: a new version was refused")
    assert "every_balance_is_known" in posted.json["text"]
    assert "readers went on with publication 2" in posted.json["text"]
    assert "CANARY" not in posted.body.decode()
    assert "https://mesh.retailer.example/products/shop/customers" in posted.body.decode()


def test_availability_that_gets_worse_is_told(mesh: GuardedMesh, hook: Hook) -> None:
    name_hook(mesh, hook.url)
    mesh.publish(contract=contract("1.0.1").replace("value: 99.9,", "value: 97,"))
    now, minute = utc_now(), timedelta(minutes=1)

    def probed(up: bool, since: timedelta, until: timedelta) -> None:
        moments = [now - since + n * minute for n in range(round((since - until) / minute))]
        seen = [Probe(PORT, at, "in-process", up, 1.0, None if up else "can't be read") for at in moments]
        record(mesh.access.control, seen, 3 * minute, now)

    probed(False, timedelta(hours=12), timedelta(0))  # of the 21.6 hours that 97 % of 30 days allow
    tell(mesh)
    assert texts(hook) == [f"🔴 {PORT}: availability is not as promised"]
    assert "44 % of the error budget is left" in hook.got[0].json["text"]
    assert "it is down now" in hook.got[0].json["text"]
    probed(False, timedelta(hours=36), timedelta(hours=12))
    tell(mesh)
    assert texts(hook)[1:] == [f"🔴 {PORT} got worse: availability is not as promised"]
    assert "the error budget is used up" in hook.got[1].json["text"]


@pytest.mark.parametrize("damage", ["gone", "broken"])
def test_what_cant_be_judged_is_not_over(mesh: GuardedMesh, hook: Hook, damage: str) -> None:
    name_hook(mesh, hook.url)
    go_late(mesh)
    tell(mesh)
    lake, kept = (mesh.settings.home / "lakes" / name for name in ("shop", "kept"))
    shutil.copytree(lake, kept)
    if damage == "gone":
        shutil.rmtree(lake)
    else:
        (lake / "catalog.sqlite").write_bytes(b"no database" * 1_000)
    with Alerter(mesh.settings) as alerter:
        look, told = alerter.run()
    assert told == []
    unread = "its lake can't be read (`mesh fsck` tells the damage)"
    assert [one.why_unknown for one in look.ports] == [None if damage == "gone" else unread]
    shutil.rmtree(lake, ignore_errors=True)
    kept.rename(lake)
    mesh.publish(contract=contract("1.0.2"))
    tell(mesh)
    assert [text[0] for text in texts(hook)] == ["🔴", "🟢"]


def test_a_rule_that_asks_the_time_is_looked_at_again_without_a_new_version(mesh: GuardedMesh, hook: Hook) -> None:
    name_hook(mesh, hook.url)
    rule = '    quality:\n      - {name: seen_lately, type: sql, mustBe: 0, query: "SELECT count(*) FROM {table} '
    rule += f"WHERE now() > TIMESTAMPTZ '{utc_now() + timedelta(milliseconds=100)}'\"}}\n"
    document = contract("1.0.1").replace("    quality:\n", rule)
    passed = {"results": [{"name": "seen_lately", "severity": "error", "passed": True}]}
    before = mesh.publish(contract=document, audit=passed)
    time.sleep(0.2)
    tell(mesh)
    (posted,) = hook.got
    assert posted.json["text"].startswith(f"🔴 {PORT}: the served data no longer keeps its rules")
    assert "seen_lately held as the version was published" in posted.json["text"]
    with Alerter(mesh.settings) as alerter:
        log = alerter._access.guard.served.log(CUSTOMERS)
    assert log.newest.number == before.number


def test_a_port_that_the_gate_holds_is_told_by_codes(mesh: GuardedMesh, hook: Hook) -> None:
    name_hook(mesh, hook.url)
    mesh.publish(contract=contract("1.0.1"))
    enact(mesh.settings.project, TAGGED.format(grace="2026-02-01"))
    tell(mesh)
    (posted,) = hook.got
    assert posted.json["text"].startswith(f"🔴 {PORT}: the gate holds it back\nwhat blocks: DOC-100; ")


def test_what_is_unusual_is_a_warning_that_names_figures_and_no_value(mesh: GuardedMesh, hook: Hook) -> None:
    name_hook(mesh, hook.url)
    mesh.publish(contract=contract("1.0.1"))
    usual = Profile(40, 40, columns={"region": ColumnProfile("VARCHAR", 0.0, mix={"north": 0.5, "south": 0.5})})
    write_past(mesh.settings, CUSTOMERS, [usual] * 30, utc_now() - timedelta(days=1))
    mix = {"north": 0.1, "CANARY": 0.9}
    set_profile(mesh.settings, CUSTOMERS, replace(usual, columns={"region": ColumnProfile("VARCHAR", 0.0, mix=mix)}))
    tell(mesh)
    (posted,) = hook.got
    assert posted.json["text"].startswith(f"🔴 {PORT}: the served data is unusual")
    assert "unusual: share of new values in region" in posted.json["text"]
    assert "CANARY" not in posted.json["text"]
    mesh.publish(contract=contract("1.0.1"))
    tell(mesh)
    assert len(hook.got) == 1, "of a version that was not judged nobody knows whether it is over"
    set_profile(mesh.settings, CUSTOMERS, usual)
    tell(mesh)
    assert texts(hook)[-1].startswith(f"🟢 {PORT} has recovered")


def test_a_retired_port_is_quiet(mesh: GuardedMesh, hook: Hook) -> None:
    name_hook(mesh, hook.url)
    go_late(mesh)
    with connect(mesh.settings, own="shop") as con:
        retire(con, mesh.settings, port=CUSTOMERS, run_id="the end", now=utc_now())
    assert tell(mesh) == []


def test_processes_that_look_at_once_tell_it_once(mesh: GuardedMesh, hook: Hook) -> None:
    name_hook(mesh, hook.url)
    go_late(mesh)
    command = [sys.executable, "-m", "platform_resources.cli", "alerts", "--send", "--json"]
    variables = environment(mesh.settings.project, mesh.settings.home)
    running = [subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in "1234"]
    ended = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0] * 4, ended
    assert len(hook.got) == 1
    assert sum(len(json.loads(out)["told"]) for out, _ in ended) == 1


def test_what_is_down_is_tried_again_and_stops_no_other_channel(mesh: GuardedMesh, mail: Mailbox) -> None:
    with web_hook() as hook:
        name_hook(mesh, hook.url)
        port = int(hook.url.split(":")[2].split("/")[0])
    go_late(mesh, support=HOOKED + MAILED)
    failed, told = sorted(tell(mesh), key=lambda one: one.error is None)
    assert (failed.notice.channel, failed.error) == ("slack #customers", "it can't be reached")
    assert (told.notice.channel, told.error) == ("email shop-data@retailer.example", None)
    assert len(mail.got) == 1
    assert tell(mesh) == []  # not before its time
    with web_hook(port=port) as hook:
        due_now(mesh)
        assert [one.error for one in tell(mesh)] == [None]
        assert texts(hook) == [f"🔴 {PORT}: the data is late"]
        assert tell(mesh) == []
    assert len(mail.got) == 1


def test_attempts_are_ever_further_apart_and_the_end_overtakes_what_was_not_told(mesh: GuardedMesh, hook: Hook) -> None:
    name_hook(mesh, hook.url)
    hook.status = 503
    go_late(mesh)
    waits = []
    for _ in range(8):
        (one,) = tell(mesh)
        assert one.error == "it answers 503"
        with Alerter(mesh.settings) as alerter:
            ((notice,),) = ledger.notices_of(alerter.control, ledger.open_alerts(alerter.control)).values()
        waits.append(round((notice.next_at - utc_now()) / timedelta(minutes=1)))
        due_now(mesh)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    hook.status = 200
    hook.got.clear()
    mesh.publish(contract=contract("1.0.2"))
    tell(mesh)
    assert [text[0] for text in texts(hook)] == ["🟢"]
    due_now(mesh)
    assert tell(mesh) == []


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with mail_server() as box:
        set_mail(monkeypatch, box, "none")
        yield box


def set_mail(monkeypatch: pytest.MonkeyPatch, box: Mailbox, security: str, **more: str) -> None:
    said = {"HOST": "127.0.0.1", "PORT": str(box.port), "SECURITY": security, "FROM": "mesh@retailer.example", **more}
    for name, value in said.items():
        monkeypatch.setenv(f"MESH_SMTP_{name}", value)


def test_owners_get_mail_where_no_channel_is_named(mesh: GuardedMesh, mail: Mailbox) -> None:
    go_late(mesh, support="")
    tell(mesh)
    mesh.publish(contract=contract("1.0.2", support=""))
    tell(mesh)
    begins, over = mail.got
    assert begins["To"] == "shop@retailer.example"
    assert begins["Subject"] == f"{PORT}: the data is late"
    assert begins["Auto-Submitted"] == "auto-generated"
    assert "has recovered after" in over["Subject"]
    assert over["In-Reply-To"] == begins["Message-ID"]
    assert "nothing newer was published in time" in begins.get_content()
    assert mail.envelopes[0] == ("mesh@retailer.example", ("shop@retailer.example",))


def test_mail_goes_by_starttls_and_a_password_that_no_message_repeats(
    mesh: GuardedMesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    context, trusted = certificate(tmp_path)
    file = tmp_path / "password"
    file.write_text(f"wrong-{SECRET}\n")
    with mail_server(context, SECRET) as box, caplog.at_level(logging.DEBUG):
        set_mail(monkeypatch, box, "starttls", USER="mesh", PASSWORD_FILE=str(file))
        go_late(mesh, support=MAILED)
        assert [one.error for one in tell(mesh)] == ["the mail server's certificate does not hold"]
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        due_now(mesh)
        assert [one.error for one in tell(mesh)] == ["the mail server takes neither user nor password"]
        file.write_text(f"{SECRET}\n")
        due_now(mesh)
        assert [one.error for one in tell(mesh)] == [None]
    assert box.users == ["mesh"]
    assert len(box.got) == 1
    assert SECRET not in caplog.text


def test_a_mail_server_that_refuses_is_tried_again(mesh: GuardedMesh, mail: Mailbox) -> None:
    mail.refuses = True
    go_late(mesh, support=MAILED)
    assert [one.error for one in tell(mesh)] == ["the mail server answers 451"]
    mail.refuses = False
    due_now(mesh)
    tell(mesh)
    assert len(mail.got) == 1


def test_a_webhook_gets_a_signed_document(mesh: GuardedMesh, hook: Hook) -> None:
    name_hook(mesh, hook.url, form="webhook", secret=SECRET)
    go_late(mesh)
    tell(mesh)
    (posted,) = hook.got
    stamp, digest = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", posted.headers["mesh-signature"]).groups()
    signed = hmac.new(SECRET.encode(), f"{stamp}.".encode() + posted.body, hashlib.sha256).hexdigest()
    assert digest == signed
    assert abs(int(stamp) - time.time()) < 60
    told = posted.json
    assert (told["version"], told["event"], told["id"]) == (1, "begins", posted.headers["mesh-delivery"])
    assert told["link"] == "https://mesh.retailer.example/products/shop/customers"
    alert = told["alert"]
    assert (alert["port"], alert["product"], alert["kind"]) == (PORT, "shop.customers", "late")
    assert (alert["severity"], alert["ended_at"]) == ("error", None)
    assert datetime.fromisoformat(alert["began_at"]) <= utc_now()


def test_hostile_text_of_a_contract_mentions_nobody_and_breaks_nothing(mesh: GuardedMesh, hook: Hook) -> None:
    name_hook(mesh, hook.url)
    mesh.publish(contract=contract("1.0.1"))
    refuse_version(mesh, "<!channel> <https://evil.example|see> @here *b*\n\u202eback\x00" + "x" * 5_000)
    tell(mesh)
    (posted,) = hook.got
    message = posted.json
    for wrong in ("<!channel>", "<https://evil", "@here", "*b*", "\u202e", "\x00"):
        assert wrong not in message["text"], wrong
    assert len(message["text"]) < 1_000
    kinds = {text["type"] for block in message["blocks"] for text in (block.get("text"),) if text}
    assert kinds == {"plain_text"}
    assert "evil" not in json.dumps([block for block in message["blocks"] if block["type"] == "context"])


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example\\r\\nBcc: c@d.example",
        "a@b.example, c@d.example",
        "a@b.example?bcc=c@d.example",
        "<a@b.example>",
        "a@b.example%0d%0aRCPT TO:<c@d.example>",
    ],
)
def test_an_address_in_a_contract_reaches_nobody_else(
    mesh: GuardedMesh, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("MESH_SMTP_HOST", "mail.retailer.example")
    monkeypatch.setenv("MESH_SMTP_FROM", "mesh@retailer.example")
    (channel,) = named(mesh, f'  - {{channel: "{address}", tool: email, scope: issues, url: "mailto:{address}"}}\n')
    assert (channel.address, channel.problem is None) in {("a@b.example", True), ("", False)}
    assert "\n" not in channel.name


@pytest.mark.parametrize(
    "url",
    [
        "http://allowed.example/x",
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/",
        "https://localhost/x",
        "https://allowed.example:8443/x",
        "https://allowed.example@evil.example/",
        "https://evil.example\\\\@allowed.example/",
        "https://evil.example#@allowed.example/",
        "https://sub.allowed.example/",
        "https://[::1]/",
        "https://allowed.example./",
        "file:///etc/passwd",
        "ftp://allowed.example/",
        "https://аllowed.example/",
    ],
)
def test_a_contract_makes_nobody_post_elsewhere(mesh: GuardedMesh, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("MESH_ALERT_HOSTS", "allowed.example")
    (channel,) = named(mesh, f'  - {{channel: pager, tool: other, scope: issues, url: "{url}"}}\n')
    assert channel.problem is not None
    assert channel.address == ""


def test_an_allowed_host_gets_it_and_a_redirect_leads_nowhere(
    mesh: GuardedMesh, hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with web_hook(context) as outside:
        monkeypatch.setenv("MESH_ALERT_HOSTS", f"other.example, {outside.url.split('/')[2]}")
        outside.status, outside.location = 307, hook.url
        go_late(mesh, support=f'  - {{channel: pager, tool: webhook, scope: issues, url: "{outside.url}"}}\n')
        assert [one.error for one in tell(mesh)] == ["it answers 307"]
        assert hook.got == []
        outside.status = 204
        due_now(mesh)
        assert [one.error for one in tell(mesh)] == [None]
        assert outside.got[-1].json["alert"]["kind"] == "late"


def test_the_channel_for_issues_comes_first(mesh: GuardedMesh) -> None:
    other = '  - {channel: "#news", tool: slack, scope: notifications}\n'
    talk = '  - {channel: "#talk", tool: slack, scope: interactive}\n'
    assert [one.name for one in named(mesh, talk + other + HOOKED)] == ["slack #customers"]
    assert [one.name for one in named(mesh, talk + other)] == ["slack #news"]
    assert [one.name for one in named(mesh, talk)] == ["email shop@retailer.example"]
    many = "".join(f'  - {{channel: "#c{n}", tool: slack, scope: issues}}\n' for n in range(500))
    assert len(named(mesh, many)) == 10


def test_where_alerts_go_is_in_no_text(mesh: GuardedMesh, caplog: pytest.LogCaptureFixture) -> None:
    go_late(mesh)
    with web_hook() as hook, caplog.at_level(logging.DEBUG):
        name_hook(mesh, f"{hook.url}/{SECRET}", secret=SECRET)
        hook.status = 500
        told = tell(mesh)
        hook.status = 200
        due_now(mesh)
        told += tell(mesh)
        assert [posted.path for posted in hook.got] == [f"/hook/{SECRET}"] * 2
    assert [one.error for one in told] == ["it answers 500", None]
    settings = AlertSettings.from_env(mesh.settings)
    for text in (repr(told), caplog.text, repr(settings), repr(named(mesh, HOOKED))):
        assert SECRET not in text
    assert not any(SECRET.encode() in file.read_bytes() for file in mesh.settings.home.glob("control.sqlite*"))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("MESH_ALERT_REPEAT", "daily"),
        ("MESH_ALERT_HOSTS", "https://x.example/"),
        ("MESH_ALERT_CHANNELS", "/nowhere/file"),
        ("MESH_SMTP_FROM", "me"),
        ("MESH_SMTP_PORT", "x"),
        ("MESH_SMTP_SECURITY", "ssl"),
        ("MESH_SMTP_USER", "mesh"),
    ],
)
def test_a_wrong_setting_says_what_to_write(
    mesh: GuardedMesh, monkeypatch: pytest.MonkeyPatch, setting: str, value: str
) -> None:
    monkeypatch.setenv("MESH_SMTP_HOST", "mail.retailer.example")
    monkeypatch.setenv("MESH_SMTP_FROM", "mesh@retailer.example")
    monkeypatch.setenv(setting, value)
    with pytest.raises(SettingError, match=setting):
        AlertSettings.from_env(mesh.settings)


@pytest.mark.parametrize("text", ["[", "- a", f'{{"#c": "http://inside.example/{SECRET}"}}', f'{{"#c": [{SECRET}]}}'])
def test_a_wrong_file_of_channels_is_not_repeated(mesh: GuardedMesh, text: str) -> None:
    name_hook(mesh, "https://x.example")
    (mesh.settings.home / "keys" / "alert_channels.yaml").write_text(text)
    with pytest.raises(SettingError) as told:
        AlertSettings.from_env(mesh.settings)
    assert SECRET not in str(told.value)


def named(mesh: GuardedMesh, support: str) -> tuple[Channel, ...]:
    """The channels of a contract with this `support`."""
    product = read_mesh(mesh.settings)[0].ports[PORT][0]
    document = contract_of_text(contract("1.0.1", support=support), "v1.odcs.yaml")
    return channels_of(product, document, AlertSettings.from_env(mesh.settings))


def refuse_version(mesh: GuardedMesh, check: str) -> None:
    """The audit of a next version fails on one check."""
    audit = {"results": [{"name": check, "severity": "error", "passed": False, "message": "CANARY"}]}
    refusal = Refusal(PORT, 1, "a run", "1.0.2", 50.0, audit, utc_now())
    with connect(mesh.settings, own="shop") as con:
        refuse(con, mesh.settings, refusal)


def due_now(mesh: GuardedMesh) -> None:
    """Let the time pass until what waits is to be tried again."""
    from platform_resources.control.tables import alert_notices

    with mesh.access.control.writing() as connection:
        waiting = alert_notices.update().where(alert_notices.c.next_at.is_not(None))
        connection.execute(waiting.values(next_at=utc_now()))
