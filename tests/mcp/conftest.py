"""The shipped products, made once for these tests, and agents that act for somebody."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from platform_resources.access import Access, Identity
from platform_resources.access.callers.identities import save_identity
from platform_resources.access.callers.tokens import create_token
from platform_resources.catalog.view import CatalogView
from platform_resources.lake import MeshSettings
from platform_resources.serving import create_app
from platform_resources.serving.limits import ApiLimits
from tests.guarded import GuardedMesh, make_mesh
from tests.mcp.agents import Agent, server_for
from tests.serving.conftest import run_server
from tests.shipped import ShippedMesh, make_shipped

NEWCOMER = "newcomer"  # a person without any grant


@dataclass
class Agents:
    """Agents on one mesh, by the token that they show. They share a server (0.3 s), which asks for it every time."""

    access: Access
    view: CatalogView
    token: Callable[[str], str]
    kept: dict[tuple[str, str], Agent] = field(default_factory=dict)
    shown: str = ""

    def __post_init__(self) -> None:
        self.server = server_for(self.access, self.view, lambda: self.shown)

    def __call__(self, who: str, mode: str = "auto") -> Agent:
        if (who, mode) not in self.kept:
            self.kept[who, mode] = Agent(self.server, mode, partial(setattr, self, "shown", self.token(who)))
        return self.kept[who, mode]

    def limited(self, who: str, limits: ApiLimits) -> Agent:
        return Agent(server_for(self.access, self.view, self.token(who), limits))


@pytest.fixture(scope="session")
def shipped_mesh(tmp_path_factory: pytest.TempPathFactory) -> ShippedMesh:
    """Only read by tests, but for requests for access, each by an identity of its own."""
    mesh = make_shipped(tmp_path_factory.mktemp("shipped"), publications=1)
    for number in (2, 3):
        mesh.publish("crm.customer_360.v1", number, number)
    with mesh.access() as access:
        save_identity(access.control, Identity(NEWCOMER, "person", "New Comer", purpose="analytics"))
    return mesh


def agents_on(mesh: ShippedMesh) -> Iterator[Agents]:
    with mesh.access() as access, closing(CatalogView(mesh.settings, access.guard.lakes)) as view:
        made = {NEWCOMER: create_token(access.control, NEWCOMER, created_by="tests", scopes=("read", "request"))}
        yield Agents(access, view, lambda who: made.get(who) or mesh.token(who))


@pytest.fixture(scope="session")
def served(shipped_mesh: ShippedMesh) -> Iterator[str]:
    """The URL of a server of that mesh."""
    with (
        Access(shipped_mesh.settings, personas=False) as access,
        run_server(create_app(shipped_mesh.settings, access=access)) as url,
    ):
        yield url


@pytest.fixture(scope="session")
def agents(shipped_mesh: ShippedMesh) -> Iterator[Agents]:
    yield from agents_on(shipped_mesh)


@pytest.fixture(scope="session")
def analyst(agents: Agents) -> Agent:
    return agents("analyst")


@pytest.fixture(scope="module")
def changed(shipped_mesh: ShippedMesh, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ShippedMesh]:
    """Copies of the shipped mesh's documents over the same data, to be changed."""
    folder = tmp_path_factory.mktemp("changed")

    def copied(name: str) -> ShippedMesh:
        project = folder / name
        shutil.copytree(shipped_mesh.settings.project, project)
        return ShippedMesh(MeshSettings(home=shipped_mesh.settings.home, project=project))

    return copied


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedMesh]:
    """`shop.customers.v1` with a canary in every masked value, one for all tests that publish to it: each reads what it
    published itself.
    """
    with closing_mesh(tmp_path_factory.mktemp("published")) as mesh:
        yield mesh


@pytest.fixture(scope="session")
def guarded_agents(guarded: GuardedMesh) -> Iterator[Agents]:
    yield from agents_of(guarded)


@pytest.fixture(scope="session")
def reading_agents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agents]:
    """Agents on one such mesh for all tests that only read."""
    with closing_mesh(tmp_path_factory.mktemp("guarded")) as mesh:
        yield from agents_of(mesh)


@contextmanager
def closing_mesh(folder: Path) -> Iterator[GuardedMesh]:
    mesh = make_mesh(folder)
    try:
        yield mesh
    finally:
        mesh.access.close()


def agents_of(mesh: GuardedMesh) -> Iterator[Agents]:
    with closing(CatalogView(mesh.settings, mesh.access.guard.lakes)) as view:
        yield Agents(mesh.access, view, lambda who: mesh.tokens.get(who) or mesh.token(who))
