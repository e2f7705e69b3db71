"""A mesh home of its own for what imports the real domains, and the tiny mesh for what runs something."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_resources.contracts import load_domain
from platform_resources.contracts.model import Domain
from platform_resources.lake import MeshSettings
from tests.tiny_mesh import REPOSITORY, write_project


@pytest.fixture(scope="session")
def real_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The repository with a fresh mesh home, in the environment from which definitions take it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MESH_PROJECT", str(REPOSITORY))
        patch.setenv("MESH_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
        yield REPOSITORY


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MeshSettings:
    """The tiny mesh in the environment of this process; nothing landed, nothing built."""
    project, home = write_project(tmp_path / "project"), tmp_path / "home"
    monkeypatch.setenv("MESH_PROJECT", str(project))
    monkeypatch.setenv("MESH_HOME", str(home))
    return MeshSettings(home=home, project=project)


@pytest.fixture
def shop(tiny: MeshSettings) -> Domain:
    return load_domain(tiny.domains / "shop")
