"""One mesh per test, copied from one that was made: a lake and a control database may be moved as they are."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_resources.access import Access
from platform_resources.lake import MeshSettings
from tests.guarded import GuardedMesh, make_mesh


@pytest.fixture(scope="session")
def made_mesh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("guarded")
    make_mesh(folder).access.close()
    return folder


@pytest.fixture
def copied_mesh(made_mesh: Path, tmp_path: Path) -> Iterator[GuardedMesh]:
    folder = Path(shutil.copytree(made_mesh, tmp_path / "mesh"))
    settings = MeshSettings(home=folder / "home", project=folder / "project")
    with Access(settings, personas=False) as access:
        yield GuardedMesh(settings, access)
