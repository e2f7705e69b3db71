"""A port that was taken down is retired wherever it is told of, though its documents still call it active."""

from __future__ import annotations

from contextlib import closing

from platform_resources.catalog.view import CatalogView
from platform_resources.lake import connect, retire, utc_now
from tests.cli.quick import QuickMesh
from tests.guarded import CUSTOMERS
from tests.mcp.agents import Agent, server_for
from tests.portal.conftest import Portal

BADGE = '<span class="badge bad">retired</span>'


def test_a_retired_port_is_called_so_everywhere(portal: Portal) -> None:
    settings, token = portal.mesh.settings, portal.mesh.token("ana", scopes=("read", "request"))
    with portal.browser(token) as browser:
        browser.headers["Authorization"] = f"Bearer {token}"
        ports = "/api/v1/products/shop/customers"
        assert browser.get(f"{ports}/v1").json()["lifecycle"] == "active"
        with connect(settings, own="shop") as con:
            retire(con, settings, port=CUSTOMERS, run_id="end", now=utc_now(), reason="The shop is closed.")
        assert browser.get(f"{ports}/v1").json()["lifecycle"] == "retired"
        assert browser.get(ports).json()["ports"][0]["lifecycle"] == "retired"
        assert len(browser.get("/api/v1/products?status=retired").json()["products"]) == 1
        assert not browser.get("/api/v1/products?status=active").json()["products"]
        (hit,) = browser.get("/api/v1/search?q=customers").json()["hits"]
        assert hit["status"] == "retired"
        (fit,) = browser.post("/api/v1/fitness", json={}).json()["fits"]
        assert (fit["verdict"], fit["evidence"][0]["promised"]) == ("no", "retired")
        for page in ("/products/shop/customers", "/domains/shop", "/search?q=customers"):
            assert BADGE in browser.get(page).text, page
    (state,) = QuickMesh(settings.project, settings.home)("status", "--json").json["products"]
    assert (state["status"], state["lifecycle"]["state"]) == ("retired", "retired")
    with closing(CatalogView(settings, portal.access.guard.lakes, portal.access.control)) as view:
        told = Agent(server_for(portal.access, view, token)).answer("get_product", product="shop.customers")
    assert (told["port"]["lifecycle"], told["product"]["ports"][0]["lifecycle"]) == ("retired", "retired")
