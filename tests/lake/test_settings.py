"""Which project a command is for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import platform_resources
from platform_resources.lake import find_project_root


def test_a_project_is_found_from_within(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MESH_PROJECT", raising=False)
    inside = tmp_path / "domains" / "crm"
    inside.mkdir(parents=True)
    (tmp_path / "workspace.yaml").touch()
    assert find_project_root(inside) == tmp_path
    monkeypatch.chdir(inside)
    assert find_project_root() == tmp_path


def test_an_installed_package_is_no_project(tmp_path: Path) -> None:
    """Nothing is taken for a project, and nothing is written beside the package."""
    installed, elsewhere = tmp_path / "site-packages", tmp_path / "elsewhere"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(platform_resources.__file__).parent, installed / "platform_resources", ignore=ignored)
    elsewhere.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "platform_resources.cli", "search", "revenue"],
        cwd=elsewhere,
        env={"PYTHONPATH": str(installed), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    told = " ".join(done.stderr.split())
    assert "is in no project of a mesh" in told
    assert "MESH_PROJECT" in told
    assert [entry.name for entry in installed.iterdir()] == ["platform_resources"]
