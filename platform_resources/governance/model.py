"""The words of governance: rules, catalogues and waivers of the council; judgements on products."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from platform_resources.contracts import Document, Finding, Origin, Severity
from platform_resources.contracts.loading import PORT_FILE
from platform_resources.contracts.model import Column
from platform_resources.contracts.packed import packed

Family = Literal["naming", "quality", "security", "sla", "lifecycle", "interoperability", "documentation", "ownership"]
Subject = Literal["product", "contract", "table", "column", "rule", "promise", "input", "publication"]
Standing = Literal["blocks", "warns", "grace", "announced", "waived", "informs"]


@dataclass(frozen=True)
class Scope:
    """Which products a rule is for; an empty tuple means all."""

    domains: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    classifications: tuple[str, ...] = ()  # of a column; of a contract or product, any of its columns
    lifecycle: tuple[str, ...] = ()  # status of the contract (of the product, for rules on products)


@dataclass(frozen=True)
class Rule:
    """One file of `governance/rules/`."""

    id: str  # "SEC-002"
    title: str
    reason: str
    owner: str  # e-mail address
    family: Family
    severity: Severity
    applies_to: Subject
    effective_from: date
    origin: Origin
    scope: Scope = Scope()
    grace_until: date | None = None
    waivable: bool = True
    where: Mapping[str, Any] | None = None
    require: Mapping[str, Any] | None = None  # None when `python` decides
    python: Path | None = None  # a module beside the rule with `check(subject)`
    at: str | None = None  # field that a finding points to; by default the first that `require` names
    message: str = ""
    remedy: str = ""
    examples: tuple[Mapping[str, Any], ...] = ()
    document: Document | None = field(default=None, repr=False, compare=False)  # for lines in findings


@dataclass(frozen=True)
class Tier:
    """An SLA template: the least that a product of the tier promises. `fields` as in `governance/tiers.yaml`."""

    name: str
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Classification:
    """How secret a column is, and what that demands. `rank` rises with secrecy, from 0."""

    name: str
    rank: int
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Purpose:
    """What data may be read for. `classifications`: what may be read in clear for it, by those who are cleared."""

    name: str
    title: str
    description: str
    classifications: frozenset[str]


@dataclass(frozen=True)
class SemanticType:
    """What a value means across the organisation, so that joins need no mapping."""

    id: str  # "customer_id"
    title: str
    names: tuple[str, ...]  # a column with one of these names is of this type
    logical_type: str
    physical_type: str
    options: Mapping[str, Any] = field(default_factory=dict)  # ODCS logicalTypeOptions: pattern, minimum ...
    reference: str | None = None  # "<domain>.<product>.v<major>.<column>" that knows every value, for the join proof
    fields: Mapping[str, Any] = field(default_factory=dict)  # all of the entry

    @property
    def dates_rows(self) -> bool:
        """Whether its columns say of which time a row is."""
        return self.fields.get("datesRows") is True


@dataclass(frozen=True)
class Waiver:
    """A rule does not block one product until a day. `columns`: only there; empty means everywhere in the product."""

    rule: str
    product: str  # "crm.customer_360"
    approver: str
    reason: str
    until: date  # the last day on which it holds
    origin: Origin
    granted: date | None = None
    columns: tuple[str, ...] = ()
    document: Document | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Mandate:
    """Who the council is (`governance/council.yaml`)."""

    name: str = ""
    owner: str = ""
    approvers: tuple[str, ...] = ()  # who may grant waivers; empty: anybody
    longest_waiver_days: int | None = None
    time_zone: str | None = None  # IANA name; where a day begins and ends. None: UTC
    longest_grant_days: int = 365  # a grant of access ends by then and is asked for again
    score_weights: Mapping[str, float] = field(default_factory=dict)  # dimension -> weight, where tiers say nothing
    contracts_may_weigh: bool = True  # the scoreWeights of a contract count, before those of the council


@dataclass(frozen=True)
class Council:
    """All that the council has decided. `findings` are what is wrong with its own files; such files are not applied."""

    folder: Path | None
    mandate: Mandate = Mandate()
    rules: tuple[Rule, ...] = ()
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    classifications: Mapping[str, Classification] = field(default_factory=dict)
    semantic_types: Mapping[str, SemanticType] = field(default_factory=dict)
    purposes: Mapping[str, Purpose] = field(default_factory=dict)  # empty: any is accepted, and opens nothing masked
    waivers: tuple[Waiver, ...] = ()
    findings: tuple[Finding, ...] = ()
    unread: frozenset[str] = (
        frozenset()
    )  # catalogues that can't be read: "tiers", "classifications", "semanticTypes", "purposes"

    def semantic_type_of(self, column: Column) -> SemanticType | None:
        """What its custom property `semanticType` says, else what its name stands for."""
        said = column.custom.get("semanticType")
        return self._types_by_name.get(column.name) if said is None else self.semantic_types.get(str(said))

    @cached_property
    def _types_by_name(self) -> Mapping[str, SemanticType]:
        return {name: kind for kind in self.semantic_types.values() for name in kind.names}


@dataclass(frozen=True)
class Holder:
    """A consumer that asked to read a port and was granted it."""

    id: str  # identity or team
    name: str
    kind: Literal["person", "service", "agent", "team"]
    contact: str  # e-mail address of who decides for it; empty when nobody is known
    columns: tuple[str, ...] | None  # None: all
    purpose: str


class _Packed:
    """A text that is kept compressed, once for the file and for what was published of it."""

    def __get__(self, owner: Any, _: type | None = None) -> str:
        if owner is None:
            raise AttributeError("no default")  # what a dataclass asks a descriptor for
        return owner.__dict__["_document"].raw.decode()

    def __set__(self, owner: Any, text: str) -> None:
        owner.__dict__["_document"] = packed(text.encode())


@dataclass(frozen=True)
class PublishedPort:
    """What consumers of a port read now, from the publication log of its lake.

    `holders` tells who was granted access to it; it is asked only when the port would break.
    """

    address: str
    number: int
    version: str  # of the contract
    document: _Packed = _Packed()  # the contract, byte for byte, as text
    published_at: datetime
    first_published_at: datetime
    holders: Callable[[], tuple[Holder, ...]] = field(default=tuple, compare=False)


@dataclass(frozen=True)
class Candidate:
    """A version that was audited and waits for the verdict. Scores are 0-100."""

    address: str
    score: float
    scores: Mapping[str, float]  # dimension -> score
    rows: int
    age_seconds: float | None = None


@dataclass(frozen=True)
class Judgement:
    """A finding with its consequence: `blocks` keeps the product from being published.

    The finding's severity tells the consequence too: error blocks; warning for `warns` and `grace`; info for what is
    `announced` (not effective yet), `waived` or only `informs`. Its code is the rule's id, or the stable code of a
    check of the platform itself ("breaking-change", "term-conflict", ...).
    """

    finding: Finding
    standing: Standing
    product: str | None  # "crm.customer_360"; None for what concerns no single product
    rule: Rule | None = None
    until: date | None = None  # end of the grace or of the waiver; the day from which an announced rule holds
    column: str | None = None
    address: str | None = None  # of the one port that it is on, where the file of the finding does not tell

    @property
    def blocks(self) -> bool:
        return self.standing == "blocks"

    @property
    def port(self) -> str | None:
        """The one port that it is on: as said, or whose contract it stands in. None: it is on the product whole."""
        if self.address is not None:
            return self.address
        major = PORT_FILE.fullmatch(self.finding.file.name)
        return f"{self.product}.v{major[1]}" if major and self.product else None

    def is_on(self, address: str) -> bool:
        """Whether it concerns the port `address`: what is wrong with v2 must not keep v1 from being published."""
        return self.product == address.rpartition(".")[0] and self.port in (None, address)
