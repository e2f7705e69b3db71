"""What the index knows of a product, its ports, their columns, and of a term: plain values, the same in every process.

They hold nothing that changes by itself: how fresh a port is depends on now, so the promise and the age of the data are
kept and the state is told when it is asked for. Texts are as their owners wrote them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from platform_resources.contracts.lifecycle import Lifecycle

FreshnessState = Literal["fresh", "late", "unknown"]


@dataclass(frozen=True, slots=True)
class ColumnEntry:
    """A column of a port, as the newest contract says it."""

    name: str
    title: str | None  # businessName
    description: str | None
    type: str | None  # DuckDB type, as it must be delivered: "DECIMAL(18,2)"
    classification: str | None
    terms: tuple[str, ...]  # addresses of the terms that it is bound to, there or not: "finance.revenue"


@dataclass(frozen=True, slots=True)
class PortEntry:
    """A port: the newest contract's words, and what is served now."""

    address: str  # "crm.customer_360.v1"
    major: int
    title: str | None  # of the contract, where it differs from the product's
    purpose: str | None
    usage: str | None
    limitations: str | None
    owners: tuple[str, ...]  # e-mail addresses in the contract
    tags: tuple[str, ...]
    contract_version: str  # of the newest document, be it published or not
    lifecycle: Lifecycle  # as the documents say; a port that was taken down is "retired"
    tier: str | None
    classification: str | None  # the most secret of its columns, by the council's order
    freshness_promised: float | None  # seconds; the most that the data may be old
    publication: int | None  # number of what is served; None: nothing, and so are the facts below
    score: float | None  # 0-100
    scores: Mapping[str, float]  # by dimension, 0-100
    data_as_of: datetime | None  # UTC
    published_at: datetime | None  # UTC
    rows: int | None
    readers: int  # consumers that read it in the last 90 days
    reads: int  # how often they did
    consumers: int  # registered in the documents
    columns: tuple[ColumnEntry, ...]
    terms: tuple[str, ...]  # that the table as a whole is bound to

    def age(self, now: datetime) -> timedelta | None:
        """How old the newest thing is that the served data knows of; None when nothing is served."""
        since = self.data_as_of or self.published_at
        return None if since is None else max(now - since, timedelta(0))

    def freshness(self, now: datetime) -> FreshnessState:
        age = self.age(now)
        if self.freshness_promised is None or age is None:
            return "unknown"
        return "fresh" if age.total_seconds() <= self.freshness_promised else "late"


@dataclass(frozen=True, slots=True)
class ProductEntry:
    """A product, with its ports, the one to read first at the head."""

    address: str  # "crm.customer_360"
    domain: str
    name: str
    title: str | None
    purpose: str | None
    usage: str | None
    limitations: str | None
    owners: tuple[str, ...]
    team: str | None
    tags: tuple[str, ...]  # of the product, then those of its ports
    status: str  # of the product's own document
    hidden: bool  # only some may know of it (`visibility`): who may is asked of `Reader.sees`, never of the index
    stars: float | None  # mean of the ratings, 1-5
    ratings: int
    ports: tuple[PortEntry, ...]

    @property
    def lifecycle(self) -> Lifecycle:
        """Of the port to read first; of a product without ports, draft."""
        return self.ports[0].lifecycle if self.ports else "draft"

    def port(self, address: str) -> PortEntry | None:
        return next((port for port in self.ports if port.address == address), None)

    def columns(self) -> Iterator[tuple[PortEntry, ColumnEntry]]:
        return ((port, column) for port in self.ports for column in port.columns)


@dataclass(frozen=True, slots=True)
class RelationEntry:
    """What a term says of its standing to another."""

    type: str
    term: str
    note: str | None


@dataclass(frozen=True, slots=True)
class TermEntry:
    """A term of a domain's glossary. `columns` names ones of hidden products too: filter by `Reader.sees_address`."""

    address: str  # "finance.revenue"
    domain: str
    name: str
    title: str
    definition: str
    synonyms: tuple[str, ...]
    unit: str | None
    formula: str | None
    relations: tuple[RelationEntry, ...]
    columns: tuple[str, ...]  # bound to it: "finance.revenue.v1.net_revenue", or the port for a whole table


@dataclass(frozen=True, slots=True)
class Changes:
    """What became different between two revisions of the index."""

    revision: int  # to ask from the next time
    everything: bool  # the index was made anew: forget what you have, `products` and `terms` are all that there are
    products: tuple[str, ...]  # addresses of those that are new, different or gone
    terms: tuple[str, ...]
