"""Signing in and out: what a session is, when it ends, and what nobody gets by trying."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from urllib.parse import quote

import pytest
from sqlalchemy import select, update

from platform_resources.access.callers.identities import set_enabled
from platform_resources.access.callers.tokens import revoke_token
from platform_resources.control.tables import audit, sessions
from platform_resources.lake import utc_now
from platform_resources.serving.limits import ApiLimits
from platform_resources.serving.portal.site import local_path
from tests.guarded import make_mesh
from tests.portal.conftest import Portal, run_portal

PAGES = (
    "/",
    "/search",
    "/domains",
    "/domains/shop",
    "/glossary",
    "/glossary/compare",
    "/me",
    "/products/shop/customers",
)
ELSEWHERE = (
    "https://evil.example/",
    "//evil.example/me",
    "///evil.example",
    "/\\evil.example",
    "/%5cevil.example",
    "/%2f/evil.example",
    "/\tevil.example",
    "/me\r\nSet-Cookie: a=b",
    "/me%0d%0aSet-Cookie:%20a=b",
    "javascript:alert(1)",
    "data:text/html,x",
    "me",
    "/api/v1/products",
    "/sign-out",
    "/" + "a" * 3000,
    "/\u2028evil",
    "",
)


def test_who_is_not_signed_in_sees_no_page_and_comes_back_to_the_one_it_wanted(kept_portal: Portal) -> None:
    with kept_portal.browser() as browser:
        for path in PAGES:
            answer = browser.get(path)
            assert answer.status_code == 303
            then = "" if path == "/" else f"?next={path}"
            assert answer.headers["Location"] == f"/sign-in{then}"
        assert browser.get("/search?q=a b&tag=x").headers["Location"] == "/sign-in?next=/search%3Fq%3Da%2520b%26tag%3Dx"
        assert "Sign in" in browser.get("/sign-in").text
        signed_in = browser.sign_in(kept_portal.mesh.token("ana"), next="/search?q=a b&tag=x")
        assert signed_in.headers["Location"] == "/search?q=a%20b&tag=x"
        assert browser.get("/me").status_code == 200
        assert browser.get("/sign-in?next=/me").headers["Location"] == "/me"


def test_a_session_is_a_cookie_for_pages_only_and_the_database_has_its_digest(portal: Portal) -> None:
    with portal.browser() as browser:
        answer = browser.sign_in(portal.mesh.token("ana"))
        told = answer.headers["Set-Cookie"]
        assert all(part in told for part in ("mesh-session=", "HttpOnly", "SameSite=lax", "Path=/", "Max-Age="))
        secret = browser.cookies["mesh-session"]
        assert browser.get("/me").status_code == 200
        assert browser.get("/api/v1/me").status_code == 401
        assert browser.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
        with portal.access.control.reading() as connection:
            (row,) = connection.execute(select(sessions)).mappings()
        assert row["digest"] == hashlib.sha256(secret.encode()).hexdigest()
        assert secret not in str(dict(row))
        assert browser.csrf() != secret
        page = browser.get("/me")
        assert secret not in page.text
        assert page.headers["Cache-Control"] == "no-store"


def test_under_https_the_cookie_is_bound_to_the_host(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MESH_PUBLIC_URL", "https://mesh.retailer.example")
    mesh = make_mesh(tmp_path)
    with run_portal(mesh.settings, mesh, personas=False) as portal, portal.browser() as browser:
        body, public = {"token": mesh.token("ana")}, {"Origin": "https://mesh.retailer.example"}
        host = {"Host": "mesh.retailer.example"}
        told = browser.post("/sign-in", data=body, headers=public | host).headers["Set-Cookie"]
        assert told.startswith("__Host-mesh-session=")
        assert "Secure" in told
        assert "Domain" not in told
        rebound = {"Host": "evil.example", "Origin": "http://evil.example"}
        assert browser.post("/sign-in", data=body, headers=rebound).status_code == 403
    mesh.access.close()


@pytest.mark.parametrize("end", ["revoked", "disabled", "expired", "signed out"])
def test_a_session_ends_with_what_it_stands_on(portal: Portal, end: str) -> None:
    token = portal.mesh.token("ana")
    control, log = portal.mesh.access.control, portal.mesh.access.audit
    with portal.browser(token) as browser:
        assert browser.get("/me").status_code == 200
        kept = browser.cookies["mesh-session"]
        if end == "revoked":
            revoke_token(control, log, token.split("_")[1], "tests")
        elif end == "disabled":
            set_enabled(control, log, "ana", False, "tests")
        elif end == "expired":
            with control.writing() as connection:
                connection.execute(update(sessions).values(expires_at=utc_now() - timedelta(seconds=1)))
        else:
            answer = browser.submit("/sign-out")
            assert answer.headers["Location"] == "/sign-in?done=signed-out"
            assert "Max-Age=0" in answer.headers["Set-Cookie"]
            assert "You are signed out" in browser.get("/sign-in?done=signed-out").text
            browser.cookies.set("mesh-session", kept)  # a thief has it still
        answer = browser.get("/me")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?next=/me")


def test_a_session_never_outlasts_its_token(kept_portal: Portal) -> None:
    with kept_portal.browser() as browser:
        for lasts, most in ((timedelta(minutes=30), 1800), (timedelta(days=30), 12 * 3600)):
            told = browser.sign_in(kept_portal.mesh.token("ana", lasts=lasts)).headers["Set-Cookie"]
            age = int(told.partition("Max-Age=")[2].partition(";")[0])
            assert most - 60 < age <= most


def test_a_session_may_what_its_token_may(kept_portal: Portal) -> None:
    with kept_portal.browser(kept_portal.mesh.token("ana", scopes=["request"])) as browser:
        answer = browser.submit("/me/tokens", scope="read", days="1")
        assert answer.status_code == 403
        assert "No token was made" in answer.text


def test_who_signs_in_anew_ends_the_session_before_and_both_are_on_record(portal: Portal) -> None:
    with portal.browser(portal.mesh.token("ana")) as browser:
        before = browser.cookies["mesh-session"]
        browser.sign_in(portal.mesh.token("nobody"))
        assert "Nobody" in browser.get("/me").text
        browser.cookies.clear()
        browser.cookies.set("mesh-session", before)
        assert browser.get("/me").status_code == 303
        with portal.access.control.reading() as connection:
            kinds = [(row.kind, row.actor) for row in connection.execute(select(audit).order_by(audit.c.sequence))]
        assert [item for item in kinds if item[0].startswith("signed")] == [
            *(("signed-in", "ana"), ("signed-out", "ana"), ("signed-in", "nobody"))
        ]


def test_a_token_that_does_not_hold_is_told_alike_and_only_some_times(tmp_path) -> None:
    mesh = make_mesh(tmp_path)
    good = mesh.token("ana")
    wrong = [good[:-1] + ("A" if good[-1] != "A" else "B"), "mesh_0000000000_" + "a" * 43, "x", " ", "é" * 20]
    limits = ApiLimits(failures_per_minute=len(wrong))
    with run_portal(mesh.settings, mesh, personas=False, limits=limits) as portal, portal.browser() as browser:
        answers = [browser.sign_in(token) for token in wrong]
        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.text for answer in answers}) == 1
        assert not browser.cookies
        over = browser.sign_in("x")
        assert over.status_code == 429
        assert int(over.headers["Retry-After"]) > 0
        assert "Too many requests" in over.text
    mesh.access.close()


def test_a_token_in_an_address_is_refused(kept_portal: Portal) -> None:
    token = kept_portal.mesh.token("ana")
    with kept_portal.browser() as browser:
        for path in (f"/sign-in?token={token}", f"/?q={token}"):
            answer = browser.get(path)
            assert answer.status_code == 400
            assert "holds a token" in answer.text
            assert token not in answer.text
        for shown in (
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x",
            "Bearer%20eyJhbGciOiJIUzI1NiJ9.eyJzdWIi",
            "a.eyJ-_34567890.eyJ",
        ):
            assert browser.get(f"/sign-in?x={shown}").status_code == 400
        for other in ("eyJ.eyJ", "eyJ1.eyJ", "eyJ" * 5000, "eyJ1234567890%2EeyJ", "eyJ1234567890.ey"):
            assert browser.get(f"/sign-in?x={other}").status_code == 200


@pytest.mark.parametrize("there", ELSEWHERE)
def test_after_signing_in_nobody_is_sent_elsewhere(there: str) -> None:
    assert local_path(there) == "/"


def test_nobody_is_sent_elsewhere_by_the_server_either(kept_portal: Portal) -> None:
    token = kept_portal.mesh.token("ana")
    with kept_portal.browser() as browser:
        for there in ELSEWHERE:
            browser.cookies.clear()
            page = browser.get(f"/sign-in?next={quote(there[:500], safe='')}")
            assert '<input type="hidden" name="next" value="/">' in page.text
            answer = browser.sign_in(token, next=there)
            assert answer.headers["Location"] == "/"
            assert set(browser.cookies) == {"mesh-session"}
            assert browser.get(f"/sign-in?next={quote(there[:500], safe='')}").headers["Location"] == "/"


def test_of_many_sessions_the_oldest_ends(kept_portal: Portal, monkeypatch) -> None:
    monkeypatch.setattr("platform_resources.access.callers.sessions.MOST", 2)
    token = kept_portal.mesh.token("reggie")
    with (
        kept_portal.browser(token) as first,
        kept_portal.browser(token) as second,
        kept_portal.browser(token) as third,
    ):
        assert [browser.get("/me").status_code for browser in (first, second, third)] == [303, 200, 200]


def test_words_of_an_address_never_become_a_notice(kept_portal: Portal) -> None:
    with kept_portal.browser(kept_portal.mesh.token("ana")) as browser:
        page = browser.get("/me?done=You+won+a+prize")
        assert "prize" not in page.text
