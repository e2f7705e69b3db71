"""The tools that a domain's developer uses beside `mesh`: dbt and Dagster's own commands."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.mesh.conftest import Mesh, console_script, finish
from tests.tiny_mesh import REPOSITORY
from tests.warm import WarmProcess

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(built: Mesh, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One copy of the state for all of them: dbt writes."""
    home = tmp_path_factory.mktemp("tools") / "home"
    shutil.copytree(built.home, home)
    return home


@pytest.mark.parametrize("domain", ["sales", "finance", "crm", "inventory", "supply_chain"])
def test_dbt_build_of_each_domain(built: Mesh, home: Path, domain: str, tmp_path: Path) -> None:
    mesh = Mesh(REPOSITORY, home, built.landed_until)
    folders = ("--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path / "logs"))
    dbt = WarmProcess(
        *("dbt.cli.main", "build", "--target", domain, *folders),
        cwd=REPOSITORY / "dbt_project",
        env=mesh.environment | {"DBT_PROFILES_DIR": "."},
    )
    done = finish(dbt)
    assert done.code == 0, done.out + done.err
    models = list((REPOSITORY / "dbt_project/models" / domain).glob("**/*.sql"))
    assert ("ERROR=0" in done.out) if models else ("Nothing to do" in done.out), done.out


def test_every_location_validates(built: Mesh) -> None:
    done = built.run(
        *(console_script("dagster"), "definitions", "validate", "-w", "workspace.yaml"),
        env={"PYTHONWARNINGS": "ignore", "DAGSTER_HOME": ""},
    )
    assert done.code == 0, done.out + done.err
    for domain in ("crm", "finance", "inventory", "sales", "supply_chain"):
        assert f"Validation successful for code location {domain}" in done.out + done.err


def test_the_merged_location_checks(built: Mesh) -> None:
    done = built.run(console_script("dg"), "check", "defs", env={"DAGSTER_HOME": ""})
    assert done.code == 0, done.out + done.err
