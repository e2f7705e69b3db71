"""What a reader is told of ports that it may not know of: nothing, in no document and not by how they are looked up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from platform_resources.access import Access
from platform_resources.access.errors import NotFoundError, UnknownPortError
from platform_resources.catalog import DomainState
from platform_resources.catalog.view import CatalogView
from platform_resources.lake import PortAddress
from platform_resources.serving.contracts import contract_text, document_answer
from platform_resources.serving.hidden_inputs import names_unseen, without_unseen
from platform_resources.serving.readers import Reader
from tests.shipped import ShippedMesh, hide, make_shipped

AGENT, ADMINISTRATOR = "campaign-agent", "operator"


class Watched(CatalogView):
    """A view that counts how often the state of a domain is asked for."""

    read = 0

    def domain(self, name: str) -> DomainState | None:
        self.read += 1
        return super().domain(name)


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> ShippedMesh:
    made = make_shipped(tmp_path_factory.mktemp("mesh"), publications=1)
    hide(made, "sales.bookings")
    return made


@pytest.fixture(scope="module")
def access(mesh: ShippedMesh) -> Iterator[Access]:
    with mesh.access() as access:
        yield access


@pytest.fixture
def view(mesh: ShippedMesh, access: Access) -> Iterator[Watched]:
    made = Watched(mesh.settings, access.guard.lakes)
    yield made
    made.close()


@pytest.mark.parametrize("name", ["bookings", "boakings"])
@pytest.mark.parametrize(
    "ask",
    [
        lambda reader, name: reader.product("sales", name),
        lambda reader, name: reader.port(PortAddress("sales", name, 1)),
        lambda reader, name: reader.port(PortAddress("sales", name, 7)),
    ],
)
def test_a_hidden_product_is_looked_up_like_none(
    mesh: ShippedMesh, access: Access, view: Watched, name: str, ask: Callable[[Reader, str], object]
) -> None:
    """By documents and grants: whatever else were read for one of them would tell it by the time that it takes."""
    reader = Reader(mesh.caller(access, AGENT), access, view)
    with pytest.raises((NotFoundError, UnknownPortError)):
        ask(reader, name)
    assert view.read == 0
    assert "grants" in vars(reader)


def test_who_may_know_of_it_is_told(mesh: ShippedMesh, access: Access, view: Watched) -> None:
    reader = Reader(mesh.caller(access, ADMINISTRATOR), access, view)
    assert reader.port(PortAddress("sales", "bookings", 1)).product.address == "sales.bookings"
    assert view.read


def _contract(mesh: ShippedMesh, access: Access, view: Watched, who: str, port: str, publication: int | None) -> bytes:
    reader = Reader(mesh.caller(access, who), access, view)
    return contract_text(reader, reader.port(PortAddress.parse(port)), publication)


@pytest.mark.parametrize("publication", [None, 1])
@pytest.mark.parametrize("port", ["crm.customer_360.v1", "finance.revenue.v1", "supply_chain.demand_forecast.v1"])
def test_a_contract_names_no_hidden_input(
    mesh: ShippedMesh, access: Access, view: Watched, port: str, publication: int | None
) -> None:
    domain, product, major = port.split(".")
    written = (mesh.settings.domains / domain / "products" / product / f"{major}.odcs.yaml").read_bytes()
    assert _contract(mesh, access, view, ADMINISTRATOR, port, publication) == written
    told = yaml.safe_load(_contract(mesh, access, view, AGENT, port, publication))
    assert not [text for text in _machine_texts(told) if "sales.bookings" in text]
    whole = yaml.safe_load(written)
    assert told["id"] == whole["id"]
    assert len(told["schema"][0]["properties"]) == len(whole["schema"][0]["properties"])
    answer = document_answer(_contract(mesh, access, view, AGENT, port, publication), mesh.settings.home, None, None)
    assert answer.status_code == 200


def _machine_texts(value: Any, key: str = "") -> Iterator[str]:
    """All texts but those in words."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _machine_texts(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _machine_texts(item, key)
    elif isinstance(value, str) and key not in (
        "description",
        "purpose",
        "usage",
        "limitations",
        "transformDescription",
    ):
        yield value


def test_a_contract_without_hidden_inputs_is_byte_for_byte_its_owner_s(
    mesh: ShippedMesh, access: Access, view: Watched
) -> None:
    file = mesh.settings.domains / "inventory" / "products" / "inventory_levels" / "v1.odcs.yaml"
    assert _contract(mesh, access, view, AGENT, "inventory.inventory_levels.v1", None) == file.read_bytes()


def test_what_holds_an_unseen_address_goes_and_nothing_else() -> None:
    column = {
        "name": "quantity",
        "transformSourceObjects": ["sales.bookings.v1.quantity", "receipts", "crm.customers.v1"],
        "transformLogic": 'SELECT 1 FROM "sales"."bookings"."v1"',
        "description": "As in sales.bookings.v1.",
    }
    data = {
        "id": "crm.customers.v1",
        "schema": [
            {
                "properties": [column, {"name": "day", "transformSourceObjects": ["sales.bookings.v1.day"]}],
                "relationships": [
                    {"from": ["t.a", "t.b"], "to": ["sales.bookings.v1.a", "sales.bookings.v1.b"]},
                    {"from": "t.a", "to": "crm.customers.v1.a"},
                ],
                "quality": [{"name": "same", "query": "select 1 from SALES.bookings . v1"}, {"name": "other"}],
            }
        ],
        "customProperties": [
            {"property": "accuracyReference", "value": {"port": "sales.bookings.v1", "rule": "same"}},
            {"property": "tier", "value": "gold"},
        ],
    }
    told = without_unseen(data, lambda address: address == "crm.customers.v1")
    assert told == {
        "id": "crm.customers.v1",
        "schema": [
            {
                "properties": [
                    {
                        "name": "quantity",
                        "transformSourceObjects": ["receipts", "crm.customers.v1"],
                        "description": "As in sales.bookings.v1.",
                    },
                    {"name": "day"},
                ],
                "relationships": [{"from": "t.a", "to": "crm.customers.v1.a"}],
                "quality": [{"name": "other"}],
            }
        ],
        "customProperties": [{"property": "tier", "value": "gold"}],
    }
    assert without_unseen(data, lambda _: True) == data
    assert names_unseen(json.dumps(data), lambda address: address == "crm.customers.v1")
