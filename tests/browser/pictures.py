"""Take the pictures of `docs/images/portal-*.png` anew, of a served demo.

    python -m tests.browser.pictures URL [--home .mesh]

They are of the demo's analyst, but that of a request, which its approver sees: it is asked for first.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
OWNER = "maria.keller@retailer.example"
HEIGHT = 900
# Name -> address, and height of the picture.
PAGES: dict[str, tuple[str, int]] = {
    "home": ("/", HEIGHT),
    "search": ("/search?q=client+value", HEIGHT),
    "product": ("/products/crm/customer_360", 1500),
    "lineage": ("/products/sales/bookings/lineage?column=net_sales", HEIGHT),
    "domain": ("/domains/crm", HEIGHT),
    "term": ("/glossary/finance/revenue", 1250),
    "fitness": ("/fitness?terms=client+id&dimensions=completeness+98&purpose=analytics", 1200),
    "council": ("/council", 1200),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.pictures", description=__doc__)
    parser.add_argument("url", help="of the portal, as http://127.0.0.1:8080")
    parser.add_argument("--home", type=Path, default=Path(".mesh"), help="of the mesh, where the personas' tokens lie")
    asked = parser.parse_args()
    url, home = asked.url.rstrip("/"), asked.home
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        analyst = signed_in(browser, url, home, "analyst")
        for name, (address, height) in PAGES.items():
            analyst.set_viewport_size({"width": 1280, "height": height})
            analyst.goto(url + address)
            analyst.screenshot(path=IMAGES / f"portal-{name}.png")
        analyst.goto(f"{url}/products/crm/customer_360")
        analyst.locator("#quality").screenshot(path=IMAGES / "portal-quality.png")
        analyst.goto(f"{url}/access/request?port=crm.customer_360.v1")
        analyst.get_by_role("radio", name="customer_360_gdpr_reader").check()
        analyst.get_by_label("Reason").fill("Which households complained in October, and of what.")
        analyst.get_by_role("button", name="Ask for access").click()
        made = analyst.url
        owner = signed_in(browser, url, home, OWNER)
        owner.goto(made.partition("?")[0])
        owner.screenshot(path=IMAGES / "portal-request.png")
        phone = signed_in(browser, url, home, "analyst", viewport={"width": 390, "height": 844}, color_scheme="dark")
        phone.goto(f"{url}/products/finance/revenue")
        phone.screenshot(path=IMAGES / "portal-phone.png")
        browser.close()


def signed_in(browser: Browser, url: str, home: Path, persona: str, **options: object) -> Page:
    page = browser.new_context(**{"viewport": {"width": 1280, "height": HEIGHT}, **options}).new_page()
    page.goto(f"{url}/sign-in")
    page.get_by_role("textbox", name="Token").fill((home / "personas" / f"{persona}.token").read_text().strip())
    page.get_by_role("button", name="Sign in with the token").click()
    page.wait_for_url(f"{url}/")
    return page


if __name__ == "__main__":
    main()
