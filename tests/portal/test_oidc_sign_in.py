"""Signing in at an OpenID provider: a real one, and one that lies."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from platform_resources.access.callers.identities import set_enabled
from platform_resources.access.callers.sessions import longest_session
from platform_resources.lake import SettingError
from platform_resources.serving.limits import ApiLimits
from tests.access.issuer import Issuer, run_issuer
from tests.guarded import GuardedMesh, make_mesh
from tests.portal.conftest import Browser, Portal, run_portal

BACK = "/sign-in/oidc/back"


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedMesh]:
    made = make_mesh(tmp_path_factory.mktemp("mesh"))
    yield made
    made.access.close()


@pytest.fixture
def lying(mesh: GuardedMesh, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Issuer, Portal]]:
    """A provider that says whatever a test wants, and a portal that trusts it."""
    with run_issuer() as issuer:
        document = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/jwks"}
        document |= {name: f"{issuer.url}/{name}" for name in ("authorization_endpoint", "token_endpoint")}
        issuer.answers["/.well-known/openid-configuration"] = json.dumps(document).encode()
        monkeypatch.setenv("MESH_OIDC_ISSUER", issuer.url)
        monkeypatch.setenv("MESH_OIDC_AUDIENCE", "mesh, mesh-cli")
        with run_portal(mesh.settings, mesh) as portal:
            yield issuer, portal


def begin(browser: Browser, then: str = "/me") -> dict[str, str]:
    """Go to the provider; what it is asked."""
    answer = browser.get("/sign-in/oidc", params={"next": then})
    assert answer.status_code == 303
    return {name: value for name, (value,) in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def test_somebody_signs_in_at_a_real_provider_and_comes_back_to_the_page(mesh, monkeypatch, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://localhost:{free.getsockname()[1]}"
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "-p", url.rpartition(":")[2]]
    monkeypatch.setenv("MESH_OIDC_ISSUER", url)
    monkeypatch.setenv("MESH_OIDC_AUDIENCE", "mesh")
    monkeypatch.setenv("MESH_OIDC_CLIENT_SECRET", "s3cret/+")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as provider:
        try:
            for _ in range(300):
                try:
                    httpx.put(f"{url}/users/yara", json={"email": "yara@retailer.example", "email_verified": True})
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            with run_portal(mesh.settings, mesh) as portal, portal.browser() as browser:
                assert "/sign-in/oidc?next=/glossary" in browser.get("/sign-in?next=/glossary").text
                answer = browser.get("/sign-in/oidc?next=/glossary")
                asked = parse_qs(urlsplit(answer.headers["Location"]).query)
                assert asked["code_challenge_method"] == ["S256"]
                assert asked["redirect_uri"] == [portal.url + BACK]
                back = httpx.post(answer.headers["Location"], data={"sub": "yara"}).headers["Location"]
                signed_in = browser.get(back)
                assert (signed_in.status_code, signed_in.headers["Location"]) == (303, "/glossary")
                assert set(browser.cookies) == {"mesh-session"}
                me = browser.get("/me")
                assert "yara@retailer.example" in me.text
                assert "by the OpenID provider" in me.text
                assert browser.get(back).status_code == 401, "a code is good once, for the browser that was sent"
                set_enabled(mesh.access.control, mesh.access.audit, "yara@retailer.example", False, "tests")
                assert browser.get("/me").status_code == 303
        finally:
            provider.terminate()


def test_only_the_answer_for_this_browser_and_this_attempt_counts(lying: tuple[Issuer, Portal]) -> None:
    issuer, portal = lying
    with portal.browser() as browser, portal.browser() as other:
        asked, foreign = begin(browser), begin(other)

        def answer(who: Browser = browser, nonce: str | None = asked["nonce"], **claims: object) -> httpx.Response:
            query = {"code": "c", "state": asked["state"]}
            query |= {name: str(claims.pop(name)) for name in ("state", "iss_sent", "error") if name in claims}
            if "iss_sent" in query:
                query["iss"] = query.pop("iss_sent")
            token = issuer.token(nonce=nonce, **claims)
            issuer.answers["/token_endpoint"] = json.dumps({"id_token": token}).encode()
            kept = who.cookies.get("mesh-sign-in")
            got = who.get(BACK, params=query)
            if kept:
                who.cookies.set("mesh-sign-in", kept)  # each try begins as the first one did
            return got

        refused = [
            answer(state=""),
            answer(state="x"),
            answer(state=foreign["state"]),  # another browser's attempt, sent to this one
            answer(who=other),
            answer(iss_sent="https://evil.example"),
            answer(error="access_denied"),
            answer(nonce=None),
            answer(nonce=""),
            answer(nonce=foreign["nonce"]),  # a token that was made for another attempt
            answer(aud="another-client"),
            answer(aud="mesh-cli"),  # for the command line, not for the portal
            answer(aud=["mesh", "mesh-cli"], azp="mesh-cli"),
            answer(iss="https://evil.example"),
            answer(exp=int(time.time()) - 3600),
        ]
        assert [got.status_code for got in refused] == [401] * len(refused)
        assert all("mesh-session" not in jar.cookies for jar in (browser, other))
        assert "issuer" not in refused[-1].text
        with portal.browser() as third:
            assert third.get(BACK, params={"code": "c", "state": asked["state"]}).status_code == 401
        assert answer(iss_sent=issuer.url).status_code == 303
        assert "zoe@retailer.example" in browser.get("/me").text


def test_what_leaves_the_browser_tells_nothing_of_what_stays(lying: tuple[Issuer, Portal]) -> None:
    _, portal = lying
    with portal.browser() as browser:
        asked = begin(browser)
        secret = browser.cookies["mesh-sign-in"].partition(".")[0]
        assert len({asked["state"], asked["nonce"], asked["code_challenge"], secret}) == 4
        plain = base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()).decode().rstrip("=")
        assert asked["code_challenge"] != plain
        assert begin(browser)["state"] != asked["state"]


def test_after_the_provider_nobody_is_sent_elsewhere(lying: tuple[Issuer, Portal]) -> None:
    issuer, portal = lying
    with portal.browser() as browser:
        for kept in ("//evil.example", "https://evil.example/", "/sign-in/oidc"):
            browser.cookies.clear()
            asked = begin(browser, kept)
            secret = browser.cookies["mesh-sign-in"].partition(".")[0]
            forged = base64.urlsafe_b64encode(kept.encode()).decode().rstrip("=")
            for cookie in (None, f"{secret}.{forged}", f"{secret}.%%%", secret):
                if cookie is not None:
                    begin(browser, kept)
                    browser.cookies.clear()
                    browser.cookies.set("mesh-sign-in", cookie)
                issuer.answers["/token_endpoint"] = json.dumps(
                    {"id_token": issuer.token(nonce=asked["nonce"])}
                ).encode()
                answer = browser.get(BACK, params={"code": "c", "state": asked["state"]})
                assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_a_provider_that_is_gone_or_talks_nonsense_is_told_as_such(lying: tuple[Issuer, Portal]) -> None:
    issuer, portal = lying
    with portal.browser() as browser:
        asked = begin(browser)
        kept = browser.cookies["mesh-sign-in"]
        for body, status in ((b"{}", 401), (b"[]", 401), (b'{"id_token": 1}', 401), (b"<html>", 503)):
            issuer.answers["/token_endpoint"] = body
            browser.cookies.set("mesh-sign-in", kept)
            answer = browser.get(BACK, params={"code": "c", "state": asked["state"]})
            assert answer.status_code == status
            assert answer.headers["Content-Type"].startswith("text/html")
        issuer.answers["/.well-known/openid-configuration"] = b'{"issuer": "https://evil.example"}'
    with run_portal(portal.mesh.settings, portal.mesh) as again, again.browser() as browser:
        assert browser.get("/sign-in/oidc").status_code == 503


def test_who_waits_for_a_slow_provider_holds_up_nobody_else(lying: tuple[Issuer, Portal], monkeypatch) -> None:
    issuer, portal = lying
    monkeypatch.setattr("platform_resources.access.callers.oidc_documents.TIMEOUT", 60.0)
    issuer.gate.clear()
    with portal.browser() as browser, ThreadPoolExecutor(60) as crowd:
        waiting = [
            crowd.submit(httpx.get, f"{portal.url}/sign-in/oidc", trust_env=False, timeout=60) for _ in range(60)
        ]
        while not issuer.asked:
            time.sleep(0.01)
        assert "Sign in" in browser.get("/sign-in").text
        assert not any(one.done() for one in waiting)
        issuer.gate.set()
        assert {one.result().status_code for one in waiting} == {303}
    assert issuer.asked == ["/.well-known/openid-configuration"]


def test_who_signed_in_at_the_provider_stays_longer_than_its_id_token_and_no_longer_than_is_set(
    lying: tuple[Issuer, Portal], monkeypatch
) -> None:
    issuer, portal = lying

    def lasts(browser: Browser, **claims: object) -> int:
        asked = begin(browser)
        token = issuer.token(nonce=asked["nonce"], **claims)
        issuer.answers["/token_endpoint"] = json.dumps({"id_token": token}).encode()
        told = browser.get(BACK, params={"code": "c", "state": asked["state"]}).headers["Set-Cookie"]
        return int(told.partition("mesh-session=")[2].partition("Max-Age=")[2].partition(";")[0])

    soon = int(time.time()) + 5
    with portal.browser() as browser, portal.browser() as pasting:
        assert 12 * 3600 - 60 < lasts(browser, exp=soon) <= 12 * 3600
        told = pasting.sign_in(issuer.token(exp=soon + 600)).headers["Set-Cookie"]
        assert int(told.partition("Max-Age=")[2].partition(";")[0]) <= 605, "one that is shown is no sign-in there"
        set_enabled(portal.mesh.access.control, portal.mesh.access.audit, "zoe@retailer.example", False, "tests")
        assert browser.get("/me").status_code == 303
        set_enabled(portal.mesh.access.control, portal.mesh.access.audit, "zoe@retailer.example", True, "tests")
    monkeypatch.setenv("MESH_SESSION_HOURS", "0.5")
    with run_portal(portal.mesh.settings, portal.mesh) as shorter, shorter.browser() as browser:
        assert 1740 < lasts(browser, exp=int(time.time()) + 86_400) <= 1800


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "inf", "8h", "169"])
def test_a_session_of_no_length_or_without_end_is_no_setting(monkeypatch, hours: str) -> None:
    monkeypatch.setenv("MESH_SESSION_HOURS", hours)
    with pytest.raises(SettingError, match="MESH_SESSION_HOURS"):
        longest_session()


def test_attempts_of_one_address_are_limited_and_hold_no_token(lying: tuple[Issuer, Portal]) -> None:
    _, portal = lying
    limits = ApiLimits(requests_per_minute=3)
    with run_portal(portal.mesh.settings, portal.mesh, limits=limits) as limited, limited.browser() as browser:
        assert browser.get("/sign-in/oidc?token=x").status_code == 400
        assert [browser.get("/sign-in/oidc").status_code for _ in range(4)] == [303, 303, 303, 429]
        assert browser.get(BACK).status_code == 429


def test_without_a_provider_there_is_no_such_way(mesh: GuardedMesh) -> None:
    with run_portal(mesh.settings, mesh) as portal, portal.browser() as browser:
        assert "OpenID" not in browser.get("/sign-in").text
        assert browser.get("/sign-in/oidc").status_code == 404
        assert browser.get(BACK).status_code == 404
