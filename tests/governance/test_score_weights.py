"""What a dimension weighs: the contract says it, else the tier, else the council, else it weighs 1."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from platform_resources.contracts import load_mesh
from platform_resources.contracts.score_weights import PROPERTY
from platform_resources.governance import Council, judge, load_council, score_weights
from tests.council_files import COUNCIL, TIERS, write_council
from tests.quality.building import column, contract
from tests.tiny_mesh import write_project

OF_ALL = "scoreWeights: {accuracy: 5, completeness: 4}\n"
OF_GOLD = "tiers:\n  gold: {freshness: PT1H, scoreWeights: {completeness: 3}}\n"


def council(folder: Path, more: str = OF_ALL, tiers: str = OF_GOLD) -> Council:
    found = load_council(write_council(folder, files={"council.yaml": COUNCIL + more, "tiers.yaml": tiers}))
    assert not found.findings, "\n".join(map(str, found.findings))
    return found


@pytest.mark.parametrize(
    ("custom", "said"),
    [
        ({}, {"accuracy": (5, "council"), "completeness": (4, "council")}),
        ({"tier": "gold"}, {"accuracy": (5, "council"), "completeness": (3, "tier gold")}),
        ({"tier": "silver"}, {"accuracy": (5, "council"), "completeness": (4, "council")}),
        (
            {"tier": "gold", PROPERTY: {"accuracy": 0, "timeliness": 2}},
            {"accuracy": (0, "contract"), "completeness": (3, "tier gold"), "timeliness": (2, "contract")},
        ),
        (
            {"tier": ["gold"], PROPERTY: {"accuracy": "much"}},
            {"accuracy": (5, "council"), "completeness": (4, "council")},
        ),
    ],
)
def test_who_is_nearer_to_the_product_decides(custom: dict[str, Any], said: dict[str, Any], tmp_path: Path) -> None:
    found = score_weights(council(tmp_path), contract([column("a")], **custom))
    assert {name: (weight, found.said_by[name]) for name, weight in found.values.items()} == said


def test_a_council_may_keep_the_scales_to_itself(tmp_path: Path) -> None:
    strict = council(tmp_path, OF_ALL + "contractsMayWeigh: false\n")
    found = score_weights(strict, contract([column("a")], scoreWeights={"accuracy": 0, "coverage": 9}))
    assert found.values == {"accuracy": 5, "completeness": 4}


def test_a_council_that_says_nothing_leaves_it_to_the_contract(tmp_path: Path) -> None:
    found = score_weights(council(tmp_path, "", TIERS), contract([column("a")], scoreWeights={"accuracy": 2}))
    assert found.values == {"accuracy": 2}


def test_weights_that_count_for_nothing_are_told_where_they_stand(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "tiny") / "domains"
    file = folder / "shop/products/orders/v1.odcs.yaml"
    file.write_text(file.read_text() + "  - {property: scoreWeights, value: {accuracy: 2}}\n")
    now = datetime(2026, 3, 2, tzinfo=UTC)
    mesh = load_mesh(folder)
    assert judge(mesh, council(tmp_path / "a"), {}, now) == []
    (told,) = judge(mesh, council(tmp_path / "b", "contractsMayWeigh: false\n"), {}, now)
    assert (told.standing, told.product, told.finding.code) == ("warns", "shop.orders", "score-weights-overruled")
    assert file.read_text().splitlines()[told.finding.line - 1] == "  - {property: scoreWeights, value: {accuracy: 2}}"
    assert judge(mesh, council(tmp_path / "c", "contractsMayWeigh: false\n"), {}, now, domain="ledger") == []


@pytest.mark.parametrize(
    "wrong",
    ["scoreWeights: {}\n", "scoreWeights: {validity: 1}\n", "scoreWeights: {accuracy: -1}\n", "contractsMayWeigh: 1\n"],
)
def test_nonsense_is_found_in_the_council_s_file(wrong: str, tmp_path: Path) -> None:
    found = load_council(write_council(tmp_path, files={"council.yaml": COUNCIL + wrong}))
    (finding,) = found.findings
    assert (finding.file.name, finding.severity) == ("council.yaml", "error")
    assert found.mandate.score_weights == {}
