"""Files of `governance/waivers/` -> waivers, or what is wrong with them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from pathlib import Path

from platform_resources.contracts import ContractError, Document, Finding, errors
from platform_resources.contracts.findings import shown
from platform_resources.contracts.names import is_email, is_name
from platform_resources.contracts.nodes import Node
from platform_resources.governance.council_files import checked_by_schema, read_day
from platform_resources.governance.model import Mandate, Rule, Waiver

WAIVER_SCHEMA = Path(__file__).with_name("waiver.schema.json")


def read_waiver(
    path: Path, mandate: Mandate, rules: Mapping[str, Rule], unusable: Collection[str] = ()
) -> tuple[Waiver | None, list[Finding]]:
    """The waiver (None when it can't be applied) and everything found in its file.

    `unusable`: ids of rules whose own file is broken; that is told there and not here again.
    """
    try:
        document = Document.load(path)
    except ContractError as refused:
        return None, list(refused.findings)
    findings = checked_by_schema(document, WAIVER_SCHEMA, "waiver")
    root = Node(document, document.data)
    if not errors(findings):
        findings += _check(root, mandate, rules, unusable)
    if errors(findings) or root.value["rule"] not in rules:
        return None, sorted(findings, key=lambda finding: finding.line)
    data = root.value
    waiver = Waiver(
        rule=data["rule"],
        product=data["product"],
        approver=data["approver"],
        reason=data["reason"].strip(),
        until=date.fromisoformat(data["until"]),
        origin=root.origin,
        granted=date.fromisoformat(data["granted"]),
        columns=root.texts("columns"),
        document=document,
    )
    return waiver, findings


def _check(root: Node, mandate: Mandate, rules: Mapping[str, Rule], unusable: Collection[str]) -> Iterator[Finding]:
    data = root.value
    rule = rules.get(data["rule"])
    if rule is None and data["rule"] not in unusable:
        yield root.at("rule").finding(
            "unknown-rule", f"There is no rule {shown(data['rule'])} that could be waived.",
            "Write the id of a rule in governance/rules, or delete the waiver.",
        )  # fmt: skip
    if rule is not None and not rule.waivable:
        yield root.at("rule").finding(
            "unwaivable", f"The rule {rule.id} can't be waived.",
            f"Mend the product, or ask {rule.owner} to change the rule.",
        )  # fmt: skip
    domain, _, product = data["product"].partition(".")
    if not is_name(domain) or not is_name(product):
        yield root.at("product").finding(
            "product-form", f"{shown(data['product'])} is no product.", "Write <domain>.<product>, without a version."
        )
    yield from _check_approver(root, mandate)
    yield from _check_time(root, mandate)


def _check_approver(root: Node, mandate: Mandate) -> Iterator[Finding]:
    approver = root.value["approver"]
    if not is_email(approver):
        yield root.at("approver").finding(
            "owner-email", f"`approver` is {shown(approver)}, which is no e-mail address.", "Write who approved it."
        )
    elif mandate.approvers and approver not in mandate.approvers:
        yield root.at("approver").finding(
            "approver", f"{shown(approver)} may not approve waivers.",
            f"Ask one of {', '.join(mandate.approvers)}, who stand in council.yaml.",
        )  # fmt: skip


def _check_time(root: Node, mandate: Mandate) -> Iterator[Finding]:
    granted, found = read_day(root, "granted")
    yield from found
    until, found = read_day(root, "until")
    yield from found
    if granted is None or until is None:
        return
    longest = mandate.longest_waiver_days
    if until < granted:
        yield root.at("until").finding(
            "waiver-time", f"The waiver ends ({until}) before it is granted ({granted}).", "Mend one of the two days."
        )
    elif longest is not None and (until - granted).days > longest:
        yield root.at("until").finding(
            "waiver-time", f"The waiver holds for {(until - granted).days} days; {longest} are the longest.",
            "End it earlier; when it has ended, the council can grant another.",
        )  # fmt: skip
