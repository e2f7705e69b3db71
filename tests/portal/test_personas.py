"""A click is enough to be a demo persona: on one's own machine, and nowhere else."""

from __future__ import annotations

import httpx
import pytest

from tests.portal.conftest import Browser, Portal, run_portal


def click(browser: Browser, persona: str = "analyst", **headers: str) -> httpx.Response:
    return browser.post("/sign-in", data={"persona": persona}, headers={"Origin": browser.origin, **headers})


def test_a_newcomer_is_signed_in_by_one_click_and_no_page_has_a_token(shipped_portal: Portal) -> None:
    with shipped_portal.browser() as browser:
        page = browser.get("/sign-in").text
        for persona in ("analyst", "maria.keller@retailer.example", "operator"):
            assert f'value="{persona}"' in page
            assert f"{persona}.token" in page
            assert shipped_portal.mesh.token(persona) not in page
        assert str(shipped_portal.access.settings.home / "personas") in page
        answer = click(browser)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/")
        assert shipped_portal.mesh.token("analyst") not in str(answer.headers)
        assert "Ana Lind" in browser.get("/").text


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example", "Origin": "http://evil.example"},  # a name of its own that leads here
        {"X-Forwarded-For": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
        {"X-Real-IP": "203.0.113.9"},
        {"Via": "1.1 proxy"},
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_from_elsewhere_a_click_is_nothing(shipped_portal: Portal, headers: dict[str, str]) -> None:
    with shipped_portal.browser() as browser:
        assert click(browser, **headers).status_code in (401, 403)
        assert not browser.cookies
        if "Origin" not in headers and "Sec-Fetch-Site" not in headers:
            page = browser.get("/sign-in", headers=headers).text
            assert 'name="persona"' not in page


def test_a_made_up_persona_is_nobody(shipped_portal: Portal) -> None:
    with shipped_portal.browser() as browser:
        for name in ("nobody", "../personas/analyst", "analyst.token", ""):
            assert click(browser, name).status_code == 401


@pytest.mark.parametrize("setting", [("MESH_PERSONAS", "off"), ("MESH_PUBLIC_URL", "http://mesh.retailer.example")])
def test_a_mesh_that_wants_none_has_none(shipped_portal: Portal, monkeypatch, setting: tuple[str, str]) -> None:
    monkeypatch.setenv(*setting)
    with run_portal(shipped_portal.access.settings, shipped_portal.mesh) as portal, portal.browser() as browser:
        assert 'name="persona"' not in browser.get("/sign-in").text
        assert click(browser).status_code == 401
