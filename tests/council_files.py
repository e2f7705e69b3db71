"""A small council in a folder: two tiers, four classifications, one semantic type, and the rules of a test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from platform_resources.contracts import Finding
from platform_resources.governance import Council, load_council

COUNCIL = """\
name: Data council
owner: council@retailer.example
approvers: [privacy@retailer.example, shop@retailer.example]
longestWaiverDays: 90
"""
TIERS = """\
tiers:
  gold: {freshness: PT1H, availability: 99.5, minimumScore: 90}
  silver: {freshness: P1D, availability: 99}
"""
CLASSIFICATIONS = """\
classifications:
  - {name: public, mask: none}
  - {name: internal, mask: none}
  - {name: personal, mask: required, clearance: gdpr, longestRetention: P3Y}
  - {name: restricted, mask: required, clearance: board}
"""
SEMANTIC_TYPES = """\
types:
  - id: customer_id
    title: Customer
    names: [household_id, customer_id]
    logicalType: integer
    physicalType: BIGINT
    options: {minimum: 1}
    reference: crm.customer_360.v1.household_id
"""
RULE: Mapping[str, Any] = {
    "id": "DOC-001",
    "title": "Columns are described",
    "reason": "Nobody asks a colleague what a column means.",
    "owner": "council@retailer.example",
    "family": "documentation",
    "severity": "error",
    "effectiveFrom": "2026-01-01",
    "appliesTo": "column",
    "require": {"field": "description", "exists": True},
    "message": "`{name}` has no description.",
    "remedy": "Add `description:`.",
    "examples": [{"failing": {"name": "a"}, "mended": {"name": "a", "description": "The first letter."}}],
}
WAIVER: Mapping[str, Any] = {
    "rule": "DOC-001",
    "product": "shop.orders",
    "approver": "privacy@retailer.example",
    "reason": "The words are being written.",
    "granted": "2026-02-01",
    "until": "2026-03-31",
}


def rule(*left_out: str, **changes: Any) -> dict[str, Any]:
    """The rule above, without some keys and with others changed."""
    return {key: value for key, value in {**RULE, **changes}.items() if key not in left_out}


def waiver(*left_out: str, **changes: Any) -> dict[str, Any]:
    return {key: value for key, value in {**WAIVER, **changes}.items() if key not in left_out}


def write_council(
    folder: Path,
    rules: Iterable[Mapping[str, Any]] = (),
    waivers: Iterable[Mapping[str, Any]] = (),
    files: Mapping[str, str] | None = None,
) -> Path:
    """The folder of the council, with `files` (path below it -> text) in place of those above or beside them."""
    texts = {
        "council.yaml": COUNCIL,
        "tiers.yaml": TIERS,
        "classifications.yaml": CLASSIFICATIONS,
        "semantic_types.yaml": SEMANTIC_TYPES,
        **{f"rules/{entry['id']}-{at}.yaml": dumped(entry) for at, entry in enumerate(rules)},
        **{f"waivers/{at}.yaml": dumped(entry) for at, entry in enumerate(waivers)},
        **(files or {}),
    }
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def sound_council(
    folder: Path,
    rules: Iterable[Mapping[str, Any]],
    waivers: Iterable[Mapping[str, Any]] = (),
    files: Mapping[str, str] | None = None,
) -> Council:
    """The council of `write_council`, in whose files nothing is wrong."""
    council = load_council(write_council(folder, rules, waivers, files))
    assert not council.findings, "\n".join(map(str, council.findings))
    return council


def dumped(data: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True)


def told(findings: Iterable[Finding], code: str) -> Finding:
    """The one finding with this code."""
    found = [finding for finding in findings if finding.code == code]
    assert len(found) == 1, "\n".join(map(str, findings))
    return found[0]
