"""A click is enough to be a demo persona: in a browser that was shown the key of the mesh, and in no other."""

from __future__ import annotations

import logging
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx
import pytest

from platform_resources.access.callers.one_click import kept_key, key_file, proof_of_key
from platform_resources.lake import utc_now
from tests.portal.conftest import Browser, Portal, run_portal

COOKIE = "mesh-one-click"


def click(browser: Browser, persona: str = "analyst", **headers: str) -> httpx.Response:
    return browser.post("/sign-in", data={"persona": persona}, headers={"Origin": browser.origin, **headers})


@contextmanager
def linked(portal: Portal) -> Iterator[Browser]:
    """A browser that has opened the link that is printed."""
    with portal.browser() as browser:
        browser.get(f"/sign-in?demo={kept_key(portal.access.settings)}")
        yield browser


def test_a_newcomer_opens_the_link_and_is_signed_in_by_one_click(
    shipped_portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    settings = shipped_portal.access.settings
    key = kept_key(settings)
    with shipped_portal.browser() as browser, caplog.at_level(logging.INFO):
        opened = browser.get(f"/sign-in?demo={key}&next=/me")
        assert (opened.status_code, opened.headers["Location"]) == (303, "/sign-in?next=/me")
        cookie = opened.headers["Set-Cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "max-age" not in cookie
        page = browser.get("/sign-in").text
        for persona in ("analyst", "maria.keller@retailer.example", "operator"):
            assert f'value="{persona}"' in page
            assert f"{persona}.token" in page
            assert shipped_portal.mesh.token(persona) not in page
        assert str(settings.home / "personas") in page
        answer = click(browser)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/")
        home = browser.get("/").text
        assert "Ana Lind" in home
        assert shipped_portal.mesh.token("analyst") not in str(answer.headers)
    log = "\n".join(one.getMessage() for one in caplog.records if one.name == "mesh.api")
    assert "route=/sign-in " in log
    for told in (log, page, home, str(opened.headers), str(answer.headers)):
        assert key not in told
    assert stat.S_IMODE(key_file(settings).stat().st_mode) == 0o600


def test_without_the_link_a_click_is_nothing(shipped_portal: Portal) -> None:
    with shipped_portal.browser() as browser:
        page = browser.get("/sign-in").text
        assert 'name="persona"' not in page
        assert "mesh serve" in page
        for persona in ("analyst", "operator"):
            assert click(browser, persona).status_code == 401
        assert not browser.cookies


def test_what_is_not_the_key_is_no_proof(shipped_portal: Portal) -> None:
    settings = shipped_portal.access.settings
    key, now = kept_key(settings), utc_now()
    with shipped_portal.browser() as browser:
        for shown in ("", "x", key[:-1], f"{key}x", "%FF", proof_of_key(settings, now)):
            answer = browser.get(f"/sign-in?demo={shown}")
            assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?done=no-such-link")
            assert not browser.cookies
        proof = proof_of_key(settings, now)
        late = proof_of_key(settings, now - timedelta(days=1))
        for kept in ("", ".", "x", key, late, f"9{proof}", f"{now:%Y}.{proof.partition('.')[2]}"):
            browser.cookies.set(COOKIE, kept)
            assert click(browser).status_code == 401


def test_a_key_that_was_removed_or_emptied_is_one_no_more(shipped_portal: Portal) -> None:
    settings = shipped_portal.access.settings
    key = kept_key(settings)
    with linked(shipped_portal) as browser:
        key_file(settings).write_text("")
        assert click(browser).status_code == 401
        assert browser.get("/sign-in?demo=").headers["Location"] == "/sign-in?done=no-such-link"
        assert kept_key(settings) not in ("", key)
        assert click(browser).status_code == 401
        key_file(settings).unlink()
        assert click(browser).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example", "Origin": "http://evil.example"},  # a name of its own that leads here
        {"X-Forwarded-For": "203.0.113.9"},
        {"X-Forwarded-Proto": "https"},
        {"Forwarded": "for=203.0.113.9"},
        {"X-Real-IP": "203.0.113.9"},
        {"Via": "1.1 proxy"},
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_from_elsewhere_neither_link_nor_click_is_anything(shipped_portal: Portal, headers: dict[str, str]) -> None:
    with linked(shipped_portal) as browser:
        assert click(browser, **headers).status_code in (401, 403)
        assert set(browser.cookies) == {COOKIE}
        if "Origin" not in headers and "Sec-Fetch-Site" not in headers:
            page = browser.get("/sign-in", headers=headers).text
            assert 'name="persona"' not in page
            assert str(shipped_portal.access.settings.home) not in page
            browser.cookies.clear()
            browser.get(f"/sign-in?demo={kept_key(shipped_portal.access.settings)}", headers=headers)
            assert not browser.cookies


def test_a_made_up_persona_is_nobody(shipped_portal: Portal) -> None:
    with linked(shipped_portal) as browser:
        for name in ("nobody", "../personas/analyst", "analyst.token", "sign-in.key", ""):
            assert click(browser, name).status_code == 401


@pytest.mark.parametrize("setting", [("MESH_PERSONAS", "off"), ("MESH_PUBLIC_URL", "http://mesh.retailer.example")])
def test_a_mesh_that_wants_none_has_none(shipped_portal: Portal, monkeypatch, setting: tuple[str, str]) -> None:
    monkeypatch.setenv(*setting)
    with run_portal(shipped_portal.access.settings, shipped_portal.mesh) as portal, linked(portal) as browser:
        assert 'name="persona"' not in browser.get("/sign-in").text
        assert click(browser).status_code == 401
