"""Why a product is a hit: where the words of the query stand in it, the strongest place first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from platform_resources.catalog.index.entries import ProductEntry, TermEntry
from platform_resources.catalog.search.documents import (
    WORD_FIELDS,
    calls_of,
    meanings_of,
    names_of,
    people_of,
    purposes_of,
)
from platform_resources.catalog.search.queries import asked_address
from platform_resources.catalog.search.spelling import Word
from platform_resources.catalog.search.words import stems

_MOST = 5
_MOST_OF_A_FIELD = 2
_SHOWN = 160  # characters of a long text


@dataclass(frozen=True)
class Reason:
    field: str  # address, name, meaning, tag, column, term, people, purpose or details
    text: str
    words: tuple[str, ...]  # of the query, as they were asked for


def reasons_for(
    text: str, words: Sequence[Word], product: ProductEntry, terms: Mapping[str, TermEntry]
) -> list[Reason]:
    address = _address(text, product)
    found = [address] if address is not None else []
    meant = [(word.asked, {form.stem: form.weight for form in word.forms}) for word in words]
    explained: set[str] = set()
    weighed: list[tuple[float, Reason]] = []
    for field, texts in _places(product, terms):
        if field in {"purpose", "details"} and len(explained) == len(words):
            continue  # what stands in names says it already, and texts are long
        told = ((shown, *_match(shown, meant)) for shown in texts)
        matches = [(weight, Reason(field, shown, hit)) for shown, weight, hit in told if hit]
        matches.sort(key=lambda match: -match[0])
        for weight, reason in matches[:_MOST_OF_A_FIELD]:
            weighed.append((weight * _WEIGHTS[field], _shortened(reason, meant)))
            explained.update(reason.words)
    weighed.sort(key=lambda match: (-len(match[1].words), -match[0]))  # who answers more words says more
    seen: dict[tuple[str, ...], Reason] = {}  # a name that is written in two ways, or is a term's too, is told once
    for _, reason in weighed:
        seen.setdefault(stems(reason.text), reason)
    return [*found, *seen.values()][:_MOST]


_FIELDS = {"name": "name", "meaning": "meaning", "tag": "tags", "column": "columns", "term": "terms"}
_FIELDS |= {"people": "people", "purpose": "purpose", "details": "details"}
_WEIGHTS = {shown: WORD_FIELDS[kept] for shown, kept in _FIELDS.items()}


def _address(text: str, product: ProductEntry) -> Reason | None:
    asked = asked_address(text)
    named = {product.address, *(port.address for port in product.ports)}
    hit = next((address for address in asked if address in named), None)
    return None if hit is None else Reason("address", hit, (text.strip(),))


def _places(product: ProductEntry, terms: Mapping[str, TermEntry]) -> Iterator[tuple[str, list[str]]]:
    meanings = meanings_of(product, terms)
    yield "name", list(names_of(product))
    yield "meaning", [call for term in meanings.own for call in calls_of(term)]
    yield "tag", list(product.tags)
    yield "column", _names_of_columns(product)
    yield "term", [call for term in meanings.columns for call in calls_of(term)]
    yield "people", [*people_of(product), product.domain]
    yield "purpose", list(purposes_of(product))
    yield "details", list(_details(product))


def _names_of_columns(product: ProductEntry) -> list[str]:
    """`net_sales`, and where the title says it in other words `hh_nr (Household number)`."""
    every = dict.fromkeys((column.name, column.title) for _, column in product.columns())
    return [name if not title or stems(title) == stems(name) else f"{name} ({title})" for name, title in every]


def _details(product: ProductEntry) -> Iterator[str]:
    for _, column in product.columns():
        if column.description:
            yield f"{column.name}: {column.description}"
    for part in (product, *product.ports):
        yield from (text for text in (part.usage, part.limitations) if text)


def _match(text: str, meant: Iterable[tuple[str, Mapping[str, float]]]) -> tuple[float, tuple[str, ...]]:
    """The words that a text answers, and how well: short texts that hold nothing else are the better answer."""
    held = stems(text)
    hits = {
        asked: max((weight for stem, weight in forms.items() if stem in held), default=0.0) for asked, forms in meant
    }
    words = tuple(asked for asked, weight in hits.items() if weight)
    return sum(hits.values()) + len(words) / (len(held) + 1), words


def _shortened(reason: Reason, meant: Sequence[tuple[str, Mapping[str, float]]]) -> Reason:
    """A long text from the sentence on that answers most words."""
    text = " ".join(reason.text.split())
    if len(text) > _SHOWN:
        sentences = [part.strip() for part in text.replace("; ", ". ").split(". ") if part.strip()]
        text = max(sentences, key=lambda sentence: _match(sentence, meant)[0])
    if len(text) > _SHOWN:
        text = text[:_SHOWN].rsplit(" ", 1)[0] + " …"
    return Reason(reason.field, text, reason.words)
