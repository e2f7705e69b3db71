"""A file of `governance/rules/` -> a rule, or everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from platform_resources.contracts import ContractError, Document, Finding, Mesh, errors
from platform_resources.contracts.contract_checks import STATUSES
from platform_resources.contracts.documents import path_text
from platform_resources.contracts.findings import shown
from platform_resources.contracts.names import is_email
from platform_resources.contracts.nodes import Node
from platform_resources.governance.council_files import checked_by_schema, read_day
from platform_resources.governance.looked_up import missing_catalogues
from platform_resources.governance.messages import places
from platform_resources.governance.model import Council, Judgement, Rule, Scope
from platform_resources.governance.predicates import Compiler
from platform_resources.governance.python_rules import PythonRuleError, load_check, python_file

RULE_SCHEMA = Path(__file__).with_name("rule.schema.json")


def load_rule(path: Path, council: Council | None = None) -> Rule:
    """The rule in the file `path`, for example one that is only proposed.

    With a `council`, what the rule names of its catalogues is looked up there.

    Raises
    ------
    ContractError
        when it has findings of severity error (holds all of them), or looks into a catalogue that can't be read.
    """
    rule, findings = read_rule(path, council)
    if rule is None:
        raise ContractError(findings)
    if council is not None and (files := missing_catalogues(rule, council)):
        origin, names = rule.origin, ", ".join(files)
        message = f"{rule.id} looks into {names} of the council, which can't be used as it stands."
        remedy = "Mend that file first; `mesh check` tells what is wrong with it."
        raise ContractError([Finding(origin.file, origin.line, "", message, remedy, "error", "rules-off")])
    return rule


def read_rule(path: Path, council: Council | None = None) -> tuple[Rule | None, list[Finding]]:
    """The rule (None when it can't be applied) and everything found in its file."""
    try:
        document = Document.load(path)
    except ContractError as refused:
        return None, list(refused.findings)
    findings = checked_by_schema(document, RULE_SCHEMA, "rule")
    if any(finding.code != "unknown-key" for finding in findings):
        return None, findings
    root = Node(document, document.data)
    places = {finding.path for finding in findings}
    findings += [finding for finding in _check(root, council) if finding.path not in places]
    findings.sort(key=lambda finding: finding.line)
    return (None if errors(findings) else _rule(root)), findings


def _rule(root: Node) -> Rule:
    """The rule in a document that was checked."""
    data = root.value
    scope = data.get("scope") or {}
    grace = data.get("graceUntil")
    return Rule(
        id=data["id"],
        title=data["title"].strip(),
        reason=data["reason"].strip(),
        owner=data["owner"],
        family=data["family"],
        severity=data["severity"],
        applies_to=data["appliesTo"],
        effective_from=date.fromisoformat(data["effectiveFrom"]),
        origin=root.origin,
        scope=Scope(
            **{key: tuple(scope.get(key) or ()) for key in ("domains", "tiers", "classifications", "lifecycle")}
        ),
        grace_until=date.fromisoformat(grace) if grace else None,
        waivable=data.get("waivable", True),
        where=data.get("where"),
        require=data.get("require"),
        python=root.document.path.parent / data["python"] if "python" in data else None,
        at=data.get("at"),
        message=(data.get("message") or "").strip(),
        remedy=(data.get("remedy") or "").strip(),
        examples=tuple(data.get("examples") or ()),
        document=root.document,
    )


def _check(root: Node, council: Council | None) -> Iterator[Finding]:
    """What the schema can't see."""
    data = root.value
    if not is_email(data["owner"]):
        yield root.at("owner").finding(
            "owner-email", f"`owner` is {shown(data['owner'])}, which is no e-mail address.",
            "Write the address of who answers for the rule.",
        )  # fmt: skip
    if not root.document.path.name.startswith(f"{data['id']}-"):
        yield root.at("id").finding(
            "rule-file", f"The file of the rule {data['id']} is named {shown(root.document.path.name)}.",
            f"Name it {data['id']}-<slug>.yaml, so that it is found by its id.", "warning",
        )  # fmt: skip
    yield from _check_dates(root)
    yield from _check_scope(root, council)
    yield from _check_decision(root)
    yield from _check_predicates(root, council)


def _check_dates(root: Node) -> Iterator[Finding]:
    effective, found = read_day(root, "effectiveFrom")
    yield from found
    grace, found = read_day(root, "graceUntil")
    yield from found
    if effective is not None and grace is not None and grace < effective:
        yield root.at("graceUntil").finding(
            "grace-before-start", f"`graceUntil` ({grace}) is before `effectiveFrom` ({effective}).",
            "The grace runs from `effectiveFrom` to `graceUntil`: mend one of them.",
        )  # fmt: skip


def _check_scope(root: Node, council: Council | None) -> Iterator[Finding]:
    scope = root.at("scope")
    known: dict[str, Iterable[str]] = {"lifecycle": STATUSES}
    if council is not None:
        catalogues: dict[str, Iterable[str]] = {"tiers": council.tiers, "classifications": council.classifications}
        known |= {key: names for key, names in catalogues.items() if key not in council.unread}
    for key, names in known.items():
        for index, value in enumerate(scope.texts(key)):
            if value not in names:
                entry = Node(root.document, value, (*scope.path, key, index))
                listed = ", ".join(names)
                yield entry.finding(
                    "scope", f"{shown(value)} is not one of the {_CALLED[key]}.",
                    f"There are {listed}." if listed else "The council's catalogue has none that can be used.",
                )  # fmt: skip


def check_domains(rules: Iterable[Rule], mesh: Mesh) -> list[Judgement]:
    """Rules that are scoped to a domain which the mesh doesn't have: they would silently be for nobody."""
    judged = []
    for rule in rules:
        for index, name in enumerate(rule.scope.domains):
            if name not in mesh.usable and name not in mesh.broken:
                path = ("scope", "domains", index)
                origin = rule.origin if rule.document is None else rule.document.origin(path)
                remedy = f"There are {', '.join(sorted({*mesh.usable, *mesh.broken}))}."
                message = f"{shown(name)} is not one of the domains."
                finding = Finding(origin.file, origin.line, path_text(path), message, remedy, "error", "scope")
                judged.append(Judgement(finding, "blocks", None))
    return judged


_CALLED = {"lifecycle": "lifecycle states", "tiers": "tiers", "classifications": "classifications"}


def _check_decision(root: Node) -> Iterator[Finding]:
    """Exactly one of `require` and `python`, with what goes with it."""
    declared, python = "require" in root, "python" in root
    if declared == python:
        message = "The rule says both `require` and `python`." if declared else "The rule asks for nothing."
        yield root.at("python" if declared else "id").finding(
            "rule-decision", message, "Say what must hold in `require`, or name the module beside the rule in `python`."
        )
        return
    for key in ("message", "remedy") if declared else ():
        if not (root.text(key) or "").strip():
            yield root.at(key).finding("missing-key", f"`{key}` is missing.", f"Add `{key}:`, {_TEXTS[key]}.")
    if python:
        try:
            load_check(python_file(root.document.path, root.text("python") or ""))
        except PythonRuleError as bad:
            yield root.at("python").finding("python-rule", f"{_sentence(str(bad))}", "Mend the Python file.")


_TEXTS = {"message": "what is wrong, with `{name}` of what breaks the rule", "remedy": "what its owner must do"}


def _check_predicates(root: Node, council: Council | None) -> Iterator[Finding]:
    compiler = Compiler(root.value["appliesTo"], council)
    for key in ("where", "require"):
        if key in root:
            compiler.compile(root.get(key), (key,))
    if "at" in root:
        compiler.field(root.get("at"), ("at",))
    for key in ("message", "remedy"):
        for place in places(root.text(key) or ""):
            compiler.field(place, (key,))
    for flaw in compiler.flaws:
        yield Node(root.document, None, flaw.path).finding(flaw.code, flaw.message, flaw.remedy)


def _sentence(text: Any) -> str:
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith(".") else ".")
