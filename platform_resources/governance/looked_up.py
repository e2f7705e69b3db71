"""Which of the council's catalogues a rule looks into, so that it rests while one of them can't be read.

Judged without its catalogue, a rule would find every column unclassified, or nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from platform_resources.contracts import Finding
from platform_resources.governance.fields import FieldError, parse_field
from platform_resources.governance.model import Council, Rule

# Catalogue, as `known:` calls it -> its file in the council's folder.
FILES: Mapping[str, str] = {
    "tiers": "tiers.yaml",
    "classifications": "classifications.yaml",
    "semanticTypes": "semantic_types.yaml",
}
_ROOTS = {"tier": "tiers", "classification": "classifications", "type": "semanticTypes"}
_FACTS = {"highestClassification": "classifications", "semanticType": "semanticTypes"}
# A Python rule can reach a catalogue in many ways; one that so much as names it is taken to look into it.
_WORDS = {
    "tiers": re.compile(r"tier"),
    "classifications": re.compile(r"classification"),
    "semanticTypes": re.compile(r"semantic_?type|\$type|\.types\b", re.IGNORECASE),
}


def looked_up(rule: Rule) -> frozenset[str]:
    """The catalogues that decide about a breach. A scope compares names that stand in the contracts: it needs none."""
    found = {*_of_predicate(rule.where), *_of_predicate(rule.require)}
    if rule.python is not None:
        text = rule.python.read_text(encoding="utf-8")
        found |= {name for name, words in _WORDS.items() if words.search(text)}
    return frozenset(found)


def missing_catalogues(rule: Rule, council: Council) -> list[str]:
    """Files of the catalogues that a rule looks into and that can't be read."""
    if not council.unread:
        return []
    wanted = looked_up(rule) & council.unread
    return [file for name, file in FILES.items() if name in wanted]


def resting(rules: Iterable[Rule], council: Council) -> list[Finding]:
    """For each catalogue that can't be read, which of `rules` rest because of it."""
    off: dict[str, list[str]] = {}
    for rule in rules:
        for file in missing_catalogues(rule, council):
            off.setdefault(file, []).append(rule.id)
    return [_told(council, file, ids) for file, ids in off.items()]


def _told(council: Council, file: str, ids: Sequence[str]) -> Finding:
    message = f"This file can't be used, so what looks into it is not applied: {', '.join(ids)}."
    remedy = "Mend the file; until then nobody is held to these rules."
    return Finding((council.folder or Path()) / file, 1, "", message, remedy, "error", "rules-off")


def _of_predicate(predicate: Any) -> Iterator[str]:
    if isinstance(predicate, list):
        for part in predicate:
            yield from _of_predicate(part)
    if not isinstance(predicate, dict):
        return
    for key, value in predicate.items():
        if key == "known" and isinstance(value, str):
            yield value
        elif key == "field" and isinstance(value, str):
            yield from _of_field(value)
        else:
            yield from _of_predicate(value)


def _of_field(text: str) -> Iterator[str]:
    try:
        field = parse_field(text)
    except FieldError:  # told where the rule is read
        return
    if field.root in _ROOTS:
        yield _ROOTS[field.root]
    elif field.root == "facts" and field.steps[0] in _FACTS:
        yield _FACTS[field.steps[0]]
