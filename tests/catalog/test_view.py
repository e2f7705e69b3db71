"""The kept state of the mesh: as good as a fresh one, and renewed once for all who ask at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from platform_resources.catalog import mesh_state
from platform_resources.catalog import view as view_module
from platform_resources.catalog.state import DomainState, domain_state
from platform_resources.catalog.view import CatalogView
from platform_resources.lake import Publication, publications, utc_now
from platform_resources.pipeline import documents
from tests.guarded import CUSTOMERS, GuardedMesh, make_mesh


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[GuardedMesh]:
    made = make_mesh(tmp_path)
    yield made
    made.access.close()


@pytest.fixture
def view(mesh: GuardedMesh) -> Iterator[CatalogView]:
    made = CatalogView(mesh.settings)
    yield made
    made.close()


def log_of(view: CatalogView) -> list[Publication]:
    """What the view tells of the log of a port, newest first."""
    return view.told(CUSTOMERS, "log", lambda con: publications(con, CUSTOMERS.domain, CUSTOMERS))


def test_the_kept_state_is_the_fresh_one(mesh: GuardedMesh, view: CatalogView) -> None:
    for _ in range(3):
        (kept,), (fresh,) = view.domains(), mesh_state(mesh.settings, utc_now())
        assert [p.publication for p in kept.ports] == [p.publication for p in fresh.ports]
        assert kept.ports[0].port == fresh.ports[0].port
        mesh.publish()


def test_nothing_is_read_anew_while_nothing_changed(view: CatalogView) -> None:
    view.domains()  # opening a lake for the first time makes files beside its catalog
    once = view.domains()
    assert all(one is other for one, other in zip(once, view.domains(), strict=True))


def test_a_product_is_looked_up_by_its_address_until_the_documents_change(view: CatalogView) -> None:
    read = view.documents
    assert read.products["shop.customers"] is next(read.mesh.products)
    assert read.products is view.documents.products
    (view.settings.domains / "shop" / "products" / "customers" / "product.odps.yaml").unlink()
    assert "shop.customers" not in view.documents.products


def test_every_reader_sees_what_was_published_before_it_asked(mesh: GuardedMesh, view: CatalogView) -> None:
    with ThreadPoolExecutor(8) as threads:
        for number in range(2, 5):
            mesh.publish()
            states = list(threads.map(lambda _: view.port(CUSTOMERS), range(16)))
            assert {state.publication.number for state in states if state} == {number}
            assert [entry.number for entry in log_of(view)] == list(range(number, 0, -1))


def test_of_a_big_mesh_nobody_waits_for_what_only_time_made_old(
    mesh: GuardedMesh, view: CatalogView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "_FEW", 0)
    monkeypatch.setattr(view_module, "_JUDGED_SECONDS", 0)
    view.domains()  # opening a lake for the first time makes files beside its catalog
    judging = []

    def judged(*asked: Any) -> DomainState:
        judging.append(threading.current_thread())
        return domain_state(*asked)

    monkeypatch.setattr(view_module, "domain_state", judged)
    first, second = view.port(CUSTOMERS), view.port(CUSTOMERS)
    assert first is not None
    assert second is not None
    assert second.publication == first.publication
    assert second.freshness.age > first.freshness.age
    mesh.publish()
    assert view.port(CUSTOMERS).publication.number == 2, "what was published is there at once"
    view.close()  # waits for what goes on in the background
    me = threading.current_thread()
    assert [thread is me for thread in judging] in ([True, False, True], [True, True]), "who asks judged twice"


def test_a_contract_that_was_published_is_told_as_it_was(mesh: GuardedMesh, view: CatalogView) -> None:
    mesh.publish(version="1.1.0")
    newest, first = log_of(view)
    assert view.promise(CUSTOMERS, newest).contract.version == "1.1.0"
    assert view.promise(CUSTOMERS, first).contract.version == "1.0.0"
    assert "version: 1.0.0" in view.promise(CUSTOMERS, first).document
