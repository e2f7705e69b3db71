"""The pages of a product, over the shipped ones: what each reader is shown, and that what is shown to copy works."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import redirect_stdout
from html import unescape
from io import StringIO
from typing import Any
from unittest.mock import patch

import httpx
import pytest

from platform_resources.lake import (
    PortAddress,
    connect,
    current_snapshot,
    publish,
    utc_now,
)
from platform_resources.lake.publications import newest_entry, promise_of
from platform_resources.lake.retirement import retire
from platform_resources.serving import create_app
from platform_resources.serving.limits import ApiLimits
from tests.cli.quick import QuickMesh
from tests.portal.conftest import Browser, Portal, run_portal
from tests.serving.conftest import run_server
from tests.shipped import ShippedMesh, hide, make_shipped

CUSTOMERS = "/products/crm/customer_360"
OWNER = "maria.keller@retailer.example"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """Three publications of each product, but: forecasts were never published, lifetime values are hidden, revenue is
    deprecated and shall be fresh in 99 % of the time, stock is retired, and two checks of customers failed.
    """
    mesh = make_shipped(tmp_path_factory.mktemp("mesh"))
    shutil.rmtree(mesh.settings.lake_folder("supply_chain"))
    hide(mesh, "crm.customer_lifetime_value")
    file = mesh.settings.domains / "finance" / "products" / "revenue" / "v1.odcs.yaml"
    text = file.read_text(encoding="utf-8").replace("status: active", "status: deprecated", 1)
    text = text.replace("slaProperties:\n", 'slaProperties:\n  - {property: endOfSupport, value: "2031-12-31"}\n', 1)
    objective = "    customProperties: [{property: objective, value: 99}]\n"
    file.write_text(text.replace("    value: PT30M\n", f"    value: PT30M\n{objective}", 1), encoding="utf-8")
    stock = PortAddress("inventory", "inventory_levels", 1)
    with connect(mesh.settings, own="inventory") as con:
        retire(con, mesh.settings, port=stock, run_id="r", now=utc_now(), reason="Counted <i>elsewhere</i>")
    _fail(mesh, {"age_is_a_band": ("error", 20), "email_is_not_shared": ("warning", 3)})
    with run_portal(mesh.settings, mesh) as running:
        yield running


def _fail(mesh: ShippedMesh, failing: dict[str, tuple[str, int]]) -> None:
    """Publish customers again, with an audit in which these checks failed."""
    port = PortAddress("crm", "customer_360", 1)
    with connect(mesh.settings, own="crm") as con:
        last = newest_entry(con, port)
        assert last is not None
        results = [
            {**item, "passed": False, "severity": failing[item["name"]][0], "failed_rows": failing[item["name"]][1]}
            if item["name"] in failing
            else item
            for item in last.audit["results"]
        ]
        publish(
            con,
            mesh.settings,
            port=port,
            table="customer_360",
            snapshot=current_snapshot(con, "crm"),
            columns=list(last.columns),
            promise=promise_of(con, port, last),
            audit={**last.audit, "results": results},
            score=87.5,
            row_count=last.row_count,
            data_as_of=utc_now(),
            run_id="f",
            now=utc_now(),
        )


def page(portal: Portal, who: str, path: str = CUSTOMERS, status: int = 200) -> str:
    with portal.browser(portal.mesh.token(who)) as browser:
        answer = browser.get(path)
    assert answer.status_code == status, answer.text
    return answer.text


def examples(text: str) -> list[str]:
    return [
        unescape(found)
        for found in re.findall(r'<div class="code"><pre[^>]*><code>(.*?)</code></pre>', text, re.DOTALL)
    ]


def words(text: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_who_may_read_it_is_shown_how_and_what_is_shown_works(portal: Portal) -> None:
    shown = page(portal, "analyst")
    token = portal.mesh.token("analyst")
    assert token not in shown
    python, sql, http, http_sql = examples(shown)

    with patch.dict(os.environ, {"MESH_TOKEN": token}), redirect_stdout(StringIO()) as printed:
        exec(python, {})
    assert "household_id" in printed.getvalue()

    settings = portal.mesh.settings
    command = shlex.split(sql)
    told = QuickMesh(settings.project, settings.home)(*command[1:], MESH_TOKEN=token)
    assert told.code == 0, told.err
    assert "household_id" in told.out

    rows = _curl(http, token)["data"]
    assert len(rows) == 10
    assert all("CANARY" not in str(value) for row in rows for value in row.values())
    assert _curl(http_sql, token)["data"] == rows or len(_curl(http_sql, token)["data"]) == 10


def _curl(command: str, token: str) -> dict[str, Any]:
    """What curl would answer."""
    parts = shlex.split(command.replace("$MESH_TOKEN", token))
    assert parts[0] == "curl"
    headers = dict(parts[i + 1].split(": ", 1) for i, part in enumerate(parts) if part == "-H")
    body = next((parts[i + 1] for i, part in enumerate(parts) if part == "-d"), None)
    with httpx.Client(trust_env=False, timeout=60) as client:
        method = "GET" if body is None else "POST"
        answer = client.request(method, parts[-1], headers=headers, content=body)
    assert answer.status_code == 200, answer.text
    return json.loads(answer.text)


def test_a_column_is_shown_as_its_reader_gets_it(portal: Portal) -> None:
    def of(who: str, column: str) -> str:
        found = re.search(rf'<tr id="column-{column}">.*?</tr>', page(portal, who), re.DOTALL)
        assert found is not None
        return words(found[0])

    assert "masked a part of each e-mail address; the clearance gdpr lifts it" in of("analyst", "email")
    assert "in clear" in of("service-desk", "email")
    assert "always empty" in of("analyst", "income")
    assert "BIGINT not null key critical" in of("analyst", "household_id")
    assert "Household number" in of("analyst", "household_id")  # the term


def test_without_a_grant_the_way_to_ask_stands_in_place_of_the_examples(portal: Portal) -> None:
    shown = page(portal, "operator")
    assert not examples(shown)
    assert "/access/request?port=crm.customer_360.v1&amp;role=customer_360_gdpr_reader" in shown
    assert "maria.keller@retailer.example, then privacy@retailer.example" in words(shown)


def test_names_of_consumers_are_for_owners(portal: Portal) -> None:
    assert "service-desk" in page(portal, OWNER)
    shown = page(portal, "analyst")
    assert "service-desk" not in shown
    assert "Their names are told to its owners" in shown


def test_a_hidden_product_looks_like_none_at_all(portal: Portal) -> None:
    hidden, none = "customer_lifetime_value", "customer_lifetime_worth"
    for path in ("", "/publications", "/publications/diff?from=1&to=2", "/lineage", "/contract", "/checks/x/rows"):
        one, other = (page(portal, "campaign-agent", f"/products/crm/{name}{path}", 404) for name in (hidden, none))
        assert _same(one) == _same(other).replace(none, hidden)
    assert f'href="/products/crm/{hidden}' not in page(portal, "campaign-agent", "/products/sales/bookings")
    assert f'href="/products/crm/{hidden}' in page(portal, OWNER, "/products/sales/bookings")


def _same(text: str) -> str:
    """Without what differs from session to session and from request to request."""
    return re.sub(r"[0-9a-f]{32,64}", "", text)


def test_service_levels_stand_with_what_is_left_of_their_budgets(portal: Portal) -> None:
    """Three publications, an hour apart: each of the first two was late for half an hour."""
    shown = page(portal, "analyst", "/products/finance/revenue")
    told = words(shown)
    assert re.search("Freshness 99 % of 30 days at risk 86.1 % 6 h 1[12] min of 7 h 12 min", told)
    assert "late for 1 h" in told
    assert re.search(r'<meter [^>]*value="86.[0-9]" aria-label="Freshness: error budget left">', shown)
    assert "Availability 99.9 % of 30 days not known –" in told
    assert "Freshness 100 % of 30 days broken overdrawn by" in words(page(portal, "analyst"))


def test_a_life_that_ends_is_told(portal: Portal) -> None:
    deprecated = words(page(portal, "analyst", "/products/finance/revenue"))
    assert "Deprecated. It is served until 31 Dec 2031" in deprecated
    retired = page(portal, "analyst", "/products/inventory/inventory_levels")
    assert "It serves nothing any more" in words(retired)
    assert "Counted &lt;i&gt;elsewhere&lt;/i&gt;" in retired
    assert not examples(retired)
    fresh = words(page(portal, "analyst", "/products/supply_chain/demand_forecast"))
    assert "Nothing is published yet" in fresh
    assert "Nothing was measured yet" in fresh


def test_checks_that_failed_show_rows_as_the_reader_sees_them(portal: Portal) -> None:
    shown = page(portal, "analyst")
    assert "2 checks failed of" in words(shown)
    rows = page(portal, "analyst", f"{CUSTOMERS}/checks/age_is_a_band/rows")
    assert "The first 10 of publication #4, as you see them for analytics" in words(rows)
    assert "CANARY-1-first_name" not in rows
    assert "CANARY-1-first_name" in page(portal, "service-desk", f"{CUSTOMERS}/checks/age_is_a_band/rows")
    with portal.access.control.reading() as connection:
        kinds = connection.exec_driver_sql(
            "SELECT record FROM audit WHERE kind = 'read' OR kind LIKE 'sql%'"
        ).fetchall()
    assert any('"door":"portal"' in record.replace(" ", "") for (record,) in kinds)


def test_a_rule_that_people_look_after_stands_apart_from_what_was_measured(kept_portal: Portal) -> None:
    kept_portal.mesh.publish()
    shown = words(page(kept_portal, "ana", "/products/shop/customers"))
    apart = shown[shown.index("Manual") :]
    assert "Looked after by people: not measured, and in no score." in apart
    assert "letters_arrive the table The shop writes to ten customers a year." in apart


def test_rows_are_looked_up_in_the_readers_places_for_queries(portal: Portal) -> None:
    app = create_app(portal.access.settings, access=portal.access, limits=ApiLimits(streams=1))
    address = f"{CUSTOMERS}/checks/age_is_a_band/rows"
    with run_server(app) as url, Browser(url) as browser:
        browser.sign_in(portal.mesh.token("analyst"))
        with app.state.limits.stream("analyst"):
            assert browser.get(address).status_code == 429
        assert [browser.get(address).status_code for _ in range(2)] == [200, 200]


def test_rows_are_not_chosen_by_what_the_reader_gets_masked(portal: Portal) -> None:
    rows = words(page(portal, "analyst", f"{CUSTOMERS}/checks/email_is_not_shared/rows"))
    assert "The rule is about email, which you get masked" in rows
    assert "You hold no grant" in page(portal, "operator", f"{CUSTOMERS}/checks/age_is_a_band/rows")
    page(portal, "analyst", f"{CUSTOMERS}/checks/nothing/rows", 404)


def test_two_publications_are_compared(portal: Portal) -> None:
    told = words(page(portal, "analyst", f"{CUSTOMERS}/publications/diff?from=4&to=1"))
    assert "#1 and #4" in told
    assert "87.5" in told
    assert "The same, byte for byte" in told
    page(portal, "analyst", f"{CUSTOMERS}/publications/diff?from=1&to=99", 404)
    page(portal, "analyst", f"{CUSTOMERS}/publications/diff?from=1&to=x", 422)
    log = page(portal, "analyst", f"{CUSTOMERS}/publications")
    assert all(f"#{number}" in log for number in (1, 2, 3, 4))


def test_the_contract_is_handed_out_byte_for_byte(portal: Portal) -> None:
    file = portal.mesh.settings.domains / "crm" / "products" / "customer_360" / "v1.odcs.yaml"
    with portal.browser(portal.mesh.token("analyst")) as browser:
        answer = browser.get(f"{CUSTOMERS}/contract?publication=1")
    assert answer.content == file.read_bytes()
    assert "attachment" in answer.headers["content-disposition"]


def test_plots_are_part_of_the_page_and_their_figures_are_told(portal: Portal) -> None:
    shown = page(portal, "analyst")
    assert shown.count('<svg class="plot"') >= 2
    assert 'id="plot-score-says"' in shown
    assert "var(--plot-main)" in shown
    assert re.search(r"<td>#4</td>.*?<td>87.5</td>", shown, re.DOTALL)
    assert not re.search(r"<svg.*?\sstyle=", shown)


def test_lineage_leads_from_port_to_port(portal: Portal) -> None:
    shown = page(portal, "analyst", f"{CUSTOMERS}/lineage?port=v1")
    assert '<title id="lineage-title">Lineage of crm.customer_360.v1</title>' in shown
    assert 'href="/products/sales/bookings?port=v1"' in shown
    assert 'href="/products/crm/customer_360/lineage?port=v1&amp;column=email"' in shown
    page(portal, "analyst", f"{CUSTOMERS}/lineage?port=v2", 404)
    page(portal, "analyst", f"{CUSTOMERS}/lineage?column=nothing", 404)


def test_lineage_of_a_column(portal: Portal) -> None:
    shown = page(portal, "analyst", "/products/finance/revenue/lineage?column=net_revenue")
    assert 'href="/products/sales/bookings?port=v1"' in shown
    assert 'class="cell chosen"' in shown


def test_a_product_is_rated_once_by_each_reader(portal: Portal) -> None:
    with portal.browser(portal.mesh.token("analyst")) as browser:
        path = f"{CUSTOMERS}/ratings"
        sent = browser.submit(path, CUSTOMERS, stars="4", comment="Good <script>alert(1)</script>")
        assert sent.headers["location"] == f"{CUSTOMERS}?done=rated#ratings"
        shown = browser.get(CUSTOMERS).text
        assert "Good &lt;script&gt;" in shown
        assert browser.submit(path, CUSTOMERS, stars="2").status_code == 303
        assert "on average, from 1 rating" in words(browser.get(CUSTOMERS).text)
        assert browser.submit(path, CUSTOMERS, stars="9").status_code == 422
        hidden = browser.submit(path, CUSTOMERS, stars="1", comment="Go\u202edoo")
        assert hidden.status_code == 422
        assert "omment: it holds the character U+202E" in words(hidden.text)
        plain = (
            "Tabs\tand\nlines, \u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645, 1\u00a0000 \u20ac, \u2764\ufe0f"
        )
        assert browser.submit(path, CUSTOMERS, stars="2", comment=plain).status_code == 303
        assert browser.post(path, data={"stars": "5"}, headers={"Origin": browser.origin}).status_code == 403
