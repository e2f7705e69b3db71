"""The portal as people use it, in a real browser: find, ask, decide, read; by mouse, by keyboard, on a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from platform_resources.access import Access, Identity
from platform_resources.access.callers.identities import save_identity
from platform_resources.access.callers.tokens import create_token
from tests.browser.conftest import Portal, violations

Open = Callable[..., Page]

OWNER = "maria.keller@retailer.example"
PAGES = (
    "/",
    "/search?q=revenue",
    "/search?q=custmer+valu",
    "/products/crm/customer_360",
    "/products/finance/revenue/lineage?column=net_revenue",
    "/products/crm/customer_360/publications",
    "/products/crm/customer_360/publications/diff?from=1&to=3",
    "/domains",
    "/domains/crm",
    "/glossary",
    "/glossary/finance/revenue",
    "/glossary/compare?one=finance.revenue&other=sales.bookings",
    "/fitness?max_age=PT30M&dimensions=completeness+90",
    "/access",
    "/access/request?port=crm.customer_360.v1",
    "/council",
    "/me",
)


def test_find_ask_decide_and_read(portal: Portal, opened: Open) -> None:
    """Somebody new finds a product, asks for it, its owner approves, and the same person reads it, masked."""
    with Access(portal.mesh.settings) as access:
        save_identity(access.control, Identity("nina@retailer.example", "person", "Nina New", purpose="analytics"))
        token = create_token(access.control, "nina@retailer.example", created_by="test", scopes=("read", "request"))
    nina = opened()
    nina.goto(f"{portal.url}/products/crm/customer_360")  # leads to the sign-in page, and back
    nina.get_by_role("textbox", name="Token").fill(token)
    nina.get_by_role("button", name="Sign in with the token").click()
    expect(nina.get_by_role("heading", level=1)).to_have_text("Customer 360")

    nina.goto(portal.url)
    nina.get_by_role("searchbox").fill("who are our custmers")
    nina.keyboard.press("Enter")
    nina.get_by_role("link", name="Customer 360", exact=True).first.click()
    nina.get_by_role("link", name="Ask for access").first.click()
    nina.get_by_label("Reason").fill("Which households lapse, for the spring campaign.")
    nina.get_by_role("button", name="Ask for access").click()
    expect(nina.locator("main")).to_contain_text("waits")

    maria = opened(OWNER)
    maria.goto(portal.url)
    maria.get_by_role("link", name="nina@retailer.example asks for crm.customer_360.v1").click()
    maria.get_by_role("button", name="Approve").first.click()
    expect(maria.get_by_role("main")).to_contain_text("approved")

    nina.goto(f"{portal.url}/products/crm/customer_360")
    expect(nina.get_by_role("main")).to_contain_text("you read it")
    expect(nina.get_by_role("main")).not_to_contain_text("CANARY")


def test_the_masked_and_the_cleared_reader_side_by_side(portal: Portal, opened: Open) -> None:
    def column(who: str) -> str:
        page = opened(who)
        page.goto(f"{portal.url}/products/crm/customer_360")
        return page.locator("#columns tr", has=page.get_by_text("email", exact=True)).inner_text()

    assert "masked" in column("analyst").casefold()
    assert "in clear" in column("service-desk").casefold()


def test_by_keyboard_alone(portal: Portal, opened: Open) -> None:
    page = opened("analyst")
    page.goto(portal.url)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_contain_text("Skip")
    page.keyboard.press("Enter")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.locator(":focus").get_attribute("type") == "search":
            break
    page.keyboard.type("turnover")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=turnover*")
    wanted = f"{portal.url}/products/finance/revenue"
    for _ in range(60):
        page.keyboard.press("Tab")
        if (page.evaluate("document.activeElement.href") or "").split("?")[0] == wanted:
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none", "the focus can't be seen"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Revenue")


@pytest.mark.parametrize(
    ("scheme", "pages"), [("light", PAGES), ("dark", PAGES[1:5:2])], ids=["all pages, light", "two pages, dark"]
)
def test_pages_are_accessible(portal: Portal, opened: Open, scheme: str, pages: tuple[str, ...]) -> None:
    page = opened("analyst", viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    found = []
    for path in pages:
        answer = page.goto(portal.url + path)
        assert answer is not None
        assert answer.status == 200, path
        found += violations(page)
    assert found == []


def test_every_page_fits_a_phone(portal: Portal, opened: Open) -> None:
    page = opened("analyst", viewport={"width": 390, "height": 844})
    wide = []
    for path in PAGES:
        page.goto(portal.url + path)
        width = page.evaluate("document.scrollingElement.scrollWidth")
        if width > 390:
            wide.append(f"{path}: {width}")
    assert wide == []


def test_no_page_asks_another_server_for_anything(portal: Portal, opened: Open) -> None:
    page = opened("analyst")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in PAGES:
        page.goto(portal.url + path)
    assert [url for url in asked if not url.startswith((portal.url, "data:"))] == []


def test_it_works_without_javascript(portal: Portal, opened: Open) -> None:
    page = opened("analyst", java_script_enabled=False)
    page.goto(portal.url)
    page.get_by_role("searchbox").fill("stock")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Inventory levels").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("nventory levels")
