"""What a port promises and what it serves now, as one answer."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from platform_resources.catalog import PortState, age_of
from platform_resources.contracts.lifecycle import replacement_of
from platform_resources.lake import utc_now
from platform_resources.serving.answers import Answer
from platform_resources.serving.entitlements import PortAccess, access_to, is_told_rows
from platform_resources.serving.readers import Reader

Lifecycle = Literal["proposed", "draft", "active", "deprecated", "retired"]
State = Literal["fresh", "late", "unknown"]
ROOT = "/api/v1/products"


class Freshness(Answer):
    promised_seconds: float | None = Field(description="The most that the data may be old.", examples=[900.0])
    age_seconds: float | None = Field(description="How old the newest thing is that the data knows of, now.")
    state: State = Field(description="`late` is served all the same: the version before it is older still.")


class Served(Answer):
    number: int = Field(description="Of the publication: rises by one with each.", examples=[41])
    contract_version: str = Field(examples=["1.0.1"])
    rows: int | None = Field(description="Null to who gets some of them only: those that it can't see are not counted.")
    score: float = Field(description="Quality, 0-100.", examples=[98.5])
    published_at: datetime
    data_as_of: datetime | None = Field(description="Up to when the data knows what happened.")


class PortSummary(Answer):
    address: str = Field(description="Stable; the table behind it may move.", examples=["crm.customer_360.v1"])
    major: int
    lifecycle: Lifecycle
    contract_version: str = Field(description="Of its newest document.", examples=["1.0.1"])
    tier: str | None = Field(examples=["gold"])
    served: Served | None = Field(description="The publication that readers get; null when there is none.")
    freshness: Freshness


class Promise(Answer):
    property: str = Field(examples=["availability"])
    value: Any = Field(examples=[99.9])
    unit: str | None = Field(examples=["percent"])
    element: str | None
    driver: str | None


class Refused(Answer):
    at: datetime
    contract_version: str
    score: float


class Ended(Answer):
    at: datetime
    reason: str | None
    replaced_by: str | None


class GateFinding(Answer):
    code: str
    standing: Literal["blocks", "warns", "grace", "announced", "waived", "informs"]
    message: str
    remedy: str
    column: str | None
    until: date | None


class Links(Answer):
    data: str
    contract: str
    schema_: str = Field(alias="schema", serialization_alias="schema")
    quality: str
    publications: str
    lineage: str
    consumers: str
    usage: str
    availability: str
    slos: str
    anomalies: str


class PortDetail(PortSummary):
    product: str = Field(examples=["crm.customer_360"])
    title: str | None
    purpose: str | None
    usage: str | None
    limitations: str | None
    owners: list[str]
    team: str | None
    tags: list[str]
    promises: list[Promise] = Field(description="`slaProperties` of the contract.")
    access: PortAccess
    held: bool = Field(description="Whether the gate keeps the next version back; the last good one is served.")
    findings: list[GateFinding] | None = Field(description="Why; for owners and administrators, null for others.")
    refused: Refused | None = Field(description="The newest version that failed its audit, if none was served since.")
    end_of_support: date | None = Field(description="The last day on which a deprecated port is served.")
    replaced_by: str | None = Field(description="The port to read instead.", examples=["crm.customer_360.v2"])
    retired: Ended | None
    links: Links


def summary_of(reader: Reader, state: PortState) -> PortSummary:
    return PortSummary(**_summary(reader, state))


def _summary(reader: Reader, state: PortState) -> dict[str, Any]:
    contract, publication = state.port.contract, state.publication
    tier = contract.custom.get("tier")
    served = None
    if publication is not None:
        served = Served(
            number=publication.number,
            contract_version=publication.contract_version,
            rows=publication.row_count if is_told_rows(reader, state) else None,
            score=round(publication.score, 2),
            published_at=publication.published_at,
            data_as_of=publication.data_as_of,
        )
    return {
        "address": state.port.address,
        "major": state.port.major,
        "lifecycle": state.lifecycle,
        "contract_version": contract.version,
        "tier": None if tier is None else str(tier),
        "served": served,
        "freshness": freshness_of(state),
    }


def freshness_of(state: PortState) -> Freshness:
    """Measured now: the kept state may be some seconds old."""
    promised = state.freshness.promised
    age = None if state.publication is None else age_of(state.publication, utc_now())
    judged: State = "unknown" if promised is None or age is None else "fresh" if age <= promised else "late"
    return Freshness(
        promised_seconds=None if promised is None else promised.total_seconds(),
        age_seconds=None if age is None else round(age.total_seconds(), 1),
        state=judged,
    )


def detail_of(reader: Reader, state: PortState) -> PortDetail:
    contract, product = state.port.contract, state.product
    other = replacement_of(state.port) if state.retirement is None else state.retirement.replaced_by
    other = other if other is not None and reader.sees_address(other) else None
    return PortDetail(
        **_summary(reader, state),
        product=product.address,
        title=contract.name or product.title,
        purpose=contract.purpose or product.purpose,
        usage=contract.usage or product.usage,
        limitations=contract.limitations or product.limitations,
        owners=list(contract.owners or product.owners),
        team=contract.team_name or product.team_name,
        tags=list(dict.fromkeys([*contract.tags, *product.tags])),
        promises=[
            Promise(property=s.property, value=s.value, unit=s.unit, element=s.element, driver=s.driver)
            for s in contract.sla
        ],
        access=access_to(reader, state),
        held=state.held,
        findings=_findings(state) if reader.manages(product) else None,
        refused=_refused(state),
        end_of_support=contract.end_of_support,
        replaced_by=other,
        retired=_ended(state, other),
        links=_links(state),
    )


def _findings(state: PortState) -> list[GateFinding]:
    return [
        GateFinding(
            code=item.finding.code,
            standing=item.standing,
            message=item.finding.message,
            remedy=item.finding.remedy,
            column=item.column,
            until=item.until,
        )
        for item in state.judgements
    ]


def _refused(state: PortState) -> Refused | None:
    refusal = state.refusal
    if refusal is None:
        return None
    return Refused(at=refusal.refused_at, contract_version=refusal.contract_version, score=round(refusal.score, 2))


def _ended(state: PortState, replaced_by: str | None) -> Ended | None:
    ended = state.retirement
    return None if ended is None else Ended(at=ended.at, reason=ended.reason, replaced_by=replaced_by)


def _links(state: PortState) -> Links:
    here = f"{ROOT}/{state.product.domain}/{state.product.name}/v{state.port.major}"
    names = ("data", "contract", "schema", "quality", "publications", "lineage", "consumers", "usage")
    return Links(**{name: f"{here}/{name}" for name in (*names, "availability", "slos", "anomalies")})
