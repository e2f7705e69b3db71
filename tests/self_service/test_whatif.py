"""A rule that is only proposed: what it would refuse today, and what it would have refused when."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from platform_resources.contracts import ContractError, Origin, load_mesh
from platform_resources.governance import Council, Waiver, load_rule
from platform_resources.self_service import whatif
from platform_resources.self_service.history import History, Run, read_history
from platform_resources.self_service.whatif import WhatIf, what_if
from tests.pipeline.building import CONTRACT, NOW, Shop, write_domain

RULE = """\
id: QUA-090
title: Products say how they are anonymous
reason: For the test.
owner: council@retailer.example
family: quality
severity: {severity}
effectiveFrom: 2030-01-01
graceUntil: 2030-06-30
appliesTo: {subject}
{scope}require: {require}
message: "{message}"
remedy: Mend it.
examples:
  - failing: {failing}
    mended: {mended}
"""
STOCK = CONTRACT.replace("value: gold", "value: silver")  # gold products bind every column to a term
WITH_K = STOCK.replace("customProperties:\n", "customProperties:\n  - {property: k, value: 5}\n")


def write_rule(folder: Path, **parts: str) -> Path:
    standard = {
        "severity": "error",
        "subject": "contract",
        "scope": "",
        "require": "{field: custom.k, exists: true}",
        "message": "{name} says no k.",
        "failing": "{name: Stock}",
        "mended": "{name: Stock, customProperties: [{property: k, value: 5}]}",
    }
    file = folder / "proposed.yaml"
    file.write_text(RULE.format(**(standard | parts)))
    return file


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Four publications, a day apart: only the third was made under a contract with `k`."""
    shop = Shop(tmp_path_factory.mktemp("whatif"))
    for number, contract in enumerate((STOCK, STOCK, WITH_K, STOCK), 1):
        shop.domain = write_domain(shop.root, contract=contract)
        shop.build(number)
        assert shop.publish(f"run-{number}", NOW + timedelta(days=number)).published
    return shop


def ask(shop: Shop, rule: Path, council: Council | None = None) -> WhatIf:
    council = council or Council(None)
    history = read_history(shop.settings, ["shop"])
    return what_if(load_rule(rule), load_mesh(shop.settings.domains), council, history, NOW + timedelta(days=5))


def test_today_and_when(shop: Shop, tmp_path: Path) -> None:
    answer = ask(shop, write_rule(tmp_path))
    assert answer.products == ("shop.stock",)
    assert [(item.product, item.waived_until) for item in answer.failing] == [("shop.stock", None)]
    assert answer.failing[0].findings[0].message == "Stock says no k."  # its dates are not looked at
    assert (answer.publications, answer.refused) == (4, 3)
    assert [(s.port, s.first, s.last, s.count) for s in answer.stretches] == [
        ("shop.stock.v1", 1, 2, 2),
        ("shop.stock.v1", 4, 4, 1),
    ]
    assert answer.stretches[0].since == NOW + timedelta(days=1)
    assert answer.stretches[0].until == NOW + timedelta(days=2)
    assert answer.stretches[0].messages == ("Stock says no k.",)


def test_a_rule_on_publications_sees_what_was_measured(shop: Shop, tmp_path: Path) -> None:
    rule = write_rule(
        tmp_path,
        subject="publication",
        require="{field: score, atLeast: 100.1}",
        message="It scores {score}.",
        failing="{score: 1}",
        mended="{score: 101}",
    )
    answer = ask(shop, rule)
    assert (answer.publications, answer.refused) == (4, 4)
    assert answer.failing[0].findings[0].message.startswith("It scores 100")
    lenient = write_rule(
        tmp_path,
        subject="publication",
        require="{field: score, atLeast: 50}",
        message="No.",
        failing="{score: 1}",
        mended="{score: 60}",
    )
    assert ask(shop, lenient).refused == 0


def test_a_rule_that_looks_at_the_day_is_judged_on_the_day(shop: Shop, tmp_path: Path) -> None:
    ends = STOCK.replace(
        "slaProperties:\n", f"slaProperties:\n  - {{property: endOfSupport, value: '{date(2026, 3, 4)}'}}\n"
    )
    history = read_history(shop.settings, ["shop"])
    run = history.runs[0]
    past = History(
        tuple(
            Run("shop.stock.v1", n, "1.0.0", "x", NOW + timedelta(days=n), run.rows, run.score, run.scores, None)
            for n in (1, 2, 3)
        ),
        {("shop.stock.v1", "x"): ends},
    )
    rule = load_rule(
        write_rule(
            tmp_path,
            require="{field: sla.endOfSupport.value, after: today}",
            failing="{slaProperties: [{property: endOfSupport, value: '2020-01-01'}]}",
            mended="{slaProperties: [{property: endOfSupport, value: '2099-01-01'}]}",
        )
    )
    answer = what_if(rule, load_mesh(shop.settings.domains), Council(None), past, NOW + timedelta(days=50))
    assert [(s.first, s.last) for s in answer.stretches] == [(2, 3)]


def test_what_the_log_does_not_keep_is_said(shop: Shop, tmp_path: Path) -> None:
    rule = write_rule(
        tmp_path,
        subject="product",
        severity="warning",
        require="{field: tags, exists: true}",
        failing="{name: stock}",
        mended="{name: stock, tags: [a]}",
    )
    answer = ask(shop, rule)
    assert [item.product for item in answer.failing] == ["shop.stock"]
    assert (answer.publications, answer.stretches) == (0, ())
    assert any("not product documents" in note for note in answer.notes)
    assert any("severity is warning" in note for note in answer.notes)


def test_a_waiver_is_told(shop: Shop, tmp_path: Path) -> None:
    waiver = Waiver("QUA-090", "shop.stock", "a@b.example", "why", date(2026, 12, 31), Origin(tmp_path, 1, ""))
    answer = ask(shop, write_rule(tmp_path), Council(None, waivers=(waiver,)))
    assert answer.failing[0].waived_until == date(2026, 12, 31)


def test_scope_and_broken_products(shop: Shop, tmp_path: Path) -> None:
    rule = write_rule(tmp_path, scope="scope: {domains: [other]}\n")
    assert (ask(shop, rule).failing, ask(shop, rule).refused) == ((), 0)
    broken = Shop(tmp_path, write_domain(tmp_path))
    (tmp_path / "domains/shop/products/stock/v1.odcs.yaml").write_text("nothing: here\n")
    answer = ask(broken, write_rule(tmp_path))
    assert answer.products == ()
    assert "their documents have errors, so they can't be judged: shop.stock" in answer.notes


def test_each_contract_is_judged_once(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[str] = []
    original = whatif.judge_contract

    def counted(*arguments: object, **named: object) -> object:
        judged.append("one")
        return original(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(whatif, "judge_contract", counted)
    history = read_history(shop.settings, ["shop"])
    many = History(tuple(history.runs) * 500, history.contracts)
    answer = what_if(load_rule(write_rule(tmp_path)), load_mesh(shop.settings.domains), Council(None), many, NOW)
    assert answer.publications == 2000
    assert len(judged) == 2


def test_a_broken_rule_is_refused_with_its_findings(tmp_path: Path) -> None:
    file = write_rule(tmp_path, require="{field: custom.k, exits: true}")
    with pytest.raises(ContractError, match="exits"):
        load_rule(file)


def test_without_a_lake_there_is_no_history(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    answer = ask(shop, write_rule(tmp_path))
    assert (answer.publications, len(answer.failing)) == (0, 1)
