"""The council's work in the open: its rules, what they find, what is waived until when, and trying a rule."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from platform_resources.catalog import PortState
from platform_resources.governance import Judgement, Waiver
from platform_resources.governance.days import today
from platform_resources.governance.rules import standing_of
from platform_resources.lake import utc_now
from platform_resources.serving.answers import Answer, refusals
from platform_resources.serving.ports import GateFinding
from platform_resources.serving.readers import CurrentReader

router = APIRouter(prefix="/council", tags=["governance"])

_WITHHELD = (
    "Findings are told to the owners of a product and to administrators only; null means that they are withheld, not "
    "that there are none."
)

Standing = Literal["blocks", "warns", "grace", "announced", "waived", "informs"]


class RuleScope(Answer):
    domains: list[str] = Field(description="Empty: all. The same of the others.")
    tiers: list[str]
    classifications: list[str]
    lifecycle: list[str]


class RuleOut(Answer):
    id: str = Field(examples=["SEC-002"])
    title: str
    reason: str
    family: str = Field(description="What it is about.", examples=["security"])
    severity: Literal["error", "warning", "info"]
    applies_to: str = Field(description="What it judges.", examples=["column"])
    owner: str = Field(description="E-mail address of who answers for the rule.")
    in_force_from: date
    grace_until: date | None = Field(description="Until then it only warns.")
    standing: Standing = Field(description="What a breach of it means today.")
    waivable: bool
    scope: RuleScope
    remedy: str | None = Field(description="What the owner of a product has to do; null where the rule is a program.")


class Rules(Answer):
    council: str = Field(description="Its name.")
    owner: str = Field(description="Who answers for it.")
    rules: list[RuleOut] = Field(description="By id.")


class ProductFindings(Answer):
    product: str
    held: bool = Field(description="Whether the gate keeps its next version back; the last good one is served.")
    findings: list[GateFinding] | None = Field(
        description="Empty: nothing is found. Null: it is not told, as the caller is no owner of the product and no "
        "administrator."
    )


class Findings(Answer):
    withheld: str | None = Field(description="Why `findings` of a product are null; null when all are told.")
    products: list[ProductFindings] = Field(description="Every product that the caller may know of, by address.")
    council: list[str] | None = Field(
        description="What is wrong with the council's own files; for administrators, null for others."
    )


class WaiverOut(Answer):
    rule: str = Field(examples=["QUA-004"])
    product: str
    columns: list[str] = Field(description="Only these; empty: all of the product.")
    approver: str
    reason: str
    granted: date | None
    until: date = Field(description="The last day on which it holds.")
    state: Literal["holds", "expired", "not begun"]
    days_left: int = Field(description="Below zero when it has expired.")


class Waivers(Answer):
    waivers: list[WaiverOut] = Field(description="Those that end first.")


@router.get("/rules", operation_id="list_rules", summary="The council's rules", responses=refusals())
def list_rules(reader: CurrentReader) -> Rules:
    """Every rule, why there is one, who answers for it, from when it is in force, and what a breach means today."""
    council = reader.documents.council
    day = today(utc_now(), council)
    return Rules(
        council=council.mandate.name,
        owner=council.mandate.owner,
        rules=[
            RuleOut(
                id=rule.id,
                title=rule.title,
                reason=rule.reason,
                family=rule.family,
                severity=rule.severity,
                applies_to=rule.applies_to,
                owner=rule.owner,
                in_force_from=rule.effective_from,
                grace_until=rule.grace_until,
                standing=standing_of(rule, day)[0],
                waivable=rule.waivable,
                scope=RuleScope(
                    domains=list(rule.scope.domains),
                    tiers=list(rule.scope.tiers),
                    classifications=list(rule.scope.classifications),
                    lifecycle=list(rule.scope.lifecycle),
                ),
                remedy=rule.remedy or None,
            )
            for rule in sorted(council.rules, key=lambda rule: rule.id)
        ],
    )


@router.get("/findings", operation_id="list_findings", summary="What the gate finds", responses=refusals())
def list_findings(reader: CurrentReader) -> Findings:
    """Which products the gate holds back; what it finds in them, for those who answer for them.

    Others are told null for `findings`, and `withheld` says so; `GET /products/{domain}/{product}` names the owners.
    """
    by_product: dict[str, list[PortState]] = {}
    for _, ports in reader.domains():
        for state in ports:
            by_product.setdefault(state.product.address, []).append(state)
    own = reader.documents.council.findings if reader.administers else None
    told = all(reader.manages(states[0].product) for states in by_product.values())
    return Findings(
        withheld=None if told else _WITHHELD,
        products=[
            ProductFindings(
                product=address,
                held=any(state.held for state in states),
                findings=findings_of(states) if reader.manages(states[0].product) else None,
            )
            for address, states in sorted(by_product.items())
        ],
        council=None if own is None else [f"{f.file.name}:{f.line} {f.message} {f.remedy}" for f in own],
    )


def findings_of(ports: Iterable[PortState]) -> list[GateFinding]:
    """What the gate finds in the ports of a product; what is on the product whole is told once."""
    distinct: dict[tuple[object, ...], Judgement] = {}
    for state in ports:
        for item in state.judgements:
            distinct.setdefault((item.finding, item.standing, item.until), item)
    return [
        GateFinding(
            code=item.finding.code,
            standing=item.standing,
            message=item.finding.message,
            remedy=item.finding.remedy,
            column=item.column,
            until=item.until,
        )
        for item in distinct.values()
    ]


@router.get("/waivers", operation_id="list_waivers", summary="What is waived until when", responses=refusals())
def list_waivers(reader: CurrentReader) -> Waivers:
    """Rules that do not block a product until a day, of products that the caller may know of."""
    council = reader.documents.council
    day = today(utc_now(), council)
    seen = [waiver for waiver in council.waivers if reader.sees_address(waiver.product)]
    return Waivers(
        waivers=[_waiver(waiver, day) for waiver in sorted(seen, key=lambda w: (w.until, w.product, w.rule))]
    )


def _waiver(waiver: Waiver, day: date) -> WaiverOut:
    begun = waiver.granted is None or waiver.granted <= day
    return WaiverOut(
        rule=waiver.rule,
        product=waiver.product,
        columns=list(waiver.columns),
        approver=waiver.approver,
        reason=waiver.reason,
        granted=waiver.granted,
        until=waiver.until,
        state="expired" if waiver.until < day else "holds" if begun else "not begun",
        days_left=(waiver.until - day).days,
    )
