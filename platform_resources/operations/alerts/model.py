"""The words of alerts: what is wrong, where it is told, what was told. Pure values without a secret in their text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal, get_args

Kind = Literal["refused", "late", "rules", "availability", "held", "anomalies"]
Severity = Literal["warning", "error"]
Event = Literal["begins", "worse", "lasts", "over"]
Form = Literal["slack", "webhook", "email"]

KINDS: frozenset[Kind] = frozenset(get_args(Kind))
WORDS: Mapping[Kind, str] = MappingProxyType(
    {
        "refused": "a new version was refused",
        "late": "the data is late",
        "rules": "the served data no longer keeps its rules",
        "availability": "availability is not as promised",
        "held": "the gate holds it back",
        "anomalies": "the served data is unusual",
    }
)
RECOVERED: Mapping[Kind, str] = MappingProxyType(
    {
        "refused": "another version is served",
        "late": "the data is as fresh as promised",
        "rules": "the served data keeps its rules",
        "availability": "availability is as promised",
        "held": "the gate lets it pass",
        "anomalies": "the served data is as usual",
    }
)


@dataclass(frozen=True)
class Trouble:
    """Something that is wrong with a port now. `since` None: from when it was first seen.

    `cause` and `effect` hold no data of the product and name no consumer; names of checks are texts from contracts.
    """

    port: str
    kind: Kind
    severity: Severity
    since: datetime | None
    cause: str
    effect: str


@dataclass(frozen=True)
class PortLook:
    """One look at a port: its troubles, and the kinds of which nothing is known now, with the reason."""

    port: str
    troubles: tuple[Trouble, ...] = ()
    unknown: frozenset[Kind] = frozenset()
    why_unknown: str | None = None


@dataclass(frozen=True)
class Channel:
    """Where alerts are told. `name` is for people and for the control database; the address may be a secret."""

    name: str
    form: Form
    address: str = field(default="", repr=False)  # URL, or e-mail address
    secret: str | None = field(default=None, repr=False)  # that signs the messages of a webhook
    problem: str | None = None  # why nothing can be told there


@dataclass(frozen=True)
class Alert:
    """A trouble as the control database remembers it."""

    id: int
    port: str
    kind: Kind
    severity: Severity
    cause: str
    effect: str
    began_at: datetime
    seen_at: datetime
    ended_at: datetime | None = None

    @property
    def product(self) -> str:
        return self.port.rpartition(".")[0]

    def lasted(self, now: datetime) -> timedelta:
        return max((self.ended_at or now) - self.began_at, timedelta(0))


@dataclass(frozen=True)
class Notice:
    """One message of an alert to one channel: told (`sent_at`), to be tried at `next_at`, or neither: overtaken."""

    id: str
    alert: int
    event: Event
    severity: Severity
    channel: str
    made_at: datetime
    attempts: int = 0
    next_at: datetime | None = None
    sent_at: datetime | None = None
    error: str | None = None
