"""What the engine keeps of a product: the fields of the index, and a product as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tantivy import Document, Schema, SchemaBuilder

from platform_resources.catalog.index.entries import ProductEntry, TermEntry
from platform_resources.catalog.search.words import PLAIN, STEMS, spelt

FORMAT = 2  # raise it when fields, analyzers or documents change: indexes of another format are made anew

# Fields of words, and how much a word found there counts: what a product is called before what it is said to be.
WORD_FIELDS: Mapping[str, float] = {
    "name": 10.0,  # names and titles of the product and its ports
    "meaning": 8.0,  # titles and synonyms of the terms that the product as a whole stands for
    "tags": 6.0,
    "columns": 4.0,  # their names and titles
    "terms": 3.5,  # titles and synonyms of the terms that columns are bound to
    "people": 3.0,  # owners, team, domain
    "purpose": 2.5,
    "details": 0.7,  # usage, limitations, what columns mean
}
# Fields of whole names, spelt by stems: found when the query, or a row of its words, is exactly that.
NAME_FIELDS: Mapping[str, float] = {"called": 20.0, "called_tags": 14.0, "called_columns": 14.0, "called_terms": 6.0}
FACETS = ("domain", "tier", "status", "classification", "tag", "owner")
# All words of the fields of words but `details`, by their stems and as they are spelt.
SAID, VOCABULARY = "said", "vocabulary"
ADDRESS, STANDING, STALE_AT, SCORE, LISTING = "address", "standing", "stale_at", "score", "listing"
KEY = "key"  # the product's address, stored: the identity of the document

# A hit's score is multiplied by log2(2 + standing), by the engine: from 1 for a retired product to 2.2 for the best.
_LIFECYCLES = {"active": 2.0, "deprecated": 0.4, "draft": 0.4, "proposed": 0.2, "retired": 0.0}
_TIERS = {"platinum": 0.3, "gold": 0.25, "silver": 0.1}
_SCORES = ((99.0, 0.2), (95.0, 0.15), (90.0, 0.1), (80.0, 0.05))
_WIDER = {"part_of", "broader", "describes"}  # relations to terms that a column then tells something of, too
_READERS = ((30, 0.25), (10, 0.2), (3, 0.1), (1, 0.05))


def make_schema() -> Schema:
    builder = SchemaBuilder()
    builder.add_text_field(KEY, stored=True, tokenizer_name="raw", index_option="basic")
    for name in WORD_FIELDS:
        builder.add_text_field(name, tokenizer_name=PLAIN if name == "people" else STEMS)
    for name in (*NAME_FIELDS, ADDRESS):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(SAID, tokenizer_name=STEMS, index_option="basic")
    builder.add_text_field(VOCABULARY, tokenizer_name=PLAIN, index_option="basic")
    for name in FACETS:
        builder.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(LISTING, fast=True, tokenizer_name="raw", index_option="basic")
    for name in (STANDING, SCORE):
        builder.add_float_field(name, fast=True)
    builder.add_integer_field(STALE_AT, fast=True)
    return builder.build()


@dataclass(frozen=True)
class Meanings:
    """The terms of a product: those that it stands for as a whole, and those of its columns."""

    own: tuple[TermEntry, ...]
    columns: tuple[TermEntry, ...]


def meanings_of(product: ProductEntry, terms: Mapping[str, TermEntry]) -> Meanings:
    """A product stands for the terms bound to its tables, those of its own address, what is `same_as` these, and those
    of its domain that are called exactly as it is. What the term of a column is part of, a kind of or describes counts
    as a term of the column too: who has first names has contact details, who has household numbers has customers.
    """
    bound = {term: None for port in product.ports for column in port.columns for term in column.terms}
    own = {term: None for port in product.ports for term in port.terms}
    own[product.address] = None
    for address in [*own]:
        if (term := terms.get(address)) is not None:
            own |= {relation.term: None for relation in term.relations if relation.type == "same_as"}
    names = {spelt(text) for text in names_of(product)}
    for address in bound:
        term = terms.get(address)
        if term is not None and term.domain == product.domain and any(spelt(call) in names for call in calls_of(term)):
            own[address] = None
    for address in [*bound]:
        if (term := terms.get(address)) is not None:
            bound |= {relation.term: None for relation in term.relations if relation.type in _WIDER}
    return Meanings(
        tuple(terms[address] for address in own if address in terms),
        tuple(terms[address] for address in bound if address in terms and address not in own),
    )


def names_of(product: ProductEntry) -> tuple[str, ...]:
    titles = (product.title, *(port.title for port in product.ports))
    return tuple(dict.fromkeys([product.name, *(title for title in titles if title)]))


def calls_of(term: TermEntry) -> tuple[str, ...]:
    """Everything that a term is called, the proper names before the synonyms."""
    return tuple(dict.fromkeys([term.title, term.name, *term.synonyms]))


def purposes_of(product: ProductEntry) -> tuple[str, ...]:
    return tuple(dict.fromkeys(t for t in (product.purpose, *(port.purpose for port in product.ports)) if t))


def details_of(product: ProductEntry) -> Iterator[str]:
    for part in (product, *product.ports):
        yield from (text for text in (part.usage, part.limitations) if text)
    yield from (column.description for _, column in product.columns() if column.description)


def people_of(product: ProductEntry) -> tuple[str, ...]:
    """E-mail addresses of the owners, and the team."""
    owners = [*product.owners, *(owner for port in product.ports for owner in port.owners)]
    return tuple(dict.fromkeys([*owners, *([product.team] if product.team else [])]))


def document_of(product: ProductEntry, terms: Mapping[str, TermEntry]) -> Document:
    meanings, names, people = meanings_of(product, terms), names_of(product), people_of(product)
    columns = list(dict.fromkeys(t for _, c in product.columns() for t in (c.name, c.title) if t))
    own = [call for term in meanings.own for call in calls_of(term)]
    bound = [call for term in meanings.columns for call in calls_of(term)]
    purposes = purposes_of(product)
    made = Document()
    made.add_text(KEY, product.address)
    _add(made, "name", names)
    _add(made, "meaning", own)
    _add(made, "tags", product.tags)
    _add(made, "columns", columns)
    _add(made, "terms", bound)
    _add(made, "people", (*people, product.domain))
    _add(made, "purpose", purposes)
    _add(made, "details", details_of(product))
    _add(made, "called", dict.fromkeys(map(spelt, (*names, *own))))
    _add(made, "called_tags", dict.fromkeys(map(spelt, product.tags)))
    _add(made, "called_columns", dict.fromkeys(map(spelt, columns)))
    _add(made, "called_terms", dict.fromkeys(map(spelt, bound)))
    _add(made, ADDRESS, (product.address, *(port.address for port in product.ports)))
    for field in (SAID, VOCABULARY):
        _add(made, field, (*names, *own, *product.tags, *columns, *bound, *people, product.domain, *purposes))
    _add_facts(made, product)
    return made


def _add(document: Document, field: str, texts: object) -> None:
    for text in texts:  # type: ignore[attr-defined]
        document.add_text(field, text)


def _add_facts(document: Document, product: ProductEntry) -> None:
    port = product.ports[0] if product.ports else None
    document.add_text("domain", product.domain)
    document.add_text("status", product.lifecycle)
    _add(document, "tag", product.tags)
    _add(document, "owner", people_of(product))
    if port is not None:
        _add(document, "tier", [port.tier] if port.tier else [])
        _add(document, "classification", [port.classification] if port.classification else [])
        if port.score is not None:
            document.add_float(SCORE, port.score)
        since = port.data_as_of or port.published_at
        if since is not None and port.freshness_promised is not None:
            document.add_integer(STALE_AT, int((since.timestamp() + port.freshness_promised) * 1000))
    standing = standing_of(product)
    document.add_float(STANDING, standing)
    document.add_text(LISTING, f"{999 - round(standing * 100):03} {product.address}")


def standing_of(product: ProductEntry) -> float:
    """How well a product is kept: 0-3, by the state of its life, tier, score and how many read it."""
    port = product.ports[0] if product.ports else None
    standing = _LIFECYCLES.get(product.lifecycle, 0.0)
    if port is None:
        return standing
    score = next((more for least, more in _SCORES if port.score is not None and port.score >= least), 0.0)
    readers = next((more for least, more in _READERS if port.readers >= least), 0.0)
    return standing + _TIERS.get(port.tier or "", 0.0) + score + readers
