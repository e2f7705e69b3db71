"""A real browser, Debian's chromium through Playwright, on a real server over the shipped products."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from platform_resources.access import Access
from platform_resources.serving import create_app
from tests.serving.conftest import run_server
from tests.shipped import ShippedMesh, make_shipped

_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
_SERIOUS = {"serious", "critical"}


@dataclass
class Portal:
    """`url` has no slash at its end; `complaints` are what the console and the network said in all pages."""

    url: str
    mesh: ShippedMesh
    browser: Browser
    complaints: list[str] = field(default_factory=list)

    def page(self, stack: ExitStack, persona: str | None = None, **options: object) -> Page:
        """A page of a browser profile of its own, signed in as a demo persona."""
        context: BrowserContext = self.browser.new_context(**options)
        stack.callback(context.close)
        page = context.new_page()
        page.on("console", lambda message: self._heard(message.type, message.text, page))
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        if persona is not None:
            self.sign_in(page, persona)
        return page

    def _heard(self, kind: str, text: str, page: Page) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(f"{page.url}: {text}")

    def sign_in(self, page: Page, persona: str) -> None:
        page.goto(f"{self.url}/sign-in")
        page.get_by_role("textbox", name="Token").fill(self.mesh.token(persona))
        page.get_by_role("button", name="Sign in with the token").click()
        page.wait_for_url(f"{self.url}/**")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("chromium is not installed; `apt-get install chromium`")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=list(_FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def portal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    mesh = make_shipped(tmp_path_factory.mktemp("shipped"))
    with Access(mesh.settings) as access, run_server(create_app(mesh.settings, access=access)) as url:
        yield Portal(url, mesh, browser)


@pytest.fixture
def opened(portal: Portal) -> Iterator[Callable[..., Page]]:
    """`opened("analyst")`: a page signed in as a persona, closed after the test; its console must have been silent."""
    portal.complaints.clear()
    with ExitStack() as stack:
        yield lambda persona=None, **options: portal.page(stack, persona, **options)
    assert portal.complaints == []


def violations(page: Page) -> list[str]:
    """What axe-core finds that is serious or critical, in words."""
    found = Axe().run(page).response["violations"]
    return [
        f"{page.url} {item['id']}: {item['help']}: {[node['target'] for node in item['nodes']][:3]}"
        for item in found
        if item["impact"] in _SERIOUS
    ]
