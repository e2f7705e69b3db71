"""The portal of a real server: a browser's cookies, origin and forms, by httpx."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from platform_resources.access import Access
from platform_resources.lake import MeshSettings
from platform_resources.serving import create_app
from tests.guarded import GuardedMesh, make_mesh
from tests.serving.conftest import NO_TLS, run_server
from tests.shipped import ShippedMesh, make_shipped

_CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


class Browser(httpx.Client):
    """Keeps cookies and follows nothing by itself."""

    def __init__(self, url: str) -> None:
        super().__init__(base_url=url, timeout=60, trust_env=False, verify=NO_TLS)
        self.origin = url

    def sign_in(self, token: str, **fields: str) -> httpx.Response:
        return self.post("/sign-in", data={"token": token, **fields}, headers={"Origin": self.origin})

    def csrf(self, path: str = "/me") -> str:
        """The token of the forms on a page."""
        found = _CSRF.search(self.get(path).text)
        assert found is not None, f"{path} has no form"
        return found[1]

    def submit(self, path: str, page: str = "/me", **fields: object) -> httpx.Response:
        """Send a form of `page`, as a browser does."""
        data = {"csrf": self.csrf(page), **fields}
        return self.post(path, data=data, headers={"Origin": self.origin, "Sec-Fetch-Site": "same-origin"})


@dataclass
class Portal:
    url: str
    access: Access
    mesh: ShippedMesh | GuardedMesh

    @contextmanager
    def browser(self, token: str | None = None) -> Iterator[Browser]:
        """A browser; with a token it is signed in."""
        with Browser(self.url) as browser:
            if token is not None:
                assert browser.sign_in(token).status_code == 303
            yield browser


@contextmanager
def run_portal(
    settings: MeshSettings, mesh: ShippedMesh | GuardedMesh, *, personas: bool = True, **options: object
) -> Iterator[Portal]:
    """Serve a mesh; `options` go to `create_app`."""
    with (
        Access(settings, personas=personas) as access,
        run_server(create_app(settings, access=access, **options)) as url,
    ):
        yield Portal(url, access, mesh)


@pytest.fixture(scope="module")
def shipped_portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The shipped products: for tests that change nothing that others of their module look at."""
    mesh = make_shipped(tmp_path_factory.mktemp("shipped"), publications=1)
    with run_portal(mesh.settings, mesh) as portal:
        yield portal


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    """One product, and identities of the test's own (0.8 s)."""
    mesh = make_mesh(tmp_path)
    try:
        with run_portal(mesh.settings, mesh, personas=False) as running:
            yield running
    finally:
        mesh.access.close()


@pytest.fixture(scope="module")
def kept_portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The same, one for all tests of a module that disturb no other."""
    mesh = make_mesh(tmp_path_factory.mktemp("mesh"))
    try:
        with run_portal(mesh.settings, mesh, personas=False) as running:
            yield running
    finally:
        mesh.access.close()
