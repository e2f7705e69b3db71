"""The mesh's contracts -> the task that every tool is given."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.quality.peers.rules import Rule, Task
from platform_resources.contracts import Contract
from platform_resources.quality import Check, compile_checks


def task_of(contracts: Mapping[str, Contract], today: str) -> Task:
    """Every check of the contracts; types are those that the contract names physically."""
    types = {
        table: {column.name: column.physical_type or "" for column in contract.table.columns}
        for table, contract in contracts.items()
    }
    rules = (_rule(table, check) for table, contract in contracts.items() for check in compile_checks(contract))
    return Task(types, today, tuple(rules))


def _rule(table: str, check: Check) -> Rule:
    arguments = {name: list(value) if isinstance(value, tuple) else value for name, value in check.arguments.items()}
    return Rule(
        name=f"{table}.{check.name}",
        table=table,
        kind=check.kind,
        columns=check.columns,
        arguments=arguments,
        operator=check.operator or "mustBe",
        threshold=list(check.threshold) if isinstance(check.threshold, tuple) else check.threshold,
        unit=check.unit,
        query=check.query,
    )
