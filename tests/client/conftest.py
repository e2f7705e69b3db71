"""A client for each of three readers, over HTTP and in-process, on one mesh."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from platform_resources.client import Mesh
from tests.guarded import GuardedMesh
from tests.serving.conftest import Api, served_mesh

PORT = "shop.customers.v1"
DOORS = ("http", "in-process")
READERS = ("ana", "desk", "reggie")

Connect = Callable[..., Mesh]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One mesh and its server for all tests of a module that only read."""
    with served_mesh(tmp_path_factory.mktemp("mesh")) as served:
        yield served


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Api]:
    """A mesh and a server of this test's own: may be published to, granted, revoked."""
    with served_mesh(tmp_path) as served:
        yield served


@pytest.fixture
def connecting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Api], Connect]]:
    """`connecting(api)("ana", "http")` is a client of that reader through that door; closed at the end."""
    made: list[Mesh] = []
    monkeypatch.setenv("MESH_CACHE", str(tmp_path / "cache"))

    def to(api: Api) -> Connect:
        monkeypatch.setenv("MESH_HOME", str(api.mesh.settings.home))
        monkeypatch.setenv("MESH_PROJECT", str(api.mesh.settings.project))

        def connect(who: str, door: str = "http", **options: object) -> Mesh:
            where = api.url if door == "http" else None
            made.append(Mesh(where, token=token_of(api.mesh, who), **options))
            return made[-1]

        return connect

    yield to
    for mesh in made:
        mesh.close()


def token_of(mesh: GuardedMesh, who: str) -> str:
    return mesh.tokens.get(who) or mesh.token(who)
