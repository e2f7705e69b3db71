"""What somebody new meets first: choices that narrow, small pictures, rows to look at, the next step to take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest

from tests.portal.conftest import Browser, Portal

CUSTOMERS = "/products/crm/customer_360"


@pytest.fixture
def analyst(shipped_portal: Portal) -> Iterator[Browser]:
    with shipped_portal.browser(shipped_portal.mesh.token("analyst")) as browser:
        yield browser


def words(text: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_a_facet_that_narrows_nothing_is_not_offered(analyst: Browser) -> None:
    page = analyst.get("/search").text
    assert 'id="facet-domain"' in page
    assert 'id="facet-status"' not in page, "every product is active"
    owners, teams = (re.search(rf'aria-labelledby="facet-{name}">(.*?)</ul>', page, re.DOTALL) for name in OWNERS)
    assert "@" in words(owners[1])  # type: ignore[index]
    assert "@" not in words(teams[1])  # type: ignore[index]
    assert not re.search(r"\b1 products", words(page))
    narrowed = analyst.get("/search", params={"status": "active"}).text
    assert 'id="facet-status"' in narrowed, "what was chosen can be taken away"


OWNERS = ("owner", "team")


def test_the_lineage_of_a_port_begins_with_all_columns(analyst: Browser) -> None:
    page = analyst.get(f"{CUSTOMERS}/lineage?port=v1&column=").text
    assert re.search(r'<select id="column"[^>]*><option value="">all columns</option>', page)
    assert 'class="cell' not in page, "columns are no part of the picture of ports"
    assert "/lineage?port=v1&amp;column=household_id" in page


def test_what_a_domain_ingests_stands_in_the_picture_of_ports(analyst: Browser) -> None:
    for page in ("", "/lineage?port=v1"):
        levels = analyst.get(f"/products/inventory/inventory_levels{page}").text
        assert "2 feeds (inventory.internal.stock_movements, inventory.internal.stock_policies)" in levels
        assert "inventory · feed" in levels
        assert "/products/inventory/internal" not in levels


def test_the_lineage_of_a_column_tells_values_from_what_decides(analyst: Browser) -> None:
    page = analyst.get("/products/finance/revenue/lineage?column=net_revenue").text
    assert "finance.revenue.v1.net_revenue is made of 1 column." in page
    assert "<h3>Values that flow</h3>" in page
    assert "<h3>What only decides" not in page


def test_the_first_rows_are_shown_as_the_reader_sees_them_and_audited(analyst: Browser, shipped_portal: Portal) -> None:
    product = analyst.get(CUSTOMERS).text
    (link,) = re.findall(r'href="([^"]+/rows\?[^"]+)"', product)
    page = analyst.get(unescape(link))
    assert page.status_code == 200
    assert page.text.count("<tr>") == 1 + 10
    assert "10 rows of 20 of publication #1" in words(page.text)
    assert "masked" in words(page.text)
    assert "CANARY" not in page.text
    newest, *_ = shipped_portal.access.audit.entries(kind="read", port="crm.customer_360.v1")
    assert (newest.actor, newest.record["door"]) == ("analyst", "portal")


def test_rows_are_for_who_holds_a_grant(shipped_portal: Portal) -> None:
    with shipped_portal.browser(shipped_portal.mesh.token("service-desk")) as desk:
        refused = desk.get("/products/finance/revenue/rows")
        assert refused.status_code == 403
        assert "<td>" not in refused.text
        assert "first 10 rows" not in desk.get("/products/finance/revenue").text


def test_examples_read_what_the_reader_gets_in_clear(analyst: Browser) -> None:
    page = analyst.get(CUSTOMERS).text
    shown = unescape(re.search(r"mesh query.*?select (.*?) from", page, re.DOTALL)[1])  # type: ignore[index]
    names = shown.split(", ")
    assert names[0] == "household_id"
    masked = [name for name in names if re.search(rf'id="column-{name}".*?</tr>', page, re.DOTALL)[0].count(">masked<")]
    assert masked == []
