"""What the gate costs grows with the contracts, and no faster."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from platform_resources.contracts import Contract, Document
from platform_resources.contracts.contract_view import contract_view
from platform_resources.governance import CompiledRules, load_council
from platform_resources.governance.rules import judge_contract
from tests.work import calls_of

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, tzinfo=UTC)
COUNCIL = load_council(ROOT / "governance")


def contracts(count: int) -> list[Contract]:
    """Contracts of 12 columns."""
    file = ROOT / "domains/crm/products/customer_360/v1.odcs.yaml"
    document = Document.load(file)
    table = document.data["schema"][0]
    data = {**document.data, "schema": [{**table, "properties": table["properties"][:12]}]}
    one = contract_view(Document(document.path, document.raw, data, document.lines))
    return [replace(one, id=f"crm.customer_{at}.v1") for at in range(count)]


def judge(those: list[Contract], rules: int) -> None:
    ready = CompiledRules(COUNCIL.rules[:rules], COUNCIL, NOW)
    for contract in those:
        judge_contract(ready, contract, COUNCIL, NOW)


def test_a_contract_is_judged_by_35_rules_with_few_calls() -> None:
    assert calls_of(lambda: judge(contracts(100), 35)) / 100 < 4_000


def test_cost_grows_with_the_number_of_contracts_only() -> None:
    small, large = (calls_of(lambda count=count: judge(contracts(count), 60)) for count in (50, 400))
    assert large < 8 * small * 1.1
