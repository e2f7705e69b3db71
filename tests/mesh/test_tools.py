"""The tools that a domain's developer uses beside `mesh`: dbt and Dagster's own commands."""

from __future__ import annotations

import shutil
from operator import itemgetter
from pathlib import Path

import pytest
import yaml

from tests.mesh.conftest import Mesh, console_script, finish
from tests.tiny_mesh import REPOSITORY
from tests.warm import WarmProcess

pytestmark = pytest.mark.slow

_WORKSPACE = yaml.safe_load((REPOSITORY / "workspace.yaml").read_text(encoding="utf-8"))
LOCATIONS = [entry["python_module"] for entry in _WORKSPACE["load_from"]]


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


@pytest.mark.parametrize("location", LOCATIONS, ids=itemgetter("location_name"))
def test_every_location_validates(built: Mesh, location: dict[str, str]) -> None:
    """Each by itself, as the workspace names it."""
    done = finish(
        WarmProcess(
            *("dagster", "definitions", "validate", "-m", location["module_name"]),
            cwd=REPOSITORY,
            env=built.environment | {"DAGSTER_HOME": ""},
        )
    )
    assert done.code == 0, done.out + done.err
    assert f"Validation successful for code location {location['module_name']}" in done.out + done.err


def test_the_merged_location_checks(built: Mesh) -> None:
    done = built.run(console_script("dg"), "check", "defs", env={"DAGSTER_HOME": ""})
    assert done.code == 0, done.out + done.err
