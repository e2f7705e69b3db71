"""Rules that hold rows against a reference: what a difference in their `implementation` does to the promise."""

from __future__ import annotations

from typing import Any

from platform_resources.contracts.changes.model import Verdict
from platform_resources.contracts.changes.verdicts import both, loosens, neutral, tightens
from platform_resources.contracts.reference_rules import (
    ReferenceRule,
    ReferenceRuleError,
    is_reference_rule,
    reference_rule_of,
)


def is_comparing(rule: dict[str, Any]) -> bool:
    """Whether a rule is such a one."""
    return is_reference_rule(rule.get("engine"), rule.get("implementation"))


def limited(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule with its operator where other rules have theirs."""
    return {**rule["implementation"], "unit": rule.get("unit")} if is_comparing(rule) else rule


def grade_reference_rule(before: dict[str, Any], after: dict[str, Any], field: str) -> Verdict:
    """A difference at `field` of the implementation of two such rules; operators are graded as those of any rule."""
    try:
        old, new = (reference_rule_of(rule["implementation"]) for rule in (before, after))
    except ReferenceRuleError:
        return both("The rule checks something else, or can't be run.")
    if field == "tolerance":
        return _tolerance(old, new)
    if field == "unmatched":
        return _unmatched(old, new)
    if field == "compare":
        return _compared(old, new)
    same = (old.reference, old.key, old.up_to) == (new.reference, new.key, new.up_to)
    return neutral("Wording: the rule checks the same.") if same else both("The rule compares with other rows.")


def _tolerance(old: ReferenceRule, new: ReferenceRule) -> Verdict:
    wider = new.absolute > old.absolute or new.relative > old.relative
    narrower = new.absolute < old.absolute or new.relative < old.relative
    if wider and narrower:
        return both("Other values pass for accurate than before.")
    if wider:
        return loosens("Values that are farther from the reference pass for accurate.")
    return tightens("Values must be closer to the reference.") if narrower else neutral("The same tolerance.")


def _unmatched(old: ReferenceRule, new: ReferenceRule) -> Verdict:
    if old.unmatched_differ == new.unmatched_differ:
        return neutral("Rows that the reference doesn't know are told where nothing else is said.")
    if new.unmatched_differ:
        return tightens("Rows that the reference doesn't know fail the rule.")
    return loosens("Rows that the reference doesn't know no longer fail the rule.")


def _compared(old: ReferenceRule, new: ReferenceRule) -> Verdict:
    was, is_now = ({each.column: each for each in side.compare} for side in (old, new))
    changed = any(was[name] != is_now[name] for name in was.keys() & is_now.keys())
    more, fewer = is_now.keys() - was.keys(), was.keys() - is_now.keys()
    if changed or (more and fewer):
        return both("The rule compares other values.")
    if more:
        return tightens("More columns are compared with the reference.")
    return loosens("Fewer columns are compared with the reference.") if fewer else neutral("The same columns.")
