"""GET /api/v1/search over the shipped products: what people find, filter and page through, and what nobody is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from platform_resources.access import Access
from platform_resources.serving import create_app
from platform_resources.serving.readers import Reader
from platform_resources.serving.search import SearchAnswer, search_products
from tests.shipped import ShippedMesh, hide, make_shipped

SHIPPED = {
    *("crm.customer_360", "crm.customer_lifetime_value", "finance.revenue"),
    *("inventory.inventory_levels", "sales.bookings", "supply_chain.demand_forecast"),
}
STRANGER = "privacy@retailer.example"  # holds no grant


class Asking:
    """The API over a mesh, asked by personas."""

    def __init__(self, mesh: ShippedMesh, access: Access, client: TestClient) -> None:
        self.mesh, self.access, self.client = mesh, access, client

    def raw(self, who: str = "analyst", **parameters: Any) -> bytes:
        headers = {"Authorization": f"Bearer {self.mesh.token(who)}"}
        answer = self.client.get("/api/v1/search", params=parameters, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.content

    def __call__(self, q: str = "", who: str = "analyst", **parameters: Any) -> SearchAnswer:
        return SearchAnswer.model_validate_json(self.raw(who, q=q, **parameters))

    def products(self, q: str = "", who: str = "analyst", **parameters: Any) -> list[str]:
        return [hit.product for hit in self(q, who, **parameters).hits]

    def renew(self) -> None:
        """Take over at once what a test changed in files and lakes."""
        self.client.app.state.view.index.renew(at_once=True)  # type: ignore[attr-defined]


@contextmanager
def asking(mesh: ShippedMesh) -> Iterator[Asking]:
    with mesh.access() as access:
        app = create_app(mesh.settings, access=access)
        with TestClient(app) as client:
            yield Asking(mesh, access, client)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with asking(make_shipped(tmp_path_factory.mktemp("mesh"), publications=1)) as made:
        yield made


def counts(answer: SearchAnswer, kind: str) -> dict[str, int]:
    return {item.value: item.count for item in answer.facets[kind]}


def test_nothing_asked_lists_all(ask: Asking) -> None:
    answer = ask()
    assert {hit.product for hit in answer.hits} == SHIPPED
    assert answer.total == 6
    assert answer.next is None
    assert all(not hit.why for hit in answer.hits)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("customer lifetime value", "crm.customer_lifetime_value"),
        ("value of the lifetime of customers", "crm.customer_lifetime_value"),
        ("client value", "crm.customer_lifetime_value"),
        ("turnover", "finance.revenue"),
        ("custo life", "crm.customer_lifetime_value"),
        ("custmer lifetime valu", "crm.customer_lifetime_value"),
        ("reveune", "finance.revenue"),
        ("REVENUE", "finance.revenue"),
        ("sales.bookings", "sales.bookings"),
        ("crm.customer_360.v1", "crm.customer_360"),
        ("finance.revenue.v1.net_revenue", "finance.revenue"),
        ("marta.lindqvist@retailer.example", "finance.revenue"),
        ("priya", "sales.bookings"),
        ("demand planning", "supply_chain.demand_forecast"),
        ("reconciliation", "finance.revenue"),
        ("quantity_on_hand", "inventory.inventory_levels"),
    ],
)
def test_what_is_meant_comes_first(ask: Asking, query: str, first: str) -> None:
    assert ask.products(query)[0] == first


def test_a_hit_tells_what_a_reader_judges_by(ask: Asking) -> None:
    hit = ask("revenue").hits[0]
    assert (hit.port, hit.domain, hit.status, hit.tier) == ("finance.revenue.v1", "finance", "active", "gold")
    assert hit.owners == ["marta.lindqvist@retailer.example"]
    assert hit.score is not None
    assert hit.freshness == "fresh"
    assert hit.title
    assert hit.purpose


def test_why_names_the_places_strongest_first(ask: Asking) -> None:
    named = ask("customer lifetime value").hits[0].why[0]
    assert (named.field, named.words) == ("name", ["customer", "lifetime", "value"])
    synonym = ask("turnover").hits[0].why[0]
    assert (synonym.field, synonym.text) == ("meaning", "turnover")
    column = next(why for hit in ask("net_sales").hits for why in hit.why if hit.product == "sales.bookings")
    assert (column.field, column.text, column.words) == ("column", "net_sales", ["net", "sales"])
    tag = {why.field: why.text for why in ask("privacy").hits[0].why}
    assert tag["tag"] == "privacy"
    address = ask("crm.customer_360.v1").hits[0].why[0]
    assert (address.field, address.text) == ("address", "crm.customer_360.v1")
    owner = ask("maria keller").hits[0].why[0]
    assert (owner.field, owner.text) == ("people", "maria.keller@retailer.example")


def test_a_long_text_is_told_from_where_the_words_are(ask: Asking) -> None:
    told = [why for hit in ask("dunnhumby").hits for why in hit.why if why.field == "details"]
    assert told
    assert all("dunnhumby" in why.text and len(why.text) <= 170 for why in told)


def test_misspelt_words_are_suggested_and_known_ones_are_not(ask: Asking) -> None:
    assert ask("custmer lifetime valu").did_you_mean == "customer lifetime value"
    assert ask("reveune").did_you_mean == "revenue"
    assert ask("ustomer").did_you_mean == "customer"
    assert ask("ustomer lifetime value").did_you_mean is None  # a first letter only where it is quickly looked for
    assert ask("customer").did_you_mean is None
    assert ask("custo life").did_you_mean is None
    assert ask("qqqqqqqq").did_you_mean is None


def test_terms_that_the_query_names(ask: Asking) -> None:
    turnover = ask("turnover").terms[0]
    assert (turnover.term, turnover.title, turnover.matched) == ("finance.revenue", "Revenue", "turnover")
    assert turnover.definition
    client = ask("client value").terms
    assert (client[0].term, client[0].matched) == ("crm.lifetime_value", "client value")
    assert "crm.customer" in [term.term for term in client]
    assert ask("reveune").terms[0].term == "finance.revenue"
    assert ask("revenue of the stores by day").terms[0].term == "finance.revenue"
    assert not ask("").terms


def test_filters_hold_and_facets_count_under_the_others(ask: Asking) -> None:
    every = ask()
    assert counts(every, "domain") == {"crm": 2, "finance": 1, "inventory": 1, "sales": 1, "supply_chain": 1}
    assert counts(every, "tier") == {"gold": 4, "silver": 2}
    assert counts(every, "freshness") == {"fresh": 6}
    silver = ask(tier="silver")
    assert {hit.product for hit in silver.hits} == {"crm.customer_lifetime_value", "supply_chain.demand_forecast"}
    assert silver.total == 2
    assert counts(silver, "domain") == {"crm": 1, "supply_chain": 1}
    assert counts(silver, "tier") == {"gold": 4, "silver": 2}  # what choosing another tier would give
    both = ask(tier="silver", domain=["crm", "sales"])
    assert [hit.product for hit in both.hits] == ["crm.customer_lifetime_value"]
    assert counts(both, "domain") == {"crm": 1, "sales": 0, "supply_chain": 1}
    assert counts(both, "tier") == {"gold": 2, "silver": 1}


def test_every_facet_value_gives_as_many_hits_as_it_says(ask: Asking) -> None:
    parameters = {"domain": "domain", "tier": "tier", "status": "status", "classification": "classification"}
    parameters |= {"tag": "tag", "owner": "owner", "freshness": "freshness", "score": "min_score"}
    for query in ("", "customer"):
        for kind, values in ask(query).facets.items():
            for item in values:
                chosen: Any = item.value.removeprefix(">=") if kind == "score" else item.value
                assert ask(query, **{parameters[kind]: chosen}).total == item.count, (query, kind, item)


def test_score_and_freshness_filter(ask: Asking) -> None:
    scores = {hit.product: hit.score for hit in ask().hits}
    least = sorted(score for score in scores.values() if score is not None)[3]
    assert set(ask.products(min_score=least)) == {product for product, score in scores.items() if score >= least}
    assert ask(freshness="late").total == 0
    assert ask(freshness=["fresh", "late"]).total == 6


def test_a_filter_that_nothing_has_finds_nothing(ask: Asking) -> None:
    nothing = ask("revenue", domain="nowhere", tag='" OR 1=1 --')
    assert (nothing.total, nothing.hits) == (0, [])


def test_pages_hold_every_hit_once_and_end(ask: Asking) -> None:
    for query in ("", "customer"):
        whole = ask.products(query)
        paged: list[str] = []
        cursor = None
        for _ in range(10):
            answer = ask(query, limit=2, **({} if cursor is None else {"cursor": cursor}))
            paged += [hit.product for hit in answer.hits]
            assert answer.total == len(whole)
            cursor = answer.next
            if cursor is None:
                break
        assert paged == whole


def test_plain_questions_find_what_answers_most_and_say_what_is_open(ask: Asking) -> None:
    leaving = ask("which customers are about to leave").hits[0]
    assert (leaving.product, leaving.without) == ("crm.customer_360", [])
    assert "about to leave" in [why.text for why in leaving.why]
    night = ask("who buys at night")
    assert night.hits
    assert {tuple(hit.without) for hit in night.hits} == {("night",)}
    assert "crm.customer" in [term.term for term in night.related]
    assert not ask("churn status").related


def test_the_next_page_is_in_the_header(ask: Asking) -> None:
    headers = {"Authorization": f"Bearer {ask.mesh.token('analyst')}"}
    answer = ask.client.get("/api/v1/search?q=customer&limit=2&domain=crm&domain=sales", headers=headers)
    link = answer.links["next"]["url"]
    following = ask.client.get(link, headers=headers)
    assert [hit["product"] for page in (answer, following) for hit in page.json()["hits"]] == ask.products(
        "customer", domain=["crm", "sales"]
    )
    assert "Link" not in following.headers


def test_a_cursor_is_for_its_query_only(ask: Asking) -> None:
    cursor = ask("customer", limit=1).next
    assert cursor is not None
    headers = {"Authorization": f"Bearer {ask.mesh.token('analyst')}"}
    for query, text, status in (("revenue", cursor, 409), ("customer", "made-up", 400)):
        parameters: dict[str, Any] = {"q": query, "limit": 1, "cursor": text}
        refused = ask.client.get("/api/v1/search", params=parameters, headers=headers)
        assert refused.status_code == status
        assert "Traceback" not in refused.text


HOSTILE = [
    'AND ( " ~ * : -',
    "title:revenue OR name:*",
    '"unclosed phrase',
    "revenue~2^9999 +a -b [a TO z] {x}",
    "/.*/ a.b.c.d...",
    "\x01\x1f\x7f",
    "\u202erevenue\u202c \u200f\u0645\u0628\u064a\u0639\u0627\u062a",
    "売上 收入 매출",
    "e\u0301\u0301\u0301" * 50,
    "\U0001f4b0 \ud83d".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
    "a " * 200,
    "x" * 400,
    "..",
    "%_\\'; DROP TABLE products; --",
]


@pytest.mark.parametrize("query", HOSTILE)
def test_any_text_is_words_and_no_syntax(ask: Asking, query: str) -> None:
    assert ask(query).query == query


def test_operators_mean_nothing(ask: Asking) -> None:
    assert ask.products('revenue AND ( " ~ * : -') == ask.products("revenue and")
    assert ask.products("-revenue")[0] == "finance.revenue"
    assert ask.products("customer_360*")[0] == "crm.customer_360"


def test_too_long_a_query_is_refused_by_the_api_and_borne_by_the_search(ask: Asking) -> None:
    headers = {"Authorization": f"Bearer {ask.mesh.token('analyst')}"}
    assert ask.client.get("/api/v1/search", params={"q": "x" * 401}, headers=headers).status_code == 422
    caller = ask.mesh.caller(ask.access, "analyst")
    reader = Reader(caller, ask.access, ask.client.app.state.view)  # type: ignore[attr-defined]
    assert search_products(reader, q="customer " * 1200).hits
    assert not search_products(reader, q="\0" * 10_000).hits


def test_readable_is_who_holds_a_grant(ask: Asking) -> None:
    for who, readable in (("analyst", SHIPPED), ("service-desk", {"crm.customer_360"}), (STRANGER, set())):
        assert {hit.product for hit in ask(who=who).hits if hit.readable} == readable


QUERIES = (
    "",
    "customer",
    "household",
    "reveune",
    "custmer",
    "zyzzyva",
    "zyzyva",
    "client",
    "email",
    "churn status",
    "who buys zyzzyva at night",
)
SECRET = "zyzzyva"


@pytest.fixture
def hideable(ask: Asking) -> Iterator[Asking]:
    """The shared mesh; the documents of its products are put back."""
    file = ask.mesh.settings.domains / "crm" / "products" / "customer_360" / "product.odps.yaml"
    text = file.read_text()
    yield ask
    file.write_text(text)
    ask.renew()


def test_what_is_hidden_shows_in_nothing(hideable: Asking, tmp_path: Path) -> None:
    """With a hidden product there, changed or gone, everybody else gets the same bytes; who may know of it finds it."""
    ask, mesh, product = hideable, hideable.mesh, "crm.customer_360"
    file = mesh.settings.domains / "crm" / "products" / "customer_360" / "product.odps.yaml"
    folder, away = file.parent, tmp_path / "away"
    assert ask.products("customer 360")[0] == product
    folder.rename(away)
    try:
        ask.renew()
        without = [_timeless(ask.raw(STRANGER, q=query)) for query in QUERIES]
    finally:
        away.rename(folder)
    hide(mesh, product)
    file.write_text(file.read_text().replace("[customer, privacy]", f"[customer, privacy, {SECRET}]"))
    ask.renew()
    assert [_timeless(ask.raw(STRANGER, q=query)) for query in QUERIES] == without
    owner = "maria.keller@retailer.example"
    for who in (owner, "operator", "service-desk", "analyst"):
        assert ask.products("customer 360", who)[0] == product
        assert ask(SECRET, who).total == 1
        assert ask("zyzyva", who).did_you_mean == SECRET
        assert ask(who=who).total == 6
        assert counts(ask(who=who), "tag")[SECRET] == 1
    mesh.publish("crm.customer_360.v1")
    ask.renew()
    assert [_timeless(ask.raw(STRANGER, q=query)) for query in QUERIES] == without
    with asking(mesh) as again:  # another process, with the index as it is on disk
        assert [_timeless(again.raw(STRANGER, q=query)) for query in QUERIES] == without


def _timeless(body: bytes) -> dict[str, Any]:
    """An answer without its cursors, whose seal holds the state of the index."""
    told: dict[str, Any] = json.loads(body)
    return {**told, "next": told["next"] is not None}
