"""Can a rule that compares with a reference be run? (Whether the reference may be read: see `together`.)"""

from __future__ import annotations

from collections.abc import Iterator

from platform_resources.contracts.findings import Finding
from platform_resources.contracts.model import Contract, QualityRule
from platform_resources.contracts.nodes import Node
from platform_resources.contracts.reference_rules import (
    ENGINE,
    METRIC,
    ReferenceRule,
    ReferenceRuleError,
    is_reference_rule,
    reference_rule_of,
)
from platform_resources.contracts.rule_checks import check_operator, rules_of, unknown_column

_EXAMPLE = f"{{metric: {METRIC}, reference: sales.bookings.v1, key: [day], compare: [amount], mustBe: 0}}"


def check_reference_rules(root: Node, contract: Contract) -> Iterator[Finding]:
    """Findings on the rules for the engine `mesh`, in the order of the file."""
    for node, rule in rules_of(root, contract):
        if rule.type == "custom" and rule.engine == ENGINE:
            yield from _check(node, rule, contract)


def _check(node: Node, rule: QualityRule, contract: Contract) -> Iterator[Finding]:
    implementation = node.at("implementation")
    if not is_reference_rule(rule.engine, rule.implementation):
        if implementation.value is not None:  # else the schema says so
            message = f"`implementation` is no mapping, which the engine {ENGINE} needs."
            yield implementation.finding("rule-reference", message, f"Write {_EXAMPLE}.")
        return
    try:
        asked = reference_rule_of(rule.implementation)
    except ReferenceRuleError as error:
        yield implementation.at(error.field).finding("rule-reference", error.message, error.remedy)
        return
    known = {column.name for column in contract.tables[int(node.path[1])].columns}  # schema, <table>, quality ...
    yield from _check_columns(implementation, asked, known)
    limits = {**rule.implementation, "unit": node.get("unit")}
    yield from check_operator(Node(node.document, limits, implementation.path))


def _check_columns(node: Node, asked: ReferenceRule, known: set[str]) -> Iterator[Finding]:
    for field, names in (
        ("compare", [each.column for each in asked.compare]),
        ("key", [own for own, _ in asked.key]),
        ("upTo", [asked.up_to[0]] if asked.up_to else []),
    ):
        for name in names:
            if name not in known:
                yield unknown_column(node.at(field), name, known)
