"""The pages of access: ask, decide, end, by the forms that a browser sends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, closing
from html import unescape
from pathlib import Path

import pytest

from platform_resources.access import Identity
from platform_resources.access.requests.rows import add_request
from platform_resources.catalog.view import CatalogView
from platform_resources.lake import utc_now
from platform_resources.serving.portal.access_views import AccessViews
from platform_resources.serving.readers import Reader
from tests.cli.quick import QuickMesh
from tests.guarded import make_mesh
from tests.mcp.agents import Agent, server_for
from tests.portal.conftest import Browser, Portal
from tests.work import statements_of

PORT = "shop.customers.v1"
FORM = f"/access/request?port={PORT}"
OWNER, PRIVACY = "shop@retailer.example", "privacy@retailer.example"


@pytest.fixture
def people(kept_portal: Portal, request: pytest.FixtureRequest) -> Iterator[dict[str, Browser]]:
    """A browser for each: pat, another one for each test, asks; the owner and the privacy office decide."""
    mesh = kept_portal.mesh
    asker = f"pat-{request.node.name[5:40].replace('_', '-')}@retailer.example"
    with ExitStack() as stack:
        found: dict[str, Browser] = {}
        for id_, scopes in ((asker, ("read", "request")), (OWNER, ("read", "approve")), (PRIVACY, ("read", "approve"))):
            mesh.identity(Identity(id_, "person", id_, clearances=frozenset({"gdpr"}), purpose="customer_service"))
            found["pat" if id_ == asker else id_] = stack.enter_context(
                kept_portal.browser(mesh.token(id_, scopes=scopes))
            )
        yield found


def words(text: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


def ask(browser: Browser, **fields: object):
    filled = {
        **{"port": PORT, "role": "customers_gdpr_reader", "purpose": "customer_service", "days": "30"},
        **{"reason": "Calls customers back", "which": "all"},
    }
    return browser.submit("/access/requests", FORM, **filled | fields)


def test_asked_approved_twice_and_read(people: dict[str, Browser]) -> None:
    pat, owner, privacy = people["pat"], people[OWNER], people[PRIVACY]
    assert "Ask for access" in pat.get("/products/shop/customers").text

    asked = ask(pat, reason="Calls <b>customers</b> back")
    assert asked.status_code == 303, words(asked.text)
    request = asked.headers["location"].partition("?")[0]
    assert f"waits for {OWNER}" in words(pat.get(request).text)
    assert "Nothing waits for your decision" in words(people[PRIVACY].get("/access").text)

    inbox = owner.get("/access").text
    assert "Calls &lt;b&gt;customers&lt;/b&gt; back" in inbox
    told = words(inbox)
    assert "Clearances: gdpr" in told
    assert "Opens in clear email personal" in told
    assert "level 1 of 2 is open" in told

    first = owner.submit(f"{request}/approve", request, conditions="On the phone only", comment="Fine")
    assert f"Approved. It waits for {PRIVACY} now." in words(owner.get(first.headers["location"]).text)
    assert "On condition: On the phone only" in words(pat.get(request).text)
    second = privacy.submit(f"{request}/approve", request)
    assert "access holds from now on" in words(privacy.get(second.headers["location"]).text)
    assert "granted for 30 days" in words(pat.get(request).text)
    product = words(pat.get("/products/shop/customers").text)
    assert "You read it as customers_gdpr_reader for customer_service" in product
    assert "On the phone only" in product
    assert PORT in words(pat.get("/access").text)


def test_what_is_wrong_is_told_at_its_field_and_what_was_written_stays(people: dict[str, Browser]) -> None:
    answer = ask(
        people["pat"], reason="", days="9999", purpose="", role="customers_reader", which="some", column=["region"]
    )
    assert answer.status_code == 422
    text = answer.text
    for name in ("reason", "days", "purpose"):
        assert f'id="{name}-error"' in text
        assert re.search(rf'id="{name}"[^>]*aria-invalid="true"', text), name
    assert 'id="role-error"' not in text
    assert re.search(r'value="customers_reader" checked', text)
    assert re.search(r'value="region" checked', text)
    assert 'value="9999"' in text
    for days in ("9" * 5000, "0" * 5000 + "9", "-1", "1.5", "\u0664"):
        wrong = ask(people["pat"], days=days)
        assert (wrong.status_code, 'id="days-error"' in wrong.text) == (422, True)
    for hidden in ("\u202e", "\x1b[31m", "\u200b", "\U000e0041", "\x85"):
        wrong = ask(people["pat"], reason=f"For the {hidden}report")
        assert (wrong.status_code, 'id="reason-error"' in wrong.text) == (422, True)
        assert f"U+{ord(hidden[0]):04X}" in wrong.text
    wrong = ask(people["pat"], role="customers_gdpr_reader", purpose="analytics")
    assert "is not for that; it is for customer_service" in words(wrong.text)
    other = ask(people["pat"], consumer="team:nobody")
    assert "you can't ask in the name of team:nobody" in words(other.text)


def test_the_same_is_not_asked_twice(people: dict[str, Browser]) -> None:
    first = ask(people["pat"])
    again = ask(people["pat"])
    assert again.status_code == 422
    assert first.headers["location"].partition("?")[0] in again.text
    assert "Calls customers back" in again.text


def test_withdrawn_denied_revoked(people: dict[str, Browser]) -> None:
    pat, owner = people["pat"], people[OWNER]
    request = ask(pat).headers["location"].partition("?")[0]
    assert pat.submit(f"{request}/withdraw", request).headers["location"] == f"{request}?done=withdrawn"
    late = owner.submit(f"{request}/approve", request)
    assert (late.status_code, "was withdrawn already" in words(late.text)) == (409, True)

    request = ask(pat).headers["location"].partition("?")[0]
    denied = owner.submit(f"{request}/deny", request, comment="Ask again in June")
    assert "with your comment" in words(owner.get(denied.headers["location"]).text)
    assert "Ask again in June" in words(pat.get(request).text)

    request = ask(pat).headers["location"].partition("?")[0]
    denied = owner.submit(f"{request}/deny", request)
    assert "told so, without a reason" in words(owner.get(denied.headers["location"]).text)

    request = ask(pat, role="customers_reader").headers["location"].partition("?")[0]
    owner.submit(f"{request}/approve", request)
    (grant,) = re.findall(r"grants/(\d+)/revoke(?=(?:(?!<tr>).)*)", pat.get("/access").text)
    assert owner.submit(f"/access/grants/{grant}/revoke", "/access").status_code == 422
    assert owner.submit(f"/access/grants/{grant}/revoke", "/access", reason="Over").status_code == 303
    assert "You hold no grant" in words(pat.get("/access").text)


def test_what_nobody_may_decide_on_is_refused_at_every_door(kept_portal: Portal) -> None:
    """The owner is the only approver, and nobody decides on an own request."""
    mesh = kept_portal.mesh
    mesh.identity(Identity(OWNER, "person", OWNER, clearances=frozenset({"gdpr"}), purpose="customer_service"))
    token, settings = mesh.token(OWNER, scopes=("read", "request", "approve")), mesh.settings
    asked = {"role": "customers_reader", "purpose": "customer_service", "reason": "To see what readers see"}
    with (
        kept_portal.browser(token) as owner,
        closing(CatalogView(settings, kept_portal.access.guard.lakes, kept_portal.access.control)) as view,
    ):
        assert words(owner.get(FORM).text).count("nobody may decide when you ask") == 3, "said at each role"
        refused = ask(owner, **asked)
        assert refused.status_code == 422
        headers = {"Authorization": f"Bearer {token}"}
        answer = owner.post("/api/v1/access/requests", json={"port": PORT, **asked}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        options = [part for name, value in asked.items() for part in (f"--{name}", value)]
        command = QuickMesh(settings.project, settings.home)("access", "request", PORT, *options, MESH_TOKEN=token)
        assert command.code == 1
        agent = Agent(server_for(kept_portal.access, view, token)).refusal("request_access", product=PORT, **asked)
        for told in (words(refused.text), answer.text, words(command.err), agent):
            assert "has nobody who may give its first approval" in told
            assert "firstLevelApprovers of customers_reader" in told
        assert "You have asked for nothing yet" in words(owner.get("/access").text)


def test_nobody_acts_by_a_form_of_somebody_else(people: dict[str, Browser], kept_portal: Portal) -> None:
    pat, owner = people["pat"], people[OWNER]
    request = ask(pat).headers["location"].partition("?")[0]
    for act in ("approve", "deny", "withdraw"):
        forged = owner.post(f"{request}/{act}", data={"csrf": "0" * 64}, headers={"Origin": owner.origin})
        assert forged.status_code == 403
        elsewhere = owner.post(
            f"{request}/{act}", data={"csrf": owner.csrf()}, headers={"Origin": "https://evil.example"}
        )
        assert elsewhere.status_code == 403
    assert pat.submit(f"{request}/approve").status_code == 403  # its own
    with kept_portal.browser(kept_portal.mesh.token("ana")) as stranger:
        assert stranger.get(request).status_code == 404
        assert stranger.submit(f"{request}/approve").status_code in (403, 404)
    assert "waits for" in words(pat.get(request).text)


def test_what_can_not_be_asked_for_is_no_form(people: dict[str, Browser]) -> None:
    assert people["pat"].get("/access/request?port=shop.nothing.v1").status_code == 404
    assert people["pat"].get("/access/request?port=<script>").status_code == 404
    assert people["pat"].get("/access/request").status_code == 422
    assert people["pat"].get("/access/requests/99").status_code == 404


def test_a_role_that_opens_nothing_says_so_before_and_after(kept_portal: Portal) -> None:
    mesh, pia = kept_portal.mesh, "pia-without-clearance@retailer.example"
    mesh.identity(Identity(pia, "person", "Pia", purpose="customer_service"))
    for id_ in (OWNER, PRIVACY):
        mesh.identity(Identity(id_, "person", id_, clearances=frozenset({"gdpr"}), purpose="customer_service"))
    tokens = {id_: mesh.token(id_, scopes=("read", "request", "approve")) for id_ in (pia, OWNER, PRIVACY)}
    with ExitStack() as stack:
        asker, owner, privacy = (stack.enter_context(kept_portal.browser(tokens[id_])) for id_ in (pia, OWNER, PRIVACY))
        form = words(asker.get(FORM).text)
        assert "for customer_service : email" in form
        assert "You don't hold the clearance gdpr" in form

        request = ask(asker).headers["location"].partition("?")[0]
        product = asker.get("/products/shop/customers").text
        assert f"it waits for {OWNER}" in words(product)
        assert product.count(f'href="{request}"') >= 2, "at the top, and at the role"
        assert "Ask for access as customers_gdpr_reader" not in words(product)
        assert "Ask for access as customers_reader" in words(product)

        for who in (owner, privacy):
            assert who.submit(f"{request}/approve", request).status_code == 303
        for path in (request, "/access", "/products/shop/customers"):
            told = words(asker.get(path).text)
            assert "opens nothing" in told, path
            assert "administrators give clearances" in told, path
        assert "Ask for another role" in words(asker.get("/products/shop/customers").text)


def test_what_is_asked_elsewhere_makes_no_page_of_a_product_slower(tmp_path: Path) -> None:
    """Counted in statements: each request that is told is looked at with its approvers and who is behind it."""
    mesh = make_mesh(tmp_path)
    mesh.identity(Identity("ben", "person", "Ben", purpose="analytics"))
    mesh.identity(Identity("bot", "agent", "Bot", responsible="ben", purpose="analytics"))
    told = {"purpose": "analytics", "reason": "Wonders.", "days": 30, "columns": None, "role": "customers_reader"}
    values = {**told, "consumer": "bot", "requested_by": "bot", "requested_at": utc_now()}

    def asked_in_all(*ports: str) -> int:
        with mesh.access.control.writing() as connection:
            for port in ports:
                add_request(connection, {**values, "port": port})
        with statements_of(mesh.access.control) as counted:
            assert [item.port for item in pages.pending(PORT)] == [PORT]
        return len(counted)

    with mesh.access, closing(CatalogView(mesh.settings)) as view:
        pages = AccessViews(Reader(mesh.caller("ben"), mesh.access, view))
        assert asked_in_all(PORT) == asked_in_all("shop.customers.v2", "shop.customers.v3")
