"""Documents and the newest publications → entries. Pure: what is read, others read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from platform_resources.catalog.index.entries import ColumnEntry, PortEntry, ProductEntry, RelationEntry, TermEntry
from platform_resources.catalog.state import lifecycle_now
from platform_resources.contracts import Mesh
from platform_resources.contracts.lifecycle import preference
from platform_resources.contracts.links import term_of_link
from platform_resources.contracts.model import Column, OutputPort, Product
from platform_resources.governance import Glossary, Term
from platform_resources.lake import Publication, retirement_in


@dataclass(frozen=True)
class Reading:
    """How a port is used: consumers that read it, and how often, in the last 90 days."""

    readers: int = 0
    reads: int = 0


@dataclass(frozen=True)
class Rated:
    """What consumers think of a product: the mean of their stars, and how many gave some."""

    stars: float | None = None
    ratings: int = 0


def product_entry(
    product: Product,
    newest: Mapping[str, Publication],
    secrecy: Sequence[str],
    consumers: Mapping[str, int],
    reading: Mapping[str, Reading],
    rated: Rated,
) -> ProductEntry:
    """A product as its documents and logs tell it.

    `newest`: address of a port -> the last row of its log. `secrecy`: the council's classifications, the most secret
    last. `consumers` and `reading` are by the address of a port.
    """
    ports = tuple(
        _port(
            product,
            port,
            newest.get(port.address),
            secrecy,
            consumers.get(port.address, 0),
            reading.get(port.address, Reading()),
        )
        for port in product.ports
    )
    return ProductEntry(
        address=product.address,
        domain=product.domain,
        name=product.name,
        title=product.title,
        purpose=product.purpose,
        usage=product.usage,
        limitations=product.limitations,
        owners=product.owners,
        team=product.team_name,
        tags=tuple(dict.fromkeys([*product.tags, *(tag for port in product.ports for tag in port.contract.tags)])),
        status=product.status,
        hidden=product.custom.get("visibility", "organisation") != "organisation",
        stars=rated.stars,
        ratings=rated.ratings,
        ports=tuple(sorted(ports, key=lambda port: preference(port.lifecycle, port.major))),
    )


def _port(
    product: Product,
    port: OutputPort,
    last: Publication | None,
    secrecy: Sequence[str],
    consumers: int,
    reading: Reading,
) -> PortEntry:
    contract = port.contract
    retirement = None if last is None else retirement_in(last)
    served = last if retirement is None else None
    promised, tier = contract.freshness, contract.custom.get("tier")
    return PortEntry(
        address=port.address,
        major=port.major,
        title=contract.name,
        purpose=contract.purpose,
        usage=contract.usage,
        limitations=contract.limitations,
        owners=contract.owners,
        tags=contract.tags,
        contract_version=contract.version,
        lifecycle=lifecycle_now(product, port, retirement),
        tier=None if tier is None else str(tier),
        classification=most_secret((column.classification for column in contract.table.columns), secrecy),
        freshness_promised=None if promised is None else promised.total_seconds(),
        publication=None if served is None else served.number,
        score=None if served is None else served.score,
        scores={} if served is None else _scores(served),
        data_as_of=None if served is None else _utc(served.data_as_of),
        published_at=None if served is None else _utc(served.published_at),
        rows=None if served is None else served.row_count,
        readers=reading.readers,
        reads=reading.reads,
        consumers=consumers,
        columns=tuple(_column(column, product.domain) for column in contract.table.columns),
        terms=_terms(contract.table.terms, product.domain),
    )


def most_secret(classifications: Iterable[str | None], secrecy: Sequence[str]) -> str | None:
    """The last of them in the council's order; words that the council doesn't know count only where no other stands."""
    found = sorted({name for name in classifications if name})
    rank = {name: at for at, name in enumerate(secrecy)}
    return max(found, key=lambda name: rank.get(name, -1), default=None)


def _scores(publication: Publication) -> dict[str, float]:
    scores = publication.audit.get("scores")
    return dict(scores) if isinstance(scores, Mapping) else {}


def _utc(moment: datetime | None) -> datetime | None:
    """The lake tells times in the zone of its session."""
    return None if moment is None else moment.astimezone(UTC)


def _column(column: Column, domain: str) -> ColumnEntry:
    return ColumnEntry(
        column.name,
        column.business_name,
        column.description,
        column.physical_type,
        column.classification,
        _terms(column.terms, domain),
    )


def _terms(links: Iterable[str], domain: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(term for link in links if (term := term_of_link(link, domain)) is not None))


def bound_columns(mesh: Mesh) -> dict[str, set[str]]:
    """Term, there or not -> what is bound to it: columns, and ports for whole tables."""
    found: dict[str, set[str]] = {}
    for product in mesh.products:
        for port in product.ports:
            table = port.contract.table
            for term in _terms(table.terms, product.domain):
                found.setdefault(term, set()).add(port.address)
            for column in table.columns:
                for term in _terms(column.terms, product.domain):
                    found.setdefault(term, set()).add(f"{port.address}.{column.name}")
    return found


def term_entries(glossary: Glossary, bound: Mapping[str, Iterable[str]]) -> Iterator[TermEntry]:
    for address in sorted(glossary.terms):
        yield _term(glossary.terms[address], bound.get(address, ()))


def _term(term: Term, bound: Iterable[str]) -> TermEntry:
    return TermEntry(
        address=term.address,
        domain=term.domain,
        name=term.name,
        title=term.title,
        definition=term.definition,
        synonyms=term.synonyms,
        unit=term.unit,
        formula=term.formula,
        relations=tuple(RelationEntry(item.type, item.term, item.note) for item in term.relations),
        columns=tuple(sorted(bound)),
    )
