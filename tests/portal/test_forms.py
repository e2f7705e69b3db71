"""Forms: only those of one's own session in this portal are taken, and only by the portal."""

from __future__ import annotations

import pytest

from platform_resources.serving.limits import ApiLimits
from tests.guarded import make_mesh
from tests.portal.conftest import Browser, Portal, run_portal

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def tokens_of(browser: Browser) -> int:
    return browser.get("/me").text.count("/revoke")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "HERE.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "HERE", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_a_form_of_another_site_is_refused_even_with_its_token(kept_portal: Portal, headers: dict[str, str]) -> None:
    sent = {name: value.replace("HERE", kept_portal.url) for name, value in headers.items()}
    with kept_portal.browser(kept_portal.mesh.token("ana")) as browser:
        form, before = {"csrf": browser.csrf(), "scope": "read", "days": "1"}, tokens_of(browser)
        for path in ("/me/tokens", "/sign-in", "/sign-out"):
            answer = browser.post(path, data=form, headers=sent)
            assert answer.status_code == 403
            assert "did not come from your session" in answer.text
        assert tokens_of(browser) == before


def test_a_form_without_the_token_of_its_own_session_is_refused(kept_portal: Portal) -> None:
    own = {"Origin": kept_portal.url}
    with kept_portal.browser(kept_portal.mesh.token("nobody")) as other:
        stolen = other.csrf()
    with kept_portal.browser(kept_portal.mesh.token("ana")) as browser:
        before = tokens_of(browser)
        for csrf in ("", stolen, "é", "0" * 64):
            answer = browser.post("/me/tokens", data={"csrf": csrf, "scope": "read", "days": "1"}, headers=own)
            assert answer.status_code == 403
        assert browser.post("/me/tokens", data={"scope": "read", "days": "1"}, headers=own).status_code == 403
        assert tokens_of(browser) == before
        with_it = browser.post("/me/tokens", data={"csrf": browser.csrf(), "scope": "read", "days": "1"}, headers=own)
        assert with_it.status_code == 201
        assert tokens_of(browser) == before + 1


def test_the_api_takes_no_forms_and_pages_take_nothing_else(kept_portal: Portal) -> None:
    own = {"Origin": kept_portal.url}
    with kept_portal.browser(kept_portal.mesh.token("ana")) as browser:
        answer = browser.post("/api/v1/sql", content="sql=select+1", headers=own | FORM)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-media-type")
        for kind in ("application/json", "multipart/form-data; boundary=x", "text/plain", ""):
            answer = browser.post("/me/tokens", content="csrf=1", headers=own | {"Content-Type": kind})
            assert answer.status_code == 415
            assert answer.headers["Content-Type"].startswith("text/html")
        assert browser.get("/sign-out").status_code == 405


def test_too_large_a_form_is_refused_as_a_page(tmp_path) -> None:
    mesh = make_mesh(tmp_path)
    limits = ApiLimits(body_bytes=1000)
    with (
        run_portal(mesh.settings, mesh, personas=False, limits=limits) as portal,
        portal.browser(mesh.token("ana")) as browser,
    ):
        answer = browser.submit("/me/tokens", label="x" * 2000)
        assert answer.status_code == 413
        assert "This is too much" in answer.text
    mesh.access.close()


def test_a_token_is_made_shown_once_and_ended(kept_portal: Portal) -> None:
    with kept_portal.browser(kept_portal.mesh.token("ana", scopes=["read", "request"])) as browser:
        answer = browser.submit(
            "/me/tokens", label="<b>report</b>", scope=["read", "request"], narrow="read:shop.*", days="7"
        )
        assert answer.status_code == 201
        assert "&lt;b&gt;report&lt;/b&gt;" in answer.text
        made = answer.text.partition("<code>mesh_")[2].partition("</code>")[0]
        public = made.split("_")[0]
        me = browser.get("/api/v1/me", headers={"Authorization": f"Bearer mesh_{made}"}).json()
        assert me["scopes"] == ["read:shop.*", "request"]
        assert made not in browser.get("/me").text
        assert browser.submit(f"/me/tokens/{public}/revoke").headers["Location"] == "/me?done=token-revoked"
        assert browser.get("/api/v1/me", headers={"Authorization": f"Bearer mesh_{made}"}).status_code == 401
        assert browser.submit("/me/tokens/ffffffffff/revoke").status_code == 404


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"scope": "read", "days": "0"}, "days"),
        ({"scope": "read", "days": "many"}, "days"),
        ({"scope": "root", "days": "1"}, "do more than the one that makes it"),
        ({"scope": "read", "days": "1", "label": "x" * 201}, "label"),
        ({"narrow": "read:../..", "days": "1"}, "is no scope"),
    ],
)
def test_what_a_form_gets_wrong_is_told_on_its_page(kept_portal: Portal, fields: dict[str, str], says: str) -> None:
    with kept_portal.browser(kept_portal.mesh.token("ana")) as browser:
        answer = browser.submit("/me/tokens", **fields)
        assert 400 <= answer.status_code < 500
        assert "No token was made" in answer.text
        assert says in answer.text
