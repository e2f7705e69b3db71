"""Who reads some rows only is told nowhere in the portal, and by no tool, how many there are in all."""

from __future__ import annotations

import re
from contextlib import closing
from html import unescape

from platform_resources.catalog.view import CatalogView
from tests.mcp.agents import Agent, server_for
from tests.portal.conftest import Portal

PAGE = "/products/shop/customers"


def test_rows_that_a_filter_hides_are_counted_on_no_page_and_by_no_tool(portal: Portal) -> None:
    portal.mesh.publish()
    pages = (PAGE, f"{PAGE}/publications", f"{PAGE}/publications/diff?from=1&to=2")
    cell = re.compile(r"(?<![\d.#:])40(?![\d.:%])")
    with closing(CatalogView(portal.mesh.settings, portal.access.guard.lakes, portal.access.control)) as view:
        for who, is_told in (("ana", True), ("reggie", False)):
            token = portal.mesh.token(who)
            with portal.browser(token) as browser:
                for page in pages:
                    text = browser.get(page).text
                    words = " ".join(unescape(re.sub(r"<[^>]+>", " ", text.partition("<main")[2])).split())
                    assert bool(cell.search(words)) == is_told, (who, page)
            agent = Agent(server_for(portal.access, view, token))
            served = agent.answer("get_product", product="shop.customers")["port"]["served"]
            recent = agent.answer("get_quality", product="shop.customers")["recent"]
            assert [served["rows"], *(one["rows"] for one in recent)] == [40 if is_told else None] * 3
