"""`governance/` -> the council: rules, catalogues, waivers, and what is wrong with these files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from platform_resources.contracts import Finding, errors
from platform_resources.governance.catalogues import (
    read_classifications,
    read_mandate,
    read_purposes,
    read_semantic_types,
    read_tiers,
)
from platform_resources.governance.looked_up import FILES, missing_catalogues, resting
from platform_resources.governance.model import Council, Rule, Waiver
from platform_resources.governance.rule_files import read_rule
from platform_resources.governance.waiver_files import read_waiver

_CATALOGUES = ("council.yaml", *FILES.values(), "purposes.yaml")

WAIVERS = "waivers"  # folder of the waivers within the council's


def load_council(folder: Path) -> Council:
    """The council's decisions in `folder`; without that folder, a council that has decided nothing.

    What is wrong with its files is in `Council.findings`; a file with errors is not applied, the others are. Rules that
    look into a catalogue with errors rest: judged without it, they would block everybody or nobody. Whether
    rules and waivers fit the products of a mesh is looked at where there is one: see `waivers.check_waivers`.
    """
    if not folder.is_dir():
        return Council(folder)
    mandate, findings = read_mandate(folder)
    tiers, of_tiers = read_tiers(folder)
    classifications, of_classifications = read_classifications(folder)
    types, of_types = read_semantic_types(folder)
    purposes, of_purposes = read_purposes(folder, classifications)
    catalogues = {
        **{"tiers": of_tiers, "classifications": of_classifications, "semanticTypes": of_types},
        "purposes": of_purposes,
    }
    for found in catalogues.values():
        findings += found
    unread = frozenset(name for name, found in catalogues.items() if errors(found))
    council = Council(
        folder,
        mandate,
        tiers=tiers,
        classifications=classifications,
        semantic_types=types,
        purposes=purposes,
        unread=unread,
    )
    rules, unusable, found = _read_rules(folder / "rules", council)
    findings += found
    waivers: list[Waiver] = []
    for path in _files(folder / WAIVERS):
        waiver, found = read_waiver(path, mandate, rules, unusable)
        findings += found
        if waiver is not None:
            waivers.append(waiver)
    findings += _strays(folder, rules.values(), modules_known=not unusable)
    return replace(council, rules=tuple(rules.values()), waivers=tuple(waivers), findings=tuple(findings))


def _read_rules(folder: Path, council: Council) -> tuple[dict[str, Rule], set[str], list[Finding]]:
    """The rules by id, ids of those that can't be applied, and everything found."""
    rules: dict[str, Rule] = {}
    unusable: set[str] = set()
    findings: list[Finding] = []
    for path in _files(folder):
        rule, found = read_rule(path, council)
        findings += found
        if rule is None:
            unusable.add("-".join(path.stem.split("-")[:2]))
        elif rule.id in rules:
            first = rules[rule.id].origin.file.name
            remedy = "Give one of them another id; ids are never used again."
            message = f"The rule {rule.id} stands in {first} already; this file is not applied."
            findings.append(Finding(path, rule.origin.line, "id", message, remedy, "error", "duplicate-id"))
        else:
            rules[rule.id] = rule
    findings += resting(rules.values(), council)
    for rule in [rule for rule in rules.values() if missing_catalogues(rule, council)]:
        unusable.add(rule.id)
        del rules[rule.id]
    return rules, unusable, findings


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!._]*.yaml")) if folder.is_dir() else []


def _strays(folder: Path, rules: Iterable[Rule], *, modules_known: bool) -> Iterator[Finding]:
    """Files that nobody reads, though they look as if somebody did. A broken rule may be the one that has a module."""
    modules = {rule.python.name for rule in rules if rule.python is not None}
    for place in (folder, folder / "rules", folder / WAIVERS):
        for file in sorted(place.iterdir()) if place.is_dir() else ():
            catalogue = place == folder and file.name in _CATALOGUES
            read = catalogue or (place != folder and file.suffix == ".yaml")
            if file.name.startswith((".", "_")) or file.suffix not in (".yaml", ".yml", ".json", ".py") or read:
                continue
            if file.suffix == ".py" and (place.name != "rules" or file.name in modules or not modules_known):
                continue
            remedy = f"The council has {', '.join(_CATALOGUES)}, rules/*.yaml (with their *.py) and waivers/*.yaml."
            yield Finding(file, 1, "", "This file is not read.", remedy, "warning", "file-ignored")
