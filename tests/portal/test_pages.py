"""The pages: complete, for this reader only, and text from documents stays text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from platform_resources.serving.portal import site
from tests.guarded import CUSTOMERS_CONTRACT, make_mesh
from tests.portal.conftest import Portal, run_portal
from tests.shipped import hide

PAGES = {
    "/": "What are you looking for?",
    "/search": "All products",
    "/search?q=customer+value": "customer value",
    "/search?domain=crm&tier=gold&min_score=50&freshness=fresh": "All products",
    "/domains": "Domains",
    "/domains/crm": "Customer Relations",
    "/glossary": "Glossary",
    "/glossary?words=revenue&domain=finance": "Glossary",
    "/glossary/finance/revenue": "Revenue",
    "/glossary/compare": "Compare two terms",
    "/glossary/compare?one=revenue&other=bookings": "Compare two terms",
    "/me": "Ana Lind, analyst",
}
_VOID = frozenset({"meta", "link", "input", "img", "br", "hr"})
_SHAPES = frozenset({"path", "rect", "circle"})


class Page(HTMLParser):
    """What a page is made of. Fails where elements are not nested."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.titles: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.labels: set[str] = set()
        self.fields: list[dict[str, str | None]] = []
        self._open: list[str] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value) for name, value in attrs]
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "label" and "for" in given:
            self.labels.add(given["for"] or "")
        if tag in ("input", "select", "textarea") and given.get("type") not in ("hidden", "checkbox", "radio"):
            self.fields.append(given)
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _SHAPES
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "title":
            self.titles.append(data)


