"""The room stays light, and its door shows what it has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import platform_resources.contracts as room


def test_everything_at_the_door_is_there() -> None:
    assert sorted(room.__all__, key=str.lower) == sorted(set(room.__all__), key=str.lower)
    assert all(hasattr(room, name) for name in room.__all__)


def test_heavy_packages_are_imported_only_where_needed() -> None:
    heavy = (
        "dagster",
        "dbt",
        "duckdb",
        "jsonschema",
        "pydantic",
        "ruamel.yaml",
        "open_data_contract_standard",
        "pandas",
    )
    code = f"import sys; import platform_resources.contracts; print([m for m in {heavy!r} if m in sys.modules])"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_documents_of_this_repository_have_no_errors() -> None:
    folders = [file.parent for file in (Path(__file__).parents[2] / "domains").glob("*/domain.yaml")]
    assert folders
    for folder in folders:
        room.load_domain(folder)
