"""One mesh of the shipped products, and indexes over it. A test leaves the mesh as it was, but for publications."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from platform_resources.catalog.index.store import CatalogIndex
from platform_resources.catalog.view import CatalogView
from tests.shipped import ShippedMesh, make_shipped
from tests.tiny_mesh import REPOSITORY, environment


@pytest.fixture(scope="package")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> ShippedMesh:
    return make_shipped(tmp_path_factory.mktemp("shipped"), publications=1)


@pytest.fixture
def open_index(shipped: ShippedMesh) -> Iterator[Callable[[], CatalogIndex]]:
    """An index as another process would have it: it shares nothing but the files."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(closing(CatalogView(shipped.settings))).index


@pytest.fixture
def index(open_index: Callable[[], CatalogIndex]) -> CatalogIndex:
    return open_index()


def run_python(mesh: ShippedMesh, program: str, *arguments: str) -> bytes:
    """What a process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environment(mesh.settings.project, mesh.settings.home),
        cwd=REPOSITORY,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
