"""`mesh search`, as people and programs use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.quick import QuickMesh
from tests.shipped import make_shipped


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> QuickMesh:
    folder: Path = tmp_path_factory.mktemp("mesh")
    made = make_shipped(folder, publications=1)
    return QuickMesh(made.settings.project, made.settings.home)


def test_a_table_for_people(mesh: QuickMesh) -> None:
    told = mesh("search", "client", "value", "--as", "service-desk")
    assert told.code == 0
    lines = told.out.splitlines()
    assert lines[0].split() == ["product", "why", "score", "freshness", "readable"]
    assert lines[1].startswith("crm.customer_lifetime_value.v1")
    assert "client value" in lines[1]
    assert lines[1].rstrip().endswith("ask")
    assert "mesh access request crm.customer_lifetime_value.v1" in told.err
    assert "Customer lifetime value (crm.lifetime_value)" in told.out


def test_a_slip_is_told(mesh: QuickMesh) -> None:
    told = mesh("search", "custmer lifetime valu", "--as", "analyst")
    assert "did you mean customer lifetime value?" in told.out
    assert "crm.customer_lifetime_value.v1" in told.out


def test_what_a_hit_leaves_open_is_told(mesh: QuickMesh) -> None:
    told = mesh("search", "who buys at night", "--as", "analyst")
    assert "without night" in told.out
    assert "related terms: Customer (crm.customer)" in told.out


def test_json_for_programs(mesh: QuickMesh) -> None:
    told = json.loads(mesh("search", "revenue", "--domain", "finance", "--as", "analyst", "--json").out)
    assert [hit["product"] for hit in told["hits"]] == ["finance.revenue"]
    assert told["total"] == 1


def test_nothing_and_everything(mesh: QuickMesh) -> None:
    nothing = mesh("search", "qqqqqqqq", "--as", "analyst")
    assert (nothing.code, nothing.out.strip()) == (0, "nothing found")
    assert mesh("search", "--as", "analyst").out.count(".v1") == 6
    assert mesh("search", "x" * 10_000, "--as", "analyst").code == 0
    assert mesh("search", "revenue", "--as", "nobody-known").code == 2
