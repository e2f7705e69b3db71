"""Beside a port in Dagster's UI: where people read on, who reads it, and how its score moved."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from platform_resources.access.relations.usage import Usage
from platform_resources.contracts import load_mesh
from platform_resources.contracts.model import OutputPort, Product
from platform_resources.control import ControlDatabase
from platform_resources.governance import consumers_of
from platform_resources.lake import MeshSettings, Publication, utc_now
from platform_resources.orchestration.columns import promised_schema
from platform_resources.orchestration.port_facts import (
    consumer_facts,
    history_facts,
    links,
    publication_facts,
    registered_facts,
)
from platform_resources.orchestration.ports import port_spec
from tests.tiny_mesh import REPOSITORY, write_project


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Product, OutputPort]:
    folder = write_project(tmp_path_factory.mktemp("tiny")) / "domains"
    product, port = load_mesh(folder).ports["shop.orders.v1"]
    return folder, product, port


def test_links_lead_to_the_portal_at_its_public_address(
    orders: tuple[Path, Product, OutputPort], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MESH_PUBLIC_URL", "https://mesh.example.org")
    found = {name: link.value for name, link in links(*orders[1:]).items()}
    assert found["portal"] == "https://mesh.example.org/products/shop/orders?port=v1"
    assert found["api"] == "https://mesh.example.org/api/v1/products/shop/orders/v1"


def test_links_lead_to_pages_and_operations_that_there_are(orders: tuple[Path, Product, OutputPort]) -> None:
    """Held against the routes themselves: an address that moves is noticed here."""
    from starlette.routing import Match

    from platform_resources.serving.app import create_app

    app = create_app(MeshSettings(home=orders[0].parent / "home", project=orders[0].parent))

    def answers(path: str) -> bool:
        scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}
        return any(route.matches(dict(scope))[0] is Match.FULL for route in app.routes)

    for link in links(*orders[1:]).values():
        path = str(link.value).removeprefix("http://127.0.0.1:8080").partition("?")[0]
        assert answers(path), path
    assert not answers("/products/shop/orders/nothing")


def test_declared_consumers_are_named(orders: tuple[Path, Product, OutputPort]) -> None:
    folder, _, port = orders
    readers = consumers_of(load_mesh(folder), port.address)
    told = registered_facts(readers)
    assert told["registered_consumer_count"] == 1
    assert [(r.data["name"], r.data["kind"], r.data["columns"]) for r in told["registered_consumers"].records] == [
        ("ledger.totals", "product", "all")
    ]
    assert registered_facts(()) == {"registered_consumer_count": 0}


def test_consumers_are_counted_as_everywhere_when_it_is_published(
    orders: tuple[Path, Product, OutputPort], tmp_path: Path
) -> None:
    folder, _, port = orders
    settings = MeshSettings(home=tmp_path / "state", project=folder.parent)
    assert consumer_facts(settings, port, utc_now()) == {"consumer_count": 1}, "registered; no control database yet"
    control = ControlDatabase(settings)
    usage = Usage(control)
    usage.record(port.address, "ana", [], 1, 1)
    usage.record(port.address, "ben", [], 1, 1, door="portal")  # a look at some rows
    usage.close()
    control.close()
    assert consumer_facts(settings, port, utc_now()) == {"consumer_count": 2}


def test_the_score_is_told_against_the_version_before(orders: tuple[Path, Product, OutputPort]) -> None:
    _, product, port = orders

    before = made_publication(port, 4, 97.5)
    served = made_publication(port, 5, 98.25)
    told = publication_facts(product, port, served, before)
    assert told["score_change"] == 0.75
    assert told["changes"].value.endswith("/products/shop/orders/publications/diff?from=4&to=5&port=v1")
    assert publication_facts(product, port, served, None) == {}
    assert publication_facts(product, port, served, replace(before, kind="retire")) == {}


def test_the_history_of_the_score_is_drawn_with_its_trend(orders: tuple[Path, Product, OutputPort]) -> None:
    made = [made_publication(orders[2], number, 95 + number) for number in range(1, 6)]
    spread = [replace(one, published_at=one.published_at + timedelta(days=7 * at)) for at, one in enumerate(made)]
    told = history_facts(spread[::-1])
    assert told["score_trend"] == "rising 1 a week"
    assert told["score_history"].value.splitlines() == [
        "| of 100 | 5 publications in 28 days | trend |",
        "| --- | --- | --- |",
        "| score | ▂▃▅▆█ | rising 1 a week |",
    ]
    assert history_facts(spread[:1]) == {}
    assert history_facts(()) == {}, "a log that could not be read makes no failure of what is published"


def made_publication(port: OutputPort, number: int, score: float) -> Publication:
    contract = port.contract
    facts = (port.address, number, number, "publish", "run", contract.version, contract.sha256, ("order_id",))
    return Publication(*facts, 3, score, {}, None, utc_now())


def test_a_masked_column_says_so(orders: tuple[Path, Product, OutputPort]) -> None:
    columns = {c.name: c.constraints.other for c in promised_schema(orders[2].contract.table).columns}
    assert columns["phone"] == ["masked (hash) without the clearance gdpr"]
    assert columns["amount"] == []


def test_the_repository_has_consumers_to_show() -> None:
    assert consumers_of(load_mesh(REPOSITORY / "domains"), "crm.customer_360.v1")


def test_rules_that_people_look_after_are_told_as_such(orders: tuple[Path, Product, OutputPort]) -> None:
    domain = next(load_mesh(orders[0]).domains)
    told = port_spec(domain, *orders[1:]).description or ""
    assert "not measured, counts in no score" in told
    assert "`prices_look_right`: The shop compares ten receipts a month" in told
