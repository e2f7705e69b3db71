"""The judged queries hold the aims, over the shipped products alone and among 500 others."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.search_quality import (
    AIM_FIRST,
    AIM_NDCG,
    HELD_OUT,
    distractors,
    figures,
    finder,
    judged_queries,
    measure,
    ndcg,
)
from platform_resources.catalog.index import ProductEntry, TermEntry
from platform_resources.catalog.view import CatalogView
from tests.shipped import make_shipped


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[ProductEntry], dict[str, TermEntry]]:
    mesh = make_shipped(tmp_path_factory.mktemp("mesh"), publications=1)
    with mesh.access() as access:
        view = CatalogView(mesh.settings, access.guard.lakes, access.control)
        view.index.renew(at_once=True)
        told = list(view.index.each_product()), dict(view.index.terms())
        view.close()
    return told


@pytest.mark.parametrize("others", [0, 500])
def test_the_judged_queries_find_what_is_meant(
    tmp_path: Path, shipped: tuple[list[ProductEntry], dict[str, TermEntry]], others: int
) -> None:
    products, terms = shipped
    measured = measure(finder(tmp_path, [*products, *distractors(others)], terms), judged_queries())
    mean, first = figures(measured)
    worst = sorted(measured, key=lambda item: item.ndcg)[:5]
    assert mean >= AIM_NDCG, worst
    assert first >= AIM_FIRST, worst


def test_the_judgements_are_complete(shipped: tuple[list[ProductEntry], dict[str, TermEntry]]) -> None:
    tuned, held_out = judged_queries(), judged_queries(HELD_OUT)
    queries, addresses = [*tuned, *held_out], {entry.address for entry in shipped[0]}
    assert (len(tuned) >= 60, len(held_out) >= 20) == (True, True)
    assert len({item.query.lower() for item in queries}) == len(queries)  # no question is in both
    assert {item.by for item in queries} == {"analyst", "manager", "engineer", "agent"}
    for item in queries:
        assert item.grades.keys() <= addresses, item
        assert set(item.grades.values()) <= {1, 2, 3}, item
        assert 3 in item.grades.values(), item
    assert addresses == {product for item in queries for product, grade in item.grades.items() if grade == 3}


def test_the_held_out_questions_are_no_worse_than_reported(
    tmp_path: Path, shipped: tuple[list[ProductEntry], dict[str, TermEntry]]
) -> None:
    """Never a reason to tune on them: one that gets worse tells that something broke for questions nobody foresaw."""
    products, terms = shipped
    measured = measure(finder(tmp_path, products, terms), judged_queries(HELD_OUT))
    mean, first = figures(measured)
    worst = sorted(measured, key=lambda item: item.ndcg)[:5]
    assert mean >= 0.8, worst
    assert first >= 0.7, worst


def test_the_measure() -> None:
    assert ndcg(["a", "b"], {"a": 3, "b": 1}) == 1
    assert ndcg(["b", "a"], {"a": 3, "b": 1}) < 1
    assert ndcg([], {"a": 3}) == 0