@pytest.mark.parametrize("path", ["/sign-in", *PAGES])
def test_a_page_is_well_made_and_needs_nothing_from_elsewhere(shipped_portal: Portal, path: str) -> None:
    token = None if path == "/sign-in" else shipped_portal.mesh.token("analyst")
    with shipped_portal.browser(token) as browser:
        answer = browser.get(path)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.text.startswith('<!doctype html>\n<html lang="en">')
        page = Page(answer.text)
        assert page.headings.count(1) == 1
        assert page.headings[0] == 1
        assert all(after <= before + 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
        assert len(page.ids) == len(set(page.ids))
        assert page.titles[0].endswith(" · Data mesh")
        assert all(field.get("id") in page.labels for field in page.fields)
        names = {name for _, name, _ in page.attributes}
        assert "style" not in names
        assert not [name for name in names if name.startswith("on")]
        addresses = [value or "" for _, name, value in page.attributes if name in ("href", "src", "action")]
        assert all(address.startswith(("/", "#")) and not address.startswith("//") for address in addresses)
        assert {"main", "header", "footer"} <= set(re.findall(r"<(\w+)", answer.text))


def test_a_page_says_what_it_is_of(shipped_portal: Portal) -> None:
    with shipped_portal.browser(shipped_portal.mesh.token("analyst")) as browser:
        for path, says in PAGES.items():
            assert says in browser.get(path).text.partition("<h1")[2].partition("</h1>")[0]


def test_the_policy_allows_no_script_or_style_in_a_page_and_no_frame(shipped_portal: Portal) -> None:
    with shipped_portal.browser(shipped_portal.mesh.token("analyst")) as browser:
        for path in (*PAGES, "/nothing-here/at-all", "/products/crm/none", "/sign-in"):
            headers = browser.get(path, headers={"Accept": "text/html"}).headers
            if "Location" in headers:
                continue
            policy = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
            assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
            assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Cache-Control"] == "no-store"


def test_style_and_script_are_kept_by_browsers_until_they_change(shipped_portal: Portal) -> None:
    with shipped_portal.browser() as browser:
        page = browser.get("/sign-in").text
        found = re.findall(r'"(/static/[^"]+)"', page)
        kinds = {path.rpartition(".")[2]: browser.get(path) for path in found}
        assert {kind: answer.headers["Content-Type"].partition(";")[0] for kind, answer in kinds.items()} == {
            "css": "text/css",
            "js": "text/javascript",
            "svg": "image/svg+xml",
        }
        for path, answer in zip(found, map(browser.get, found), strict=True):
            assert "immutable" in answer.headers["Cache-Control"]
            assert browser.get(path.replace(path.split("/")[2], "0" * 16)).status_code == 404
        assert browser.get("/static/x/../../pages.py").status_code == 404


def test_home_tells_the_state_of_the_mesh_and_what_needs_its_reader(shipped_portal: Portal) -> None:
    mesh = shipped_portal.mesh
    owner = mesh.token("maria.keller@retailer.example")
    with shipped_portal.browser(mesh.token("campaign-agent")) as browser:
        asked = browser.post(
            "/api/v1/access/requests",
            json={"port": "finance.revenue.v1", "purpose": "campaigns", "reason": "To plan campaigns"},
            headers={"Authorization": f"Bearer {mesh.token('campaign-agent')}"},
        )
        waiting = browser.get("/").text
    with shipped_portal.browser(owner) as browser:
        home = browser.get("/").text
    assert re.search(r"<dt>Products</dt><dd>6 ", home)
    assert re.search(r"<dt>Domains</dt><dd>5", home)
    assert (
        home.index("/products/crm/customer_360") < home.index('id="owned"') < home.rindex("/products/crm/customer_360")
    )
    if asked.status_code == 201:  # the agent may ask for its own campaigns
        assert 'id="asked"' in waiting
        assert "finance.revenue.v1" in waiting.partition('id="asked"')[2]


def test_facets_narrow_and_widen_a_search_by_links(shipped_portal: Portal) -> None:
    with shipped_portal.browser(shipped_portal.mesh.token("analyst")) as browser:
        everything = browser.get("/search").text
        assert "6 products" in everything
        (narrowed,) = re.findall(r'href="(/search\?domain=crm)"', everything)
        crm = browser.get(narrowed).text
        assert "2 products" in crm
        assert 'aria-current="true">crm' in crm
        assert "finance.revenue" not in crm.partition("<ol")[2]
        first = re.search(r'class="badge tint" href="([^"]+)"', crm)
        assert first is not None
        assert first[1] == "/search"
        nothing = browser.get("/search?q=zzzzqqq&domain=crm").text
        assert "0 products" in nothing
        assert "Take the filters away" in nothing
        assert browser.get("/search?min_score=many").status_code == 422
        assert browser.get("/search?freshness=stale").status_code == 422


def test_a_word_of_the_business_finds_the_product_and_the_term(shipped_portal: Portal) -> None:
    with shipped_portal.browser(shipped_portal.mesh.token("analyst")) as browser:
        page = browser.get("/search?q=turnover").text
        assert "/glossary/finance/revenue" in page
        assert "/products/finance/revenue" in page
        assert "<mark>" in browser.get("/search?q=bookings").text


def test_what_a_hit_leaves_open_is_told_with_terms_near_the_question(shipped_portal: Portal) -> None:
    with shipped_portal.browser(shipped_portal.mesh.token("analyst")) as browser:
        page = browser.get("/search?q=who+buys+at+night").text
        assert ">without: night<" in page
        assert '<a href="/glossary/crm/customer">Customer</a>' in page.partition("Related terms")[2]


def test_two_terms_that_are_confused_are_told_apart(shipped_portal: Portal) -> None:
    with shipped_portal.browser(shipped_portal.mesh.token("analyst")) as browser:
        page = browser.get("/glossary/compare?one=revenue&other=bookings").text
        assert "They are not the same" in page
        assert 'follows <a href="/glossary/sales/bookings">sales.bookings</a>' in page
        assert "No term is called so" in browser.get("/glossary/compare?one=revenue&other=zzz").text
        term = browser.get("/glossary/finance/revenue").text
        assert "<svg" in term
        assert "/products/finance/revenue?port=v1" in term


@pytest.fixture(scope="module")
def hostile_portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A mesh whose documents hold markup wherever text is allowed."""
    mesh = make_mesh(tmp_path_factory.mktemp("mesh"))
    folder = mesh.settings.domains / "shop"
    contract = CUSTOMERS_CONTRACT.format(version="1.0.0", status="active")
    contract = contract.replace("name: Customers", f"name: {_quoted('name')}").replace(
        "purpose: One row per customer.", f"purpose: {_quoted('purpose')}"
    )
    mesh.publish(contract=contract)
    _replace(folder / "domain.yaml", r"title: .*", f"title: {_quoted('title')}")
    product = folder / "products" / "customers" / "product.odps.yaml"
    _replace(product, r'purpose: "[^"]*"', f"purpose: {_quoted('product')}")
    (folder / "glossary.yaml").write_text(
        f"""\
domain: shop
terms:
  - name: revenue
    title: {_quoted("term")}
    definition: {_quoted("definition")}
    formula: {_quoted("formula")}
    unit: {_quoted("unit")}
    synonyms: [{_quoted("synonym")}]
    relations: [{{type: excludes, term: shop.bookings, note: {_quoted("note")}}}]
  - {{name: bookings, title: {_quoted("other")}, definition: Another one.}}
"""
    )
    try:
        with run_portal(mesh.settings, mesh, personas=False) as portal:
            yield portal
    finally:
        mesh.access.close()


def _hostile(where: str) -> str:
    return f"\"><script>alert(1)</script>'onload=x {{{{7*7}}}} <img src=x onerror={where}>"


def _quoted(where: str) -> str:
    return "'" + _hostile(where).replace("'", "''") + "'"


def _replace(file: Path, pattern: str, by: str) -> None:
    text = file.read_text()
    assert re.search(pattern, text)
    file.write_text(re.sub(pattern, lambda _: by, text, count=1))


def test_markup_in_documents_is_text_on_every_page(hostile_portal: Portal) -> None:
    token = hostile_portal.mesh.token("ana", label="<script>alert(2)</script>")
    told = []
    with hostile_portal.browser(token) as browser:
        query = "?q=%22%3E%3Cscript%3Ealert(3)%3C/script%3E"
        for path in (
            *("/", "/search", f"/search{query}", "/domains", "/domains/shop", "/glossary", "/me"),
            *(f"/glossary{query.replace('q=', 'words=')}", "/glossary/shop/revenue", f"/glossary/compare{query}"),
            "/glossary/compare?one=shop.revenue&other=shop.bookings",
            "/glossary/compare?one=%3Cscript%3E&other=%3Cimg%3E",
            "/products/%3Cscript%3E/%22onload=x",
            "/%22%3E%3Cscript%3E",
        ):
            answer = browser.get(path, headers={"Accept": "text/html"})
            assert answer.status_code in (200, 404), path
            page = Page(answer.text)
            scripts = [value for tag, name, value in page.attributes if tag == "script"]
            assert answer.text.count("<script") == 1, path
            assert all(value is None or value.startswith("/static/") for value in scripts)
            assert not [name for _, name, _ in page.attributes if name.startswith("on")]
            told.append(answer.text)
    everything = "".join(told)
    assert "{{7*7}}" in everything
    for where in ("product", "title", "definition", "formula", "unit", "synonym", "term", "note", "other"):
        assert f"onerror={where}&gt;" in everything, where


def test_what_is_hidden_looks_like_what_is_not_there(tmp_path_factory: pytest.TempPathFactory) -> None:
    from tests.shipped import make_shipped

    mesh = make_shipped(tmp_path_factory.mktemp("hidden"), publications=1)
    hide(mesh, "inventory.inventory_levels")
    with run_portal(mesh.settings, mesh) as portal:
        with portal.browser(mesh.token("campaign-agent")) as browser:
            for path in (*PAGES, "/search?q=inventory", "/domains/inventory", "/domains/supply_chain"):
                assert "inventory.inventory_levels" not in browser.get(path).text, path
                assert "/products/inventory" not in browser.get(path).text, path
            assert "5 products" in browser.get("/search").text
            assert re.search(r"<dt>Products</dt><dd>5 ", browser.get("/").text)
            hidden, unknown = (
                browser.get(f"/products/inventory/{name}") for name in ("inventory_levels", "inventory_guess")
            )
            assert hidden.status_code == unknown.status_code == 404
            assert _plain(hidden.text, "inventory_levels") == _plain(unknown.text, "inventory_guess")
        with portal.browser(mesh.token("analyst")) as browser:
            assert "6 products" in browser.get("/search").text


def test_what_is_counted_is_told_by_the_filters_that_tell_one_from_many() -> None:
    """`count_of` and `in_unit`; a bare figure before a plural says "1 days"."""
    bare = re.compile(r"\|\s*(?:number|length)\s*\}\}\s+(?:[a-z]+s|hold|are|have|more)\b")
    templates = sorted(Path(site.__file__).with_name("templates").glob("*.html"))
    assert len(templates) > 20
    for file in templates:
        found = bare.search(file.read_text(encoding="utf-8"))
        assert found is None, f"{file.name}: {found and found[0]}"


def _plain(text: str, name: str) -> str:
    return re.sub(r'value="[0-9a-f]{64}"', "", text.replace(name, "…"))
