"""A thousand contracts are judged in half a second, and twice as many in twice the time."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from platform_resources.contracts import Contract, Document
from platform_resources.contracts.contract_view import contract_view
from platform_resources.governance import CompiledRules, load_council
from platform_resources.governance.rules import judge_contract

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, tzinfo=UTC)
COUNCIL = load_council(ROOT / "governance")


def contracts(count: int) -> list[Contract]:
    """Contracts of 12 columns."""
    file = ROOT / "domains/crm/products/customer_360/v1.odcs.yaml"
    document = Document.load(file)
    table = document.data["schema"][0]
    data = {**document.data, "schema": [{**table, "properties": table["properties"][:12]}]}
    one = contract_view(replace(document, data=data))
    return [replace(one, id=f"crm.customer_{at}.v1") for at in range(count)]


def cpu_seconds(those: list[Contract], rules: int) -> float:
    """The best of three."""
    taken = []
    for _ in range(3):
        before = time.process_time()
        ready = CompiledRules(COUNCIL.rules[:rules], COUNCIL, NOW)
        for contract in those:
            judge_contract(ready, contract, COUNCIL, NOW)
        taken.append(time.process_time() - before)
    return min(taken)


def test_a_thousand_contracts_are_judged_by_35_rules_in_half_a_second() -> None:
    assert cpu_seconds(contracts(1_000), 35) < 0.5


def test_cost_grows_with_the_number_of_contracts_only() -> None:
    small, large = cpu_seconds(contracts(100), 60), cpu_seconds(contracts(800), 60)
    assert large < 8 * small * 1.5
